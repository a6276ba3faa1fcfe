"""Running a batch: piece by piece through the model, the mistakes flagged, every piece durable.

The rule: the ids of a row's prediction and flag follow from the batch and the row, so a piece that is done
again after an interruption makes the very same ones, and readers drop the doubles.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from reviewer.batch.flagging import (
    Flags,
    Mistake,
    Standing,
    find_ruled,
    find_standing,
    flag_mistakes,
    is_wrong,
    name_row,
)
from reviewer.batch.mapping import Example, build_reader, check_mapping
from reviewer.batch.metrics import measure
from reviewer.batch.sources import Attachment, Cell, Row, open_source
from reviewer.batch.state import (
    METRICS,
    REJECTED,
    RESULTS,
    Batch,
    Counts,
    ResultFiles,
    Status,
    find_batch,
    lock_batch,
    read_batch,
    save_batch,
    write_json,
)
from reviewer.config import ModelSpec
from reviewer.errors import InputError, ModelError, ReviewerError, StoppedError
from reviewer.folders import hash_file
from reviewer.payloads import build_cell
from reviewer.records import JsonValue, Prediction, Progress, utc_now
from reviewer.workspace import Workspace

_FIRST_ROWS, _MOST_ROWS = 50, 10_000
_PIECE_SECONDS = 0.5
"""How long a piece should take: a person who stops the batch waits for its end."""

_MOST_FAILURES = 100
"""After so many failed rows in a row the model itself is broken, and the batch ends."""


_Bad = tuple[int, str]
"""Number of a row, and why nothing came of it."""


def ignore_progress(share: float, doing: str) -> None:
    """Tell nobody."""


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
            with _sparing_older_objects():
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
def _sparing_older_objects() -> Iterator[None]:
    """Let the garbage collector pass over whatever was there before the batch.

    A row makes a dozen objects. Every few thousand rows they have the collector look at all of the program's,
    which took 18 µs a row, more than the model of the demo; so it takes 2.
    """
    if gc.get_freeze_count():  # another batch does so already, or the whole program
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


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


class _Asked(NamedTuple):
    """A row that the model is asked about."""

    row: Row
    values: dict[str, Any]
    truth: str | float | None


class _Outcome(NamedTuple):
    """What became of it."""

    row: Row
    truth: str | float | None
    made: Prediction
    is_wrong: bool | None


def _run_rows(job: _Job, progress: Progress) -> None:
    batch = job.batch
    path = batch.folder / batch.source
    if not path.is_file() or hash_file(path) != batch.sha256:
        raise InputError(f"{path} is not the file the batch began with; start a new batch.")
    versions = job.workspace.versions_of(batch.model)
    versions.load(versions.find(batch.version))  # takes seconds, from which no length of a piece follows
    if batch.has_flags and batch.truth is not None:
        job.standing = find_standing(job.workspace, batch)
    with open_source(path) as source, closing(ResultFiles(batch)) as files:
        check_mapping(job.spec, source, batch.mapping)
        read = build_reader(job.spec, source, batch.mapping)
        rows = itertools.islice(source.read(batch.mapping.columns), batch.counts.done, None)
        for piece in _cut_pieces(rows, lambda: _tell(job, progress)):
            _do_piece(job, files, read, piece)
    _tell(job, progress)


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


def _do_piece(job: _Job, files: ResultFiles, read: Callable[[Row], Example], piece: Sequence[Row]) -> None:
    asked, bad = _read_rows(read, piece)
    outcomes = _ask(job, asked, bad)
    flags = _flag(job, outcomes)
    counts = _count(job.batch.counts, outcomes, flags, len(bad))
    bad += [(each.row.number, _find_error(each.made)) for each in outcomes if each.made.error]
    job.save(
        results_bytes=files.append(RESULTS, [_build_line(job, each, flags) for each in outcomes]),
        rejected_bytes=files.append(REJECTED, [(str(number), reason) for number, reason in sorted(bad)]),
        counts=counts,
    )
    _check_failures(job, outcomes)


def _read_rows(read: Callable[[Row], Example], piece: Sequence[Row]) -> tuple[list[_Asked], list[_Bad]]:
    """Return the rows that are examples, and number and reason of the others."""
    asked: list[_Asked] = []
    bad: list[_Bad] = []
    for row in piece:
        try:
            asked.append(_Asked(row, *read(row)))
        except InputError as error:
            bad.append((row.number, str(error)))
    return asked, bad


def _ask(job: _Job, asked: Sequence[_Asked], bad: list[_Bad]) -> list[_Outcome]:
    """Return what the model answers; rows that it does not take go to the bad ones."""
    try:
        made = _predict(job, asked)
    except InputError:
        # One row spoils the call, so each is looked at by itself.
        asked = _check_rows(job, asked, bad)
        made = _predict(job, asked)
    return [
        _Outcome(each.row, each.truth, prediction, is_wrong(job.spec, prediction, each.truth))
        for each, prediction in zip(asked, made, strict=True)
    ]


def _check_rows(job: _Job, asked: Sequence[_Asked], bad: list[_Bad]) -> list[_Asked]:
    checked = []
    for each in asked:
        try:
            checked.append(each._replace(values=job.workspace.check_inputs(job.batch.model, each.values)))
        except InputError as error:
            bad.append((each.row.number, str(error)))
    return checked


def _predict(job: _Job, asked: Sequence[_Asked]) -> list[Prediction]:
    if not asked:
        return []
    batch = job.batch
    return job.workspace.predict_many(
        batch.model,
        [each.values for each in asked],
        version=batch.version,
        session_id=f"batch-{batch.batch_id}",
        username=batch.started_by,
        ids=[name_row(batch, "prediction", each.row.number) for each in asked],
        has_rules=_has_rules(batch),
    )


def _has_rules(batch: Batch) -> bool:
    """Whether the model's rules flag: where the file says what is right, only that counts."""
    return batch.has_flags and batch.truth is None and batch.counts.made < batch.max_flags


