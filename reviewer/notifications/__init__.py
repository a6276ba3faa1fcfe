"""What the app tells people by its bell: what became of their flags, and what is wanted of them.

The rule: what is told is asked of the index and the logs each time, so that it is true at that moment; kept
is only up to where somebody has read, and what they switched off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewer.access import Person, Role
from reviewer.config import WorkspaceSpec
from reviewer.errors import UnknownNameError
from reviewer.index.queries import Marker, read_marker
from reviewer.index.queries.fetching import fetch
from reviewer.index.sql import load_sql
from reviewer.log import Log
from reviewer.notifications.failing import FailingWebhooks
from reviewer.notifications.readers import Place, Reader, Readers
from reviewer.records import utc_now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["NEEDED", "Kind", "Notification", "Notifications", "Place", "Told"]

Reading = Callable[[], AbstractContextManager["DuckDBPyConnection"]]

DAYS = 30
"""For so long something is told."""

MOST_TOLD = 100
"""The longest list."""


class Kind(StrEnum):
    """What somebody is told."""

    RESOLVED = "resolved"
    """An own flag was decided about."""
    FIXED = "fixed"
    """A version of the model answers an own flag right."""
    MENTION = "mention"
    ASSIGNED = "assigned"
    SECOND_REVIEW = "second_review"
    """Somebody wants a second answer that the person may give."""
    DISAGREEMENT = "disagreement"
    QUEUE_ABOVE = "queue_above"
    WEBHOOK_FAILING = "webhook_failing"


NEEDED = {
    Kind.RESOLVED: Role.TESTER,
    Kind.FIXED: Role.TESTER,
    Kind.MENTION: Role.REVIEWER,
    Kind.ASSIGNED: Role.REVIEWER,
    Kind.SECOND_REVIEW: Role.REVIEWER,
    Kind.DISAGREEMENT: Role.ADMIN,
    Kind.QUEUE_ABOVE: Role.ADMIN,
    Kind.WEBHOOK_FAILING: Role.ADMIN,
}
"""Kind → the role of those who are told of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One thing that somebody is told."""

    kind: str
    """A `Kind`."""
    happened_at: datetime
    is_new: bool = False
    flag_id: str | None = None
    """The flag it is about, of several the newest."""
    flags: int = 1
    """How many flags one action touched."""
    model: str = ""
    preview: str | None = None
    person: str | None = None
    """Who did it, where that may be known."""
    resolution: str | None = None
    corrected_label: str | None = None
    corrected_value: float | None = None
    version: str | None = None
    """The version of the model that fixed it."""
    webhook: str | None = None
    size: int | None = None
    """The length above which the queue is."""


class Told(NamedTuple):
    """What somebody is told now."""

    notifications: list[Notification]
    """The newest first."""
    place: Place
    """Up to where it goes; whoever has seen the list has read up to there."""
    off: tuple[str, ...]
    """Kinds that the person switched off."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """How much was new to somebody, and what that followed from."""

    role: Role
    reader: Reader
    now: Place
    events: int
    """Of what the log of reviews says."""
    count: int


class Notifications:
    """What the people of one workspace are told."""

    def __init__(
        self,
        folder: Path,
        reading: Reading,
        deliveries: Log,
        spec: WorkspaceSpec,
        list_names: Callable[[str], Sequence[str]],
    ) -> None:
        """`list_names` returns all that a person is called as a flagger."""
        self._reading, self._list_names = reading, list_names
        self._queue_above = find_queue_above(spec)
        self._readers = Readers(folder)
        self._webhooks = FailingWebhooks(deliveries, [each.name for each in spec.webhooks])
        self._counted: dict[str, _Counted] = {}

    def list_for(self, person: Person) -> Told:
        """Return what a person is told; nothing of it counts as read by that."""
        with self._reading() as cursor:
            now = self._find_now(read_marker(cursor))
            reader = self._readers.find(person.name)
            read, kinds = reader.place.clip(now), _list_kinds(person, reader)
            found = [*self._list_events(cursor, person, kinds, read)]
            found += self._list_states(cursor, kinds, read)
        newest = sorted(found, key=lambda each: each.happened_at, reverse=True)
        return Told(newest[:MOST_TOLD], now, reader.off)

    def count_unread(self, person: Person, marker: Marker | None = None) -> int:
        """Return how much of what a person is told is new, up to `MOST_TOLD`.

        Whoever has just read the marker hands it over. Nothing is asked of the flags while nothing happened.
        """
        now = self._find_now(marker or self._read_marker())
        reader = self._readers.find(person.name)
        if reader.place.clip(now) == now:
            return 0
        known = self._counted.get(person.name)
        if known and (known.role, known.reader, known.now) == (person.role, reader, now):
            return known.count
        made = self._count(person, reader, now, known)
        self._counted[person.name] = made
        return made.count

    def mark_read(self, person: Person, place: Place) -> None:
        """Note that a person has read up to a place of a list that was told."""
        now = self._find_now(self._read_marker())
        self._readers.move(person.name, place.clip(now), now)

    def switch_off(self, person: Person, kinds: Sequence[str]) -> None:
        """Tell a person of these kinds no more, and of all others; raises `UnknownNameError`."""
        for each in kinds:
            if each not in list(Kind):
                raise UnknownNameError("kind of notification", each, Kind)
        self._readers.switch_off(person.name, tuple(sorted(set(kinds))))

    def forget(self, name: str) -> None:
        """Keep nothing about a person any more."""
        self._readers.forget(name)

    def _read_marker(self) -> Marker:
        with self._reading() as cursor:
            return read_marker(cursor)

    def _find_now(self, marker: Marker) -> Place:
        return Place(marker.flags, marker.reviews, self._webhooks.refresh())

    def _count(self, person: Person, reader: Reader, now: Place, known: _Counted | None) -> _Counted:
        read, kinds = reader.place.clip(now), _list_kinds(person, reader)
        with self._reading() as cursor:
            if known and self._is_still_so(cursor, person, reader, now, known):
                events = known.events
            else:
                events = sum(each.is_new for each in self._list_events(cursor, person, kinds, read))
            states = sum(each.is_new for each in self._list_states(cursor, kinds, read))
        return _Counted(person.role, reader, now, events, min(events + states, MOST_TOLD))

    def _list_states(
        self, cursor: DuckDBPyConnection, kinds: Sequence[Kind], read: Place
    ) -> Iterator[Notification]:
        """Yield what is so by itself and by nobody's act: a long queue, webhooks that fail."""
        if Kind.QUEUE_ABOVE in kinds and self._queue_above is not None:
            for row in fetch(cursor, load_sql("queue_above"), {"size": self._queue_above}):
                is_new = row.pop("position") >= read.flags
                yield _build({**row, "kind": Kind.QUEUE_ABOVE, "size": self._queue_above}, is_new=is_new)
        if Kind.WEBHOOK_FAILING in kinds:
            for each in self._webhooks.list_failing():
                yield Notification(
                    kind=Kind.WEBHOOK_FAILING, happened_at=each.failed_at, webhook=each.name,
                    is_new=each.position >= read.deliveries,
                )  # fmt: skip

    def _list_events(
        self, cursor: DuckDBPyConnection, person: Person, kinds: Sequence[Kind], read: Place
    ) -> Iterator[Notification]:
        """Yield what the events of the last days mean for the person."""
        values = {
            "me": person.name,
            "names": list(self._list_names(person.name)),
            "kinds": [str(each) for each in kinds],
            # A tester answers no gold flag, and an admin may know them.
            "is_blind": person.role == Role.REVIEWER,
            "since": (utc_now() - timedelta(days=DAYS)).replace(tzinfo=None),
            "limit": MOST_TOLD,
        }
        for row in fetch(cursor, load_sql("notifications"), values):
            yield _build(row, is_new=row.pop("position") >= read.reviews)

    def _is_still_so(
        self, cursor: DuckDBPyConnection, person: Person, reader: Reader, now: Place, known: _Counted
    ) -> bool:
        """Return whether no event since the last count is about the person; it costs less than to count."""
        if (known.role, known.reader) != (person.role, reader) or now.reviews < known.now.reviews:
            return False
        names = list(self._list_names(person.name))
        values = {"me": person.name, "names": names, "first": known.now.reviews}
        return not fetch(cursor, load_sql("notifications_touched"), values)[0]["is_touched"]


def find_queue_above(spec: WorkspaceSpec) -> int | None:
    """Return the length of the queue above which admins are told: the team's, or a webhook's least."""
    if spec.team.queue_above is not None:
        return spec.team.queue_above
    told = [each.queue_above for each in spec.webhooks if "queue_above" in each.events]
    return min(told, default=None)


def _list_kinds(person: Person, reader: Reader) -> list[Kind]:
    return [kind for kind, role in NEEDED.items() if role <= person.role and kind not in reader.off]


def _build(row: Mapping[str, Any], *, is_new: bool) -> Notification:
    made = Notification(**row, is_new=is_new)
    return replace(made, happened_at=made.happened_at.replace(tzinfo=UTC))
