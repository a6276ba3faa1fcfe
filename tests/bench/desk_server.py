"""The app as it answers once its flags are grouped, which `bench_groups.py` measures: arguments folder and port."""

from __future__ import annotations

import contextlib
import sys

import reviewer
from reviewer.workspace import Workspace


class SettledWorkspace(Workspace):
    """Leaves the groups as they are."""

    def grouping(self) -> contextlib.AbstractContextManager[None]:
        """Do nothing beside the answers."""
        return contextlib.nullcontext()


if __name__ == "__main__":
    reviewer.launch(SettledWorkspace.open(sys.argv[1], is_app=True), port=int(sys.argv[2]))
