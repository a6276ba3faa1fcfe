"""Tasks to import into Label Studio: the correction is the annotation, the model's answer the prediction."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reviewer.bundle.columns import name_target
from reviewer.bundle.formats.tables import name_files, open_texts
from reviewer.bundle.rows import AddPart, Part, Rows
from reviewer.config import ModelSpec
from reviewer.records import Task

_ELEMENTS = {"image": "Image", "sketch": "Image", "audio": "Audio"}
"""Component → the element that shows its value; any other is a text."""


def fits_label_studio(spec: ModelSpec) -> bool:
    """Whether an answer is a choice or a text."""
    return spec.task.is_classification or spec.task is Task.TEXT_GENERATION


@contextlib.contextmanager
def writing_label_studio(rows: Rows, folder: Path) -> Iterator[AddPart]:
    """Write `labelstudio/SPLIT.json`, a list of tasks, and `config.xml` for the project that takes them."""
    base = folder / "labelstudio"
    base.mkdir()
    with open_texts(name_files(rows, base, ".json")) as files:
        before = dict.fromkeys(files, "[")

        def add(part: Part) -> None:
            for split, file in files.items():
                for row in part.stream(split):
                    task = json.dumps(_build_task(rows.spec, row), ensure_ascii=False, default=str)
                    file.write(f"{before[split]}\n{task}")
                    before[split] = ","

        yield add
        for file in files.values():
            file.write("\n]\n")
    (base / "config.xml").write_text(_build_config(rows.spec), encoding="utf-8")


def _build_task(spec: ModelSpec, row: dict[str, Any]) -> dict[str, Any]:
    answer, said = row[name_target(spec)], row["predicted"]
    return {
        "data": {name: row[name] for name in spec.inputs},
        "meta": {"flag_id": row["flag_id"], "example_id": row["example_id"], "split": row["split"]},
        "annotations": [{"result": [_build_result(spec, answer)]}] if answer is not None else [],
        "predictions": (
            [{"model_version": row["model_version"], "result": [_build_result(spec, said)]}]
            if said is not None
            else []
        ),
    }


def _build_result(spec: ModelSpec, answer: str) -> dict[str, Any]:
    kind, value = (
        ("choices", {"choices": [answer]})
        if spec.task.is_classification
        else ("textarea", {"text": [answer]})
    )
    return {"from_name": "answer", "to_name": next(iter(spec.inputs)), "type": kind, "value": value}


def _build_config(spec: ModelSpec) -> str:
    """Return the labelling interface; element names are Label Studio's."""
    from xml.etree.ElementTree import Element, SubElement, tostring

    view = Element("View")
    for name, each in spec.inputs.items():
        SubElement(view, _ELEMENTS.get(each.component, "Text"), name=name, value=f"${name}")
    first = next(iter(spec.inputs))
    if spec.task.is_classification:
        choices = SubElement(view, "Choices", name="answer", toName=first)
        for label in spec.labels:
            SubElement(choices, "Choice", value=label)
    else:
        SubElement(view, "TextArea", name="answer", toName=first)
    return tostring(view, encoding="unicode") + "\n"
