"""Everything about accounts of one workspace, in one place."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from reviewer.access import ForbiddenError, Person
from reviewer.accounts.database import Database
from reviewer.accounts.links import Links
from reviewer.accounts.passwords import check_strength
from reviewer.accounts.people import People
from reviewer.accounts.sessions import Sessions
from reviewer.accounts.throttle import Throttle
from reviewer.accounts.tokens import Token, Tokens, check_no_token
from reviewer.audit import Action, AuditLog


class Accounts:
    """The people of a workspace with their sessions, links and tokens; close it, or use it in a `with`.

    What changes who may do what is on record in the workspace's audit log.
    """

    def __init__(
        self,
        folder: Path,
        *,
        idle_hours: float = 24.0,
        longest_days: float = 14.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = Database(folder)
        self._audit = AuditLog.of_workspace(folder)
        self.people = People(self._database, self._audit, clock)
        self.sessions = Sessions(
            self._database, self._audit, idle=idle_hours * 3600, longest=longest_days * 86400, clock=clock
        )
        self.links = Links(self._database, self.people, clock)
        self.tokens = Tokens(self._database, self._audit, clock)
        self._throttle = Throttle()

    def check_password(self, name: str, password: str, address: str) -> Person:
        """Return the person who signs in with the right password.

        Raises `TooManyTriesError` before it looks at any, and `ForbiddenError` for a wrong one; neither tells
        whether there is such a person.
        """
        wait = self._throttle.begin(name, address)
        person = self.people.check_password(name, password)
        if person is None:
            if wait:
                self._record_lock_out(name, wait)
            raise ForbiddenError("The name or the password is wrong.")
        self._throttle.forgive(name, address)
        return person

    def _record_lock_out(self, name: str, wait: float) -> None:
        """Put on record that the next try has to wait; a name that is nobody's may be a mistyped password."""
        known = self.people.find(name)
        self._audit.record(
            Action.LOCK_OUT, known.name if known else "", details=f"{math.ceil(wait):,} seconds"
        )

    def change_password(self, person: Person, old: str, new: str, address: str) -> None:
        """Change the own password, which ends every session.

        Raises like `check_password`, and `InputError` when the new one would not do.
        """
        check_no_token(person)
        check_strength(new, person.name)
        self.check_password(person.name, old, address)
        self.people.set_password(person.name, new)

    def make_token(
        self, person: Person, title: str, scope: str, days: float | None = None
    ) -> tuple[str, Token]:
        """Return a new own token, which is shown only now, and what is kept of it."""
        check_no_token(person)
        return self.tokens.make(person, title, scope, days)

    def revoke_token(self, person: Person, token_id: str) -> None:
        """End an own token at once."""
        check_no_token(person)
        self.tokens.revoke(token_id, person.name)

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
