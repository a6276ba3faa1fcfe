"""Whose page each Gradio session is: Gradio itself binds its sessions to nobody.

The rule: whoever uses a session first has it, so that nobody reads the answers that another's page gets.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from reviewer.access import ForbiddenError

MOST_PAGES = 10_000
"""Pages that are remembered; the one that was used longest ago goes first."""

PAGES = "reviewer.pages"
"""Key of a request's scope under which the wall leaves the `OpenPages`."""


class OpenPages:
    """Page → name of its person."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: OrderedDict[str, str] = OrderedDict()

    def claim(self, page: str, name: str) -> None:
        """Note whose page it is; raises `ForbiddenError` when it is another's."""
        with self._lock:
            owner = self._names.setdefault(page[:200], name)
            self._names.move_to_end(page[:200])
            if len(self._names) > MOST_PAGES:
                self._names.popitem(last=False)
        if owner != name:
            raise ForbiddenError("This page was opened by somebody else; load it again.")
