"""Two versions of a model beside each other, on held-out examples and on the reviewed flags.

The rule: both are measured on the same examples, and a difference comes with its interval.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reviewer.datasets import read_base
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import TEST
from reviewer.training.intervals import Interval, PairedTest, bootstrap, compare_labels, compare_values
from reviewer.training.measuring import Measured, measure_answers
from reviewer.training.results import VERIFY_CSV, pair_results, read_results
from reviewer.training.summary import compare_results


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of two versions."""

    first: float
    second: float
    difference: float
    """Second minus first."""
    low: float
    high: float
    """Where the difference is with a confidence of 95 %."""
    is_worse: bool
    """Whether the second is worse, and the whole interval with it."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Two versions on the same held-out examples."""

    rows: int
    metrics: dict[str, Difference]
    paired: PairedTest

    @property
    def main(self) -> Difference:
        """The metric that a promotion looks at: accuracy, or the mean absolute error."""
        return next(iter(self.metrics.values()))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of a model."""

    model: str
    first: str
    second: str
    held_out: HeldOut | None
    """None when the model has no held-out examples."""
    changes: dict[str, dict[str, int]] = field(default_factory=dict)
    """Verification by the first → verification by the second → flags that both were run over."""
    paired: PairedTest | None = None
    """Of the second against the first, over the flags that both answered."""


def compare_versions(folder: Path, versions: ModelVersions, first: Version, second: Version) -> Comparison:
    """Return how two versions do on the base's test split and on the flags that they were run over.

    Raises `ModelError` when one cannot be loaded or fails.
    """
    paths = [each.path.parent / VERIFY_CSV for each in (first, second)]
    return Comparison(
        versions.spec.name,
        first.name,
        second.name,
        compare_held_out(folder, versions, first, second),
        _count_changes(*paths),
        compare_results(versions.spec, paths[1], first),
    )


def compare_held_out(
    folder: Path, versions: ModelVersions, first: Version, second: Version
) -> HeldOut | None:
    """Return how two versions do on the base's test split, None when there is none."""
    spec = versions.spec
    rows = read_base(folder, spec).select(TEST) if spec.base else []
    if not rows:
        return None
    measured = [measure_answers(spec, versions.load(each), rows) for each in (first, second)]
    return HeldOut(len(rows), _list_differences(*measured), _test(*measured))


def _list_differences(first: Measured, second: Measured) -> dict[str, Difference]:
    def score(places: Any) -> dict[str, float]:
        scores = first.score(places), second.score(places)
        return {name: scores[1][name] - scores[0][name] for name in scores[0]}

    before, after, spans = first.score(slice(None)), second.score(slice(None)), {}
    for name, interval in bootstrap(len(first.right), score).items():
        spans[name] = _describe(before[name], after[name], interval, first.table[name].sign)
    return spans


def _describe(before: float, after: float, interval: Interval, sign: int) -> Difference:
    low, high = interval
    is_worse = high < 0 if sign > 0 else low > 0
    return Difference(before, after, after - before, low, high, is_worse)


def _test(first: Measured, second: Measured) -> PairedTest:
    if first.has_values:
        return compare_values(second.losses, first.losses)
    better, worse = (second.losses < first.losses).sum(), (second.losses > first.losses).sum()
    return compare_labels(int(better), int(worse), len(first.right))


def _count_changes(first: Path, second: Path) -> dict[str, dict[str, int]]:
    found = Counter(
        (other.verification, each.verification)
        for each, other in pair_results(read_results(second), read_results(first))
        if other and each.role
    )
    changes: dict[str, dict[str, int]] = {}
    for (was, now), count in sorted(found.items()):
        changes.setdefault(was, {})[now] = count
    return changes
