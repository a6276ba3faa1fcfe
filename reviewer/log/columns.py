"""The columns of each log and how a record's value becomes a CSV cell and a value again.

Cells are exact: a text is written as it is, a number as Python's shortest round-trip form, a structured
value as JSON. An absent value is the empty cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_type_hints

from reviewer.errors import InputError
from reviewer.records import Flag, FlagState, JsonValue, Prediction, Review

STREAMS: dict[str, type[Any]] = {"flags": Flag, "reviews": Review, "predictions": Prediction}
"""Name of each log → the record that one of its rows holds."""

_find_special = re.compile(r'[",\r\n]').search
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=list)

_TEXT = (str, str | None)
_NUMBERS: dict[Any, Callable[[Any], Any]] = {
    int: int,
    int | None: int,
    float: float,
    float | None: float,
}
_TIMES = (datetime, datetime | None)
_KINDS: dict[Any, dict[str, Any]] = {
    each: get_type_hints(each) for each in (Flag, FlagState, Review, Prediction)
}


@cache
def columns_of(stream: str) -> tuple[str, ...]:
    """Return the column names of a log, in file order."""
    return tuple(each.name for each in fields(STREAMS[stream]) if each.metadata.get("logged", True))


@cache
def _encoders_of(stream: str) -> tuple[tuple[str, Callable[[str, Any], str]], ...]:
    """Return each column of the log with what makes a cell of its name and value."""
    kinds = _KINDS[STREAMS[stream]]
    return tuple((name, _find_encoder(kinds[name])) for name in columns_of(stream))


def _find_encoder(kind: Any) -> Callable[[str, Any], str]:
    if kind in _TEXT:
        return _encode_text
    if kind in _NUMBERS:
        number = _NUMBERS[kind]
        return lambda _, value: repr(number(value))
    if kind in _TIMES:
        return lambda _, value: format_time(value)
    return lambda _, value: encode_json(value)


def encode_row(stream: str, record: Any) -> tuple[str, ...]:
    """Return the record's cells in the order of `columns_of(stream)`."""
    cells = [(name, encode, getattr(record, name)) for name, encode in _encoders_of(stream)]
    return tuple(["" if value is None else encode(name, value) for name, encode, value in cells])


def _encode_text(name: str, value: Any) -> str:
    text = str(value)
    if "\0" in text:
        raise InputError(f"{name} holds a NUL character, which no CSV reader can take; remove it.")
    try:
        return text if text.isascii() else str(text.encode(), "utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name} holds half a character at position {error.start}, which UTF-8 cannot write; remove it."
        ) from None


def encode_json(value: JsonValue) -> str:
    """Return the value as compact JSON; raises `InputError` when a text in it cannot be UTF-8."""
    return _encode_text("A value", _JSON.encode(value))


def format_line(cells: Iterable[str]) -> str:
    """Return one line of CSV, quoted as RFC 4180 asks, ended by `\\n`.

    Python's own writer leaves a lone carriage return unquoted, where other readers then end the row; a row
    of one empty cell would be an empty line, which readers skip.
    """
    quoted = [
        _quote(each) if each and (_find_special(each) or each != each.strip()) else each for each in cells
    ]
    return (",".join(quoted) or '""') + "\n"


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def format_time(moment: datetime) -> str:
    """Return an aware time as ISO 8601 UTC with `Z` and microseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def decode_record(record: type[Any], values: Mapping[str, Any]) -> Any:
    """Return the record that a row of the index holds; columns the record lacks are left out.

    Values are DuckDB's: naive UTC times, JSON texts, UUID objects, None for an empty cell.
    """
    kinds = _KINDS[record]
    decoded = {
        name: _decode_value(kinds[name], value)
        for name, value in values.items()
        if name in kinds and value is not None
    }
    return record(**decoded)


def _decode_value(kind: Any, value: Any) -> Any:
    if kind in _TEXT:
        return str(value)
    if kind in _NUMBERS:
        return _NUMBERS[kind](value)
    if kind in _TIMES:
        return value.replace(tzinfo=UTC)
    if kind is bool:
        return value
    parsed = json.loads(value)
    return tuple(parsed) if kind == tuple[str, ...] else parsed
