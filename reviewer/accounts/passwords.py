"""Passwords: what is asked of one, and how they are hashed and checked.

The rule: checking takes the same time whether or not there is such a person, and so much memory that only a
few are checked at once.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

from reviewer.errors import InputError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 1000
"""Characters of a password."""

_AT_ONCE = threading.BoundedSemaphore(2)
"""Each check takes 64 MB."""


def check_strength(password: str, name: str) -> None:
    """Raise `InputError` for a password that would not do."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"The password has {len(password):,} characters; use {SHORTEST} to {LONGEST:,}.", "password"
        )
    if len(set(password)) < 4 or (name.casefold() in password.casefold() and len(password) < len(name) + 8):
        raise InputError(
            "The password is too easy to guess; use several words, or let a password manager choose.",
            "password",
        )


def hash_password(password: str) -> str:
    """Return what is stored of a password."""
    with _AT_ONCE:
        return _hasher().hash(_encode(password))


def is_right(password: str, stored: str | None) -> bool:
    """Return whether it is the password that was hashed; None takes as long and is never right."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _AT_ONCE:
        try:
            _hasher().verify(stored or _hash_of_nobody(), _encode(password[: LONGEST + 1]))
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Return whether today's hash would be harder to break."""
    return _hasher().check_needs_rehash(stored)


def _encode(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _hash_of_nobody() -> str:
    from reviewer.accounts.secret import make_secret

    return _hasher().hash(make_secret())
