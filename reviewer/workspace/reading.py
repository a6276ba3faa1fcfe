"""Reading the flags: the queue, its counts, its news, and what is known of one flag."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reviewer.access import Person
from reviewer.blind import GOLD_EVENTS, HistoryEntry, is_disguised, is_sealed
from reviewer.decisions import check_known
from reviewer.errors import InputError, UnknownNameError
from reviewer.index import queries
from reviewer.index.queries import ChosenFlags, FacetCounts, Marker, Page, Preview, Slice
from reviewer.records import Flag, FlagOption, Resolution, Review, Severity, Source, Verification
from reviewer.triage import ActionReport, Target, describe_action
from reviewer.workspace.base import Base

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from reviewer.advice import Advice


class Reading(Base):
    """Reads flags; changes nothing."""

    def queue(
        self, *, sort: str = "newest", limit: int = 50, after: str | None = None, **filters: Any
    ) -> list[Flag]:
        """Return up to `limit` flags in the stated order; `filters` are the fields of `Slice`."""
        if limit < 1:
            raise InputError(f"The limit is {limit}; at least 1 is needed.")
        with self._index.reading() as cursor:
            page = queries.read_page(cursor, self._build_slice(filters), sort, after, limit)
            flags = queries.find_flags(cursor, [str(row["flag_id"]) for row in page.rows])
        by_id = {each.flag_id: each for each in flags}
        return [by_id[str(row["flag_id"])] for row in page.rows]

    def _build_slice(self, filters: Mapping[str, Any]) -> Slice:
        """Return the slice of keyword filters, where one text counts as a tuple of one."""
        values: dict[str, Any] = {}
        for name, value in filters.items():
            check_known("filter", name, Slice.__dataclass_fields__)
            if value is None or not isinstance(Slice.__dataclass_fields__[name].default, tuple):
                values |= {} if value is None else {name: value}
                continue
            values[name] = (value,) if isinstance(value, str) else tuple(value)
            for each in values[name]:
                check_known(name, each, self._list_known(name) or [each])
        return Slice(**values)

    def _list_known(self, name: str) -> list[str]:
        """Return the values that a filter can have, none when any text may be one."""
        known: dict[str, Iterable[str]] = {
            "model": self.spec.models,
            "option": {*FlagOption, *(each for spec in self.spec.models.values() for each in spec.options)},
            "resolution": Resolution,
            "verification": Verification,
            "source": Source,
            "severity": Severity,
        }
        return [str(each) for each in known.get(name, ())]

    def read_page(
        self,
        chosen: Slice,
        sort: str,
        after: str | None,
        limit: int,
        seed: int = 0,
        skip: int = 0,
        *,
        is_counted: bool = True,
    ) -> tuple[Page, int | None, Marker]:
        """Return one page of a list of flags, how many there are in all, and the marker from before.

        Without `is_counted` flags that only a scan can count are not, and None stands for their number.
        """
        with self._index.reading() as cursor:
            marker = self._read_marker(cursor)
            page = queries.read_page(cursor, chosen, sort, after, limit, seed, skip)
            is_counted = is_counted or not queries.list_scanned(chosen)
            return page, queries.count_flags(cursor, chosen) if is_counted else None, marker

    def find_place(self, chosen: Slice, sort: str, flag_id: str, seed: int = 0) -> int:
        """Return how many flags of a list stand before a flag, 0 for one that does not exist."""
        with self._index.reading() as cursor:
            return queries.find_place(cursor, chosen, sort, flag_id, seed)

    def read_marker(self) -> Marker:
        """Return up to where the logs are known; what comes later is news."""
        with self._index.reading() as cursor:
            return self._read_marker(cursor)

    def _read_marker(self, cursor: DuckDBPyConnection) -> Marker:
        total = self._grouper.regrouped.total if self._grouper else 0
        return queries.read_marker(cursor)._replace(regroupings=total)

    def read_news(self, since: Marker) -> tuple[list[dict[str, Any]], Marker]:
        """Return the rows of flags that are new or changed, newest first, and the marker now."""
        # Flags are put in another group before that is told, so the rows read later say it.
        told = self._grouper.regrouped if self._grouper else None
        with self._index.reading() as cursor:
            now = queries.read_marker(cursor)._replace(regroupings=told.total if told else 0)
            if now == since:
                return [], now
            return queries.read_news(cursor, since, told.list_since(since.regroupings) if told else ()), now

    def count_facets(self, chosen: Slice) -> FacetCounts:
        """Return how many flags of the slice have each value of each facet."""
        with self._index.reading() as cursor:
            return queries.count_facets(cursor, chosen)

    def find_flag(self, flag_id: str) -> Flag:
        """Return a flag with its state now; raises `UnknownNameError`."""
        with self._index.reading() as cursor:
            return queries.find_flag(cursor, flag_id)

    def find_flags(self, flag_ids: Sequence[str]) -> list[Flag]:
        """Return the flags with these ids in log order; ids that do not exist are left out."""
        with self._index.reading() as cursor:
            return queries.find_flags(cursor, flag_ids)

    def advise(self, flag_id: str) -> Advice:
        """Return what helps to decide about a flag; nothing of it is applied or logged."""
        from reviewer.advice import advise

        flag = self.find_flag(flag_id)
        with self._index.reading() as cursor:
            return advise(self.folder, self._versions.get(flag.model), self.media, cursor, flag)

    def find_error(self, flag: Flag) -> str | None:
        """Return why the model gave no answer: a sentence, and its traceback below an empty line."""
        if flag.latency_ms is None or flag.predicted_label or flag.predicted_value is not None or flag.output:
            return None
        with self._index.reading() as cursor, contextlib.suppress(UnknownNameError):
            recent = self._ledger.find(flag.prediction_id)
            return (recent or queries.find_prediction(cursor, flag.prediction_id)).error
        return None

    def find_history(self, flag_id: str) -> list[HistoryEntry]:
        """Return the flag's events, oldest first."""
        with self._index.reading() as cursor:
            return [HistoryEntry(*each) for each in queries.find_history(cursor, flag_id)]

    def find_histories(self, flag_ids: Sequence[str]) -> dict[str, list[HistoryEntry]]:
        """Return flag → its events, oldest first, of the flags that have any."""
        with self._index.reading() as cursor:
            found = queries.find_histories(cursor, flag_ids)
        return {flag_id: [HistoryEntry(*each) for each in events] for flag_id, events in found.items()}

    def find_targets(self, chosen: ChosenFlags) -> list[Target]:
        """Return the chosen flags with their `seq`, for `review_many`."""
        with self._index.reading() as cursor:
            return [Target(*each) for each in queries.find_targets(cursor, chosen)]

    def preview(self, chosen: ChosenFlags, sample: int = 5) -> Preview:
        """Return what a decision about the chosen flags would touch."""
        with self._index.reading() as cursor:
            return queries.preview_flags(cursor, chosen, sample)

    def _name_undoer(self, action_id: str, reviewer: str) -> str:
        """Return what is stored of who takes something back: of an own flag not more than the flag says."""
        if self.pseudonyms.keeps_names:
            return reviewer
        with self._index.reading() as cursor:
            own = [
                each for each in queries.find_flags(cursor, [action_id]) if self.is_flagger(reviewer, each)
            ]
        return own[0].flagger if own else reviewer

    def describe_action(self, action_id: str) -> ActionReport:
        """Return what taking an action back would meet; raises `UnknownNameError`."""
        with self._index.reading() as cursor:
            return describe_action(cursor, action_id)

    def check_seen(self, event: Review, person: Person) -> None:
        """Raise `UnknownNameError` for an event that the person may not know of yet."""
        state = self.find_flag(event.flag_id).state
        is_blind = is_sealed(state, person) or is_disguised(state, person)
        if event.reviewer != person.name and (is_blind or event.event in GOLD_EVENTS):
            raise UnknownNameError("action", event.action_id)

    def list_people(self) -> list[str]:
        """Return who reviewed or was assigned a flag, by name."""
        with self._index.reading() as cursor:
            return queries.list_people(cursor)
