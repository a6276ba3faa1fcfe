"""A chain of hashes over the log of reviews, in a log of its own beside it.

What it proves: as long as somebody keeps a head of the chain where the log's writer cannot reach it, a row
that was sealed until then cannot be altered, removed or put in between without `verify` naming it. Without a
head kept elsewhere it shows mistakes and careless hands, not somebody who writes both files anew.

The rule: appending a review never waits for the chain; rows are sealed soon after, all at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from reviewer.errors import InputError, LogError
from reviewer.folders import hold_lock
from reviewer.log import Log, LogRewrittenError, Position, encode_rows
from reviewer.log.columns import columns_of, format_columns
from reviewer.records import ChainLink, Link, new_id

_HEAD = re.compile(r"(\d{1,15}):([0-9a-f]{64})")
_START = hashlib.sha256(b"reviews").hexdigest()


class Head(NamedTuple):
    """Where a chain ends; `LINKS:DIGEST` when it is written down."""

    links: int
    digest: str

    def __str__(self) -> str:
        return f"{self.links}:{self.digest}"


@dataclass
class Checked:
    """What a look at the whole chain and log came to."""

    head: Head
    sealed: int = 0
    """Rows of the log that the chain vouches for."""
    unsealed: int = 0
    """Rows behind them, which the next seal takes in."""
    erased: int = 0
    """Rows that an erasure on record altered or removed."""
    restarted: str | None = None
    """Why the chain was begun anew the last time; it does not vouch for what stood in the log before."""
    problem: str | None = None
    """The first thing that is not as it was sealed, in a sentence."""


class Logged(NamedTuple):
    """A row of the log of reviews."""

    event_id: str
    digest: str
    place: str
    """File and line."""


@dataclass
class _Links:
    """What the chain's own log says."""

    position: Position = field(default_factory=Position)
    count: int = 0
    digest: str = _START
    rows: list[tuple[str, str]] = field(default_factory=list)
    """(event id, digest) of each sealed row, in log order."""
    becomes: dict[tuple[str, str], str] = field(default_factory=dict)
    """(event id, digest) → the digest after an erasure, "" when the row is gone."""
    place: Position = field(default_factory=Position)
    """Up to where the log of reviews is sealed."""
    heads: dict[int, str] = field(default_factory=dict)
    """Number of links → digest, at each seal."""
    problem: str | None = None
    restarted: str | None = None
    keeps_all: bool = False
    """Whether rows, erasures and heads are kept, which only a look at all of them needs."""


