"""Brings an index up to date with its logs: reads the bytes behind the last position and folds them in.

The rule: rows and the position they end at are written in one transaction, so the index is always the
fold of a prefix of the logs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from reviewer.index.sql import load_sql
from reviewer.labels import CurrentName, list_current
from reviewer.log import Log, LogRewrittenError, Position, Tail
from reviewer.log.columns import decode_record
from reviewer.records import LabelChange

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LOOSE_COUNTS = 1000
"""Rows of counts that may lie unpacked however few kinds there are."""

_NO_EVENT = 1 << 62
"""A position that no event has."""

INDEXED = ("flags", "reviews", "predictions", "labels")
"""Streams that are in the index."""

_NAMES_SCHEMA = pa.schema(
    [(name, pa.bool_() if name == "is_ended" else pa.string()) for name in CurrentName._fields]
)

_TABLES = (
    "flags",
    "flag_counts",
    "derived_from",
    "wrong_shares",
    "reviews",
    "predictions",
    "labels",
    "current_names",
    "read_positions",
    "rejected_rows",
)


@dataclass
class _Place:
    """Up to where a log is in the index."""

    stream: str
    count: int
    """Rows before the position."""
    position: Position


def create_tables(connection: DuckDBPyConnection) -> None:
    """Create the empty index in a new file."""
    connection.execute(load_sql("schema"))
    _add_places(connection)


def sync_index(connection: DuckDBPyConnection, logs: Mapping[str, Log]) -> bool:
    """Read what the logs gained since the last time; returns whether a rewritten log made it start over."""
    try:
        _read_all(connection, logs)
    except LogRewrittenError:
        _empty_tables(connection)
        _read_all(connection, logs)
        return True
    return False


def _read_all(connection: DuckDBPyConnection, logs: Mapping[str, Log]) -> None:
    places = _find_places(connection)
    _read_stream(connection, logs["labels"], places["labels"])
    _read_stream(connection, logs["predictions"], places["predictions"])
    while True:
        reviews = logs["reviews"].tail(places["reviews"].position)
        # A flag is durable before its first review, so the flags are read after the reviews.
        _read_stream(connection, logs["flags"], places["flags"])
        if reviews.position == places["reviews"].position:
            return
        with transaction(connection):
            _add_tail(connection, places["reviews"], reviews)


def _read_stream(connection: DuckDBPyConnection, log: Log, place: _Place) -> None:
    """Add all new rows of a log in one transaction: DuckDB packs many rows at once twice as fast."""
    tail = log.tail(place.position)
    if tail.position == place.position:
        return
    with transaction(connection):
        while tail.position != place.position:
            _add_tail(connection, place, tail)
            tail = log.tail(place.position)


@contextlib.contextmanager
def transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    """Write all that happens inside, or nothing."""
    connection.execute("begin")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a damaged file cannot even do that
            connection.execute("rollback")
        raise


def _find_places(connection: DuckDBPyConnection) -> dict[str, _Place]:
    rows = connection.execute(
        "select stream, row_count, segment, inode, byte_offset, mark from read_positions"
    ).fetchall()
    return {stream: _Place(stream, count, Position(*position)) for stream, count, *position in rows}


def _add_tail(connection: DuckDBPyConnection, place: _Place, tail: Tail) -> None:
    first, place.count = place.count, place.count + tail.rows.num_rows
    place.position = tail.position
    _add_rows(connection, place.stream, tail.rows, first)
    _note_rejected(connection, place.stream, tail.rejected)
    _save_place(connection, place)


def _add_rows(connection: DuckDBPyConnection, stream: str, rows: pa.Table, first: int) -> None:
    if not rows.num_rows:
        return
    positions = pa.arange(first, first + rows.num_rows)  # pa.array would import pandas
    connection.register("incoming", rows.append_column("position", positions))
    added = connection.execute(load_sql(f"add_{stream}")).fetchone()
    if added != (rows.num_rows,):
        connection.execute(load_sql(f"reject_{stream}"))
    connection.unregister("incoming")
    _FOLDS[stream](connection, first)
    _pack_counts(connection)


def _count_flags(connection: DuckDBPyConnection, first: int) -> None:
    if _has_names(connection):
        _apply_names(connection, "position >= $first", {"first": first})
    _count(connection, "position >= $first", first, 1)


def _has_names(connection: DuckDBPyConnection) -> bool:
    return connection.execute("select 1 from current_names limit 1").fetchone() is not None


def _apply_names(connection: DuckDBPyConnection, condition: str, values: dict[str, int]) -> None:
    """Let the flags have the names of today."""
    connection.execute(
        f"create or replace temp table renamed as select position from flags where {condition}",  # noqa: S608
        values,
    )
    connection.execute(load_sql("apply_names"))


def _fold_labels(connection: DuckDBPyConnection, first: int) -> None:
    """Find the names anew, and bring the flags up to date that one of them is about."""
    changed = _save_names(connection)
    if not changed:
        return
    connection.execute(load_sql("find_renamed"))
    touched = "position in (select position from renamed)"
    _count(connection, touched, None, -1)
    _fold_second_answers(connection)
    connection.execute(load_sql("apply_names"))
    _count(connection, touched, None, 1)
    connection.execute("update derived_from set reviews = 0")
    _share_wrong(connection)


def _fold_second_answers(connection: DuckDBPyConnection) -> None:
    """Compare anew the two answers to each of the flags in `renamed` that has them."""
    rows = connection.execute(
        "select flag_id::varchar from flags join renamed using (position) where second_review is not null"
    ).fetchall()
    if rows:
        values = {"first": _NO_EVENT, "again": [flag_id for (flag_id,) in rows]}
        connection.execute(load_sql("fold_reviews"), values)
        connection.execute(load_sql("fold_mentions"), values)


def _save_names(connection: DuckDBPyConnection) -> bool:
    """Write what became of each written name; the table `changed_names` has those that are another now."""
    found = connection.execute(load_sql("applied_labels"))
    names = [column[0] for column in found.description or ()]
    changes = [decode_record(LabelChange, dict(zip(names, row, strict=True))) for row in found.fetchall()]
    now = list_current(changes)
    table = pa.table(
        {name: [getattr(each, name) for each in now] for name in CurrentName._fields}, _NAMES_SCHEMA
    )
    connection.register("names_now", table)
    connection.execute(
        "create or replace temp table changed_names as"
        " (from names_now except from current_names) union (from current_names except from names_now)"
    )
    connection.execute("delete from current_names")
    connection.execute("insert into current_names by name from names_now")
    connection.unregister("names_now")
    return connection.execute("select 1 from changed_names limit 1").fetchone() is not None


def _fold_reviews(connection: DuckDBPyConnection, first: int) -> None:
    """Fold the new events into their flags, which are taken off the counts before and added again after."""
    touched = "flag_id in (select flag_id from reviews where position >= $first and is_applied)"
    _count(connection, touched, first, -1)
    connection.execute(load_sql("fold_reviews"), {"first": first, "again": []})
    commented = f"select 1 from flags where comments > 0 and {touched} limit 1"  # noqa: S608  constant texts
    if connection.execute(commented, {"first": first}).fetchone():
        connection.execute(load_sql("fold_mentions"), {"first": first, "again": []})
    if _has_names(connection):
        _apply_names(connection, touched, {"first": first})
    _count(connection, touched, first, 1)
    _share_wrong(connection)


def _share_wrong(connection: DuckDBPyConnection) -> None:
    """Find anew how often each kind of flag is wrong, once there are a tenth more reviews."""
    row = connection.execute(load_sql("count_reviews")).fetchone()
    if row and row[0] * 10 > row[1] * 11:
        connection.execute("delete from wrong_shares")
        connection.execute(f"insert into wrong_shares by name {load_sql('wrong_shares')}")
        connection.execute("update derived_from set reviews = $reviews", {"reviews": row[0]})


def _count(connection: DuckDBPyConnection, condition: str, first: int | None, sign: int) -> None:
    counted = f"{load_sql('count_flags')} and {condition} group by all"
    values = {"sign": sign} if first is None else {"first": first, "sign": sign}
    connection.execute(
        f"insert into flag_counts by name select * replace (flags * $sign as flags) from ({counted})",  # noqa: S608
        values,
    )


def _pack_counts(connection: DuckDBPyConnection) -> None:
    """Add up the rows of one kind once there are more than twice as many rows as kinds."""
    row = connection.execute(load_sql("count_kinds")).fetchone()
    if row and row[0] > 2 * row[1] + _LOOSE_COUNTS:
        connection.execute(load_sql("pack_counts"))


_FOLDS: dict[str, Callable[[DuckDBPyConnection, int], None]] = {
    "flags": _count_flags,
    "reviews": _fold_reviews,
    "predictions": lambda connection, first: None,
    "labels": _fold_labels,
}
"""What follows from new rows of a stream, which begin at a position."""


def _note_rejected(connection: DuckDBPyConnection, stream: str, reasons: tuple[str, ...]) -> None:
    for reason in reasons:
        connection.execute(
            "insert into rejected_rows values ($stream, $reason)", {"stream": stream, "reason": reason}
        )


def _save_place(connection: DuckDBPyConnection, place: _Place) -> None:
    connection.execute(
        "update read_positions set segment = $segment, inode = $inode, byte_offset = $offset,"
        " mark = $mark, row_count = $count where stream = $stream",
        {"stream": place.stream, "count": place.count, **asdict(place.position)},
    )


def _empty_tables(connection: DuckDBPyConnection) -> None:
    with transaction(connection):
        for table in _TABLES:
            connection.execute(f"delete from {table}")  # noqa: S608  a name from the tuple above
        connection.execute("insert into derived_from values (0, 0)")
        _add_places(connection)


def _add_places(connection: DuckDBPyConnection) -> None:
    for stream in INDEXED:
        connection.execute("insert into read_positions values ($stream, 1, 0, 0, 0, 0)", {"stream": stream})
