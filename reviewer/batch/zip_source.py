"""Zip archives: pictures or recordings, in a folder per class or beside a CSV file that lists them.

The rule: nothing is ever unpacked to the disk. Names, sizes and counts are looked at before the first byte is
read, files are read one at a time, and what looks made to do harm refuses the whole archive.
"""

from __future__ import annotations

import contextlib
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from reviewer.batch.csv_source import CsvSource, open_csv
from reviewer.batch.sources import Attachment, Row, Source, find_columns, find_ending
from reviewer.errors import InputError

MOST_FILES = 100_000
MOST_BYTES = 4 << 30
"""Of all files together, unpacked."""
MOST_FILE_BYTES = 64 << 20
MOST_RATIO = 200
"""Bytes unpacked per byte packed: a bomb shrinks a thousandfold."""
_SMALL = 1 << 20
"""A file up to here may have any ratio: an empty drawing packs well."""

MEDIA_ENDINGS = frozenset({"png", "jpg", "jpeg", "webp", "gif", "wav", "mp3", "flac", "ogg"})
_ARCHIVES = frozenset({"zip", "gz", "bz2", "xz", "7z", "rar", "tar", "tgz", "zst"})
_FILE, _FOLDER = "file", "folder"
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)
"""What reading a damaged archive, or one packed in an unknown way, can raise."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An open archive whose files have passed the checks."""

    archive: zipfile.ZipFile
    files: dict[str, zipfile.ZipInfo]

    def find(self, name: str) -> Attachment | None:
        """Return the file of that name, None when there is none."""
        return Attachment(name, partial(self.read, name)) if name in self.files else None

    def read(self, name: str) -> bytes:
        """Return the file's bytes; raises `InputError` when they are damaged or too many."""
        info = self.files[name]
        if info.file_size > MOST_FILE_BYTES:
            raise InputError(f"{name[:200]!r} has {info.file_size:,} bytes; at most {MOST_FILE_BYTES:,} fit.")
        try:
            return self.archive.read(info)
        except _DAMAGES as error:
            raise InputError(f"{name[:200]!r} cannot be read from the archive: {error}.") from None


@dataclass(frozen=True, slots=True)
class MediaSource:
    """An archive of pictures or recordings, one example each."""

    archive: Archive
    columns: tuple[str, ...] = (_FILE, _FOLDER)

    @property
    def truth(self) -> str | None:
        """The folder, when there are several."""
        folders = {_name_folder(name) for name in self.archive.files}
        return _FOLDER if len(folders) > 1 and "" not in folders else None

    def count(self) -> int:
        """Return how many files there are."""
        return len(self.archive.files)

    def read(self, wanted: Sequence[str]) -> Iterator[Row]:
        """Yield a row per file, in the order of the archive."""
        places = find_columns(self.columns, wanted)
        for number, name in enumerate(self.archive.files, 1):
            if find_ending(name) in MEDIA_ENDINGS:
                cells = (Attachment(name, partial(self.archive.read, name)), _name_folder(name))
                yield Row(number, tuple([cells[place] for place in places]))
            else:
                yield Row(number, (), f"{name[:200]!r} is no picture and no recording.")

    def find(self, name: str) -> Attachment | None:
        """Return the file of that name, None when there is none."""
        return self.archive.find(name)


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
        return self.archive.find(str(self.folder / name))


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[Source]:
    """Yield the archive's rows; raises `InputError` when it is damaged or looks made to do harm."""
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGES as error:
        raise InputError(f"{path.name} is no zip archive that can be read: {error}.") from None
    with archive:
        infos = [each for each in archive.infolist() if not _is_litter(each)]
        _check_sizes(path.name, infos)
        for each in infos:
            _check_entry(path.name, each)
        yield _choose_source(path.name, Archive(archive, {each.filename: each for each in infos}))


def _choose_source(name: str, archive: Archive) -> Source:
    tables = [each for each in archive.files if find_ending(each) in ("csv", "tsv")]
    if len(tables) > 1:
        raise InputError(f"{name} holds {len(tables)} CSV files, among them {tables[0]!r}; leave one.")
    if not archive.files:
        raise InputError(f"{name} is empty; put pictures into it, or a CSV file and what it lists.")
    if not tables:
        return MediaSource(archive)
    table = open_csv(tables[0], lambda: archive.archive.open(tables[0]))
    return ListedSource(archive, table, PurePosixPath(tables[0]).parent)


def _is_litter(info: zipfile.ZipInfo) -> bool:
    """Whether the entry is a folder, or one of the hidden files that desktops leave in archives."""
    parts = PurePosixPath(info.filename).parts
    hidden = any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in parts)
    return info.is_dir() or hidden or parts[-1:] in (("Thumbs.db",), ("desktop.ini",))


def _check_sizes(name: str, infos: Sequence[zipfile.ZipInfo]) -> None:
    if len(infos) > MOST_FILES:
        raise InputError(f"{name} holds {len(infos):,} files; at most {MOST_FILES:,} are taken.")
    total = sum(each.file_size for each in infos)
    if total > MOST_BYTES:
        raise InputError(f"{name} unpacks to {total:,} bytes; at most {MOST_BYTES:,} are taken.")


def _check_entry(name: str, info: zipfile.ZipInfo) -> None:
    if reason := _find_danger(info):
        raise InputError(f"{name} is not taken: {info.filename[:200]!r} {reason}.")


def _find_danger(info: zipfile.ZipInfo) -> str | None:
    parts = PurePosixPath(info.filename).parts
    if info.filename.startswith("/") or ".." in parts or "\\" in info.filename or ":" in parts[0]:
        return "points outside of the archive; pack the files without paths"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link; pack the file itself"
    if info.flag_bits & 1:
        return "is encrypted; pack it without a password"
    if find_ending(info.filename) in _ARCHIVES:
        return "is an archive inside the archive; unpack it first"
    if info.file_size > _SMALL and info.file_size > MOST_RATIO * info.compress_size:
        return f"unpacks to {info.file_size:,} bytes out of {info.compress_size:,}, as no picture does"
    return None


def _name_folder(name: str) -> str:
    """Return the folder a file lies in, "" at the top."""
    return PurePosixPath(name).parent.name
