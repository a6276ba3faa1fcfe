"""Tables: CSV, JSON lines and Parquet, a file per split."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from reviewer.bundle.rows import Rows


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
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    columns = columns or ", ".join(f'"{name}"' for name in rows.list_columns(is_typed=True))
    with contextlib.ExitStack() as stack:
        writers: dict[str, pq.ParquetWriter] = {}
        for part in rows.list_parts(is_typed=True):
            chosen = f"select {columns}, part_split from ({part})"  # noqa: S608  own columns
            table = rows.source.cursor.sql(chosen).to_arrow_table()
            splits, table = table["part_split"], table.drop_columns(["part_split"])
            table = table.replace_schema_metadata(metadata)
            for split, path in paths.items():
                own = table.filter(pc.equal(splits, split))
                if split not in writers:
                    writer = pq.ParquetWriter(path, table.schema, compression="zstd")
                    writers[split] = stack.enter_context(writer)
                if own.num_rows:
                    writers[split].write_table(own.combine_chunks(), own.num_rows)
