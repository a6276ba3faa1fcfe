"""Records as JSON-ready dicts and rows as CSV, the same for the command line and the HTTP API.

The rule: a payload says exactly what the record says, under the record's own names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from reviewer.log.columns import format_line, format_time
from reviewer.records import Flag, FlagState

Payload = dict[str, Any]


def build_payload(record: Any) -> Payload:
    """Return a record's fields, or a row's columns, as values that JSON holds.

    A flag's state stands beside the flag's own fields. Times become ISO 8601 with `Z` (a time without a zone
    is UTC, as in the index), ids and paths texts, NaN and infinities their names.
    """
    values = _list_values(record)
    if isinstance(record, Flag):
        values |= _list_values(values.pop("state"))
    return {str(name): _build_value(value) for name, value in values.items()}


def list_columns(kind: type[Any]) -> list[str]:
    """Return the keys of a record type's payload, in order."""
    names = [each.name for each in fields(kind) if each.name != "state"]
    return names + list_columns(FlagState) if kind is Flag else names


def _list_values(record: Any) -> dict[Any, Any]:
    if isinstance(record, Mapping):
        return dict(record)
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _build_value(value: Any) -> Any:
    build = _BUILDERS.get(type(value))
    return build(value) if build else _build_other(value)


def _build_other(value: Any) -> Any:
    """Return the value of a type that is not known by itself: enums, records, mappings of some kind."""
    if isinstance(value, Mapping) or hasattr(value, "__dataclass_fields__"):
        return build_payload(value)
    known = next((each for each in _BUILDERS if isinstance(value, each)), None)
    return _BUILDERS[known](value) if known else value


def _build_time(value: datetime) -> str:
    return format_time(value if value.tzinfo else value.replace(tzinfo=UTC))


def _build_list(value: Sequence[Any]) -> list[Any]:
    return [_build_value(each) for each in value]


_BUILDERS: dict[type[Any], Callable[[Any], Any]] = {
    str: str,
    int: lambda value: value,
    bool: lambda value: value,
    type(None): lambda value: value,
    float: lambda value: value if math.isfinite(value) else str(value),
    UUID: str,
    Path: str,
    datetime: _build_time,
    list: _build_list,
    tuple: _build_list,
    dict: build_payload,
}
"""Type → how a value of it is built: a page of the queue has thousands, so types are looked up."""


def format_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a header and rows as CSV, quoted as RFC 4180 says, lines ended by `\\n` like the logs'."""
    return b"".join(stream_csv(columns, [rows])).decode()


def stream_csv(columns: Sequence[str], parts: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """Yield a header and rows as CSV, one piece per part, so that no more than a part is held as text."""
    yield format_line(columns).encode()
    for rows in parts:
        yield "".join(format_line(map(build_cell, row)) for row in rows).encode()


def build_cell(value: Any) -> str:
    """Return a payload's value as one cell: "" for None, a text as it is, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
