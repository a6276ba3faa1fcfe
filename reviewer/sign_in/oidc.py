"""Signing in at a provider of OpenID Connect: the way there, and what comes back.

The rule: what a browser brings back counts only together with the state that the same browser was given, and
what the provider says only with its signature, for this app and this one sign-in.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewer.access import ForbiddenError, Role
from reviewer.accounts.people import ROLES
from reviewer.accounts.secret import make_secret
from reviewer.config import OidcSpec

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client
    from joserfc.jwk import KeySet

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that are believed: those that only the provider can make."""

SECONDS_AWAY = 600.0
"""How long somebody may stay at the provider."""

_MOST_AWAY = 10_000
_TIMEOUT = 10.0
_SOON = 60
"""Seconds by which the clocks may differ."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a provider says of a person."""

    subject: str
    """Who it is, for ever: the provider's address and its own name of the person."""
    name: str
    role: Role | None
    """The role that the person's groups stand for; None when the config asks for no groups."""
    target: str
    """The page that was asked for before."""


class _Away(NamedTuple):
    """Somebody who is at the provider."""

    nonce: str
    verifier: str
    target: str
    ends_at: float


class Provider:
    """A provider and the people who are just there."""

    def __init__(self, spec: OidcSpec, secret: str | None) -> None:
        self.spec = spec
        self._secret = secret
        self._lock = threading.Lock()
        self._away: OrderedDict[str, _Away] = OrderedDict()
        self._found: dict[str, Any] | None = None

    @classmethod
    def of(cls, spec: OidcSpec) -> Provider:
        """Return the provider with the secret from the environment."""
        return cls(spec, os.environ.get(spec.secret_env) or None)

    def begin(self, back: str, target: str) -> tuple[str, str]:
        """Return the address at the provider and the state that the browser must bring back.

        `back` is the address to which the provider sends the browser. Raises `ForbiddenError` when the
        provider cannot be asked.
        """
        state = make_secret()
        away = _Away(make_secret(), make_secret(), target, time.monotonic() + SECONDS_AWAY)
        where = self._discover()["authorization_endpoint"]
        with self._client(back) as client:
            url, _ = client.create_authorization_url(
                where, state=state, code_verifier=away.verifier, nonce=away.nonce
            )
        with self._lock:
            self._away[state] = away
            while len(self._away) > _MOST_AWAY:
                self._away.popitem(last=False)
        return str(url), state

    def finish(self, back: str, state: str, code: str) -> Claim:
        """Return what the provider says of the person who came back; a state works once.

        Raises `ForbiddenError` when anything does not fit.
        """
        with self._lock:
            away = self._away.pop(state, None)
        if away is None or away.ends_at < time.monotonic():
            raise ForbiddenError("This sign-in has ended or was used; begin it again.")
        token = self._fetch_token(back, code, away.verifier)
        claims = self._check(str(token.get("id_token", "")), away.nonce)
        claims = {**self._fetch_more(claims, str(token.get("access_token", ""))), **claims}
        return self._read(claims, away.target)

    def _client(self, back: str) -> OAuth2Client:
        from authlib.integrations.httpx_client import OAuth2Client

        return OAuth2Client(
            self.spec.client_id, self._secret, scope=" ".join(self.spec.scopes), redirect_uri=back,
            code_challenge_method="S256", timeout=_TIMEOUT,
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
        )  # fmt: skip

    def _discover(self) -> dict[str, Any]:
        """Return the provider's description of itself, read once."""
        if self._found is None:
            found = self._get(f"{self.spec.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.spec.issuer:
                raise _tell_failed(f"it calls itself {str(found.get('issuer'))[:200]!r}")
            self._found = found
        return self._found

    def _get(self, url: str, access_token: str = "") -> dict[str, Any]:
        import httpx

        headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        try:
            answer = httpx.get(url, headers=headers, timeout=_TIMEOUT).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise _tell_failed(type(error).__name__) from error
        return dict(answer) if isinstance(answer, dict) else {}

    def _fetch_token(self, back: str, code: str, verifier: str) -> dict[str, Any]:
        import httpx
        from authlib.common.errors import AuthlibBaseError

        try:
            with self._client(back) as client:
                where = self._discover()["token_endpoint"]
                return dict(client.fetch_token(where, code=code, code_verifier=verifier))
        except (AuthlibBaseError, httpx.HTTPError, ValueError) as error:
            raise _tell_failed(type(error).__name__) from error

    def _fetch_keys(self) -> KeySet:
        from joserfc.jwk import KeySet

        return KeySet.import_key_set(self._get(self._discover()["jwks_uri"]))  # type: ignore[arg-type]

    def _check(self, id_token: str, nonce: str) -> dict[str, Any]:
        """Return the claims of a token that the provider signed for this app and this sign-in."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            claims = dict(jwt.decode(id_token, self._fetch_keys(), algorithms=ALGORITHMS).claims)
            jwt.JWTClaimsRegistry(
                leeway=_SOON,
                iss={"essential": True, "value": self.spec.issuer},
                aud={"essential": True, "value": self.spec.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, KeyError) as error:
            raise _tell_failed(f"its token does not count: {error}") from error
        is_for_many = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if is_for_many and claims.get("azp") != self.spec.client_id:
            raise _tell_failed("its token is for another app")
        return claims

    def _fetch_more(self, claims: Mapping[str, Any], access_token: str) -> dict[str, Any]:
        """Return what the provider says only when it is asked, when something is missing."""
        wanted = [each for each in (self.spec.name_claim, self.spec.role_claim) if each]
        where = self._discover().get("userinfo_endpoint")
        if all(each in claims for each in wanted) or not where:
            return {}
        more = self._get(where, access_token)
        return more if more.get("sub") == claims["sub"] else {}

    def _read(self, claims: Mapping[str, Any], target: str) -> Claim:
        name = claims.get(self.spec.name_claim)
        if not isinstance(name, str) or not name:
            raise _tell_failed(f"it gives no {self.spec.name_claim}")
        return Claim(f"{self.spec.issuer} {claims['sub']}", name, self._read_role(claims), target)

    def _read_role(self, claims: Mapping[str, Any]) -> Role | None:
        if not self.spec.role_claim:
            return None
        given = claims.get(self.spec.role_claim, [])
        groups = given if isinstance(given, list) else [given]
        return max((ROLES[role] for group, role in self.spec.roles.items() if group in groups), default=None)


def _tell_failed(why: str) -> ForbiddenError:
    return ForbiddenError(f"The provider did not vouch for anybody ({why}); try again, or tell an admin.")
