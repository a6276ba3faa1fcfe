"""One-time links, by which somebody chooses a password.

The rule: a link works once and for one person, and a newer one of that person ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from reviewer.access import ForbiddenError, Person
from reviewer.accounts.database import Database
from reviewer.accounts.passwords import check_strength
from reviewer.accounts.people import ROLES, People, key_of
from reviewer.accounts.secret import hash_secret, make_secret

FIRST_PASSWORD_HOURS = 72
"""How long a link works."""


class Links:
    """The links of one workspace that were not used yet."""

    def __init__(self, database: Database, people: People, clock: Callable[[], float] = time.time) -> None:
        self._database, self._people, self._clock = database, people, clock

    def make(self, name: str) -> str:
        """Return the secret of a new link for a person; earlier ones of theirs end."""
        secret = make_secret()
        with self._database.changing() as connection:
            connection.execute("delete from links where key = ?", (key_of(name),))
            connection.execute(
                "insert into links (hash, key, ends_at) values (?, ?, ?)",
                (hash_secret(secret), key_of(name), self._clock() + FIRST_PASSWORD_HOURS * 3600),
            )
        return secret

    def find(self, secret: str) -> Person:
        """Return whose link it is; raises `ForbiddenError` when it was used or has ended."""
        with self._database.reading() as connection:
            row = connection.execute(
                "select name, role from links join people using (key) where hash = ? and ends_at > ?",
                (hash_secret(secret), self._clock()),
            ).fetchone()
        if row is None:
            raise _tell_used()
        return Person(row["name"], ROLES[row["role"]])

    def use(self, secret: str, password: str) -> Person:
        """Set the password of the link's person, which uses the link up.

        Raises like `find`, and `InputError` for a password that would not do.
        """
        person = self.find(secret)
        check_strength(password, person.name)
        self._take(secret)
        self._people.set_password(person.name, password)
        return person

    def _take(self, secret: str) -> None:
        """Use the link up before the slow work, so that of two uses at once only one is right."""
        with self._database.changing() as connection:
            taken = connection.execute("delete from links where hash = ?", (hash_secret(secret),)).rowcount
        if not taken:
            raise _tell_used()


def _tell_used() -> ForbiddenError:
    return ForbiddenError(
        "This link was used or has ended; ask an admin for a new one: reviewer users reset NAME."
    )
