"""What drove an answer, as records.

The rule: a weight above zero speaks for the answer, one below against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from reviewer.records import JsonValue


class UnexplainedError(Exception):
    """This way of explaining does not fit the model; another one may."""


@dataclass(frozen=True, slots=True)
class TextFeature:
    """A word or a few words of a text."""

    input: str
    start: int
    end: int
    """The place in the text, counted in characters (code points), the end not included."""
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class CellFeature:
    """One value of a row."""

    input: str
    value: JsonValue
    weight: float


@dataclass(frozen=True, slots=True)
class PatchFeature:
    """One field of a grid laid over a picture."""

    input: str
    row: int
    column: int
    rows: int
    columns: int
    weight: float


Feature: TypeAlias = TextFeature | CellFeature | PatchFeature


@dataclass(frozen=True, slots=True)
class Features:
    """The parts of an example that drove the answer, the strongest first."""

    method: str
    """`weights`: log-odds of the label (or its score), of a value its unit; `tree` and `occlusion`:
    probability of the label, of a value its unit."""
    label: str | None
    """The label whose score the weights add to, None for a value."""
    items: list[Feature] = field(default_factory=list)
