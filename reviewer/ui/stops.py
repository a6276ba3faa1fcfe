"""Stopping long work: Gradio cannot end a handler that is running, so the work asks at each step.

The rule: work can be stopped from the click that asks for it, also while it still waits for its turn.
"""

from __future__ import annotations

import gradio as gr

from reviewer.errors import StoppedError
from reviewer.index.sandbox import StopSwitch
from reviewer.records import Progress
from reviewer.ui.texts import say


class Stops:
    """How the work of each browser session is stopped."""

    def __init__(self) -> None:
        self._switches: dict[str, StopSwitch] = {}

    def expect(self, request: gr.Request) -> None:
        """Note that the session asked for new work; from now on `stop` means that."""
        self._switches[str(request.session_hash)] = StopSwitch()

    def find_switch(self, request: gr.Request) -> StopSwitch:
        """Return the switch of the work that the session asked for last, which `stop` throws."""
        return self._switches.setdefault(str(request.session_hash), StopSwitch())

    def start(self, request: gr.Request, progress: gr.Progress) -> Progress:
        """Return the progress callback of the work; it raises `StoppedError` once `stop` was called."""
        switch = self.find_switch(request)

        def advance(share: float, doing: str) -> None:
            if switch.is_thrown:
                raise StoppedError(say(request, "work.stopped"))
            progress(share, desc=say(request, "work.running"))

        return advance

    def stop(self, request: gr.Request) -> None:
        """Stop the session's work: a query at once, other work at its next step."""
        self.find_switch(request).throw()
