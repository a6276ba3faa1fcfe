"""Sessions: what a browser's cookie stands for, until it is idle or old or signed out.

The rule: a session's id is new at every sign-in, and the role is that of the moment, not of the sign-in.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from reviewer.access import Person
from reviewer.accounts.database import Database
from reviewer.accounts.people import ROLES, key_of
from reviewer.accounts.secret import hash_secret, make_secret
from reviewer.audit import Action, AuditLog

SEEN_EVERY = 300.0
"""Seconds between two notes that a session is in use: each one is written to the disk."""

MOST_SESSIONS = 50
"""Sessions of one person; the one that was idle longest ends when there would be more."""


class Sessions:
    """The sessions of one workspace."""

    def __init__(
        self,
        database: Database,
        audit: AuditLog,
        *,
        idle: float,
        longest: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Sessions end after `idle` seconds without a request and `longest` seconds in all."""
        self._database, self._audit = database, audit
        self._idle, self._longest, self._clock = idle, longest, clock

    @property
    def longest(self) -> float:
        """Seconds after which a session ends however often it is used."""
        return self._longest

    def start(self, name: str) -> str:
        """Begin a session and return its id, which is not stored."""
        secret, now = make_secret(), self._clock()
        with self._database.changing() as connection:
            connection.execute(
                "delete from sessions where started_at < ? or seen_at < ?",
                (now - self._longest, now - self._idle),
            )
            connection.execute(
                "delete from sessions where key = ? and hash not in"
                " (select hash from sessions where key = ? order by seen_at desc limit ?)",
                (key_of(name), key_of(name), MOST_SESSIONS - 1),
            )
            connection.execute(
                "insert into sessions (hash, key, started_at, seen_at) values (?, ?, ?, ?)",
                (hash_secret(secret), key_of(name), now, now),
            )
        self._audit.record(Action.SIGN_IN, person=name)
        return secret

    def find(self, secret: str) -> Person | None:
        """Return whose session it is; None when it is unknown or has ended."""
        hashed, now = hash_secret(secret), self._clock()
        with self._database.reading() as connection:
            row = connection.execute(
                "select name, role, seen_at from sessions join people using (key)"
                " where hash = ? and started_at > ? and seen_at > ?",
                (hashed, now - self._longest, now - self._idle),
            ).fetchone()
        if row is None:
            return None
        if now - row["seen_at"] > min(SEEN_EVERY, self._idle / 4):
            self._note(hashed, now)
        return Person(row["name"], ROLES[row["role"]])

    def end(self, secret: str) -> None:
        """Sign out."""
        with self._database.changing() as connection:
            connection.execute("delete from sessions where hash = ?", (hash_secret(secret),))

    def end_all(self, name: str) -> int:
        """Sign somebody out everywhere; returns how many sessions ended."""
        with self._database.changing() as connection:
            ended = connection.execute("delete from sessions where key = ?", (key_of(name),)).rowcount
        self._audit.record(Action.SIGN_OUT_EVERYWHERE, name, details=f"{ended:,} sessions")
        return ended

    def _note(self, hashed: bytes, now: float) -> None:
        with self._database.changing() as connection:
            connection.execute("update sessions set seen_at = ? where hash = ?", (now, hashed))
