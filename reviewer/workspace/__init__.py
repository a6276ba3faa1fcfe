"""The workspace: every use case of the program as one method.

The rule: front ends parse, call one method and show its result; whatever decides, checks or writes is
here or below. A method returns only what is already durable; the app alone lets a single prediction, which
nobody has flagged, follow a quarter of a second later.
"""

from __future__ import annotations

from pathlib import Path

from reviewer.blind import HistoryEntry as HistoryEntry
from reviewer.training.summary import VerifySummary as VerifySummary
from reviewer.workspace.chores import Chores
from reviewer.workspace.finding import WORKSPACE_VARIABLE as WORKSPACE_VARIABLE
from reviewer.workspace.finding import find_workspace as find_workspace
from reviewer.workspace.labelling import Labelling
from reviewer.workspace.loop import Loop
from reviewer.workspace.team import Team
from reviewer.workspace.testing import MOST_TWINS as MOST_TWINS
from reviewer.workspace.testing import SessionEntry as SessionEntry
from reviewer.workspace.testing import Testing


class Workspace(Testing, Labelling, Team, Loop, Chores):
    """A folder with `reviewer.toml` in which one team tests models and reviews flags."""

    @classmethod
    def open(cls, path: str | Path | None = None, *, is_app: bool = False) -> Workspace:
        """Return the workspace at `path`, else in `REVIEWER_WORKSPACE`, else the nearest folder upward.

        `is_app` keeps the index open for this process alone. Raises `ConfigError`.
        """
        return cls(find_workspace(path), is_app=is_app)
