"""The base CSV with the corrections in it: a copy with a column `changed`, and every change by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from reviewer.bundle.base import DIFF, MERGED, Base, build_key
from reviewer.bundle.rows import Rows
from reviewer.datasets import parse_answer, read_cells
from reviewer.errors import InputError
from reviewer.log.columns import format_line
from reviewer.records import TEST, TRAIN, JsonValue

CHANGED = "changed"
HELD_OUT, CORRECTED, ADDED = "held_out", "corrected", "added"
"""What the column says; nothing when a row is as it was."""


@dataclass(frozen=True, slots=True)
class _Correction:
    """The right answer for the rows of one key."""

    flag_id: str
    answer: str
    cells: Mapping[str, str]
    """Input → cell."""


@dataclass(frozen=True, slots=True)
class _Merged:
    """A row of the merged copy."""

    cells: Mapping[str, str]
    changed: str
    line: str = ""
    before: str = ""
    correction: _Correction | None = None


def merge_base(rows: Rows, base: Base, folder: Path) -> dict[str, JsonValue]:
    """Write the merged copy and the changes; returns the rows `kept`, `held_out`, `corrected`, `added`.

    Only corrections of the train split are merged in, and a row of the base whose example is held out is
    marked. Raises `InputError` when two corrections have one key.
    """
    if CHANGED in base.columns:
        raise InputError(f"{base.path.name} has a column {CHANGED} already; rename it, then merge.", "base")
    corrections = _read_corrections(rows)
    counts = {"kept": 0, HELD_OUT: 0, CORRECTED: 0, ADDED: 0}
    with _open(folder / MERGED) as merged, _open(folder / DIFF) as diff:
        merged.write(format_line([*base.columns, CHANGED]))
        diff.write(format_line(["line", "flag_id", "column", "before", "after"]))
        for each in _merge_rows(rows, base, corrections):
            counts[each.changed or "kept"] += 1
            merged.write(format_line([*each.cells.values(), each.changed]))
            if each.correction:
                after = each.correction.answer
                diff.write(
                    format_line([each.line, each.correction.flag_id, rows.spec.target, each.before, after])
                )
    return dict(counts)


def _merge_rows(rows: Rows, base: Base, corrections: Mapping[str, _Correction]) -> Iterator[_Merged]:
    target, held_out = rows.spec.target, _list_held_out(rows)
    names = zip(base.keys, base.example_ids, read_cells(base.path, []), strict=True)
    for key, example_id, (line, cells) in names:
        found = corrections.get(key)
        if found and not _is_same(rows, found.answer, cells[target]):
            yield _Merged({**cells, target: found.answer}, CORRECTED, str(line), cells[target], found)
        else:
            yield _Merged(cells, HELD_OUT if example_id in held_out and not found else "")
    known = set(base.keys)
    for key, each in corrections.items():
        if key not in known:
            given = {**each.cells, target: each.answer, "split": TRAIN}
            yield _Merged({name: given.get(name, "") for name in base.columns}, ADDED, correction=each)


def _list_held_out(rows: Rows) -> set[str]:
    found = rows.source.cursor.execute(f"select example_id from exported where split <> '{TRAIN}'")  # noqa: S608
    return {example_id for (example_id,) in found.fetchall()} - {
        example_id for example_id, split in rows.source.base_splits.items() if split == TEST
    }


def _is_same(rows: Rows, answer: str, cell: str) -> bool:
    """Whether a cell says the same; 72 and 72.0 are one number."""
    try:
        return parse_answer(rows.spec, rows.spec.target, cell) == parse_answer(
            rows.spec, rows.spec.target, answer
        )
    except InputError:
        return False


def _open(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


def _read_corrections(rows: Rows) -> dict[str, _Correction]:
    key = rows.options.key
    corrections: dict[str, _Correction] = {}
    for stored, each in _stream_corrections(rows):
        name = build_key(stored, key)
        if name in corrections and corrections[name].answer != each.answer:
            raise InputError(
                f"The flags {corrections[name].flag_id} and {each.flag_id} have the same {', '.join(key)} but"
                " different right answers; choose a key that tells their examples apart.",
                "key",
            )
        corrections[name] = each
    return corrections


def _stream_corrections(rows: Rows) -> Iterator[tuple[dict[str, JsonValue], _Correction]]:
    columns = rows.list_columns(is_typed=False)
    chosen = ", ".join(f"{columns[name]}" for name in rows.spec.inputs)
    found = rows.source.cursor.execute(
        f"select inputs::varchar, exported.flag_id::varchar, answer, {chosen} from exported"  # noqa: S608
        f" join flags using (position) where split = '{TRAIN}' order by position"
    )
    while part := found.fetchmany(10_000):
        for inputs, flag_id, answer, *cells in part:
            texts = {name: cell or "" for name, cell in zip(rows.spec.inputs, cells, strict=True)}
            yield json.loads(inputs), _Correction(flag_id, answer, texts)
