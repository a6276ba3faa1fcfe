"""Training with somebody's own code: a function, or a program.

The rule: it gets a copy of the data without anything that is held out, and an empty folder; what it left
there is a model only when it loads and answers.
"""

from __future__ import annotations

import importlib
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reviewer.config import ModelSpec
from reviewer.datasets import Base, Row, list_needed, parse_row, read_cells
from reviewer.errors import ConfigError, ModelError, UntrustedModelError
from reviewer.log.columns import format_line
from reviewer.models.kinds.predictor import describe_error, format_details
from reviewer.records import TRAIN, VALIDATION
from reviewer.training.choosing import Chosen, Export, list_split_files, read_bundle_rows
from reviewer.training.fitting import SEED

_Lines = Iterable[tuple[Mapping[str, str], Row]]


def check_trusted(spec: ModelSpec) -> None:
    """Raise `UntrustedModelError` when the config does not allow its own training code to run."""
    if spec.training.has_trainer and not spec.trusted:
        raise UntrustedModelError(
            f"models.{spec.name}.training runs code of yours; if you trust it, set trusted = true for"
            f" models.{spec.name} in reviewer.toml."
        )


def hand_over(spec: ModelSpec, base: Base | None, bundle: Export, chosen: Chosen, folder: Path) -> None:
    """Write what may be trained on into the folder, with the files that it names.

    `train.csv` and `validation.csv` hold the corrections, as in the bundle; `base/train.csv` and
    `base/validation.csv` the base data without what is held out, or corrected. A file without rows is left
    out.
    """
    corrections = {row.example_id for row in chosen.corrections}
    found = [pair for path in list_split_files(bundle.path) for pair in read_bundle_rows(spec, path)]
    taken = [(cells, row) for cells, row in found if row and row.example_id in corrections]
    _write_splits(folder, bundle.path, taken)
    if base:
        without = corrections | chosen.barred
        _write_splits(folder / "base", base.path.parent, _read_base(spec, base, without))


def _read_base(spec: ModelSpec, base: Base, without: set[str]) -> Iterator[tuple[dict[str, str], Row]]:
    """Yield the cells of the base's rows with what they mean; the split is the one that the row was dealt."""
    split = {row.example_id: row.split for row in base.rows}
    for _, cells in read_cells(base.path, [*list_needed(spec), spec.target]):
        row = parse_row(spec, base.path.parent, cells, spec.target)
        if row.example_id not in without:
            yield {**cells, "split": split[row.example_id]}, row


def _write_splits(folder: Path, origin: Path, lines: _Lines) -> None:
    by_split: dict[str, list[Mapping[str, str]]] = {TRAIN: [], VALIDATION: []}
    for cells, row in lines:
        if cells["split"] in by_split:
            by_split[cells["split"]].append(cells)
            _copy_files(folder, origin, row)
    for split, rows in by_split.items():
        if rows:
            folder.mkdir(parents=True, exist_ok=True)
            text = "".join(format_line(each.values()) for each in rows)
            (folder / f"{split}.csv").write_text(format_line(rows[0]) + text, encoding="utf-8", newline="")


def _copy_files(folder: Path, origin: Path, row: Row) -> None:
    for value in row.values.values():
        path = value["data"] if isinstance(value, dict) and "data" in value else value
        if isinstance(path, Path):
            target = folder / path.relative_to(origin)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def run_trainer(spec: ModelSpec, workspace: Path, places: Mapping[str, Path]) -> None:
    """Run the function or the program that the config names; `places` are its `bundle`, `out` and `model`.

    Raises `ConfigError` when there is none of that name, `ModelError` when it fails.
    """
    check_trusted(spec)
    if spec.training.command:
        _run_command(spec, workspace, places)
    else:
        _run_function(spec, workspace, places)


def _run_function(spec: ModelSpec, workspace: Path, places: Mapping[str, Path]) -> None:
    train = _import_function(spec, workspace)
    _fix_seeds()
    try:
        train(str(places["bundle"]), str(places["out"]))
    except Exception as error:
        # Code of somebody else can raise anything.
        raise ModelError(
            f"{spec.training.train} failed while it trained {spec.name}: {describe_error(error)}",
            format_details(error),
        ) from error


def _fix_seeds() -> None:
    """Seed what most code draws from, so that the same rows make the same model."""
    import numpy as np

    random.seed(SEED)
    np.random.seed(SEED)


def _import_function(spec: ModelSpec, workspace: Path) -> Any:
    module, _, name = spec.training.train.partition(":")
    sys.path.append(str(workspace.resolve()))
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        # Code of somebody else can raise anything while it is imported.
        raise ConfigError(
            f"models.{spec.name}.training.train is {spec.training.train!r}, which cannot be imported"
            f" ({describe_error(error)}); write module:function."
        ) from error


def _run_command(spec: ModelSpec, workspace: Path, places: Mapping[str, Path]) -> None:
    words = [_fill(word, places) for word in spec.training.command]
    try:
        code = subprocess.run(words, cwd=workspace, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        raise ConfigError(
            f"models.{spec.name}.training.command cannot be run: {words[0]}: {error.strerror or error}."
        ) from error
    if code:
        raise ModelError(f"{words[0]} failed while it trained {spec.name}: it ended with the code {code}.")


def _fill(word: str, places: Mapping[str, Path]) -> str:
    """Return the word with the places put in; other braces stay as they are."""
    for name, path in places.items():
        word = word.replace(f"{{{name}}}", str(path))
    return word


def find_artifact(spec: ModelSpec, out: Path, before: Path) -> Path:
    """Return the model that a trainer left in its folder.

    That is the file named like the one of the version before, else the only file. A Python model that left
    only data for its own source gets that source beside it. Raises `ModelError` when it is none of this.
    """
    files = [path for path in out.rglob("*") if path.is_file()]
    if not files:
        raise ModelError(
            f"The training of {spec.name} wrote no model; it should write {before.name} into the folder that"
            " it is given for it."
        )
    if (out / before.name).is_file():
        return out / before.name
    if before.suffix == ".py":
        return Path(shutil.copyfile(before, out / before.name))
    if len(files) > 1 or files[0].parent != out:
        names = ", ".join(sorted(path.relative_to(out).as_posix() for path in files)[:5])
        raise ModelError(
            f"The training of {spec.name} wrote {names}; it should write one file, or name the model"
            f" {before.name}."
        )
    return files[0]
