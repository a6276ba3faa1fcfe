"""Taking actions back, and doing again what was taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reviewer.config import TeamSpec
from reviewer.decisions.acts import end_claim
from reviewer.decisions.answers import ANSWERED, is_among
from reviewer.decisions.events import build_review
from reviewer.errors import InputError
from reviewer.records import SEQUENCED, Event, Flag, FlagState, Review, new_id, utc_now


def build_reverts(
    targets: Mapping[str, str], flags: Mapping[str, Flag], action_id: str, reviewer: str
) -> list[Review]:
    """Return one revert per event or flag taken back, numbered behind what each flag has now."""
    seqs = {flag_id: flag.state.seq for flag_id, flag in flags.items()}
    reverts = []
    for target, flag_id in targets.items():
        seqs[flag_id] += 1
        reverts.append(
            build_review(
                flags[flag_id],
                event=Event.REVERT,
                reverts=target,
                seq=seqs[flag_id],
                action_id=action_id,
                reviewer=reviewer,
            )
        )
    return reverts


def build_repeats(
    acted: Sequence[Review], flags: Mapping[str, Flag], action_id: str, reviewer: str, team: TeamSpec
) -> list[Review]:
    """Return the events of an action that was taken back, as a new action on the flags as they are now.

    Raises `InputError` when the person may not give that answer, being one of those it is about.
    """
    seqs = {flag_id: flag.state.seq for flag_id, flag in flags.items()}
    repeats = []
    for each in acted:
        _check_repeat(each, flags[each.flag_id].state, reviewer)
        if each.event in SEQUENCED:
            seqs[each.flag_id] += 1
        repeats.append(
            replace(
                each,
                value=end_claim(team) if each.event in (Event.CLAIM, Event.RENEW) else each.value,
                reverts=action_id if each.reverts == each.action_id else each.reverts,
                event_id=new_id(),
                reviewed_at=utc_now(),
                action_id=action_id,
                reviewer=reviewer,
                seq=seqs[each.flag_id] if each.event in SEQUENCED else 0,
            )
        )
    return repeats


def _check_repeat(event: Review, state: FlagState, reviewer: str) -> None:
    if event.event in (Event.SECOND_REVIEW, Event.ADJUDICATE):
        if ANSWERED.get(state.status) != event.event:
            raise InputError("The flag waits for no such answer any more.")
        if is_among(reviewer, state):
            raise InputError("You gave an answer to the flag before; this one is somebody else's.")
