"""Tables: CSV, JSON lines and Parquet, a file per split."""

from __future__ import annotations

from pathlib import Path

from reviewer.bundle.rows import Rows


def write_csv(rows: Rows, folder: Path) -> None:
    """Write `SPLIT.csv`: UTF-8, RFC 4180, a header, every cell the exact text; read it as text."""
    for split in rows.list_splits():
        rows.copy(split, folder / f"{split}.csv", "format csv", is_typed=False, has_header=True)


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

    writer = None
    for part in rows.list_selects(split, is_typed=True):
        relation = rows.source.cursor.sql(f"select {select} from ({part})")  # noqa: S608  own columns
        table = relation.to_arrow_table().combine_chunks().replace_schema_metadata(metadata)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        if table.num_rows:
            writer.write_table(table, table.num_rows)
    if writer:
        writer.close()
