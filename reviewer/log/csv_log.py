"""A log in CSV segments that many threads and processes append to at once.

The rule: a row is acknowledged only after one complete `write` under the lock and an `fdatasync`. A killed
writer can leave half a row, whose open quote would swallow the good rows after it; so every writer first
looks at the bytes that others appended and moves a torn end aside. The lock is the last segment's own, and
counts only while the segment's path leads to it and no further segment exists.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.errors import LogError
from reviewer.folders import sync_folder
from reviewer.log import Position, Tail
from reviewer.log.columns import format_line, format_lines

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv

SEGMENT_BYTES = 256 << 20
"""A segment this long is closed, so that no file grows past what an editor or backup can take."""

CHUNK_BYTES = 64 << 20
"""The most that is read at once."""

_BLOCK_BYTES = 4 << 20
_MARK_BYTES = 4096
_SEEN_BYTES = 512
"""Less than the mark, since every append reads them again and another processor has just written them."""
_FEW_ROWS = 12
_ROW_BYTES = CHUNK_BYTES - (1 << 20)
_ROW_START = re.compile(rb"\n[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12},")
"""Every log's first column is a UUID."""


class LogRewrittenError(LogError):
    """The log no longer continues from a position: a segment was replaced, shortened or removed."""


@dataclass(slots=True)
class _Batch:
    """The bytes of `append` calls that one of them writes for all."""

    parts: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held by the call that writes."""
    is_tried: bool = False
    is_written: bool = False
    error: LogError | None = None


class _Segment:
    """The last segment, kept open between appends."""

    descriptor = -1

    def __init__(self, number: int, path: Path, successor: Path) -> None:
        self.number = number
        # Texts, since the system calls on a Path take three times as long.
        self.path, self.successor = str(path), str(successor)
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        found = os.fstat(self.descriptor)
        self._identity = found.st_ino, found.st_dev
        self.process = os.getpid()

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def measure(self) -> int | None:
        """Return the size; None when the path leads elsewhere by now or a further segment exists."""
        if os.access(self.successor, os.F_OK):
            return None
        try:
            found = os.stat(self.path)  # noqa: PTH116  see above
        except FileNotFoundError:
            return None
        return found.st_size if (found.st_ino, found.st_dev) == self._identity else None

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes between the offsets, at most a chunk."""
        return os.pread(self.descriptor, min(end - start, CHUNK_BYTES), start) if start < end else b""


@dataclass(slots=True)
class _Checked:
    """Up to where this process knows a segment to hold whole rows."""

    offset: int = 0
    last: bytes = b""
    """Some of the bytes just before the offset: a file that was written anew shows by them."""


