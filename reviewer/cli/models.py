"""The verb `models` and its own: versions listed, compared, promoted and rolled back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reviewer.cli.options import (
    FormatOption,
    ModelArgument,
    ReviewerOption,
    WorkspaceOption,
    find_user,
    open_workspace,
)
from reviewer.terminal import talk, write_record, write_records

if TYPE_CHECKING:
    from reviewer.models.versions import Version
    from reviewer.training.comparing import Comparison
    from reviewer.training.promoting import Promotion
    from reviewer.workspace import Workspace

VersionArgument = Annotated[str, typer.Argument(help="Name of one of its versions.")]


def models(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="List this model only.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List versions and metrics; compare and promote them."""
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


def compare(
    model: ModelArgument,
    first: VersionArgument,
    second: VersionArgument,
    workspace: WorkspaceOption = None,
) -> None:
    """Show two versions beside each other, on held-out examples and reviewed flags."""
    from reviewer.payloads import build_payload

    with open_workspace(workspace) as opened:
        found = opened.compare(model, first, second)
    write_record(build_payload(found))
    _tell_comparison(found)


def _tell_comparison(found: Comparison) -> None:
    from reviewer.training.reports import describe_test

    for name, each in (found.held_out.metrics if found.held_out else {}).items():
        span = f"{each.difference:+.4g}, 95 %: {each.low:+.4g} to {each.high:+.4g}"
        talk(f"{name}: {each.first:.4g} → {each.second:.4g} ({span}).")
    if found.paired:
        talk(f"Version {found.second} against {found.first}: {describe_test(found.paired)}.")


def promote(
    model: ModelArgument,
    version: VersionArgument,
    override: Annotated[
        str | None, typer.Option(metavar="REASON", help="Serve it although it does not pass, and why.")
    ] = None,
    reviewer: ReviewerOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Let the app answer with a version that passes the gate.

    It passes when no guard regressed and it is not worse on held-out examples.
    """
    with open_workspace(workspace) as opened:
        made = opened.promote(model, version, who=find_user(reviewer), override=override)
    _tell_served(model, made)


def roll_back(
    model: ModelArgument,
    reason: Annotated[str, typer.Option(help="Why, for the log.")] = "",
    reviewer: ReviewerOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Let the app answer with the version served before."""
    with open_workspace(workspace) as opened:
        made = opened.roll_back(model, who=find_user(reviewer), reason=reason)
    _tell_served(model, made)


def _tell_served(model: str, made: Promotion) -> None:
    write_record(made._asdict())
    talk(f"{model} is answered by version {made.to_version} from now on.")


def list_promotions(
    model: ModelArgument, form: FormatOption = None, workspace: WorkspaceOption = None
) -> None:
    """List who promoted which version when and why."""
    from reviewer.training.promoting import Promotion

    with open_workspace(workspace) as opened:
        rows = [each._asdict() for each in opened.list_promotions(model)]
    write_records(rows, Promotion._fields, form)


def show_card(
    model: ModelArgument,
    version: Annotated[str | None, typer.Argument(help="Default: the served one.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Print the model card of a version, written anew."""
    with open_workspace(workspace) as opened:
        text = opened.write_card(model, version)
    typer.echo(text, nl=False)


MODEL_VERBS: dict[str, Callable[..., Any]] = {
    "compare": compare,
    "promote": promote,
    "rollback": roll_back,
    "history": list_promotions,
    "card": show_card,
}
"""Verb behind `models` → its function."""
