"""A CSV file as rows, strictly: what is no row is handed out as such, with the rows behind it saved.

Half a row that a killed or racing writer left has an open quote, which swallows the good rows behind it; a
lenient reader returns them as one cell. The rule: every line of the file is in exactly one `Row`.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{6})?"
"""How every version of Gradio writes a time."""

TIME_COLUMN = "timestamp"
"""The last column of every header that Gradio writes."""

_FIELD_CHARACTERS = 2**31 - 1
_MOST_LINES = 20_000
"""A longer row is taken for one with an open quote."""
_HEAD_BYTES = 1 << 20
_ENDS_ROW = re.compile(rf"[,;\t]'?{TIME}'?\r?\n?$")
_APOSTROPHES = re.compile(r"'(?:[^']|'')*'(?:,'(?:[^']|'')*')*\r?\n?")
_ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written."""

    encoding: str = "utf-8"
    quote: str = '"'
    delimiter: str = ","
    newline: str = "\n"


@dataclass(frozen=True, slots=True)
class Row:
    """One row, or the lines that were to be one."""

    number: int
    """0 for the first row of the file, which may be its header."""
    line: int
    """1-based line at which it starts."""
    raw: str
    cells: tuple[str, ...] | None
    """None when the lines are no row; `reason` says why."""
    reason: str = ""


def find_dialect(path: Path) -> Dialect:
    """Return the dialect by the file's first line.

    Gradio 2.x to 3.1 put every cell in `'`; spreadsheets save with a byte order mark, `;` or tabs.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    encoding = next((name for mark, name in _ENCODINGS.items() if head.startswith(mark)), "utf-8")
    text = head.decode(encoding, errors="replace")
    newline = "\n" if "\n" in text or "\r" not in text else "\r"
    first = text.partition(newline)[0]
    quote = "'" if _APOSTROPHES.fullmatch(first) else '"'
    return Dialect(encoding, quote, _find_delimiter(first), newline)


def _find_delimiter(first: str) -> str:
    line = first.strip("\r")
    return next((each for each in ";\t" if line.endswith(f"{each}{TIME_COLUMN}")), ",")


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of the file in order; empty lines are none.

    Raises `OSError` when the file cannot be read.
    """
    dialect = find_dialect(path)
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_CHARACTERS))
    # Broken UTF-8 is kept apart in surrogates, which `_check_text` finds; UTF-16 knows no such thing.
    errors = "replace" if dialect.encoding == "utf-16" else "surrogateescape"
    with path.open(encoding=dialect.encoding, errors=errors, newline=dialect.newline) as file:
        yield from _split_rows(file, dialect)


def _split_rows(file: TextIO, dialect: Dialect) -> Iterator[Row]:
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
    number, line, width = 0, 1, None
    while True:
        try:
            cells, reason = next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            cells, reason = None, _describe_error(error)
        if cells is not None and _holds_rows(cells, lines.taken, width, dialect):
            cells, reason = None, "has an open quote that swallows the rows behind it"
        taken = lines.take(_count_torn(lines.taken) if cells is None else len(lines.taken))
        if cells != []:
            raw = "".join(taken)
            yield _check_text(Row(number, line, raw, None if cells is None else tuple(cells), reason))
            width = width or len(cells or ())
            number += 1
        line += len(taken)


class _Lines:
    """The lines of a file for a CSV reader, which may give some back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._back: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _MOST_LINES:
            raise StopIteration
        line = self._back.popleft() if self._back else next(self._file)
        self.taken.append(line)
        return line

    def take(self, count: int) -> list[str]:
        """Return the first lines that were read since the last call, and give the others back."""
        taken, rest = self.taken[:count], self.taken[count:]
        self._back.extendleft(reversed(rest))
        self.taken = []
        return taken


def _describe_error(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end" in text:
        return "has an open quote up to the end of the file"
    return f"is no CSV ({text})"


def _holds_rows(cells: list[str], lines: list[str], width: int | None, dialect: Dialect) -> bool:
    """Return whether a row has lines inside it that end as rows do, and is not as a logger writes one.

    A text may hold such a line; then the row has its length, and quotes where a writer puts them.
    """
    if width is None or not any(_ENDS_ROW.search(each) for each in lines[:-1]):
        return False
    raw = "".join(lines).rstrip("\r\n")
    return len(cells) != width or (dialect.quote == '"' and _write_row(cells, dialect) != raw)


def _write_row(cells: list[str], dialect: Dialect) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=dialect.delimiter, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().rstrip("\r\n")


def _count_torn(lines: list[str]) -> int:
    """Return how many lines belong to a torn row: up to the first that ends as a row does, else one."""
    ends = (at for at, line in enumerate(lines, 1) if _ENDS_ROW.search(line))
    return next(ends, 1)


def _check_text(row: Row) -> Row:
    """Return the row, as none when its bytes were no text."""
    try:
        row.raw.encode()
    except UnicodeEncodeError:
        raw = row.raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return Row(row.number, row.line, raw, None, "is not UTF-8")
    return row
