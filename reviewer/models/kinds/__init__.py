"""Model kinds: how a model's artifact becomes a function from examples to answers.

The rule: loading never runs code from the file or the config unless the config says `trusted = true`, and
finding out what a version is made of runs none at all.
"""

from __future__ import annotations

from pathlib import Path

from reviewer.config import Kind, ModelSpec
from reviewer.models.kinds import external, http, onnx, python, sklearn
from reviewer.models.kinds.predictor import Examples, ModelKind, Predictor, Source, find_file
from reviewer.models.kinds.sklearn import build_batch, load_estimator
from reviewer.models.outputs import Answer

__all__ = [
    "KINDS",
    "Answer",
    "Examples",
    "Predictor",
    "Source",
    "build_batch",
    "find_source",
    "load_estimator",
    "load_predictor",
]

KINDS: dict[Kind, ModelKind] = {
    Kind.SKLEARN: ModelKind(find_file, sklearn.load),
    Kind.ONNX: ModelKind(find_file, onnx.load),
    Kind.PYTHON: ModelKind(python.find_source, python.load),
    Kind.HTTP: ModelKind(http.find_source, http.load),
    Kind.EXTERNAL: ModelKind(external.find_source, external.load),
}
"""Model kind in `reviewer.toml` → what its versions are made of, and how one is loaded."""


def load_predictor(spec: ModelSpec, path: Path, workspace: Path | None = None) -> Predictor:
    """Return the function that answers examples with the artifact at `path`.

    Python models are imported with the modules of the `workspace` folder within reach. Raises
    `UntrustedModelError` when loading would run code nobody trusted, `ModelError` when the artifact is
    missing or damaged, `ConfigError` when `reviewer.toml` names what does not exist.
    """
    return KINDS[spec.kind].load(spec, path, workspace or Path())


def find_source(spec: ModelSpec, workspace: Path) -> Source | None:
    """Return what the config names as the model, None when it names nothing; runs no code of the model.

    Raises `ModelError` or `ConfigError` when it does not exist.
    """
    return KINDS[spec.kind].find_source(spec, workspace)
