"""Flag folders as each version of Gradio writes them, made here cell by cell.

The rule: what a logger did to a value is done here too, so that a test can compare what was typed with what
an import makes of it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from reviewer.foreign import ImportReport, open_given, prepare_workspace, read_sources
from reviewer.records import Flag
from reviewer.workspace import Workspace

START = datetime(2026, 3, 1, 12, 0, 0, 250)  # noqa: DTZ001  Gradio writes times without a zone
HEADER = ("Text", "Photo", "Size", "Group", "Prediction", "Details", "Table")
SCORES = {"dog": 0.55, "cat": 0.45}
DETAILS = {"nested": {"é": [1, -2.5, None, True]}}
COLUMNS, ROWS = ["class", "score"], [["dog", 0.55], ["cat", 0.45]]
GROUP = ["a", "b, c"]
TEXTS = (
    "plain text",
    "line one\nline two\n\nline four",
    "comma, \"double quoted\" and 'single'",
    "ünïcode 漢字 😀 עברית",
    "=SUM(A1:A3)",
    "-5 degrees",
    "a,-b and a,=b",
    "[1,2]",
    '{"k": "é"}',
    "1e5",
    "007",
    "'leading apostrophe",
    "  padded  ",
    "tab\there",
    "",
)
_UNSAFE = ("=", "+", "-", "@", "\t", "\n")


def escape(text: str) -> str:
    """Return a text with the apostrophe that the loggers put before what a spreadsheet would run."""
    is_unsafe = text.startswith(_UNSAFE) or any("," + each in text for each in _UNSAFE)
    return "'" + text if is_unsafe else text


def rewrite(text: str) -> str:
    """Return a text as 4.22 and later write it: JSON anew, a quoted text without its quotes."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else json.dumps(value)


def format_rows(rows: Sequence[Sequence[Any]], quote: str = '"', lines_end: str = "\r\n") -> str:
    """Return rows of CSV as Gradio's writers do."""
    buffer = io.StringIO()
    if quote == '"':
        csv.writer(buffer, lineterminator=lines_end).writerows(rows)
    else:
        csv.writer(buffer, quotechar=quote, quoting=csv.QUOTE_NONNUMERIC, lineterminator=lines_end).writerows(
            rows
        )
    return buffer.getvalue()


