"""What differs between an export and the one before it, example by example."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reviewer.bundle.columns import name_target
from reviewer.bundle.rows import Rows
from reviewer.index.sql import load_sql

CHANGES = "CHANGES.md"

_SHOWN = 20
"""Examples that are named of each kind of change."""


def write_changes(rows: Rows, folder: Path, parent: Path | None) -> None:
    """Write what differs from the parent export, with the first examples of each kind."""
    paths = [path for split in rows.options.splits if parent and (path := parent / f"{split}.csv").is_file()]
    if parent is None:
        lines = ["This is the first export of the model."]
    elif not paths:
        lines = [
            f"Export {parent.name} before it has other kinds of rows, so there is nothing to compare with."
        ]
    else:
        lines = [f"Against export {parent.name}:", "", *_list_changes(rows, paths)]
    (folder / CHANGES).write_text("\n".join(["# Changes", "", *lines, ""]), encoding="utf-8")


def _list_changes(rows: Rows, paths: list[Path]) -> Iterator[str]:
    cursor = rows.source.cursor
    values = {"paths": [str(path) for path in paths], "target": name_target(rows.spec)}
    cursor.execute(load_sql("export_before"), values)
    cursor.execute(f"create temp table changes as {load_sql('export_changes')}")
    counts = dict(cursor.execute("select change, count(*) from changes group by change").fetchall())
    for change in ("added", "answered otherwise", "not in this export"):
        # A delta never holds what was exported before.
        if rows.options.mode != "delta" or change == "added":
            yield from _tell_change(rows, change, counts.get(change, 0))


def _tell_change(rows: Rows, change: str, count: int) -> Iterator[str]:
    first = rows.source.cursor.execute(
        "select flag_id, told from changes where change = $change order by flag_id limit $limit",
        {"change": change, "limit": _SHOWN},
    ).fetchall()
    yield f"- {change}: {count:,}"
    yield from (f"  - flag {flag_id}: {' '.join((told or '').split())}" for flag_id, told in first)
    if count > len(first):
        yield f"  - … and {count - len(first):,} more"
