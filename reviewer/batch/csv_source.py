"""CSV files: comma, semicolon or tab, every cell a text exactly as it is written.

The rule: a row with more or fewer cells than the header, or with a broken quote, is a bad row of its own.
"""

from __future__ import annotations

import csv
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from reviewer.batch.encodings import TextFile, open_text
from reviewer.batch.sources import Attachment, Row, check_columns, find_columns
from reviewer.errors import InputError

DELIMITERS = (",", ";", "\t")
"""What may stand between two cells, the likeliest first."""

_SNIFFED_ROWS = 200

Record = list[str] | str
"""The cells of a row, or why there are none."""


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file."""

    text: TextFile
    delimiter: str
    columns: tuple[str, ...]
    truth: str | None = None

    def count(self) -> int:
        """Return how many rows there are; raises `InputError` when the text is damaged somewhere."""
        return sum(1 for _ in _read_records(self.text, self.delimiter)) - 1

    def read(self, wanted: Sequence[str]) -> Iterator[Row]:
        """Yield every row; a ragged or broken one has a problem instead of cells."""
        places, width = find_columns(self.columns, wanted), len(self.columns)
        records = itertools.islice(_read_records(self.text, self.delimiter), 1, None)
        make = Row._make  # a named call takes twice as long
        for number, record in enumerate(records, 1):
            if isinstance(record, str):
                yield Row(number, (), record)
            elif len(record) != width:
                yield Row(number, (), f"The row has {len(record):,} cells, but the header has {width:,}.")
            else:
                yield make((number, tuple([record[place] for place in places]), ""))

    def find(self, name: str) -> Attachment | None:
        """Return None: a CSV file comes without files."""
        return None


def open_csv(name: str, open_bytes: Callable[[], IO[bytes]]) -> CsvSource:
    """Return the file with its encoding and delimiter found; raises `InputError` when it has no header."""
    text = open_text(name, open_bytes)
    delimiter = max(DELIMITERS, key=lambda each: _rate_delimiter(text, each))
    header = next(_read_records(text, delimiter), "it is empty.")
    if isinstance(header, str):
        raise InputError(f"{name} must begin with a row that names its columns; {header}")
    return CsvSource(text, delimiter, check_columns(name, header))


def _read_records(text: TextFile, delimiter: str) -> Iterator[Record]:
    """Yield the header and every row behind it; empty lines are none."""
    csv.field_size_limit(sys.maxsize)
    with text.open(newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        while True:
            try:
                yield from filter(None, reader)
            except csv.Error as error:
                yield f"The row is no CSV ({error}); write a quote inside quotes twice."
            else:
                return


def _rate_delimiter(text: TextFile, delimiter: str) -> tuple[float, int]:
    """Return the share of rows that have as many cells as the header, and how many cells that are."""
    records = itertools.islice(_read_records(text, delimiter), _SNIFFED_ROWS)
    widths = [len(each) if isinstance(each, list) else 0 for each in records]
    if not widths or widths[0] < 2:
        return (0.0, 0)
    return (widths.count(widths[0]) / len(widths), widths[0])
