"""Flags as people and rules make them, and as they are told today."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from reviewer import __version__
from reviewer.config import Vocabulary
from reviewer.records import Flag, Prediction, derive_id, new_id, utc_now
from reviewer.rules import RULE_FLAGGER, Finding


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
