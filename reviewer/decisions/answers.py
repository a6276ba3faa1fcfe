"""Answers of several people to one flag: which may be given, and when another is needed."""

from __future__ import annotations

import hashlib
from typing import Any

from reviewer.config import TeamSpec
from reviewer.errors import InputError
from reviewer.records import Event, Flag, FlagState, Review, Status


def place_answer(flag: Flag, fields: dict[str, Any], reviewer: str, *, is_admin: bool) -> dict[str, Any]:
    """Return the fields of a decision as what it is now: a first answer, a second one or one that settles.

    Raises `InputError` for a person who may not give it.
    """
    kind, state = fields["event"], flag.state
    if kind not in (Event.RESOLVE, Event.STATUS) or state.status not in ANSWERED:
        return fields
    if kind == Event.STATUS:
        raise InputError("The flag was answered already: give your answer too, or undo the one before.")
    check_second(state, reviewer)
    if state.status == Status.DISAGREEMENT and not is_admin and is_among(reviewer, state):
        raise InputError("You gave one of the two answers; a third person or an admin settles it.")
    return {**fields, "event": ANSWERED[state.status]}


ANSWERED: dict[str, Event] = {
    Status.SECOND_REVIEW: Event.SECOND_REVIEW,
    Status.DISAGREEMENT: Event.ADJUDICATE,
}
"""Status of a flag that was answered → what the next answer to it is."""


def check_second(state: FlagState, reviewer: str) -> None:
    """Raise `InputError` when the person gave the first answer, which somebody else is to review."""
    if state.status == Status.SECOND_REVIEW and reviewer == (state.first_reviewer or ""):
        raise InputError("You gave the first answer; the second one is somebody else's.")


def is_among(reviewer: str, state: FlagState) -> bool:
    """Return whether the person gave one of the answers."""
    return reviewer in (state.first_reviewer or "", state.second_reviewer or "")


def find_reason(flag: Flag, event: Review, team: TeamSpec, *, is_asked: bool) -> str | None:
    """Return why somebody else is to review an answer too, None when nobody is."""
    if event.event != Event.RESOLVE:
        return None
    if is_asked:
        return "requested"
    if event.certainty is not None and event.certainty < team.second_below_certainty:
        return "low_certainty"
    return "sampled" if is_sampled(flag.flag_id, team.second_share) else None


def is_sampled(flag_id: str, share: float) -> bool:
    """Return whether a flag is among the share of flags; the same flag always is, or never."""
    digest = hashlib.sha256(flag_id.encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64
