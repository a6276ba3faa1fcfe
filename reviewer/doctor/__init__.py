"""Checks a workspace from environment to models and says what is wrong and what to do.

The rule: a check reports and repairs nothing, and one broken part does not keep the others from being looked
at.
"""

from __future__ import annotations

from pathlib import Path

from reviewer.doctor.environment import check_environment
from reviewer.doctor.findings import Area, Finding, Level, report_problem
from reviewer.doctor.index import check_index
from reviewer.doctor.logs import check_chain, check_logs
from reviewer.doctor.models import check_config, check_models
from reviewer.errors import ReviewerError
from reviewer.workspace import Workspace

__all__ = ["Area", "Finding", "Level", "check_environment", "check_folder", "check_workspace"]


def check_folder(folder: Path, *, has_models: bool = True) -> list[Finding]:
    """Return the findings on a folder, also when it is no workspace or its config is broken.

    `has_models` loads each served model.
    """
    try:
        workspace = Workspace(folder)
    except ReviewerError as error:
        mistakes = [report_problem(Area.CONFIG, line) for line in str(error).splitlines()]
        flagged = folder / "flagged"
        return [*check_environment(folder), *mistakes, *check_logs(flagged), *check_chain(flagged)]
    with workspace:
        return check_workspace(workspace, has_models=has_models)


def check_workspace(workspace: Workspace, *, has_models: bool = True) -> list[Finding]:
    """Return the findings on an open workspace; `has_models` loads each served model."""
    return [
        *check_environment(workspace.folder),
        *check_config(workspace),
        *check_logs(workspace.flagged),
        *check_chain(workspace.flagged),
        *check_index(workspace),
        *check_models(workspace, has_models=has_models),
    ]
