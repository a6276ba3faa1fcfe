"""How many flags there are of each kind.

`flag_counts` has a row per combination of the facets' values, so what it can answer is read from some
thousand rows and not from a million flags; a slice by text, bounds or flagger is counted in the flags.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reviewer.index.queries.fetching import fetch
from reviewer.index.queries.slices import FACETS, VIEWS, Slice, list_conditions, list_scanned, select_values
from reviewer.index.sql import load_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_VALUES = 100
"""Values of a facet that are counted, the commonest first."""


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """How many flags of a slice have each value; each facet is counted without its own filter."""

    views: dict[str, int]
    facets: dict[str, list[tuple[str, int]]]
    confidence: list[int]
    """Ten bins from 0 to 1, counted without the bounds of the confidence."""


def count_flags(cursor: DuckDBPyConnection, chosen: Slice) -> int:
    """Return how many flags the slice selects."""
    conditions = list_conditions(chosen)
    counted = "select coalesce(sum(flags), 0) as flags from flag_counts"
    if scanned := list_scanned(chosen):
        conditions += ["not is_withdrawn", *scanned]
        counted = "select count(*) as flags from flags"
    statement = f"{counted} where {' and '.join(conditions)}"
    return int(fetch(cursor, statement, select_values(chosen, statement))[0]["flags"])


def count_facets(cursor: DuckDBPyConnection, chosen: Slice) -> FacetCounts:
    """Return the counts that the desk's left pane shows, all in one statement."""
    parts = [_count_view(name, chosen) for name in VIEWS]
    parts += [_count_facet(name, column, chosen) for name, column in FACETS.items()]
    statement = (
        f"with counted as materialized ({_write_counted(chosen)}), unbounded as ({_write_unbounded(chosen)})"
        f" {' union all '.join([*parts, _count_bins(chosen)])}"
    )
    found: dict[str, list[tuple[str, int]]] = {}
    for row in fetch(cursor, statement, select_values(chosen, statement)):
        found.setdefault(row["facet"], []).append((row["value"], int(row["flags"])))
    bins = dict(found.get("bin", []))
    return FacetCounts(
        dict(found["view"]),
        {name: sorted(found.get(name, []), key=_rank) for name in FACETS},
        [bins.get(str(each), 0) for each in range(10)],
    )


def _rank(counted: tuple[str, int]) -> tuple[int, bytes]:
    """The commonest first, then in the order of their bytes."""
    return -counted[1], counted[0].encode()


def _write_counted(chosen: Slice, *without: str) -> str:
    """Return the counts of the flags that the filters on scanned columns leave."""
    scanned = list_scanned(chosen, *without)
    if not scanned:
        return "select * from flag_counts"
    return f"{load_sql('count_flags')} and {' and '.join(scanned)} group by all"


def _write_unbounded(chosen: Slice) -> str:
    """Return the counts without the bounds of the confidence, which its histogram shows the flags beyond."""
    if chosen.confidence_min is None and chosen.confidence_max is None:
        return "select * from counted"
    return _write_counted(chosen, "confidence_min", "confidence_max")


def _write_conditions(chosen: Slice, *without: str) -> str:
    return " and ".join(list_conditions(chosen, *without))


def _count_view(name: str, chosen: Slice) -> str:
    return (
        f"select 'view' as facet, '{name}' as value, coalesce(sum(flags), 0) as flags from counted"  # noqa: S608
        f" where {VIEWS[name]} and {_write_conditions(chosen, 'view')}"
    )


def _count_facet(name: str, column: str, chosen: Slice) -> str:
    """Count a facet's values without its own filter."""
    return (
        f"(select '{name}', {column}, sum(flags) as flags from counted"  # noqa: S608  constant texts
        f" where {column} is not null and {_write_conditions(chosen, name)}"
        f" group by {column} having sum(flags) > 0 order by flags desc, {column} limit {MOST_VALUES})"
    )


def _count_bins(chosen: Slice) -> str:
    return (
        "(select 'bin', cast(confidence_bin as varchar), sum(flags) from unbounded"  # noqa: S608  constant texts
        f" where confidence_bin is not null and {_write_conditions(chosen)} group by confidence_bin)"
    )
