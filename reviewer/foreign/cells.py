"""What one cell of a flag file says, by the component it came from.

A reader takes the cell's text and the flag file's folder and returns a JSON value, in which a `MediaFile` or
`MediaBytes` stands for a picture or file; it raises `ValueError`, as the end of a sentence that starts with
the column's name, when the cell is nothing of the kind.
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from reviewer.foreign.folder import MOST_BYTES, FlagFolder, MediaFile, MissingFileError
from reviewer.models.files import is_json
from reviewer.records import JsonValue

Reader: TypeAlias = Callable[[str, FlagFolder], Any]

IMAGES = ("png", "jpg", "jpeg", "webp", "gif")
SOUNDS = ("wav", "mp3", "flac", "ogg")

_NUMBER = re.compile(r"'?([+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)")
_NO_NUMBER = {"nan", "inf", "-inf", "infinity", "-infinity", "null", "none", ""}
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?")
_YES_NO = {"true": True, "false": False}
_REPR_TEXT = r"""(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_REPR_TEXTS = re.compile(rf"\[(?:{_REPR_TEXT}(?:, {_REPR_TEXT})*)?\]")
"""A flat list of texts as Python writes it, which holds nothing to be run."""
_SIDE_FILE_CELL = re.compile(r"/.*/tmp\w+\.json")
_MOST_PROBABLE = 1 + 1e-6
"""Probabilities in single precision may be a little more than 1."""
_DEEPEST = 100
_DATA_URL = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,(.*)", re.DOTALL)
_UNSAFE_STARTS = ("=", "+", "-", "@", "\t", "\n")
_APOSTROPHE_DOUBT = "the ' before it may be the logger's"
_UNSAFE_PARTS = tuple("," + each for each in _UNSAFE_STARTS)


@dataclass(frozen=True, slots=True)
class MediaBytes:
    """A picture that stands in the cell itself."""

    data: bytes


class LabelCell(NamedTuple):
    """The answer of a classifier."""

    label: str | None
    scores: dict[str, float] | None
    """Most probable first."""
    left_out: str = ""
    """Scores that are no probabilities, as JSON."""


# Values


def read_text(cell: str, folder: FlagFolder) -> str:
    """Return the text as it is stored."""
    return cell


def read_number(cell: str, folder: FlagFolder) -> float | int | None:
    """Return the number; None for an empty cell and for what is no finite number."""
    if cell.lower() in _NO_NUMBER:
        return None
    found = _NUMBER.fullmatch(cell)
    number = float(found[1]) if found else math.nan
    if not math.isfinite(number):
        raise ValueError(f"is {cell[:80]!r}; a number is needed")
    return int(number) if number.is_integer() and abs(number) <= 2**53 else number


def read_yes_no(cell: str, folder: FlagFolder) -> bool | None:
    """Return whether the box was ticked, None for an empty cell."""
    if cell and cell.lower() not in _YES_NO:
        raise ValueError(f"is {cell[:80]!r}; true or false is needed")
    return _YES_NO[cell.lower()] if cell else None


def read_date(cell: str, folder: FlagFolder) -> str | None:
    """Return the date, with its time when it has one, as ISO 8601; None for an empty cell."""
    if not cell:
        return None
    if not _DATE.fullmatch(cell):
        raise ValueError(f"is {cell[:80]!r}; a date is needed")
    return cell if len(cell) == 10 else datetime.fromisoformat(cell).isoformat()


def read_texts(cell: str, folder: FlagFolder) -> list[str] | None:
    """Return a list of texts, which 3.16 to 4.21 wrote as Python does; None for an empty cell."""
    if not cell:
        return None
    is_python = bool(_REPR_TEXTS.fullmatch(cell)) and not is_json(cell)
    value = ast.literal_eval(cell) if is_python else _parse(cell)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"is {cell[:80]!r}; a list of texts is needed")
    return value


def read_json(cell: str, folder: FlagFolder) -> JsonValue:
    """Return the object or list in the cell or in the side file it names; None for an empty cell."""
    if not cell:
        return None
    value = _parse(_read_side_file(cell, folder) or cell)
    if not isinstance(value, (dict, list)):
        raise ValueError(f"is {cell[:80]!r}; JSON is needed")
    return value


