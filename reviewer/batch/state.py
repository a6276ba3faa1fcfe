"""What is known of a batch: `batches/ID/` with the file, `batch.json`, the results and the rejected rows.

The rule: `batch.json` is replaced as a whole and last, so the results it counts are on the disk. What lies
behind them was written by a piece that did not end, and is cut off before the batch goes on.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from reviewer.batch.mapping import ColumnMap
from reviewer.errors import BusyError, LogError, UnknownNameError
from reviewer.folders import list_numbers, sync_folder
from reviewer.log.columns import format_lines, format_time
from reviewer.records import JsonValue

STATE, RESULTS, REJECTED, METRICS = "batch.json", "results.csv", "rejected.csv", "metrics.json"
_LOCK = ".lock"
_TRIES = 50

RESULT_COLUMNS = (
    "predicted_label", "confidence", "predicted_value", "output", "truth", "is_correct", "prediction_id",
    "flag_id", "error",
)  # fmt: skip
"""Columns of the results behind the row's number and inputs."""
REJECTED_COLUMNS = ("row", "reason")


class Status(StrEnum):
    """Where a batch stands."""

    RUNNING = "running"
    STOPPED = "stopped"
    """By a person, or because its process ended; it can go on."""
    DONE = "done"
    FAILED = "failed"
    """By an error that stands in `error`; it can go on once that is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many rows came out how; `answered`, `failed` and `rejected` together are the rows done."""

    answered: int = 0
    failed: int = 0
    """The model failed on them."""
    rejected: int = 0
    """They could not be read or used, and the model was not asked."""
    scored: int = 0
    """Answered rows that have a right answer."""
    wrong: int = 0
    """Scored rows whose answer is wrong."""
    flagged: int = 0
    """Rows that a flag stands on."""
    made: int = 0
    """Flags that the batch made; what else is flagged was so before."""

    @property
    def done(self) -> int:
        """The rows done."""
        return self.answered + self.failed + self.rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A file and what became of its rows so far."""

    folder: Path = field(metadata={"stored": False})
    file: str
    """The file's name as it was handed in."""
    source: str
    """The name of its copy in the folder."""
    sha256: str
    rows: int
    model: str
    version: str
    inputs: dict[str, str]
    """Input → column."""
    truth: str | None
    has_flags: bool
    max_flags: int
    started_at: datetime
    started_by: str
    status: Status = Status.STOPPED
    error: str = ""
    ended_at: datetime | None = None
    counts: Counts = Counts()
    results_bytes: int = 0
    rejected_bytes: int = 0
    """How much of the two files counts."""

    @property
    def batch_id(self) -> str:
        """The number that names the folder."""
        return self.folder.name

    @property
    def mapping(self) -> ColumnMap:
        """The columns that are used."""
        return ColumnMap(self.inputs, self.truth)


_STORED = [each.name for each in fields(Batch) if each.metadata.get("stored", True)]


def name_results(batch: Batch) -> list[str]:
    """Return the columns of the results: an input called like another column has `input_` before it."""
    taken = {"row", *RESULT_COLUMNS}
    inputs = [f"input_{name}" if name in taken else name for name in batch.inputs]
    return ["row", *inputs, *RESULT_COLUMNS]


# Folder


def list_batches(folder: Path, limit: int | None = None) -> list[Batch]:
    """Return the last batches of a workspace's folder, newest first; a damaged one is left out."""
    found = []
    for number in list_numbers(folder / "batches")[::-1][:limit]:
        with contextlib.suppress(LogError):
            found.append(_read_current(folder / "batches" / str(number)))
    return found


def find_batch(folder: Path, batch_id: str) -> Batch:
    """Return a batch as it stands; one whose process is gone is stopped. Raises `UnknownNameError`."""
    known = [str(number) for number in list_numbers(folder / "batches")]
    if batch_id not in known:
        raise UnknownNameError("batch", batch_id[:80], reversed(known))
    return _read_current(folder / "batches" / batch_id)


def _read_current(folder: Path) -> Batch:
    batch = read_batch(folder)
    if batch.status is not Status.RUNNING or _is_locked(folder):
        return batch
    # Its process is gone, or it ended in this moment and has said so by now.
    batch = read_batch(folder)
    return replace(batch, status=Status.STOPPED) if batch.status is Status.RUNNING else batch


