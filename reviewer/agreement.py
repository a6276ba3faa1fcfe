"""How far people agree on flags: percent, Cohen's kappa and Krippendorff's alpha, with intervals.

The rule: the coefficients are those of scikit-learn and krippendorff; what stands here is which answers they
are asked about. Nothing heavy is loaded before it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from reviewer.training.intervals import Share, bootstrap

RESAMPLES = 200
"""Of each interval; a report has some dozen of them."""

FEWEST = 2
"""Flags with two answers below which nothing can be said."""


Level = Literal["nominal", "interval"]


class Pair(NamedTuple):
    """The two answers to one flag."""

    first_reviewer: str
    first: str
    second_reviewer: str
    second: str
    week: str = ""
    """The Monday of the week in which the second one was given."""
    numbers: tuple[float, float] | None = None
    """Both answers of a model that answers with numbers."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A figure with the interval in which it is with a confidence of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the answers to some flags agree; a figure that they leave undefined is None."""

    of: str
    """Which flags: "all", a pair of people, a class or a week."""
    flags: int
    percent: Coefficient | None
    """Share of the flags with two equal answers, 0 to 1; of a class, of those that either called so."""
    kappa: Coefficient | None
    alpha: Coefficient | None
    people: tuple[str, ...] = ()
    """The two of a pair, by name."""


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """How far people agree, in all and by what it may depend on."""

    overall: Agreement
    pairs: list[Agreement]
    classes: list[Agreement]
    weeks: list[Agreement]


@dataclass(frozen=True, slots=True)
class PersonScore:
    """How well one person did, as only they and admins may know."""

    person: str
    flags: Share
    """Of their flags that were found either way, those that marked a wrong answer."""
    gold: Share
    """Of the gold flags they answered, those with the known answer."""
    agreement: Agreement
    """With everybody who reviewed the same flags."""


def list_pairs(rows: Iterable[Mapping[str, Any]], person: str | None = None) -> list[Pair]:
    """Return the answers that rows of `second_answers.sql` hold, of one person's flags or of all."""
    return [
        _build_pair(row)
        for row in rows
        if row["first_answer"] is not None
        and row["second_answer"] is not None
        and person in (None, row["first_reviewer"], row["second_reviewer"])
    ]


def _build_pair(row: Mapping[str, Any]) -> Pair:
    numbers = (row["first_number"], row["second_number"])
    return Pair(
        row["first_reviewer"],
        row["first_answer"],
        row["second_reviewer"],
        row["second_answer"],
        row["week"],
        None if None in numbers else numbers,
    )


def measure_agreement(pairs: Sequence[Pair]) -> Agreement:
    """Return how far the two answers to each flag agree, all flags together."""
    return _measure("all", pairs)


def find_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Return Cohen's kappa (1960) of two lists of answers to the same flags; None when all are one answer."""
    from sklearn.metrics import cohen_kappa_score

    if len({*first, *second}) < 2:
        return None
    return float(cohen_kappa_score(first, second))


def find_alpha(answers: Iterable[Mapping[str, str | float]], level: Level = "nominal") -> float | None:
    """Return Krippendorff's alpha of flags, each the answers by who gave them; None when all are one answer.

    `level` is how answers differ: "nominal" for labels, "interval" for numbers.
    """
    import krippendorff
    import numpy as np

    units = [dict(each) for each in answers]
    values = sorted({value for unit in units for value in unit.values()}, key=str)
    if len(values) < 2:
        return None
    codes = {value: float(value) if level == "interval" else float(at) for at, value in enumerate(values)}
    people = sorted({name for unit in units for name in unit})
    table = [[codes[unit[name]] if name in unit else np.nan for unit in units] for name in people]
    return float(krippendorff.alpha(np.array(table), level_of_measurement=level))


