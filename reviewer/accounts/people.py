"""People: their names, roles and passwords.

The rule: two names that look the same to a reader who does not mind case are one person, and somebody is
always left who may add people.
"""

from __future__ import annotations

import re
import sqlite3
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from reviewer.access import Person, Role
from reviewer.accounts.database import Database
from reviewer.accounts.passwords import check_strength, hash_password, is_outdated, is_right
from reviewer.audit import Action, AuditLog
from reviewer.errors import InputError, UnknownNameError

_NAME = re.compile(r"[\w][\w.@+-]{0,63}")

ROLES = {role.name.lower(): role for role in Role}
"""Name → role."""


@dataclass(frozen=True, slots=True)
class Account:
    """One person who may use the app."""

    name: str
    role: Role
    has_password: bool
    added_at: float
    """Seconds since 1970."""


class People:
    """The people of one workspace."""

    def __init__(self, database: Database, audit: AuditLog, clock: Callable[[], float] = time.time) -> None:
        self._database, self._audit, self._clock = database, audit, clock

    def add(self, name: str, role: Role, *, subject: str | None = None) -> Person:
        """Let somebody in from now on; raises `InputError` for a name that does not do or is taken."""
        name = check_name(name)
        row = (key_of(name), name, role.name.lower(), subject, self._clock())
        with self._database.changing() as connection:
            if taken := _find_row(connection, name):
                raise InputError(
                    f"There is {taken['name']!r} already; choose another name, or change the role."
                )
            connection.execute(
                "insert into people (key, name, role, subject, added_at) values (?, ?, ?, ?, ?)", row
            )
        self._audit.record(Action.ADD_USER, name, details=role.name.lower())
        return Person(name, role)

    def find(self, name: str) -> Person | None:
        """Return the person of that name."""
        with self._database.reading() as connection:
            row = _find_row(connection, name)
        return _read_person(row) if row else None

    def find_subject(self, subject: str) -> Person | None:
        """Return the person whom an identity provider knows as `subject`."""
        with self._database.reading() as connection:
            row = connection.execute("select * from people where subject = ?", (subject,)).fetchone()
        return _read_person(row) if row else None

    def bind(self, name: str, subject: str) -> bool:
        """Let a provider's subject be this person; False when the name is another's or has a password."""
        with self._database.changing() as connection:
            is_bound = connection.execute(
                "update people set subject = ? where key = ? and subject is null and password is null",
                (subject, key_of(name)),
            ).rowcount
        if is_bound:
            self._audit.record(Action.BIND_USER, name, details=subject)
        return bool(is_bound)

    def list_all(self) -> list[Account]:
        """Return everybody, by name."""
        with self._database.reading() as connection:
            rows = connection.execute("select * from people order by key").fetchall()
        return [
            Account(each["name"], ROLES[each["role"]], each["password"] is not None, each["added_at"])
            for each in rows
        ]

    def set_role(self, name: str, role: Role) -> Person:
        """Change what somebody may do, at once; raises `InputError` when no admin would be left."""
        with self._database.changing() as connection:
            row = self._find(connection, name)
            if role < Role.ADMIN:
                _check_left(connection, row)
            connection.execute("update people set role = ? where key = ?", (role.name.lower(), row["key"]))
        self._audit.record(Action.CHANGE_ROLE, row["name"], details=f"{row['role']} → {role.name.lower()}")
        return Person(row["name"], role)

    def remove(self, name: str) -> str:
        """Let somebody in no more: sessions, tokens and links end at once; returns the name."""
        with self._database.changing() as connection:
            row = self._find(connection, name)
            _check_left(connection, row)
            connection.execute("delete from people where key = ?", (row["key"],))
        self._audit.record(Action.REMOVE_USER, row["name"])
        return str(row["name"])

    def check_password(self, name: str, password: str) -> Person | None:
        """Return the person whose name and password these are; takes about 0.1 s either way."""
        with self._database.reading() as connection:
            row = _find_row(connection, name)
        stored: str | None = row["password"] if row else None
        if not is_right(password, stored) or row is None:
            return None
        if stored and is_outdated(stored):
            hashed = hash_password(password)
            with self._database.changing() as connection:
                connection.execute("update people set password = ? where key = ?", (hashed, row["key"]))
        return _read_person(row)

    def set_password(self, name: str, password: str) -> None:
        """Change a password; every session of the person ends. Raises `InputError` when it would not do."""
        check_strength(password, name)
        hashed = hash_password(password)
        with self._database.changing() as connection:
            row = self._find(connection, name)
            connection.execute("update people set password = ? where key = ?", (hashed, row["key"]))
            connection.execute("delete from sessions where key = ?", (row["key"],))
            connection.execute("delete from links where key = ?", (row["key"],))
        self._audit.record(Action.SET_PASSWORD, row["name"], person=row["name"])

    def forget_password(self, name: str) -> None:
        """Let the password and every session of somebody end; only a link leads in again."""
        with self._database.changing() as connection:
            row = self._find(connection, name)
            connection.execute("update people set password = null where key = ?", (row["key"],))
            connection.execute("delete from sessions where key = ?", (row["key"],))
        self._audit.record(Action.RESET_PASSWORD, row["name"])

    def has_admin(self) -> bool:
        """Return whether an admin has a way to sign in."""
        with self._database.reading() as connection:
            found = connection.execute(
                "select 1 from people where role = 'admin' and (password is not null or subject is not null)"
            )
            return found.fetchone() is not None

    def _find(self, connection: sqlite3.Connection, name: str) -> sqlite3.Row:
        row = _find_row(connection, name)
        if row is None:
            known = connection.execute("select name from people order by key").fetchall()
            raise UnknownNameError("person", name, [each["name"] for each in known])
        return row


def key_of(name: str) -> str:
    """Return what is the same for all ways to write a name."""
    return unicodedata.normalize("NFKC", name).casefold()


def check_name(name: str) -> str:
    """Return the name as it is kept; raises `InputError` when it cannot be one."""
    kept = unicodedata.normalize("NFKC", name)
    if not _NAME.fullmatch(kept):
        raise InputError(
            f"The name is {name[:80]!r}; use up to 64 letters, digits and . _ - + @, without spaces.", "name"
        )
    return kept


def _find_row(connection: sqlite3.Connection, name: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(
        "select * from people where key = ?", (key_of(name[:200]),)
    ).fetchone()
    return found


def _read_person(row: sqlite3.Row) -> Person:
    return Person(row["name"], ROLES[row["role"]])


def _check_left(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    left = connection.execute("select count(*) from people where role = 'admin' and key <> ?", (row["key"],))
    if row["role"] == "admin" and not left.fetchone()[0]:
        raise InputError(f"{row['name']} is the only admin; make somebody else one first.")
