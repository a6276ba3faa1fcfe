"""Review events: the decision and the comment of one action on one flag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from reviewer.config import ModelSpec, TeamSpec
from reviewer.decisions.acts import ACT_CHECKS, check_assignee
from reviewer.decisions.answers import find_reason, place_answer
from reviewer.decisions.checks import check_known, check_label, check_value, has_output
from reviewer.errors import ConflictError, InputError
from reviewer.log.columns import format_time
from reviewer.records import (
    SEQUENCED,
    SETTABLE,
    Event,
    Flag,
    FlagState,
    JsonValue,
    Resolution,
    Review,
    new_id,
    utc_now,
)

DECISION: dict[str, Any] = {
    "corrected_label": None,
    "corrected_value": None,
    "corrected_output": None,
    "resolution": None,
    "status": None,
    "act": None,
    "assignee": None,
    "certainty": None,
    "seconds": None,
    "ask_second": None,
}
"""The parts of a decision, each with what stands for nothing."""


def check_current(flag: Flag, events: Iterable[Review], seq: int | None) -> None:
    """Raise `ConflictError` when the events decide about another state than the one seen with this `seq`."""
    if flag.state.is_withdrawn:
        raise ConflictError(f"Flag {flag.flag_id} was taken back by its flagger.", flag.flag_id)
    if seq not in (None, flag.state.seq) and any(each.event in SEQUENCED for each in events):
        raise describe_conflict(flag)


def describe_conflict(flag: Flag) -> ConflictError:
    """Return the error that says who changed the flag, when, and to what."""
    state = flag.state
    who = state.reviewer or "somebody"
    by = f"{who} at {state.reviewed_at:%H:%M:%S} UTC" if state.reviewed_at else who
    now = state.corrected_label or state.resolution or state.status
    return ConflictError(
        f"The flag was changed by {by} and is now {now!r}; look at it again and decide then.",
        flag.flag_id,
    )


def build_events(
    spec: ModelSpec,
    flag: Flag,
    action_id: str,
    comment: str,
    *,
    reviewer: str,
    team: TeamSpec,
    is_admin: bool = False,
    **given: Any,
) -> list[Review]:
    """Return the events of one action on one flag: the decision, if any, then the comment, if any.

    `given` are parts of `DECISION`. An answer that somebody else has to review too is followed by the event
    that asks for that. Raises `InputError` or `ConflictError`.
    """
    by: dict[str, Any] = {"reviewer": reviewer, "action_id": action_id}
    decision = DECISION | given
    how = {name: decision.pop(name) for name in ("certainty", "seconds")}
    is_asked = bool(decision.pop("ask_second"))
    events = []
    if any(value is not None for value in decision.values()):
        fields = _check_meant(spec, flag, reviewer, team, **decision)
        fields = place_answer(flag, fields, reviewer, is_admin=is_admin)
        events.append(build_review(flag, **fields, **by, **how))
        if reason := find_reason(flag, events[0], team, is_asked=is_asked):
            asked = {"value": reason, "reverts": action_id}
            events.append(build_review(flag, event=Event.ASK_SECOND, **asked, **by))
    if comment.strip():
        events.append(build_review(flag, event=Event.COMMENT, value=comment, **by))
    if not events:
        raise InputError(
            "Nothing was decided: give a corrected label or value, a resolution, a status, an act or"
            " a comment."
        )
    return events


def build_gold_events(
    spec: ModelSpec,
    flag: Flag,
    action_id: str,
    comment: str,
    *,
    reviewer: str,
    team: TeamSpec,
    **given: Any,
) -> list[Review]:
    """Return the events of an action on a gold flag by somebody who does not know that it is one.

    They are checked as on an untouched flag; the flag's own state stays as it is.
    """
    untouched = replace(flag, state=FlagState(seq=flag.state.seq))
    if given.get("act") == Event.RENEW:
        given["act"] = Event.CLAIM
    events = build_events(
        spec, untouched, action_id, comment, reviewer=reviewer, team=team, **given | {"ask_second": None}
    )
    return [
        _as_gold(each) for each in events if each.event not in (Event.ASK_SECOND, Event.SPLIT, Event.GOLD)
    ]


def _as_gold(event: Review) -> Review:
    """Return the event in the form that tells something of its writer alone."""
    if event.event == Event.COMMENT:
        return event
    if event.event in (Event.RESOLVE, Event.STATUS):
        return replace(event, event=Event.GOLD_ANSWER, seq=0)
    is_claim = event.event in (Event.CLAIM, Event.RENEW)
    return replace(
        event, event=Event.GOLD_CLAIM, seq=0, value=event.value if is_claim else format_time(utc_now())
    )


def build_review(flag: Flag, *, event: Event, **fields: Any) -> Review:
    """Return an event on a flag as it is now, numbered behind the last one when its order matters."""
    seq = flag.state.seq + 1 if event in SEQUENCED else 0
    return Review(
        event_id=new_id(), flag_id=flag.flag_id, reviewed_at=utc_now(), event=event, **{"seq": seq, **fields}
    )


def _check_meant(
    spec: ModelSpec,
    flag: Flag,
    reviewer: str,
    team: TeamSpec,
    *,
    act: str | None,
    assignee: str | None,
    **decision: Any,
) -> dict[str, Any]:
    """Return the fields of the one thing meant: an act, an assignment or a decision."""
    if act is None and assignee is None:
        return _check_decision(spec, flag, **decision)
    if None not in (act, assignee) or any(value is not None for value in decision.values()):
        raise InputError("Claim, release, split, assign or decide: one of them in one action.")
    if assignee is not None:
        return check_assignee(flag, assignee)
    check_known("act", str(act), ACT_CHECKS)
    return ACT_CHECKS[Event(str(act))](flag, reviewer, team)


def _check_decision(
    spec: ModelSpec,
    flag: Flag,
    *,
    corrected_label: str | None,
    corrected_value: float | None,
    corrected_output: JsonValue,
    resolution: str | None,
    status: str | None,
) -> dict[str, Any]:
    """Return the fields of the one decision meant; raises when it contradicts itself or the model."""
    answers = [each for each in (corrected_label, corrected_value, corrected_output) if each is not None]
    if len(answers) > 1:
        raise InputError("Give one right answer: a corrected label, value or output, not several.")
    if status is not None:
        if answers or resolution is not None:
            raise InputError(f"A flag cannot get the status {status!r} and a resolution in one action.")
        check_known("status", status, SETTABLE)
        return {"event": Event.STATUS, "value": status}
    if answers:
        if resolution not in (None, Resolution.LABEL_CORRECTED):
            raise InputError(f"A correction cannot go with the resolution {resolution!r}.")
        return _check_correction(spec, flag, corrected_label, corrected_value, corrected_output)
    check_known("resolution", str(resolution), Resolution)
    if resolution == Resolution.LABEL_CORRECTED:
        raise InputError("label_corrected needs the right answer: give corrected_label or corrected_value.")
    return {"event": Event.RESOLVE, "value": resolution}


def _check_correction(
    spec: ModelSpec, flag: Flag, label: str | None, value: float | None, output: JsonValue
) -> dict[str, Any]:
    if label is not None:
        if not has_output(spec, "label"):
            raise InputError(f"{spec.name} does not answer with labels; give corrected_value instead.")
        label = check_label(spec, label)
        is_same = label == flag.predicted_label
        resolution = Resolution.PREDICTION_CORRECT if is_same else Resolution.LABEL_CORRECTED
        return {
            "event": Event.RESOLVE,
            "value": resolution,
            "corrected_label": None if is_same else label,
        }
    if spec.task.is_classification:
        raise InputError(f"{spec.name} answers with labels; give corrected_label.")
    fields: dict[str, Any] = {"event": Event.RESOLVE, "value": Resolution.LABEL_CORRECTED}
    if value is not None:
        fields["corrected_value"] = check_value(value)
    return {**fields, "corrected_output": output}


def build_verdict(flag_id: str, verification: str, version: str, action_id: str) -> Review:
    """Return the event that says what a version answers on a flagged example now."""
    return Review(
        event_id=new_id(),
        flag_id=flag_id,
        event=Event.VERIFY,
        value=verification,
        reviewed_at=utc_now(),
        action_id=action_id,
        model_version=version,
    )
