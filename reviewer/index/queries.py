"""The queries the program itself asks of the index.

The rule: a statement is put together from the constant texts in this file and in `sql/`; values reach it
as `$name` parameters only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from reviewer.errors import InputError, UnknownNameError
from reviewer.index.sql import load_sql
from reviewer.log.columns import decode_record
from reviewer.records import Flag, FlagState, Prediction, Review

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The flags that a set of filters selects; an empty filter lets everything through."""

    view: str = "all"
    model: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    option: tuple[str, ...] = ()
    predicted: tuple[str, ...] = ()
    resolution: tuple[str, ...] = ()
    verification: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    flagger: tuple[str, ...] = ()
    confidence_min: float | None = None
    confidence_max: float | None = None
    text: str = ""


VIEWS: dict[str, str] = {
    "open": "status in ('open', 'needs_info')",
    "in_review": "status = 'in_review'",
    "done": "status = 'resolved'",
    "all": "true",
}
"""View of the queue → its condition. A flag that was taken back by its flagger is in none."""

_CONDITIONS: dict[str, str] = {
    "model": "model in $model",
    "version": "model_version in $version",
    "option": "option in $option",
    "predicted": "predicted_label in $predicted",
    "resolution": "resolution in $resolution",
    "verification": "verification in $verification",
    "source": "source in $source",
    "flagger": "flagger in $flagger",
    "confidence_min": "confidence >= $confidence_min",
    "confidence_max": "confidence <= $confidence_max",
    "text": "strpos(search_text, lower($text)) > 0",
}


class _Order(NamedTuple):
    key: str
    order_by: str
    after: str
    """Condition of the rows behind the cursor ($after_key, $after_position)."""


SORTS: dict[str, _Order] = {
    "newest": _Order("position", "position desc", "position < $after_position"),
    "least_confident": _Order(
        "coalesce(confidence, 2)",
        "coalesce(confidence, 2), position desc",
        "(coalesce(confidence, 2) > $after_key"
        " or (coalesce(confidence, 2) = $after_key and position < $after_position))",
    ),
}
"""Order of the queue by name; flags without a confidence come last."""

FACETS: dict[str, str] = {
    "model": "model",
    "version": "model_version",
    "option": "option",
    "predicted": "predicted_label",
    "resolution": "resolution",
    "verification": "verification",
    "source": "source",
}
"""Facet → the column whose values it counts."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the queue; rows have the columns of `queue_page.sql`."""

    rows: list[dict[str, Any]]
    next: str | None
    """Cursor of the next page, None at the end."""


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """How many flags of a slice have each value; each facet is counted without its own filter."""

    views: dict[str, int]
    facets: dict[str, list[tuple[str, int]]]
    confidence: list[int]
    """Ten bins from 0 to 1."""


def check_slice(chosen: Slice) -> None:
    """Raise `UnknownNameError` when the slice names a view that does not exist."""
    if chosen.view not in VIEWS:
        raise UnknownNameError("view", chosen.view, VIEWS)


def read_page(
    cursor: DuckDBPyConnection, chosen: Slice, sort: str = "newest", after: str | None = None, limit: int = 50
) -> Page:
    """Return up to `limit` flags of the slice behind the cursor `after`, in the order `sort`."""
    if sort not in SORTS:
        raise UnknownNameError("order", sort, SORTS)
    if limit < 1:
        raise InputError(f"A page of {limit} flags is too small; ask for 1 or more.")
    order = SORTS[sort]
    conditions, values = _list_conditions(chosen)
    if after:
        key, position = _decode_cursor(after)
        conditions.append(order.after)
        values |= {"after_position": position} | ({"after_key": key} if "$after_key" in order.after else {})
    statement = (
        f"{load_sql('queue_page')} where {' and '.join(conditions)} order by {order.order_by} limit $limit"
    )
    rows = _fetch(cursor, statement, values | {"limit": limit + 1})
    return Page(rows[:limit], _encode_cursor(sort, rows[limit - 1]) if len(rows) > limit else None)


def count_flags(cursor: DuckDBPyConnection, chosen: Slice) -> int:
    """Return how many flags the slice selects."""
    conditions, values = _list_conditions(chosen)
    row = cursor.execute(
        f"select count(*) from flags where {' and '.join(conditions)}",  # noqa: S608  constant texts
        values,
    ).fetchone()
    return int(row[0]) if row else 0


def count_facets(cursor: DuckDBPyConnection, chosen: Slice) -> FacetCounts:
    """Return the counts that the desk's left pane shows."""
    return FacetCounts(
        _count_views(cursor, chosen),
        {name: _count_facet(cursor, chosen, name) for name in FACETS},
        _count_confidence(cursor, chosen),
    )


def find_flag(cursor: DuckDBPyConnection, flag_id: str) -> Flag:
    """Return the flag with its state now; raises `UnknownNameError`."""
    found = find_flags(cursor, [flag_id])
    if not found:
        raise UnknownNameError("flag", flag_id)
    return found[0]


