"""Running a batch: piece by piece through the model, the mistakes flagged, every piece durable.

The rule: the ids of a row's prediction and flag follow from the batch and the row, so a piece that is done
again after an interruption makes the very same ones, and readers drop the doubles.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from reviewer.batch.flagging import Standing, find_ruled, find_standing, flag_mistakes, judge
from reviewer.batch.mapping import Bad, Examples, RowReader, check_mapping
from reviewer.batch.metrics import measure
from reviewer.batch.piece import (
    Flags,
    Piece,
    build_flags,
    format_results,
    list_failures,
    name_asker,
    name_predictions,
)
from reviewer.batch.scribe import Scribe, start_scribe
from reviewer.batch.sources import Attachment, Cell, Row, open_source
from reviewer.batch.state import (
    METRICS,
    REJECTED,
    RESULTS,
    Batch,
    Counts,
    ResultFiles,
    Status,
    encode_lines,
    find_batch,
    lock_batch,
    read_batch,
    save_batch,
    write_json,
)
from reviewer.config import ModelSpec
from reviewer.errors import InputError, ModelError, ReviewerError, StoppedError
from reviewer.folders import hash_file
from reviewer.jobs import ignore_progress
from reviewer.models.asking import Answered
from reviewer.records import JsonValue, Progress, utc_now
from reviewer.workspace import Workspace

_FIRST_ROWS, _MOST_ROWS = 50, 5000
_PIECE_SECONDS = 0.5
"""How long a piece should take: a person who stops the batch waits for its end."""

_FEW_ROWS = 5000
"""So many are done before another process is there."""

_COLLECTED = 500_000
"""So many new objects there are before the garbage collector looks at them."""

_MOST_FAILURES = 100
"""After so many failed rows in a row the model itself is broken, and the batch ends."""


def run_batch(workspace: Workspace, batch_id: str, progress: Progress = ignore_progress) -> Batch:
    """Run a batch from where it stands to its end; returns it, its results and metrics in its folder.

    `progress` may raise `StoppedError`; the batch is stopped then and can be run again. Raises `BusyError`
    when another process runs it, `ModelError` when the model cannot be loaded or fails on row after row.
    """
    with lock_batch(find_batch(workspace.folder, batch_id)):
        batch = read_batch(workspace.folder / "batches" / batch_id)
        if batch.status is Status.DONE:
            return batch
        job = _Job(workspace, workspace.find_model(batch.model), batch)
        try:
            job.save(status=Status.RUNNING, error="", ended_at=None)
            with _collecting_rarely():
                _run_rows(job, progress)
            _measure(job)
        except (StoppedError, KeyboardInterrupt):
            job.save(status=Status.STOPPED, ended_at=utc_now())
            raise
        except Exception as error:
            job.save(status=Status.FAILED, ended_at=utc_now(), error=_describe_error(error))
            raise
        job.save(status=Status.DONE, ended_at=utc_now())
        return job.batch


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Let the garbage collector look for cycles less often.

    A row makes a dozen objects and no cycle. As often as usual, the collector looks at all objects of the
    program again and again, which takes 18 µs a row, more than the model of the demo.
    """
    usual = gc.get_threshold()
    if usual[0] >= _COLLECTED:  # another batch does so already, or the whole program
        yield
        return
    gc.set_threshold(_COLLECTED, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _describe_error(error: Exception) -> str:
    return str(error) if isinstance(error, ReviewerError) else f"{type(error).__name__}: {error}"


@dataclass
class _Job:
    """A batch while it runs."""

    workspace: Workspace
    spec: ModelSpec
    batch: Batch
    standing: Standing = field(default_factory=lambda: Standing({}, frozenset()))
    failures: int = 0
    """How many of the last rows failed without one between them that did not."""

    def save(self, **changes: Any) -> None:
        self.batch = replace(self.batch, **changes)
        save_batch(self.batch)


class _Recorded(NamedTuple):
    """A piece whose predictions and flags are logged."""

    piece: Piece
    flags: Flags
    lines: bytes
    """Its part of the results."""


def _run_rows(job: _Job, progress: Progress) -> None:
    path = job.batch.folder / job.batch.source
    if not path.is_file() or hash_file(path) != job.batch.sha256:
        raise InputError(f"{path} is not the file the batch began with; start a new batch.")
    with _start_scribe(job) as scribe:
        versions = job.workspace.versions_of(job.batch.model)
        versions.load(versions.find(job.batch.version))  # takes seconds, which say nothing of a piece
        if job.batch.has_flags and job.batch.truth is not None:
            job.standing = find_standing(job.workspace, job.batch)
        _run_file(job, path, scribe, progress)
    _tell(job, progress)


def _start_scribe(job: _Job) -> AbstractContextManager[Scribe | None]:
    """Start a process that records a long batch.

    Not so when this one has to keep the predictions in mind: for rules, and when not all go to the log.
    """
    is_long = job.batch.rows - job.batch.counts.done > _FEW_ROWS
    if is_long and not _is_ruled(job.batch) and job.spec.ledger == "all":
        return start_scribe(job.workspace.flagged, job.batch)
    return nullcontext()


def _run_file(job: _Job, path: Path, scribe: Scribe | None, progress: Progress) -> None:
    batch = job.batch
    with open_source(path) as source, closing(ResultFiles(batch)) as files:
        check_mapping(job.spec, source, batch.mapping)
        reader = RowReader(job.spec, source, batch.mapping)
        rows = itertools.islice(source.read(batch.mapping.columns), batch.counts.done, None)
        cut = _cut_pieces(rows, lambda: _tell(job, progress))
        for each in _record(job, scribe, (_ask(job, reader, piece) for piece in cut)):
            _finish(job, files, each)


def _tell(job: _Job, progress: Progress) -> None:
    done, rows = job.batch.counts.done, job.batch.rows
    progress(done / rows, f"{done:,} of {rows:,} rows")


def _cut_pieces(rows: Iterator[Row], on_piece: Callable[[], None]) -> Iterator[list[Row]]:
    """Yield the rows in pieces whose length follows from how long the caller took over the last one."""
    size = _FIRST_ROWS
    while piece := list(itertools.islice(rows, size)):
        on_piece()
        started = time.perf_counter()
        yield piece
        seconds = max(time.perf_counter() - started, 1e-6)
        size = min(max(int(size * min(_PIECE_SECONDS / seconds, 4)), 1), _MOST_ROWS)


def _ask(job: _Job, reader: RowReader, rows: Sequence[Row]) -> Piece:
    """Return what the model answers; rows that it does not take go to the bad ones."""
    asked, bad = reader.read_many(rows)
    try:
        answered = _ask_model(job, asked)
    except InputError:
        # One row spoils the call, so each is looked at by itself.
        asked = _check_rows(job, asked, bad)
        answered = _ask_model(job, asked)
    return Piece(
        [row.number for row in asked.rows],
        _show_cells(job.batch, asked, answered),
        asked.truths,
        judge(job.spec, answered, asked.truths),
        answered,
        bad,
    )


def _ask_model(job: _Job, asked: Examples) -> Answered:
    return job.workspace.ask(job.batch.model, asked.values, version=job.batch.version)


def _show_cells(batch: Batch, asked: Examples, answered: Answered) -> list[Sequence[str]]:
    columns = list(zip(*[row.cells for row in asked.rows], strict=True)) or [()] * len(batch.inputs)
    return [
        cells if _are_texts(cells) else [_show_cell(*each) for each in _pair(cells, answered, name)]
        for name, cells in zip(batch.inputs, columns, strict=False)
    ]


def _are_texts(cells: Sequence[Cell]) -> bool:
    """Return whether the file has each cell as it is shown; a whole column is asked at once."""
    return {*map(type, cells)} <= {str} and "data:" not in "".join(cells)  # type: ignore[arg-type]


def _pair(cells: Sequence[Cell], answered: Answered, name: str) -> Iterator[tuple[Cell, JsonValue]]:
    return zip(cells, [stored[name] for stored in answered.inputs], strict=True)


def _show_cell(cell: Cell, stored: JsonValue) -> str:
    """Return the cell as the file has it; of a file its name, and the stored one when it has none."""
    if isinstance(cell, str) and not cell.startswith("data:"):
        return cell
    name = cell.name if isinstance(cell, Attachment) else ""
    return name or (stored["media"] if isinstance(stored, dict) and "media" in stored else str(cell))


def _check_rows(job: _Job, asked: Examples, bad: list[Bad]) -> Examples:
    checked = []
    for row, values, truth in zip(*asked, strict=True):
        try:
            checked.append((row, job.workspace.check_inputs(job.batch.model, values), truth))
        except InputError as error:
            bad.append((row.number, str(error)))
    return Examples(*map(list, zip(*checked, strict=True))) if checked else Examples([], [], [])


def _record(job: _Job, scribe: Scribe | None, pieces: Iterator[Piece]) -> Iterator[_Recorded]:
    """Yield each piece when its predictions and flags are logged.

    Once there is a scribe, it is asked for a piece when the model has answered the next.
    """
    before: tuple[Piece, Flags] | None = None
    for piece in pieces:
        if not scribe or not scribe.has_started():
            yield _record_here(job, piece)
            continue
        if before:
            yield _Recorded(*before, scribe.take())
        before = piece, _flag(job, piece)
        scribe.give(*before)
    if before and scribe:
        yield _Recorded(*before, scribe.take())


def _record_here(job: _Job, piece: Piece) -> _Recorded:
    batch, flags = job.batch, _flag(job, piece)
    ids = name_predictions(batch, piece.numbers)
    has_rules = _is_ruled(batch) and batch.counts.made < batch.max_flags
    made = job.workspace.record(piece.answered, ids, name_asker(batch), has_rules=has_rules)
    if _is_ruled(batch):
        flags = find_ruled(job.workspace, made)
    job.workspace.add_flags(build_flags(batch, piece, flags.fresh), are_new=True)
    return _Recorded(piece, flags, format_results(piece, ids, flags.by_prediction))


def _is_ruled(batch: Batch) -> bool:
    """Whether the model's rules flag: where the file says what is right, only that counts."""
    return batch.has_flags and batch.truth is None


def _flag(job: _Job, piece: Piece) -> Flags:
    """Return the flags that stand on the piece's mistakes, those among them that are to be written."""
    batch = job.batch
    if not batch.has_flags or batch.truth is None:
        return Flags({})
    return flag_mistakes(job.spec, batch, piece, job.standing, batch.max_flags - batch.counts.made)


def _finish(job: _Job, files: ResultFiles, recorded: _Recorded) -> None:
    """Make the rest of a logged piece durable: its results, and that it is done."""
    piece, flags, lines = recorded
    errors = list_failures(piece)
    failed = [(row, error) for row, error in zip(piece.numbers, errors, strict=True) if error]
    rejected = [(str(number), reason) for number, reason in sorted([*piece.bad, *failed])]
    job.save(
        results_bytes=files.append(RESULTS, lines),
        rejected_bytes=files.append(REJECTED, encode_lines(rejected)),
        counts=_count(job.batch.counts, piece, flags, len(failed)),
    )
    _check_failures(job, errors)


def _count(counts: Counts, piece: Piece, flags: Flags, failed: int) -> Counts:
    has_truth = [each is not None for each in piece.truths]
    return replace(
        counts,
        answered=counts.answered + len(piece.numbers) - failed,
        failed=counts.failed + failed,
        rejected=counts.rejected + len(piece.bad),
        scored=counts.scored
        + sum(known and not error for known, error in zip(has_truth, piece.answered.errors, strict=True)),
        wrong=counts.wrong + sum(each is True for each in piece.wrong),
        flagged=counts.flagged + len(flags.by_prediction),
        made=counts.made + flags.made,
    )


def _check_failures(job: _Job, errors: Sequence[str]) -> None:
    """Raise `ModelError` once the model has failed on so many rows without a break that it must be broken."""
    for each in errors:
        job.failures = job.failures + 1 if each else 0
    if job.failures >= _MOST_FAILURES:
        raise ModelError(
            f"{job.spec.name} failed on {job.failures:,} rows one after the other, the last time so:"
            f" {errors[-1]}"
        )


def _measure(job: _Job) -> None:
    if job.batch.truth is not None:
        metrics = measure(job.batch, is_classification=job.spec.task.is_classification)
        write_json(job.batch.folder / METRICS, metrics)
