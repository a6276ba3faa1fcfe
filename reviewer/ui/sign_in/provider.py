"""Signing in at a provider of OpenID Connect."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from reviewer.access import Person
from reviewer.sign_in import Provider, SignIn


def add_provider_pages(
    server: FastAPI, sign_in: SignIn, begin: Callable[[Request, Person, str], Response]
) -> None:
    """Add the way to the provider and the way back."""


def draw_provider(request: Request, provider: Provider, target: str) -> str:
    """Return the button that leads to the provider."""
    return quote("")
