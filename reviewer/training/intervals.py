"""How sure a share, a metric or a difference is: intervals of 95 % and paired tests.

The rule: the same figures give the same interval; every resample starts from the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_RESAMPLES = 1000
_SEED = 0
_LEVEL = 0.95


class Interval(NamedTuple):
    """Where a figure is with a confidence of 95 %."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """A share of flags with its interval after Wilson; None of nothing."""

    hits: int
    of: int
    share: float | None
    low: float | None
    high: float | None


def find_share(count: int, of: int) -> Share:
    """Return a share with its interval after Wilson (1927)."""
    from scipy.stats import binomtest

    if not of:
        return Share(count, of, None, None, None)
    found = binomtest(count, of).proportion_ci(_LEVEL, method="wilson")
    return Share(count, of, count / of, float(found.low), float(found.high))


def bootstrap(
    count: int, score: Callable[[Any], Mapping[str, float]], resamples: int = _RESAMPLES
) -> dict[str, Interval]:
    """Return figure → the interval that the middle 95 % of 1,000 resamples of `count` examples span.

    `score` gets the places of a resample and returns its figures; a resample that leaves one undefined (NaN)
    does not count for it. Percentile method, Efron (1979).
    """
    import numpy as np

    chance = np.random.default_rng(_SEED)
    found = [score(chance.integers(count, size=count)) for _ in range(resamples)]
    tails = [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]
    columns = {name: np.array([each[name] for each in found]) for name in found[0]}
    spans = {
        name: np.quantile(told, tails) if len(told := values[np.isfinite(values)]) else (np.nan, np.nan)
        for name, values in columns.items()
    }
    return {name: Interval(float(low), float(high)) for name, (low, high) in spans.items()}


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two versions on the same examples."""

    test: str
    pairs: int
    better: int
    """Pairs in which the first version did better than the second."""
    worse: int
    p_value: float
    """How likely a difference this large is when both are as good."""


def compare_labels(better: int, worse: int, pairs: int) -> PairedTest:
    """Return McNemar's test, exact, over the pairs in which one version is right and the other wrong."""
    from scipy.stats import binomtest

    p_value = float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
    return PairedTest("mcnemar", pairs, better, worse, p_value)


def compare_values(first: Any, second: Any) -> PairedTest:
    """Return Wilcoxon's signed-rank test over how far the answers of two versions are off, two sequences."""
    import numpy as np
    from scipy.stats import wilcoxon

    gains = np.asarray(second) - np.asarray(first)
    better, worse = int((gains > 0).sum()), int((gains < 0).sum())
    p_value = float(wilcoxon(gains).pvalue) if better + worse else 1.0
    return PairedTest("wilcoxon", len(gains), better, worse, p_value)
