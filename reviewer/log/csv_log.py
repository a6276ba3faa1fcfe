"""A log in CSV segments that many threads and processes append to at once.

The rule: a row is acknowledged only after one complete `write` under the lock and an `fdatasync`. A killed
writer can leave half a row, whose open quote would swallow the good rows after it; so every writer first
looks at the bytes that others appended and moves a torn end aside.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.errors import LogError
from reviewer.log import Position, Tail
from reviewer.log.columns import format_line

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv

SEGMENT_BYTES = 256 << 20
"""A segment this long is closed, so that no file grows past what an editor or backup can take."""

CHUNK_BYTES = 64 << 20
"""The most that is read at once."""

_BLOCK_BYTES = 4 << 20
_MARK_BYTES = 4096
_ROW_BYTES = CHUNK_BYTES - (1 << 20)
_ROW_START = re.compile(rb"\n[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12},")
"""Every log's first column is a UUID."""


class LogRewrittenError(LogError):
    """The log no longer continues from a position: a segment was replaced, shortened or removed."""


@dataclass(slots=True)
class _Commit:
    """The bytes of one `append` call, waiting to be written together with others'."""

    data: bytes
    is_done: bool = False
    error: LogError | None = None


@dataclass(slots=True)
class _Pending:
    mutex: threading.Lock = field(default_factory=threading.Lock)
    commits: list[_Commit] = field(default_factory=list)


