"""Text generation: what was right beside what the model said.

The keys are those of the trainers for preferences (`prompt`, `chosen`, `rejected`) and for answers with a
verdict (`prompt`, `completion`, `label`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reviewer.bundle.columns import name_target
from reviewer.bundle.formats.tables import name_files, open_texts
from reviewer.bundle.rows import AddPart, Part, Rows
from reviewer.config import ModelSpec
from reviewer.records import Task


def fits_pairs(spec: ModelSpec) -> bool:
    """Whether the model writes texts."""
    return spec.task is Task.TEXT_GENERATION


def writing_preferences(rows: Rows, folder: Path) -> contextlib.AbstractContextManager[AddPart]:
    """Write `preference/SPLIT.jsonl`; a row whose prediction was confirmed has nothing rejected and is left
    out."""
    return _writing(rows, folder / "preference", _list_preference)


def writing_completions(rows: Rows, folder: Path) -> contextlib.AbstractContextManager[AddPart]:
    """Write `completion/SPLIT.jsonl`: the right answer with true, the wrong one with false."""
    return _writing(rows, folder / "completion", _list_completions)


Build = Callable[[ModelSpec, dict[str, Any]], Iterator[dict[str, Any]]]


@contextlib.contextmanager
def _writing(rows: Rows, folder: Path, build: Build) -> Iterator[AddPart]:
    folder.mkdir()
    with open_texts(name_files(rows, folder, ".jsonl")) as files:

        def add(part: Part) -> None:
            for split, file in files.items():
                for row in part.stream(split, is_typed=False):
                    file.writelines(
                        json.dumps(each, ensure_ascii=False) + "\n" for each in build(rows.spec, row)
                    )

        yield add


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
