"""Who is asking, and what that person may do.

The rule: every route and every handler names the role it needs, on the server. Without sign-in the app
listens on this computer only, and whoever reaches it is its owner.
"""

from __future__ import annotations

import getpass
import ipaddress
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from reviewer.errors import InputError


class Role(IntEnum):
    """What a person may do; a higher role may do all that a lower one may."""

    TESTER = 1
    """Runs models and flags."""
    REVIEWER = 2
    """Reads all flags, decides, exports, retrains."""
    ADMIN = 3
    """Decides which version is served."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who uses the app."""

    name: str
    role: Role


class ForbiddenError(InputError):
    """The person's role does not allow this."""


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
    if person.role < role:
        raise ForbiddenError(
            f"This needs the role {role.name.lower()}; {person.name} is {person.role.name.lower()}."
        )


def is_loopback(host: str) -> bool:
    """Return whether only this computer can reach the address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
