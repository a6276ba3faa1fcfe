"""Tables: CSV, JSON lines and Parquet, a file per split."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from reviewer.bundle.rows import AddPart, Part, Rows

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@contextlib.contextmanager
def writing_csv(rows: Rows, folder: Path) -> Iterator[AddPart]:
    """Write `SPLIT.csv`: UTF-8, RFC 4180, a header, every cell the exact text; read it as text."""
    paths = name_files(rows, folder, ".csv")

    def add(part: Part) -> None:
        for split, path in paths.items():
            part.copy(split, path, f"format csv, header {part.is_first}", is_typed=False)

    yield add


@contextlib.contextmanager
def writing_jsonl(rows: Rows, folder: Path) -> Iterator[AddPart]:
    """Write `SPLIT.jsonl`: one object a line, a missing value as null."""
    paths = name_files(rows, folder, ".jsonl")

    def add(part: Part) -> None:
        for split, path in paths.items():
            part.copy(split, path, "format json", is_typed=True)

    yield add


@contextlib.contextmanager
def open_texts(paths: Mapping[str, Path]) -> Iterator[dict[str, TextIO]]:
    """Yield split → open file, in UTF-8 and with line ends as they are written."""
    with contextlib.ExitStack() as stack:
        yield {
            split: stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            for split, path in paths.items()
        }


def name_files(rows: Rows, folder: Path, ending: str) -> dict[str, Path]:
    """Return split → file of the splits that have rows."""
    return {split: folder / f"{split}{ending}" for split in rows.list_splits()}


# Parquet


def writing_parquet(rows: Rows, folder: Path) -> contextlib.AbstractContextManager[AddPart]:
    """Write `SPLIT.parquet`, typed, compressed with zstd."""
    return packing_parquet(name_files(rows, folder, ".parquet"))


@contextlib.contextmanager
def packing_parquet(
    paths: Mapping[str, Path], columns: str = "*", metadata: dict[str, str] | None = None
) -> Iterator[AddPart]:
    """Write the columns of splits as a Parquet file each, a row group a part, with further metadata.

    `paths` are split → file. Arrow writes them: the bytes of DuckDB's own writer depend on how the index
    happens to be stored, and the same rows are to give the same bytes. It packs a part while the next one is
    read and written elsewhere.
    """
    writers: dict[str, pq.ParquetWriter] = {}
    waiting: list[Future[None]] = []
    # Whatever is raised, no file is closed under the thread that packs.
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(1) as packing:

        def add(part: Part) -> None:
            while waiting:
                waiting.pop().result()
            for split, path in paths.items():
                table = part.read_table(split, columns).replace_schema_metadata(metadata)
                if split not in writers:
                    writers[split] = stack.enter_context(_open_writer(path, table.schema))
                if table.num_rows:
                    waiting.append(packing.submit(_pack, writers[split], table))

        yield add
        while waiting:
            waiting.pop().result()


def _open_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema, compression="zstd")


def _pack(writer: pq.ParquetWriter, table: pa.Table) -> None:
    writer.write_table(table.combine_chunks(), table.num_rows)
