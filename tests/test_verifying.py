"""Verdicts: reviewed flags that are run again with a version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from tickets import BASE, TICKETS, ignore, make_corrected, make_versions, media, versions, write_base

from reviewer.log.media import MediaStore
from reviewer.models.versions import ModelVersions
from reviewer.records import Flag
from reviewer.training import Base, judge_flags, read_base

__all__ = ["media", "versions"]


def judge(versions: ModelVersions, flags: Sequence[Flag], media: MediaStore) -> list[str]:
    verdicts = judge_flags(versions, versions.find("1"), flags, media, ignore)
    assert [each.flag_id for each in verdicts] == [each.flag_id for each in flags]
    return [str(each.verification) for each in verdicts]


def test_every_flag_gets_the_verdict_of_the_version_asked(versions: ModelVersions, media: MediaStore) -> None:
    flags = [
        make_corrected("money back", "refund"),
        make_corrected("sign in", "refund"),
        make_corrected("sign in", "refund", verification="fixed"),
        make_corrected("sign in", resolution="prediction_correct", corrected_label=None),
        make_corrected("money back", resolution="prediction_correct", corrected_label=None),
        make_corrected("sign in", resolution="ambiguous", corrected_label=None),
    ]
    assert judge(versions, flags, media) == [
        "fixed", "still_failing", "regressed", "fixed", "regressed", "inconclusive",
    ]  # fmt: skip


def test_a_verdict_says_what_the_version_answered(versions: ModelVersions, media: MediaStore) -> None:
    (verdict,) = judge_flags(versions, versions.find("1"), [make_corrected("money back")], media, ignore)
    assert (verdict.predicted_label, verdict.predicted_value) == ("refund", None)


def test_flags_that_cannot_be_run_again_do_not_stop_the_others(
    versions: ModelVersions, media: MediaStore
) -> None:
    lost = replace(make_corrected("x"), inputs={"text": {"media": "0" * 64 + ".png"}})
    flags = [make_corrected("money back"), lost, replace(make_corrected("x"), inputs={"subject": "x"})]
    assert judge(versions, flags, media) == ["fixed", "inconclusive", "inconclusive"]


class Picky(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Answers refund, but fails on a batch that holds one of its pet words."""

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> Picky:
        self.classes_ = sorted(set(labels))
        return self

    def predict(self, texts: Sequence[str]) -> list[str]:
        if any("boom" in text for text in texts):
            raise RuntimeError("no")
        return ["refund"] * len(texts)


def test_a_model_that_fails_on_one_flag_answers_the_others(tmp_path: Path, media: MediaStore) -> None:
    spec = TICKETS.model_copy(update={"trusted": True})
    versions = make_versions(tmp_path, spec, Picky(), BASE)
    flags = [make_corrected("a"), make_corrected("boom"), make_corrected("b")]
    assert judge(versions, flags, media) == ["fixed", "inconclusive", "fixed"]


def test_many_flags_are_run_in_batches_and_can_be_cancelled_between(
    versions: ModelVersions, media: MediaStore
) -> None:
    flags = [make_corrected("money back")] * 2500
    shares: list[float] = []
    verdicts = judge_flags(
        versions, versions.find("1"), flags, media, lambda share, doing: shares.append(share)
    )
    assert len(verdicts) == 2500
    assert shares == [0.0, 0.4, 0.8]
    with pytest.raises(KeyboardInterrupt):
        judge_flags(versions, versions.find("1"), flags, media, cancel_after(1, []))


def test_selecting_a_split_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    write_base(tmp_path, TICKETS, BASE)
    base: Base = read_base(tmp_path, TICKETS)
    assert [row.example["text"] for row in base.select("test")] == ["money please", "sign please"]


def cancel_after(steps: int, seen: list[str]) -> Callable[[float, str], None]:
    left = [steps]

    def progress(share: float, doing: str) -> None:
        seen.append(doing)
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1

    return progress
