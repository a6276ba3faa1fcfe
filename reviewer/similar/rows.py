"""Near duplicates of rows of numbers: each differs by at most a hundredth of the spread it is seen in.

The rule: a few numbers alone are no fingerprint. Without three that vary, or a spread to measure them by,
numbers must be equal. A number's name is its column, # and the row it stands in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from reviewer.similar.hashing import BANDS, Hashes, draw, fold, mix

_TOLERANCE = 0.01
"""How far two values may be apart, in spreads."""
_FEWEST_NUMBERS = 3
_CELL = 4 * _TOLERANCE
_NUMBERS_A_BAND = 6
"""Six values that are all as far apart as they may be still share a cell in 18 % of the bands."""


def measure_spreads(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return column → distance from the tenth to the ninetieth percentile of its different values.

    It is the whole range where that is nothing; columns that never vary are left out.
    """
    seen: dict[str, set[float]] = {}
    for row in rows:
        for name, value in row.items():
            seen.setdefault(_column_of(name), set()).add(value)
    spreads = {name: _measure_spread(sorted(values)) for name, values in seen.items()}
    return {name: spread for name, spread in spreads.items() if 0 < spread < math.inf}


def _measure_spread(values: list[float]) -> float:
    tenth = round((len(values) - 1) / 10)
    return (values[-1 - tenth] - values[tenth]) or (values[-1] - values[0])


def scale(row: Mapping[str, float], spreads: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers in spreads; none when there are too few to tell rows apart by."""
    found = {
        name: value / spreads[_column_of(name)] for name, value in row.items() if _column_of(name) in spreads
    }
    return {name: round(value, 6) for name, value in found.items()} if len(found) >= _FEWEST_NUMBERS else {}


def _column_of(name: str) -> str:
    return name.rpartition("#")[0]


def is_same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Return whether two rows of the same scaled numbers are so close that they are the same row."""
    return all(abs(value - other[name]) <= _TOLERANCE for name, value in one.items())


def band(row: Mapping[str, float]) -> Hashes:
    """Return the `BANDS` hashes of scaled numbers: the cells some of them fall into, in shifted grids."""
    values = np.array([row[name] for name in sorted(row)])
    count = min(len(values), _NUMBERS_A_BAND)
    chosen = np.argsort(draw(4, BANDS, len(values)), axis=1)[:, :count]
    shifts = draw(5, BANDS, count).astype(np.float64) / 2**64
    cells = np.floor(values[chosen] / _CELL + shifts).clip(-(2.0**62), 2.0**62).astype(np.int64)
    return fold(mix(cells.view(np.uint64)) + chosen.astype(np.uint64))
