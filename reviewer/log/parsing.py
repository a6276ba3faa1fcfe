"""Rows of a segment's bytes as Arrow tables of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.errors import LogError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv

_BLOCK_BYTES = 4 << 20


def parse_rows(columns: Sequence[str], path: Path, offset: int, data: bytes) -> tuple[pa.Table, list[str]]:
    """Return the rows of the bytes that stand at that offset of a segment, and a sentence for each bad line.

    Raises `LogError` when the bytes are no CSV.
    """
    import pyarrow as pa

    if not data:
        # Made from nulls, since pa.array would import pandas.
        return pa.table({name: pa.nulls(0, pa.string()) for name in columns}), []
    try:
        return _parse_blocks(columns, data, _BLOCK_BYTES, None), []
    except pa.ArrowInvalid:
        return _parse_one_block(columns, path, offset, data)


def _parse_one_block(
    columns: Sequence[str], path: Path, offset: int, data: bytes
) -> tuple[pa.Table, list[str]]:
    """Parse again without parallel blocks: a row may be longer than a block, or be no row of this log."""
    import pyarrow as pa

    rejected: list[str] = []

    def reject(row: pyarrow.csv.InvalidRow) -> str:
        rejected.append(
            f"{path.name} has a row of {row.actual_columns} cells instead of {row.expected_columns}:"
            f" {(row.text or '')[:120]}"
        )
        return "skip"

    try:
        return _parse_blocks(columns, data, len(data) + 1, reject), rejected
    except pa.ArrowInvalid as error:
        raise LogError(
            f"{path} cannot be read after byte {offset:,}: {str(error).splitlines()[0]}."
            " Restore the file from a backup or move it away."
        ) from error


def _parse_blocks(
    columns: Sequence[str],
    data: bytes,
    block_bytes: int,
    reject: Callable[[pyarrow.csv.InvalidRow], str] | None,
) -> pa.Table:
    """Parse the rows in blocks, several at once unless a Python function is asked about bad rows.

    Arrow's threads may outlive the call. Would one hold a Python object while the interpreter ends, the
    process would be aborted; so they get a copy of the bytes in Arrow's own memory and no function.
    """
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    buffer = pa.allocate_buffer(len(data))
    memoryview(buffer).cast("B")[:] = data
    return pa_csv.read_csv(
        buffer,
        pa_csv.ReadOptions(use_threads=reject is None, column_names=list(columns), block_size=block_bytes),
        pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=reject),
        pa_csv.ConvertOptions(
            column_types={name: pa.string() for name in columns},
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
