"""Tokens, by which a person's programs use the API.

The rule: a token may do what its scope says and never more than its person may at that moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from reviewer.access import SCOPES, ForbiddenError, Person, Role
from reviewer.accounts.database import Database
from reviewer.accounts.people import ROLES, key_of
from reviewer.accounts.secret import hash_secret, make_secret
from reviewer.audit import Action, AuditLog
from reviewer.errors import InputError, UnknownNameError
from reviewer.records import new_id

PREFIX = "frt_"
"""What every token begins with, so that a scanner finds one in a file."""

MOST_TOKENS, MOST_TITLE, MOST_DAYS = 50, 100, 3650
"""Tokens of one person, characters of a title, and days that a token may last."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; the token itself was shown once."""

    token_id: str
    name: str
    """Whose it is."""
    title: str
    scope: str
    made_at: float
    """Seconds since 1970, as `ends_at`."""
    ends_at: float | None


class Tokens:
    """The tokens of one workspace."""

    def __init__(self, database: Database, audit: AuditLog, clock: Callable[[], float] = time.time) -> None:
        self._database, self._audit, self._clock = database, audit, clock

    def make(self, person: Person, title: str, scope: str, days: float | None = None) -> tuple[str, Token]:
        """Return a new token, which is shown only now, and what is kept of it.

        Raises `ForbiddenError` for more than the person may, `InputError` for words that do not do.
        """
        check_scope(person, scope)
        title = _check_title(title)
        if days is not None and not 0 < days <= MOST_DAYS:
            raise InputError(
                f"The token would last {days:g} days; use 1 to {MOST_DAYS:,}, or leave it out.", "days"
            )
        now = self._clock()
        made = Token(new_id(), person.name, title, scope, now, None if days is None else now + days * 86400)
        secret = PREFIX + make_secret()
        with self._database.changing() as connection:
            count = "select count(*) from tokens where key = ?"
            if connection.execute(count, (key_of(person.name),)).fetchone()[0] >= MOST_TOKENS:
                raise InputError(f"There are {MOST_TOKENS} tokens of {person.name}; revoke one first.")
            connection.execute(
                "insert into tokens values (?, ?, ?, ?, ?, ?, ?)",
                (made.token_id, hash_secret(secret), key_of(person.name), title, scope, now, made.ends_at),
            )
        self._audit.record(Action.MAKE_TOKEN, person.name, details=f"{made.token_id} {scope} {title}")
        return secret, made

    def find(self, secret: str) -> Person | None:
        """Return the person for whom the token acts, with what both may; None for an unknown or ended one."""
        with self._database.reading() as connection:
            row = connection.execute(
                "select name, role, scope from tokens join people using (key)"
                " where hash = ? and (ends_at is null or ends_at > ?)",
                (hash_secret(secret), self._clock()),
            ).fetchone()
        if row is None:
            return None
        return Person(row["name"], min(ROLES[row["role"]], SCOPES[row["scope"]]), row["scope"])

    def list_of(self, name: str | None = None) -> list[Token]:
        """Return somebody's tokens, or everybody's, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "select token_id, name, title, scope, made_at, ends_at from tokens join people using (key)"
                " where ? is null or key = ? order by made_at, token_id",
                (name, key_of(name or "")),
            ).fetchall()
        return [Token(**each) for each in rows]

    def revoke(self, token_id: str, name: str | None = None) -> None:
        """End a token, of this person when one is named; raises `UnknownNameError`."""
        with self._database.changing() as connection:
            found = connection.execute(
                "select name from tokens join people using (key)"
                " where token_id = ? and (? is null or key = ?)",
                (token_id, name, key_of(name or "")),
            ).fetchone()
            if found is None:
                raise UnknownNameError("token", token_id[:100])
            connection.execute("delete from tokens where token_id = ?", (token_id,))
        self._audit.record(Action.REVOKE_TOKEN, found["name"], details=token_id)


def check_no_token(person: Person) -> None:
    """Raise when a token asks: one that was found must not make others, nor lock its person out."""
    if person.scope:
        raise ForbiddenError("A token cannot change an account; sign in with the browser.")


def check_scope(person: Person, scope: str) -> None:
    """Raise when there is no such scope or the person may not do that much."""
    if read_scope(scope) > person.role:
        raise ForbiddenError(
            f"A token with the scope {scope} could do more than {person.name}, who is"
            f" {person.role.name.lower()}."
        )


def read_scope(scope: str) -> Role:
    """Return the role that a scope allows; raises `UnknownNameError`."""
    if scope not in SCOPES:
        raise UnknownNameError("scope", scope[:80], SCOPES)
    return SCOPES[scope]


def _check_title(title: str) -> str:
    title = " ".join(title.split())
    if not 0 < len(title) <= MOST_TITLE:
        raise InputError(
            f"The token's title has {len(title)} characters; 1 to {MOST_TITLE} are needed.", "title"
        )
    return title
