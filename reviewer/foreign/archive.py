"""What somebody uploaded: a zip archive of a flag folder, or one CSV file, for the time of its use.

The rule: an archive is looked at as a whole before the first file of it is written, and nothing is written
outside the folder or stays behind. A file inside is never unpacked or run, whatever it is.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from reviewer.errors import InputError

_IS_UTF8 = 0x800
"""Flag of a ZIP entry whose name says of itself that it is UTF-8."""

MOST_FILES = 100_000
MOST_BYTES = 2 << 30
"""Of all files together, unpacked."""
MOST_RATIO = 200
"""Bytes unpacked per byte of the archive: a bomb shrinks a thousandfold."""

_SMALL = 64 << 20
"""An archive that unpacks to less may have any ratio: a log of the same flag again and again packs well."""
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError)
"""What reading a damaged archive, or one packed in an unknown way, can raise."""


@contextlib.contextmanager
def open_upload(path: Path) -> Iterator[Path]:
    """Yield the folder that an uploaded archive holds, or the uploaded CSV file.

    Raises `InputError` when it is neither, is damaged, or looks made to do harm. Errors raised while it is
    used name it as whoever uploaded it does.
    """
    if not path.is_file():
        raise InputError(f"The file {path.name!r} is no longer there; upload it again.")
    with tempfile.TemporaryDirectory(prefix="reviewer-import-") as aside:
        # Where the folder inside has no name of its own, the app is named after this one.
        root = Path(aside, "imported")
        root.mkdir()
        target = _take(path, root)
        try:
            yield target
        except InputError as error:
            raise InputError(str(error).replace(str(target), path.name)) from None


def _take(path: Path, root: Path) -> Path:
    if path.suffix.lower() == ".csv":
        return Path(shutil.copyfile(path, root / path.name))
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path.name} is no zip archive and no CSV file; upload one of them.")
    folder = root / path.stem
    folder.mkdir()
    try:
        with zipfile.ZipFile(path) as archive:
            unpack(archive, path, folder)
    except _DAMAGES as error:
        raise InputError(f"{path.name} cannot be unpacked: {_explain(error)}.") from None
    return folder


def _explain(error: Exception) -> str:
    """Return what is wrong, without the place on this computer at which it was seen."""
    return str(error.strerror if isinstance(error, OSError) and error.strerror else error)


def unpack(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    """Write the archive's files into an empty folder, with their times.

    Raises `InputError`, before the first is written, for what is too much or could do harm.
    """
    infos = [each for each in archive.infolist() if not _is_litter(each)]
    _check_sizes(path, infos)
    for each in infos:
        if reason := _find_danger(each):
            raise InputError(f"{path.name} is not taken: {each.filename[:200]!r} {reason}.")
    for each in infos:
        _write(archive, each, folder)


def _is_litter(info: zipfile.ZipInfo) -> bool:
    """Whether the entry is a folder, or a file that desktops leave in archives."""
    name = _name(info)
    return name.endswith("/") or "__MACOSX" in PurePosixPath(name).parts


def _name(info: zipfile.ZipInfo) -> str:
    """Return the file's name, which some programs on Windows write with backslashes.

    Others write UTF-8 without saying so, which Python then reads as code page 437.
    """
    name = info.filename
    if not info.flag_bits & _IS_UTF8:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/")


def _check_sizes(path: Path, infos: Sequence[zipfile.ZipInfo]) -> None:
    if len(infos) > MOST_FILES:
        raise InputError(f"{path.name} holds {len(infos):,} files; at most {MOST_FILES:,} are taken.")
    total, packed = sum(each.file_size for each in infos), path.stat().st_size
    if total > MOST_BYTES:
        raise InputError(f"{path.name} unpacks to {total:,} bytes; at most {MOST_BYTES:,} are taken.")
    if total > _SMALL and total > MOST_RATIO * packed:
        raise InputError(
            f"{path.name} unpacks to {total:,} bytes out of {packed:,}, as no flag folder does; upload the"
            " CSV file by itself."
        )


def _find_danger(info: zipfile.ZipInfo) -> str | None:
    name = _name(info)
    if re.match(r"/|[A-Za-z]:", name) or ".." in PurePosixPath(name).parts:
        return "points outside of the archive; pack the folder without paths"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link; pack the file itself"
    if info.flag_bits & 1:
        return "is encrypted; pack it without a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in another way than by deflate; make a plain zip archive"
    return None


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / _name(info)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Never over another file: of two with one name, neither may be lost without a word.
    with archive.open(info) as packed, target.open("xb") as file:
        shutil.copyfileobj(packed, file)
    with contextlib.suppress(ValueError):
        changed_at = datetime(*info.date_time, tzinfo=UTC).timestamp()
        os.utime(target, (changed_at, changed_at))