_NOTHING = _Checked()


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
        self._checked: dict[int, _Checked] = {}
        self._last: _Segment | None = None
        self._batch = _Batch()
        """Takes rows until one of its calls has the turn."""
        self._mutex = threading.Lock()
        """Guards the batch."""
        self._turn = threading.Lock()
        """Held by the thread that writes and syncs."""

    # Writing

    def append(self, rows: Sequence[Sequence[str]]) -> None:
        """Write the rows durably before returning; threads that call at once share one fsync."""
        if not rows:
            return
        data = self._encode(rows)
        with self._mutex:
            batch = self._batch
            batch.parts.append(data)
        with batch.lock:
            if not batch.is_tried:
                self._commit(batch)
        if not batch.is_written:
            raise batch.error or LogError(f"Writing to the {self._stream} log was interrupted; try again.")

    def _encode(self, rows: Sequence[Sequence[str]]) -> bytes:
        # Column by column pays for itself with a dozen rows; most appends are of one.
        lines = format_lines(rows) if len(rows) > _FEW_ROWS else [format_line(each) for each in rows]
        data = "".join(lines).encode()
        if len(data) > _ROW_BYTES:
            self._check_lengths(lines)
        return data

    def _check_lengths(self, lines: Sequence[str]) -> None:
        longest = max(len(each.encode()) for each in lines)
        if longest > _ROW_BYTES:
            raise LogError(
                f"A row of {longest:,} bytes is too long for the {self._stream} log;"
                f" {_ROW_BYTES:,} bytes is the most."
            )

    def _commit(self, batch: _Batch) -> None:
        with self._turn:
            with self._mutex:
                self._batch = _Batch()
            # Before the attempt: what an interrupt cuts short is not tried again by the calls that wait.
            batch.is_tried = True
            batch.error = self._try_write(b"".join(batch.parts))
            batch.is_written = batch.error is None

    def _try_write(self, data: bytes) -> LogError | None:
        try:
            segment = self._write(data)
            # Outside the lock: the file system merges the syncs of several processes.
            os.fdatasync(segment.descriptor)
        except OSError as error:
            self._last = None
            return LogError(
                f"The {self._stream} log in {self._folder} could not be written"
                f" ({error.strerror or error}); free space or make the folder writable and try again."
            )
        except LogError as error:
            return error
        return None

    def _write(self, data: bytes) -> _Segment:
        """Append the bytes under the lock and return the segment they are in."""
        while True:
            segment = self._open_last()
            try:
                fcntl.flock(segment.descriptor, fcntl.LOCK_EX)
                size = segment.measure()
                if size is not None and self._write_under_lock(segment, size, data):
                    return segment
            finally:
                fcntl.flock(segment.descriptor, fcntl.LOCK_UN)
            self._last = None

    def _open_last(self) -> _Segment:
        last = self._last
        if last is None or last.process != os.getpid():  # a forked child would share its parent's lock
            self._folder.mkdir(parents=True, exist_ok=True)
            number = max(self._list_numbers(), default=1)
            last = self._last = _Segment(number, self._path(number), self._path(number + 1))
        return last

    def _write_under_lock(self, segment: _Segment, size: int, data: bytes) -> bool:
        """Append the bytes if the segment has room; begin the next one if not."""
        if not self._is_whole(segment, size):
            size = self._repair(segment, size)
        if size >= self._segment_bytes:
            os.fdatasync(segment.descriptor)
            Path(segment.successor).touch()
            return False
        if size == 0:
            data = self._header + data
            sync_folder(self._folder)
        _write_whole(segment.descriptor, data, size)
        self._checked[segment.number] = _Checked(size + len(data), data[-_SEEN_BYTES:])
        return True

    def _is_whole(self, segment: _Segment, size: int) -> bool:
        """Return whether nothing but whole rows followed since this process knew the segment to be whole."""
        checked = self._checked.get(segment.number, _NOTHING)
        start = checked.offset - len(checked.last)
        data = segment.read(start, size)
        if data == checked.last and size == checked.offset > 0:
            return True  # nobody else wrote
        if checked.offset == 0 or len(data) < size - start or not data.startswith(checked.last):
            return False
        added = data[len(checked.last) :]
        return find_last_boundary(added) == len(added)

    def _repair(self, segment: _Segment, size: int) -> int:
        """Look through the segment, move a torn end aside and return where rows may follow."""
        whole = 0
        while chunk := segment.read(whole, size):
            if whole == 0:
                self._check_header(segment.path, chunk)
            length = find_last_boundary(chunk)
            is_last = whole + len(chunk) >= size
            whole += length
            if length == 0 or (length < len(chunk) and is_last):
                self._move_torn_end(segment, whole, size)
                break
        return whole

    def _move_torn_end(self, segment: _Segment, whole: int, size: int) -> None:
        torn = os.pread(segment.descriptor, size - whole, whole)
        if len(torn) > CHUNK_BYTES or _ROW_START.search(torn):
            # Half a row has no rows behind it: this is damage, and rows behind it may be good.
            raise LogError(
                f"{segment.path} is damaged after byte {whole:,}, with more rows behind it;"
                " restore it from a backup, or close the open quote there by hand."
            )
        aside = self._folder / "torn"
        aside.mkdir(exist_ok=True)
        digest = hashlib.sha256(torn).hexdigest()[:12]
        kept = aside / f"{Path(segment.path).stem}-at-{whole}-{digest}.part"
        with kept.open("wb") as file:
            file.write(torn)
            file.flush()
            os.fsync(file.fileno())
        os.ftruncate(segment.descriptor, whole)

    # Erasing

    def rewrite(self, change: Callable[[tuple[str, ...]], tuple[str, ...] | None]) -> None:
        """Write every segment anew under the writers' lock, each aside and then renamed."""
        with self._turn:
            segment = self._lock_last()
            try:
                for number in self._list_numbers():
                    self._rewrite_segment(number, change)
            except OSError as error:
                raise LogError(
                    f"The {self._stream} log in {self._folder} could not be written anew"
                    f" ({error.strerror or error}); free space or make the folder writable and try again."
                ) from error
            finally:
                fcntl.flock(segment.descriptor, fcntl.LOCK_UN)
                self._last, self._checked = None, {}

    def _lock_last(self) -> _Segment:
        """Return the last segment, locked: who waits for it finds that the path leads elsewhere by then."""
        while True:
            segment = self._open_last()
            fcntl.flock(segment.descriptor, fcntl.LOCK_EX)
            size = segment.measure()
            if size is not None:
                if not self._is_whole(segment, size):
                    self._repair(segment, size)
                return segment
            fcntl.flock(segment.descriptor, fcntl.LOCK_UN)
            self._last = None

    def _rewrite_segment(
        self, number: int, change: Callable[[tuple[str, ...]], tuple[str, ...] | None]
    ) -> None:
        path = self._path(number)
        data = path.read_bytes()
        if not data:
            return
        self._check_header(path, data)
        rows, rejected = self._parse(Position(number), data[len(self._header) :])
        if rejected:
            raise LogError(f"{path} has lines that are no rows; mend them first: {rejected[0]}")
        columns = [column.to_pylist() for column in rows.columns]
        changed = [after for row in zip(*columns, strict=True) if (after := change(row)) is not None]
        aside = path.with_name(f".{path.name}.new")
        with aside.open("wb") as file:
            file.write(self._header + "".join(map(format_line, changed)).encode())
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(self._folder)

    # Reading

    def tail(self, position: Position) -> Tail:
        """Return at most 64 MB of rows behind the position, and where they end."""
        try:
            start, end, data = self._read_whole_rows(position)
        except OSError as error:
            raise LogError(f"{self._folder} cannot be read: {error.strerror or error}.") from error
        if start.offset == 0 and data:
            self._check_header(self._path(start.segment), data)
            data = data[len(self._header) :]
        self._check_text(start, data)
        rows, rejected = self._parse(start, data)
        if data and end.offset > self._checked.get(end.segment, _NOTHING).offset:
            self._checked[end.segment] = _Checked(end.offset, data[-_SEEN_BYTES:])
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
        with path.open("rb") as file, _share(file.fileno()) as descriptor:
            if start.inode and start != _locate(start.segment, descriptor, start.offset):
                raise LogRewrittenError(f"{path} was replaced or shortened.")
            data = os.pread(descriptor, CHUNK_BYTES, start.offset)
            data = data[: find_last_boundary(data)]
            return start, _locate(start.segment, descriptor, start.offset + len(data)), data

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
            return self._parse_blocks(data, _BLOCK_BYTES, None), []
        except pa.ArrowInvalid:
            return self._parse_one_block(position, data)

    def _parse_one_block(self, position: Position, data: bytes) -> tuple[pa.Table, list[str]]:
        """Parse again without parallel blocks: a row may be longer than a block, or be no row of this log."""
        import pyarrow as pa

        rejected: list[str] = []

        def reject(row: pyarrow.csv.InvalidRow) -> str:
            rejected.append(
                f"{self._path(position.segment).name} has a row of {row.actual_columns} cells"
                f" instead of {row.expected_columns}: {(row.text or '')[:120]}"
            )
            return "skip"

        try:
            return self._parse_blocks(data, len(data) + 1, reject), rejected
        except pa.ArrowInvalid as error:
            raise LogError(
                f"{self._path(position.segment)} cannot be read after byte {position.offset:,}:"
                f" {str(error).splitlines()[0]}. Restore the file from a backup or move it away."
            ) from error

    def _parse_blocks(
        self, data: bytes, block_bytes: int, reject: Callable[[pyarrow.csv.InvalidRow], str] | None
    ) -> pa.Table:
        """Parse the rows in blocks, several at once unless a Python function is asked about bad rows.

        Arrow's threads may outlive the call. Would one hold a Python object while the interpreter ends, the
        process would be aborted; so they get a copy of the bytes in Arrow's own memory and no function.
        """
        import pyarrow as pa
        import pyarrow.csv as pa_csv

        buffer = pa.allocate_buffer(len(data))
        memoryview(buffer).cast("B")[:] = data
        return pa_csv.read_csv(
            buffer,
            pa_csv.ReadOptions(
                use_threads=reject is None, column_names=self._columns, block_size=block_bytes
            ),
            pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=reject),
            pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in self._columns},
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )

    # Files

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._stream}-{number:04d}.csv"

    def _list_numbers(self) -> list[int]:
        if not self._folder.exists():
            return []
        pattern = re.compile(rf"{self._stream}-(\d{{4,}})\.csv")
        names = [each.name for each in self._folder.iterdir()]
        return sorted(int(found[1]) for name in names if (found := pattern.fullmatch(name)))

    def _check_header(self, path: Path | str, start: bytes) -> None:
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


@contextlib.contextmanager
def _share(descriptor: int) -> Iterator[int]:
    """Lock a segment together with other readers: none sees half of a write, or one that is taken back."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield descriptor
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


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
