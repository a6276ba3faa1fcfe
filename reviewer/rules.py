"""Rules: which predictions are flagged by themselves, and why.

Pure: nothing here reads or writes a file. A rule is a row of `RULES`; it returns the reason in a sentence
that a reviewer reads on the flag, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from reviewer.config import (
    AuditSpec,
    DisagreementSpec,
    LowConfidenceSpec,
    ModelSpec,
    OutOfRangeSpec,
    RuleSpec,
    SlowSpec,
    SmallMarginSpec,
)
from reviewer.records import FlagOption, Prediction, Source

RULE_FLAGGER = "rule:"
"""What the flagger of such a flag starts with; the rule's name follows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One prediction that rules want flagged with one option."""

    option: str
    source: str
    rules: tuple[str, ...]
    """Names of the rules, the first of the config first."""
    reason: str


def apply_rules(spec: ModelSpec, made: Prediction, others: Mapping[RuleSpec, Prediction]) -> list[Finding]:
    """Return what the model's rules find in a prediction, one finding per option.

    `others` has the answer of the other version or model to the same example, per rule that compares.
    """
    if spec.flagging == "never":
        return []
    found: dict[str, list[tuple[RuleSpec, str]]] = {}
    for rule in spec.rules:
        if reason := RULES[rule.rule](rule, spec, made, others.get(rule)):
            found.setdefault(rule.option, []).append((rule, reason))
    findings = [_build_finding(option, pairs) for option, pairs in found.items()]
    if spec.flagging == "auto" and not findings:
        option = FlagOption.SLOW_OR_ERROR if made.error else FlagOption.OTHER
        return [Finding(option, Source.AUTO, ("auto",), "Every prediction of this model is flagged.")]
    return findings


def _build_finding(option: str, pairs: Sequence[tuple[RuleSpec, str]]) -> Finding:
    rules = tuple(rule.rule for rule, _ in pairs)
    source = Source.AUDIT if set(rules) == {"audit"} else Source.AUTO
    return Finding(option, source, rules, " ".join(reason for _, reason in pairs))


def _find_low_confidence(
    rule: LowConfidenceSpec, spec: ModelSpec, made: Prediction, other: Prediction | None
) -> str | None:
    if made.confidence is None or made.confidence >= rule.below:
        return None
    return f"The confidence {made.confidence:.3g} is below {rule.below:g}."


def _find_small_margin(
    rule: SmallMarginSpec, spec: ModelSpec, made: Prediction, other: Prediction | None
) -> str | None:
    best = list((made.scores or {}).items())[:2]
    if len(best) < 2 or best[0][1] - best[1][1] >= rule.below:
        return None
    (first, high), (second, low) = best
    return f"{first!r} is only {high - low:.3g} ahead of {second!r}; {rule.below:g} is asked for."


def _find_out_of_range(
    rule: OutOfRangeSpec, spec: ModelSpec, made: Prediction, other: Prediction | None
) -> str | None:
    value = made.predicted_value
    if value is None:
        return None
    if rule.minimum is not None and value < rule.minimum:
        return f"The value {value:g} is below {rule.minimum:g}."
    if rule.maximum is not None and value > rule.maximum:
        return f"The value {value:g} is above {rule.maximum:g}."
    return None


def _find_disagreement(
    rule: DisagreementSpec, spec: ModelSpec, made: Prediction, other: Prediction | None
) -> str | None:
    if other is None or made.error or other.error or _agree(rule, spec, made, other):
        return None
    answers = f"{_say_answer(made)}, but {other.model} version {other.model_version} {_say_answer(other)}"
    return f"The answer is {answers}."


def _agree(rule: DisagreementSpec, spec: ModelSpec, made: Prediction, other: Prediction) -> bool:
    if made.predicted_label is not None or other.predicted_label is not None:
        return made.predicted_label == other.predicted_label
    if made.predicted_value is not None and other.predicted_value is not None:
        tolerance = (spec.tolerance or 0.0) if rule.tolerance is None else rule.tolerance
        return abs(made.predicted_value - other.predicted_value) <= tolerance
    return bool(made.output == other.output and made.predicted_value == other.predicted_value)


def _say_answer(made: Prediction) -> str:
    if made.predicted_label is not None:
        return repr(made.predicted_label)
    return f"{made.predicted_value:g}" if made.predicted_value is not None else repr(made.output)[:80]


def _find_slow(rule: SlowSpec, spec: ModelSpec, made: Prediction, other: Prediction | None) -> str | None:
    if made.error:
        return "The model failed."
    if made.latency_ms is None or made.latency_ms <= rule.above_ms:
        return None
    return f"The answer took {made.latency_ms:,.0f} ms, more than {rule.above_ms:g}."


def _find_audit(rule: AuditSpec, spec: ModelSpec, made: Prediction, other: Prediction | None) -> str | None:
    # Drawn from the prediction's own id, so that work done again after an interruption draws the same.
    drawn = Random(UUID(made.prediction_id).int).random()  # noqa: S311  a sample, no secret
    return f"Drawn for the audit, {rule.share:.2%} of all predictions." if drawn < rule.share else None


RULES: dict[str, Callable[[Any, ModelSpec, Prediction, Prediction | None], str | None]] = {
    "low_confidence": _find_low_confidence,
    "small_margin": _find_small_margin,
    "out_of_range": _find_out_of_range,
    "disagreement": _find_disagreement,
    "slow": _find_slow,
    "audit": _find_audit,
}
"""Rule in `reviewer.toml` → what it looks for: (rule, model, prediction, what the other answered)."""
