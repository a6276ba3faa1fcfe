"""What people may decide about a prediction or flag, as records ready for the log.

Pure: nothing here reads or writes a file. The rule: a decision that contradicts itself, the model or what
somebody else did first is refused here, before anything is written.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from reviewer import __version__
from reviewer.config import ModelSpec, TeamSpec, Vocabulary
from reviewer.errors import ConflictError, InputError, UnknownNameError
from reviewer.log.columns import format_time
from reviewer.records import (
    SEQUENCED,
    SETTABLE,
    Event,
    Flag,
    FlagState,
    JsonValue,
    Prediction,
    Resolution,
    Review,
    Status,
    Task,
    derive_id,
    new_id,
    utc_now,
)
from reviewer.rules import RULE_FLAGGER, Finding

ACTS = (Event.CLAIM, Event.RENEW, Event.RELEASE, Event.SPLIT, Event.ASK_SECOND, Event.GOLD)
"""What a person does to a flag in a word, without deciding about it."""

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

MOST_NAME = 200
"""Characters of a person's name."""


def build_flag(prediction: Prediction, **given: Any) -> Flag:
    """Return a new flag with a copy of the prediction; `given` are the flagger's own fields.

    `flag_id` and `flagged_at` are made unless given; the session is the prediction's own unless given.
    """
    copied = {name: getattr(prediction, name) for name in _COPIED}
    made = {"flag_id": new_id(), "flagged_at": utc_now(), "app_version": __version__}
    session_id = given.pop("session_id", "") or prediction.session_id
    return Flag(**copied, **{**made, **given}, session_id=session_id)


_COPIED = [
    name
    for name in Prediction.__dataclass_fields__
    if name in Flag.__dataclass_fields__ and name not in ("session_id", "source")
]


def build_rule_flag(prediction: Prediction, finding: Finding) -> Flag:
    """Return the flag that rules make of a prediction; the same prediction and option give the same id."""
    moment = datetime.fromtimestamp((UUID(prediction.prediction_id).int >> 80) / 1000, UTC)
    return build_flag(
        prediction,
        option=finding.option,
        source=finding.source,
        flagger=RULE_FLAGGER + finding.rules[0],
        comment=finding.reason,
        tags=tuple(RULE_FLAGGER + name for name in finding.rules),
        flag_id=derive_id(moment, prediction.prediction_id, finding.option),
    )


def has_same_words(one: Flag, other: Flag) -> bool:
    """Return whether two flags of one prediction say the same."""
    return all(
        getattr(one, name) == getattr(other, name) for name in ("suggested_label", "comment", "severity")
    )


Named = TypeVar("Named", Prediction, Flag)


def tell_today(vocabulary: Vocabulary, written: Named) -> Named:
    """Return a prediction or flag, as it was written, with the labels and option of today."""
    if not vocabulary.stamp:
        return written
    label = written.predicted_label
    told: dict[str, Any] = {
        "predicted_label": label and vocabulary.follow(label),
        "scores": written.scores and vocabulary.follow_scores(written.scores),
    }
    if isinstance(written, Flag):
        suggested = written.suggested_label
        told["option"] = vocabulary.options.get(written.option, written.option)
        told["suggested_label"] = suggested and vocabulary.follow(suggested)
    return replace(written, **told)


def check_known(what: str, name: str, known: Iterable[object]) -> None:
    """Raise `UnknownNameError` when the name is none of the known ones."""
    names = [str(each) for each in known]
    if name not in names:
        raise UnknownNameError(what, name, names)


def check_suggestion(spec: ModelSpec, suggested: str | None) -> str | None:
    """Return the suggestion as text; a label must be one of the model's, a value a number."""
    if suggested is None or str(suggested).strip() == "":
        return None
    if _has_output(spec, "label"):
        return _check_label(spec, str(suggested))
    if spec.task is Task.TABULAR_REGRESSION:
        return f"{_check_value(suggested)!r}".removesuffix(".0")
    return str(suggested)


def _has_output(spec: ModelSpec, component: str) -> bool:
    return any(each.component == component for each in spec.answers.values())


def _check_label(spec: ModelSpec, label: str) -> str:
    """Return the label, by its name of today; raises when it is none of the model's.

    Whoever chose one while an admin renamed it means it all the same. A model without a list may know any.
    """
    now = spec.vocabulary.follow(label)
    if spec.labels:
        check_known("label", label if now in spec.vocabulary.ended else now, spec.labels)
    return now


def _check_value(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"The right value is {str(value)[:80]!r}; a number is needed.") from None
    if not math.isfinite(number):
        raise InputError(f"The right value is {value}; a finite number is needed.")
    return number


