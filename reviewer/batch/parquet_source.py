"""Parquet files, read in batches; only the columns that are wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.batch.sources import Attachment, Row, check_columns, find_columns
from reviewer.batch.values import write_cell
from reviewer.errors import InputError

_BATCH_ROWS = 1000
_MOST_GROUP_BYTES = 2 << 30
"""A row group is unpacked as a whole, and a small file can claim a huge one."""


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """A Parquet file."""

    path: Path
    columns: tuple[str, ...]
    truth: str | None = None

    def count(self) -> int:
        """Return how many rows there are, as the file itself says."""
        with _open(self.path) as file:
            return int(file.metadata.num_rows)

    def read(self, wanted: Sequence[str]) -> Iterator[Row]:
        """Yield every row."""
        places = find_columns(self.columns, wanted)
        number = 0
        with _open(self.path) as file:
            names = [file.schema_arrow.names[place] for place in places]
            for batch in file.iter_batches(_BATCH_ROWS, columns=names):
                columns = [batch.column(name).to_pylist() for name in names]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield Row(number, tuple([write_cell(each) for each in values]))

    def find(self, name: str) -> Attachment | None:
        """Return None: a Parquet file has its files in its cells."""
        return None


def open_parquet(path: Path) -> ParquetSource:
    """Return the file; raises `InputError` when it is damaged or unpacks to too much."""
    with _open(path) as file:
        groups = [file.metadata.row_group(each).total_byte_size for each in range(file.num_row_groups)]
        if max(groups, default=0) > _MOST_GROUP_BYTES:
            raise InputError(
                f"{path.name} has a row group of {max(groups):,} bytes; at most {_MOST_GROUP_BYTES:,} are"
                " taken. Write it with smaller row groups."
            )
        return ParquetSource(path, check_columns(path.name, file.schema_arrow.names))


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        first = (str(error).splitlines() or [""])[0][:200]
        raise InputError(f"{path.name} is no Parquet file that can be read: {first}.") from None