def write_log(folder: Path, rows: Sequence[Sequence[Any]], name: str = "dataset1.csv") -> Path:
    """Write the rows, the header among them, as a flag file; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(format_rows(rows), encoding="utf-8", newline="")
    return folder


def make_time(number: int) -> str:
    """Return the time of the row with that number, each a second after the one before."""
    return str(START + timedelta(seconds=number))


def draw(number: int) -> bytes:
    """Return a picture whose width tells it from the others."""
    buffer = io.BytesIO()
    Image.new("RGB", (number + 1, 2), "red").save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Era:
    """How some versions write a row."""

    name: str
    quote: str
    list_tail: Callable[[int], list[str]]
    """Option, user and time of a row, as far as the version writes them."""
    tail: tuple[str, ...]
    write_text: Callable[[str], str]
    write_photo: Callable[[Path, int], str]
    write_list: Callable[[list[str]], str]
    write_size: Callable[[float], Any]
    write_label: Callable[[Path, int], str]
    write_json: Callable[[Path, str, int, Any], str]
    write_table: Callable[[Path, int], str]


def write_folder(folder: Path, era: Era, texts: Sequence[str] = TEXTS) -> Path:
    """Write a flag folder with a row for each text; returns it."""
    folder.mkdir(parents=True)
    rows: list[list[Any]] = [[*HEADER, *era.tail]] if era.tail else []
    for number, text in enumerate(texts):
        rows.append(
            [
                era.write_text(text),
                era.write_photo(folder, number),
                era.write_size(-number / 4),
                era.write_list(GROUP),
                era.write_label(folder, number),
                era.write_json(folder, "Details", number, DETAILS),
                era.write_table(folder, number),
                *era.list_tail(number),
            ]
        )
    (folder / era.name).write_text(format_rows(rows, era.quote), encoding="utf-8", newline="")
    return folder


def _store_photo(folder: Path, number: int, parts: str) -> Path:
    path = folder / "Photo" / parts.format(number=number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(draw(number))
    return path


def _write_counted_photo(folder: Path, number: int) -> str:
    return _store_photo(folder, number, "{number}.png").relative_to(folder).as_posix()


def _write_absolute_photo(folder: Path, number: int) -> str:
    inside = _store_photo(folder, number, "{number:040x}/tmp.png").relative_to(folder)
    return f"/home/tester/app/flagged/{inside.as_posix()}"


def _write_relative_photo(folder: Path, number: int) -> str:
    return f"flagged/{_store_photo(folder, number, '{number:020x}/i, {number}.png').relative_to(folder)}"


def _write_file_data(folder: Path, number: int) -> str:
    path = _write_relative_photo(folder, number)
    return json.dumps({"path": path, "url": None, "size": 9, "orig_name": f"i, {number}.png"})


def _write_side_file(folder: Path, label: str, number: int, value: Any) -> str:
    path = folder / label / f"tmp{number:08x}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return f"/home/tester/app/flagged/{label}/{path.name}"


def _make_confidences() -> dict[str, Any]:
    confidences = [{"label": label, "confidence": score} for label, score in SCORES.items()]
    return {"label": "dog", "confidences": confidences}


def _write_json_cell(folder: Path, label: str, number: int, value: Any) -> str:
    return json.dumps(value)


def _list_whole_tail(number: int) -> list[str]:
    return ["incorrect" if number % 2 else "ambiguous", "", make_time(number)]


def _list_new_tail(number: int) -> list[str]:
    return ["incorrect" if number % 2 else "ambiguous", make_time(number)]


_TABLE = {"headers": COLUMNS, "data": ROWS, "metadata": None}
_TAIL = ("flag", "username", "timestamp")

ERAS: dict[str, Era] = {
    "2.9": Era(
        "log.csv", "'", _list_new_tail, ("flag", "timestamp"), str, _write_counted_photo, json.dumps, float,
        lambda folder, number: json.dumps(SCORES), _write_json_cell,
        lambda folder, number: json.dumps(ROWS),
    ),
    "3.1": Era(
        "log.csv", "'", _list_whole_tail, _TAIL, escape, _write_counted_photo, json.dumps, float,
        lambda folder, number: json.dumps(SCORES), _write_json_cell,
        lambda folder, number: json.dumps({"headers": COLUMNS, "data": ROWS}),
    ),
    "3.50": Era(
        "log.csv", '"', _list_whole_tail, _TAIL, escape, _write_absolute_photo, str, str,
        lambda folder, number: _write_side_file(folder, "Prediction", number, _make_confidences()),
        _write_side_file,
        lambda folder, number: _write_side_file(folder, "Table", number, _TABLE),
    ),
    "4.19": Era(
        "log.csv", '"', _list_whole_tail, _TAIL, escape, _write_file_data, str,
        lambda size: escape(str(size)),
        lambda folder, number: json.dumps(_make_confidences(), separators=(",", ":")), _write_json_cell,
        lambda folder, number: json.dumps(_TABLE, separators=(",", ":")),
    ),
    "4.44": Era(
        "log.csv", '"', _list_whole_tail, _TAIL, lambda text: escape(rewrite(text)), _write_relative_photo,
        json.dumps, lambda size: escape(str(size)),
        lambda folder, number: json.dumps(_make_confidences()), _write_json_cell,
        lambda folder, number: json.dumps(_TABLE),
    ),
    "6.31": Era(
        "dataset1.csv", '"', _list_new_tail, ("flag", "timestamp"), lambda text: escape(rewrite(text)),
        _write_relative_photo, json.dumps, lambda size: escape(str(size)),
        lambda folder, number: json.dumps(_make_confidences()), _write_json_cell,
        lambda folder, number: json.dumps(_TABLE),
    ),
    "simple": Era(
        "log.csv", '"', lambda number: [], (), escape, _write_file_data, json.dumps, str,
        lambda folder, number: json.dumps(_make_confidences()), _write_json_cell,
        lambda folder, number: json.dumps(_TABLE),
    ),
}  # fmt: skip
"""Version → how it writes."""


def import_folder(
    workspace: Path,
    path: Path,
    *,
    mapping: dict[str, str] | None = None,
    model: str | None = None,
    is_adding: bool = False,
    **given: Any,
) -> ImportReport:
    """Import as the command line does, into a workspace that is made when it is not there yet."""
    with open_given(path) as found:
        prepare_workspace(workspace, read_sources(found, mapping), model=model, is_adding=is_adding)
        with Workspace(workspace) as opened:
            return opened.import_flags(found, model=model, mapping=mapping, **given)


def list_flags(workspace: Path) -> list[Flag]:
    """Return the workspace's flags in the order of their rows."""
    with Workspace(workspace) as opened:
        flags = opened.queue(view="all", limit=1000)
        assert not opened.list_rejected()
    return sorted(flags, key=lambda each: (each.origin["file"], each.origin["row"]))
