"""The columns of each log and how a record's value becomes a CSV cell and a value again.

Cells are exact: a text is written as it is, a number as Python's shortest round-trip form, a structured
value as JSON. An absent value is the empty cell. Many rows are handled column by column, since a question
asked once of a column costs a tenth of one asked of each of its cells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any, get_type_hints

from reviewer.errors import InputError
from reviewer.records import (
    AuditEntry,
    ChainLink,
    Delivery,
    Flag,
    FlagState,
    JsonValue,
    LabelChange,
    Prediction,
    Review,
    encode_values,
)

STREAMS: dict[str, type[Any]] = {
    "flags": Flag,
    "reviews": Review,
    "predictions": Prediction,
    "labels": LabelChange,
    "audit": AuditEntry,
    "chain": ChainLink,
    "deliveries": Delivery,
}
"""Name of each log → the record that one of its rows holds."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=("\n", ":"), default=list)

_TEXT = (str, str | None)
_NUMBERS: dict[Any, Callable[[Any], Any]] = {
    int: int,
    int | None: int,
    float: float,
    float | None: float,
}
_TIMES = (datetime, datetime | None)
_KINDS: dict[Any, dict[str, Any]] = {each: get_type_hints(each) for each in (FlagState, *STREAMS.values())}


@cache
def columns_of(stream: str) -> tuple[str, ...]:
    """Return the column names of a log, in file order."""
    return tuple(each.name for each in fields(STREAMS[stream]) if each.metadata.get("logged", True))


_Encoder = Callable[[str, Sequence[Any]], Sequence[str]]
"""(name, values) of a column → its cells."""


@cache
def _encoders_of(stream: str) -> tuple[tuple[str, _Encoder], ...]:
    """Return each column of the log with what makes cells of its values."""
    kinds = _KINDS[STREAMS[stream]]
    return tuple((name, _find_encoder(kinds[name])) for name in columns_of(stream))


def _find_encoder(kind: Any) -> _Encoder:
    if kind in _TEXT:
        return _encode_texts
    if kind in _NUMBERS:
        number = _NUMBERS[kind]
        return lambda _, values: ["" if each is None else repr(number(each)) for each in values]
    if kind in _TIMES:
        return lambda _, values: _encode_times(values)
    return lambda _, values: _encode_structures(values)


@cache
def _getter_of(stream: str) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*columns_of(stream))


def encode_row(stream: str, record: Any) -> tuple[str, ...]:
    """Return the record's cells in the order of `columns_of(stream)`."""
    return encode_rows(stream, [record])[0]


def encode_rows(stream: str, records: Sequence[Any]) -> list[tuple[str, ...]]:
    """Return the cells of each record, as `encode_row` does for one."""
    columns = zip(*map(_getter_of(stream), records), strict=True)
    return encode_columns(stream, dict(zip(columns_of(stream), columns, strict=False)))


def encode_columns(stream: str, columns: Mapping[str, Sequence[Any]]) -> list[tuple[str, ...]]:
    """Return the cells of the records whose values these columns are, each as long as the others."""
    cells = [encode(name, columns[name]) for name, encode in _encoders_of(stream) if columns]
    return list(zip(*cells, strict=True))