def _read_side_file(cell: str, folder: FlagFolder) -> str | None:
    """Return the text of the JSON file beside the log that 3.16 to 3.50 wrote for a structured value."""
    if not cell.endswith(".json"):
        return None
    found = folder.find(cell)
    if found is None:
        raise MissingFileError(f"names {cell[-120:]!r}, which is not in the folder")
    try:
        if found.stat().st_size > MOST_BYTES:
            raise ValueError(f"names {found.name!r}, which is too long")
        return found.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"names {found.name!r}, which cannot be read: {error.strerror}") from None


def _parse(text: str) -> JsonValue:
    """Return the JSON value; versions up to 6.0 put `'` before some.

    NaN and infinities, which JSON has not, become their names.
    """
    try:
        value = json.loads(text[text.startswith(("'{", "'[")) :], parse_constant=str)
        _check_depth(value, _DEEPEST)
        return value
    except (ValueError, RecursionError):
        raise ValueError(f"is {text[:80]!r}; JSON that can be read is needed") from None


def _check_depth(value: JsonValue, most: int) -> None:
    """Raise `ValueError` for lists and objects that are too deep inside one another for other programs."""
    if isinstance(value, (dict, list)):
        if not most:
            raise ValueError
        for each in value.values() if isinstance(value, dict) else value:
            _check_depth(each, most - 1)


# Media


def read_file(cell: str, folder: FlagFolder) -> MediaFile | None:
    """Return the file that the cell names, None for an empty cell."""
    if not cell:
        return None
    data = _read_file_data(cell)
    path = str(data["path"]) if data else cell
    found = folder.find_flagged(path)
    if found is None or (not data and folder.is_side_file(found)):
        raise ValueError(f"is {cell[:80]!r}; a file in the folder is needed")
    name = data.get("orig_name") if data else None
    return MediaFile(found, Path(str(name or found.name)).name)


def _read_file_data(cell: str) -> Mapping[str, Any] | None:
    """Return what 4.0 to 4.21 and the simple logger wrote of a file, of a drawing its composed picture."""
    if not cell.startswith(("{", "'{")):
        return None
    value = _parse(cell)
    if "layers" in value and (composite := value.get("composite")):
        value = {"path": composite, "meta": None} if isinstance(composite, str) else composite
    if not _is_file_data(value):
        raise ValueError(f"is {cell[:80]!r}; a file is needed")
    return dict(value)


def _is_file_data(value: JsonValue) -> bool:
    return isinstance(value, dict) and "path" in value and bool({"url", "orig_name", "meta"} & set(value))


def _read_ending(cell: str, folder: FlagFolder, endings: tuple[str, ...], what: str) -> MediaFile | None:
    try:
        found = read_file(cell, folder)
    except MissingFileError:
        if not cell.rstrip('"}').lower().endswith(endings) and not cell.startswith("{"):
            raise ValueError(f"is {cell[:80]!r}; {what} is needed") from None
        raise
    if found and find_ending(found.path) not in endings:
        raise ValueError(f"is the file {found.name!r}; {what} ({', '.join(endings)}) is needed")
    return found


def read_image(cell: str, folder: FlagFolder) -> MediaFile | None:
    """Return the picture that the cell names, None for an empty cell."""
    return _read_ending(cell, folder, IMAGES, "a picture")


def read_audio(cell: str, folder: FlagFolder) -> MediaFile | None:
    """Return the recording that the cell names, None for an empty cell."""
    return _read_ending(cell, folder, SOUNDS, "a recording")


def find_ending(path: Path) -> str:
    """Return the ending of the file's name, in small letters and without the dot."""
    return path.suffix.lower().removeprefix(".")


def read_files(cell: str, folder: FlagFolder) -> list[MediaFile | None]:
    """Return the files of a list of paths."""
    paths = read_texts(cell, folder)
    if not paths:
        raise ValueError("is no list of files")
    return [read_file(each, folder) for each in paths]


# Answers


def read_label(cell: str, folder: FlagFolder) -> LabelCell:
    """Return the label with its scores; a plain text is a label alone."""
    if cell.startswith(("{", "'{")) or (cell.endswith(".json") and folder.find(cell)):
        return read_scored_label(cell, folder)
    return LabelCell(cell or None, None)


