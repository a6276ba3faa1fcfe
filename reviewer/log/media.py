"""Pictures, recordings and other files of examples and answers, each stored once under its bytes' SHA-256.

The rule: a name is checked against the one form names have before it touches the file system. A file is never
unpacked or run here; its ending says what its bytes are, not what somebody called it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from reviewer.errors import InputError, LogError, UnknownNameError

MEDIA_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "md": "text/markdown",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "zip": "application/zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "gz": "application/gzip",
    "parquet": "application/vnd.apache.parquet",
    "mp4": "video/mp4",
    "bin": "application/octet-stream",
}
"""File ending → media type of what may be stored; "bin" is whatever is none of the others."""

Keep: TypeAlias = Callable[[bytes, str], str]
"""Takes a file's bytes and ending, returns its media name: `MediaStore.save` or `name_media`."""

_NAME = re.compile(r"[0-9a-f]{64}\.(?:" + "|".join(MEDIA_TYPES) + ")")


def name_media(data: bytes, ending: str) -> str:
    """Return the name these bytes have in every workspace: `<sha256>.<ending>`."""
    if ending not in MEDIA_TYPES:
        raise InputError(f"Files ending in {ending!r} cannot be stored; use {', '.join(MEDIA_TYPES)}.")
    return f"{hashlib.sha256(data).hexdigest()}.{ending}"


def is_shown_inline(name: str) -> bool:
    """Return whether a page may show the file: pictures and recordings; the rest is downloaded."""
    return MEDIA_TYPES.get(name.rpartition(".")[2], "").startswith(("image/", "audio/"))


class MediaStore:
    """The files under `flagged/media/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, data: bytes, ending: str) -> str:
        """Write the bytes durably unless they are there already; returns their name.

        One that is there counts as new from now on, so that `list_older` leaves it to whoever saved it.
        Raises `LogError` when the disk refuses.
        """
        name = name_media(data, ending)
        path = self._path(name)
        if path.exists():
            # One that belongs to another user can be read all the same.
            with contextlib.suppress(PermissionError):
                os.utime(path)
        else:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_durably(path, data)
            except OSError as error:
                raise LogError(
                    f"{path} could not be written ({error.strerror or error}); free space or make"
                    " the folder writable and try again."
                ) from error
        return name

    def find(self, name: str) -> Path:
        """Return the file of that name; raises `UnknownNameError` when there is none."""
        if not _NAME.fullmatch(name) or not (path := self._path(name)).is_file():
            raise UnknownNameError("media file", name)
        return path

    def read(self, name: str) -> bytes:
        """Return the file's bytes; raises `UnknownNameError` when there is none."""
        return self.find(name).read_bytes()

    def list_older(self, end: datetime) -> list[str]:
        """Return the names of the files that nobody has saved since that time."""
        files = (each for each in self._folder.glob("??/*") if _NAME.fullmatch(each.name))
        return [each.name for each in files if each.stat().st_mtime < end.timestamp()]

    def remove(self, name: str) -> None:
        """Delete the file of that name, if there is one."""
        if _NAME.fullmatch(name):
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


def _write_durably(path: Path, data: bytes) -> None:
    """Write aside and rename, so that a file under its final name is always whole."""
    descriptor, aside = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        Path(aside).rename(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
