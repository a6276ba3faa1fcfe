"""JSON Lines: one object a line; the columns are the keys of the first thousand lines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.batch.encodings import TextFile, open_text
from reviewer.batch.sources import Attachment, Row, check_columns, find_columns
from reviewer.batch.values import write_cell
from reviewer.errors import InputError

_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class JsonlSource:
    """A JSON Lines file."""

    text: TextFile
    columns: tuple[str, ...]
    truth: str | None = None

    def count(self) -> int:
        """Return how many lines have something on them; raises `InputError` when the text is damaged."""
        return sum(1 for _ in _read_lines(self.text))

    def read(self, wanted: Sequence[str]) -> Iterator[Row]:
        """Yield every line; one that is no object has a problem. A missing key is an empty cell."""
        find_columns(self.columns, wanted)
        for number, line in enumerate(_read_lines(self.text), 1):
            try:
                values = _parse_line(line)
            except InputError as error:
                yield Row(number, (), str(error))
            else:
                yield Row(number, tuple([write_cell(values.get(name)) for name in wanted]))

    def find(self, name: str) -> Attachment | None:
        """Return None: a JSON Lines file comes without files."""
        return None


def open_jsonl(path: Path) -> JsonlSource:
    """Return the file with its columns found; raises `InputError` when no line is an object."""
    text = open_text(path.name, lambda: path.open("rb"))
    names: dict[str, None] = {}
    for line in itertools.islice(_read_lines(text), _LOOKED_AT):
        try:
            names |= dict.fromkeys(_parse_line(line))
        except InputError:
            continue  # told when the rows are read
    if not names:
        raise InputError(f"{path.name} has no line that is a JSON object; write one example a line.")
    check_columns(path.name, tuple(names))
    return JsonlSource(text, tuple(names))


def _read_lines(text: TextFile) -> Iterator[str]:
    with text.open(newline="\n") as file:
        yield from (line for line in file if line.strip())


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _parse_line(line: str) -> dict[str, Any]:
    try:
        values = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The line is no JSON: {str(error)[:200]}.") from None
    if not isinstance(values, dict):
        raise InputError(f"The line is {line.strip()[:80]!r}, no JSON object with a key per column.")
    return values
