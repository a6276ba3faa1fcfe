"""Whether an answer is the right one, and what that means for a flag.

The rule: a comparator is a pure function of two answers, so that the same answers get the same verdict
everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from reviewer.log.columns import encode_json
from reviewer.records import JsonValue, Task, Verification

_DEFAULT_TOLERANCE = 0.1
"""Share of the right value that an answer may be off when the config names no tolerance."""

_SAME = 1e-6
"""Share by which two runs of one example may differ: a model that counts in 32 bits rounds by its batch."""

Comparator = Callable[[JsonValue, JsonValue, float | None], bool]
"""(right, answer, tolerance) → whether the answer is the right one."""


def _are_equal(right: JsonValue, answer: JsonValue, tolerance: float | None) -> bool:
    return bool(right == answer)


def _are_near(right: JsonValue, answer: JsonValue, tolerance: float | None) -> bool:
    """Whether a value is within the tolerance, in its unit; None stands for 10 % of the right value."""
    if not isinstance(right, float) or not isinstance(answer, float):
        return bool(right == answer)
    allowed = abs(right) * _DEFAULT_TOLERANCE if tolerance is None else tolerance
    return abs(answer - right) <= allowed


def _say_the_same(right: JsonValue, answer: JsonValue, tolerance: float | None) -> bool:
    """Whether two texts are the same word for word, however they are spaced; anything else as a value."""
    if isinstance(right, str) and isinstance(answer, str):
        return right.split() == answer.split()
    return _are_near(right, answer, tolerance)


COMPARATORS: dict[Task, Comparator] = {
    Task.TEXT_CLASSIFICATION: _are_equal,
    Task.IMAGE_CLASSIFICATION: _are_equal,
    Task.TABULAR_CLASSIFICATION: _are_equal,
    Task.TABULAR_REGRESSION: _are_near,
    Task.TEXT_GENERATION: _say_the_same,
    Task.GENERIC: _say_the_same,
}
"""Task → how its answers are compared."""


def judge_wrong(*, is_exact: bool, was_right: bool) -> Verification:
    """Return what an answer that is not the right one means for the flag.

    One that was right before counts as regressed until it is right again. `is_exact` is whether the right
    answer is a label or a number, which have one form only: an output that is neither may be right in other
    words, so a different one proves nothing.
    """
    if not is_exact:
        return Verification.INCONCLUSIVE
    return Verification.REGRESSED if was_right else Verification.STILL_FAILING


def are_stable(first: JsonValue, second: JsonValue) -> bool:
    """Return whether two runs of one example gave the same answer."""
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=_SAME, abs_tol=_SAME)
    return bool(first == second)


def encode_answer(answer: JsonValue) -> str:
    """Return the answer as a cell: a text as it is, a number so that it reads back exactly, else JSON."""
    if answer is None:
        return ""
    return answer if isinstance(answer, str) else encode_json(answer)


def decode_answer(task: Task, cell: str) -> JsonValue:
    """Return the answer in a cell, as its task's comparator takes it; None for an empty one."""
    if not cell:
        return None
    return float(cell) if task is Task.TABULAR_REGRESSION else cell