def check_id(what: str, text: str) -> str:
    """Return the id as the log writes it; raises `InputError` when it is no UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise InputError(f"{what} is {text[:80]!r}; a UUID is needed.") from None


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
        events.append(_build_review(flag, **fields, **by, **how))
        if reason := find_reason(flag, events[0], team, is_asked=is_asked):
            asked = {"value": reason, "reverts": action_id}
            events.append(_build_review(flag, event=Event.ASK_SECOND, **asked, **by))
    if comment.strip():
        events.append(_build_review(flag, event=Event.COMMENT, value=comment, **by))
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


def _build_review(flag: Flag, *, event: Event, **fields: Any) -> Review:
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
        return _check_assignee(flag, assignee)
    check_known("act", str(act), ACTS)
    return _ACT_CHECKS[Event(str(act))](flag, reviewer, team)


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


def _check_claim(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    """Return the fields of a claim; one whose time is over is taken over by the next."""
    _check_unresolved(flag)
    _check_second(flag.state, reviewer)
    if not is_over(flag.state):
        _check_owner(flag.state, reviewer)
    return {"event": Event.CLAIM, "value": _end_claim(team)}


def _check_renewal(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    if flag.state.assignee != reviewer or flag.state.claimed_until is None:
        raise InputError("The claim is over; claim the flag again.")
    return {"event": Event.RENEW, "value": _end_claim(team)}


def _check_release(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    _check_unresolved(flag)
    _check_owner(flag.state, reviewer)
    return {"event": Event.RELEASE}


def _check_owner(state: FlagState, reviewer: str) -> None:
    if state.assignee not in (None, reviewer):
        raise InputError(f"The flag is with {state.assignee}; assign it to take it over.")


def is_over(state: FlagState) -> bool:
    """Return whether the flag was claimed and the time of the claim is over."""
    return state.claimed_until is not None and state.claimed_until <= utc_now()


def _end_claim(team: TeamSpec) -> str:
    return format_time(utc_now() + timedelta(minutes=team.claim_minutes))


def _check_asking(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    if flag.state.second_review is not None or flag.state.status != Status.RESOLVED:
        raise InputError("A second review is of a flag that is resolved and was reviewed once.")
    return {"event": Event.ASK_SECOND, "value": "requested", "reverts": flag.state.action_id}


def _check_gold(flag: Flag, reviewer: str, team: TeamSpec) -> dict[str, Any]:
    if flag.state.status != Status.RESOLVED:
        raise InputError("Only a resolved flag has a known answer; decide about it before it becomes gold.")
    return {"event": Event.GOLD}


_ACT_CHECKS: dict[Event, Callable[[Flag, str, TeamSpec], dict[str, Any]]] = {
    Event.CLAIM: _check_claim,
    Event.RENEW: _check_renewal,
    Event.RELEASE: _check_release,
    Event.SPLIT: lambda flag, reviewer, team: {"event": Event.SPLIT},
    Event.ASK_SECOND: _check_asking,
    Event.GOLD: _check_gold,
}
"""Act → what gives the fields of its event, or says why it cannot be."""


def place_answer(flag: Flag, fields: dict[str, Any], reviewer: str, *, is_admin: bool) -> dict[str, Any]:
    """Return the fields of a decision as what it is now: a first answer, a second one or one that settles.

    Raises `InputError` for a person who may not give it.
    """
    kind, state = fields["event"], flag.state
    if kind not in (Event.RESOLVE, Event.STATUS) or state.status not in _ANSWERED:
        return fields
    if kind == Event.STATUS:
        raise InputError("The flag was answered already: give your answer too, or undo the one before.")
    _check_second(state, reviewer)
    if state.status == Status.DISAGREEMENT and not is_admin and _is_among(reviewer, state):
        raise InputError("You gave one of the two answers; a third person or an admin settles it.")
    return {**fields, "event": _ANSWERED[state.status]}


_ANSWERED: dict[str, Event] = {
    Status.SECOND_REVIEW: Event.SECOND_REVIEW,
    Status.DISAGREEMENT: Event.ADJUDICATE,
}
"""Status of a flag that was answered → what the next answer to it is."""


def _check_second(state: FlagState, reviewer: str) -> None:
    if state.status == Status.SECOND_REVIEW and reviewer == (state.first_reviewer or ""):
        raise InputError("You gave the first answer; the second one is somebody else's.")


def _is_among(reviewer: str, state: FlagState) -> bool:
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


def _check_assignee(flag: Flag, assignee: str) -> dict[str, Any]:
    _check_unresolved(flag)
    if len(assignee) > MOST_NAME:
        raise InputError(f"The name has {len(assignee)} characters; a person's name has at most {MOST_NAME}.")
    return {"event": Event.ASSIGN, "value": assignee.strip() or None}


def _check_unresolved(flag: Flag) -> None:
    if flag.state.status == Status.RESOLVED:
        raise InputError("The flag is resolved; reopen it to give it to somebody.")


def _check_correction(
    spec: ModelSpec, flag: Flag, label: str | None, value: float | None, output: JsonValue
) -> dict[str, Any]:
    if label is not None:
        if not _has_output(spec, "label"):
            raise InputError(f"{spec.name} does not answer with labels; give corrected_value instead.")
        label = _check_label(spec, label)
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
        fields["corrected_value"] = _check_value(value)
    return {**fields, "corrected_output": output}


def build_reverts(
    targets: Mapping[str, str], flags: Mapping[str, Flag], action_id: str, reviewer: str
) -> list[Review]:
    """Return one revert per event or flag taken back, numbered behind what each flag has now."""
    seqs = {flag_id: flag.state.seq for flag_id, flag in flags.items()}
    reverts = []
    for target, flag_id in targets.items():
        seqs[flag_id] += 1
        reverts.append(
            _build_review(
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
                value=_end_claim(team) if each.event in (Event.CLAIM, Event.RENEW) else each.value,
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
        if _ANSWERED.get(state.status) != event.event:
            raise InputError("The flag waits for no such answer any more.")
        if _is_among(reviewer, state):
            raise InputError("You gave an answer to the flag before; this one is somebody else's.")


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
