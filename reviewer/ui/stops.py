"""Stopping long work: Gradio cannot end a handler that is running, so the work asks at each step."""

from __future__ import annotations

import threading
from collections.abc import Callable

import gradio as gr

from reviewer.errors import StoppedError
from reviewer.index.sandbox import StopSwitch
from reviewer.records import Progress
from reviewer.ui.texts import say


class Stops:
    """How the work of each browser session is stopped."""

    def __init__(self) -> None:
        self._stops: dict[str, Callable[[], None]] = {}

    def start(self, request: gr.Request, progress: gr.Progress) -> Progress:
        """Return the progress callback of new work; it raises `StoppedError` once `stop` was called."""
        asked = threading.Event()
        self._stops[str(request.session_hash)] = asked.set

        def advance(share: float, doing: str) -> None:
            if asked.is_set():
                raise StoppedError(say(request, "work.stopped"))
            progress(share, desc=say(request, "work.running"))

        return advance

    def start_query(self, request: gr.Request) -> StopSwitch:
        """Return the switch of a new query, which `stop` throws."""
        switch = StopSwitch()
        self._stops[str(request.session_hash)] = switch.throw
        return switch

    def stop(self, request: gr.Request) -> None:
        """Stop the session's work: a query at once, other work at its next step."""
        if stop := self._stops.get(str(request.session_hash)):
            stop()
