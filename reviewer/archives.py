"""Zip archives of other people, read without doing what they may be made for.

The rule: an archive is looked at as a whole before the first byte of a file in it is read, and what is too
much or could do harm refuses the whole archive. A file in it is never run, nor unpacked as an archive.
"""

from __future__ import annotations

import contextlib
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from reviewer.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_FILES = 100_000
_MOST_FOLDERS = 100
"""Inside one another."""
MOST_RATIO = 200
"""Bytes unpacked per byte of the archive: a bomb shrinks a thousandfold."""

_SMALL = 64 << 20
"""An archive that unpacks to less may have any ratio: empty drawings and rows that repeat pack well."""
_IS_UTF8 = 0x800
"""Flag of an entry whose name says of itself that it is UTF-8."""
_MARKS = (b"PK\3\4", b"PK\5\6")
"""How an archive begins, with files in it and without."""
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others may take any memory to unpack."""
_LITTER = re.compile(r"\.DS_Store|Thumbs\.db|desktop\.ini", re.IGNORECASE)
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError)
"""What reading a damaged archive can raise."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An open archive that has passed the checks."""

    name: str
    files: Mapping[str, zipfile.ZipInfo]
    """By their paths inside, with `/`, in the order of the archive."""
    packed: zipfile.ZipFile

    def open(self, file: str) -> IO[bytes]:
        """Return the file's bytes; reading them raises `InputError` where they are damaged."""
        with _telling(f"{file[:200]!r} cannot be read from {self.name}"):
            stream = self.packed.open(self.files[file])
        return io.BufferedReader(_Stream(stream, f"{file[:200]!r} cannot be read from {self.name}"))


class _Stream(io.RawIOBase):
    """A packed file that tells its damages."""

    def __init__(self, packed: IO[bytes], said: str) -> None:
        self._packed = packed
        self._said = said

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        with _telling(self._said):
            data = self._packed.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._packed.close()
        super().close()


@contextlib.contextmanager
def _telling(said: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGES as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"{said}: {reason}.") from None


def is_archive(path: Path) -> bool:
    """Return whether the file is, or is named as, a zip archive; raises `InputError` for one out of reach."""
    if path.suffix.lower() == ".zip":
        return True
    with _telling(f"{path.name} cannot be read"), path.open("rb") as file:
        return file.read(4) in _MARKS


@contextlib.contextmanager
def open_archive(path: Path, most_bytes: int) -> Iterator[Archive]:
    """Yield the archive; `most_bytes` of all its files together, unpacked, are taken.

    Raises `InputError` when it is damaged or looks made to do harm.
    """
    with _telling(f"{path.name} is no zip archive that can be read"):
        packed = zipfile.ZipFile(path)
    with packed:
        infos = [each for each in packed.infolist() if not _is_litter(each)]
        if len(infos) > MOST_FILES:
            raise InputError(f"{path.name} holds {len(infos):,} files; at most {MOST_FILES:,} are taken.")
        _check_sizes(path, sum(each.file_size for each in infos), most_bytes)
        yield Archive(path.name, _name_files(path.name, infos), packed)


def _is_litter(info: zipfile.ZipInfo) -> bool:
    """Return whether the entry is a folder, or a file that desktops leave in archives."""
    name = _find_name(info)
    parts = PurePosixPath(name).parts
    return name.endswith("/") or "__MACOSX" in parts or bool(_LITTER.fullmatch(parts[-1] if parts else ""))


def _find_name(info: zipfile.ZipInfo) -> str:
    """Return the file's name, which some programs on Windows write with backslashes.

    Others write UTF-8 without saying so, which Python then reads as code page 437.
    """
    name = info.filename
    if not info.flag_bits & _IS_UTF8:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/")


def _check_sizes(path: Path, total: int, most_bytes: int) -> None:
    if total > most_bytes:
        raise InputError(f"{path.name} unpacks to {total:,} bytes; at most {most_bytes:,} are taken.")
    packed = path.stat().st_size
    if total > _SMALL and total > MOST_RATIO * packed:
        raise InputError(
            f"{path.name} unpacks to {total:,} bytes out of {packed:,}, as harmful archives do; make"
            " several archives of it."
        )


def _name_files(archive: str, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return path → entry; of two files with one path neither may be lost without a word."""
    files: dict[str, zipfile.ZipInfo] = {}
    for each in infos:
        name = str(PurePosixPath(_find_name(each)))
        if reason := "is there twice; pack it once" if name in files else _find_danger(each):
            raise InputError(f"{archive} is not taken: {each.filename[:200]!r} {reason}.")
        files[name] = each
    return files


def _find_danger(info: zipfile.ZipInfo) -> str:
    name = _find_name(info)
    parts = PurePosixPath(name).parts
    if re.match(r"/|[A-Za-z]:", name) or ".." in parts:
        return "points outside of the archive; pack the files without paths"
    if len(parts) > _MOST_FOLDERS:
        return "lies too deep in folders; pack the innermost ones"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link; pack the file itself"
    if info.flag_bits & 1:
        return "is encrypted; pack it without a password"
    if info.compress_type not in _PACKINGS:
        return "is packed in another way than by deflate; make a plain zip archive"
    return ""
