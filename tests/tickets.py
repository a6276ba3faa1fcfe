"""A small model of support tickets and what its tests need: base data, versions, corrected flags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, make_flag

from reviewer.bundle import Bundle
from reviewer.config import ModelSpec
from reviewer.folders import list_numbers
from reviewer.log.media import MediaStore
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Flag, FlagState, Resolution
from reviewer.training import add_version, fit_estimator, read_base

TICKETS = ModelSpec.model_validate(
    {
        "name": "tickets",
        "task": "text-classification",
        "labels": ["login", "refund"],
        "inputs": {"text": "textbox"},
        "base": "data/tickets.csv",
    }
)
HEIGHTS = ModelSpec.model_validate(
    {
        "name": "heights",
        "task": "tabular-regression",
        "inputs": {"age": {"component": "number", "minimum": 0}},
        "base": "data/heights.csv",
        "target": "height",
        "tolerance": 5,
    }
)
BASE = """\
text,label,split
money back,refund,train
give money,refund,train
sign in,login,train
password in,login,train
looked at,login,validation
money please,refund,test
sign please,login,test
"""


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "flagged" / "media")


@pytest.fixture
def versions(tmp_path: Path) -> ModelVersions:
    """The tickets model with version 1, fitted on its base's train split."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_versions(tmp_path, TICKETS, make_pipeline(CountVectorizer(), LogisticRegression()), BASE)


def make_versions(folder: Path, spec: ModelSpec, estimator: Any, text: str) -> ModelVersions:
    write_base(folder, spec, text)
    versions, base = ModelVersions(folder, spec), read_base(folder, spec)
    add_version(versions, fit_estimator(spec, estimator, base.select("train")), base.select("test"), {})
    return versions


def write_base(folder: Path, spec: ModelSpec, text: str) -> None:
    path = folder / spec.base
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode(errors="surrogateescape"))


def find_text(split: str, start: str = "sign") -> str:
    """Return a text that `export` puts into the split."""
    return f"{start} kept for {split}"


def make_corrected(text: str, label: str = "refund", **state: Any) -> Flag:
    known: dict[str, Any] = {"resolution": Resolution.LABEL_CORRECTED, "corrected_label": label}
    fields = {"status": "resolved", "reviewed_at": NOON, **known}
    return make_flag(inputs={"text": text}, predicted_label="login", state=FlagState(**fields | state))


def export(folder: Path, *flags: Flag) -> Bundle:
    """Write the corrections as the next export, each into the split that its text is kept for, else train."""
    rows: dict[str, Any] = {}
    for flag in flags:
        text = flag.inputs["text"]
        split = text.rpartition("kept for ")[2] if "kept for " in text else "train"
        rows.setdefault(split, []).append((text, flag.state.corrected_label, 1, ""))
    numbers = list_numbers(folder / "exports/tickets")
    return write_export(folder, str(max(numbers, default=0) + 1), **rows)


def write_export(folder: Path, name: str = "1", **rows: Sequence[Sequence[object]]) -> Bundle:
    """Write an export with a file per split, each row with a text, a label, a weight and a group."""
    path = folder / "exports/tickets" / name
    path.mkdir(parents=True)
    for split, lines in rows.items():
        cells = [f"{text},{label},{split},{weight},{group}" for text, label, weight, group in lines]
        (path / f"{split}.csv").write_text(
            "\n".join(["text,label,split,sample_weight,duplicate_group", *cells, ""])
        )
    return Bundle("tickets", name, path, {})


def ignore(share: float, doing: str) -> None:
    pass


def label_of(versions: ModelVersions, version: Version, text: str) -> str | None:
    return versions.answer(version, [{"text": text}])[0].label
