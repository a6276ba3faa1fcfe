"""What a version answered to each reviewed flag: `models/NAME/VERSION/verify.csv`, in log order.

The rule: a file is written aside and takes the place of the one before when it is whole.
"""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from reviewer.errors import LogError
from reviewer.log.columns import format_columns, format_line

VERIFY_CSV = "verify.csv"

_BLOCK_BYTES = 4 << 20

CORRECTION, GUARD = "correction", "guard"
"""Roles of reviewed flags: one with another right answer than the model's, and one whose answer was right."""


class Verdict(NamedTuple):
    """What a version answered to a flagged example and what that means for the flag; all of it as cells."""

    position: str
    """Of the flag in its log."""
    flag_id: str
    role: str
    """`correction`, `guard`, or "" for a flag without a right answer."""
    verification: str
    before: str
    """The verification before this run."""
    right: str
    answer: str
    is_exact: str
    """"1" for a right answer that has one form only: a label or a number."""
    is_flaky: str
    """"1" when a second run gave another answer."""
    flagged_version: str
    flagged_answer: str
    """What the version that was flagged had answered."""
    preview: str
    """The example in a few words, "" where all is well."""

    @property
    def is_regressed(self) -> bool:
        """Whether an answer that was right is wrong now."""
        return self.verification == "regressed"


@contextlib.contextmanager
def writing_results(folder: Path) -> Iterator[IO[str]]:
    """Yield a file for `write_rows` that becomes the folder's results at the end; raises `LogError`."""
    aside = folder / f".{VERIFY_CSV}-{os.getpid()}"
    try:
        with aside.open("w", encoding="utf-8", newline="") as file:
            file.write(format_line(Verdict._fields))
            yield file
        aside.replace(folder / VERIFY_CSV)
    except OSError as error:
        raise LogError(
            f"The verdicts could not be written to {folder} ({error.strerror or error}); free space or make"
            " the folder writable and try again."
        ) from error
    finally:
        aside.unlink(missing_ok=True)


def write_rows(file: IO[str], columns: Sequence[Sequence[str]]) -> None:
    """Write verdicts whose fields these columns are."""
    file.writelines(format_columns(columns))


def read_results(path: Path) -> Iterator[Verdict]:
    """Yield the verdicts of a file in log order, none when there is no such file."""
    if not path.is_file():
        return
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        if next(rows, None) != list(Verdict._fields):
            raise LogError(f"{path} is damaged; run `reviewer verify` again.")
        yield from map(Verdict._make, rows)


def read_columns(path: Path, *names: str) -> Iterator[list[list[str]]]:
    """Yield some columns of a file of verdicts in parts, faster than all of it; raises `LogError`."""
    import pyarrow as pa
    import pyarrow.csv

    kinds = dict.fromkeys(names, pa.string())
    convert = pa.csv.ConvertOptions(column_types=kinds, include_columns=names, strings_can_be_null=False)
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    read = pa.csv.ReadOptions(block_size=_BLOCK_BYTES)
    try:
        with pa.csv.open_csv(path, read, parse, convert) as reader:
            for batch in reader:
                yield [column.to_pylist() for column in batch.columns]
    except (OSError, pa.ArrowException) as error:
        raise LogError(f"{path} is damaged; run `reviewer verify` again.") from error


def pair_results(
    first: Iterable[Verdict], second: Iterable[Verdict]
) -> Iterator[tuple[Verdict, Verdict | None]]:
    """Yield each verdict of a version with that of another one on the same flag, None without one."""
    others = iter(second)
    other = next(others, None)
    for each in first:
        while other and int(other.position) < int(each.position):
            other = next(others, None)
        yield each, other if other and other.flag_id == each.flag_id else None
