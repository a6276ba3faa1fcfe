"""What somebody has given: a flag folder, one CSV file, or a zip archive of them, for the time of its use.

The rule: of what was uploaded nothing is read but itself, nothing is written outside a folder made for it,
and nothing stays behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from reviewer.archives import Archive, is_archive, open_archive
from reviewer.errors import InputError

MOST_BYTES = 2 << 30
"""Of all files together, unpacked."""


@contextlib.contextmanager
def open_given(path: Path) -> Iterator[Path]:
    """Yield the path itself, of a zip archive the folder that it holds.

    Raises `InputError` when the archive is damaged or looks made to do harm. Errors raised while it is used
    name it as whoever gave it does.
    """
    path = path.expanduser()
    if path.is_file() and is_archive(path):
        with _taking(path, _unpack) as folder:
            yield folder
    else:
        yield path


@contextlib.contextmanager
def open_upload(path: Path) -> Iterator[Path]:
    """Yield the folder that an uploaded archive holds, or the uploaded CSV file alone.

    Raises `InputError` as `open_given` does, and when it is neither.
    """
    if not path.is_file():
        raise InputError(f"The file {path.name!r} is no longer there; upload it again.")
    is_packed = is_archive(path)
    if not is_packed and path.suffix.lower() != ".csv":
        raise InputError(f"{path.name} is no zip archive and no CSV file; upload one of them.")
    with _taking(path, _unpack if is_packed else _copy) as target:
        yield target


@contextlib.contextmanager
def _taking(path: Path, take: Callable[[Path, Path], Path]) -> Iterator[Path]:
    """Yield what `take` has put into an empty folder; errors name the file, not the folder."""
    with tempfile.TemporaryDirectory(prefix="reviewer-import-") as aside:
        # Where the folder inside has no name of its own, the app is named after this one.
        root = Path(aside, "imported")
        root.mkdir()
        target = take(path, root)
        try:
            yield target
        except InputError as error:
            if str(target) not in str(error):
                raise
            raise InputError(str(error).replace(str(target), path.name)) from None


def _copy(path: Path, root: Path) -> Path:
    return Path(shutil.copyfile(path, root / path.name))


def _unpack(path: Path, root: Path) -> Path:
    folder = root / (path.stem.strip(".") or "flags")
    folder.mkdir()
    with open_archive(path, MOST_BYTES) as archive:
        for name in archive.files:
            _write(archive, name, folder)
    return folder


def _write(archive: Archive, name: str, folder: Path) -> None:
    """Write a file of the archive into the folder, with its time."""
    target = folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as packed, target.open("xb") as file:
            shutil.copyfileobj(packed, file)
        _set_time(target, archive.files[name])
    except OSError as error:
        raise InputError(f"{archive.name} cannot be unpacked: {name[:200]!r}: {error.strerror}.") from None


def _set_time(target: Path, info: zipfile.ZipInfo) -> None:
    with contextlib.suppress(ValueError):
        changed_at = datetime(*info.date_time, tzinfo=UTC).timestamp()
        os.utime(target, (changed_at, changed_at))
