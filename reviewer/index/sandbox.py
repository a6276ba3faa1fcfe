"""Runs an analyst's SQL in a process of its own and reads the answer.

The rule: what the other process sends is bytes of a stranger: capped, checked, never trusted. The walls
around it are in `walls.py`, what runs behind them in `sandbox_child.py`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from reviewer.errors import QueryError, QueryLimitError, QueryRefusedError, StoppedError
from reviewer.index.catalog import Views

if TYPE_CHECKING:
    import pandas as pd

MEBIBYTE = 2**20
MOST_SQL_BYTES = 1_000_000
OPENING_SECONDS = 300.0
"""How long the index may take to come up to date; the first query builds it from the whole log."""
QUEUE_SECONDS = 5.0
"""How long a query waits for one of the slots."""

CHILD_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    # The child must be one thread when its walls go up: these keep NumPy and Arrow from starting others.
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""All that the child gets to see of the environment."""

_SLOTS = threading.BoundedSemaphore(2)
_PACKAGE = Path(__file__).resolve().parents[1] / "__init__.py"
_START = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("reviewer", sys.argv[1])
sys.modules["reviewer"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["reviewer"])
from reviewer.index.sandbox_child import main
main()
"""
"""Python runs isolated there, without the paths of this process, and still loads this very package."""
_PART_ROWS = 10_000
_JAVASCRIPT_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one query may use."""

    seconds: float = 10.0
    """By the wall clock, from the moment the index is open."""
    memory_mb: int = 1024
    """MiB beyond what the process uses before it sees the query."""
    rows: int = 10_000
    """More are cut off, and the result says so."""
    result_mb: int = 64
    """MiB of the result as it is sent; a larger one is refused."""


DEFAULT_LIMITS = QueryLimits()


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The rows of one query, in its order."""

    table: pa.Table
    """One column per result column; names may repeat. HUGEINT is int64 when every value fits, else
    decimal; a type without an exact match in Arrow (INTERVAL, BIT, UNION …) is DuckDB's text of it."""
    types: tuple[str, ...]
    """DuckDB's name of each column's type."""
    is_truncated: bool
    """Whether rows beyond the limit were cut off."""
    index_age_seconds: float
    """How long ago the index was brought up to date; 0 when it was for this query."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(self.table.column_names)

    def list_rows(self) -> list[list[Any]]:
        """Return the rows as values that JSON holds exactly, in JavaScript too.

        Integers past 2^53, decimals, NaN and infinities become text, times ISO 8601, bytes hexadecimal,
        a map a list of pairs.
        """
        return [row for part in self.stream_rows() for row in part]

    def stream_rows(self) -> Iterator[list[list[Any]]]:
        """Yield the rows of `list_rows` in parts, so that a large result is never held as Python values."""
        for start in range(0, self.table.num_rows, _PART_ROWS):
            part = self.table.slice(start, _PART_ROWS)
            columns = [map(_make_json_safe, column.to_pylist()) for column in part.columns]
            yield [list(row) for row in zip(*columns, strict=True)]

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a data frame; integers and booleans keep their type beside NULLs."""
        import pandas as pd

        nullable = {
            pa.bool_(): pd.BooleanDtype(),
            pa.int8(): pd.Int8Dtype(),
            pa.int16(): pd.Int16Dtype(),
            pa.int32(): pd.Int32Dtype(),
            pa.int64(): pd.Int64Dtype(),
            pa.uint8(): pd.UInt8Dtype(),
            pa.uint16(): pd.UInt16Dtype(),
            pa.uint32(): pd.UInt32Dtype(),
            pa.uint64(): pd.UInt64Dtype(),
        }
        # Arrow gives columns of one name the same dtype, so it sees numbers instead of names.
        numbered = self.table.rename_columns([str(at) for at in range(self.table.num_columns)])
        frame: pd.DataFrame
        frame = numbered.to_pandas(types_mapper=nullable.get, date_as_object=False)
        return frame.set_axis(list(self.columns), axis="columns")


