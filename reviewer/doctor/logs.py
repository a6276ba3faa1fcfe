"""Checks the log files, read without the code that the program reads them with, and their seals."""

from __future__ import annotations

import contextlib
import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO
from uuid import UUID

from reviewer.chain import Chain
from reviewer.doctor.findings import Area, Finding, Level, report_problem
from reviewer.errors import ReviewerError
from reviewer.log import STREAMS, columns_of, open_logs

_ROW_START = re.compile(r"\n[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12},")


def check_logs(folder: Path) -> Iterator[Finding]:
    """Yield what is found in the log files, read without the code that the program reads them with."""
    for stream in STREAMS:
        yield from (_check_segment(stream, path) for path in _list_segments(folder, stream))
    torn = sorted(each.name for each in folder.glob("torn/*"))
    if torn:
        yield Finding(
            Area.LOGS,
            Level.WARNING,
            f"Killed writers left {len(torn)} torn rows in {folder / 'torn'}, the first in {torn[0]}; none"
            " was acknowledged. Delete the files once you have looked at them.",
        )


def _check_segment(stream: str, path: Path) -> Finding:
    try:
        segment = _read_segment(stream, path)
    except (OSError, csv.Error) as error:
        return report_problem(Area.LOGS, f"{path} cannot be read ({error}); restore it from a backup.")
    if segment.is_foreign:
        return report_problem(
            Area.LOGS, f"{path} has not the header of a {stream} log; move the file out of the folder."
        )
    if segment.is_damaged:
        return report_problem(
            Area.LOGS,
            f"{path} is damaged after its row {segment.rows:,}, with more rows behind it; restore it from a"
            " backup, or close the open quote there by hand.",
        )
    if segment.torn:
        return Finding(
            Area.LOGS,
            Level.WARNING,
            f"{path} ends in half a row, as a killed writer leaves it; it was never acknowledged, and the"
            f" next row written moves it to {path.parent / 'torn'}.",
        )
    return Finding(Area.LOGS, Level.OK, f"{path.name} has {segment.rows:,} rows.")


@dataclass(slots=True)
class _Segment:
    """What one log file holds, read as any CSV reader would."""

    ids: set[str] = field(default_factory=set)
    rows: int = 0
    torn: str = ""
    """What stands behind the last whole row."""
    is_foreign: bool = False

    @property
    def is_damaged(self) -> bool:
        """Whether more rows stand behind one that does not end."""
        return bool(_ROW_START.search(self.torn))


def _list_segments(folder: Path, stream: str) -> list[Path]:
    return sorted(folder.glob(f"{stream}-[0-9]*.csv"))


def _read_segment(stream: str, path: Path) -> _Segment:
    segment = _Segment()
    whole_lines = 0
    csv.field_size_limit(sys.maxsize)
    with _open_lines(path) as lines:
        reader = csv.reader((line for line in lines if line.endswith("\n")), strict=True)
        # The end of a torn row raises; what stands there is read again below.
        with contextlib.suppress(csv.Error):
            for row in reader:
                _add_row(segment, stream, row, is_header=whole_lines == 0)
                whole_lines = reader.line_num
    with _open_lines(path) as lines:
        segment.torn = "".join(islice(lines, whole_lines, None))
    return segment


def _open_lines(path: Path) -> TextIO:
    return path.open(encoding="utf-8", errors="replace", newline="\n")


def _add_row(segment: _Segment, stream: str, row: list[str], *, is_header: bool) -> None:
    if is_header:
        segment.is_foreign = tuple(row) != columns_of(stream)
        return
    segment.rows += 1
    if len(row) == len(columns_of(stream)) and _is_uuid(row[0]):
        segment.ids.add(row[0])


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def check_chain(folder: Path) -> Iterator[Finding]:
    """Yield whether each review is as it was sealed, and the first that is not."""
    if not _list_segments(folder, "chain"):
        return
    logs = open_logs(folder)
    try:
        checked = Chain(folder, logs["reviews"], logs["chain"]).verify()
    except (ReviewerError, OSError) as error:
        yield report_problem(Area.LOGS, f"The reviews cannot be compared with their seals: {error}")
        return
    if checked.problem:
        yield report_problem(
            Area.LOGS,
            f"{checked.problem} Restore the log from a backup; if somebody mended it on purpose,"
            " `reviewer audit restart REASON` seals it as it is now.",
        )
        return
    since = f" since the chain was begun anew ({checked.restarted})" if checked.restarted else ""
    yield Finding(Area.LOGS, Level.OK, f"{checked.sealed:,} reviews are as they were sealed{since}.")


def read_logged_ids(folder: Path, stream: str) -> set[str]:
    """Return the ids of all whole rows that a stream's files hold."""
    return set().union(*(_read_segment(stream, path).ids for path in _list_segments(folder, stream)))