def read_scored_label(cell: str, folder: FlagFolder) -> LabelCell:
    """Return the label of an object as each version wrote it: `{"label", "confidences"}` or label → score."""
    value = read_json(cell, folder)
    if not isinstance(value, dict):
        raise ValueError("is no label")
    if "label" not in value:
        if not any(isinstance(each, float) for each in value.values()):
            raise ValueError("is no label")  # shares are fractions; whole numbers count something
        return _rank(_check_scores(value))
    label, confidences = value["label"], value.get("confidences")
    if isinstance(label, (dict, list)) or not set(value) <= {"label", "confidences"}:
        raise ValueError("is no label")
    if not confidences:
        return LabelCell(None if label is None else str(label), None)
    scores = _pair_up(confidences)
    try:
        return LabelCell(str(label), _rank(_check_scores(scores)).scores)
    except ValueError:
        return LabelCell(str(label), None, json.dumps(scores))


def _pair_up(confidences: Any) -> dict[str, Any]:
    try:
        return {str(each["label"]): each["confidence"] for each in confidences}
    except (TypeError, KeyError):
        raise ValueError("is a label without confidences that can be read") from None


def _check_scores(scores: Mapping[str, Any]) -> dict[str, float]:
    are_shares = all(type(each) in (int, float) and 0 <= each <= _MOST_PROBABLE for each in scores.values())
    if not scores or not are_shares:
        raise ValueError("is no label with scores from 0 to 1")
    return {label: float(score) for label, score in scores.items()}


def _rank(scores: Mapping[str, float]) -> LabelCell:
    ranked = dict(sorted(scores.items(), key=lambda each: -each[1]))
    return LabelCell(next(iter(ranked)), ranked)


def read_table(cell: str, folder: FlagFolder) -> JsonValue:
    """Return `{"columns", "rows"}`; a list of rows, as 2.x wrote it, has its columns numbered."""
    value: Any = read_json(cell, folder)
    if value is None:
        return None
    if isinstance(value, list):
        value = {"headers": range(1, 1 + max(map(_count, value), default=0)), "data": value}
    rows, columns = value.get("data"), value.get("headers")
    if not isinstance(rows, list) or columns is None or any(_count(each) != len(columns) for each in rows):
        raise ValueError("is no table")
    return {"columns": [str(each) for each in columns], "rows": rows}


def _count(row: Any) -> int:
    if not isinstance(row, list) or any(isinstance(each, (list, dict)) for each in row):
        raise ValueError("is no table")
    return len(row)


def read_highlighted(cell: str, folder: FlagFolder) -> list[list[Any]] | None:
    """Return the pieces of a text, each with its label, score or None."""
    value = read_json(cell, folder)
    if value is None:
        return None
    if not isinstance(value, list) or not value:
        raise ValueError("is no highlighted text")
    return [_read_piece(each) for each in value]


def _read_piece(piece: Any) -> list[Any]:
    """Return text and mark: up to 3.50 a pair, later an object."""
    if isinstance(piece, dict) and set(piece) == {"token", "class_or_confidence"}:
        piece = list(piece.values())
    is_pair = isinstance(piece, list) and len(piece) == 2 and isinstance(piece[0], str)
    if not is_pair or isinstance(piece[1], (dict, list)):
        raise ValueError("is no highlighted text")
    return list(piece)


def read_marked(cell: str, folder: FlagFolder) -> list[list[Any]] | None:
    """Return highlighted text that no table looks like: a piece of it has no mark."""
    pieces = read_highlighted(cell, folder)
    if pieces and not any(mark is None for _, mark in pieces) and '"token"' not in cell:
        raise ValueError("is no highlighted text")
    return pieces


def read_plot(cell: str, folder: FlagFolder) -> Any:
    """Return a Plotly figure's JSON, or the picture of any other plot."""
    value = read_json(cell, folder)
    if value is None:
        return None
    plot = value.get("plot") if isinstance(value, dict) and "type" in value else None
    if not isinstance(plot, str):
        raise ValueError("is no plot")
    picture = _DATA_URL.fullmatch(plot)
    return _decode_picture(picture) if picture else {"plotly": _parse(plot)}


def _decode_picture(picture: re.Match[str]) -> MediaBytes:
    try:
        return MediaBytes(base64.b64decode(picture[1], validate=True))
    except binascii.Error:
        raise ValueError("holds a picture that cannot be read") from None


def read_message(cell: str, folder: FlagFolder) -> JsonValue:
    """Return the text and files that somebody sent in one message."""
    value = read_json(cell, folder)
    if value is not None and (not isinstance(value, dict) or set(value) != {"text", "files"}):
        raise ValueError(f"is {cell[:80]!r}; a text with files is needed")
    return value


