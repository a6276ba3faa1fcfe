"""The queue page by page, in any of its orders, and what changed in it since.

The rule: a page begins behind the last row of the one before it, by key and position, so that rows which come
and go in between move nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewer.errors import InputError, UnknownNameError
from reviewer.index.queries.fetching import fetch
from reviewer.index.queries.slices import Slice, list_conditions, list_scanned, select_values
from reviewer.index.sql import load_sql
from reviewer.records import utc_now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NEAR = 8192
"""Flags among which a page of the newest is looked for first."""

MOST_NEWS = 200
"""Rows of news after which a page is better loaded anew."""

POINTS: dict[str, str] = {
    "severity": "severity_points",
    "reports": "25 * least(1, log2(group_size) / 5)",
    "wrong": "25 * coalesce(wrong_share, 0.5)",
    "confidence": "confidence_points",
}
"""Part of a flag's priority → its points; together 0 to 100. How harmful it is, how many report it (32 count
full), how often flags like it turned out wrong, and how sure the model was of what is called wrong."""

_PRIORITY = f"cast(1e6 * ({' + '.join(POINTS.values())}) as bigint)"
"""In millionths of a point, so that sums which differ in their last bit are one priority."""

_WITH_SHARES = f"flags {load_sql('join_wrong_shares')}"

_ROWS = (
    f"select *, {POINTS['reports']} as reports_points, {POINTS['wrong']} as wrong_points"  # noqa: S608
    f" from ({load_sql('queue_page')} {load_sql('join_wrong_shares')}"
    " where position in (select unnest($positions::bigint[])))"
)
"""The rows of chosen flags with the points that make up their priority."""


class _Order(NamedTuple):
    key: str
    """What rows are sorted by, the smallest first; of equal ones the newest comes first."""
    source: str = "flags"

    @property
    def order_by(self) -> str:
        """The key as an order; DuckDB finds the ends of a plain column without reading all of it."""
        column = self.key.removeprefix("-")
        return f"{column} desc" if self.key != column and column.isidentifier() else self.key


SORTS: dict[str, _Order] = {
    "newest": _Order("-position"),
    "oldest": _Order("position"),
    "least_confident": _Order("coalesce(confidence, 2)"),
    "confident_wrong": _Order("-coalesce(case when says_wrong then confidence end, -1)"),
    "most_reported": _Order("-group_size"),
    "severity": _Order("case severity when 'high' then 0 when 'medium' then 1 when 'low' then 2 else 3 end"),
    "likely_wrong": _Order("-coalesce(wrong_share, -1)", _WITH_SHARES),
    "priority": _Order(f"-{_PRIORITY}", _WITH_SHARES),
    # A double holds 52 bits exactly.
    "random": _Order("hash(flag_id, cast($seed as bigint)) >> 12"),
}
"""Order of the queue by name; flags without what is sorted by come last."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the queue; rows have the columns of `queue_page.sql`."""

    rows: list[dict[str, Any]]
    next: str | None
    """Cursor of the next page, None at the end."""


class Marker(NamedTuple):
    """Up to which rows the logs are in the index: what comes later is news."""

    flags: int
    reviews: int
    regroupings: int = 0
    """Flags that were put in another group until then, which no log says."""


def read_page(
    cursor: DuckDBPyConnection,
    chosen: Slice,
    sort: str = "newest",
    after: str | None = None,
    limit: int = 50,
    seed: int = 0,
    skip: int = 0,
) -> Page:
    """Return up to `limit` flags of the slice behind the cursor `after`, in the order `sort`.

    `seed` is which of the random orders is meant; `skip` leaves out so many flags first, for a jump far
    down. Raises `UnknownNameError` or `InputError`.
    """
    order = _find_order(sort)
    if limit < 1:
        raise InputError(f"A page of {limit} flags is too small; ask for 1 or more.")
    given: dict[str, float] = {"limit": limit + 1, "seed": seed, "skip": skip}
    if after:
        given["after_key"], given["after_position"] = _decode_cursor(after)
    found = _find_newest(cursor, chosen, given) if sort == "newest" and not skip else []
    if len(found) <= limit:
        found = _find_keys(cursor, chosen, order, given)
    rows = _read_found(cursor, found)
    return Page(
        rows[:limit],
        _encode_cursor(rows[limit - 1]) if len(rows) > limit else None,
    )


