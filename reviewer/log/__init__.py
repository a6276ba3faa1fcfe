"""The append-only truth: what was predicted, flagged and reviewed.

Nothing above this package knows whether the rows lie in CSV segments or elsewhere; it sees the `Log`
protocol only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reviewer.errors import LogError
from reviewer.log.columns import STREAMS, columns_of, encode_alike, encode_columns, encode_row, encode_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "STREAMS",
    "Log",
    "LogRewrittenError",
    "Position",
    "Tail",
    "columns_of",
    "encode_alike",
    "encode_columns",
    "encode_row",
    "encode_rows",
    "open_logs",
]


@dataclass(frozen=True, slots=True)
class Position:
    """A record boundary in a log: everything before it has been read."""

    segment: int = 1
    inode: int = 0
    """Identity of the segment's file, 0 before the first byte; a changed one means a rewritten log."""
    offset: int = 0
    """Bytes from the start of the segment."""
    mark: int = 0
    """Checksum of the bytes just before the offset, since a new file may get an old one's inode."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What `Log.tail` found behind a position."""

    rows: pa.Table
    """One string column per column of the log; "" where the row has no value."""
    position: Position
    rejected: tuple[str, ...] = ()
    """One sentence for each line that is no row of this log."""


class LogRewrittenError(LogError):
    """The log no longer continues from a position: a segment was replaced, shortened or removed."""


class Log(Protocol):
    """An append-only sequence of rows with one total order."""

    def append(self, rows: Sequence[Sequence[str]]) -> None:
        """Write the rows durably, all of them, before returning.

        Raises `LogError` when they could not be written; then none of them counts as acknowledged.
        """

    def rewrite(self, change: Callable[[tuple[str, ...]], tuple[str, ...] | None]) -> None:
        """Write every row anew as the change makes it, without those for which it returns None.

        For erasures alone. Writers wait; readers meet `LogRewrittenError` and start over.
        """

    def tail(self, position: Position) -> Tail:
        """Return the next rows behind the position, none at the end.

        Raises `LogRewrittenError` when the log no longer continues from that position, `LogError` when a
        file is not a log of this program.
        """


def open_logs(folder: Path) -> dict[str, Log]:
    """Return the log of each of `STREAMS` kept in the folder."""
    from reviewer.log.csv_log import CsvLog

    return {stream: CsvLog(folder, stream, columns_of(stream)) for stream in STREAMS}
