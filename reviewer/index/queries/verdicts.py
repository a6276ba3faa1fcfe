"""Reviewed flags as a stream of columns, and what each version was found to answer to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewer.index.queries.fetching import fetch
from reviewer.index.sql import load_sql
from reviewer.records import GUARD, TRAINABLE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Answers(NamedTuple):
    """Answers column by column: at each place at most one of the three is there."""

    labels: Sequence[str | None]
    values: Sequence[float | None]
    outputs: Sequence[str | None]
    """Each the text of a JSON value."""


class ReviewedPage(NamedTuple):
    """Reviewed flags column by column, all of one length."""

    positions: Sequence[str]
    """In the log, whole numbers as texts."""
    flag_ids: Sequence[str]
    inputs: Sequence[str]
    """Each the text of a JSON object."""
    roles: Sequence[str]
    """`correction`, `guard`, or "" for a flag without a right answer."""
    verifications: Sequence[str]
    versions: Sequence[str]
    """Those that gave the answer that was flagged."""
    previews: Sequence[str]
    right: Answers
    flagged: Answers


def read_reviewed(cursor: DuckDBPyConnection, model: str, after: int, limit: int) -> ReviewedPage:
    """Return up to `limit` reviewed flags of the model behind a position in the log, in its order."""
    values = {"model": model, "after": after, "limit": limit, "guard": [*GUARD], "trainable": [*TRAINABLE]}
    # As arrays, since half of the time for tuples would go into making and counting them.
    columns = cursor.execute(load_sql("reviewed_page"), values).fetchnumpy()
    lists: list[Any] = [column.tolist() for column in columns.values()]
    return ReviewedPage._make([*lists[:7], Answers._make(lists[7:10]), Answers._make(lists[10:])])


def count_reviewed(cursor: DuckDBPyConnection, model: str) -> int:
    """Return how many reviewed flags the model has."""
    return _count(cursor, _REVIEWED, {"model": model})


def count_guards(cursor: DuckDBPyConnection, model: str) -> int:
    """Return how many of the model's reviewed flags are guards."""
    return _count(cursor, f"{_REVIEWED} and resolution in $guard", {"model": model, "guard": [*GUARD]})


_REVIEWED = "model = $model and status = 'resolved' and not is_withdrawn"


def _count(cursor: DuckDBPyConnection, condition: str, values: dict[str, Any]) -> int:
    statement = f"select count(*) as flags from flags where {condition}"  # noqa: S608  constant texts
    return int(fetch(cursor, statement, values)[0]["flags"])


def list_verdicts(cursor: DuckDBPyConnection, model: str, version: str | None = None) -> list[dict[str, Any]]:
    """Return the last verdict of each version, or of one, on each reviewed flag of the model, in log order.

    Each has `flag_id`, `resolution`, `version`, `verification`, `verified_at` and `is_stale`, whether the
    flag was decided about since.
    """
    return fetch(cursor, load_sql("verdicts"), {"model": model, "version": version})
