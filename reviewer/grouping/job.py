"""The thread that hands flags over to the comparing process and keeps in the index where they belong.

The rule: the index is held for one short transaction at a time, which begins by making sure that it still
holds the flags that the work was done for.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from reviewer.grouping.process import Comparer, ComparerError
from reviewer.index.catalog import Views
from reviewer.index.grouping import (
    GroupState,
    TablesGoneError,
    apply_changes,
    create_tables,
    find_changes,
    find_likely,
    find_outdated,
    find_touched,
    list_groups,
    read_first,
    read_spreads,
    read_state,
    read_waiting,
    save_placed,
    save_spreads,
)
from reviewer.index.store import MainIndex

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LOG = logging.getLogger(__name__)

_SHORTEST_WAIT, _LONGEST_WAIT = 1.0, 8.0
"""Seconds between two looks at the index: few at the start and while flags arrive, then ever more."""
_SHARE_EVERY = 10.0
"""Seconds between two times that other processes get the groups, while they keep changing."""
_PAUSE = 0.1
"""Seconds between two looks, however often they are called for."""
_WAIT_AFTER_FAILURE = 60.0
_IDLE_LOOKS = 12
"""Looks without anything to do after which the comparing process is ended."""
_CHANGES_AT_ONCE = 2000
"""Flags whose group is written in one transaction, in a few milliseconds at a million flags."""
_REMEMBERED = 500
"""Flags with another group that are named to who asks; after more, a list is better read anew."""
_NOTHING_SEEN = -1
_WITH_NUMBERS = frozenset({"number", "slider", "table"})


class GroupingProgress(NamedTuple):
    """How many flags there are and how many have been put in a group."""

    done: int
    total: int


class Regrouped(NamedTuple):
    """Flags whose group changed."""

    total: int = 0
    """How often a flag was put in another group since the thread began."""
    flag_ids: tuple[str, ...] = ()
    """The newest `_REMEMBERED` of them, the oldest first."""

    def list_since(self, total: int) -> Sequence[str]:
        """Return the flags since there were so many; all known ones when that was before a new start."""
        return self.flag_ids[-max(0, self.total - total) :] if total != self.total else ()


class Grouper:
    """Keeps `group_id` and `group_size` of the app's index up to date, in a thread of its own."""

    def __init__(self, index: MainIndex, components: Callable[[], Views], media: Path) -> None:
        """Take the index, what says each model's components by input, and the folder of the media."""
        self._index = index
        self._components = components
        self._media = media
        self._comparer: Comparer | None = None
        self._reviews = _NOTHING_SEEN
        """Up to where reviews were looked at for flags that were split off or withdrawn."""
        self._progress = GroupingProgress(0, 0)
        self._regrouped = Regrouped()
        self._changing: list[str] = []
        """Flags that this look put in another group; they are told once it is over."""
        self._is_to_share = True
        self._shared_at = 0.0
        self._is_stopping = threading.Event()
        self._is_called = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reviewer groups flags", daemon=True)

    @property
    def progress(self) -> GroupingProgress:
        """How far the groups are, as of the last look."""
        return self._progress

    @property
    def regrouped(self) -> Regrouped:
        """The flags that were put in another group, as of the last look."""
        return self._regrouped

    def start(self) -> None:
        """Group what is there and what arrives from now on, until `stop`."""
        self._thread.start()

    def look_soon(self) -> None:
        """Look at the index soon, however long nothing has happened: a group may be whole again."""
        self._is_called.set()

    def stop(self) -> None:
        """End the thread and the process; the index may be closed afterwards."""
        self._is_stopping.set()
        self._is_called.set()
        if comparer := self._comparer:
            comparer.kill()
        if self._thread.is_alive():
            self._thread.join()
        self._end_comparer()

    def run_once(self) -> bool:
        """Group all flags that wait now; returns whether there was anything to do.

        Raises `ComparerError` when examples could not be compared, `LogError` for the index.
        """
        state = self._look()
        if state.placed == state.flags and self._reviews == state.reviews:
            return False
        try:
            self._measure_spreads()
            self._write_groups([])
            # What arrives meanwhile is left for the next look.
            while self._progress.done < state.flags and not self._is_stopping.is_set():
                self._write_groups(self._place_some())
        except TablesGoneError:
            _LOG.info("the flags were read anew; their groups begin anew, too")
        finally:
            self._tell_changes()
        return True

    def _tell_changes(self) -> None:
        changed, self._changing = self._changing, []
        self._is_to_share = self._is_to_share or bool(changed)
        told = (*self._regrouped.flag_ids, *changed)[-_REMEMBERED:]
        self._regrouped = Regrouped(self._regrouped.total + len(changed), told)

    # The thread

    def _run(self) -> None:
        told, wait, idle = "", _SHORTEST_WAIT, 0
        while not self._wait(wait):
            try:
                idle = 0 if self.run_once() else idle + 1
                self._share(is_due=idle > 0)
                told = ""
            except Exception as error:  # whatever it is, the app goes on without groups
                told = self._tell(error, told)
                wait = _WAIT_AFTER_FAILURE
                continue
            wait = min(_SHORTEST_WAIT * 2**idle, _LONGEST_WAIT)
            if idle == _IDLE_LOOKS:
                self._end_comparer()

    def _share(self, *, is_due: bool) -> None:
        """Let other processes have the groups, when these changed and nothing more waits, or now and then."""
        now = time.monotonic()
        if self._is_to_share and (is_due or now - self._shared_at > _SHARE_EVERY):
            self._index.share_groups()
            self._is_to_share, self._shared_at = False, now

    def _wait(self, seconds: float) -> bool:
        """Wait so long or until called, but never not at all; returns whether the thread shall end."""
        self._is_called.wait(seconds)
        self._is_called.clear()
        return self._is_stopping.wait(_PAUSE)

    def _tell(self, error: Exception, told: str) -> str:
        """Log what went wrong, unless it was said last time or is part of stopping; returns it."""
        said = f"{type(error).__name__}: {error}"
        if said != told and not self._is_stopping.is_set():
            _LOG.warning("flags could not be grouped, which is tried again: %s", said)
        return said

    def _ask(self, what: str, tables: Sequence[pa.Table], **settings: Any) -> pa.Table:
        if self._comparer is None:
            self._comparer = Comparer(self._media)
        try:
            return self._comparer.ask(what, tables, **settings)
        except ComparerError:
            self._end_comparer()
            raise

    def _end_comparer(self) -> None:
        comparer, self._comparer = self._comparer, None
        if comparer:
            comparer.close()

    # One look

    def _look(self) -> GroupState:
        try:
            with self._index.reading() as cursor:
                state = read_state(cursor)
        except TablesGoneError:
            self._reviews = _NOTHING_SEEN
            with self._index.writing() as cursor:
                create_tables(cursor)
                state = read_state(cursor)
        self._progress = GroupingProgress(state.placed, state.flags)
        return state

    @contextlib.contextmanager
    def _writing(self) -> Iterator[DuckDBPyConnection]:
        with self._index.writing() as cursor:
            read_state(cursor)  # raises when what is to be written was found in other flags
            yield cursor

    def _measure_spreads(self) -> None:
        """Bring the spreads of each model up to date; its flags are placed anew when there are any."""
        with self._index.reading() as cursor:
            outdated = find_outdated(cursor)
        for model, basis in outdated.items():
            spreads = self._measure(model, basis)
            with self._writing() as cursor:
                save_spreads(cursor, model, basis, spreads)

    def _measure(self, model: str, basis: int) -> dict[str, float]:
        components = self._components().get(model)
        if components is not None and not _WITH_NUMBERS & set(components.values()):
            return {}
        with self._index.reading() as cursor:
            first = read_first(cursor, model, basis)
        found = self._ask("measure", [first], components=dict(components or {}))
        return dict(zip(*(column.to_pylist() for column in found.columns), strict=True))

    def _place_some(self) -> list[int]:
        """Find the group of the flags that waited longest; returns their positions."""
        with self._index.reading() as cursor:
            waiting, spreads = read_waiting(cursor), read_spreads(cursor)
        described = self._ask("describe", [waiting], components=self._components(), spreads=spreads)
        with self._index.reading() as cursor:
            likely = find_likely(cursor, described)
        placed = self._ask("place", likely)
        with self._writing() as cursor:
            save_placed(cursor, described, placed)
        return list(waiting.column("position").to_pylist())

    def _write_groups(self, positions: Sequence[int]) -> None:
        """Write group and size of the flags in all groups that these flags or reviews changed."""
        with self._index.reading() as cursor:
            state = read_state(cursor)
            is_first = self._reviews == _NOTHING_SEEN
            touched = list_groups(cursor) if is_first else find_touched(cursor, positions, self._reviews)
            changes = find_changes(cursor, touched)
        for first in range(0, changes.num_rows, _CHANGES_AT_ONCE):
            with self._writing() as cursor:
                apply_changes(cursor, changes.slice(first, _CHANGES_AT_ONCE))
        self._changing += map(str, changes.column("flag_id").to_pylist())
        self._reviews = state.reviews
        self._progress = GroupingProgress(state.placed, state.flags)
