"""Tables: CSV, JSON lines and Parquet, a file per split."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.bundle.rows import Rows

if TYPE_CHECKING:
    from pyarrow import Table
    from pyarrow.parquet import ParquetWriter


def write_csv(rows: Rows, folder: Path) -> None:
    """Write `SPLIT.csv`: UTF-8, RFC 4180, a header, every cell the exact text; read it as text."""
    rows.copy(_name_files(rows, folder, "csv"), "format csv", is_typed=False, has_header=True)


def write_jsonl(rows: Rows, folder: Path) -> None:
    """Write `SPLIT.jsonl`: one object a line, a missing value as null."""
    rows.copy(_name_files(rows, folder, "jsonl"), "format json", is_typed=True)


def write_parquet(rows: Rows, folder: Path) -> None:
    """Write `SPLIT.parquet`, typed, compressed with zstd."""
    copy_parquet(rows, _name_files(rows, folder, "parquet"))


def _name_files(rows: Rows, folder: Path, ending: str) -> dict[str, Path]:
    return {split: folder / f"{split}.{ending}" for split in rows.list_splits()}


def copy_parquet(
    rows: Rows, paths: Mapping[str, Path], columns: str = "", metadata: dict[str, str] | None = None
) -> None:
    """Write the columns, all unless chosen, of splits as a Parquet file each, with further metadata.

    `paths` are split → file. Arrow writes them: the bytes of DuckDB's own writer depend on how the index
    happens to be stored, and the same rows are to give the same bytes.
    """
    columns = columns or ", ".join(f'"{name}"' for name in rows.list_columns(is_typed=True))
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(1) as thread:
        writers: dict[str, ParquetWriter] = {}
        before: Future[None] | None = None
        for part in rows.list_parts(is_typed=True):
            chosen = f"select {columns}, part_split from ({part})"  # noqa: S608  own columns
            table = rows.source.cursor.sql(chosen).to_arrow_table().replace_schema_metadata(metadata)
            # DuckDB reads the next part while Arrow packs this one; no more than two are held.
            if before:
                before.result()
            before = thread.submit(_write_part, table, paths, writers, stack)
        if before:
            before.result()


def _write_part(
    table: Table, paths: Mapping[str, Path], writers: dict[str, ParquetWriter], stack: contextlib.ExitStack
) -> None:
    """Write each split's rows of a table behind those before, opening its file at the first."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    splits, table = table["part_split"], table.drop_columns(["part_split"])
    for split, path in paths.items():
        if split not in writers:
            writers[split] = stack.enter_context(pq.ParquetWriter(path, table.schema, compression="zstd"))
        own = table.filter(pc.equal(splits, split))
        if own.num_rows:
            writers[split].write_table(own.combine_chunks(), own.num_rows)
