"""The verb that runs a file of examples through a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reviewer.cli.options import FormatOption, WorkspaceOption, find_user, open_workspace
from reviewer.errors import InputError
from reviewer.terminal import Format, show_progress, talk, write_records

if TYPE_CHECKING:
    from reviewer.batch.state import Batch
    from reviewer.config import ModelSpec
    from reviewer.workspace import Workspace


def batch(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Name of a model in reviewer.toml.")
    ] = None,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="CSV, Parquet, JSONL, or a zip of pictures.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="INPUT=COLUMN", help="Column of an input; else it is guessed."),
    ] = None,
    truth: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the right answer; else it is guessed.")
    ] = None,
    has_truth: Annotated[
        bool, typer.Option("--guess-truth/--no-truth", help="Whether any column holds the right answer.")
    ] = True,
    version: Annotated[str | None, typer.Option(help="Version to ask; default: the served one.")] = None,
    has_flags: Annotated[bool, typer.Option("--flags/--no-flags", help="Flag what is wrong.")] = True,
    max_flags: Annotated[int, typer.Option(min=0, help="At most about so many flags.")] = 10_000,
    resume: Annotated[str | None, typer.Option(metavar="ID", help="Go on with a batch that stopped.")] = None,
    is_listed: Annotated[bool, typer.Option("--list", help="List the batches instead.")] = False,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Run a file of examples through a model and flag its mistakes.

    Ctrl-C stops it; --resume goes on from there. Bad rows are listed and do not stop the rest.
    """
    from reviewer.batch.state import list_batches

    with open_workspace(workspace) as opened:
        if is_listed:
            _write_batches(list_batches(opened.folder), form)
            return
        if resume is None:
            chosen = {"truth": truth, "has_truth": has_truth, "columns": columns or []}
            options = {"version": version, "has_flags": has_flags, "max_flags": max_flags}
            resume = _start_batch(opened, model, file, chosen, options)
        elif file is not None or model is not None:
            raise InputError(
                "--resume goes on with the batch's own model and file; leave MODEL and FILE out."
            )
        _run_batch(opened, resume, form)


def _start_batch(
    opened: Workspace, model: str | None, file: Path | None, chosen: dict[str, Any], options: dict[str, Any]
) -> str:
    """Return the id of a new batch of the file, with the columns that were named or guessed."""
    from reviewer.batch.mapping import merge_mapping
    from reviewer.batch.start import preview_file, start_batch

    if model is None or file is None:
        raise InputError("Name a model and a file: `reviewer batch MODEL FILE`; or --resume ID.")
    if not file.is_file():
        raise InputError(f"There is no file {str(file)!r}.")
    guess = preview_file(opened.find_model(model), file).mapping
    truth = (chosen["truth"] or guess.truth) if chosen["has_truth"] else None
    mapping = merge_mapping(guess, dict(map(_parse_pair, chosen["columns"])), truth)
    made = start_batch(opened, model, file, mapping, username=find_user(), **options)
    used = ", ".join(f"{name} from {column!r}" for name, column in made.inputs.items())
    right = f"the right answer from {made.truth!r}" if made.truth is not None else "without right answers"
    talk(f"Batch {made.batch_id}: {made.rows:,} rows, {used}, {right}.")
    return made.batch_id


def _parse_pair(text: str) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    if not (name and sign and column):
        raise InputError(f"--map is {text[:80]!r}; write INPUT=COLUMN.")
    return name, column


def _run_batch(opened: Workspace, batch_id: str, form: Format | None) -> None:
    from reviewer.batch.run import run_batch
    from reviewer.batch.state import Status, find_batch

    try:
        with show_progress() as progress:
            run_batch(opened, batch_id, progress)
    finally:
        made = find_batch(opened.folder, batch_id)
        if made.status is not Status.DONE:
            talk(
                f"Batch {batch_id} has {made.counts.done:,} of {made.rows:,} rows;"
                f" `reviewer batch --resume {batch_id}` goes on."
            )
    _write_batches([made], form)
    _tell_batch(opened.find_model(made.model), made)


def _write_batches(batches: Sequence[Batch], form: Format | None) -> None:
    from reviewer.batch.describe import SUMMARY_COLUMNS, summarize
    from reviewer.payloads import build_payload

    write_records([build_payload(summarize(each)) for each in batches], SUMMARY_COLUMNS, form, _BATCH_TABLE)


_BATCH_TABLE = (
    "batch_id", "status", "file", "model", "model_version", "rows", "done", "rejected", "failed", "wrong",
    "flagged", "metrics",
)  # fmt: skip
"""What a table shows of a batch; JSON and CSV have everything."""


def _tell_batch(spec: ModelSpec, made: Batch) -> None:
    from reviewer.records import Task

    counts = made.counts
    if counts.rejected or counts.failed:
        talk(
            f"{counts.rejected:,} rows could not be used and {counts.failed:,} failed in the model:"
            f" {made.folder / 'rejected.csv'} has the reasons."
        )
    if counts.scored and spec.task is Task.TABULAR_REGRESSION and spec.tolerance is None:
        talk(f"Nothing was flagged: models.{spec.name}.tolerance says when a value is wrong, and is not set.")
    elif made.has_flags and counts.made >= made.max_flags:
        talk(
            f"{counts.flagged:,} of {counts.wrong:,} mistakes stand flagged, as --max-flags is"
            f" {made.max_flags:,}; the others are in the results."
        )
    elif counts.flagged:
        talk(f"{counts.flagged:,} rows are flagged; `reviewer queue --source batch` lists them.")
    talk(f"The results are in {made.folder / 'results.csv'}.")
