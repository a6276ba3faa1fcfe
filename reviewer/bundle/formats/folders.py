"""Text classifiers' classics: a folder per label, and fastText's lines.

A label is a folder's name or a word there, so one that cannot be is written with percent signs; `labels.json`
beside the files maps every name back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from reviewer.bundle.columns import find_file, list_media, name_target
from reviewer.bundle.formats.tables import name_files, open_texts
from reviewer.bundle.rows import AddPart, Part, Rows
from reviewer.config import ModelSpec, TextboxSpec
from reviewer.records import Task

_LONGEST_NAME = 200
"""Bytes of a folder's name; file systems take 255."""


def fits_folders(spec: ModelSpec) -> bool:
    """Whether a row is one text or one file with a label."""
    is_single = len(spec.inputs) == 1 and (_is_text(spec) or len(list_media(spec)) == 1)
    return is_single and spec.task.is_classification


def fits_fasttext(spec: ModelSpec) -> bool:
    """Whether a row is one text with a label."""
    return spec.task is Task.TEXT_CLASSIFICATION and len(spec.inputs) == 1 and _is_text(spec)


def _is_text(spec: ModelSpec) -> bool:
    return all(isinstance(each, TextboxSpec) for each in spec.inputs.values())


@contextlib.contextmanager
def writing_folders(rows: Rows, folder: Path) -> Iterator[AddPart]:
    """Write `sklearn/SPLIT/LABEL/FLAG_ID.txt`, or the file itself with its own ending."""
    (name,) = rows.spec.inputs
    base = folder / "sklearn"
    base.mkdir()
    labels: dict[str, str] = {}

    def add(part: Part) -> None:
        for split in rows.list_splits():
            for row in part.stream(split, is_typed=False):
                label = row[name_target(rows.spec)] or ""
                home = base / split / labels.setdefault(label, _name_folder(label))
                home.mkdir(parents=True, exist_ok=True)
                _write_file(rows, home / row["flag_id"], row[name])

    yield add
    _write_labels(base / "labels.json", labels)


def _write_file(rows: Rows, path: Path, cell: str | None) -> None:
    """Write the text, or the file that the cell names, with the ending that belongs to it."""
    if _is_text(rows.spec):
        path.with_name(f"{path.name}.txt").write_bytes((cell or "").encode())
    elif file := find_file(cell):
        rows.copy_media(file, path.with_name(f"{path.name}{Path(file).suffix}"))


def _name_folder(label: str) -> str:
    """Return a folder's name for a label: itself when any file system takes it."""
    name = quote(label, safe=" ()+,;=@!'&$-_~")
    if label.strip(".") == "":
        name = name.replace(".", "%2E") or "%00"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(label.encode()).hexdigest()[:16]
    return f"{name[: _LONGEST_NAME - 17]}~{digest}"


@contextlib.contextmanager
def writing_fasttext(rows: Rows, folder: Path) -> Iterator[AddPart]:
    """Write `fasttext/SPLIT.txt`: `__label__LABEL text`, the text on one line."""
    (name,) = rows.spec.inputs
    base = folder / "fasttext"
    base.mkdir()
    labels: dict[str, str] = {}
    with open_texts(name_files(rows, base, ".txt")) as files:

        def add(part: Part) -> None:
            for split, file in files.items():
                for row in part.stream(split, is_typed=False):
                    label = row[name_target(rows.spec)] or ""
                    word = labels.setdefault(label, _name_word(label))
                    file.write(f"__label__{word} {_join_lines(row[name] or '')}\n")

        yield add
    _write_labels(base / "labels.json", labels)


def _name_word(label: str) -> str:
    """Return a label as one word: white space and percent signs as their bytes, an empty one as `%00`."""
    return re.sub(r"[\s%]", lambda found: quote(found[0], safe=""), label) or "%00"


def _join_lines(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _write_labels(path: Path, labels: dict[str, str]) -> None:
    """Write name in the files → label, when any differs."""
    if any(name != label for label, name in labels.items()):
        names = {name: label for label, name in sorted(labels.items())}
        path.write_text(json.dumps(names, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
