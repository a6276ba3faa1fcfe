"""The process that runs one statement of an analyst: sync, walls, query, answer, end.

The rule: nothing of the statement is looked at before the walls stand, and nothing is opened after that.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import duckdb
import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

from reviewer.errors import QueryError, QueryLimitError, QueryRefusedError, ReviewerError
from reviewer.index.catalog import BLIND_VIEWS, Views, build_view
from reviewer.index.sandbox import MEBIBYTE, QueryLimits
from reviewer.index.store import SideIndex
from reviewer.index.walls import die_with_parent, raise_walls

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Statement

_READING = {"SELECT", "EXPLAIN", "MULTI"}
"""Types of statement that read; MULTI is PIVOT. It makes messages clear; the walls do the guarding."""
_ONLY_READING = "is not allowed here: run one SELECT, WITH, PIVOT, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN."

_EXACT_IN_ARROW = {
    *("null", "boolean", "varchar", "blob", "uuid", "enum", "decimal", "float", "double"),
    *("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
    *("date", "time", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"),
    "timestamp with time zone",
}
_NESTED = {"list", "array", "struct", "map"}

_ROWS_A_BATCH = 256
"""Few, so that long texts meet the limit of the result before they meet that of memory."""


def main() -> NoReturn:
    """Answer what is on stdin: a line of JSON with the limits and views, then the statement."""
    folder, parent = sys.argv[-2:]
    die_with_parent(int(parent))
    task = json.loads(sys.stdin.buffer.readline())
    sql = sys.stdin.buffer.read().decode()
    limits = QueryLimits(**task["limits"])
    _run_to_end(lambda: serve_query(Path(folder), sql, limits, task["views"]))


def serve_query(folder: Path, sql: str, limits: QueryLimits, views: Views) -> None:
    """Write two messages to stdout: that the index is open, or why not; then the answer."""
    try:
        path, age = hold_snapshot(folder)
        index, empty = open_index(path, limits, views), connect(":memory:", limits)
        _wall_in(limits)
    except QueryError as error:
        _send(_pack(failed=str(error)))
        return
    _send(_pack(index_age_seconds=age))
    _send(answer_query(index, empty, sql, limits))


def hold_snapshot(folder: Path) -> tuple[Path, float]:
    """Return the synced index's file and its age in seconds; it stays as it is while this process lives.

    A second process does the sync and holds the lock, so that this one has a single thread whatever
    the sync starts, and none of its files and memory.
    """
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        _run_to_end(lambda: _keep_snapshot(folder, theirs))
    theirs.close()
    report = json.loads(ours.recv(65_536) or _pack(failed="The index could not be brought up to date."))
    ours.detach()  # left open: when it closes with this process, the keeper lets go
    if "failed" in report:
        raise QueryError(report["failed"])
    return Path(report["path"]), report["age"]


def _keep_snapshot(folder: Path, query: socket.socket) -> None:
    _point_at_nothing(0, 1)
    try:
        with SideIndex(folder).snapshot() as (path, age):
            query.sendall(_pack(path=str(path), age=age))
            query.recv(1)
    except ReviewerError as error:
        query.sendall(_pack(failed=str(error)))


def open_index(path: Path, limits: QueryLimits, views: Views) -> DuckDBPyConnection:
    """Open the index to read from and nothing else: no other file, extension, setting or thread.

    The models' views are made in this connection only.
    """
    try:
        index = connect(path, limits, read_only=True)
        # A process without a script counts as a person's: after two seconds a bar would stand in the answer.
        index.execute("set enable_progress_bar = false")
        index.execute("set timezone = 'UTC'")
        index.execute("set enable_external_access = false")
        index.execute("set lock_configuration = true")
        index.execute("begin transaction read only")
        for view in BLIND_VIEWS:
            index.execute(view)
        for model, inputs in views.items():
            index.execute(build_view(model, inputs))
        return index
    except duckdb.Error as error:
        raise QueryError(f"The index cannot be opened: {_explain(error)}") from error


def connect(path: str | Path, limits: QueryLimits, *, read_only: bool = False) -> DuckDBPyConnection:
    """Open a database that nothing but itself can be reached from."""
    return duckdb.connect(
        path,
        read_only=read_only,
        config={
            "threads": 1,
            "async_threads": 0,
            "memory_limit": f"{limits.memory_mb * 3 // 4}MiB",
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            "python_enable_replacements": False,
        },
    )


def _wall_in(limits: QueryLimits) -> None:
    _point_at_nothing(2)
    os.nice(5)  # the app's own requests go first
    try:
        raise_walls(limits.seconds, limits.memory_mb)
    except (OSError, RuntimeError) as error:
        raise QueryError(f"The query was not run: its process cannot be walled in ({error}).") from error


def answer_query(
    index: DuckDBPyConnection, empty: DuckDBPyConnection, sql: str, limits: QueryLimits
) -> bytes:
    """Run the statement and return a message: its rows, or the sentence why there are none.

    `empty` is a database without tables, which tells the names in a statement: the index would name what
    stands behind its views.
    """
    try:
        statement = read_statement(index, sql)
        _check_names(empty, sql)
        relation = index.sql(statement)
        answer = _pack(types=[str(each) for each in relation.types])
        answer += _write_table(fetch_table(relation, limits))
        _check_size(len(answer), limits)
        return answer
    except QueryLimitError as error:
        return _pack(stopped=str(error))
    except MemoryError:
        return _pack(stopped=_describe_memory(limits))
    except Exception as error:  # DuckDB raises more than its own errors; all of them are the answer
        complaint = _explain(error)
        if complaint.startswith("Out of Memory Error"):
            return _pack(stopped=_describe_memory(limits))
        return _pack(refused=complaint)


def read_statement(index: DuckDBPyConnection, sql: str) -> Statement:
    """Parse the one statement; raise `QueryRefusedError` for none, several, or one that writes."""
    statements = index.extract_statements(sql)
    if not statements:
        raise QueryRefusedError("There is no statement to run; write one, such as SELECT * FROM flags.")
    if len(statements) > 1:
        raise QueryRefusedError(f"These are {len(statements)} statements; run one at a time.")
    kind = _name_type(statements[0])
    if kind not in _READING:
        raise QueryRefusedError(f"{kind} {_ONLY_READING}")
    return statements[0]


def _check_names(empty: DuckDBPyConnection, sql: str) -> None:
    """Raise `QueryRefusedError` for a table that is named with its database: the way round the views."""
    try:
        names = empty.get_table_names(sql, qualified=True)
    except duckdb.Error:  # it knows the names neither of a PIVOT nor of a call that works them out
        names = {"side." for _ in _HIDING.findall(sql)}
    if any(each.lower().startswith("side.") for each in names) or "storage_info" in sql.lower():
        raise QueryRefusedError("Name a table alone, such as flags, without its database or schema.")


_HIDING = re.compile(r"\bside\b|\bquery(?:_table)?\W*\(", re.IGNORECASE)


def _name_type(statement: Statement) -> str:
    try:
        return statement.type.name
    except ValueError:  # DuckDB has types that its Python package has no name for
        return "This statement"


def fetch_table(relation: DuckDBPyRelation, limits: QueryLimits) -> pa.Table:
    """Run the relation up to one row past the limit; what Arrow cannot hold exactly comes as text."""
    columns = [f"#{at}{_find_cast(each)}" for at, each in enumerate(relation.types, start=1)]
    limited = relation.limit(limits.rows + 1).project(", ".join(columns))
    reader = limited.to_arrow_reader(_ROWS_A_BATCH)
    batches = []
    size = 0
    for batch in reader:
        size += batch.nbytes
        _check_size(size, limits)
        batches.append(batch)
    table = pa.Table.from_batches(batches, reader.schema).combine_chunks()
    return table.rename_columns(relation.columns)


def _find_cast(column_type: DuckDBPyType) -> str:
    return "" if _is_exact_in_arrow(column_type) else "::VARCHAR"


def _is_exact_in_arrow(column_type: DuckDBPyType) -> bool:
    if column_type.id not in _NESTED:
        return column_type.id in _EXACT_IN_ARROW
    parts = [part for _, part in column_type.children if isinstance(part, DuckDBPyType)]
    return all(map(_is_exact_in_arrow, parts))


def _describe_memory(limits: QueryLimits) -> str:
    return (
        f"The query needs more than {limits.memory_mb} MB of memory, the most one may use;"
        " narrow it with WHERE or LIMIT, or select fewer columns."
    )


def _check_size(size: int, limits: QueryLimits) -> None:
    if size > limits.result_mb * MEBIBYTE:
        raise QueryLimitError(
            f"The result is larger than {limits.result_mb} MB, the most one may have;"
            " select fewer rows or columns, or shorten texts with left(column, 200)."
        )


def _explain(error: Exception) -> str:
    """Return DuckDB's own words and the line it points at, without its stack and lists of candidates."""
    told = str(error).partition("Stack Trace")[0].splitlines()
    kept = [line for line in told if line and not line.startswith("\t")]
    return "\n".join(kept)[:2000] or type(error).__name__


def _write_table(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _pack(**report: Any) -> bytes:
    return json.dumps(report).encode() + b"\n"


def _send(message: bytes) -> None:
    sys.stdout.buffer.write(message)
    sys.stdout.buffer.flush()


def _point_at_nothing(*descriptors: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for each in descriptors:
        os.dup2(nothing, each)
    os.close(nothing)


def _run_to_end(work: Callable[[], None]) -> NoReturn:
    """Do the work and leave at once: tearing Python down takes time, and DuckDB 2.0.0 can hang in it."""
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
