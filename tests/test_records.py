"""Records: ids, example ids and the tables of words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reviewer.records import (
    FLAG_OPTIONS,
    GUARD,
    SEQUENCED,
    TRAINABLE,
    Event,
    Resolution,
    Task,
    derive_id,
    derive_ids,
    encode_values,
    hash_example,
    hash_examples,
    new_id,
    utc_now,
)

INPUTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)


def test_later_ids_sort_after_earlier_ones() -> None:
    ids = [new_id() for _ in range(2000)]
    assert ids == sorted(set(ids))


def test_ids_made_by_many_threads_differ() -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: new_id(), range(4000)))
    assert len(set(ids)) == 4000


def test_the_current_time_is_in_utc() -> None:
    assert utc_now().utcoffset() is not None
    assert str(utc_now().tzinfo) == "UTC"


def test_an_example_id_is_fixed_for_ever() -> None:
    assert hash_example({"text": "hello"}) == "cbbbdcd27692344de5dbab3abcaba413"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 2.0}, {"a": 2}),
        ({"a": [{"b": -3.0}]}, {"a": [{"b": -3}]}),
        ({"a": -0.0}, {"a": 0}),
    ],
)
def test_inputs_that_mean_the_same_have_one_example_id(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> None:
    assert hash_example(one) == hash_example(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": 1.5}),
        ({"a": True}, {"a": 1}),
        ({"a": None}, {}),
        ({"a": "x"}, {"a": "x "}),
        ({"a": "\u00e9"}, {"a": "e\u0301"}),
        ({"a": float("inf")}, {"a": float("-inf")}),
    ],
)
def test_inputs_that_differ_have_different_example_ids(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> None:
    assert hash_example(one) != hash_example(other)


@given(INPUTS)
def test_every_example_has_an_id_of_32_hex_digits(inputs: dict[str, Any]) -> None:
    found = hash_example(inputs)
    assert len(found) == 32
    assert int(found, 16) >= 0
    assert found == hash_example(dict(reversed(inputs.items())))


NESTED = [{"a": [{}, {}], "b": "}\n{"}, {"a": [], "b": None}, {}, {"c": {"d": [{"e": 1}, {"f": 2}]}}]


@given(st.lists(INPUTS, max_size=4))
@example(NESTED)
@example([{"a": 1.5}, {"a": "}\n{"}])
def test_many_examples_have_the_ids_of_each_alone(examples: list[dict[str, Any]]) -> None:
    canonical = [hash_example(each) for each in examples]
    assert hash_examples(examples) == canonical


@given(st.lists(INPUTS | st.lists(INPUTS, max_size=2) | st.integers(), max_size=4))
@example(NESTED)
@example([[{}, {}], 5])
def test_many_values_are_encoded_like_each_alone(values: list[Any]) -> None:
    encoder = json.JSONEncoder(separators=("\n", ":"))
    alone = [json.dumps(each, separators=(",", ":")) for each in values]
    assert encode_values(encoder, values) == alone


def test_ids_that_follow_from_many_parts_are_those_of_each_alone() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    assert derive_ids(moment, ["flag", "é"], ["1", "2"]) == [
        derive_id(moment, "flag", "é", "1"),
        derive_id(moment, "flag", "é", "2"),
    ]
    assert derive_id(moment, "flag", "é", "1") == "019ca6b1-dc00-7346-a1b7-75fef7bb27b3"


@pytest.mark.parametrize("task", Task)
def test_every_task_offers_five_to_seven_different_options(task: Task) -> None:
    assert 5 <= len(set(FLAG_OPTIONS[task])) == len(FLAG_OPTIONS[task]) <= 7


def test_only_classification_tasks_answer_with_labels() -> None:
    assert {each for each in Task if each.is_classification} == {
        Task.TEXT_CLASSIFICATION,
        Task.IMAGE_CLASSIFICATION,
        Task.TABULAR_CLASSIFICATION,
    }


def test_a_guard_is_never_trained_on_as_a_correction() -> None:
    assert not TRAINABLE & GUARD
    assert set(Resolution) >= TRAINABLE | GUARD


def test_comments_and_verdicts_contradict_nothing() -> None:
    apart = {Event.COMMENT, Event.VERIFY, Event.SPLIT, Event.ASK_SECOND, Event.RENEW}
    apart |= {Event.GOLD, Event.GOLD_CLAIM, Event.GOLD_ANSWER}
    assert set(Event) - SEQUENCED == apart