def report_agreement(pairs: Sequence[Pair]) -> AgreementReport:
    """Return how far the two answers to each flag agree."""
    people = _group(pairs, lambda each: " · ".join(sorted((each.first_reviewer, each.second_reviewer))))
    weeks = _group(pairs, lambda each: each.week)
    classes = sorted({answer for each in pairs if not each.numbers for answer in (each.first, each.second)})
    return AgreementReport(
        _measure("all", pairs),
        [_measure_pair(found) for found in people.values()],
        [_measure_class(name, pairs) for name in classes],
        [_measure(name, found) for name, found in weeks.items()],
    )


def _group(pairs: Sequence[Pair], key: Callable[[Pair], str]) -> dict[str, list[Pair]]:
    groups: dict[str, list[Pair]] = {}
    for each in sorted(pairs, key=key):
        groups.setdefault(key(each), []).append(each)
    return groups


def _measure(of: str, pairs: Sequence[Pair]) -> Agreement:
    return _build(of, [_turn(each) for each in pairs], lambda each: each.first == each.second)


def _measure_pair(pairs: Sequence[Pair]) -> Agreement:
    people = sorted((pairs[0].first_reviewer, pairs[0].second_reviewer))
    return replace(_measure(" · ".join(people), pairs), people=tuple(people))


def _turn(pair: Pair) -> Pair:
    """Return the pair with the answer of who comes first by name in front, whoever answered first."""
    if pair.first_reviewer <= pair.second_reviewer:
        return pair
    numbers = (pair.numbers[1], pair.numbers[0]) if pair.numbers else None
    return Pair(pair.second_reviewer, pair.second, pair.first_reviewer, pair.first, pair.week, numbers)


def _measure_class(name: str, pairs: Sequence[Pair]) -> Agreement:
    """Return how far people agree on what is of a class and what is not."""
    asked = [
        each._replace(first=_mark(each.first, name), second=_mark(each.second, name))
        for each in map(_turn, pairs)
        if not each.numbers
    ]
    return _build(name, asked, lambda each: each.first == each.second, _is_named)


def _mark(answer: str, name: str) -> str:
    return "yes" if answer == name else "no"


def _is_named(pair: Pair) -> bool:
    return "yes" in (pair.first, pair.second)


def _build(
    of: str,
    pairs: Sequence[Pair],
    is_equal: Callable[[Pair], bool],
    counts: Callable[[Pair], bool] = lambda each: True,
) -> Agreement:
    def score(places: Iterable[int]) -> dict[str, float]:
        return _score([pairs[at] for at in places], is_equal, counts)

    flags = sum(map(counts, pairs))
    found = score(range(len(pairs))) if len(pairs) >= FEWEST else {}
    spans = bootstrap(len(pairs), score, RESAMPLES) if found else {}
    told = {name: Coefficient(value, *spans[name]) for name, value in found.items() if math.isfinite(value)}
    return Agreement(of, flags, told.get("percent"), told.get("kappa"), told.get("alpha"))


def _score(
    pairs: Sequence[Pair], is_equal: Callable[[Pair], bool], counts: Callable[[Pair], bool]
) -> dict[str, float]:
    """Return the three figures, NaN for one that these answers leave undefined."""
    counted = [each for each in pairs if counts(each)]
    figures: dict[str, float | None] = {
        "percent": sum(map(is_equal, counted)) / len(counted) if counted else None,
        "kappa": None,
        "alpha": None,
    }
    if pairs and all(each.numbers for each in pairs):
        figures["alpha"] = find_alpha(map(_list_numbers, pairs), "interval")
    else:
        figures["kappa"] = find_kappa([each.first for each in pairs], [each.second for each in pairs])
        figures["alpha"] = find_alpha(map(_list_answers, pairs))
    return {name: math.nan if value is None else value for name, value in figures.items()}


def _list_answers(pair: Pair) -> dict[str, Any]:
    return {pair.first_reviewer: pair.first, pair.second_reviewer: pair.second}


def _list_numbers(pair: Pair) -> dict[str, Any]:
    return dict(zip((pair.first_reviewer, pair.second_reviewer), pair.numbers or (), strict=True))
