"""What an app does in the background every second: small chores that nobody waits for.

The rule: a chore that fails is told in the program's log and tried again; it never ends the others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

_LOG = logging.getLogger(__name__)

SECONDS = 1.0


class Watcher:
    """A thread that does its chores in turn until it is stopped."""

    def __init__(self, chores: Sequence[Callable[[], object]], seconds: float = SECONDS) -> None:
        self._chores, self._seconds = chores, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._told: dict[int, str] = {}

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the chore at hand."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            for number, chore in enumerate(self._chores):
                self._try(number, chore)

    def _try(self, number: int, chore: Callable[[], object]) -> None:
        """Do a chore; the same failure again is not told again."""
        try:
            chore()
            self._told.pop(number, None)
        except Exception as error:
            if self._told.get(number) != str(error):
                _LOG.warning("a chore failed: %s", error)
            self._told[number] = str(error)
