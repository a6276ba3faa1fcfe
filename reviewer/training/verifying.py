"""Reviewed flags, run again with a version: what its answers mean for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reviewer.analysis import find_right_answer, judge
from reviewer.config import ModelSpec
from reviewer.errors import ModelError, ReviewerError
from reviewer.log.media import MediaStore
from reviewer.models.components import read_inputs
from reviewer.models.kinds import Answer
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Flag, Progress, Verification
from reviewer.training.rows import cut


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a version answered to a flagged example and what that means for the flag."""

    flag_id: str
    verification: Verification
    predicted_label: str | None = None
    predicted_value: float | None = None


def judge_flags(
    versions: ModelVersions, version: Version, flags: Sequence[Flag], media: MediaStore, progress: Progress
) -> list[Verdict]:
    """Run a version on every flagged example and return one verdict per flag, in order.

    A flag without a right answer, with unreadable inputs or on which the model fails is inconclusive.
    Raises `ModelError` when the version cannot be loaded.
    """
    versions.load(version)
    verdicts: list[Verdict] = []
    for batch in cut(flags):
        progress(len(verdicts) / len(flags), f"Verified {len(verdicts):,} of {len(flags):,} flags")
        examples = _read_examples(versions.spec, batch, media)
        answers = _answer_examples(versions, version, examples)
        verdicts += [_build_verdict(versions.spec, flag, answers.get(flag.flag_id)) for flag in batch]
    return verdicts


def _read_examples(spec: ModelSpec, flags: Sequence[Flag], media: MediaStore) -> dict[str, dict[str, Any]]:
    """Return flag id → what the model gets, for the flags that can be judged."""
    examples = {}
    for flag in flags:
        if find_right_answer(flag) is None:
            continue
        try:
            examples[flag.flag_id] = read_inputs(spec, flag.inputs, media)
        except (ReviewerError, OSError, KeyError, TypeError):
            # A missing file, or inputs of an earlier config: the flag cannot be run again.
            continue
    return examples


def _answer_examples(
    versions: ModelVersions, version: Version, examples: Mapping[str, dict[str, Any]]
) -> dict[str, Answer]:
    """Return flag id → answer; when the model fails on all at once, each is tried by itself."""
    if not examples:
        return {}
    try:
        return dict(zip(examples, versions.answer(version, list(examples.values())), strict=True))
    except ModelError:
        if len(examples) == 1:
            return {}
    answers: dict[str, Answer] = {}
    for flag_id, example in examples.items():
        answers |= _answer_examples(versions, version, {flag_id: example})
    return answers


def _build_verdict(spec: ModelSpec, flag: Flag, answer: Answer | None) -> Verdict:
    if answer is None:
        return Verdict(flag.flag_id, Verification.INCONCLUSIVE)
    said = next((each for each in (answer.label, answer.value, answer.output) if each is not None), None)
    return Verdict(flag.flag_id, judge(flag, said, spec.tolerance), answer.label, answer.value)
