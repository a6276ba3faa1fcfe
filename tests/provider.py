"""A provider of OpenID Connect on this computer, for tests: real requests, real signatures, no people.

The rule: it keeps to the standard unless a test tells it what to do wrong.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from browser import find_free_port
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "flag-reviewer", "s3cret"


@dataclass
class Provider:
    """What the provider says, and what it was asked."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "17", "preferred_username": "zoe"})
    """Of the person who signs in."""
    wrong: dict[str, Any] = field(default_factory=dict)
    """Claims that stand in the token instead of the right ones; None leaves one out."""
    more: dict[str, Any] = field(default_factory=dict)
    """What is told only at the userinfo endpoint."""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signing_key: RSAKey | None = None
    """What tokens are signed with, when it is not the published key."""
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    """Code → what was asked of the authorization endpoint."""

    async def describe(self, request: Request) -> Response:
        """Return the discovery document."""
        ends = ("authorization", "token", "userinfo")
        urls = {f"{each}_endpoint": f"{self.issuer}/{each}" for each in ends}
        return JSONResponse({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **urls})

    async def authorize(self, request: Request) -> Response:
        """Send the person back at once."""
        asked = dict(request.query_params)
        code = f"code-{len(self.asked)}"
        self.asked[code] = asked
        return RedirectResponse(
            f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302
        )

    async def give_token(self, request: Request) -> Response:
        """Return a signed token to the app that was sent the code."""
        form = await request.form()
        asked = self.asked.pop(str(form["code"]), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        is_right = (
            asked is not None
            and request.headers.get("authorization") == f"Basic {basic}"
            and (asked["code_challenge_method"], asked["code_challenge"]) == ("S256", challenge)
            and asked["redirect_uri"] == form["redirect_uri"]
        )
        if asked is None or not is_right:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            **self.claims, **self.wrong,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.signing_key or self.key)
        return JSONResponse({"access_token": "access", "token_type": "Bearer", "id_token": token})

    async def give_keys(self, request: Request) -> Response:
        """Return the published key."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def tell_more(self, request: Request) -> Response:
        """Return what stands in no token."""
        if request.headers.get("authorization") != "Bearer access":
            return JSONResponse({}, 401)
        return JSONResponse({"sub": self.claims["sub"], **self.more})


@contextlib.contextmanager
def serve_provider() -> Iterator[Provider]:
    """Yield a provider that answers."""
    port = find_free_port()
    provider = Provider(f"http://127.0.0.1:{port}")
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.describe),
            Route("/authorization", provider.authorize),
            Route("/token", provider.give_token, methods=["POST"]),
            Route("/keys", provider.give_keys),
            Route("/userinfo", provider.tell_more),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join()
