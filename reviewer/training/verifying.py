"""Reviewed flags, run again with a version: what its answers mean for each of them.

Flags come and verdicts go in pages, so memory stays flat however many there are. An answer may be luck: what
is news, a flag that is fixed for the first time or an answer that is wrong for the first time, is run a
second time, and an answer that differs then is inconclusive. A model file is the same function every time; so
once the first page showed no difference, only its regressions are run again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from reviewer.config import ModelSpec
from reviewer.datasets import cut
from reviewer.errors import ReviewerError
from reviewer.index.queries import Answers, ReviewedPage
from reviewer.log.media import MediaStore
from reviewer.models.asking import ask_version
from reviewer.models.components import read_inputs
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Inputs, JsonValue, Progress, Verification
from reviewer.training.comparators import COMPARATORS, are_stable, encode_answer, judge_wrong
from reviewer.training.results import GUARD, Verdict, write_rows, writing_results

PAGE = 10_000
"""Flags that are in memory at a time."""

MOST_REGRESSIONS = 1000
"""Regressions that a summary names; all of them are in the results."""

ReadPage = Callable[[int, int], ReviewedPage]
"""(position in the log, most) → the reviewed flags behind it."""


@dataclass(slots=True)
class Tally:
    """What a run over the reviewed flags came to."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(role, verification) → flags."""
    flaky: int = 0
    regressions: list[Verdict] = field(default_factory=list)


class Verifier:
    """Runs one version over pages of flags."""

    def __init__(self, versions: ModelVersions, version: Version, media: MediaStore) -> None:
        self._versions, self._version, self._media = versions, version, media
        self._spec: ModelSpec = versions.spec
        self._is_same = COMPARATORS[versions.spec.task]
        self._is_steady = False
        """Whether a model file answered the first page the same twice."""

    def run(self, read_page: ReadPage, count: int, folder: Path, progress: Progress) -> Tally:
        """Write the verdicts of all flags to the results in the folder and return what they come to.

        Raises `ModelError` when the version cannot be loaded, `LogError` when the disk refuses; the results
        before stay then, as they do when `progress` raises.
        """
        self._versions.load(self._version)
        tally, done = Tally(), 0
        with writing_results(folder) as file:
            for page in _list_pages(read_page):
                progress(min(done / max(count, 1), 1.0), f"Verified {done:,} of {count:,} flags")
                self._run_page(page, file, tally)
                done += len(page.flag_ids)
        return tally

    def _run_page(self, page: ReviewedPage, file: IO[str], tally: Tally) -> None:
        rights, inputs = _read_answers(page.right), _decode_inputs(page.inputs)
        answers = self._answer(inputs, [place for place, role in enumerate(page.roles) if role])
        exact = [label is not None or value is not None for label, value, _ in zip(*page.right, strict=True)]
        verdicts = list(map(self._judge, page.roles, page.verifications, exact, rights, answers))
        flaky = self._find_flaky(page, inputs, answers, verdicts)
        for place in flaky:
            verdicts[place] = Verification.INCONCLUSIVE
        columns = [
            page.positions,
            page.flag_ids,
            page.roles,
            [each.value for each in verdicts],
            page.verifications,
            list(map(encode_answer, rights)),
            list(map(encode_answer, answers)),
            ["1" if each else "" for each in exact],
            ["1" if place in flaky else "" for place in range(len(verdicts))],
            page.versions,
            list(map(encode_answer, _read_answers(page.flagged))),
            [
                "" if each is Verification.FIXED else preview
                for each, preview in zip(verdicts, page.previews, strict=True)
            ],
        ]
        write_rows(file, columns)
        _count(tally, columns)

    def _judge(
        self, role: str, before: str, is_exact: bool, right: JsonValue, answer: JsonValue
    ) -> Verification:
        if right is None or answer is None:
            return Verification.INCONCLUSIVE
        if self._is_same(right, answer, self._spec.tolerance):
            return Verification.FIXED
        return judge_wrong(is_exact=is_exact, was_right=role == GUARD or before in _KNOWN_RIGHT)

    def _answer(self, inputs: Sequence[Inputs], places: Sequence[int]) -> list[JsonValue]:
        """Return the answers to the examples at the places, None at all others and where there is none."""
        answers: list[JsonValue] = [None] * len(inputs)
        for part in cut(self._list_readable(inputs, places)):
            examples = [inputs[each] for each in part]
            asked = ask_version(self._versions, self._version, examples, self._media, is_brief=True)
            labels = self._spec.vocabulary.follow_all(asked.labels)
            for place, answer in zip(part, _merge(labels, asked.values, asked.outputs), strict=True):
                answers[place] = answer
        return answers

    def _list_readable(self, inputs: Sequence[Inputs], places: Sequence[int]) -> list[int]:
        """Return the places whose inputs are those of today's config, with files that are there."""
        names = self._spec.inputs.keys()
        fitting = [place for place in places if inputs[place].keys() == names]
        if not any(each.has_media for each in self._spec.inputs.values()):
            return fitting
        return [place for place in fitting if self._is_readable(inputs[place])]

    def _is_readable(self, inputs: Inputs) -> bool:
        try:
            read_inputs(self._spec, inputs, self._media)
        except (ReviewerError, OSError, KeyError, TypeError):
            return False  # a missing file, or inputs of an earlier config
        return True

    def _find_flaky(
        self,
        page: ReviewedPage,
        inputs: Sequence[Inputs],
        answers: Sequence[JsonValue],
        verdicts: Sequence[Verification],
    ) -> set[int]:
        """Return the places of news that a second run answers otherwise."""
        fixed = "" if self._is_steady else Verification.FIXED
        news = [
            place
            for place, (verdict, was, role) in enumerate(
                zip(verdicts, page.verifications, page.roles, strict=True)
            )
            if verdict != was and (verdict is Verification.REGRESSED or (verdict == fixed and role != GUARD))
        ]
        again = self._answer(inputs, news) if news else []
        flaky = {place for place in news if not are_stable(answers[place], again[place])}
        is_seen = self._is_steady or bool(news)
        self._is_steady = self._spec.kind.has_file and is_seen and not flaky
        return flaky


