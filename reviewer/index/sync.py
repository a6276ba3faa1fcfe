"""Brings an index up to date with its logs: reads the bytes behind the last position and folds them in.

The rule: rows and the position they end at are written in one transaction, so the index is always the
fold of a prefix of the logs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from reviewer.index.sql import load_sql
from reviewer.log import STREAMS, Log, Position, Tail
from reviewer.log.csv_log import LogRewrittenError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLES = ("flags", "reviews", "predictions", "read_positions", "rejected_rows")
_FOLD = ("fold_events", "fold_reset", "fold_decisions", "fold_verdicts", "fold_counts")


def create_tables(connection: DuckDBPyConnection) -> None:
    """Create the empty index in a new file."""
    connection.execute(load_sql("schema"))
    for stream in STREAMS:
        connection.execute("insert into read_positions values ($stream, 1, 0, 0, 0, 0)", {"stream": stream})


def sync_index(connection: DuckDBPyConnection, logs: Mapping[str, Log]) -> None:
    """Read what the logs gained since the last time; start over when a log was rewritten."""
    try:
        _read_all(connection, logs)
    except LogRewrittenError:
        _empty_tables(connection)
        _read_all(connection, logs)


def _read_all(connection: DuckDBPyConnection, logs: Mapping[str, Log]) -> None:
    _read_stream(connection, logs, "predictions")
    _read_stream(connection, logs, "flags")
    _read_stream(connection, logs, "reviews")


def _read_stream(connection: DuckDBPyConnection, logs: Mapping[str, Log], stream: str) -> None:
    position, count = _find_position(connection, stream)
    while True:
        tail = logs[stream].tail(position)
        if tail.position == position:
            return
        if stream == "reviews":
            # A flag is durable before its first review, but may be newer than the flags read so far.
            _read_stream(connection, logs, "flags")
        _add_tail(connection, stream, tail, count)
        position, count = tail.position, count + tail.rows.num_rows


def _find_position(connection: DuckDBPyConnection, stream: str) -> tuple[Position, int]:
    row = connection.execute(
        "select segment, inode, byte_offset, mark, row_count from read_positions where stream = $stream",
        {"stream": stream},
    ).fetchone()
    if row is None:
        return Position(), 0
    return Position(*row[:4]), row[4]


def _add_tail(connection: DuckDBPyConnection, stream: str, tail: Tail, count: int) -> None:
    connection.execute("begin")
    try:
        _add_rows(connection, stream, tail.rows, count)
        _note_rejected(connection, stream, tail.rejected)
        _save_position(connection, stream, tail.position, count + tail.rows.num_rows)
        connection.execute("commit")
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a damaged file cannot even do that
            connection.execute("rollback")
        raise


def _add_rows(connection: DuckDBPyConnection, stream: str, rows: pa.Table, count: int) -> None:
    if not rows.num_rows:
        return
    positions = pa.arange(count, count + rows.num_rows)  # pa.array would import pandas
    connection.register("incoming", rows.append_column("position", positions))
    connection.execute(load_sql(f"add_{stream}"))
    connection.execute(load_sql(f"reject_{stream}"))
    connection.unregister("incoming")
    if stream == "reviews":
        _fold_reviews(connection, count)


def _fold_reviews(connection: DuckDBPyConnection, first: int) -> None:
    for name in _FOLD:
        connection.execute(load_sql(name), {"first": first} if name == "fold_events" else None)


def _note_rejected(connection: DuckDBPyConnection, stream: str, reasons: tuple[str, ...]) -> None:
    for reason in reasons:
        connection.execute(
            "insert into rejected_rows values ($stream, $reason)", {"stream": stream, "reason": reason}
        )


def _save_position(connection: DuckDBPyConnection, stream: str, position: Position, count: int) -> None:
    connection.execute(
        "update read_positions set segment = $segment, inode = $inode, byte_offset = $offset,"
        " mark = $mark, row_count = $count where stream = $stream",
        {"stream": stream, "count": count, **asdict(position)},
    )


def _empty_tables(connection: DuckDBPyConnection) -> None:
    connection.execute("begin")
    for table in _TABLES:
        connection.execute(f"delete from {table}")  # noqa: S608  a name from the tuple above
    for stream in STREAMS:
        connection.execute("insert into read_positions values ($stream, 1, 0, 0, 0, 0)", {"stream": stream})
    connection.execute("commit")
