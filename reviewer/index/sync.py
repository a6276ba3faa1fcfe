"""Brings an index up to date with its logs: reads the bytes behind the last position and folds them in.

The rule: rows and the position they end at are written in one transaction, so the index is always the
fold of a prefix of the logs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from reviewer.index.sql import load_sql
from reviewer.log import STREAMS, Log, Position, Tail
from reviewer.log.csv_log import LogRewrittenError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLES = ("flags", "reviews", "predictions", "read_positions", "rejected_rows")


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


def sync_index(connection: DuckDBPyConnection, logs: Mapping[str, Log]) -> None:
    """Read what the logs gained since the last time; start over when a log was rewritten."""
    try:
        _read_all(connection, logs)
    except LogRewrittenError:
        _empty_tables(connection)
        _read_all(connection, logs)


def _read_all(connection: DuckDBPyConnection, logs: Mapping[str, Log]) -> None:
    places = _find_places(connection)
    _read_stream(connection, logs["predictions"], places["predictions"])
    while True:
        reviews = logs["reviews"].tail(places["reviews"].position)
        # A flag is durable before its first review, so the flags are read after the reviews.
        _read_stream(connection, logs["flags"], places["flags"])
        if reviews.position == places["reviews"].position:
            return
        with _transaction(connection):
            _add_tail(connection, places["reviews"], reviews)


def _read_stream(connection: DuckDBPyConnection, log: Log, place: _Place) -> None:
    """Add all new rows of a log in one transaction: DuckDB packs many rows at once twice as fast."""
    tail = log.tail(place.position)
    if tail.position == place.position:
        return
    with _transaction(connection):
        while tail.position != place.position:
            _add_tail(connection, place, tail)
            tail = log.tail(place.position)


@contextlib.contextmanager
def _transaction(connection: DuckDBPyConnection) -> Iterator[None]:
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
    if stream == "reviews":
        connection.execute(load_sql("fold_reviews"), {"first": first})


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
    with _transaction(connection):
        for table in _TABLES:
            connection.execute(f"delete from {table}")  # noqa: S608  a name from the tuple above
        _add_places(connection)


def _add_places(connection: DuckDBPyConnection) -> None:
    for stream in STREAMS:
        connection.execute("insert into read_positions values ($stream, 1, 0, 0, 0, 0)", {"stream": stream})
