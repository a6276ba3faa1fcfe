"""What the page says when as many answers are awaited as `max_queue` allows.

The rule: programs, which name no languages, get the status that Gradio's clients know.
"""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from gradio.routes import App
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount

from reviewer.ui.texts import load_texts, pick_language

_JOIN = "/queue/join"


def translate_busy(server: FastAPI) -> None:
    """Let the mounted app answer in the person's language when its queue is full.

    Gradio's page has one English sentence for status 503, and for any other the sentence of the answer.
    """

    async def answer(request: Request, error: HTTPException) -> Response:
        accepted = request.headers.get("accept-language")
        if error.status_code == 503 and request.url.path.endswith(_JOIN) and accepted:
            sentence = load_texts(pick_language(accepted))["error.busy"]
            return JSONResponse({"detail": sentence}, 429)
        return await http_exception_handler(request, error)

    mounted = (each.app for each in server.routes if isinstance(each, Mount))
    for app in (each for each in mounted if isinstance(each, App)):
        app.exception_handler(HTTPException)(answer)
