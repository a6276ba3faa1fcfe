"""The session's cookie: it comes with the page, once, and nobody can guess or read it."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from reviewer.ui.session_cookie import COOKIE, SessionCookie, read_session

PAGE = {"Accept": "text/html,application/xhtml+xml"}


def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(read_session(request.cookies) or "none")


def make_client(address: str = "http://127.0.0.1") -> TestClient:
    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    app.add_middleware(SessionCookie)
    return TestClient(app, base_url=address)


def test_a_page_brings_a_session_that_the_next_request_has() -> None:
    client = make_client()
    given = client.get("/", headers=PAGE).headers["set-cookie"]
    assert re.fullmatch(rf"{COOKIE}=[0-9a-f]{{32}}; Path=/; HttpOnly; SameSite=Strict", given)
    assert client.get("/").text == client.cookies[COOKIE]


def test_a_browser_keeps_the_session_it_has() -> None:
    client = make_client()
    client.get("/", headers=PAGE)
    again = client.get("/", headers=PAGE)
    assert "set-cookie" not in again.headers
    assert again.text == client.cookies[COOKIE]


def test_two_browsers_have_different_sessions() -> None:
    first, second = make_client(), make_client()
    for each in (first, second):
        each.get("/", headers=PAGE)
    assert first.cookies[COOKIE] != second.cookies[COOKIE]


def test_over_https_the_cookie_stays_there() -> None:
    given = make_client("https://127.0.0.1").get("/", headers=PAGE).headers["set-cookie"]
    assert given.endswith("; Secure")


def test_only_pages_bring_a_cookie() -> None:
    client = make_client()
    assert "set-cookie" not in client.get("/", headers={"Accept": "application/json"}).headers
    assert "set-cookie" not in client.post("/", headers=PAGE).headers


@pytest.mark.parametrize("cookie", ["", "x", "A" * 32, "0" * 31, "0" * 33, "../../etc/passwd"])
def test_a_cookie_of_another_form_is_none(cookie: str) -> None:
    assert read_session({COOKIE: cookie}) is None