def read_anything(cell: str, folder: FlagFolder) -> Any:
    """Return the first that the cell can be of: a file, an object or list, yes or no, a text.

    Flagged files that an object or list names are `MediaFile` in it.
    """
    for reader in (read_file, read_texts, read_json, read_yes_no):
        try:
            return _attach_files(reader(cell, folder), folder)
        except MissingFileError:
            raise
        except ValueError:
            continue
    return cell


def _attach_files(value: Any, folder: FlagFolder) -> Any:
    if isinstance(value, list):
        return [_attach_files(each, folder) for each in value]
    if isinstance(value, dict) and not _is_file_data(value):
        return {key: _attach_files(each, folder) for key, each in value.items()}
    path = value["path"] if isinstance(value, dict) else value
    found = folder.find(path) if isinstance(path, str) else None
    return MediaFile(found, found.name) if found else value


READERS: dict[str, dict[str, Reader]] = {
    "input": {
        "textbox": read_text,
        "number": read_number,
        "slider": read_number,
        "checkbox": read_yes_no,
        "checkbox_group": read_texts,
        "radio": read_text,
        "dropdown": read_text,
        "date": read_date,
        "file": read_file,
        "image": read_image,
        "sketch": read_image,
        "audio": read_audio,
        "table": read_table,
    },
    "output": {
        "label": read_label,
        "text": read_text,
        "number": read_number,
        "table": read_table,
        "image": read_image,
        "plot": read_plot,
        "json": read_anything,
        "highlighted_text": read_highlighted,
    },
}
"""Role of a column → component in reviewer.toml → how its cells are read."""


# What the old logger did to texts


@dataclass(frozen=True, slots=True)
class Habits:
    """What the logger that wrote a file did to texts, as far as the file shows."""

    has_apostrophes: bool = True
    """It put `'` before texts that a spreadsheet would run: all but the first versions."""
    rewrites_json: bool = True
    """It wrote a text that is JSON anew: 4.22 and later."""


def find_habits(texts: Iterable[str], cells: Iterable[str] = ()) -> Habits:
    """Return what the logger did, unless a text, or how another cell is written, shows that it did not."""
    has_apostrophes, rewrites_json = True, not any(map(_is_before_json, cells))
    for text in texts:
        if text.startswith(_UNSAFE_STARTS) or (_is_unsafe(text) and text[:1] not in "'{["):
            has_apostrophes = False
        rewrites_json = rewrites_json and text in (_rewrite_json(text), "")
    return Habits(has_apostrophes, rewrites_json)


def _is_before_json(cell: str) -> bool:
    """Return whether the cell is a list or side file as versions before 4.22 wrote them."""
    is_list = cell.startswith(("['", '["')) and bool(_REPR_TEXTS.fullmatch(cell)) and not is_json(cell)
    return is_list or bool(_SIDE_FILE_CELL.fullmatch(cell))


def restore_text(text: str, habits: Habits) -> tuple[str, str, str]:
    """Return the text, how it was repaired, and how it may differ from what was typed; "" for neither.

    Of `'a,-b` the apostrophe is the logger's, since it puts one before any text with `,-` inside. Of `'-b` it
    may have been typed. A text that is JSON may have been typed in another form.
    """
    if text.startswith("'") and habits.has_apostrophes:
        if _is_unsafe(text):
            return text[1:], "removed the ' that the logger had put before it", ""
        if text[1:].startswith(_UNSAFE_STARTS):
            return text, "", _APOSTROPHE_DOUBT
    if habits.rewrites_json and _rewrite_json(text) == text and is_json(text):
        return text, "", "the logger may have rewritten it as JSON"
    return text, "", ""


def find_altered_item(cell: str, texts: Iterable[str]) -> str:
    """Return how a list of texts may differ from what was chosen, "" when it does not.

    Where lists are written as Python does, each text in them got its own apostrophe.
    """
    has_mark = any(each.startswith("'") and each[1:].startswith(_UNSAFE_STARTS) for each in texts)
    return _APOSTROPHE_DOUBT if has_mark and _REPR_TEXTS.fullmatch(cell) else ""


def _is_unsafe(text: str) -> bool:
    return any(part in text for part in _UNSAFE_PARTS)


def _rewrite_json(text: str) -> str:
    """Return the text as the newer loggers write it, before the apostrophe."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) else json.dumps(value)
