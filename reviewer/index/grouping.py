"""The tables in which the index keeps the groups of the same complaint, and the columns that queries read.

The rule: the tables say nothing that does not follow from the flags. What compares examples is elsewhere;
from here flags are handed out in log order, and where they were placed is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from reviewer.index.sql import load_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_FLAGS = 1000
"""Flags that are handed out at once, so that what follows is kept in a few milliseconds."""
MOST_BYTES = 1 << 20
"""Bytes of their inputs, but for a single flag."""

_FEWEST_FOR_SPREADS, _MOST_FOR_SPREADS = 8, 1024


class GroupState(NamedTuple):
    """How far the groups are."""

    flags: int
    placed: int
    """Flags that were put in a group, though it may be theirs alone."""
    reviews: int
    """Position up to which reviews are in the index."""


class Likely(NamedTuple):
    """Described examples that are new, and the groups that they may belong to."""

    fresh: pa.Table
    """position, body, bands"""
    buckets: pa.Table
    """band, leader"""
    leaders: pa.Table
    """leader, body"""


class TablesGoneError(Exception):
    """There are no groups of the flags that the index holds now, since it was made or read anew."""


def read_state(cursor: DuckDBPyConnection) -> GroupState:
    """Return how far the groups are; raises `TablesGoneError`."""
    if not cursor.execute("select 1 from read_positions where stream = 'groups'").fetchone():
        raise TablesGoneError
    return GroupState(*cursor.execute(load_sql("group_state")).fetchall()[0])


def create_tables(cursor: DuckDBPyConnection) -> None:
    """Make the tables empty, whatever is in them."""
    cursor.execute(load_sql("group_tables"))


def read_waiting(cursor: DuckDBPyConnection) -> pa.Table:
    """Return the oldest flags without a group: position, model, inputs (JSON)."""
    return _read(cursor, load_sql("group_waiting"), count=MOST_FLAGS, size=MOST_BYTES)


def find_likely(cursor: DuckDBPyConnection, described: pa.Table) -> Likely:
    """Return which described flags (position, signature, body, bands) must be placed, and beside what."""
    cursor.register("described", described)
    fresh = _read(cursor, load_sql("group_fresh"))
    cursor.register("fresh", fresh)
    buckets = _read(cursor, load_sql("group_buckets"))
    cursor.register("buckets", buckets)
    return Likely(fresh, buckets, _read(cursor, load_sql("group_bodies")))


def save_placed(cursor: DuckDBPyConnection, described: pa.Table, placed: pa.Table) -> None:
    """Keep the group of every described flag; `placed` (position, leader, bands) is of the fresh."""
    cursor.register("described", described)
    cursor.register("placed", placed)
    cursor.execute(load_sql("group_save"))


def find_touched(cursor: DuckDBPyConnection, positions: Sequence[int], since: int) -> pa.Table:
    """Return the groups (leader) of the flags at these positions, and of those that reviews touched."""
    return _read(cursor, load_sql("group_touched"), positions=list(positions), since=since)


def list_groups(cursor: DuckDBPyConnection) -> pa.Table:
    """Return all groups (leader)."""
    return _read(cursor, "select distinct leader from group_flags")


def find_changes(cursor: DuckDBPyConnection, touched: pa.Table) -> pa.Table:
    """Return the flags of these groups whose columns are to change: flag_id, group_id, group_size."""
    cursor.register("touched", touched)
    return _read(cursor, load_sql("group_changes"))


def apply_changes(cursor: DuckDBPyConnection, changes: pa.Table) -> None:
    """Write group and size into these flags."""
    cursor.register("changes", changes)
    cursor.execute(load_sql("group_apply"))


# Spreads


def find_outdated(cursor: DuckDBPyConnection) -> dict[str, int]:
    """Return model → how many of its first flags its spreads are to be measured on, where that has grown.

    It is a power of two, so that numbers are placed anew a few times only, and after 1,024 flags never.
    """
    counts = dict(cursor.execute("select model, count(*) from flags group by model").fetchall())
    known = dict(cursor.execute("select model, basis from group_spreads").fetchall())
    wanted = {model: _find_basis(count) for model, count in counts.items()}
    return {model: basis for model, basis in wanted.items() if basis > known.get(model, 0)}


def _find_basis(count: int) -> int:
    fitting = 1 << min(count, _MOST_FOR_SPREADS).bit_length() - 1 if count else 0
    return fitting if fitting >= _FEWEST_FOR_SPREADS else 0


def read_first(cursor: DuckDBPyConnection, model: str, count: int) -> pa.Table:
    """Return the model's first flags: position, model, inputs (JSON)."""
    return _read(
        cursor,
        "select position, model, inputs::varchar as inputs from flags where model = $model"
        " order by position limit $count",
        model=model,
        count=count,
    )


def read_spreads(cursor: DuckDBPyConnection) -> dict[str, dict[str, float]]:
    """Return model → column → spread, as they were last saved."""
    rows = cursor.execute("select model, spreads from group_spreads").fetchall()
    return {model: json.loads(spreads) for model, spreads in rows}


def save_spreads(cursor: DuckDBPyConnection, model: str, basis: int, spreads: Mapping[str, float]) -> None:
    """Keep the spreads of a model; when there are any, all its flags wait for a group again."""
    if spreads:
        cursor.register("forgotten", pa.table({"model": [model]}))
        cursor.execute(load_sql("group_forget"))
    cursor.execute("delete from group_spreads where model = $model", {"model": model})
    cursor.execute(
        "insert into group_spreads values ($model, $basis, $spreads)",
        {"model": model, "basis": basis, "spreads": json.dumps(spreads)},
    )


def _read(cursor: DuckDBPyConnection, statement: str, **values: Any) -> pa.Table:
    return cursor.sql(statement, params=values).to_arrow_table()