def _find_newest(
    cursor: DuckDBPyConnection, chosen: Slice, given: Mapping[str, float]
) -> list[tuple[int, float]]:
    """Return the keys of a page of the newest flags, fewer when it reaches further back than `NEAR`.

    DuckDB keeps the last rows of an order in a heap, for which rows that get ever newer are the worst case.
    """
    before = given["after_position"] if "after_position" in given else read_marker(cursor).flags
    return _find_keys(cursor, chosen, SORTS["newest"], {**given, "nearest": before - NEAR})


def _find_keys(
    cursor: DuckDBPyConnection, chosen: Slice, order: _Order, given: Mapping[str, float]
) -> list[tuple[int, float]]:
    """Return the position and key of each row of a page, one more than it holds if there are more."""
    statement = _write_keys(chosen, order, given)
    values = {name: value for name, value in given.items() if f"${name}" in statement}
    return cursor.execute(statement, select_values(chosen, statement) | values).fetchall()


_FOR_ME = (
    "(status = 'open' or (status = 'in_review' and claimed_until < $now)"
    " or (status = 'second_review' and first_reviewer is distinct from $me))"
    " and (assignee is null or claimed_until < $now or (assignee = $me and claimed_until is null))"
)
"""What a person can be handed: flags that nobody works on, own assignments, answers of others to review."""


def find_next(cursor: DuckDBPyConnection, chosen: Slice, sort: str, seed: int, me: str) -> str | None:
    """Return the flag of the slice that a person is to do next, own assignments first; None without one.

    The slice's view does not count. Raises `UnknownNameError` for an order that does not exist.
    """
    order = _find_order(sort)
    conditions = ["not is_withdrawn", "gold_by is null", _FOR_ME]
    conditions += [*list_conditions(chosen, "view"), *list_scanned(chosen)]
    statement = (
        f"select flag_id from {order.source} where {' and '.join(conditions)}"  # noqa: S608  constant texts
        f" order by assignee is null, {order.order_by}, position desc limit 1"
    )
    values = {**select_values(replace(chosen, me=me), statement), "now": utc_now().replace(tzinfo=None)}
    seeds = {"seed": seed} if "$seed" in statement else {}
    rows = fetch(cursor, statement, values | seeds)
    return str(rows[0]["flag_id"]) if rows else None


def find_gold(cursor: DuckDBPyConnection, chosen: Slice, me: str) -> str | None:
    """Return a gold flag that a person neither knows nor was handed before, as if at random."""
    conditions = [*list_conditions(chosen, "view"), *list_scanned(chosen)]
    statement = (
        f"{load_sql('gold_unknown')} and {' and '.join(conditions)} order by hash(flag_id, $me) limit 1"
    )
    rows = fetch(cursor, statement, select_values(replace(chosen, me=me), statement))
    return str(rows[0]["flag_id"]) if rows else None


def find_place(cursor: DuckDBPyConnection, chosen: Slice, sort: str, flag_id: str, seed: int = 0) -> int:
    """Return how many flags of the slice stand before a flag, which may itself be outside; 0 for no flag.

    Raises `UnknownNameError`.
    """
    order = _find_order(sort)
    seeds = {"seed": seed} if "$seed" in order.key else {}
    here = (
        f"select {order.key} as key, position from {order.source}"  # noqa: S608  constant texts
        " where flag_id = try_cast($flag as uuid)"
    )
    found = cursor.execute(here, {"flag": flag_id, **seeds}).fetchone()
    if found is None:
        return 0
    is_before = f"({order.key} < $key or ({order.key} = $key and position > $position))"
    conditions = " and ".join([*_list_conditions(chosen), is_before])
    statement = f"select count(*) as flags from {order.source} where {conditions}"  # noqa: S608
    values = {"key": found[0], "position": found[1], **seeds}
    [row] = fetch(cursor, statement, select_values(chosen, statement) | values)
    return int(row["flags"])


