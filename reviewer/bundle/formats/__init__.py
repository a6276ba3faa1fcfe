"""The formats of an export, each a row of `FORMATS`.

A format gets the rows and a folder, and yields what adds a part of the rows to its files. The rule: every
value reads back equal with the reader that the format is named for; what a format cannot carry is not offered
for the model.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from reviewer.bundle.formats.folders import fits_fasttext, fits_folders, writing_fasttext, writing_folders
from reviewer.bundle.formats.hub import writing_hub
from reviewer.bundle.formats.label_studio import fits_label_studio, writing_label_studio
from reviewer.bundle.formats.pairs import fits_pairs, writing_completions, writing_preferences
from reviewer.bundle.formats.spreadsheet import writing_spreadsheet
from reviewer.bundle.formats.tables import writing_csv, writing_jsonl, writing_parquet
from reviewer.bundle.rows import AddPart, Rows
from reviewer.config import ModelSpec
from reviewer.errors import InputError, UnknownNameError


def _fits_all(spec: ModelSpec) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Format:
    """How rows become files for one reader."""

    writing: Callable[[Rows, Path], AbstractContextManager[AddPart]]
    what: str
    """What it is, in a line."""
    fits: Callable[[ModelSpec], bool] = _fits_all
    """Whether rows of the model can be written so."""
    needs: str = "any model"


FORMATS: dict[str, Format] = {
    "csv": Format(writing_csv, "a CSV file per split, every cell exact"),
    "jsonl": Format(writing_jsonl, "a JSON object a line, typed"),
    "parquet": Format(writing_parquet, "a Parquet file per split, typed; the canonical form"),
    "huggingface": Format(
        writing_hub, "a dataset folder for `datasets.load_dataset`, pictures as an imagefolder"
    ),
    "sklearn": Format(
        writing_folders,
        "a folder per label for `sklearn.datasets.load_files`",
        fits_folders,
        "a classification model with one text or file as input",
    ),
    "fasttext": Format(
        writing_fasttext,
        "a line per text for fastText",
        fits_fasttext,
        "a text classification model with one text",
    ),
    "preference": Format(
        writing_preferences, "prompt, chosen and rejected answer", fits_pairs, "a text generation model"
    ),
    "completion": Format(
        writing_completions,
        "prompt, completion and whether it is right",
        fits_pairs,
        "a text generation model",
    ),
    "labelstudio": Format(
        writing_label_studio,
        "tasks with annotations and predictions to import into Label Studio",
        fits_label_studio,
        "a classification or text generation model",
    ),
    "spreadsheet": Format(
        writing_spreadsheet, "one CSV for spreadsheets, with the formula guard; not for training"
    ),
}


def check_formats(spec: ModelSpec, names: tuple[str, ...]) -> None:
    """Raise when a name is no format, or one that the model's rows cannot be written in."""
    for name in names:
        if name not in FORMATS:
            raise UnknownNameError("format", name, FORMATS)
        if not FORMATS[name].fits(spec):
            fitting = ", ".join(list_formats(spec))
            raise InputError(
                f"The format {name} is for {FORMATS[name].needs}, which {spec.name} is not; use {fitting}.",
                "formats",
            )


def list_formats(spec: ModelSpec) -> list[str]:
    """Return the names of the formats that rows of the model can be written in."""
    return [name for name, each in FORMATS.items() if each.fits(spec)]