def read_batch(folder: Path) -> Batch:
    """Return what `batch.json` says; raises `LogError` when it is damaged."""
    try:
        values = json.loads((folder / STATE).read_text(encoding="utf-8"))
        return Batch(
            **{
                **values,
                "folder": folder,
                "status": Status(values["status"]),
                "started_at": datetime.fromisoformat(values["started_at"]),
                "ended_at": values["ended_at"] and datetime.fromisoformat(values["ended_at"]),
                "counts": Counts(**values["counts"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LogError(f"{folder / STATE} is missing or damaged ({error}); remove the folder.") from error


def save_batch(batch: Batch) -> None:
    """Make the state durable."""
    values: dict[str, JsonValue] = {name: getattr(batch, name) for name in _STORED}
    values["started_at"] = format_time(batch.started_at)
    values["ended_at"] = batch.ended_at and format_time(batch.ended_at)
    values["counts"] = asdict(batch.counts)
    write_json(batch.folder / STATE, values)


def write_json(path: Path, value: JsonValue) -> None:
    """Replace the file durably as a whole; raises `LogError`."""
    aside = path.with_name(f".{path.name}.new")
    with writing(path), aside.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence."""
    try:
        yield
    except OSError as error:
        raise LogError(
            f"{path} could not be written ({error.strerror or error}); free space or make the folder"
            " writable and try again."
        ) from error


@contextlib.contextmanager
def lock_batch(batch: Batch) -> Iterator[None]:
    """Keep other processes from running the batch; raises `BusyError` when one does."""
    with _open_lock(batch.folder) as file:
        for _ in range(_TRIES):  # whoever looks at the list holds the lock for a moment, too
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.02)
        else:
            raise BusyError(f"Batch {batch.batch_id} is running already; stop it there first.")
        yield


def _is_locked(folder: Path) -> bool:
    with _open_lock(folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _open_lock(folder: Path) -> IO[str]:
    path = folder / _LOCK
    with writing(path):
        return path.open("a")


# Results


def encode_lines(rows: Sequence[Sequence[str]]) -> bytes:
    """Return the rows as CSV; half a character, which UTF-8 cannot write, is written as its escape."""
    return "".join(format_lines(rows)).encode(errors="backslashreplace")


class ResultFiles:
    """The two CSV files that a running batch appends to."""

    def __init__(self, batch: Batch) -> None:
        self._files = {
            RESULTS: _open_cut(batch.folder / RESULTS, batch.results_bytes),
            REJECTED: _open_cut(batch.folder / REJECTED, batch.rejected_bytes),
        }

    def append(self, name: str, lines: bytes) -> int:
        """Write the lines durably; returns how long the file is then. Raises `LogError`."""
        file = self._files[name]
        with writing(Path(file.name)):
            if lines:
                file.write(lines)
                file.flush()
                os.fdatasync(file.fileno())
            return file.tell()

    def close(self) -> None:
        """Close both files."""
        for file in self._files.values():
            file.close()


def _open_cut(path: Path, size: int) -> IO[bytes]:
    """Return the file for appending, with nothing behind that size."""
    with writing(path):
        if path.stat().st_size < size:
            raise LogError(f"{path} is shorter than {STATE} says; start the batch anew.")
        os.truncate(path, size)
        return path.open("ab")


def stream_file(batch: Batch, name: str) -> Iterator[bytes]:
    """Yield the results or the rejected rows as CSV, up to where the batch counts them."""
    left = {RESULTS: batch.results_bytes, REJECTED: batch.rejected_bytes}[name]
    with (batch.folder / name).open("rb") as file:
        while left > 0 and (part := file.read(min(left, 1 << 20))):
            left -= len(part)
            yield part


def list_rejected(batch: Batch, limit: int) -> list[tuple[int, str]]:
    """Return number and reason of the first rows that could not be used or failed."""
    start = next(stream_file(batch, REJECTED), b"")
    _, *rows = itertools.islice(csv.reader(io.StringIO(start.decode(errors="ignore"), newline="")), limit + 1)
    return [(int(number), reason) for number, reason in rows]