class CsvLog:
    """One stream's segments `STREAM-0001.csv`, `STREAM-0002.csv` … in a folder."""

    def __init__(
        self,
        folder: Path,
        stream: str,
        columns: Sequence[str],
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._folder = folder
        self._stream = stream
        self._columns = list(columns)
        self._header = ",".join(columns).encode() + b"\n"
        self._segment_bytes = segment_bytes
        self._known: dict[int, Position] = {}
        """Segment → up to where this process knows it to hold whole rows."""
        self._pending = _Pending()
        self._leader = threading.Lock()

    # Writing

    def append(self, rows: Sequence[Sequence[str]]) -> None:
        """Write the rows durably before returning; threads that call at once share one fsync."""
        if not rows:
            return
        commit = _Commit(self._encode(rows))
        with self._pending.mutex:
            self._pending.commits.append(commit)
        with self._leader:
            if not commit.is_done:
                self._commit_pending()
        if commit.error:
            raise commit.error

    def _encode(self, rows: Sequence[Sequence[str]]) -> bytes:
        lines = [format_line(row).encode() for row in rows]
        longest = max(map(len, lines))
        if longest > _ROW_BYTES:
            raise LogError(
                f"A row of {longest:,} bytes is too long for the {self._stream} log;"
                f" {_ROW_BYTES:,} bytes is the most."
            )
        return b"".join(lines)

    def _commit_pending(self) -> None:
        with self._pending.mutex:
            commits, self._pending.commits = self._pending.commits, []
        error: LogError | None = LogError(f"Writing to the {self._stream} log was interrupted; try again.")
        try:
            error = self._try_write(b"".join(each.data for each in commits))
        finally:
            for each in commits:
                each.error, each.is_done = error, True

    def _try_write(self, data: bytes) -> LogError | None:
        try:
            with self._locked(fcntl.LOCK_EX):
                descriptor = self._write_under_lock(data)
            try:
                # Outside the lock: the file system merges the syncs of several processes.
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            return LogError(
                f"The {self._stream} log in {self._folder} could not be written"
                f" ({error.strerror or error}); free space or make the folder writable and try again."
            )
        except LogError as error:
            return error
        return None

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        """Hold the stream's lock: writers alone, readers together."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            self._folder / f".{self._stream}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)

    def _write_under_lock(self, data: bytes) -> int:
        """Append the bytes to the last segment and return its open descriptor."""
        number, descriptor, size = self._open_with_room()
        try:
            if size == 0:
                data = self._header + data
                _sync_folder(self._folder)
            _write_whole(descriptor, data, size)
            self._known[number] = _locate(number, descriptor, size + len(data))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _open_with_room(self) -> tuple[int, int, int]:
        """Return the last segment, its descriptor and size; a new segment when the last is full."""
        number = max(self._list_numbers(), default=1)
        descriptor = self._open_segment(number)
        try:
            size = self._repair(number, descriptor)
            if size < self._segment_bytes:
                return number, descriptor, size
            os.fdatasync(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return number + 1, self._open_segment(number + 1), 0

    def _open_segment(self, number: int) -> int:
        return os.open(self._path(number), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def _repair(self, number: int, descriptor: int) -> int:
        """Check the bytes that others appended, move a torn end aside and return the size left."""
        path, size = self._path(number), os.fstat(descriptor).st_size
        known = self._known.get(number, Position(number))
        checked = known.offset if _mark(descriptor, known.offset) == known.mark else 0
        while checked < size:
            chunk = os.pread(descriptor, min(size - checked, CHUNK_BYTES), checked)
            if checked == 0:
                self._check_header(path, chunk)
            whole = find_last_boundary(chunk)
            is_last = checked + len(chunk) >= size
            checked += whole
            if whole == 0 or (whole < len(chunk) and is_last):
                self._move_torn_end(path, descriptor, checked, size)
                return checked
        return size

    def _move_torn_end(self, path: Path, descriptor: int, checked: int, size: int) -> None:
        torn = os.pread(descriptor, size - checked, checked)
        if len(torn) > CHUNK_BYTES or _ROW_START.search(torn):
            # Half a row has no rows behind it: this is damage, and rows behind it may be good.
            raise LogError(
                f"{path} is damaged after byte {checked:,}, with more rows behind it;"
                " restore it from a backup, or close the open quote there by hand."
            )
        aside = self._folder / "torn"
        aside.mkdir(exist_ok=True)
        digest = hashlib.sha256(torn).hexdigest()[:12]
        kept = aside / f"{path.stem}-at-{checked}-{digest}.part"
        with kept.open("wb") as file:
            file.write(torn)
            file.flush()
            os.fsync(file.fileno())
        os.ftruncate(descriptor, checked)

    # Reading

    def tail(self, position: Position) -> Tail:
        """Return at most 64 MB of rows behind the position, and where they end."""
        try:
            with self._locked(fcntl.LOCK_SH):  # never half of a write, or one about to be taken back
                start, end, data = self._read_whole_rows(position)
        except OSError as error:
            raise LogError(f"{self._folder} cannot be read: {error.strerror or error}.") from error
        if start.offset == 0 and data:
            self._check_header(self._path(start.segment), data)
            data = data[len(self._header) :]
        self._check_text(start, data)
        rows, rejected = self._parse(start, data)
        if end.offset > self._known.get(end.segment, start).offset:
            self._known[end.segment] = end
        return Tail(rows, end, tuple(rejected))

    def _read_whole_rows(self, position: Position) -> tuple[Position, Position, bytes]:
        numbers = self._list_numbers()
        while True:
            if position.segment not in numbers:
                if position.inode or position.offset or numbers:
                    raise LogRewrittenError(f"{self._path(position.segment)} is gone.")
                return position, position, b""
            start, end, data = self._read_segment(position)
            if data or position.segment + 1 not in numbers:
                return start, end, data
            position = Position(position.segment + 1)

    def _read_segment(self, start: Position) -> tuple[Position, Position, bytes]:
        path = self._path(start.segment)
        with path.open("rb") as file:
            if start.inode and start != _locate(start.segment, file.fileno(), start.offset):
                raise LogRewrittenError(f"{path} was replaced or shortened.")
            data = os.pread(file.fileno(), CHUNK_BYTES, start.offset)
            data = data[: find_last_boundary(data)]
            return start, _locate(start.segment, file.fileno(), start.offset + len(data)), data

    def _check_text(self, start: Position, data: bytes) -> None:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            at = start.offset + (len(self._header) if start.offset == 0 else 0) + error.start
            raise LogError(
                f"{self._path(start.segment)} is damaged: byte {at:,} is no UTF-8; restore the file from"
                " a backup, or correct the row there by hand."
            ) from error

    def _parse(self, position: Position, data: bytes) -> tuple[pa.Table, list[str]]:
        import pyarrow as pa

        if not data:
            # Made from nulls, since pa.array would import pandas.
            return pa.table({name: pa.nulls(0, pa.string()) for name in self._columns}), []
        try:
            return self._parse_blocks(position, data, _BLOCK_BYTES)
        except pa.ArrowInvalid:
            return self._parse_one_block(position, data)

    def _parse_one_block(self, position: Position, data: bytes) -> tuple[pa.Table, list[str]]:
        """Parse again without parallel blocks: a row may be longer than a block."""
        import pyarrow as pa

        try:
            return self._parse_blocks(position, data, len(data) + 1)
        except pa.ArrowInvalid as error:
            raise LogError(
                f"{self._path(position.segment)} cannot be read after byte {position.offset:,}:"
                f" {str(error).splitlines()[0]}. Restore the file from a backup or move it away."
            ) from error

    def _parse_blocks(self, position: Position, data: bytes, block_bytes: int) -> tuple[pa.Table, list[str]]:
        import pyarrow as pa
        import pyarrow.csv as pa_csv

        rejected: list[str] = []

        def reject(row: pyarrow.csv.InvalidRow) -> str:
            rejected.append(
                f"{self._path(position.segment).name} has a row of {row.actual_columns} cells"
                f" instead of {row.expected_columns}: {(row.text or '')[:120]}"
            )
            return "skip"

        table = pa_csv.read_csv(
            pa.py_buffer(data),
            pa_csv.ReadOptions(column_names=self._columns, block_size=block_bytes),
            pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=reject),
            pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in self._columns},
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        return table, rejected

    # Files

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._stream}-{number:04d}.csv"

    def _list_numbers(self) -> list[int]:
        pattern = re.compile(rf"{self._stream}-(\d{{4,}})\.csv")
        names = [each.name for each in self._folder.iterdir()]
        return sorted(int(found[1]) for name in names if (found := pattern.fullmatch(name)))

    def _check_header(self, path: Path, start: bytes) -> None:
        if start[: len(self._header)] != self._header[: len(start)]:
            found = start.split(b"\n", 1)[0][:200].decode(errors="replace")
            raise LogError(
                f"{path} starts with {found!r}, which is not the header of a {self._stream} log;"
                " move the file out of the folder."
            )


def find_last_boundary(data: bytes) -> int:
    """Return how many leading bytes are whole rows: up to a newline outside quotes, before any NUL."""
    nul = data.find(b"\0")
    end = len(data) if nul < 0 else nul
    quotes = data.count(b'"', 0, end)
    while True:
        newline = data.rfind(b"\n", 0, end)
        if newline < 0:
            return 0
        quotes -= data.count(b'"', newline, end)
        if quotes % 2 == 0:
            return newline + 1
        end = newline


def _locate(number: int, descriptor: int, offset: int) -> Position:
    return Position(number, os.fstat(descriptor).st_ino, offset, _mark(descriptor, offset))


def _mark(descriptor: int, offset: int) -> int:
    """Return a checksum of the bytes before the offset: a file that took another's inode shows by it."""
    length = min(offset, _MARK_BYTES)
    return zlib.crc32(os.pread(descriptor, length, offset - length))


def _write_whole(descriptor: int, data: bytes, size: int) -> None:
    """Write in one call; when the disk takes only a part, take that part back and raise."""
    try:
        written = os.write(descriptor, data)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    if written != len(data):
        os.ftruncate(descriptor, size)
        raise OSError(28, "no space left on the device")


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
