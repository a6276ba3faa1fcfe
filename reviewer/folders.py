"""Folders that get their number once they are filled, durable names, locks, hashes of files.

The rule: a folder gets its number only when everything is in it, and never changes afterwards.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path


def list_numbers(parent: Path) -> list[int]:
    """Return the numbers that name folders in `parent`, smallest first; none when there is no such folder."""
    try:
        names = [each.name for each in parent.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name) for name in names if re.fullmatch("[1-9][0-9]*", name))


def take_next_number(aside: Path, finish: Callable[[str], object] = lambda name: None) -> Path:
    """Rename a filled folder to the next free number beside it; of two processes, each gets its own.

    `finish` is called with the name before the rename, for what has to hold the name itself.
    """
    number = max(list_numbers(aside.parent), default=0)
    while True:
        number += 1
        path = aside.parent / str(number)
        finish(path.name)
        try:
            aside.rename(path)
        except OSError:
            if not path.exists():
                raise
        else:
            return path


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a new file's name durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock of all processes that this file is, which is made when missing; raises `OSError`."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
