"""Acts: what a person does to a flag in a word, without deciding about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from reviewer.config import TeamSpec
from reviewer.decisions.answers import check_second
from reviewer.errors import InputError
from reviewer.log.columns import format_time
from reviewer.records import Event, Flag, FlagState, Status, utc_now

MOST_NAME = 200
"""Characters of a person's name."""


def _check_claim(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    """Return the fields of a claim; one whose time is over is taken over by the next."""
    _check_unresolved(flag)
    check_second(flag.state, reviewer)
    if not _is_over(flag.state):
        _check_owner(flag.state, reviewer)
    return {"event": Event.CLAIM, "value": end_claim(team)}


def _check_renewal(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    if flag.state.assignee != reviewer or flag.state.claimed_until is None:
        raise InputError("The claim is over; claim the flag again.")
    return {"event": Event.RENEW, "value": end_claim(team)}


def _check_release(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    _check_unresolved(flag)
    _check_owner(flag.state, reviewer)
    return {"event": Event.RELEASE}


def _check_owner(state: FlagState, reviewer: str) -> None:
    if state.assignee not in (None, reviewer):
        raise InputError(f"The flag is with {state.assignee}; assign it to take it over.")


def _is_over(state: FlagState) -> bool:
    """Return whether the flag was claimed and the time of the claim is over."""
    return state.claimed_until is not None and state.claimed_until <= utc_now()


def end_claim(team: TeamSpec) -> str:
    """Return when a claim made now ends, as the log writes it."""
    return format_time(utc_now() + timedelta(minutes=team.claim_minutes))


def _check_asking(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    if flag.state.second_review is not None or flag.state.status != Status.RESOLVED:
        raise InputError("A second review is of a flag that is resolved and was reviewed once.")
    return {"event": Event.ASK_SECOND, "value": "requested", "reverts": flag.state.action_id}


def _check_gold(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    if flag.state.status != Status.RESOLVED:
        raise InputError("Only a resolved flag has a known answer; decide about it before it becomes gold.")
    return {"event": Event.GOLD}


ACT_CHECKS: dict[Event, Callable[[Flag, str, TeamSpec], dict[str, Any]]] = {
    Event.CLAIM: _check_claim,
    Event.RENEW: _check_renewal,
    Event.RELEASE: _check_release,
    Event.SPLIT: lambda flag, reviewer, team: {"event": Event.SPLIT},
    Event.ASK_SECOND: _check_asking,
    Event.GOLD: _check_gold,
}
"""Act → what gives the fields of its event, or says why it cannot be."""


def check_assignee(flag: Flag, assignee: str) -> dict[str, Any]:
    """Return the fields of an assignment; an empty name gives the flag to nobody."""
    _check_unresolved(flag)
    if len(assignee) > MOST_NAME:
        raise InputError(f"The name has {len(assignee)} characters; a person's name has at most {MOST_NAME}.")
    return {"event": Event.ASSIGN, "value": assignee.strip() or None}


def _check_unresolved(flag: Flag) -> None:
    if flag.state.status == Status.RESOLVED:
        raise InputError("The flag is resolved; reopen it to give it to somebody.")
