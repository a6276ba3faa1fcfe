"""Letting go what is older than the config keeps it, by the same rewriting of logs as an erasure.

The rule: flags go before their reviews, since without its reviews a flag would be open again. A crash in
between leaves reviews of flags that are gone; the chain has on record that they go, and next time they do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reviewer.chain import Chain
from reviewer.config import RetentionSpec
from reviewer.erasing import (
    ERASED,
    Cells,
    Change,
    Erasure,
    digest_cells,
    find_media,
    list_rows,
    look,
    rewrite,
)
from reviewer.index.sql import load_sql
from reviewer.log import Log
from reviewer.log.columns import format_time
from reviewer.log.media import MediaStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

_AGED = {
    "predictions": ("predicted_at", "prediction"),
    "audit": ("noted_at", "audit"),
    "deliveries": ("sent_at", "delivery"),
}
"""Stream whose rows go by their own age alone → column of their time, and whose days count."""

_WITH_MEDIA = ("flags", "reviews", "predictions")


@dataclass(frozen=True, slots=True)
class _Due:
    """What the index says about flags and reviews whose time has come."""

    flags: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    """Flags whose reviews keep their names."""
    orphans: frozenset[str] = frozenset()
    """Flags that are gone while reviews of them are there."""


class Retention:
    """One look at a workspace's logs, of one moment."""

    def __init__(
        self, spec: RetentionSpec, logs: Mapping[str, Log], chain: Chain, media: MediaStore, now: datetime
    ) -> None:
        self._logs, self._chain, self._media = logs, chain, media
        self._now = format_time(now)
        days = {
            name.removesuffix("_days"): each
            for name, each in spec.model_dump(exclude={"daily"}).items()
            if each
        }
        self._ends = {name: format_time(now - timedelta(days=each)) for name, each in days.items()}
        """What has an age → the time before which it goes."""
        ages = [days[each] for each in days if each == "prediction" or each.endswith("_flag")]
        self._media_end = now - timedelta(days=min(ages)) if ages else None

    def try_out(self, cursor: DuckDBPyConnection) -> Erasure:
        """Return what would go; nothing is changed."""
        changes = {**self.build_flag_changes(cursor), **self._build_aged()}
        found = look(self._logs, changes)[0]
        found.media = self._list_unused(changes)
        return found

    def build_flag_changes(self, cursor: DuckDBPyConnection) -> dict[str, Change]:
        """Return what becomes of flags and reviews, by what the index says of them now."""
        ends = {each: self._ends.get(each) for each in ("answered_flag", "closed_flag", "open_flag")}
        if not any(ends.values()) and "review_name" not in self._ends:
            return {}
        due = _Due(
            _find(cursor, "due_flags", {name: end and end.removesuffix("Z") for name, end in ends.items()}),
            _find(cursor, "named_flags") if "review_name" in self._ends else frozenset(),
            _find(cursor, "orphan_reviews"),
        )
        erased = self._chain.find_erased() if due.orphans else frozenset()
        return {
            "flags": lambda cells: None if cells["flag_id"] in due.flags else cells,
            "reviews": lambda cells: self._age_review(due, erased, cells),
        }

    def _age_review(self, due: _Due, erased: Collection[tuple[str, str]], cells: Cells) -> Cells | None:
        """Return what becomes of a review; one that is written in this moment stays in any case."""
        flag_id = cells["flag_id"]
        if flag_id in due.flags and _is_before(cells["reviewed_at"], self._now):
            return None
        if flag_id in due.orphans and (cells["event_id"], digest_cells(cells)) in erased:
            return None
        is_old = _is_before(cells["reviewed_at"], self._ends.get("review_name", ""))
        return _drop_names(cells) if is_old and flag_id not in due.named else cells

    def age_flags(self, changes: Mapping[str, Change]) -> Erasure:
        """Let flags and reviews go; nobody may decide meanwhile."""
        return rewrite(self._logs, self._chain, changes)

    def age_others(self, found: Erasure) -> None:
        """Let everything else go, and add it to what was found."""
        aged = rewrite(self._logs, self._chain, self._build_aged())
        found.changed |= aged.changed
        found.removed |= aged.removed
        found.media = self._list_unused({})
        for name in found.media:
            self._media.remove(name)

    def _build_aged(self) -> dict[str, Change]:
        return {
            stream: _drop_before(column, self._ends[what])
            for stream, (column, what) in _AGED.items()
            if what in self._ends
        }

    def _list_unused(self, changes: Mapping[str, Change]) -> list[str]:
        """Return the files, older than any row that keeps them could be, that no row refers to.

        A file whose prediction is not written yet was saved, or found to be there, just now.
        """
        old = self._media.list_older(self._media_end) if self._media_end else []
        unused = set(old)
        for stream in _WITH_MEDIA if unused else ():
            change = changes.get(stream, _keep)
            for cells in list_rows(self._logs[stream]):
                if after := change(cells):
                    unused.difference_update(find_media(after))
        return sorted(unused)


def _find(
    cursor: DuckDBPyConnection, name: str, values: Mapping[str, str | None] | None = None
) -> frozenset[str]:
    rows = cursor.execute(load_sql(name), dict(values or {})).fetchall()
    return frozenset(flag_id for (flag_id,) in rows)


def _keep(cells: Cells) -> Cells | None:
    return cells


def _drop_before(column: str, end: str) -> Callable[[Cells], Cells | None]:
    return lambda cells: None if _is_before(cells[column], end) else cells


def _is_before(cell: str, end: str) -> bool:
    """Return whether a time as the log writes it lies before the end; what is no such time does not."""
    return cell < end and _TIME.fullmatch(cell) is not None


def _drop_names(cells: Cells) -> Cells:
    """Return a review without the name and words in it."""
    after = dict(cells)
    if cells["reviewer"]:
        after["reviewer"] = ERASED
    if cells["event"] == "comment":
        after["value"] = ""
    if cells["event"] == "assign" and cells["value"]:
        after["value"] = ERASED
    return after
