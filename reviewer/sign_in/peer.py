"""Which address a request really comes from, and which one a proxy says it comes from.

The rule: a proxy is believed when the config trusts it, or it runs on this computer; who may name a person
is decided by the real address alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from starlette.types import ASGIApp, Receive, Scope, Send

PEER = "reviewer.peer"
"""Key of a request's scope with the address that really sent it, a proxy's when there is one."""


class Peer:
    """Notes the real address, then lets a proxy's headers tell client and scheme."""

    def __init__(self, app: ASGIApp, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        self._app = ProxyHeadersMiddleware(app, ["127.0.0.1", "::1", *map(str, trusted)])  # type: ignore[arg-type]  # the same protocol in other words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the address and hand the request on."""
        client = scope.get("client")
        if client:
            scope[PEER] = client[0]
        await self._app(scope, receive, send)  # type: ignore[arg-type]
