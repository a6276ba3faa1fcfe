"""Files that a browser names, as media of the workspace.

The rule: a browser may name any path, so a file is read only from the folder in which Gradio keeps what was
uploaded or made by the app.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from reviewer.config import FileSpec, ImageSpec
from reviewer.errors import InputError
from reviewer.log.media import Keep
from reviewer.models.audio import AUDIO_ENDINGS
from reviewer.models.files import check_file, find_bytes
from reviewer.models.images import check_image
from reviewer.records import JsonValue

MOST_BYTES = 200_000_000
"""A larger file is not copied among the media."""

_DEEPEST = 100


def read_file(value: Any, keep: Keep) -> JsonValue:
    """Return the kept file with the name it was uploaded under."""
    data, name = _read_bytes(value)
    return check_file(FileSpec(component="file", max_bytes=MOST_BYTES), {"data": data, "name": name}, keep)


_ANY_IMAGE = ImageSpec(component="image", width=None, height=None, max_bytes=MOST_BYTES)


def read_image(value: Any, keep: Keep) -> JsonValue:
    """Return the kept picture, which was decoded once to make sure that it is one."""
    data, _ = _read_bytes(value)
    return check_image(_ANY_IMAGE, data, keep)


def read_drawing(value: Any, keep: Keep) -> JsonValue:
    """Return the picture with everything that was drawn on it, None for an empty canvas."""
    if not isinstance(value, Mapping):
        raise InputError("is no drawing.")
    picture = value.get("composite") or value.get("background")
    return None if picture is None else read_image(picture, keep)


def read_audio(value: Any, keep: Keep) -> JsonValue:
    """Return the kept recording, told by its first bytes; a long one is not decoded while a tester waits."""
    stored = read_file(value, keep)
    ending = stored["media"].rpartition(".")[2]
    if ending not in AUDIO_ENDINGS.values():
        raise InputError("is no recording in WAV, MP3, FLAC or Ogg.")
    return {"media": stored["media"]}


def _read_bytes(value: Any) -> tuple[bytes, str]:
    """Return the bytes and name of a file of Gradio's cache; raises `InputError` for any other."""
    if not isinstance(value, Mapping):
        raise InputError("is no file.")
    path, url = value.get("path"), value.get("url")
    if not path and isinstance(url, str) and url.startswith("data:"):
        return find_bytes(url, "file", "data:image/png;base64,…") or b"", "file"
    found = _find_cached(path)
    if found.stat().st_size > MOST_BYTES:
        raise InputError(f"is a file of {found.stat().st_size:,} bytes; at most {MOST_BYTES:,} are copied.")
    return found.read_bytes(), str(value.get("orig_name") or found.name)


def _find_cached(path: Any) -> Path:
    """Return the file; a browser may send any path, so links are followed before it is looked at."""
    try:
        found = Path(path).resolve(strict=True)
        is_cached = found.is_relative_to(Path(get_upload_folder()).resolve()) and found.is_file()
    except (OSError, ValueError, TypeError, RuntimeError):
        raise InputError("is a file that is no longer there.") from None
    if not is_cached:
        raise InputError("is a file that was neither uploaded nor made by the app; it is not read.")
    return found


# Files among other values


def read_anything(value: Any, keep: Keep) -> JsonValue:
    """Return the value as JSON, the files in it kept and named by their stored forms."""
    return copy_value(value, keep)


def copy_value(value: Any, keep: Keep | None, depth: int = 0) -> JsonValue:
    """Return the value as JSON; without `keep`, what looks like a file is left as it is."""
    if depth > _DEEPEST:
        raise InputError("holds values nested more than 100 deep.")
    if keep and _is_file(value):
        return _copy_file(value, keep)
    if isinstance(value, Mapping):
        return {str(key): copy_value(each, keep, depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [copy_value(each, keep, depth + 1) for each in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)


def _copy_file(value: Mapping[str, Any], keep: Keep) -> JsonValue:
    """Return the kept file; of one that is not kept, its name and why."""
    try:
        return read_file(value, keep)
    except InputError as error:
        return {"name": str(value.get("orig_name") or ""), "missing": str(error)}


def _is_file(value: Any) -> bool:
    """Return whether Gradio means a file by the value."""
    meta = value.get("meta") if isinstance(value, Mapping) else None
    return isinstance(meta, Mapping) and meta.get("_type") == "gradio.FileData"
