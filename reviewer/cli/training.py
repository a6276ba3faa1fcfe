"""Verbs that turn decisions into data, versions and verdicts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reviewer.cli.exits import FOUND_PROBLEMS
from reviewer.cli.options import FormatOption, ModelArgument, WorkspaceOption, open_workspace
from reviewer.errors import ModelError
from reviewer.terminal import show_progress, talk, write_record, write_records

if TYPE_CHECKING:
    from reviewer.models.versions import Version
    from reviewer.training import Retraining
    from reviewer.workspace import VerifySummary, Workspace

_LOG_LINES = 20
"""Lines of a failed training's log that are shown."""


def export(model: ModelArgument, workspace: WorkspaceOption = None) -> None:
    """Write reviewed flags as a training set."""
    from reviewer.payloads import build_payload

    with open_workspace(workspace) as opened:
        bundle = opened.export(model)
    shown = {"model": bundle.model, "name": bundle.name, "path": bundle.path, "counts": bundle.counts}
    write_record(build_payload(shown))


def retrain(
    model: ModelArgument,
    is_verified: Annotated[bool, typer.Option("--verify", help="Verify the new version as well.")] = False,
    bundle: Annotated[str | None, typer.Option(metavar="NUMBER", help="Train on this export.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds that training may take.")] = None,
    is_searched: Annotated[
        bool, typer.Option("--search/--no-search", help="Try the grid of reviewer.toml.")
    ] = True,
    workspace: WorkspaceOption = None,
) -> None:
    """Train a new version on base data plus corrections.

    It is not served until `reviewer models serve` says so.
    """
    with open_workspace(workspace) as opened:
        with show_progress() as progress, _showing_log():
            made = opened.retrain(model, progress, bundle=bundle, timeout=timeout, is_searched=is_searched)
        _write_retraining(made)
        if is_verified:
            _end_verify(_verify(opened, model, None))


@contextlib.contextmanager
def _showing_log() -> Iterator[None]:
    """Show the end of what a training printed, or of its traceback, before what went wrong with it."""
    try:
        yield
    except ModelError as error:
        for line in error.details.splitlines()[-_LOG_LINES:]:
            talk(line)
        raise


def _write_retraining(made: Retraining) -> None:
    from reviewer.payloads import build_payload

    version = made.version
    write_record(
        build_payload(
            {
                "model": version.model,
                "version": version.name,
                "path": version.path,
                "before": made.before,
                "after": made.after,
                "counts": made.counts,
                "left_out": made.left_out,
                "log": made.log,
            }
        )
    )
    changes = ", ".join(
        f"{name} {made.before[name]:.4g} → {value:.4g}"
        for name, value in made.after.items()
        if name != "rows"
    )
    talk(
        f"Version {version.name} on {made.after['rows']:.0f} held-out examples: {changes}."
        f" `reviewer models serve {version.model} {version.name}` lets the app answer with it."
    )


def verify(
    model: ModelArgument,
    version: Annotated[str | None, typer.Option(help="Version to run; default: the newest.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Run a version over every reviewed flag.

    Exit code 9 when an answer that was right became wrong.
    """
    from reviewer.payloads import build_payload, list_columns
    from reviewer.training import Verdict

    with open_workspace(workspace) as opened:
        summary = _verify(opened, model, version)
    write_records([build_payload(each) for each in summary.verdicts], list_columns(Verdict), form)
    _end_verify(summary)


def _verify(opened: Workspace, model: str, version: str | None) -> VerifySummary:
    with show_progress() as progress:
        return opened.verify(model, version, progress)


def _end_verify(summary: VerifySummary) -> None:
    """Say how many flags got which verdict; a regression ends the program with its own exit code."""
    from reviewer.records import Verification

    counts = summary.count()
    told = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "no reviewed flag yet"
    talk(f"{summary.model} version {summary.version}: {told}.")
    if counts.get(Verification.REGRESSED):
        raise typer.Exit(FOUND_PROBLEMS)


def models(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="List this model only.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List versions and metrics, or choose which is served."""
    if context.invoked_subcommand:
        return
    with open_workspace(workspace) as opened:
        names = [opened.find_model(model).name] if model else list(opened.spec.models)
        rows = [
            _describe_version(opened, version) for name in names for version in opened.list_versions(name)
        ]
    write_records(rows, _VERSION_COLUMNS, form)


_VERSION_COLUMNS = ("model", "version", "is_served", "task", "created_at", "metrics")


def _describe_version(opened: Workspace, version: Version) -> dict[str, Any]:
    return {
        "model": version.model,
        "version": version.name,
        "is_served": version.name == opened.find_version(version.model).name,
        "task": str(opened.find_model(version.model).task),
        "created_at": version.card.get("created_at"),
        "metrics": version.card.get("metrics", {}).get("held_out"),
    }


def serve_version(
    model: ModelArgument,
    version: Annotated[str, typer.Argument(help="Name of one of its versions.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Let the app answer with this version from now on."""
    with open_workspace(workspace) as opened:
        served = opened.serve_version(model, version)
    talk(f"{served.model} is answered by version {served.name} from now on.")
