"""A log in CSV segments that many threads and processes append to at once.

The rule: a row is acknowledged only after one complete `write` under the lock and an `fdatasync`. A killed
writer can leave half a row, whose open quote would swallow the good rows after it; so every writer first
looks at the bytes that others appended and moves a torn end aside. The lock is the last segment's own, and
counts only while the segment's path leads to it and no further segment exists.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reviewer.errors import LogError
from reviewer.folders import sync_folder
from reviewer.log import LogRewrittenError, Position, Tail
from reviewer.log.columns import format_line, format_lines
from reviewer.log.parsing import parse_rows
from reviewer.log.segments import CHUNK_BYTES, Segment, find_last_boundary, hold_shared, locate, write_whole

SEGMENT_BYTES = 256 << 20
"""A segment this long is closed, so that no file grows past what an editor or backup can take."""

_SEEN_BYTES = 512
"""Less than the mark, since every append reads them again and another processor has just written them."""
_FEW_ROWS = 12
_ROW_BYTES = CHUNK_BYTES - (1 << 20)
_ROW_START = re.compile(rb"\n[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12},")
"""Every log's first column is a UUID."""


@dataclass(slots=True)
class _Batch:
    """The bytes of `append` calls that one of them writes for all."""

    parts: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held by the call that writes."""
    is_tried: bool = False
    is_written: bool = False
    error: LogError | None = None


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
        self._last: Segment | None = None
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

    def _write(self, data: bytes) -> Segment:
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

    def _open_last(self) -> Segment:
        last = self._last
        if last is None or last.process != os.getpid():  # a forked child would share its parent's lock
            self._folder.mkdir(parents=True, exist_ok=True)
            number = max(self._list_numbers(), default=1)
            last = self._last = Segment(number, self._path(number), self._path(number + 1))
        return last

    def _write_under_lock(self, segment: Segment, size: int, data: bytes) -> bool:
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
        write_whole(segment.descriptor, data, size)
        self._checked[segment.number] = _Checked(size + len(data), data[-_SEEN_BYTES:])
        return True

    def _is_whole(self, segment: Segment, size: int) -> bool:
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

    def _repair(self, segment: Segment, size: int) -> int:
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

    def _move_torn_end(self, segment: Segment, whole: int, size: int) -> None:
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

    def _lock_last(self) -> Segment:
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
        rows, rejected = parse_rows(self._columns, path, len(self._header), data[len(self._header) :])
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
        rows, rejected = parse_rows(self._columns, self._path(start.segment), start.offset, data)
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
        with path.open("rb") as file, hold_shared(file.fileno()) as descriptor:
            if start.inode and start != locate(start.segment, descriptor, start.offset):
                raise LogRewrittenError(f"{path} was replaced or shortened.")
            data = os.pread(descriptor, CHUNK_BYTES, start.offset)
            data = data[: find_last_boundary(data)]
            return start, locate(start.segment, descriptor, start.offset + len(data)), data

    def _check_text(self, start: Position, data: bytes) -> None:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            at = start.offset + (len(self._header) if start.offset == 0 else 0) + error.start
            raise LogError(
                f"{self._path(start.segment)} is damaged: byte {at:,} is no UTF-8; restore the file from"
                " a backup, or correct the row there by hand."
            ) from error

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