def read_marker(cursor: DuckDBPyConnection) -> Marker:
    """Return up to where the logs are in the index."""
    rows = fetch(cursor, "select stream, row_count from read_positions", {})
    counts = {row["stream"]: row["row_count"] for row in rows}
    return Marker(counts["flags"], counts["reviews"])


def read_heads(cursor: DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Return how far the logs of flags and reviews are read: rows, segment, bytes and their checksum."""
    rows = fetch(
        cursor, "select * from read_positions where stream in ('flags', 'reviews') order by stream", {}
    )
    return {
        row["stream"]: {
            "rows": row["row_count"],
            "segment": row["segment"],
            "bytes": row["byte_offset"],
            "checksum": row["mark"],
        }
        for row in rows
    }


def read_news(
    cursor: DuckDBPyConnection, since: Marker, regrouped: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the flags that are new, that an event touched or that are named, up to one over `MOST_NEWS`.

    The newest come first.
    """
    values = {
        "flags": since.flags,
        "reviews": since.reviews,
        "regrouped": list(regrouped),
        "limit": MOST_NEWS + 1,
    }
    return read_rows(cursor, load_sql("news"), values)


def read_rows(cursor: DuckDBPyConnection, keys: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the flags whose `position` and `sort_key` the statement `keys` selects, in order.

    Two statements are faster than one: DuckDB plans them in 5 ms, and one that does both in 8.
    """
    return _read_found(cursor, cursor.execute(keys, dict(values)).fetchall())


def _read_found(cursor: DuckDBPyConnection, keys: Sequence[tuple[int, float]]) -> list[dict[str, Any]]:
    if not keys:
        return []
    found = fetch(cursor, _ROWS, {"positions": [position for position, _ in keys]})
    rows = {row["position"]: row for row in found}
    return [
        _explain_priority({**rows[position], "sort_key": key}) for position, key in keys if position in rows
    ]


def _find_order(sort: str) -> _Order:
    if sort not in SORTS:
        raise UnknownNameError("order", sort, SORTS)
    return SORTS[sort]


def _write_keys(chosen: Slice, order: _Order, given: Mapping[str, float]) -> str:
    conditions = _list_conditions(chosen)
    if "after_key" in given:
        conditions.append(_is_behind(order))
    if "nearest" in given:
        conditions.append("position >= $nearest")
    return (
        f"select position, {order.key} as sort_key from {order.source}"  # noqa: S608  constant texts
        f" where {' and '.join(conditions)} order by {order.order_by}, position desc"
        " limit $limit offset $skip"
    )


def _list_conditions(chosen: Slice) -> list[str]:
    return ["not is_withdrawn", *list_conditions(chosen), *list_scanned(chosen)]


def _is_behind(order: _Order) -> str:
    """Return the condition of the rows behind the cursor."""
    if order.key == "position":
        return "position > $after_position"
    if order.key == "-position":
        return "position < $after_position"
    return f"({order.key} > $after_key or ({order.key} = $after_key and position < $after_position))"


def _explain_priority(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its priority and the parts that make it up, each with the figures behind it."""
    said: Mapping[str, Any] = {
        "severity": {"severity": row["severity"] or ""},
        "reports": {"flags": row["group_size"]},
        "wrong": {"wrong": row.pop("wrong"), "reviewed": row.pop("reviewed")},
        "confidence": {"confidence": row["confidence"], "says_wrong": row.pop("says_wrong")},
    }
    points = {name: row.pop(f"{name}_points") for name in POINTS}
    del row["wrong_share"]
    parts = [{"name": name, "points": round(value, 1), "said": said[name]} for name, value in points.items()]
    return {**row, "priority": round(sum(points.values()), 1), "priority_parts": parts}


def _encode_cursor(row: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([row["sort_key"], row["position"]]).encode()).decode()


def _decode_cursor(text: str) -> tuple[float, int]:
    try:
        key, position = json.loads(base64.urlsafe_b64decode(text))
        if not 0 <= int(position) < 1 << 63:
            raise ValueError(position)
        return float(key), int(position)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InputError(f"The cursor {text[:40]!r} is none of ours; start from the first page.") from None