class Chain:
    """The chain over one workspace's log of reviews."""

    def __init__(self, folder: Path, reviews: Log, chain: Log) -> None:
        self._lock = folder / ".index" / "chain.lock"
        self._reviews, self._chain = reviews, chain
        self._known = _Links()

    def seal(self) -> Head:
        """Take in the rows that were appended since; returns the head.

        Raises `LogError` when the log does not continue what was sealed: `verify` says where.
        """
        with self._locked():
            links = self._read(self._known)
            try:
                self._append_rows(links)
            except LogRewrittenError:
                self._append_rewritten(links)
            return Head(links.count, links.digest)

    def _append_rows(self, links: _Links) -> None:
        """Append the new rows and their seal in one write, so that no row is ever taken in twice."""
        while (tail := self._reviews.tail(links.place)).position != links.place:
            rows = [ChainLink(link_id=row, kind=Link.ROW, digest=each) for row, each in _digest(tail.rows)]
            self._append(links, rows, tail.position)

    def _append(self, links: _Links, made: Sequence[ChainLink], place: Position) -> None:
        digest = links.digest
        for each in made:
            digest = _fold(digest, each.link_id, each.kind, each.digest, each.becomes)
        where = f"{place.segment}:{place.inode}:{place.offset}:{place.mark}"
        seal = ChainLink(link_id=new_id(), kind=Link.SEAL, digest=digest, becomes=where)
        self._chain.append(encode_rows("chain", [*made, seal]))
        self._read(links)

    def record_erasures(self, becomes: Mapping[tuple[str, str], str]) -> None:
        """Put on record what rows become, before they do: (event id, digest) → digest, "" for none."""
        made = [
            ChainLink(link_id=event_id, kind=Link.ERASE, digest=digest, becomes=after)
            for (event_id, digest), after in becomes.items()
        ]
        with self._locked():
            links = self._read(self._known)
            if made:
                self._append(links, made, links.place)

    def find_erased(self) -> frozenset[tuple[str, str]]:
        """Return (event id, digest) of each row that is on record as one that goes."""
        with self._locked():
            links = self._read(_Links(keeps_all=True))
        return frozenset(row for row, after in links.becomes.items() if not after)

    def verify(self, head: str | None = None) -> Checked:
        """Compare the log with the chain, and the chain with a head that was kept elsewhere.

        Raises `InputError` for a text that is no head.
        """
        kept = _parse_head(head)
        with self._locked():
            links = self._read(_Links(keeps_all=True))
        checked = Checked(Head(links.count, links.digest), problem=links.problem, restarted=links.restarted)
        if kept and checked.problem is None:
            checked.problem = _compare_head(links, kept)
        if checked.problem is None:
            checked.problem = _walk(links, self._list_logged(), checked)
        return checked

    def restart(self, reason: str) -> str:
        """Vouch from now on for the log as it is now; returns what was not as it was sealed.

        The links until here stay, so that a head that was kept still fits. Raises `InputError` without a
        reason, or when nothing is wrong.
        """
        reason = " ".join(reason.split())
        if not reason:
            raise InputError("A new chain needs a reason; say who mended the log, and why.")
        problem = self.verify().problem
        if problem is None:
            raise InputError("Every review is as it was sealed, so there is nothing to begin anew.")
        with self._locked():
            rows, place = self._digest_all()
            restart = ChainLink(link_id=new_id(), kind=Link.RESTART, digest="", becomes=reason)
            self._append(self._read(self._known), [restart, *rows], place)
        return problem

    def _append_rewritten(self, links: _Links) -> None:
        """Take in what is new in a log that an erasure wrote anew."""
        known = self._read(_Links(keeps_all=True))
        checked = Checked(Head(known.count, known.digest))
        if (problem := _walk(known, self._list_logged(), checked)) is not None:
            raise LogError(f"The log of reviews is not as it was sealed: {problem}")
        rows, place = self._digest_all()
        self._append(links, rows[checked.sealed :], place)

    def _digest_all(self) -> tuple[list[ChainLink], Position]:
        """Return a link for each row of the log, and the place behind the last."""
        rows, position = [], Position()
        while (tail := self._reviews.tail(position)).position != position:
            rows += [ChainLink(link_id=row, kind=Link.ROW, digest=each) for row, each in _digest(tail.rows)]
            position = tail.position
        return rows, position

    def _list_logged(self) -> Iterator[Logged]:
        position, segment, line = Position(), 0, 1
        while (tail := self._reviews.tail(position)).position != position:
            position = tail.position
            segment, line = position.segment, (line if position.segment == segment else 1)
            for (event_id, digest), length in zip(_digest(tail.rows), _count_lines(tail.rows), strict=True):
                yield Logged(event_id, digest, f"reviews-{segment:04d}.csv, line {line + 1}")
                line += length

    def _read(self, links: _Links) -> _Links:
        """Return what the chain says by now, read from where it was read before."""
        while (tail := self._chain.tail(links.position)).position != links.position:
            columns = [tail.rows.column(name).to_pylist() for name in columns_of("chain")]
            for link in zip(*columns, strict=True):
                _take(links, *link)
            links.position = tail.position
        return links

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(self._lock):
            yield