def _flag(job: _Job, outcomes: Sequence[_Outcome]) -> Flags:
    """Return the flags of this piece."""
    batch = job.batch
    if not batch.has_flags:
        return Flags({}, 0)
    if batch.truth is None:
        return find_ruled(job.workspace, [each.made for each in outcomes])
    mistakes = [
        Mistake(each.row.number, each.made, each.truth)
        for each in outcomes
        if each.is_wrong and each.truth is not None
    ]
    room = batch.max_flags - batch.counts.made
    return flag_mistakes(job.workspace, batch, mistakes, job.standing, room)


def _build_line(job: _Job, outcome: _Outcome, flags: Flags) -> list[str]:
    row, truth, made, wrong = outcome
    return [
        str(row.number),
        *[
            _show_cell(cell, made.inputs[name])
            for name, cell in zip(job.batch.inputs, row.cells, strict=False)
        ],
        made.predicted_label or "",
        _show_number(made.confidence),
        _show_number(made.predicted_value),
        build_cell(made.output),
        truth if isinstance(truth, str) else _show_number(truth),
        _SHOWN_CORRECT[wrong],
        made.prediction_id,
        flags.by_prediction.get(made.prediction_id, ""),
        _find_error(made),
    ]


_SHOWN_CORRECT = {None: "", True: "false", False: "true"}
"""Whether an answer is wrong → the cell of `is_correct`."""


def _show_number(number: float | None) -> str:
    return "" if number is None else repr(number)


def _show_cell(cell: Cell, stored: JsonValue) -> str:
    """Return the cell as the file has it; of a file its name, and the stored one when it has none."""
    if isinstance(cell, str) and not cell.startswith("data:"):
        return cell
    name = cell.name if isinstance(cell, Attachment) else ""
    return name or (stored["media"] if isinstance(stored, dict) and "media" in stored else str(cell))


def _find_error(made: Prediction) -> str:
    """Return the first line of what went wrong, "" when nothing did; the traceback is in the log."""
    return (made.error or "").partition("\n")[0]


def _count(counts: Counts, outcomes: Sequence[_Outcome], flags: Flags, rejected: int) -> Counts:
    answered = [each for each in outcomes if not each.made.error]
    return replace(
        counts,
        answered=counts.answered + len(answered),
        failed=counts.failed + len(outcomes) - len(answered),
        rejected=counts.rejected + rejected,
        scored=counts.scored + sum(each.truth is not None for each in answered),
        wrong=counts.wrong + sum(each.is_wrong is True for each in answered),
        flagged=counts.flagged + len(flags.by_prediction),
        made=counts.made + flags.made,
    )


def _check_failures(job: _Job, outcomes: Sequence[_Outcome]) -> None:
    """Raise `ModelError` once the model has failed on so many rows without a break that it must be broken."""
    for each in outcomes:
        job.failures = job.failures + 1 if each.made.error else 0
    if job.failures >= _MOST_FAILURES:
        raise ModelError(
            f"{job.spec.name} failed on {job.failures:,} rows one after the other, the last time so:"
            f" {_find_error(outcomes[-1].made)}"
        )


def _measure(job: _Job) -> None:
    if job.batch.truth is not None:
        metrics = measure(job.batch, is_classification=job.spec.task.is_classification)
        write_json(job.batch.folder / METRICS, metrics)
