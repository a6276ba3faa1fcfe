"""What drove an answer: which words, values or fields of a picture spoke for it, and which against.

The rule: this is help for a person who decides. It is worked out when it is asked for, logged nowhere, and
decides nothing; a model that cannot be explained here has no features instead of doubtful ones.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from reviewer.config import Kind, ModelSpec
from reviewer.errors import ModelError
from reviewer.models.explaining.columns import start_trace
from reviewer.models.explaining.features import (
    CellFeature,
    Feature,
    Features,
    PatchFeature,
    TextFeature,
    UnexplainedError,
)
from reviewer.models.explaining.occlusion import MOST_SECONDS, Case, occlude
from reviewer.models.explaining.spans import Span, gather_pieces
from reviewer.models.explaining.weighing import Parts, weigh_columns
from reviewer.models.kinds import build_batch, load_estimator
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Flag

__all__ = ["Case", "CellFeature", "Feature", "Features", "PatchFeature", "TextFeature", "explain"]

_LOG = logging.getLogger(__name__)

MOST_FEATURES = 12

_LEAST_SHARE = 0.01
"""A part that weighs less than this share of the strongest is left out."""

_KINDS = frozenset({Kind.SKLEARN, Kind.ONNX, Kind.PYTHON})
"""Kinds that may be asked again and again; an endpoint is not, since every call may cost its owner money."""

_COLUMNS = frozenset({"textbox", "number", "slider", "dropdown", "radio", "checkbox"})
"""Components that become columns of a matrix."""


def explain(versions: ModelVersions, version: Version, flag: Flag, case: Case) -> Features | None:
    """Return what drove the flagged answer of a version, the strongest parts first; None if nobody can say.

    Weights × values for linear models and paths for trees of scikit-learn; for anything else that is quick
    enough, what the answer loses without each part. Raises `ModelError` when the model fails.
    """
    label = flag.predicted_label
    if versions.spec.kind not in _KINDS or (label is None and flag.predicted_value is None):
        return None
    try:
        features = _weigh(versions, version, case, label) or _occlude(versions, version, flag, case)
    except UnexplainedError:
        return None
    found = sorted(features.items, key=lambda each: -abs(each.weight))[:MOST_FEATURES]
    if not found:
        return None
    least = _LEAST_SHARE * abs(found[0].weight)
    return Features(features.method, label, [each for each in found if abs(each.weight) > least])


def _occlude(versions: ModelVersions, version: Version, flag: Flag, case: Case) -> Features:
    if (flag.latency_ms or 0) / 1000 > MOST_SECONDS:
        raise UnexplainedError
    label = flag.predicted_label
    return Features("occlusion", label, occlude(versions, version, case, label))


def _weigh(versions: ModelVersions, version: Version, case: Case, label: str | None) -> Features | None:
    """Return the features of a linear model or of trees, None for any other model."""
    spec = versions.spec
    components = {each.component for each in spec.inputs.values()}
    if spec.kind is not Kind.SKLEARN or len(spec.answers) > 1 or not components <= _COLUMNS:
        return None
    estimator = _load_estimator(_Artifact(version.path, str(version.card["sha256"]), spec))
    try:
        return versions.run(lambda: _weigh_estimator(spec, estimator, case, label))
    except UnexplainedError:
        return None
    except ModelError:
        raise  # it took longer than the model's timeout, so it is not asked again in another way
    except Exception:
        # What is read here are the insides of an estimator, which other versions may have under other names.
        _LOG.debug("%s is explained by asking it", spec.name, exc_info=True)
        return None


def _weigh_estimator(spec: ModelSpec, estimator: Any, case: Case, label: str | None) -> Features:
    batch = build_batch(spec, [case.example, *case.background])
    parts = weigh_columns(estimator, start_trace(estimator, list(spec.inputs), batch), label)
    return Features(parts.method, label, list(_build_features(case, parts)))


def _build_features(case: Case, parts: Parts) -> Iterator[Feature]:
    cells: dict[str, float] = defaultdict(float)
    words: dict[str, list[tuple[Span, float]]] = defaultdict(list)
    for owner, effect in parts.effects:
        if owner.units is None:
            cells[owner.input] += effect
        else:
            words[owner.input] += [(unit, effect / len(owner.units)) for unit in owner.units]
    for name, effect in cells.items():
        yield CellFeature(name, case.stored[name], effect)
    for name, effects in words.items():
        text = case.example[name]
        for (start, end), effect in gather_pieces(text, effects).items():
            yield TextFeature(name, start, end, text[start:end], effect)


@dataclass(frozen=True, slots=True)
class _Artifact:
    """A model file, known by its content."""

    path: Path
    sha256: str
    spec: ModelSpec = field(compare=False)


@lru_cache(maxsize=4)
def _load_estimator(artifact: _Artifact) -> Any:
    return load_estimator(artifact.spec, artifact.path)