_KNOWN_RIGHT = {Verification.FIXED, Verification.REGRESSED}


def _list_pages(read_page: ReadPage) -> Iterator[ReviewedPage]:
    after = -1
    while (page := read_page(after, PAGE)).flag_ids:
        yield page
        after = int(page.positions[-1])


def _decode_inputs(texts: Sequence[str]) -> list[Inputs]:
    """Return the inputs of all flags; one call for all of them takes a third of the time."""
    decoded: list[Inputs] = json.loads(f"[{','.join(texts)}]")
    return decoded


def _read_answers(answers: Answers) -> Sequence[JsonValue]:
    """Return the answers of flags as values."""
    outputs = [None if each is None else json.loads(each) for each in answers.outputs]
    return _merge(answers.labels, answers.values, outputs)


def _merge(*columns: Sequence[JsonValue]) -> Sequence[JsonValue]:
    """Return place by place the first value that is there, None where there is none."""
    first, *rest = columns
    if not rest or None not in first:
        return first
    others = _merge(*rest)
    return [other if each is None else each for each, other in zip(first, others, strict=True)]


def _count(tally: Tally, columns: Sequence[Sequence[str]]) -> None:
    verdicts = Verdict._make(columns)
    tally.counts.update(zip(verdicts.role, verdicts.verification, strict=True))
    tally.flaky += sum(map(bool, verdicts.is_flaky))
    room = MOST_REGRESSIONS - len(tally.regressions)
    if room > 0 and Verification.REGRESSED in verdicts.verification:
        found = (each for each in map(Verdict._make, zip(*columns, strict=True)) if each.is_regressed)
        tally.regressions += list(found)[:room]
