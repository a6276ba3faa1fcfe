"""Who looks at which flag now, as far as this process is told.

The rule: nothing of it is kept; who is not heard of any more is gone after a few seconds.
"""

from __future__ import annotations

import threading
import time

AWAY_SECONDS = 5.0
"""After so long without a word somebody is gone; the desk speaks each second while it is in sight."""


class Presence:
    """The people at the desks of one app."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._seen: dict[str, tuple[str, float]] = {}

    def note(self, person: str, flag_id: str | None) -> None:
        """Note that a person looks at a flag, None: at none any more."""
        with self._mutex:
            self._seen.pop(person, None)
            if flag_id:
                self._seen[person] = (flag_id, time.monotonic())

    def list_others(self, person: str) -> dict[str, list[str]]:
        """Return flag → who looks at it now but this person, by name."""
        oldest = time.monotonic() - AWAY_SECONDS
        found: dict[str, list[str]] = {}
        with self._mutex:
            self._seen = {name: seen for name, seen in self._seen.items() if seen[1] >= oldest}
            for name, (flag_id, _) in sorted(self._seen.items()):
                if name != person:
                    found.setdefault(flag_id, []).append(name)
        return found
