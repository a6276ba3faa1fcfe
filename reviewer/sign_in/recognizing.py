"""Whose a request is: by a token, by the header of a trusted proxy, or by the cookie of a session.

The rule: what a request says of itself counts only when a secret, or an address that the config trusts,
vouches for it; a wrong claim is refused and never ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

from reviewer.access import ForbiddenError, Person, Role, SignInNeededError, find_owner
from reviewer.accounts import Accounts
from reviewer.config import SignInSpec
from reviewer.errors import InputError
from reviewer.sign_in.cookie import read_cookie
from reviewer.sign_in.oidc import Claim, Provider
from reviewer.sign_in.peer import PEER

PERSON = "reviewer.person"
"""Key of a request's scope under which the wall leaves who is asking, None on an open page."""

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@contextmanager
def open_sign_in(folder: Path, spec: SignInSpec) -> Iterator[SignIn]:
    """Yield how people sign in to the workspace in this folder."""
    with Accounts(folder, idle_hours=spec.idle_hours, longest_days=spec.longest_days) as accounts:
        yield SignIn(accounts, spec, Provider.of(spec.oidc) if spec.oidc else None)


def find_person(scope: Scope) -> Person:
    """Return who is asking; without sign-in that is the owner of this computer."""
    if PERSON not in scope:
        return find_owner()
    person = scope[PERSON]
    if person is None:
        raise tell_unknown()
    return person  # type: ignore[no-any-return]  # only the wall writes it


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people sign in to one app."""

    accounts: Accounts
    spec: SignInSpec
    provider: Provider | None = None

    def recognize(self, scope: Scope) -> Person | None:
        """Return who is asking, None for nobody known.

        Raises `SignInNeededError` for a token that does not count and `ForbiddenError` for a forged header,
        or a change that a page of another site may have sent.
        """
        headers = Headers(scope=scope)
        kind, _, secret = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._find_token(secret.strip())
        named = headers.get(self.spec.proxy_header) if self.spec.proxy_header else None
        person = self._find_named(scope, named) if named is not None else self._find_session(scope)
        if person is not None:
            check_same_site(scope)
        return person

    def admit(self, name: str, *, role: Role | None = None, subject: str | None = None) -> Person:
        """Return the person whom a proxy or a provider names, added when the config lets strangers in."""
        known = self.accounts.people.find_subject(subject) if subject else self.accounts.people.find(name)
        if known is None and subject and self.accounts.people.bind(name, subject):
            known = self.accounts.people.find(name)
        if known is None:
            return self._add(name, role, subject)
        if role is not None and role != known.role:
            return self.accounts.people.set_role(known.name, role)
        return known

    def admit_claim(self, claim: Claim) -> Person:
        """Return the person for whom a provider vouches; raises `InputError` when there is no entry."""
        role = claim.role
        if role is None and self.spec.oidc and self.spec.oidc.role_claim:
            role = self._default_role
            if role is None:
                raise _tell_stranger(claim.name)
        return self.admit(claim.name, role=role, subject=claim.subject)

    @property
    def _default_role(self) -> Role | None:
        return None if self.spec.default_role == "none" else Role[self.spec.default_role.upper()]

    def _add(self, name: str, role: Role | None, subject: str | None) -> Person:
        role = role or self._default_role
        if role is None:
            raise _tell_stranger(name)
        return self.accounts.people.add(name, role, subject=subject)

    def _find_token(self, secret: str) -> Person:
        person = self.accounts.tokens.find(secret)
        if person is None:
            raise SignInNeededError("The token is unknown, revoked or has ended; make a new one.")
        return person

    def _find_named(self, scope: Scope, name: str) -> Person:
        if not is_within(find_peer(scope), self.spec.trusted_proxies):
            raise ForbiddenError(
                f"The header {self.spec.proxy_header} is not believed from {find_peer(scope)};"
                " only the addresses in trusted_proxies may name a person."
            )
        try:
            return self.admit(name)
        except ForbiddenError:
            raise
        except InputError as error:
            raise ForbiddenError(str(error)) from None

    def _find_session(self, scope: Scope) -> Person | None:
        secret = read_cookie(scope)
        return self.accounts.sessions.find(secret) if secret else None


def check_same_site(scope: Scope) -> None:
    """Raise `ForbiddenError` when a page of another site may have sent the request with the person's cookie.

    A browser says where each change comes from; foreign origins are refused before, so here it is enough
    that it says so at all.
    """
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if scope["method"] in _SAFE_METHODS:
        is_own = site in (None, "same-origin", "none") or headers.get("sec-fetch-mode") == "navigate"
    else:
        is_own = site == "same-origin" or (site is None and "origin" in headers)
    if not is_own:
        raise ForbiddenError(
            "This request does not come from a page of this app; a program sends a token and no cookie."
        )


def find_peer(scope: Scope) -> str:
    """Return the address that sent the request to this server, whatever the request says of itself."""
    client: Sequence[Any] = scope.get("client") or ("",)
    return str(scope.get(PEER) or client[0])


def is_within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Return whether the address is in one of the networks."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in each for each in networks)


def _tell_stranger(name: str) -> ForbiddenError:
    return ForbiddenError(
        f"{name[:80]} may not use this app yet; an admin lets people in: reviewer users add NAME."
    )


def tell_unknown() -> SignInNeededError:
    """Return the refusal of somebody who has not signed in."""
    return SignInNeededError(
        "Sign in first; a program sends a token in the header Authorization: Bearer TOKEN."
    )
