"""What the answer loses without a word, with another value, or with a field of the picture covered.

The rule: the model is asked once with the whole example, and then with at most `MOST_PROBES` others at once,
as long as that is likely to take no longer than `MOST_SECONDS`.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from reviewer.config import DropdownSpec, ImageSpec, InputSpec, Kind, NumberSpec, SliderSpec
from reviewer.errors import ModelError
from reviewer.models.explaining.features import (
    CellFeature,
    Feature,
    PatchFeature,
    TextFeature,
    UnexplainedError,
)
from reviewer.models.explaining.spans import find_pieces
from reviewer.models.outputs import Answer
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Inputs

MOST_PROBES = 100
MOST_SECONDS = 2.0

_MOST_CHOICES = 5
"""Other choices that are tried for an input, the most common ones."""

_FINEST_GRID = 8

_MOST_BYTES = 200_000_000
"""Memory that the covered copies of a picture may take together."""

_LONGEST_TEXT = 100_000
"""Characters of a text whose words are left out one by one."""

_NOISE = 1e-9
"""Share of the answer below which a difference comes from rounding."""

Example = dict[str, Any]


class Case(NamedTuple):
    """The example to explain."""

    stored: Inputs
    example: Example
    """What the model gets."""
    background: Sequence[Example]
    """Other examples, which say what an input usually is; may be empty."""


class _Probe(NamedTuple):
    """The example with something changed; the shares of all probes of one feature add up to one."""

    feature: int
    share: float
    example: Example


def occlude(versions: ModelVersions, version: Version, case: Case, label: str | None) -> list[Feature]:
    """Return how much of the label's probability, or of the value if None, is lost without each part.

    A number is replaced by its mean, a choice by the others in turn, a word left out, a part of a picture
    covered. Raises `ModelError` when the model fails, `UnexplainedError` when it is too slow.
    """
    versions.load(version)
    started = time.perf_counter()
    whole = _read_score(versions.answer(version, [case.example])[0], label)
    seconds = time.perf_counter() - started
    # scikit-learn answers a hundred examples in little more time than one; others are trusted to the clock.
    is_fast = versions.spec.kind is Kind.SKLEARN
    most = MOST_PROBES if is_fast else min(MOST_PROBES, int(MOST_SECONDS / seconds))
    features, probes = _build_probes(versions, case, most)
    answers = versions.answer(version, [each.example for each in probes])
    losses = [0.0] * len(features)
    for probe, answer in zip(probes, answers, strict=True):
        losses[probe.feature] += probe.share * (whole - _read_score(answer, label))
    return [
        replace(each, weight=loss)
        for each, loss in zip(features, losses, strict=True)
        if abs(loss) > _NOISE * abs(whole)
    ]


def _read_score(answer: Answer, label: str | None) -> float:
    """Return the label's probability (1 or 0 when the model gives none), or the value."""
    if label is None:
        if answer.value is None:
            raise ModelError("The model gave no value.")
        return answer.value
    return answer.scores.get(label, 0.0) if answer.scores else float(answer.label == label)


def _build_probes(versions: ModelVersions, case: Case, most: int) -> tuple[list[Feature], list[_Probe]]:
    """Return the parts with a weight of 0 and the examples that try them; texts get the room that is left."""
    inputs = {name: each for name, each in versions.spec.inputs.items() if case.example[name] is not None}
    texts = [name for name, each in inputs.items() if each.component == "textbox"]
    tried = [
        found
        for name, each in inputs.items()
        if each.component in _CHANGES
        for found in _CHANGES[each.component](name, each, case)
    ]
    room = most - sum(len(changes) for _, changes in tried)
    if room < len(texts):
        raise UnexplainedError
    for name in texts:
        tried += _leave_out_words(name, case, room // len(texts))
    probes = [
        _Probe(number, share, {**case.example, feature.input: value})
        for number, (feature, changes) in enumerate(tried)
        for share, value in changes
    ]
    return [feature for feature, _ in tried], probes


_Changes = list[tuple[float, Any]]
"""Share and value of each probe of a feature."""


def _leave_out_words(name: str, case: Case, most: int) -> list[tuple[Feature, _Changes]]:
    """Return the words of a text, several together when there are more than `most`, and the text without."""
    text = case.example[name]
    pieces = find_pieces(text) if len(text) <= _LONGEST_TEXT else []
    size = -(-len(pieces) // most)
    found: list[tuple[Feature, _Changes]] = []
    for first in range(0, len(pieces), size or 1):
        start, end = pieces[first][0], pieces[first : first + size][-1][1]
        left = text[:start] + text[end:]
        found.append((TextFeature(name, start, end, text[start:end], 0.0), [(1.0, left)]))
    return found


def _change_number(name: str, spec: InputSpec, case: Case) -> Iterator[tuple[Feature, _Changes]]:
    known = [each[name] for each in case.background if each[name] is not None]
    usual = sum(known) / len(known) if known else _find_default(spec)
    if usual is not None:
        yield CellFeature(name, case.stored[name], 0.0), [(1.0, usual)]


def _find_default(spec: InputSpec) -> float | None:
    """Return the number that the config starts with, else the middle of its bounds."""
    if not isinstance(spec, (NumberSpec, SliderSpec)):
        return None
    if spec.value is not None or spec.minimum is None or spec.maximum is None:
        return spec.value
    return (spec.minimum + spec.maximum) / 2


def _change_choice(name: str, spec: InputSpec, case: Case) -> Iterator[tuple[Feature, _Changes]]:
    """Yield the choice with the others, each as often as it is usual."""
    own = case.example[name]
    known = Counter(each[name] for each in case.background if each[name] not in (None, own))
    choices = spec.choices if isinstance(spec, DropdownSpec) else (True, False)
    usual = (known or Counter(each for each in choices if each != own)).most_common(_MOST_CHOICES)
    total = sum(count for _, count in usual)
    if usual:
        yield CellFeature(name, case.stored[name], 0.0), [(count / total, each) for each, count in usual]


def _cover_fields(name: str, spec: InputSpec, case: Case) -> Iterator[tuple[Feature, _Changes]]:
    """Yield the fields of a grid, covered with white in a drawing, with the mean color in a picture."""
    pixels = case.example[name]
    finest = min(_FINEST_GRID, math.isqrt(_MOST_BYTES // pixels.nbytes))
    rows, columns = (min(finest, max(1, size // 2)) for size in pixels.shape[:2])
    is_drawing = isinstance(spec, ImageSpec) and spec.component == "sketch"
    cover = 255.0 if is_drawing else pixels.mean(axis=(0, 1))
    for number in range(rows * columns if rows * columns > 1 else 0):
        row, column = divmod(number, columns)
        covered = pixels.copy()
        covered[_cut(row, rows, pixels.shape[0]), _cut(column, columns, pixels.shape[1])] = cover
        yield PatchFeature(name, row, column, rows, columns, 0.0), [(1.0, covered)]


def _cut(place: int, parts: int, size: int) -> slice:
    """Return one of several almost equal parts of a side."""
    return slice(place * size // parts, (place + 1) * size // parts)


_Change = Callable[[str, InputSpec, Case], Iterator[tuple[Feature, _Changes]]]

_CHANGES: dict[str, _Change] = {
    "number": _change_number,
    "slider": _change_number,
    "dropdown": _change_choice,
    "radio": _change_choice,
    "checkbox": _change_choice,
    "image": _cover_fields,
    "sketch": _cover_fields,
}
"""Component → how its value is changed; texts lose words, what is none of these stays as it is."""
