"""Checks what the config names and whether each model is the one of its card."""

from __future__ import annotations

from collections.abc import Iterator

from reviewer.config import CONFIG_NAME, Kind
from reviewer.doctor.findings import Area, Finding, Level, report_problem
from reviewer.errors import ReviewerError
from reviewer.workspace import Workspace


def check_config(workspace: Workspace) -> Iterator[Finding]:
    """Yield what the config, valid in itself, names and the folder lacks."""
    for model in workspace.spec.models.values():
        if model.base and not (workspace.folder / model.base).is_file():
            yield report_problem(
                Area.CONFIG,
                f"models.{model.name}.base is {model.base!r}, but there is no such file in"
                f" {workspace.folder}; {model.name} cannot be retrained without it.",
            )
    names = ", ".join(workspace.spec.models)
    yield Finding(Area.CONFIG, Level.OK, f"{CONFIG_NAME} is valid; its models: {names}.")


def check_models(workspace: Workspace, *, has_models: bool = True) -> Iterator[Finding]:
    """Yield whether each model's files are those of their cards, and whether the served version loads."""
    for name in workspace.spec.models:
        yield from _check_model(workspace, name, has_models)


def _check_model(workspace: Workspace, name: str, has_models: bool) -> Iterator[Finding]:
    versions = workspace.versions_of(name)
    if versions.spec.kind is Kind.EXTERNAL:
        yield Finding(Area.MODELS, Level.OK, f"{name} is run by another program.")
        return
    try:
        for sentence in filter(None, map(versions.check, versions.read_all())):
            yield report_problem(Area.MODELS, f"{sentence} Restore the file, or remove the version's folder.")
        served = versions.find()
        if has_models:
            versions.load(served)
    except (ReviewerError, OSError) as error:
        yield report_problem(Area.MODELS, f"{name}: {error}")
        return
    done = "loads and is served" if has_models else "is served"
    yield Finding(Area.MODELS, Level.OK, f"{name} version {served.name} {done}.")
