"""Which group an example belongs to.

The rule: examples are placed one after the other in the order of the log, and each joins the first of a group
or begins one. So a group never drifts along a chain, and who places a few at a time finds the same groups.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from reviewer.similar.examples import is_same

MOST_IN_BUCKET = 32
"""Groups that one band leads to: what many texts share, such as a form's own words, tells nothing apart."""
_MOST_TRIED = 10
"""Groups that an example is compared with: those with which it shares most bands."""


class Fresh(NamedTuple):
    """An example that is to be placed."""

    position: int
    """Where in the log its flag stands."""
    body: str
    bands: list[int]


class Placed(NamedTuple):
    """Where an example was placed."""

    position: int
    leader: int
    """Position of the first of its group, its own when it begins one."""
    bands: list[int]
    """The bands that lead to the group from now on; only those of a leader."""


def place(
    fresh: Iterable[Fresh], buckets: Mapping[int, Sequence[int]], leaders: Mapping[int, str]
) -> list[Placed]:
    """Return the group of each example; they come in the order of the log and have different signatures.

    `buckets` is band → groups it leads to, oldest first, for the bands of these examples; `leaders` the
    body of the first of each.
    """
    known = {band: list(found) for band, found in buckets.items()}
    bodies = dict(leaders)
    return [_place(each, known, bodies) for each in fresh]


def _place(fresh: Fresh, buckets: dict[int, list[int]], bodies: dict[int, str]) -> Placed:
    body = json.loads(fresh.body)
    for leader in _list_likely(fresh.bands, buckets):
        if is_same(json.loads(bodies[leader]), body):
            return Placed(fresh.position, leader, [])
    bodies[fresh.position] = fresh.body
    roomy = [band for band in fresh.bands if len(buckets.get(band, ())) < MOST_IN_BUCKET]
    for band in roomy:
        buckets.setdefault(band, []).append(fresh.position)
    return Placed(fresh.position, fresh.position, roomy)


def _list_likely(bands: Iterable[int], buckets: Mapping[int, Sequence[int]]) -> list[int]:
    """Return the groups that share most bands."""
    shared = Counter(chain.from_iterable(buckets.get(band, ()) for band in bands))
    return [leader for leader, _ in shared.most_common(_MOST_TRIED)]
