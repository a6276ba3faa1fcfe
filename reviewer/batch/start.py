"""Looking at a file and making a batch of it.

The rule: a batch has its folder, its copy of the file and every choice about it before the model sees a row.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from reviewer.batch.mapping import ColumnMap, check_mapping, guess_mapping
from reviewer.batch.sources import Attachment, Cell, find_ending, open_source
from reviewer.batch.state import (
    REJECTED,
    REJECTED_COLUMNS,
    RESULTS,
    Batch,
    find_batch,
    name_results,
    save_batch,
    writing,
)
from reviewer.config import ModelSpec
from reviewer.errors import InputError
from reviewer.folders import hash_file, take_next_number
from reviewer.log.columns import format_line
from reviewer.records import utc_now
from reviewer.workspace import Workspace

MOST_FLAGS = 10_000
"""Flags a batch makes unless told otherwise: a queue that nobody can clear helps nobody."""


class Preview(NamedTuple):
    """What a person confirms before a batch starts."""

    columns: tuple[str, ...]
    rows: list[list[str]]
    """The first rows; one that cannot be read is only its problem."""
    mapping: ColumnMap


def preview_file(spec: ModelSpec, path: Path, limit: int = 5) -> Preview:
    """Return a file's columns, its first rows as texts, and which column seems to be what.

    Raises `InputError` for a file that cannot be read.
    """
    with open_source(path) as source:
        rows = list(itertools.islice(source.read(source.columns), limit))
        cells = [[_show_cell(each) for each in row.cells] or [row.problem] for row in rows]
        return Preview(source.columns, cells, guess_mapping(spec, source))


def _show_cell(cell: Cell) -> str:
    return cell.name if isinstance(cell, Attachment) else cell


def start_batch(
    workspace: Workspace,
    model: str,
    path: Path,
    mapping: ColumnMap,
    *,
    version: str | None = None,
    has_flags: bool = True,
    max_flags: int = MOST_FLAGS,
    username: str = "",
) -> Batch:
    """Return a new batch of the file's rows, with a copy of the file, ready to be run.

    Raises `InputError` when the file or the mapping cannot be used, `LogError` when the disk refuses.
    """
    spec, found = workspace.find_model(model), workspace.find_version(model, version)
    rows = _count_rows(spec, path, mapping)
    aside = _make_folder(workspace.folder / "batches")
    try:
        copy = _copy_file(path, aside)
        batch = Batch(
            folder=aside,
            file=path.name,
            source=copy.name,
            sha256=hash_file(copy),
            rows=rows,
            model=model,
            version=found.name,
            inputs=mapping.inputs,
            truth=mapping.truth,
            has_flags=has_flags and can_flag(spec, mapping.truth),
            max_flags=max_flags,
            started_at=utc_now(),
            started_by=workspace.pseudonyms.hide(username),
        )
        save_batch(_write_headers(batch))
        aside.chmod(0o755)
        made = find_batch(workspace.folder, take_next_number(aside).name)
        workspace.pseudonyms.remember(username, [made.batch_id])
        return made
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def can_flag(spec: ModelSpec, truth: str | None) -> bool:
    """Return whether a batch has anything to flag by: a value is wrong only where a tolerance says so."""
    if spec.flagging == "never":
        return False
    if truth is None:
        return bool(spec.rules) or spec.flagging == "auto"
    return spec.task.is_classification or spec.tolerance is not None


def _count_rows(spec: ModelSpec, path: Path, mapping: ColumnMap) -> int:
    with open_source(path) as source:
        check_mapping(spec, source, mapping)
        if rows := source.count():
            return rows
    raise InputError(f"{path.name} has no rows.")


def _make_folder(parent: Path) -> Path:
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".new-", dir=parent))


def _copy_file(path: Path, folder: Path) -> Path:
    target = folder / f"input.{find_ending(path.name)}"
    with writing(target), path.open("rb") as given, target.open("wb") as copy:
        shutil.copyfileobj(given, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())
    return target


def _write_headers(batch: Batch) -> Batch:
    """Begin both tables with the names of their columns; returns the batch that counts these bytes."""
    headers = {RESULTS: name_results(batch), REJECTED: list(REJECTED_COLUMNS)}
    lines = {name: format_line(columns).encode() for name, columns in headers.items()}
    for name, line in lines.items():
        with writing(batch.folder / name):
            (batch.folder / name).write_bytes(line)
    return replace(batch, results_bytes=len(lines[RESULTS]), rejected_bytes=len(lines[REJECTED]))
