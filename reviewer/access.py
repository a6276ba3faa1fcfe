"""Who is asking, and what that person may do.

The rule: every route and every handler names the role it needs, on the server. Without sign-in the app
listens on this computer only, and whoever reaches it is its owner.
"""

from __future__ import annotations

import getpass
import ipaddress
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import NamedTuple

from reviewer.errors import InputError


class Role(IntEnum):
    """What a person may do; a higher role may do all that a lower one may."""

    TESTER = 1
    """Runs models and flags."""
    REVIEWER = 2
    """Reads all flags, decides, exports, retrains."""
    ADMIN = 3
    """Decides which version is served."""


SCOPES = {"test": Role.TESTER, "review": Role.REVIEWER, "admin": Role.ADMIN}
"""Scope of a token → the role whose work it allows."""


class Whereabouts(NamedTuple):
    """Who asks, and from where."""

    person: str
    address: str = ""
    agent: str = ""


ASKED: ContextVar[Callable[[], Whereabouts] | None] = ContextVar("asked", default=None)
"""How whoever this is done for is found; None on the command line and in work of the program's own."""

_MOST_AGENT = 120


def find_whereabouts(person: str = "") -> Whereabouts:
    """Return who asks and from where; `person` counts when the caller knows a name."""
    asked = ASKED.get()
    found = asked() if asked else Whereabouts(find_owner().name)
    return found._replace(person=person or found.person, agent=found.agent[:_MOST_AGENT])


_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who uses the app."""

    name: str
    role: Role
    """What the person may do in this request: with a token no more than its scope allows."""
    scope: str = ""
    """The scope of the token that stands for the person, "" when it is the person's own session."""


class ForbiddenError(InputError):
    """The person's role does not allow this."""


class SignInNeededError(ForbiddenError):
    """Nobody is known who asks: there is no session or token, or it has ended."""


@cache
def find_owner() -> Person:
    """Return the person whose computer the app runs on."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = "local"
    return Person(name, Role.ADMIN)


def check_role(person: Person, role: Role) -> None:
    """Raise `ForbiddenError` when the person's role is below the one needed."""
    if person.role >= role:
        return
    if person.scope and SCOPES[person.scope] < role:
        raise ForbiddenError(
            f"This needs the role {role.name.lower()}; the token of {person.name} has the scope"
            f" {person.scope}."
        )
    raise ForbiddenError(
        f"This needs the role {role.name.lower()}; {person.name} is {person.role.name.lower()}."
    )


def log_refusal(who: str, what: str, why: object) -> None:
    """Note that somebody was not let do something; what others typed cannot begin a line of its own."""
    _LOG.warning("refused %r %r: %r", who[:200], what[:200], str(why)[:500])


def is_loopback(host: str) -> bool:
    """Return whether only this computer can reach the address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
