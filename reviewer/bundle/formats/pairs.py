"""Text generation: what was right beside what the model said.

The keys are those of the trainers for preferences (`prompt`, `chosen`, `rejected`) and for answers with a
verdict (`prompt`, `completion`, `label`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reviewer.bundle.columns import name_target
from reviewer.bundle.rows import Rows
from reviewer.config import ModelSpec
from reviewer.records import Task


def fits_pairs(spec: ModelSpec) -> bool:
    """Whether the model writes texts."""
    return spec.task is Task.TEXT_GENERATION


def write_preferences(rows: Rows, folder: Path) -> None:
    """Write `preference/SPLIT.jsonl`; a row whose prediction was confirmed has nothing rejected and is left
    out."""
    _write(rows, folder / "preference", _list_preference)


def write_completions(rows: Rows, folder: Path) -> None:
    """Write `completion/SPLIT.jsonl`: the right answer with true, the wrong one with false."""
    _write(rows, folder / "completion", _list_completions)


def _write(rows: Rows, folder: Path, build: Any) -> None:
    folder.mkdir()
    for split in rows.list_splits():
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            for row in rows.stream(split, is_typed=False):
                file.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in build(rows.spec, row))


def _list_preference(spec: ModelSpec, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    right, said = row[name_target(spec)], row["predicted"]
    if said is not None and right != said:
        yield {"prompt": _build_prompt(spec, row), "chosen": right, "rejected": said}


def _list_completions(spec: ModelSpec, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    prompt, right, said = _build_prompt(spec, row), row[name_target(spec)], row["predicted"]
    if right is not None:
        yield {"prompt": prompt, "completion": right, "label": True}
    if said is not None and said != right:
        yield {"prompt": prompt, "completion": said, "label": False}


def _build_prompt(spec: ModelSpec, row: dict[str, Any]) -> str:
    """Return the only input as it is; several, each below its name."""
    if len(spec.inputs) == 1:
        return str(row[next(iter(spec.inputs))] or "")
    return "\n\n".join(f"{name}:\n{row[name]}" for name in spec.inputs if row[name] is not None)
