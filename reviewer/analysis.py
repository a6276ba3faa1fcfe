"""Decisions that need nothing but a flag: which split an example belongs to, and whether it is fixed.

The rule: pure functions of records, so that the same flag gets the same split and verdict everywhere.
"""

from __future__ import annotations

import hashlib

from reviewer.records import GUARD, TRAINABLE, Flag, JsonValue, Verification

TRAIN, VERIFY = "train", "verify"

_VERIFY_PERCENT = 20
_DEFAULT_TOLERANCE = 0.1
"""Share of the right value that an answer may be off when the config names no tolerance."""


def assign_split(example_id: str) -> str:
    """Return the split of a corrected example, "train" or "verify", about four to one.

    It depends on the id alone, so an example never moves. What is in verify is never trained on and shows
    whether a model learned more than the corrections themselves.
    """
    digest = hashlib.sha256(f"split:{example_id}".encode()).digest()
    return VERIFY if int.from_bytes(digest[:8]) % 100 < _VERIFY_PERCENT else TRAIN


def find_correction(flag: Flag) -> JsonValue:
    """Return the right answer that a review gave: a label, a value or a whole output; None when none did."""
    state = flag.state
    if state.resolution not in TRAINABLE:
        return None
    return _first_known(state.corrected_label, state.corrected_value, state.corrected_output)


def find_right_answer(flag: Flag) -> JsonValue:
    """Return what a later version must answer: the correction or the confirmed prediction, or None."""
    if flag.state.resolution in GUARD:
        return _first_known(flag.predicted_label, flag.predicted_value, flag.output)
    return find_correction(flag)


def judge(flag: Flag, answer: JsonValue, tolerance: float | None = None) -> Verification:
    """Return what an answer to the flagged example means for the flag; `answer` is None when there is none.

    `tolerance` is how far a value may be off, in the value's unit; None takes 10 % of the right value. An
    answer that was right before and is wrong now counts as regressed until it is right again. An output
    that is neither a label nor a number may be right in other words, so a different one proves nothing.
    """
    right = find_right_answer(flag)
    if right is None or answer is None:
        return Verification.INCONCLUSIVE
    if _is_same(right, answer, tolerance):
        return Verification.FIXED
    if not _is_exact(flag):
        return Verification.INCONCLUSIVE
    return Verification.REGRESSED if _was_right(flag) else Verification.STILL_FAILING


def _first_known(*answers: JsonValue) -> JsonValue:
    return next((each for each in answers if each is not None), None)


def _is_same(right: JsonValue, answer: JsonValue, tolerance: float | None) -> bool:
    if isinstance(right, float) and isinstance(answer, float):
        allowed = abs(right) * _DEFAULT_TOLERANCE if tolerance is None else tolerance
        return abs(answer - right) <= allowed
    return bool(right == answer)


def _is_exact(flag: Flag) -> bool:
    """Whether the right answer is a label or a number, which have one form only."""
    if flag.state.resolution in GUARD:
        return flag.predicted_label is not None or flag.predicted_value is not None
    return flag.state.corrected_label is not None or flag.state.corrected_value is not None


def _was_right(flag: Flag) -> bool:
    is_known_right = flag.state.verification in (Verification.FIXED, Verification.REGRESSED)
    return is_known_right or flag.state.resolution in GUARD