def _take(links: _Links, link_id: str, kind: str, digest: str, becomes: str) -> None:
    """Add one link; a seal must be the digest of all before it."""
    if kind == Link.SEAL:
        if digest != links.digest and links.problem is None:
            links.problem = f"The chain itself was altered before its link {links.count + 1:,}."
        links.place = Position(*map(int, becomes.split(":")))
    elif kind == Link.RESTART:
        links.problem, links.place, links.restarted = None, Position(), becomes
        links.rows.clear()
        links.becomes.clear()
    links.count += 1
    links.digest = _fold(links.digest, link_id, kind, digest, becomes)
    if links.keeps_all:
        _keep(links, link_id, kind, digest, becomes)


def _keep(links: _Links, link_id: str, kind: str, digest: str, becomes: str) -> None:
    if kind == Link.SEAL:
        links.heads[links.count] = links.digest
    elif kind == Link.ROW:
        links.rows.append((link_id, digest))
    elif kind == Link.ERASE:
        links.becomes[link_id, digest] = becomes


def _fold(before: str, link_id: str, kind: str, digest: str, becomes: str) -> str:
    """Return the digest of a chain with one more link."""
    return hashlib.sha256("\x1f".join((before, link_id, kind, digest, becomes)).encode()).hexdigest()


def digest_row(line: str) -> str:
    """Return the digest of a row as the log writes it."""
    return hashlib.sha256(line.encode()).hexdigest()[:32]


def _digest(rows: Any) -> Iterator[tuple[str, str]]:
    """Yield (event id, digest) of each row of a tail."""
    cells = [column.to_pylist() for column in rows.columns]
    return zip(cells[0], map(digest_row, format_columns(cells)), strict=True)


def _count_lines(rows: Any) -> Iterator[int]:
    cells = [column.to_pylist() for column in rows.columns]
    return (line.count("\n") for line in format_columns(cells))


def _walk(links: _Links, logged: Iterator[Logged], checked: Checked) -> str | None:
    """Go through log and chain side by side; returns what is wrong first."""
    expected = iter(links.rows)
    wanted = next(expected, None)
    for row in logged:
        while wanted and not _is_same(links, wanted, row) and links.becomes.get(wanted) == "":
            checked.erased += 1
            wanted = next(expected, None)
        if wanted is None:
            checked.unsealed += 1
            continue
        if not _is_same(links, wanted, row):
            return _describe(wanted, row, {event_id for event_id, _ in expected})
        checked.sealed += 1
        checked.erased += row.digest != wanted[1]
        wanted = next(expected, None)
    while wanted and links.becomes.get(wanted) == "":
        checked.erased += 1
        wanted = next(expected, None)
    return wanted and f"The row {wanted[0]} was removed from the end of the log."


def _is_same(links: _Links, wanted: tuple[str, str], row: Logged) -> bool:
    """Whether a row is the one that was sealed, or what erasures on record made of it."""
    event_id, digest = wanted
    while row.digest != digest:
        digest = links.becomes.get((event_id, digest), "")
        if not digest:
            return False
    return row.event_id == event_id


def _describe(wanted: tuple[str, str], row: Logged, later: set[str]) -> str:
    if row.event_id == wanted[0]:
        return f"{row.place}: the row {row.event_id} was altered."
    if row.event_id in later:
        return f"{row.place}: the row {wanted[0]} was removed before it."
    return f"{row.place}: the row {row.event_id} was put in."


def _parse_head(head: str | None) -> Head | None:
    if head is None:
        return None
    found = _HEAD.fullmatch(head.strip())
    if not found:
        raise InputError(f"The head {head[:80]!r} is none: it is a number, a colon and 64 hex digits.")
    return Head(int(found[1]), found[2])


def _compare_head(links: _Links, kept: Head) -> str | None:
    found = links.heads.get(kept.links)
    if found == kept.digest:
        return None
    if found is None:
        return f"The chain has {links.count:,} links and no seal at {kept.links:,}: it was cut."
    return f"The chain was written anew: its link {kept.links:,} is not the one of the head that was kept."
