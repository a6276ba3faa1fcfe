"""What is asked while a page's stream of answers ends is answered all the same."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import reviewer
from reviewer.ui.answer_stream import PATIENCE

pytestmark = [
    pytest.mark.server,
    # Gradio's own figures about its queue use an option that pandas is about to drop.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
]

WAIT = 30.0
"""Seconds on a busy machine; not a measurement."""


class AskingPage:
    """Speaks as the page does: asks, and reads its answers in a stream that the server ends."""

    def __init__(self, client: httpx2.Client, name: str) -> None:
        self._client = client
        self._name = name
        handlers = client.get("/config").json()["dependencies"]
        self._handler = next(each["id"] for each in handlers if each["api_name"] == "predict")

    def ask(self, text: str) -> str:
        """Return the id of the event under which the answer comes."""
        body = {
            "data": ["tickets", {"text": text}, None],
            "fn_index": self._handler,
            "session_hash": self._name,
        }
        answer = self._client.post("/gradio_api/queue/join", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["event_id"])

    @contextlib.contextmanager
    def stream(self) -> Iterator[Iterator[dict[str, Any]]]:
        """Yield the messages of a stream that is left at the end of the block."""
        asked = {"session_hash": self._name}
        with self._client.stream("GET", "/gradio_api/queue/data", params=asked) as answer:
            yield (json.loads(line[5:]) for line in answer.iter_lines() if line.startswith("data:"))


def read_until(messages: Iterator[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Return the next message of that kind."""
    return next(each for each in messages if each["msg"] == kind)


@pytest.fixture
def client(tiny_folder: Path) -> Iterator[httpx2.Client]:
    with (
        reviewer.launch(tiny_folder, prevent_thread_lock=True, quiet=True) as app,
        httpx2.Client(base_url=app.url, timeout=WAIT) as opened,
    ):
        yield opened


def test_who_asks_while_the_stream_ends_hears_of_it_when_the_page_has_left_it(client: httpx2.Client) -> None:
    page = AskingPage(client, "leaving")
    page.ask("money back")
    receipts: list[str] = []
    asking = threading.Thread(target=lambda: receipts.append(page.ask("password")))
    with page.stream() as answers:
        read_until(answers, "close_stream")
        # The page has not read the end yet, so it would take this stream for one that goes on.
        asking.start()
        asking.join(PATIENCE / 4)
        assert receipts == []
    asking.join(WAIT)
    with page.stream() as answers:
        answered = read_until(answers, "process_completed")
    assert [answered["event_id"]] == receipts
    assert answered["success"]


def test_a_page_that_never_leaves_a_stream_is_not_waited_for_for_ever(client: httpx2.Client) -> None:
    page = AskingPage(client, "staying")
    page.ask("money back")
    with page.stream() as answers:
        read_until(answers, "close_stream")
        started = time.monotonic()
        page.ask("password")
        assert time.monotonic() - started < WAIT / 2
        assert list(answers) == []


def test_one_page_does_not_wait_for_the_end_of_anothers_stream(client: httpx2.Client) -> None:
    first, second = AskingPage(client, "first"), AskingPage(client, "second")
    second.ask("a")
    first.ask("money back")
    with first.stream() as answers:
        read_until(answers, "close_stream")
        receipt = second.ask("password")
        with second.stream() as others:
            assert {read_until(others, "process_completed")["event_id"] for _ in range(2)} >= {receipt}


def test_what_is_no_question_is_refused_as_before(client: httpx2.Client) -> None:
    assert client.post("/gradio_api/queue/join", content=b"[").status_code == 422
    assert client.post("/gradio_api/queue/join", json={"data": []}).status_code == 400
