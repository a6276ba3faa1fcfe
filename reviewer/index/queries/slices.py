"""Which flags are looked at: filters as conditions and their values.

The rule: a condition is a constant text; values reach a statement as `$name` parameters only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from reviewer.errors import UnknownNameError


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
    severity: tuple[str, ...] = ()
    assignee: tuple[str, ...] = ()
    flagger: tuple[str, ...] = ()
    confidence_min: float | None = None
    confidence_max: float | None = None
    text: str = ""
    group: str = ""
    """Flags of the group that this flag began, by its id."""
    me: str = ""
    """Who is asking, for the view "mine"."""


VIEWS: dict[str, str] = {
    "open": "status in ('open', 'needs_info')",
    "in_review": "status = 'in_review'",
    "mine": "assignee = $me and status <> 'resolved'",
    "mentions": "list_contains(mentions, $me) and gold_by is null",
    "second_review": "status = 'second_review'",
    "disagreements": "status = 'disagreement'",
    "done": "status = 'resolved' and gold_by is null",
    "needs_label": "needs_label and gold_by is null",
    "gold": "gold_by is not null",
    "all": "gold_by is null",
}
"""View of the queue → its condition. A flag that was taken back by its flagger is in none; a gold one is in
its own view alone, so that nobody comes across it where it would be recognised."""

SECRET_VIEWS = frozenset({"gold"})
"""Views for admins."""

FACETS: dict[str, str] = {
    "model": "model",
    "version": "model_version",
    "option": "option",
    "predicted": "predicted_label",
    "resolution": "resolution",
    "verification": "verification",
    "source": "source",
    "severity": "severity",
    "assignee": "assignee",
}
"""Facet → the column whose values it counts."""

_COUNTED: dict[str, str] = {name: f"{column} in ${name}" for name, column in FACETS.items()}
"""Conditions that hold for `flags` and for `flag_counts` alike."""

_SCANNED: dict[str, str] = {
    "flagger": "flagger in $flagger",
    "confidence_min": "confidence >= $confidence_min",
    "confidence_max": "confidence <= $confidence_max",
    "text": "strpos(search_text, lower($text)) > 0",
    "group": "group_id = try_cast($group as uuid)",
}
"""Conditions on columns that only `flags` has."""


def check_slice(chosen: Slice) -> None:
    """Raise `UnknownNameError` when the slice names a view that does not exist."""
    if chosen.view not in VIEWS:
        raise UnknownNameError("view", chosen.view, VIEWS)


def list_conditions(chosen: Slice, *without: str) -> list[str]:
    """Return the conditions that hold for the flags and for their counts, some filters left out.

    Raises `UnknownNameError` for a view that does not exist.
    """
    check_slice(chosen)
    view = "true" if "view" in without else VIEWS[chosen.view]
    return [view, *_list_set(_COUNTED, chosen, without)]


def list_scanned(chosen: Slice, *without: str) -> list[str]:
    """Return the conditions for which the flags themselves must be read, some filters left out."""
    return _list_set(_SCANNED, chosen, without)


def _list_set(conditions: dict[str, str], chosen: Slice, without: tuple[str, ...]) -> list[str]:
    return [
        condition
        for name, condition in conditions.items()
        if name not in without and getattr(chosen, name) not in ((), None, "")
    ]


def select_values(chosen: Slice, statement: str) -> dict[str, Any]:
    """Return the parameters of the slice that the statement uses."""
    used = set(re.findall(r"\$(\w+)", statement)) & {each.name for each in fields(chosen)}
    values = {name: getattr(chosen, name) for name in used}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