def encode_alike(stream: str, record: Any, columns: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the cells of records that differ from one in these columns alone, whose cells are given."""
    cells = dict(zip(columns_of(stream), encode_row(stream, record), strict=True))
    count = len(next(iter(columns.values())))
    # Each column that is the same in all rows is made once.
    filled = (columns.get(name) or [cells[name]] * count for name in cells)
    return list(zip(*filled, strict=True))


def _encode_texts(name: str, values: Sequence[Any]) -> Sequence[str]:
    cells = ["" if each is None else str(each) for each in values]
    text = "".join(cells)
    if "\0" in text or not text.isascii():
        for each in cells:
            _check_text(name, each)
    return cells


def _check_text(name: str, text: str) -> None:
    if "\0" in text:
        raise InputError(f"{name} holds a NUL character, which no CSV reader can take; remove it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name} holds half a character at position {error.start}, which UTF-8 cannot write; remove it."
        ) from None


def _encode_times(values: Sequence[datetime | None]) -> list[str]:
    """Return the cells; the rows of a batch share one moment, which is written once."""
    shared = {id(each): each for each in values}
    cells = {key: "" if each is None else format_time(each) for key, each in shared.items()}
    return [cells[id(each)] for each in values]


def _encode_structures(values: Sequence[JsonValue]) -> Sequence[str]:
    written = iter(encode_values(_JSON, [each for each in values if each is not None]))
    return _encode_texts("A value", [None if each is None else next(written) for each in values])


def encode_json(value: JsonValue) -> str:
    """Return the value as compact JSON; raises `InputError` when a text in it cannot be UTF-8."""
    return _encode_structures([value])[0] or "null"


def format_line(cells: Iterable[str]) -> str:
    """Return one line of CSV, quoted as RFC 4180 asks, ended by `\\n`.

    Python's own writer leaves a lone carriage return unquoted, where other readers then end the row; a row
    of one empty cell would be an empty line, which readers skip.
    """
    return _join_cells(_quote(cells))


def format_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line of CSV per row, as `format_line` does for one."""
    if len(set(map(len, rows))) > 1:
        return [format_line(each) for each in rows]
    return format_columns(list(zip(*rows, strict=True)))


def format_columns(columns: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of CSV of rows whose cells these columns hold, as `format_lines` does."""
    return [_join_cells(cells) for cells in zip(*map(_quote_column, columns), strict=True)]


def _join_cells(cells: Iterable[str]) -> str:
    return (",".join(cells) or '""') + "\n"


def _quote_column(cells: Sequence[str]) -> Sequence[str]:
    """Return the cells as they are written; in most columns, such as ids and numbers, none needs quotes."""
    text = "".join(cells)
    if text.isprintable() and not any(sign in text for sign in '", '):
        return cells
    return _quote(cells)


def _quote(cells: Iterable[str]) -> list[str]:
    """Return the cells, those in quotes that a reader could cut or trim.

    One expression, since every append waits for it and a call for each of its cells would take longer.
    """
    return [
        '"' + each.replace('"', '""') + '"'
        if '"' in each or "," in each or "\n" in each or "\r" in each or each != each.strip()
        else each
        for each in cells
    ]


def format_time(moment: datetime) -> str:
    """Return an aware time as ISO 8601 UTC with `Z` and microseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def decode_record(record: type[Any], values: Mapping[str, Any], **given: Any) -> Any:
    """Return the record that a row of the index holds; columns the record lacks are left out.

    Values are DuckDB's: naive UTC times, JSON texts, UUID objects, None for an empty cell. What is `given`
    are fields as they are, which no column holds.
    """
    decoders = _decoders_of(record)  # type: ignore[arg-type]  # a type is hashable
    decoded = {
        name: decoders[name](value)
        for name, value in values.items()
        if value is not None and name in decoders
    }
    return record(**decoded, **given)


def decode_cells(record: type[Any], cells: Mapping[str, str]) -> Any:
    """Return the record of a log's row, column → cell; raises `ValueError` when a cell is no value."""
    kinds = _KINDS[record]
    values = {
        name: datetime.fromisoformat(cell.removesuffix("Z")) if kinds[name] in _TIMES else cell
        for name, cell in cells.items()
        if cell != ""
    }
    return decode_record(record, values)


@cache
def _decoders_of(record: type[Any]) -> dict[str, Callable[[Any], Any]]:
    """Return each field of the record with what makes its value of a column's."""
    return {name: _find_decoder(kind) for name, kind in _KINDS[record].items()}


def _find_decoder(kind: Any) -> Callable[[Any], Any]:
    if kind in _TEXT:
        return str
    if kind in _NUMBERS:
        return _NUMBERS[kind]
    if kind in _TIMES:
        return lambda value: value.replace(tzinfo=UTC)
    if kind is bool:
        return bool
    return _decode_texts if kind == tuple[str, ...] else json.loads


def _decode_texts(value: str | list[str]) -> tuple[str, ...]:
    return tuple(json.loads(value) if isinstance(value, str) else value)
