"""The flags that a decision about many is about: named ones, or all that filters matched at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reviewer.index.queries.fetching import fetch, is_uuid
from reviewer.index.queries.pages import read_rows
from reviewer.index.queries.slices import Slice, list_conditions, list_scanned, select_values

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class ChosenFlags:
    """A slice of the first `head` flags, or flags by their ids."""

    slice: Slice | None = None
    head: int | None = None
    flag_ids: tuple[str, ...] = ()

    def write_condition(self) -> str:
        """Return the condition of the flags."""
        if self.slice is None:
            return "not is_withdrawn and flag_id in (select unnest($ids::uuid[]))"
        conditions = [*list_conditions(self.slice), *list_scanned(self.slice)]
        return " and ".join(["not is_withdrawn", "position < $head", *conditions])

    def list_values(self, statement: str) -> dict[str, Any]:
        """Return the parameters of the condition."""
        if self.slice is None:
            return {"ids": [each for each in self.flag_ids if is_uuid(each)]}
        return select_values(self.slice, statement) | {"head": self.head}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a decision about many flags would touch."""

    count: int
    statuses: dict[str, int]
    models: dict[str, int]
    sample: list[dict[str, Any]]
    """Rows of the newest ones."""


def find_targets(cursor: DuckDBPyConnection, chosen: ChosenFlags) -> list[tuple[str, int]]:
    """Return (flag id, seq) of the flags, in log order."""
    statement = f"select flag_id, seq from flags where {chosen.write_condition()} order by position"  # noqa: S608
    rows = fetch(cursor, statement, chosen.list_values(statement))
    return [(str(row["flag_id"]), row["seq"]) for row in rows]


def preview_flags(cursor: DuckDBPyConnection, chosen: ChosenFlags, sample: int) -> Preview:
    """Return how many flags these are, of which kinds, and the `sample` newest ones."""
    condition = chosen.write_condition()
    values = chosen.list_values(condition)
    statement = f"select status, model, count(*) as flags from flags where {condition} group by all"  # noqa: S608
    statuses: dict[str, int] = {}
    models: dict[str, int] = {}
    for row in fetch(cursor, statement, values):
        for counts, name in ((statuses, row["status"]), (models, row["model"])):
            counts[name] = counts.get(name, 0) + row["flags"]
    keys = (
        f"select position, -position as sort_key from flags where {condition}"  # noqa: S608  constant texts
        " order by position desc limit $sample"
    )
    return Preview(
        sum(statuses.values()), statuses, models, read_rows(cursor, keys, values | {"sample": sample})
    )
