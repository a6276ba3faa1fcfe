"""Files of examples: what each kind is opened with, and what its rows are.

The rule: a source is read in pieces, again and again with the same rows under the same numbers, and never
lies in memory as a whole. A row that cannot be read is a row with a problem; nothing is guessed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from reviewer.errors import InputError, UnknownNameError

MOST_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class Attachment:
    """A cell that is a file, read when it is needed."""

    name: str
    read: Callable[[], bytes]
    """Raises `InputError` when the bytes are damaged or too many."""


Cell = str | Attachment
"""What a column holds of a row: a text exactly as in the file, or a file."""


class Row(NamedTuple):
    """One example of a file."""

    number: int
    """1 is the first row below the header."""
    cells: tuple[Cell, ...]
    """In the order asked for; none when there is a problem."""
    problem: str = ""
    """Why the row cannot be read."""


class Source(Protocol):
    """A file of examples."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the file's order."""

    @property
    def truth(self) -> str | None:
        """The column that can only hold the right answer, such as the folder a picture lies in."""

    def count(self) -> int:
        """Return how many rows there are; raises `InputError` when the file cannot be read to its end."""

    def read(self, wanted: Sequence[str]) -> Iterator[Row]:
        """Yield every row with the cells of the columns wanted."""

    def find(self, name: str) -> Attachment | None:
        """Return the file of that name which came with the rows, None when there is none."""


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Yield the file's rows; which kind it is, its ending says.

    Raises `InputError` for an unknown ending and for a file that is not what its ending says.
    """
    from reviewer.batch.csv_source import open_csv
    from reviewer.batch.jsonl_source import open_jsonl
    from reviewer.batch.parquet_source import open_parquet
    from reviewer.batch.zip_source import open_zip

    kinds: dict[str, Callable[[Path], contextlib.AbstractContextManager[Source]]] = {
        "csv": lambda path: contextlib.nullcontext(open_csv(path.name, lambda: path.open("rb"))),
        "tsv": lambda path: contextlib.nullcontext(open_csv(path.name, lambda: path.open("rb"))),
        "parquet": lambda path: contextlib.nullcontext(open_parquet(path)),
        "jsonl": lambda path: contextlib.nullcontext(open_jsonl(path)),
        "ndjson": lambda path: contextlib.nullcontext(open_jsonl(path)),
        "zip": open_zip,
    }
    ending = find_ending(path.name)
    if ending not in kinds:
        raise InputError(f"{path.name} cannot be read as rows; use one of {', '.join(kinds)}.")
    with kinds[ending](path) as source:
        yield source


def find_ending(name: str) -> str:
    """Return what stands behind the last dot of a file name, in small letters; "" without one."""
    return Path(name).suffix[1:].lower()


def check_columns(name: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the column names, a number for each one left blank; raises `InputError` for a double name."""
    if len(columns) > MOST_COLUMNS:
        raise InputError(f"{name} has {len(columns):,} columns; at most {MOST_COLUMNS:,} are taken.")
    named = tuple(each.strip() or f"column {number}" for number, each in enumerate(columns, 1))
    seen: set[str] = set()
    for each in named:
        if each in seen:
            raise InputError(f"{name} has two columns {each[:80]!r}; rename one of them.")
        seen.add(each)
    return named


def find_columns(columns: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return the place of each wanted column; raises `UnknownNameError`."""
    places = {name: place for place, name in enumerate(columns)}
    for name in wanted:
        if name not in places:
            raise UnknownNameError("column", name, columns)
    return [places[name] for name in wanted]