def find_flags(cursor: DuckDBPyConnection, flag_ids: Sequence[str]) -> list[Flag]:
    """Return the flags with these ids in log order; ids that do not exist are left out."""
    wanted = [each for each in flag_ids if _is_uuid(each)]
    rows = _fetch(
        cursor,
        "select * from flags where flag_id in (select unnest($ids::uuid[])) order by position",
        {"ids": wanted},
    )
    return [_build_flag(row) for row in rows]


def find_slice(cursor: DuckDBPyConnection, chosen: Slice) -> list[Flag]:
    """Return every flag of the slice, whole, in log order."""
    conditions, values = _list_conditions(chosen)
    rows = _fetch(
        cursor,
        f"select * from flags where {' and '.join(conditions)} order by position",  # noqa: S608  constant
        values,
    )
    return [_build_flag(row) for row in rows]


def find_history(cursor: DuckDBPyConnection, flag_id: str) -> list[tuple[Review, bool, bool]]:
    """Return the flag's events in log order, each with whether it is applied and whether taken back."""
    if not _is_uuid(flag_id):
        return []
    rows = _fetch(cursor, load_sql("history"), {"flag_id": flag_id})
    return [(decode_record(Review, row), row["is_applied"], row["is_undone"]) for row in rows]


def find_action(cursor: DuckDBPyConnection, action_id: str) -> list[Review]:
    """Return the applied events of one user action, in log order."""
    if not _is_uuid(action_id):
        return []
    rows = _fetch(
        cursor,
        "select * from reviews where action_id = $action_id and is_applied order by position",
        {"action_id": action_id},
    )
    return [decode_record(Review, row) for row in rows]


def find_prediction(cursor: DuckDBPyConnection, prediction_id: str) -> Prediction:
    """Return a logged prediction; raises `UnknownNameError`."""
    rows = (
        _fetch(cursor, "select * from predictions where prediction_id = $id", {"id": prediction_id})
        if _is_uuid(prediction_id)
        else []
    )
    if not rows:
        raise UnknownNameError("prediction", prediction_id)
    prediction: Prediction = decode_record(Prediction, rows[0])
    return prediction


def find_same_example(cursor: DuckDBPyConnection, model: str, example_id: str) -> list[Flag]:
    """Return the flags of a model that stand on this example, newest first."""
    rows = _fetch(
        cursor,
        "select * from flags where example_id = $example_id and model = $model and not is_withdrawn"
        " order by position desc",
        {"model": model, "example_id": example_id},
    )
    return [_build_flag(row) for row in rows]


def find_ruled(
    cursor: DuckDBPyConnection, model: str, version: str, example_ids: Sequence[str]
) -> set[tuple[str, str]]:
    """Return (example id, option) of the flags that rules made of these examples with this version."""
    rows = _fetch(
        cursor,
        "select example_id, option from flags where example_id in (select unnest($example_ids))"
        " and model = $model and model_version = $version and starts_with(flagger, 'rule:')"
        " and not is_withdrawn",
        {"model": model, "version": version, "example_ids": list(example_ids)},
    )
    return {(row["example_id"], row["option"]) for row in rows}


def find_known(cursor: DuckDBPyConnection, flag_ids: Sequence[str]) -> set[str]:
    """Return which of these flags are in the index."""
    rows = _fetch(
        cursor,
        "select flag_id from flags where flag_id in (select unnest($ids::uuid[]))",
        {"ids": list(flag_ids)},
    )
    return {str(row["flag_id"]) for row in rows}


def list_labels(cursor: DuckDBPyConnection, model: str) -> list[str]:
    """Return the labels that the model's flags were predicted, suggested or corrected to, by name."""
    rows = _fetch(
        cursor,
        "select distinct unnest([predicted_label, corrected_label, suggested_label]"
        " || coalesce(json_keys(scores), [])) as label from flags where model = $model",
        {"model": model},
    )
    return sorted(row["label"] for row in rows if row["label"])


def find_flagged(
    cursor: DuckDBPyConnection, session_id: str, prediction_ids: Sequence[str]
) -> dict[str, Flag]:
    """Return prediction id → the newest flag that stands on it, of those made in this session."""
    rows = _fetch(
        cursor,
        "select * from flags where prediction_id in (select unnest($ids::uuid[]))"
        " and session_id = $session_id and not is_withdrawn order by position",
        {"ids": list(prediction_ids), "session_id": session_id},
    )
    return {str(row["prediction_id"]): _build_flag(row) for row in rows}


def find_twin(cursor: DuckDBPyConnection, prediction_id: str, option: str, flagger: str) -> Flag | None:
    """Return the newest flag this flagger made of this prediction with this option, if one stands."""
    rows = _fetch(
        cursor,
        "select * from flags where prediction_id = $prediction_id and option = $option"
        " and coalesce(flagger, '') = $flagger and not is_withdrawn order by position desc limit 1",
        {"prediction_id": prediction_id, "option": option, "flagger": flagger},
    )
    return _build_flag(rows[0]) if rows else None


