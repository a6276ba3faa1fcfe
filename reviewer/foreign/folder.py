"""The flag files under a path, and the files that their cells name.

The rule: a cell is a stranger's text. It names a file only when that file lies in the folder of its flag
file, links followed; whatever else it points at is never opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reviewer.errors import InputError
from reviewer.foreign.dialect import TIME_COLUMN, read_rows

MOST_BYTES = 100_000_000
"""A larger file is not taken over."""

_LOG_NAME = re.compile(r"log\.csv|dataset\d*\.csv", re.IGNORECASE)
_HASH_FOLDER = re.compile("[0-9a-f]{20}|[0-9a-f]{40}")
"""Gradio keeps each file that was flagged in a folder of its own."""
_SIDE_FILE = re.compile(r"tmp\w+\.json")
_MEDIA_CELL = re.compile(r"(?![\[{'])(?:.*/)?[^/]+/(?:[0-9a-f]{20}|[0-9a-f]{40})/[^/\n]+")


class MissingFileError(ValueError):
    """A cell names a flagged file that is not in the folder."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file that a cell names."""

    path: Path
    name: str
    """As whoever uploaded it called it."""


class FlagFolder:
    """The folder of a flag file, with the files that were flagged."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def find(self, cell: str) -> Path | None:
        """Return the file that the cell names, wherever the folder lies now; None when it names none.

        Older versions write absolute paths, newer ones paths from where the app ran; both end in
        `LABEL/FILE` or `LABEL/HASH/FILE`.
        """
        parts = re.split(r"[/\\]" if "/" not in cell else "/", cell) if len(cell) < 4096 else []
        if ".." in parts or "\0" in cell:
            return None
        for count in (3, 2):
            if len(parts) >= count and (found := self._open_inside(parts[-count:])):
                return found
        return None

    def _open_inside(self, parts: Iterable[str]) -> Path | None:
        try:
            path = self.path.joinpath(*parts).resolve()
            return path if path.is_relative_to(self.path) and path.is_file() else None
        except (OSError, RuntimeError):
            return None

    def is_side_file(self, path: Path) -> bool:
        """Return whether the file holds a structured value that 3.16 to 3.50 wrote beside the log."""
        inside = path.relative_to(self.path)
        return len(inside.parts) == 2 and bool(_SIDE_FILE.fullmatch(inside.name))

    def find_flagged(self, cell: str) -> Path | None:
        """Return the file that the cell names; raises `MissingFileError` when it names one that is gone."""
        found = self.find(cell)
        if found is None and len(cell) < 4096 and _MEDIA_CELL.fullmatch(cell):
            raise MissingFileError(f"names {cell[-120:]!r}, which is not in the folder")
        return found


def read_media(file: MediaFile) -> bytes:
    """Return the file's bytes; raises `ValueError` when they are too many or cannot be read."""
    try:
        size = file.path.stat().st_size
        if size > MOST_BYTES:
            raise ValueError(f"has {size:,} bytes; at most {MOST_BYTES:,} are taken")
        return file.path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def find_flag_files(path: Path) -> list[Path]:
    """Return the flag files at the path: itself, or all below it, in order of their names.

    Raises `InputError` when there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"There is no folder or file {str(path)!r}; give a Gradio flag folder.")
    found = sorted(_walk(path), key=_sort_key)
    if not found:
        raise InputError(
            f"{str(path)!r} holds no flags of Gradio (log.csv, dataset1.csv …); give the folder that was"
            " the app's flagging_dir, or a CSV file."
        )
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not _HASH_FOLDER.fullmatch(each)]
        paths = [Path(parent, name) for name in names if name.lower().endswith(".csv")]
        for path in paths:
            is_inside = path.resolve().is_relative_to(folder.resolve())
            if is_inside and path.is_file() and (_LOG_NAME.fullmatch(path.name) or _ends_in_time(path)):
                yield path


def _ends_in_time(path: Path) -> bool:
    """Return whether the file has a header as Gradio's loggers write it."""
    try:
        first = next(read_rows(path), None)
    except (OSError, UnicodeError):
        return False
    return bool(first and first.cells and first.cells[-1] == TIME_COLUMN)


def _sort_key(path: Path) -> tuple[Path, list[int | str]]:
    """Sort dataset10.csv behind dataset9.csv."""
    pieces = re.split(r"(\d+)", path.name)
    return path.parent, [int(each) if at % 2 else each for at, each in enumerate(pieces)]
