"""Decisions about flags, one by one and many at once, and taking them back.

The rule: what somebody else did first is never overwritten. An event is checked against the flag as it is
now, appended, and looked up again, since another process may have decided in the same moment.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewer.access import Person, Role
from reviewer.blind import is_disguised
from reviewer.config import ModelSpec, TeamSpec
from reviewer.decisions import (
    DECISION,
    build_events,
    build_gold_events,
    build_repeats,
    build_reverts,
    check_current,
    check_id,
    describe_conflict,
    is_sampled,
)
from reviewer.errors import ConflictError, ReviewerError, StoppedError, UnknownNameError
from reviewer.index import queries
from reviewer.index.queries import Slice
from reviewer.index.store import Index
from reviewer.log import Log, encode_rows
from reviewer.records import Event, Flag, Progress, Review, Verification, new_id

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK = 5_000
"""Flags that a decision about many writes at once: between two chunks, others' decisions have their turn."""

MOST_REASONS = 20
"""Flags that a decision about many names as left alone."""


class Target(NamedTuple):
    """A flag to decide about, and the `seq` that was seen, None for the one now."""

    flag_id: str
    seq: int | None = None


class Deed(NamedTuple):
    """An action on one flag: `given` are parts of a decision, and what else there is by name is left out."""

    target: Target
    action_id: str
    given: Mapping[str, Any]


@dataclass
class ManyDecided:
    """What a decision about many flags did."""

    action_id: str
    changed: int = 0
    skipped: int = 0
    reasons: list[tuple[str, str]] = field(default_factory=list)
    """Flag and sentence, of the first ones left alone."""
    is_stopped: bool = False
    """Whether it ended before the last flag; what was decided until then stays."""

    def skip(self, flag_id: str, reason: str) -> None:
        """Note a flag that was left alone."""
        self.skipped += 1
        if len(self.reasons) < MOST_REASONS:
            self.reasons.append((flag_id, reason))


