"""Rules: which predictions are flagged by themselves, with which option and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import make_prediction

from reviewer.config import RULE_SPECS, ModelSpec, RuleSpec
from reviewer.records import Prediction, new_id
from reviewer.rules import RULES, Finding, apply_rules


def make_spec(*rules: dict[str, Any], **given: Any) -> ModelSpec:
    fields = {
        "name": "tickets",
        "task": "text-classification",
        "labels": ["billing", "refund"],
        "inputs": {"text": "textbox"},
        "rules": rules,
    }
    return ModelSpec.model_validate(fields | given)


def find(spec: ModelSpec, made: Prediction, other: Prediction | None = None) -> list[Finding]:
    others: dict[RuleSpec, Prediction] = dict.fromkeys(spec.rules, other) if other else {}
    return apply_rules(spec, made, others)


CLOSE = {"billing": 0.51, "refund": 0.49}

FIRES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "low_confidence": ({"below": 0.5}, {"confidence": 0.499}, {"confidence": 0.5}),
    "small_margin": ({"below": 0.1}, {"scores": CLOSE}, {"scores": {"billing": 0.75, "refund": 0.25}}),
    "out_of_range": ({"minimum": 0, "maximum": 9}, {"predicted_value": 9.5}, {"predicted_value": 9.0}),
    "slow": ({"above_ms": 100}, {"latency_ms": 100.5}, {"latency_ms": 100.0}),
    "audit": ({"share": 1}, {}, {}),
}


@pytest.mark.parametrize("rule", sorted(set(FIRES) - {"audit"}))
def test_a_rule_fires_beyond_its_bound_and_not_at_it(rule: str) -> None:
    given, beyond, at = FIRES[rule]
    spec = make_spec({"rule": rule, **given})
    (finding,) = find(spec, make_prediction(**beyond))
    assert (finding.rules, finding.source) == ((rule,), "auto")
    assert finding.option == RULE_SPECS[rule].model_fields["option"].default
    assert find(spec, make_prediction(**at)) == []


def test_every_rule_of_the_config_is_applied() -> None:
    assert set(RULES) == set(RULE_SPECS)


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"audit"}))
def test_a_prediction_without_what_a_rule_looks_at_is_left_alone(rule: str) -> None:
    given = {"version": "1"} if rule == "disagreement" else FIRES[rule][0]
    made = make_prediction(confidence=None, scores=None, predicted_label=None, output=["anything"])
    assert find(make_spec({"rule": rule, **given}), made) == []


def test_a_rule_names_its_own_option() -> None:
    spec = make_spec({"rule": "low_confidence", "below": 0.9, "option": "overconfident"})
    assert [each.option for each in find(spec, make_prediction(confidence=0.5))] == ["overconfident"]


def test_rules_with_one_option_make_one_finding_with_both_reasons() -> None:
    spec = make_spec({"rule": "low_confidence", "below": 0.6}, {"rule": "small_margin", "below": 0.1})
    (finding,) = find(spec, make_prediction(confidence=0.51, scores=CLOSE))
    assert finding.rules == ("low_confidence", "small_margin")
    assert finding.reason == (
        "The confidence 0.51 is below 0.6. 'billing' is only 0.02 ahead of 'refund'; 0.1 is asked for."
    )


def test_rules_with_different_options_make_a_finding_each() -> None:
    spec = make_spec({"rule": "low_confidence", "below": 0.6}, {"rule": "slow", "above_ms": 1})
    found = find(spec, make_prediction(confidence=0.5, latency_ms=2.0))
    assert [each.option for each in found] == ["low_confidence", "slow_or_error"]


@pytest.mark.parametrize(
    ("made", "other", "disagrees"),
    [
        ({"predicted_label": "billing"}, {"predicted_label": "refund"}, True),
        ({"predicted_label": "billing"}, {"predicted_label": "billing"}, False),
        ({"predicted_label": "billing"}, {"predicted_label": None, "output": "x"}, True),
        ({"predicted_label": None, "predicted_value": 10.0}, {"predicted_value": 12.0}, False),
        ({"predicted_label": None, "predicted_value": 10.0}, {"predicted_value": 12.5}, True),
        ({"predicted_label": None, "output": {"a": 1}}, {"output": {"a": 1}}, False),
        ({"predicted_label": None, "output": {"a": 1}}, {"output": {"a": 2}}, True),
        ({"predicted_label": "billing"}, {"predicted_label": None, "error": "it failed"}, False),
    ],
)
def test_two_versions_disagree_when_their_answers_differ(
    made: dict[str, Any], other: dict[str, Any], disagrees: bool
) -> None:
    spec = make_spec({"rule": "disagreement", "version": "1", "tolerance": 2})
    answer = make_prediction(model_version="1", **{"predicted_label": None, **other})
    assert bool(find(spec, make_prediction(**made), answer)) == disagrees


def test_the_models_own_tolerance_counts_when_the_rule_has_none() -> None:
    spec = make_spec({"rule": "disagreement", "version": "1"}, tolerance=2)
    made = make_prediction(predicted_label=None, predicted_value=10.0)
    assert find(spec, made, replace(made, predicted_value=12.0)) == []
    assert len(find(spec, made, replace(made, predicted_value=12.1))) == 1


def test_a_failed_model_counts_as_slow() -> None:
    spec = make_spec({"rule": "slow", "above_ms": 100})
    (finding,) = find(spec, make_prediction(error="it failed", predicted_label=None))
    assert (finding.option, finding.reason) == ("slow_or_error", "The model failed.")


def test_an_audit_draws_about_its_share_and_the_same_ones_again() -> None:
    spec = make_spec({"rule": "audit", "share": 0.25})
    made = [make_prediction() for _ in range(2000)]
    drawn = [bool(find(spec, each)) for each in made]
    assert 400 < sum(drawn) < 600
    assert drawn == [bool(find(spec, each)) for each in made]
    assert find(make_spec({"rule": "audit", "share": 1}), made[0])[0].source == "audit"


def test_mode_auto_flags_what_no_rule_has_flagged() -> None:
    spec = make_spec({"rule": "low_confidence", "below": 0.5}, flagging="auto")
    assert find(spec, make_prediction(confidence=0.9))[0].rules == ("auto",)
    assert find(spec, make_prediction(confidence=0.1))[0].rules == ("low_confidence",)
    assert find(spec, make_prediction(error="it failed"))[0].option == "slow_or_error"


def test_mode_never_lets_no_rule_flag() -> None:
    spec = make_spec({"rule": "low_confidence", "below": 0.5}, flagging="never")
    assert find(spec, make_prediction(prediction_id=new_id(), confidence=0.1)) == []
