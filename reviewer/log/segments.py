"""One file of a log: whether its path still leads to it, where whole rows end, and writes done whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from reviewer.log import Position

CHUNK_BYTES = 64 << 20
"""The most that is read at once."""

_MARK_BYTES = 4096
"""Bytes before a position that it is recognised by."""


class Segment:
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
def hold_shared(descriptor: int) -> Iterator[int]:
    """Lock a segment together with other readers: none sees half of a write, or one that is taken back."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield descriptor
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def locate(number: int, descriptor: int, offset: int) -> Position:
    """Return the position at that offset of the segment that is open as the descriptor."""
    return Position(number, os.fstat(descriptor).st_ino, offset, _mark(descriptor, offset))


def _mark(descriptor: int, offset: int) -> int:
    """Return a checksum of the bytes before the offset: a file that took another's inode shows by it."""
    length = min(offset, _MARK_BYTES)
    return zlib.crc32(os.pread(descriptor, length, offset - length))


def write_whole(descriptor: int, data: bytes, size: int) -> None:
    """Write in one call; when the disk takes only a part, take that part back and raise."""
    try:
        written = os.write(descriptor, data)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    if written != len(data):
        os.ftruncate(descriptor, size)
        raise OSError(28, "no space left on the device")
