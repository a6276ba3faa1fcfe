"""Which webhooks keep failing, as the log of deliveries says.

The rule: an attempt that is taken ends it, whatever was before.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reviewer.log import Log, LogRewrittenError, Position

FAILURES = 3
"""Failed attempts in a row that are worth telling."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A webhook that keeps failing."""

    name: str
    failed_at: datetime
    """When it had failed often enough."""
    position: int
    """Row of that attempt in the log."""


class FailingWebhooks:
    """The webhooks of `names` that keep failing, followed in the log."""

    def __init__(self, log: Log, names: Sequence[str]) -> None:
        self._log, self._names = log, frozenset(names)
        self._mutex = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._position, self._rows = Position(), 0
        self._failures: dict[str, int] = {}
        self._failing: dict[str, Failing] = {}

    def refresh(self) -> int:
        """Take in what was tried since; returns how many rows the log has."""
        if not self._names:
            return 0
        with self._mutex:
            try:
                self._read()
            except LogRewrittenError:
                self._begin()
                self._read()
            return self._rows

    def list_failing(self) -> list[Failing]:
        """Return those that failed and were not reached since."""
        with self._mutex:
            return list(self._failing.values())

    def _read(self) -> None:
        while (tail := self._log.tail(self._position)).position != self._position:
            columns = (tail.rows.column(each).to_pylist() for each in ("webhook", "status", "sent_at"))
            for name, status, sent_at in zip(*columns, strict=True):
                self._take(name, int(status or 0), sent_at)
                self._rows += 1
            self._position = tail.position

    def _take(self, name: str, status: int, sent_at: str) -> None:
        if name not in self._names:
            return
        if 200 <= status < 300:
            self._failures.pop(name, None)
            self._failing.pop(name, None)
            return
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] == FAILURES:
            self._failing[name] = Failing(name, datetime.fromisoformat(sent_at), self._rows)
