"""What the command line writes: data on stdout, talk and progress on stderr.

The rule: texts of other people reach a terminal only with their control characters escaped; JSON and CSV
carry them exactly.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from reviewer.errors import LogError
from reviewer.payloads import build_cell, format_csv

BROKEN_PIPE = 141
"""Exit code when the reader of stdout has gone, as a shell reports it for `cat`."""

_NEVER_CLIPPED = 36
"""Terminal columns: an id stays whole."""
_LONGEST_CELL = 1000
"""Characters of a cell that a table looks at; a text may have millions."""
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories that move the cursor, reorder or hide text."""
_JOINERS = "\u200c\u200d"
"""Parts of words and emoji, which only look right unescaped."""


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def talk(sentence: str) -> None:
    """Write a line for people to stderr; when nobody can read it any more, it is dropped."""
    lines = [escape_text(each) for each in sentence.splitlines()]
    with contextlib.suppress(OSError):
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()


def escape_text(text: str) -> str:
    """Return the text on one line, with what could steer a terminal written as `\\n`, `\\x1b`, `\\u202e`."""
    return "".join(
        repr(each)[1:-1] if unicodedata.category(each) in _HIDDEN and each not in _JOINERS else each
        for each in text
    )


def write_record(payload: Mapping[str, Any]) -> None:
    """Write one JSON object to stdout."""
    _write(_dump_json(payload) + "\n")


def write_records(
    payloads: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    form: Format | None,
    shown: Sequence[str] = (),
) -> None:
    """Write payloads as rows; a table has the columns `shown` only, when some are named."""
    form = _choose(form)
    chosen = list(shown if shown and form is Format.TABLE else columns)
    write_rows(chosen, [[each.get(name) for name in chosen] for each in payloads], form)


def write_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: Format | None = None) -> None:
    """Write rows to stdout: without a format a table for a terminal, JSON for anything else."""
    _write(FORMATS[_choose(form)](columns, rows))


def _choose(form: Format | None) -> Format:
    return form or (Format.TABLE if sys.stdout.isatty() else Format.JSON)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
        sys.exit(BROKEN_PIPE)
    except OSError as error:
        _abandon_stdout()
        raise LogError(f"The output could not be written: {error.strerror or error}.") from error


def _abandon_stdout() -> None:
    """Point stdout at nothing, so that Python's own flush at the end does not fail again."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


# Formats


def _format_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    header = [escape_text(each) for each in columns]
    cells = [[escape_text(_show_value(each)) for each in row] for row in rows]
    widths = _find_widths([header, *cells])
    numeric = [
        bool(rows) and all(isinstance(row[at], (int, float)) for row in rows) for at in range(len(columns))
    ]
    lines = [header, ["─" * width for width in widths], *cells]
    return "".join(_format_line(line, widths, numeric) for line in lines)


def _format_line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    """Return the line; its last cell may run on, so that no sentence is ever cut."""
    clipped = [_clip(cell, width) for cell, width in zip(cells[:-1], widths, strict=False)]
    padded = map(_pad, [*clipped, *cells[-1:]], widths, numeric)
    return "  ".join(padded).rstrip() + "\n"


def _find_widths(lines: Sequence[Sequence[str]]) -> list[int]:
    """Return the columns' widths; the widest give way, down to an id's, until the terminal holds all."""
    *widths, last = [max(map(_measure, column)) for column in zip(*lines, strict=True)]
    last = min(last, _NEVER_CLIPPED)
    room = shutil.get_terminal_size((200, 24)).columns - last - 2 * len(widths)
    while sum(widths) > room and max(widths) > _NEVER_CLIPPED:
        widths[widths.index(max(widths))] -= 1
    return [*widths, last]


def _measure(text: str) -> int:
    """Return how many terminal columns the text takes: two for East Asian signs, none for accents."""
    if text.isascii():
        return len(text)
    return sum(_measure_sign(each) for each in text)


def _measure_sign(sign: str) -> int:
    if unicodedata.combining(sign) or sign in _JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _clip(text: str, width: int) -> str:
    if _measure(text) <= width:
        return text
    kept, used = "", 1
    for sign in text:
        used += _measure_sign(sign)
        if used > width:
            break
        kept += sign
    return kept + "…"


def _pad(text: str, width: int, to_right: bool) -> str:
    spaces = " " * max(width - _measure(text), 0)
    return spaces + text if to_right else text + spaces


def _show_value(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else build_cell(value)
    return text if len(text) <= _LONGEST_CELL else text[:_LONGEST_CELL] + "…"


def _format_json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    names = _make_unique(columns)
    return _dump_json([dict(zip(names, row, strict=True)) for row in rows]) + "\n"


def _make_unique(names: Sequence[str]) -> list[str]:
    """Return the names with `_2`, `_3` … behind repeated ones, since an object holds a name once."""
    unique: list[str] = []
    for name in names:
        free, count = name, 1
        while free in unique or (count > 1 and free in names):
            count += 1
            free = f"{name}_{count}"
        unique.append(free)
    return unique


def _dump_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    # JSON leaves these as they are, but some terminals obey them.
    return re.sub(r"[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)


FORMATS: dict[Format, Callable[[Sequence[str], Sequence[Sequence[Any]]], str]] = {
    Format.TABLE: _format_table,
    Format.JSON: _format_json,
    Format.CSV: format_csv,
}
"""Format → columns and rows as text."""


# Progress


@contextlib.contextmanager
def show_progress(*, has_steps: bool = True) -> Iterator[Callable[[float, str], None]]:
    """Yield a callback for the share done and what is being done.

    A terminal shows one line that changes and goes at the end, anything else a line per step, or nothing
    without `has_steps`, for work of seconds.
    """
    if not sys.stderr.isatty():
        yield _list_steps() if has_steps else _say_nothing
        return
    try:
        yield _redraw
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _redraw(share: float, doing: str) -> None:
    room = max(shutil.get_terminal_size().columns - 8, 8)
    sys.stderr.write(f"\r\x1b[K{share:4.0%}  {_clip(escape_text(doing), room)}")
    sys.stderr.flush()


def _say_nothing(share: float, doing: str) -> None:
    """Leave a file without steps."""


def _list_steps() -> Callable[[float, str], None]:
    told = ""

    def tell(share: float, doing: str) -> None:
        nonlocal told
        if doing != told:
            talk(f"{share:4.0%}  {doing}")
        told = doing

    return tell