class StopSwitch:
    """Lets another thread end the query that was given it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self.is_thrown = False

    def throw(self) -> None:
        """End the query, now or as soon as it starts."""
        with self._mutex:
            self.is_thrown = True
            if self._child:
                _kill_group(self._child)

    @contextlib.contextmanager
    def wired_to(self, child: subprocess.Popen[bytes]) -> Iterator[None]:
        """Let the switch end this child while the block runs; raises `StoppedError` when it did."""
        self._wire(child)
        try:
            yield
        except QueryError:
            if self.is_thrown:
                raise StoppedError("The query was stopped.") from None
            raise
        finally:
            self._wire(None)

    def _wire(self, child: subprocess.Popen[bytes] | None) -> None:
        with self._mutex:
            self._child = child
            if child and self.is_thrown:
                _kill_group(child)


def run_query(
    folder: Path,
    sql: str,
    limits: QueryLimits = DEFAULT_LIMITS,
    views: Views | None = None,
    switch: StopSwitch | None = None,
) -> QueryResult:
    """Run one reading statement on the index of the logs in `folder`, and the models' views; return its rows.

    Raises `QueryRefusedError` for a statement that is wrong or not allowed, `QueryLimitError` for one
    that was stopped at a limit or found no free slot, `StoppedError` when the switch was thrown,
    `QueryError` when the index cannot be opened.
    """
    task = {"limits": asdict(limits), "views": views or {}}
    message = json.dumps(task).encode() + b"\n" + _encode(sql)
    if not _SLOTS.acquire(timeout=QUEUE_SECONDS):
        raise QueryLimitError("Two other queries are running; run this one again when one has ended.")
    try:
        with _start_child(folder) as child, (switch or StopSwitch()).wired_to(child):
            age = _await_index(child, message)
            return decode_answer(_read_answer(child, limits), age, limits)
    finally:
        _SLOTS.release()


def _encode(sql: str) -> bytes:
    try:
        statement = sql.encode()
    except UnicodeEncodeError as error:
        broken = sql[error.start]
        raise QueryRefusedError(f"The statement holds {broken!r}, half of a character.") from error
    if len(statement) > MOST_SQL_BYTES:
        raise QueryRefusedError(
            f"The statement is {len(statement):,} bytes long; at most {MOST_SQL_BYTES:,} can be run."
        )
    return statement


@contextlib.contextmanager
def _start_child(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the process that will answer; at the end nothing of its group is left."""
    arguments = [_PACKAGE, folder.resolve(), os.getpid()]
    with subprocess.Popen(
        [sys.executable, "-I", "-c", _START, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
        env=CHILD_ENVIRONMENT,
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            _kill_group(child)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    # Nobody has waited for the child yet, so its id, and its group's, cannot be another process's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


@contextlib.contextmanager
def _stop_after(child: subprocess.Popen[bytes], seconds: float, complaint: str) -> Iterator[None]:
    """Kill the child when the block takes longer than that, and raise the complaint."""
    is_late = threading.Event()

    def stop() -> None:
        is_late.set()
        _kill_group(child)

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
    if is_late.is_set():
        raise QueryLimitError(complaint)


def _await_index(child: subprocess.Popen[bytes], message: bytes) -> float:
    """Hand over task and statement, wait until the index is open, and return its age in seconds."""
    complaint = f"The index is not up to date after {OPENING_SECONDS:g} seconds; run `reviewer reindex`."
    with _stop_after(child, OPENING_SECONDS, complaint):
        with contextlib.suppress(BrokenPipeError):  # it has ended early, and its report says why
            _pipe(child.stdin).write(message)
            _pipe(child.stdin).close()
        line = _pipe(child.stdout).readline(65_536)
    report = json.loads(line or b'{"failed": "The query process ended before it had the index."}')
    if "failed" in report:
        raise QueryError(report["failed"])
    return float(report["index_age_seconds"])


def _read_answer(child: subprocess.Popen[bytes], limits: QueryLimits) -> bytes:
    complaint = (
        f"The query was stopped after {limits.seconds:g} seconds, the most one may take;"
        " narrow it with WHERE or LIMIT."
    )
    most = limits.result_mb * MEBIBYTE
    with _stop_after(child, limits.seconds, complaint):
        answer = _pipe(child.stdout).read(most + 1)
    if not answer:
        raise QueryLimitError(
            f"The query ended without an answer: it needs more than {limits.memory_mb} MB of memory,"
            " or is nested too deeply."
        )
    return answer[:most]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101  Popen was asked for it
    return pipe


def decode_answer(answer: bytes, age: float, limits: QueryLimits) -> QueryResult:
    """Turn the bytes from behind the walls into a result, or raise the error that they tell of."""
    try:
        told = _unpack(answer)
    except Exception as error:  # bytes of a stranger can trip over anything
        raise QueryRefusedError("The query process sent an answer that cannot be read.") from error
    if isinstance(told, QueryError):
        raise told
    table, types = told
    is_truncated = table.num_rows > limits.rows
    table = table.slice(0, limits.rows)
    _require_python_times(table)
    return QueryResult(table, types, is_truncated, age)


def _unpack(answer: bytes) -> tuple[pa.Table, tuple[str, ...]] | QueryError:
    head, _, body = answer.partition(b"\n")
    report = json.loads(head)
    if "refused" in report:
        return QueryRefusedError(str(report["refused"]))
    if "stopped" in report:
        return QueryLimitError(str(report["stopped"]))
    table = pa.ipc.open_stream(body).read_all().replace_schema_metadata(None)
    table.validate(full=True)
    types = tuple(map(str, report["types"]))
    if len(types) != table.num_columns:
        raise ValueError(f"{len(types)} types for {table.num_columns} columns")
    for at, (field, name) in enumerate(zip(table.schema, types, strict=True)):
        if name == "HUGEINT":
            table = table.set_column(at, field.name, _narrow_integers(table.column(at)))
    return table, types


def _narrow_integers(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    # Sums of integers are HUGEINT whatever their size, and few readers know more than 64 bits.
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return texts.cast(pa.decimal256(39, 0))


def _require_python_times(table: pa.Table) -> None:
    """Refuse what Arrow can carry and neither Python nor pandas can show, such as DATE 'infinity'."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_temporal(column.type) or pa.types.is_nested(column.type):
            try:
                column.to_pylist()
            except (OverflowError, ValueError) as error:
                raise QueryRefusedError(
                    f"Column {name!r} holds a time outside the years 1 to 9999; cast it to VARCHAR."
                ) from error


def _make_json_safe(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _make_json_safe(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_make_json_safe(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value if _is_json_exact(value) else str(value)


def _is_json_exact(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) <= _JAVASCRIPT_EXACT
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str)
