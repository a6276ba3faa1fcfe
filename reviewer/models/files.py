"""Files of any kind: their bytes, and what those bytes really are.

The rule: a file is told by its content, never by its name; an archive is looked at and not unpacked.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from reviewer.config import FileSpec
from reviewer.errors import InputError
from reviewer.log.media import MEDIA_TYPES, Keep, MediaStore
from reviewer.records import JsonValue

_LONGEST_NAME = 255

_MAGIC: dict[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpg",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"fLaC": "flac",
    b"OggS": "ogg",
    b"ID3": "mp3",
    b"\xff\xe2": "mp3",
    b"\xff\xe3": "mp3",
    b"\xff\xf2": "mp3",
    b"\xff\xf3": "mp3",
    b"\xff\xfa": "mp3",
    b"\xff\xfb": "mp3",
    b"%PDF-": "pdf",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gz",
    b"PAR1": "parquet",
}
"""How files begin → their ending."""

_BOXES = {(b"RIFF", b"WEBP"): "webp", (b"RIFF", b"WAVE"): "wav"}
"""First four bytes and the four behind the length → ending."""

_OFFICE = {"word/": "docx", "xl/": "xlsx", "ppt/": "pptx"}
"""Folder in an archive of an office program → ending."""

_TEXTS = ("txt", "csv", "tsv", "md", "jsonl")
"""Endings of texts, which nothing but their name tells apart."""

_SAME_ENDINGS = {"jpeg": "jpg", "htm": "html", "yml": "yaml", "tif": "tiff"}


def check_file(spec: FileSpec, value: Any, keep: Keep) -> JsonValue:
    """Return the stored form of a file: its media name and what it was called; raises `InputError`.

    A value is a path, bytes, a data URL, `{"data": data URL, "name": …}`, or a stored form.
    """
    if isinstance(value, Mapping) and isinstance(value.get("media"), str):
        return {"media": value["media"], "name": _clean_name(value.get("name"), value["media"])}
    given, name = (value.get("data"), value.get("name")) if isinstance(value, Mapping) else (value, None)
    data = find_bytes(given, "file", "data:application/pdf;base64,…")
    if data is None:
        raise InputError(f"is no file ({type(value).__name__}); give a path, bytes or a data URL.")
    check_size(data, spec.max_bytes)
    if not data:
        raise InputError("is an empty file; choose one with something in it.")
    name = _clean_name(name or (value.name if isinstance(value, Path) else ""), "file")
    ending = find_ending(data, name)
    check_type(spec, ending, name)
    return {"media": keep(data, ending), "name": name}


def read_file(spec: FileSpec, stored: JsonValue, media: MediaStore) -> Path:
    """Return the path of the stored file."""
    return media.find(stored["media"])


def check_size(data: bytes, most: int) -> None:
    """Raise `InputError` when there are more bytes than that."""
    if len(data) > most:
        raise InputError(f"is {len(data):,} bytes; at most {most:,} are taken.")


def find_bytes(value: Any, kind: str, example: str) -> bytes | None:
    """Return the bytes of a file given as bytes, a path or a data URL of this kind; None for anything else.

    A path in a text is refused, since texts come from strangers; only a program hands in a `Path`.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, Path):
        return _read_path(value)
    return _decode_data_url(value, kind, example) if isinstance(value, str) else None


def _read_path(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read from {path}: {error.strerror}.") from None
    except ValueError:
        raise InputError(f"cannot be read from {str(path)!r}: no file can have this name.") from None


def _decode_data_url(text: str, kind: str, example: str) -> bytes:
    head, comma, body = text.partition(",")
    start = "data:" if kind == "file" else f"data:{kind}/"
    try:
        if not (head.startswith(start) and head.endswith(";base64") and comma):
            raise ValueError
        return base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error):
        raise InputError(f"is no {kind}; give a data URL ({example}).") from None


def find_ending(data: bytes, name: str) -> str:
    """Return the ending of what the bytes really are; texts that look alike are told apart by their name."""
    if ending := _BOXES.get((data[:4], data[8:12])):
        return ending
    if data[4:8] == b"ftyp":
        return "mp4"
    for start, ending in _MAGIC.items():
        if data.startswith(start):
            return _find_office_ending(data) if ending == "zip" else ending
    return _find_text_ending(data, split_ending(name))


def _find_office_ending(data: bytes) -> str:
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return "bin"
    folders = {name.partition("/")[0] + "/" for name in names if "/" in name}
    found = [ending for folder, ending in _OFFICE.items() if folder in folders]
    return found[0] if found and "[Content_Types].xml" in names else "zip"


def _find_text_ending(data: bytes, called: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "bin"
    if "\0" in text:
        return "bin"
    if called == "json":
        return "json" if is_json(text) else "txt"
    return called if called in _TEXTS else "txt"


def is_json(text: str) -> bool:
    """Return whether the text is a JSON value."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def split_ending(name: str) -> str:
    """Return a file name's ending in small letters, without the dot and in its usual spelling."""
    ending = name.rpartition(".")[2].lower()
    return _SAME_ENDINGS.get(ending, ending)


def check_type(spec: FileSpec, ending: str, name: str) -> None:
    """Raise unless the file is of a type that the config takes.

    The name alone says what a file is whose content says no more than text or bytes.
    """
    taken = [split_ending(each) for each in spec.types]
    called = split_ending(name)
    is_told_by_name = ending in ("bin", "txt") and called not in MEDIA_TYPES
    if taken and ending not in taken and not (is_told_by_name and called in taken):
        raise InputError(f"is a file of the type {ending!r}; use {', '.join(taken)}.")


def _clean_name(name: Any, instead: str) -> str:
    """Return the last part of a file name, as far as it can be printed; it is shown and never opened."""
    text = PureWindowsPath(str(name or "")).name
    kept = "".join(each for each in text if each.isprintable()).strip()
    return kept[-_LONGEST_NAME:] if kept.strip(".") else instead