class Triage:
    """Decides about the flags of one workspace."""

    def __init__(
        self,
        find_model: Callable[[str], ModelSpec],
        log: Log,
        index: Index,
        deciding: threading.RLock,
        team: TeamSpec,
    ) -> None:
        self._find_model = find_model
        self._log = log
        self._index = index
        self._deciding = deciding
        self._team = team

    def review_each(self, deeds: Sequence[Deed], person: Person) -> list[Flag | ReviewerError]:
        """Decide about several flags, each by itself; see `Workspace.review_each`."""
        ids = [each.target.flag_id.lower() for each in deeds]
        with self._deciding, self._index.reading() as cursor:
            flags = {each.flag_id: each for each in queries.find_flags(cursor, ids)}
            acted = queries.list_applied(cursor, [each.action_id for each in deeds])
            known = {(action_id, flag_id) for _, action_id, flag_id in acted}
            tried = [self._try_build(each, flags, known, person) for each in deeds]
            events = [event for each in tried if isinstance(each, list) for event in each]
            if events:
                self.append(events)
        with self._index.reading() as cursor:
            flags = {each.flag_id: each for each in queries.find_flags(cursor, ids)}
            acted = queries.list_applied(cursor, [each.action_id for each in deeds])
        applied = {event_id for event_id, *_ in acted}
        return [
            each if isinstance(each, ReviewerError) else _tell(flags[flag_id], each, applied)
            for flag_id, each in zip(ids, tried, strict=True)
        ]

    def _try_build(
        self, deed: Deed, flags: Mapping[str, Flag], acted: set[tuple[str, str]], person: Person
    ) -> list[Review] | ReviewerError:
        """Return the events of a deed, none when it is done already, or why it cannot be done."""
        try:
            action_id = check_id("action_id", deed.action_id)
            flag = flags.get(deed.target.flag_id.lower())
            if flag is None:
                raise UnknownNameError("flag", deed.target.flag_id)
            if (action_id, flag.flag_id) in acted:
                return []
            given = {name: deed.given.get(name, empty) for name, empty in DECISION.items()}
            given["comment"] = deed.given.get("comment", "")
            return self._build_events(flag, deed.target.seq, action_id, person, given)
        except ReviewerError as error:
            return error

    def review_many(
        self,
        targets: Sequence[Target],
        action_id: str,
        person: Person,
        given: Mapping[str, Any],
        progress: Progress,
    ) -> ManyDecided:
        """Decide the same about many flags as one action; see `Workspace.review_many`."""
        done = ManyDecided(check_id("action_id", action_id))
        for first in range(0, len(targets), CHUNK):
            try:
                progress(first / len(targets), f"{first:,} of {len(targets):,}")
            except StoppedError:
                done.is_stopped = True
                break
            self._review_chunk(targets[first : first + CHUNK], done, person, given)
        return done

    def try_many(self, targets: Sequence[Target], person: Person, given: Mapping[str, Any]) -> ManyDecided:
        """Return what `review_many` would do now, without doing it."""
        found = ManyDecided(new_id())
        with self._index.reading() as cursor:
            for first in range(0, len(targets), CHUNK):
                events, _ = self._build_chunk(cursor, targets[first : first + CHUNK], found, person, given)
                found.changed += len({each.flag_id for each in events})
        return found

    def _review_chunk(
        self, targets: Sequence[Target], done: ManyDecided, person: Person, given: Mapping[str, Any]
    ) -> None:
        with self._deciding, self._index.reading() as cursor:
            events, acted = self._build_chunk(cursor, targets, done, person, given)
            self.append(events)
        self._count_applied(events, done, acted)

    def _build_chunk(
        self,
        cursor: DuckDBPyConnection,
        targets: Sequence[Target],
        done: ManyDecided,
        person: Person,
        given: Mapping[str, Any],
    ) -> tuple[list[Review], set[str]]:
        """Return the events to append, and the flags that have theirs already; notes those left alone."""
        seen = dict(targets)
        events: list[Review] = []
        flags = queries.find_light_flags(cursor, list(seen))
        acted = queries.find_acted(cursor, done.action_id) & seen.keys()
        for missing in seen.keys() - {each.flag_id for each in flags}:
            done.skip(missing, f"There is no flag {missing}.")
        for flag in flags:
            try:
                if flag.flag_id not in acted:
                    events += self._build_events(flag, seen[flag.flag_id], done.action_id, person, given)
            except ReviewerError as error:
                done.skip(flag.flag_id, str(error))
        return events, acted

    def _count_applied(self, events: Sequence[Review], done: ManyDecided, acted: set[str]) -> None:
        """Count what became of the events; of two processes that decided at once, one came too late."""
        with self._index.reading() as cursor:
            applied = queries.find_acted(cursor, done.action_id)
            wanted = {each.flag_id for each in events}
            late = queries.find_light_flags(cursor, list(wanted - applied)) if wanted - applied else []
        done.changed += len(wanted & applied) + len(acted)
        for flag in late:
            done.skip(flag.flag_id, str(describe_conflict(flag)))

    def _build_events(
        self, flag: Flag, seq: int | None, action_id: str, person: Person, given: Mapping[str, Any]
    ) -> list[Review]:
        spec = self._find_model(flag.model)
        meant: dict[str, Any] = {"comment": "", **given, "reviewer": person.name, "team": self._team}
        if is_disguised(flag.state, person):
            return build_gold_events(spec, flag, action_id, **meant)
        events = build_events(spec, flag, action_id, **meant, is_admin=person.role >= Role.ADMIN)
        check_current(flag, events, seq)
        return events

    def claim_next(self, chosen: Slice, sort: str, seed: int, action_id: str, person: Person) -> Flag | None:
        """Claim the next flag for a person; see `Workspace.claim_next`."""
        action_id = check_id("action_id", action_id)
        while True:
            with self._deciding, self._index.reading() as cursor:
                if done := queries.find_acted(cursor, action_id):
                    return queries.find_flag(cursor, done.pop())
                flag_id = self._choose_next(cursor, chosen, sort, seed, action_id, person)
                if flag_id is None:
                    return None
                flag = queries.find_flag(cursor, flag_id)
                events = self._build_events(flag, None, action_id, person, {"act": Event.CLAIM})
                self.append(events)
            # Of two processes that claim one flag at once, the log's order says who has it.
            with contextlib.suppress(ConflictError):
                self._confirm(events)

    def _choose_next(
        self, cursor: DuckDBPyConnection, chosen: Slice, sort: str, seed: int, action_id: str, person: Person
    ) -> str | None:
        """Return a gold flag now and then, else the first of the order that waits for this person."""
        gold = None
        if person.role < Role.ADMIN and is_sampled(action_id, self._team.gold_share):
            gold = queries.find_gold(cursor, chosen, person.name)
        return gold or queries.find_next(cursor, chosen, sort, seed, person.name)

    def undo(self, action_id: str, reviewer: str, own_action_id: str) -> list[Flag]:
        """Take back one action, or a flag by its own id; see `Workspace.undo`."""
        own_action_id = check_id("action_id", own_action_id)
        with self._deciding, self._index.reading() as cursor:
            targets = _find_targets(cursor, action_id)
            reverted = queries.find_reverted(cursor, list(targets))
            flags = {each.flag_id: each for each in queries.find_light_flags(cursor, list(targets.values()))}
            standing = {target: flag for target, flag in targets.items() if target not in reverted}
            events = build_reverts(standing, flags, own_action_id, reviewer)
            self.append(events)
        return self._confirm(events) if events else list(flags.values())

    def redo(self, action_id: str, reviewer: str, own_action_id: str) -> list[Flag]:
        """Do an action again that was taken back; see `Workspace.redo`."""
        own_action_id = check_id("action_id", own_action_id)
        with self._deciding, self._index.reading() as cursor:
            acted = [each for each in queries.find_action(cursor, action_id) if each.event != Event.REVERT]
            if not acted:
                raise UnknownNameError("action", action_id)
            if done := queries.find_acted(cursor, own_action_id):
                return queries.find_light_flags(cursor, list(done))
            flags = {each.flag_id: each for each in queries.find_light_flags(cursor, _ids(acted))}
            newest = queries.find_newest_decisions(cursor, list(flags))
            mine = {each.event_id for each in acted}
            for flag_id, last in newest.items():
                if last.reverts not in mine or _is_decided_later(flags[flag_id], acted[0]):
                    raise describe_conflict(flags[flag_id])
            events = build_repeats(acted, flags, own_action_id, reviewer, self._team)
            self.append(events)
        return self._confirm(events)

    def append(self, events: Sequence[Review]) -> None:
        """Append the events durably, all at once."""
        self._log.append(encode_rows("reviews", events))

    def _confirm(self, events: Sequence[Review]) -> list[Flag]:
        """Return the flags after the events, without their words, in log order.

        Raises `ConflictError` when another process decided in the same moment.
        """
        with self._index.reading() as cursor:
            flags = queries.find_light_flags(cursor, _ids(events))
            applied = {event_id for event_id, *_ in queries.list_acted(cursor, events[0].action_id)}
        for event in events:
            if event.event_id not in applied:
                raise describe_conflict(next(each for each in flags if each.flag_id == event.flag_id))
        return flags


