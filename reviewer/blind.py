"""What somebody may not know of a flag yet: another's answer before the own one, and that it is gold.

The rule: a second answer is worth something only when it is given without the first, and a gold flag only
when it looks like any other. What shows flags to people passes them through here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from reviewer.access import Person, Role
from reviewer.records import Event, Flag, FlagState, Review, Status, utc_now

GOLD_EVENTS = (Event.GOLD, Event.GOLD_CLAIM, Event.GOLD_ANSWER)

_LOOKS_LIKE = {Event.GOLD_CLAIM: Event.CLAIM, Event.GOLD_ANSWER: Event.RESOLVE}


class HistoryEntry(NamedTuple):
    """One event of a flag, as its card shows it."""

    review: Review
    is_applied: bool
    """False when another decision came first."""
    is_undone: bool


def is_sealed(state: FlagState, person: Person) -> bool:
    """Return whether the flag has an answer that the person must not know before the second one is given."""
    return state.status == Status.SECOND_REVIEW and person.name != (state.first_reviewer or "")


def is_disguised(state: FlagState, person: Person) -> bool:
    """Return whether the flag is a gold one whose answer the person is not known to know."""
    knows = (state.gold_by, state.reviewer, state.first_reviewer, state.second_reviewer)
    return state.gold_by is not None and person.role < Role.ADMIN and person.name not in knows


def veil(flag: Flag, history: Sequence[HistoryEntry], person: Person) -> tuple[Flag, list[HistoryEntry]]:
    """Return the flag and its history as the person may see them."""
    own = [each for each in history if each.review.reviewer == person.name]
    state = flag.state
    if is_disguised(state, person):
        return replace(flag, state=_disguise(state, own)), [_relabel(each) for each in own]
    if is_sealed(state, person):
        return replace(flag, state=replace(state, first_reviewer=None, gold_by=None)), own
    if person.role < Role.ADMIN and person.name != state.gold_by:
        flag = replace(flag, state=replace(state, gold_by=None))
        history = [each for each in history if each.review.event not in GOLD_EVENTS]
    return flag, [each for each in history if each.review.event != Event.RENEW]


def veil_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the queue without what only some may know; who answered stands on the card alone."""
    hidden = ("first_reviewer", "second_reviewer", "gold_by")
    return {name: value for name, value in row.items() if name not in hidden}


def is_row_disguised(row: Mapping[str, Any], person: Person) -> bool:
    """Return whether a row is of a gold flag that the person must not recognise."""
    if row["gold_by"] is None:
        return False
    names = ("gold_by", "reviewer", "first_reviewer", "second_reviewer", "status")
    return is_disguised(FlagState(**{name: row[name] for name in names}), person)


def _disguise(state: FlagState, own: Sequence[HistoryEntry]) -> FlagState:
    """Return the state that the flag would have if nobody but the person had done anything about it."""
    plain = FlagState(
        seq=state.seq,
        preview=state.preview,
        thumbnail=state.thumbnail,
        group_id=state.group_id,
        group_size=state.group_size,
        comments=sum(each.review.event == Event.COMMENT and not each.is_undone for each in own),
    )
    standing = [each.review for each in own if each.review.event in _LOOKS_LIKE and not each.is_undone]
    return _fold(plain, standing[-1]) if standing else plain


def _fold(plain: FlagState, last: Review) -> FlagState:
    by: dict[str, Any] = {
        "reviewer": last.reviewer, "reviewed_at": last.reviewed_at, "action_id": last.action_id
    }  # fmt: skip
    if last.event == Event.GOLD_CLAIM:
        until = datetime.fromisoformat(last.value or "")
        held = {"status": Status.IN_REVIEW, "assignee": last.reviewer, "claimed_until": until, **by}
        return replace(plain, **held) if until > utc_now() else plain
    if last.value in list(Status):
        return replace(plain, status=str(last.value), **by)
    return replace(
        plain,
        status=Status.RESOLVED,
        resolution=last.value,
        corrected_label=last.corrected_label,
        corrected_value=last.corrected_value,
        corrected_output=last.corrected_output,
        **by,
    )


def _relabel(entry: HistoryEntry) -> HistoryEntry:
    event = Event(entry.review.event)
    return entry._replace(review=replace(entry.review, event=_LOOKS_LIKE.get(event, event)))
