"""The verb that takes over what other tools wrote."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import FormatOption, WorkspaceOption, find_folder, open_workspace
from reviewer.terminal import Format, show_progress, talk, write_record, write_records

if TYPE_CHECKING:
    from reviewer.foreign import ImportReport

_COLUMN_FIELDS = ("file", "column", "role", "component", "name", "is_sure")
_MOST_REASONS = 20


def import_(
    path: Annotated[Path, typer.Argument(help="A Gradio flag folder, a folder with several, or a CSV file.")],
    model: Annotated[
        str | None, typer.Option(help="Model that the flags are of; default: the one with these columns.")
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=ROLE[:COMPONENT[:NAME]]",
            help="What a column is, as in Photo=input:image; roles: input, output, option, flagger,"
            " flagged_at, ignore. May be repeated.",
        ),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Zone of the times, which Gradio does not write.")] = "UTC",
    add_model: Annotated[
        bool, typer.Option("--add-model", help="Add a model that is missing to reviewer.toml.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what each column is taken for, and import nothing.")
    ] = False,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Take over the flags that Gradio wrote, of every version.

    An empty folder becomes a workspace. Importing again adds nothing; rows that are no flags are kept in
    flagged/quarantine with the reason.
    """
    from reviewer.config import CONFIG_NAME
    from reviewer.foreign import parse_mapping, prepare_workspace, read_sources

    mapping = parse_mapping(mapped or ())
    sources = read_sources(path, mapping)
    if dry_run:
        write_records([each for source in sources for each in source.describe()], _COLUMN_FIELDS, form)
        return
    folder = find_folder(workspace)
    if added := prepare_workspace(folder, sources, model=model, is_adding=add_model):
        names = f"model{'s' * (len(added) > 1)} {', '.join(added)}"
        talk(f"{folder / CONFIG_NAME} has the {names}; check the guesses.")
    with open_workspace(folder) as opened, show_progress() as progress:
        report = opened.import_flags(path, model=model, mapping=mapping, timezone=timezone, progress=progress)
    _write_import(report, form)


def _write_import(report: ImportReport, form: Format | None) -> None:
    counts = report.count()
    if form is Format.JSON or (form is None and not sys.stdout.isatty()):
        write_record({**counts, "models": report.models, "quarantined_rows": report.list_quarantined()})
    else:
        write_records([counts], tuple(counts), form)
    for each in report.quarantined[:_MOST_REASONS]:
        talk(f"{each.file}, row {each.row}, line {each.line}: {each.reason}")
    if report.quarantined:
        talk(f"{len(report.quarantined):,} quarantined; all are in flagged/quarantine.")
