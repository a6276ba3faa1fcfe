"""The verb that runs reviewed flags again with a version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.exits import FOUND_PROBLEMS
from reviewer.cli.options import FormatOption, ModelArgument, WorkspaceOption, open_workspace
from reviewer.terminal import show_progress, talk, write_records

if TYPE_CHECKING:
    from reviewer.workspace import VerifySummary

_COLUMNS = ("flag_id", "role", "verification", "before", "right", "answer", "is_flaky", "preview")


def verify(
    model: ModelArgument,
    version: Annotated[str | None, typer.Option(help="Version to run; default: the newest.")] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", help="Version to test it against; default: the served one, or its parent."
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JUnit XML file, a test case per flag.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the summary in Markdown.")
    ] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Run a version over every reviewed flag.

    Exit code 9 when an answer that was right became wrong.
    """
    from reviewer.training.reports import write_junit, write_markdown

    with open_workspace(workspace) as opened, show_progress() as progress:
        summary = opened.verify(model, version, progress, against=against)
    if junit:
        write_junit(summary, junit)
    if markdown:
        write_markdown(summary, markdown)
    verdicts = sorted(summary.verdicts, key=lambda each: not each.is_regressed)
    write_records([each._asdict() for each in verdicts], _COLUMNS, form)
    end_verify(summary)


def end_verify(summary: VerifySummary) -> None:
    """Say how many flags got which verdict; a regression ends the program with its own exit code."""
    from reviewer.records import Verification
    from reviewer.training.reports import describe_share, describe_test

    counts = summary.count()
    told = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "no reviewed flag yet"
    talk(f"{summary.model} version {summary.version}: {told}.")
    if summary.fixed.of:
        talk(f"Fixed: {describe_share(summary.fixed)} of the corrections.")
    if summary.guards_regressed.of:
        talk(f"Regressed: {describe_share(summary.guards_regressed)} of the guards.")
    if summary.paired:
        talk(f"Against version {summary.against}: {describe_test(summary.paired)}.")
    if counts.get(Verification.REGRESSED):
        raise typer.Exit(FOUND_PROBLEMS)
