"""Tables: CSV, JSON lines and Parquet, a file per split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reviewer.bundle.rows import Rows

_GROUP_ROWS = 122_880
"""Rows of a row group."""


def write_csv(rows: Rows, folder: Path) -> None:
    """Write `SPLIT.csv`: UTF-8, RFC 4180, a header, every cell the exact text; read it as text."""
    for split in rows.list_splits():
        rows.copy(split, folder / f"{split}.csv", "format csv, header", is_typed=False)


def write_jsonl(rows: Rows, folder: Path) -> None:
    """Write `SPLIT.jsonl`: one object a line, a missing value as null."""
    for split in rows.list_splits():
        rows.copy(split, folder / f"{split}.jsonl", "format json", is_typed=True)


def write_parquet(rows: Rows, folder: Path) -> None:
    """Write `SPLIT.parquet`, typed, compressed with zstd."""
    for split in rows.list_splits():
        copy_parquet(rows, split, folder / f"{split}.parquet")


def copy_parquet(
    rows: Rows, split: str, path: Path, select: str = "*", metadata: dict[str, str] | None = None
) -> None:
    """Write the chosen columns of a split as one Parquet file, with further metadata of its own.

    Arrow writes it: the bytes of DuckDB's own writer depend on how the index happens to be stored, and the
    same rows are to give the same bytes.
    """
    import pyarrow.parquet as pq

    statement = f"select {select} from ({rows.build_select(split, is_typed=True)})"  # noqa: S608  own columns
    reader = rows.source.cursor.sql(statement).to_arrow_reader(_GROUP_ROWS)
    schema = reader.schema.with_metadata(metadata)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _cut_groups(reader):
            writer.write_table(group.replace_schema_metadata(metadata), _GROUP_ROWS)


def _cut_groups(reader: Any) -> Iterator[Any]:
    """Yield the rows in tables of one size, each in one piece, however they come."""
    import pyarrow as pa

    kept = reader.schema.empty_table()
    for batch in reader:
        kept = pa.concat_tables([kept, pa.Table.from_batches([batch])])
        while kept.num_rows >= _GROUP_ROWS:
            yield kept.slice(0, _GROUP_ROWS).combine_chunks()
            kept = kept.slice(_GROUP_ROWS)
    if kept.num_rows:
        yield kept.combine_chunks()
