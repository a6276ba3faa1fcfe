"""A dataset folder for Hugging Face: typed Parquet files, or files with `metadata.parquet`, and a card.

The card names every file and feature, so that `datasets` infers nothing: labels such as `None`, `NA` and
`007` stay.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from reviewer.bundle.columns import find_file, list_media, name_target
from reviewer.bundle.formats.tables import name_files, packing_parquet
from reviewer.bundle.rows import AddPart, Part, Rows
from reviewer.bundle.selecting import quote_text
from reviewer.config import AudioSpec, ImageSpec, ModelSpec
from reviewer.records import Task

FOLDER = "huggingface"

_ENDING = "-00000-of-00001.parquet"
"""Of a file that is all of its split, as the hub names it."""

TASK_CATEGORIES: dict[Task, str] = {
    Task.TEXT_CLASSIFICATION: "text-classification",
    Task.IMAGE_CLASSIFICATION: "image-classification",
    Task.TABULAR_CLASSIFICATION: "tabular-classification",
    Task.TABULAR_REGRESSION: "tabular-regression",
    Task.TEXT_GENERATION: "text-generation",
    Task.GENERIC: "other",
}
"""Task → its name on the hub."""


_FILE_FEATURES = {ImageSpec: "image", AudioSpec: "audio"}
"""Inputs whose files a folder builder opens → the feature that they become."""


@contextlib.contextmanager
def writing_hub(rows: Rows, folder: Path) -> Iterator[AddPart]:
    """Write `huggingface/` with `README.md` and a file or folder per split; `load_dataset` reads it."""
    base = folder / FOLDER
    data = base / "data"
    data.mkdir(parents=True)
    if find_file_feature(rows.spec):
        writing = _writing_folders(rows, base)
    else:
        writing = packing_parquet(name_files(rows, data, _ENDING))
    with writing as add:
        yield add
    (base / "README.md").write_text(_build_card(rows), encoding="utf-8")


def find_file_feature(spec: ModelSpec) -> str | None:
    """Return `image` or `audio`, what the folder's files are, None when Parquet holds all there is."""
    kinds = (_FILE_FEATURES.get(type(each)) for each in spec.inputs.values())
    return next((kind for kind in kinds if kind), None)


def _list_files(spec: ModelSpec) -> list[str]:
    """Return the inputs whose files the folder builder opens; any other file stays a path."""
    kind = find_file_feature(spec)
    return [name for name, each in spec.inputs.items() if kind and _FILE_FEATURES.get(type(each)) == kind]


@contextlib.contextmanager
def _writing_folders(rows: Rows, base: Path) -> Iterator[AddPart]:
    """Write `metadata.parquet` beside the files.

    As JSON lines it would be read with types that `datasets` guesses per split: a caption `2026-03-01` is a
    time then, and a column that is empty in one split an error. Labels are numbers, named in the file's
    metadata, which is what `datasets` itself writes.
    """
    folders = {split: base / "data" / split for split in rows.list_splits()}
    for folder in (*folders.values(), base / "media"):
        folder.mkdir()
    spec = rows.spec
    columns = ", ".join(_select_column(spec, name) for name in rows.list_columns(is_typed=True))
    features = {name_target(spec): {"names": list(spec.labels), "_type": "ClassLabel"}}
    described = json.dumps({"info": {"features": features if _has_classes(spec) else {}}})
    files = {split: folder / "metadata.parquet" for split, folder in folders.items()}
    with packing_parquet(files, columns, {"huggingface": described}) as add_metadata:

        def add(part: Part) -> None:
            add_metadata(part)
            for split in folders:
                _copy_files(part, split, base)

        yield add


def _select_column(spec: ModelSpec, name: str) -> str:
    if name in _list_files(spec):
        return f'"{name}"[{len("media/") + 1}:] as "{name}_file_name"'
    if name == name_target(spec) and _has_classes(spec):
        labels = ", ".join(map(quote_text, spec.labels))
        return f'(list_position([{labels}], "{name}") - 1)::bigint as "{name}"'
    return f'"{name}"'


def _has_classes(spec: ModelSpec) -> bool:
    return spec.task.is_classification and bool(spec.labels)


def _copy_files(part: Part, split: str, base: Path) -> None:
    """Copy what the folder builder opens beside its metadata, and other files to `media/`."""
    rows = part.rows
    opened = _list_files(rows.spec)
    for row in part.stream(split, is_typed=False):
        for name in list_media(rows.spec):
            if file := find_file(row[name]):
                path = (base / "data" / split if name in opened else base / "media") / file
                if not path.exists():
                    rows.copy_media(file, path)


# The card


def _build_card(rows: Rows) -> str:
    return "\n".join(["---", *_list_front_matter(rows), "---", "", *_list_text(rows.spec), ""])


def _list_front_matter(rows: Rows) -> Iterator[str]:
    spec, file_feature = rows.spec, find_file_feature(rows.spec)
    yield f"pretty_name: {json.dumps(spec.shown_name, ensure_ascii=False)}"
    yield "task_categories:"
    yield f"- {TASK_CATEGORIES[spec.task]}"
    yield "configs:"
    yield "- config_name: default"
    yield "  data_files:"
    for split in rows.list_splits():
        yield f"  - split: {split}"
        yield (f"    path: data/{split}/**" if file_feature else f"    path: data/{split}{_ENDING}")
    if file_feature:
        yield "  drop_labels: true"
    yield "dataset_info:"
    yield "  features:"
    for name, feature in _list_features(rows):
        yield f"  - name: {name}"
        yield from (f"    {line}" for line in feature)


_DTYPES = {"number": "float64", "slider": "float64", "checkbox": "bool"}


def _list_features(rows: Rows) -> Iterator[tuple[str, list[str]]]:
    """Yield each column with the lines that say its feature."""
    spec = rows.spec
    opened = _list_files(spec)
    for name in rows.list_columns(is_typed=True):
        if name in opened:
            yield name, [f"dtype: {find_file_feature(spec)}"]
        elif name == name_target(spec) and _has_classes(spec):
            names = [
                f"    '{number}': {json.dumps(label, ensure_ascii=False)}"
                for number, label in enumerate(spec.labels)
            ]
            yield name, ["dtype:", "  class_label:", "    names:", *(f"  {each}" for each in names)]
        else:
            yield name, [_find_dtype(spec, name)]


def _find_dtype(spec: ModelSpec, name: str) -> str:
    component = spec.inputs[name].component if name in spec.inputs else ""
    if component == "checkbox_group":
        return "list: string"
    if component == "date":
        return (
            "dtype: timestamp[us]" if getattr(spec.inputs[name], "include_time", False) else "dtype: date32"
        )
    is_number = name == name_target(spec) and spec.task is Task.TABULAR_REGRESSION
    if is_number or name in ("sample_weight", "reviewer_agreement"):
        return "dtype: float64"
    return "dtype: int64" if name == "reviewer_votes" else f"dtype: {_DTYPES.get(component, 'string')}"


def _list_text(spec: ModelSpec) -> list[str]:
    return [
        f"# {spec.shown_name}",
        "",
        "Corrections of flagged predictions, with where each row came from. Flagged data is not a random",
        "sample: it holds what people noticed. The bundle's README.md and manifest.json say how it was made.",
    ]
