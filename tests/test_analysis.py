"""Splits and right answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reviewer.analysis import assign_split, find_correction
from reviewer.records import Flag, FlagState, Resolution, Verification


def make_flag(resolution: str | None, *, verification: str = Verification.NOT_RUN, **fields: Any) -> Flag:
    corrections = {key: fields.pop(key) for key in list(fields) if key.startswith("corrected_")}
    return Flag(
        flag_id="f", prediction_id="p", flagged_at=datetime(2026, 1, 1, tzinfo=UTC), model="m",
        model_version="1", task="generic", example_id="e", inputs={}, option="other", **fields,
        state=FlagState(
            status="resolved", resolution=resolution, verification=verification, **corrections
        ),
    )  # fmt: skip


def make_corrected(**fields: Any) -> Flag:
    return make_flag(Resolution.LABEL_CORRECTED, **fields)


def test_a_split_is_permanent_and_about_four_to_one() -> None:
    ids = [f"{number:032x}" for number in range(5000)]
    splits = [assign_split(each) for each in ids]
    assert splits == [assign_split(each) for each in ids]
    assert set(splits) == {"train", "verify"}
    assert 0.17 < splits.count("verify") / len(splits) < 0.23


def test_known_examples_keep_the_split_they_have_in_exports_made_before() -> None:
    assert [assign_split(f"{number:032x}") for number in range(12)] == [
        "train", "train", "train", "train", "verify", "verify", "train", "train", "train",
        "train", "verify", "train",
    ]  # fmt: skip


def test_only_a_trainable_resolution_has_a_correction() -> None:
    corrected = make_corrected(corrected_label="refund")
    assert find_correction(corrected) == "refund"
    other = replace(corrected, state=replace(corrected.state, resolution=Resolution.AMBIGUOUS))
    assert find_correction(other) is None


def test_zero_is_a_correction_like_any_other() -> None:
    assert find_correction(make_corrected(corrected_value=0.0)) == 0.0