def _tell(flag: Flag, events: Sequence[Review], applied: set[str]) -> Flag | ReviewerError:
    """Return the flag; when another process decided about it in the same moment, that is the answer."""
    return flag if all(each.event_id in applied for each in events) else describe_conflict(flag)


def _ids(events: Sequence[Review]) -> list[str]:
    return list(dict.fromkeys(each.flag_id for each in events))


def _find_targets(cursor: DuckDBPyConnection, action_id: str) -> dict[str, str]:
    """Return event → flag of what undo takes back: an action's events, or a flag itself."""
    acted = queries.list_acted(cursor, action_id)
    targets = {event_id: flag_id for event_id, flag_id, event in acted if event != Event.REVERT}
    if not acted:
        targets = {each.flag_id: each.flag_id for each in queries.find_flags(cursor, [action_id])}
    if not targets:
        raise UnknownNameError("action", action_id)
    return targets


@dataclass(frozen=True, slots=True)
class ActionReport:
    """An action as undo would meet it."""

    action_id: str
    event: Review
    """Its first event."""
    flags: int
    is_undone: bool
    later: list[Flag]
    """Its flags that were decided about again since: they keep that decision."""
    verdicts: int
    """Verifications that taking it back would clear."""


def describe_action(cursor: DuckDBPyConnection, action_id: str) -> ActionReport:
    """Return what taking the action back would meet; raises `UnknownNameError`."""
    acted = [each for each in queries.find_action(cursor, action_id) if each.event != Event.REVERT]
    if not acted:
        raise UnknownNameError("action", action_id)
    reverted = queries.find_reverted(cursor, [each.event_id for each in acted])
    flags = queries.find_light_flags(cursor, _ids(acted))
    return ActionReport(
        action_id,
        acted[0],
        len(flags),
        len(reverted) == len(acted),
        [each for each in flags if _is_decided_later(each, acted[0])],
        sum(each.state.verification != Verification.NOT_RUN for each in flags),
    )


def _is_decided_later(flag: Flag, event: Review) -> bool:
    state = flag.state
    if state.action_id in (None, event.action_id) or state.reviewed_at is None:
        return False
    return state.reviewed_at >= event.reviewed_at
