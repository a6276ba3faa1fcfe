"""The server with the API: its routes, its walls, and how it says that something failed.

The rule: no route answers with a traceback. Described at `/docs`.
"""

from __future__ import annotations

from typing import Any, cast

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from reviewer import __version__
from reviewer.accounts import Accounts
from reviewer.api.account import add_account_routes
from reviewer.api.asking import read_language
from reviewer.api.audit import Asking, add_audit_routes
from reviewer.api.bulk import add_bulk_routes
from reviewer.api.desk import add_desk_routes
from reviewer.api.exits import add_batch_routes, add_import_routes, add_query_routes
from reviewer.api.exports import add_export_routes
from reviewer.api.jobs import add_job_routes
from reviewer.api.labels import add_label_routes
from reviewer.api.notifications import add_notification_routes
from reviewer.api.queue import add_card_routes, add_news_routes, add_queue_routes
from reviewer.api.refusals import build_refusal, find_status
from reviewer.api.reviewing import add_review_routes
from reviewer.api.team import add_team_routes
from reviewer.api.testing import add_test_routes
from reviewer.api.versions import add_promotion_routes, add_version_routes
from reviewer.errors import ReviewerError
from reviewer.guards import BodyLimit, Gate, PublicAddress, Reach
from reviewer.sentences import retell
from reviewer.sign_in import SignIn, Wall
from reviewer.workspace import Workspace

MAX_FILE_BYTES = 50 << 20
"""The largest file that is taken, unless the server is told otherwise."""


def build_server(
    workspace: Workspace,
    reach: Reach,
    *,
    root_path: str = "",
    max_file_bytes: int = MAX_FILE_BYTES,
    sign_in: SignIn | None = None,
) -> FastAPI:
    """Return the server with the API; it answers only under the names of `reach`, to pages of its own.

    `root_path` is the path, or the whole address, at which a proxy shows it. Gradio and the static files
    are mounted on it by the app. With `sign_in` everything is behind its wall.
    """
    # The docs page that FastAPI makes itself runs scripts from the network.
    server = FastAPIOffline(redoc_url=None, title="Flag reviewer", version=__version__)
    server.add_exception_handler(ReviewerError, cast(Any, answer_error))
    server.add_exception_handler(RequestValidationError, cast(Any, _answer_malformed))
    server.add_exception_handler(HTTPException, cast(Any, _answer_refused))
    server.include_router(build_router(workspace, sign_in.accounts if sign_in else None), prefix="/api")
    # An own CORS layer that allows no other origin: without it Gradio answers every origin it is asked from.
    server.add_middleware(CORSMiddleware, allow_origins=[])
    server.add_middleware(BodyLimit, most=max_file_bytes)
    if sign_in:
        server.add_middleware(Wall, sign_in=sign_in)
    # Before the wall, which lets in people whom a proxy names, and puts that on record.
    server.add_middleware(Asking)
    server.add_middleware(PublicAddress, root_path=root_path)
    # Added last, so that it is asked first.
    server.add_middleware(Gate, reach=reach)
    return server


def answer_error(request: Request, error: ReviewerError) -> JSONResponse:
    """Return the one sentence of the error with its status code."""
    return JSONResponse(build_refusal(error, read_language(request)), find_status(error))


def _answer_malformed(request: Request, error: RequestValidationError) -> JSONResponse:
    """Return what is wrong with the first field that cannot be read."""
    first = error.errors()[0]
    is_body = first["loc"] == ("body",) or first["type"] == "json_invalid"
    field = "" if is_body else ".".join(str(part) for part in first["loc"][1:])
    message = f"{field}: {first['msg']}."
    if is_body:
        message = "The body is no JSON object; send one with the header Content-Type: application/json."
    body = {"error": retell(message, read_language(request)), "field": field, "kind": "InputError"}
    return JSONResponse(body, 422)


def _answer_refused(request: Request, error: HTTPException) -> JSONResponse:
    """Return what the server itself refused, such as an address that does not exist."""
    message = f"{str(error.detail).removesuffix('.')}."
    if error.status_code in (404, 405):
        message = f"{error.detail}: {request.method} {request.url.path[:200]}; /docs lists what there is."
    body = {"error": retell(message, read_language(request)), "field": "", "kind": "InputError"}
    return JSONResponse(body, error.status_code, error.headers)


def build_router(workspace: Workspace, accounts: Accounts | None) -> APIRouter:
    """Return the routes of the API; `accounts` are those of the people who sign in."""
    router = APIRouter()
    add_account_routes(router, workspace, accounts)
    add_test_routes(router, workspace)
    add_queue_routes(router, workspace)
    add_news_routes(router, workspace)
    add_card_routes(router, workspace)
    add_review_routes(router, workspace)
    add_bulk_routes(router, workspace)
    add_desk_routes(router, workspace)
    add_team_routes(router, workspace)
    add_notification_routes(router, workspace)
    add_query_routes(router, workspace)
    add_export_routes(router, workspace)
    add_job_routes(router, workspace)
    add_version_routes(router, workspace)
    add_promotion_routes(router, workspace)
    add_label_routes(router, workspace)
    add_audit_routes(router, workspace)
    add_import_routes(router, workspace)
    add_batch_routes(router, workspace)
    return router
