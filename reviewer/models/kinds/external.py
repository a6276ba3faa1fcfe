"""Models that another program runs: their flags arrive from there, and nothing is answered here."""

from __future__ import annotations

from pathlib import Path

from reviewer.config import ModelSpec
from reviewer.errors import ModelError
from reviewer.models.kinds.predictor import Predictor


def find_source(spec: ModelSpec, workspace: Path) -> None:
    """Return nothing: the other program knows the versions."""


def load(spec: ModelSpec, path: Path, workspace: Path) -> Predictor:
    """Raise `ModelError`."""
    raise ModelError(describe_external(spec))


def describe_external(spec: ModelSpec) -> str:
    """Return why the model does not answer, and what to do about it."""
    return (
        f"{spec.name} is run by another program, which logs its flags, so it cannot be asked here; to test it"
        f' here, give models.{spec.name} another kind than "external" in reviewer.toml.'
    )
