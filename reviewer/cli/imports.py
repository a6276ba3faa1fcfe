"""The verb that takes over what other tools wrote."""

from __future__ import annotations

import sys
from collections.abc import Mapping
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
    path: Annotated[
        Path, typer.Argument(help="A Gradio flag folder, a folder with several, a zip of one, or a CSV file.")
    ],
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
    from reviewer.foreign import open_given, parse_mapping

    mapping = parse_mapping(mapped or ())
    with open_given(path) as found:
        if dry_run:
            _write_columns(found, mapping, form)
            return
        folder = find_folder(workspace)
        _prepare(folder, found, mapping, model, add_model)
        with open_workspace(folder) as opened, show_progress() as progress:
            report = opened.import_flags(
                found, model=model, mapping=mapping, timezone=timezone, progress=progress
            )
    _write_import(report, form)


def _write_columns(path: Path, mapping: Mapping[str, str], form: Format | None) -> None:
    from reviewer.foreign import read_sources

    columns = [each for source in read_sources(path, mapping) for each in source.describe()]
    write_records(columns, _COLUMN_FIELDS, form)


def _prepare(
    folder: Path, path: Path, mapping: Mapping[str, str], model: str | None, is_adding: bool
) -> None:
    """Make the workspace, or add the models that it lacks, when that was asked for."""
    from reviewer.config import CONFIG_NAME
    from reviewer.foreign import prepare_workspace, read_sources

    if added := prepare_workspace(folder, read_sources(path, mapping), model=model, is_adding=is_adding):
        names = f"model{'s' * (len(added) > 1)} {', '.join(added)}"
        talk(f"{folder / CONFIG_NAME} has the {names}; check the guesses.")


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
