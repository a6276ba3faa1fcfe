"""Decisions that need nothing but a flag: which split an example belongs to, and what its right answer is.

The rule: pure functions of records, so that the same flag gets the same split everywhere.
"""

from __future__ import annotations

import hashlib

from reviewer.records import TRAINABLE, Flag, JsonValue

TRAIN, VERIFY = "train", "verify"

_VERIFY_PERCENT = 20


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
    answers = (state.corrected_label, state.corrected_value, state.corrected_output)
    return next((each for each in answers if each is not None), None)
