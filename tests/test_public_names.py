"""The names that programs of others may import."""

from __future__ import annotations

from importlib import metadata

import pytest

import reviewer


def test_the_public_names_are_these() -> None:
    assert reviewer.__all__ == [
        "Client",
        "Flag",
        "FlagLogger",
        "Prediction",
        "Review",
        "ReviewerError",
        "Workspace",
        "__version__",
        "flagging",
        "launch",
        "mount",
    ]


@pytest.mark.parametrize("name", reviewer.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(reviewer, name) is not None


def test_a_name_that_is_not_there_is_said_as_python_says_it() -> None:
    with pytest.raises(AttributeError, match="module 'reviewer' has no attribute 'Workspaces'"):
        _ = reviewer.Workspaces


def test_the_version_is_the_one_that_is_installed() -> None:
    assert reviewer.__version__ == metadata.version("flag-reviewer")


def test_the_methods_of_a_workspace_are_these() -> None:
    public = [name for name in dir(reviewer.Workspace) if not name.startswith("_")]
    assert {
        "open", "close", "predict", "flag", "review", "undo", "queue", "query", "export", "retrain", "verify",
        "reindex",
    } <= set(public)  # fmt: skip
