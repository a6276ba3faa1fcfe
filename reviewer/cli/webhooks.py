"""The verb `webhooks` and its own: who is told, whether that works, what was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from reviewer.cli.exits import FOUND_PROBLEMS
from reviewer.cli.options import FormatOption, WorkspaceOption, open_workspace
from reviewer.terminal import talk, write_record, write_records


def webhooks(context: typer.Context, form: FormatOption = None, workspace: WorkspaceOption = None) -> None:
    """List who is told what happened; try it; see what was sent."""
    if not context.invoked_subcommand:
        list_webhooks(form, workspace)


def list_webhooks(form: FormatOption = None, workspace: WorkspaceOption = None) -> None:
    """List the webhooks of reviewer.toml."""
    with open_workspace(workspace) as opened:
        rows = [each.model_dump() for each in opened.spec.webhooks]
    write_records(rows, ("name", "url", "events", "secret", "queue_above"), form)


def try_webhook(
    name: Annotated[str, typer.Argument(help="Its name in reviewer.toml.")], workspace: WorkspaceOption = None
) -> None:
    """Send one event of the kind ping, once; exit code 9 when it is not taken."""
    with open_workspace(workspace) as opened:
        status, error = opened.try_webhook(name)
    write_record({"webhook": name, "status": status, "error": error})
    if error:
        talk(f"{name} did not take it: {error}.")
        raise typer.Exit(FOUND_PROBLEMS)


def list_deliveries(
    name: Annotated[str | None, typer.Argument(help="Only this webhook's.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List every attempt, oldest first."""
    from reviewer.log import columns_of

    with open_workspace(workspace) as opened:
        rows = opened.list_deliveries(name)
    write_records(rows, columns_of("deliveries"), form)


WEBHOOK_VERBS: dict[str, Callable[..., Any]] = {
    "list": list_webhooks,
    "test": try_webhook,
    "log": list_deliveries,
}
"""Verb behind `webhooks` → its function."""
