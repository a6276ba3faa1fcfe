"""Zip archives: pictures or recordings, in a folder per class or beside a CSV file that lists them.

The rule: nothing is ever unpacked to the disk; files are read one at a time, when their row's turn comes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from reviewer.archives import Archive, open_archive
from reviewer.batch.csv_source import CsvSource, open_csv
from reviewer.batch.sources import Attachment, Row, Source, find_columns, find_ending
from reviewer.errors import InputError

MOST_BYTES = 4 << 30
"""Of all files together, unpacked."""
MOST_FILE_BYTES = 64 << 20

MEDIA_ENDINGS = frozenset({"png", "jpg", "jpeg", "webp", "gif", "wav", "mp3", "flac", "ogg"})
_ARCHIVES = frozenset({"zip", "gz", "bz2", "xz", "7z", "rar", "tar", "tgz", "zst"})
_FILE, _FOLDER = "file", "folder"


@dataclass(frozen=True, slots=True)
class MediaSource:
    """An archive of pictures or recordings, one example each."""

    archive: Archive
    files: tuple[str, ...]
    columns: tuple[str, ...] = (_FILE, _FOLDER)

    @property
    def truth(self) -> str | None:
        """The folder, when there are several."""
        folders = {_name_folder(name) for name in self.files}
        return _FOLDER if len(folders) > 1 and "" not in folders else None

    def count(self) -> int:
        """Return how many files there are."""
        return len(self.files)

    def read(self, wanted: Sequence[str]) -> Iterator[Row]:
        """Yield a row per file, in the order of the archive."""
        places = find_columns(self.columns, wanted)
        for number, name in enumerate(self.files, 1):
            if find_ending(name) in MEDIA_ENDINGS:
                cells = (_attach(self.archive, name), _name_folder(name))
                yield Row(number, tuple([cells[place] for place in places]))
            else:
                yield Row(number, (), f"{name[:200]!r} is no picture and no recording.")

    def find(self, name: str) -> Attachment | None:
        """Return the file of that name, None when there is none."""
        return _attach(self.archive, name) if name in self.files else None


@dataclass(frozen=True, slots=True)
class ListedSource:
    """A CSV file in an archive, whose cells may name files beside it."""

    archive: Archive
    table: CsvSource
    folder: PurePosixPath
    """Where the CSV file lies; names in it are relative to here."""
    truth: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the CSV file."""
        return self.table.columns

    def count(self) -> int:
        """Return how many rows the CSV file has."""
        return self.table.count()

    def read(self, wanted: Sequence[str]) -> Iterator[Row]:
        """Yield every row of the CSV file."""
        return self.table.read(wanted)

    def find(self, name: str) -> Attachment | None:
        """Return the file of that name beside the CSV file, None when there is none."""
        path = str(self.folder / name)
        return _attach(self.archive, path) if path in self.archive.files else None


def _attach(archive: Archive, name: str) -> Attachment:
    return Attachment(name, partial(_read_file, archive, name))


def _read_file(archive: Archive, name: str) -> bytes:
    """Return the file's bytes; raises `InputError` when they are damaged or too many."""
    size = archive.files[name].file_size
    if size > MOST_FILE_BYTES:
        raise InputError(f"{name[:200]!r} has {size:,} bytes; at most {MOST_FILE_BYTES:,} fit.")
    with archive.open(name) as file:
        return file.read()


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[Source]:
    """Yield the archive's rows; raises `InputError` when it is damaged or looks made to do harm."""
    with open_archive(path, MOST_BYTES) as archive:
        yield _choose_source(archive)


def _choose_source(archive: Archive) -> Source:
    files = tuple(each for each in archive.files if not _is_hidden(each))
    if inner := next((each for each in files if find_ending(each) in _ARCHIVES), None):
        raise InputError(
            f"{archive.name} is not taken: {inner[:200]!r} is an archive inside the archive; unpack it first."
        )
    tables = [each for each in files if find_ending(each) in ("csv", "tsv")]
    if len(tables) > 1:
        raise InputError(
            f"{archive.name} holds {len(tables)} CSV files, among them {tables[0][:200]!r}; leave one."
        )
    if not files:
        raise InputError(f"{archive.name} is empty; put pictures into it, or a CSV file and what it lists.")
    if not tables:
        return MediaSource(archive, files)
    table = open_csv(tables[0], lambda: archive.open(tables[0]))
    return ListedSource(archive, table, PurePosixPath(tables[0]).parent)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _name_folder(name: str) -> str:
    """Return the folder a file lies in, "" at the top."""
    return PurePosixPath(name).parent.name
