"""Verbs that check a workspace and build its index."""

from __future__ import annotations

from typing import Annotated

import typer

from reviewer.cli.exits import FOUND_PROBLEMS
from reviewer.cli.options import FormatOption, WorkspaceOption, find_folder, open_workspace
from reviewer.terminal import talk, write_record, write_records


def reindex(workspace: WorkspaceOption = None) -> None:
    """Build the index anew from the logs."""
    with open_workspace(workspace) as opened:
        write_record(opened.reindex())


def erase(
    person: Annotated[str | None, typer.Option(help="Whose name and words go; the decisions stay.")] = None,
    example: Annotated[
        str | None, typer.Option(metavar="ID", help="The example_id that goes, with its flags and files.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would go.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Erase a person or an example from the logs."""
    from reviewer.payloads import build_payload

    with open_workspace(workspace) as opened:
        found = opened.erase(person=person, example_id=example, is_tried=not yes)
    write_record(build_payload(found))
    talk("Erased; that is on record." if yes else "Nothing was changed; with --yes this goes for good.")


def retain(
    is_tried: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Let go what is older than [retention] in reviewer.toml keeps it."""
    from reviewer.payloads import build_payload

    with open_workspace(workspace) as opened:
        found = opened.retain(is_tried=is_tried)
    write_record(build_payload(found))
    if found.is_empty:
        talk("Nothing is old enough.")
    else:
        talk(
            "Nothing was changed; without --dry-run this goes for good." if is_tried else "That is on record."
        )


def doctor(
    has_models: Annotated[bool, typer.Option("--models/--no-models", help="Load the models as well.")] = True,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Check environment, config, logs, index and models.

    Exit code 9 when there is a problem; a warning alone is none.
    """
    from reviewer.doctor import Finding, Level, check_folder
    from reviewer.payloads import build_payload, list_columns

    findings = check_folder(find_folder(workspace), has_models=has_models)
    write_records([build_payload(each) for each in findings], list_columns(Finding), form)
    problems = sum(each.level is Level.PROBLEM for each in findings)
    if problems:
        talk(f"{problems} problem{'' if problems == 1 else 's'} found.")
        raise typer.Exit(FOUND_PROBLEMS)
