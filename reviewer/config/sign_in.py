"""The table `[sign_in]` of `reviewer.toml`: whether people sign in, and what vouches for them."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from reviewer.access import is_loopback
from reviewer.config.fields import Spec

_HeaderName = Annotated[str, Field(pattern=r"^([A-Za-z][A-Za-z0-9-]{0,63})?$")]


class OidcSpec(Spec):
    """The table `[sign_in.oidc]`: a provider of OpenID Connect at which people sign in."""

    issuer: str = Field(pattern=r"^https?://[^\s?#]+$")
    """Address of the provider, as it stands in its tokens."""
    client_id: str = Field(min_length=1)
    """Name under which the provider knows this app."""
    secret_env: str = "REVIEWER_OIDC_SECRET"  # noqa: S105  the name of a variable
    """Environment variable with the secret that the provider gave the app; unset for a public client."""
    title: str = "OpenID Connect"
    """What the button on the sign-in page says."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """What the provider is asked for."""
    name_claim: str = "preferred_username"
    """Claim with the person's name."""
    role_claim: str = ""
    """Claim with the person's groups or roles, such as `groups`."""
    roles: dict[str, Literal["tester", "reviewer", "admin"]] = Field({})
    """Value of that claim → role; the highest one that fits counts, at every sign-in."""

    @field_validator("issuer")
    @classmethod
    def _check_issuer(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("an address with https:// is needed, unless the provider is on this computer")
        return issuer


class SignInSpec(Spec):
    """Who may use the app."""

    on: bool = False
    """Whether everybody has to sign in; `--sign-in` turns it on too."""
    idle_hours: float = Field(24.0, gt=0, le=2160)
    """Hours without a request after which a session ends."""
    longest_days: float = Field(14.0, gt=0, le=365)
    """Days after which a session ends however often it is used."""
    default_role: Literal["none", "tester", "reviewer"] = "none"
    """Role of somebody whom the proxy or the provider names and nobody has added; `none`: no entry."""
    proxy_header: _HeaderName = ""
    """Header in which a proxy names the person, such as `X-Forwarded-User`."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Addresses from which that header is believed; from any other it is refused."""
    oidc: OidcSpec | None = None
    """The table `[sign_in.oidc]`."""

    @model_validator(mode="after")
    def _check_proxy(self) -> SignInSpec:
        if self.proxy_header and not self.trusted_proxies:
            raise ValueError(
                'proxy_header needs trusted_proxies, for example trusted_proxies = ["127.0.0.1"]; anybody'
                " could send the header otherwise"
            )
        return self
