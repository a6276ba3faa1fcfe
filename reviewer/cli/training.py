"""Verbs that turn decisions into data, and data into versions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import ModelArgument, WorkspaceOption, open_workspace
from reviewer.cli.verifying import end_verify
from reviewer.errors import ModelError
from reviewer.terminal import show_progress, talk, write_record

if TYPE_CHECKING:
    from reviewer.training import Retraining

_LOG_LINES = 20
"""Lines of a failed training's log that are shown."""


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

    It is not served until `reviewer models promote` lets it through.
    """
    with open_workspace(workspace) as opened:
        with show_progress() as progress, _showing_log():
            made = opened.retrain(model, progress, bundle=bundle, timeout=timeout, is_searched=is_searched)
        _write_retraining(made)
        if is_verified:
            with show_progress() as progress:
                summary = opened.verify(model, None, progress)
            end_verify(summary)


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
        f" `reviewer models promote {version.model} {version.name}` lets the app answer with it."
    )
