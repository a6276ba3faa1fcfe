"""Stopping long work: Gradio cannot end a handler that is running, so the work asks at each step."""

from __future__ import annotations

import threading

import gradio as gr

from reviewer.errors import StoppedError
from reviewer.ui.texts import say
from reviewer.workspace import Progress


class Stops:
    """Whether each browser session asked for its work to stop."""

    def __init__(self) -> None:
        self._asked: dict[str, threading.Event] = {}

    def start(self, request: gr.Request, progress: gr.Progress) -> Progress:
        """Return the progress callback of new work; it raises `StoppedError` once `stop` was called."""
        asked = self._asked[str(request.session_hash)] = threading.Event()

        def advance(share: float, doing: str) -> None:
            if asked.is_set():
                raise StoppedError(say(request, "work.stopped"))
            progress(share, desc=say(request, "work.running"))

        return advance

    def stop(self, request: gr.Request) -> None:
        """Ask the session's work to stop at its next step."""
        if asked := self._asked.get(str(request.session_hash)):
            asked.set()