def find_reverted(cursor: DuckDBPyConnection, targets: Sequence[str]) -> set[str]:
    """Return which of these events and flags were taken back already."""
    rows = _fetch(
        cursor,
        "select distinct reverts from reviews where is_applied and event = 'revert'"
        " and reverts in (select unnest($targets::uuid[]))",
        {"targets": list(targets)},
    )
    return {str(row["reverts"]) for row in rows}


def count_rows(cursor: DuckDBPyConnection) -> dict[str, int]:
    """Return how many rows each table holds that mirrors a log."""
    return _fetch(
        cursor,
        "select (select count(*) from flags) as flags, (select count(*) from reviews) as reviews,"
        " (select count(*) from predictions) as predictions",
        {},
    )[0]


def list_rejected(cursor: DuckDBPyConnection) -> list[str]:
    """Return one sentence per line of a log that is no row."""
    rows = _fetch(cursor, "select stream || ': ' || reason as sentence from rejected_rows", {})
    return [row["sentence"] for row in rows]


def find_session(
    cursor: DuckDBPyConnection, session_id: str, limit: int, prediction_id: str | None = None
) -> list[Prediction]:
    """Return a session's last logged predictions, newest first.

    With a `prediction_id`, only that one, when it is the session's.
    """
    if prediction_id is not None and not _is_uuid(prediction_id):
        return []
    values = {"session_id": session_id, "limit": limit, "prediction_id": prediction_id}
    return [decode_record(Prediction, row) for row in _fetch(cursor, load_sql("session"), values)]


def read_frame(
    cursor: DuckDBPyConnection, name: str, values: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Return the result of `sql/NAME.sql`, which figures are drawn from."""
    return cursor.execute(load_sql(name), dict(values or {})).df()


def _list_conditions(chosen: Slice, *, without: str = "") -> tuple[list[str], dict[str, Any]]:
    """Return the slice's conditions and their values, one filter left out."""
    check_slice(chosen)
    conditions = ["not is_withdrawn"]
    if without != "view":
        conditions.append(VIEWS[chosen.view])
    values: dict[str, Any] = {}
    for each in fields(chosen):
        value = getattr(chosen, each.name)
        if each.name == without or each.name not in _CONDITIONS or value in ((), None, ""):
            continue
        conditions.append(_CONDITIONS[each.name])
        values[each.name] = list(value) if isinstance(value, tuple) else value
    return conditions, values


def _count_views(cursor: DuckDBPyConnection, chosen: Slice) -> dict[str, int]:
    conditions, values = _list_conditions(chosen, without="view")
    counts = ", ".join(f"count(*) filter (where {condition}) as {name}" for name, condition in VIEWS.items())
    statement = f"select {counts} from flags where {' and '.join(conditions)}"  # noqa: S608  constant texts
    return {name: int(count) for name, count in _fetch(cursor, statement, values)[0].items()}


def _count_facet(cursor: DuckDBPyConnection, chosen: Slice, name: str) -> list[tuple[str, int]]:
    conditions, values = _list_conditions(chosen, without=name)
    column = FACETS[name]
    rows = cursor.execute(
        f"select {column}, count(*) as flags from flags"  # noqa: S608  constant texts only
        f" where {' and '.join(conditions)} and {column} is not null"
        " group by 1 order by flags desc, 1 limit 100",
        values,
    ).fetchall()
    return [(str(value), int(count)) for value, count in rows]


def _count_confidence(cursor: DuckDBPyConnection, chosen: Slice) -> list[int]:
    conditions, values = _list_conditions(chosen)
    for bound in ("confidence_min", "confidence_max"):
        if bound in values:
            conditions.remove(_CONDITIONS[bound])
            del values[bound]
    rows = cursor.execute(
        "select least(cast(floor(confidence * 10) as integer), 9) as bin, count(*) from flags"  # noqa: S608
        f" where {' and '.join(conditions)} and confidence between 0 and 1 group by 1",
        values,
    ).fetchall()
    counts = dict(rows)
    return [int(counts.get(bin_, 0)) for bin_ in range(10)]


def _fetch(cursor: DuckDBPyConnection, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    cursor.execute(statement, dict(values))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _build_flag(row: Mapping[str, Any]) -> Flag:
    flag: Flag = decode_record(Flag, row)
    return replace(flag, state=decode_record(FlagState, row))


def _encode_cursor(sort: str, row: Mapping[str, Any]) -> str:
    key = row["confidence"] if row["confidence"] is not None else 2.0
    text = json.dumps([key if sort != "newest" else 0, row["position"]])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode_cursor(text: str) -> tuple[float, int]:
    try:
        key, position = json.loads(base64.urlsafe_b64decode(text))
        if not 0 <= int(position) < 1 << 63:
            raise ValueError(position)
        return float(key), int(position)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InputError(f"The cursor {text[:40]!r} is none of ours; start from the first page.") from None


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
