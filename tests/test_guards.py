from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from reviewer.guards import BodyLimit, Gate, PublicAddress, Reach


async def echo(request: Request) -> JSONResponse:
    """Return what the app sees of a request."""
    body = await request.body()
    return JSONResponse({"url": str(request.url), "root": request.scope["root_path"], "bytes": len(body)})


def ask(app: Any, path: str = "/x", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return TestClient(app, base_url="http://127.0.0.1").get(path, headers=named)


ECHO = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])


# Gate


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:7860", "localhost:1", "LOCALHOST", "[::1]:7860"])
def test_an_app_of_this_computer_answers_to_its_names(host: str) -> None:
    assert ask(Gate(ECHO, Reach.of_loopback()), host=host).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example@127.0.0.1.x", "[", "[::2]", "", " "]
)
def test_it_answers_to_no_other_name(host: str) -> None:
    answer = ask(Gate(ECHO, Reach.of_loopback()), host=host)
    assert (answer.status_code, "--root-path" in answer.json()["error"]) == (400, True)


def test_a_refusal_is_told_in_the_language_of_the_browser() -> None:
    answer = ask(Gate(ECHO, Reach.of_loopback()), host="evil.example", accept_language="ru")
    assert answer.json()["error"].startswith("Приложение не отвечает на имя 'evil.example'.")


@pytest.mark.parametrize("forwarded", ["evil.example", "evil.example, 127.0.0.1"])
def test_a_proxy_cannot_be_asked_for_another_name_either(forwarded: str) -> None:
    assert ask(Gate(ECHO, Reach.of_loopback()), x_forwarded_host=forwarded).status_code == 400


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://127.0.0.1:3000", "http://[", "file://", "x" * 5000]
)
@pytest.mark.parametrize("reach", [Reach.of_loopback(), Reach.of_anyone()])
def test_a_page_of_another_origin_gets_one_sentence(origin: str, reach: Reach) -> None:
    answer = ask(Gate(ECHO, reach), host="127.0.0.1:7860", origin=origin)
    assert answer.status_code == 403
    assert len(answer.json()["error"]) < 700


def test_a_page_of_the_app_itself_gets_through() -> None:
    for reach in (Reach.of_loopback(), Reach.of_anyone()):
        assert (
            ask(Gate(ECHO, reach), host="localhost:7860", origin="http://localhost:7860").status_code == 200
        )


def test_an_app_for_anyone_takes_the_name_that_its_proxy_was_asked_for() -> None:
    gate = Gate(ECHO, Reach.of_anyone())
    forwarded = {"host": "10.0.0.2:80", "x_forwarded_host": "flags.example"}
    assert ask(gate, **forwarded, origin="https://flags.example").status_code == 200
    assert ask(gate, **forwarded, origin="https://evil.example").status_code == 403


def test_an_address_that_is_added_counts_with_its_scheme() -> None:
    reach = Reach.of_loopback()
    gate = Gate(ECHO, reach)
    assert ask(gate, host="abc.share.example").status_code == 400
    reach.add("https://abc.share.example")
    assert ask(gate, host="abc.share.example", origin="https://abc.share.example").status_code == 200
    assert ask(gate, host="abc.share.example", origin="http://abc.share.example").status_code == 403


# The address that people see


@pytest.mark.parametrize("path", ["/api/x", "/team/api/x"])
def test_a_path_counts_from_the_root_whether_or_not_a_proxy_cut_it_off(path: str) -> None:
    seen = ask(PublicAddress(ECHO, "/team"), path).json()
    assert (seen["url"], seen["root"]) == ("http://127.0.0.1/team/api/x", "/team")


def test_a_path_that_only_begins_like_the_root_is_below_it() -> None:
    assert ask(PublicAddress(ECHO, "/team"), "/teams").json()["url"] == "http://127.0.0.1/team/teams"


def test_the_host_that_a_proxy_was_asked_for_becomes_the_requests_own() -> None:
    seen = ask(PublicAddress(ECHO), x_forwarded_host="flags.example, 10.0.0.2").json()
    assert seen["url"] == "http://flags.example/x"


def test_a_whole_address_counts_whatever_the_proxy_says() -> None:
    app = PublicAddress(ECHO, "https://flags.example:8443/team/")
    assert ask(app, host="10.0.0.2").json()["url"] == "https://flags.example:8443/team/x"


# Bodies


def post(app: Any, content: Any) -> Any:
    return TestClient(app).post("/x", content=content)


def test_a_body_of_the_size_of_an_allowed_file_is_read() -> None:
    answer = post(BodyLimit(ECHO, 3_000_000), b"x" * 4_000_000)
    assert (answer.status_code, answer.json()["bytes"]) == (200, 4_000_000)


def test_a_larger_body_is_refused_before_it_is_read() -> None:
    answer = post(BodyLimit(ECHO, 3_000_000), b"x" * 6_000_000)
    assert (answer.status_code, "3,000,000 bytes" in answer.json()["error"]) == (413, True)


def test_a_body_that_does_not_say_its_size_is_cut_off() -> None:
    answer = post(BodyLimit(ECHO, 3_000_000), (b"x" * 1_000_000 for _ in range(6)))
    assert (answer.status_code, "3,000,000 bytes" in answer.text) == (413, True)
