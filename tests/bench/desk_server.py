"""The app as it answers once its flags are grouped; takes folder and port."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import reviewer
from reviewer.workspace import Workspace


class SettledWorkspace(Workspace):
    """Leaves the groups as they are."""

    @contextlib.contextmanager
    def grouping(self) -> Iterator[None]:
        """Do nothing beside the answers."""
        yield


if __name__ == "__main__":
    reviewer.launch(SettledWorkspace.open(sys.argv[1], is_app=True), port=int(sys.argv[2]))
