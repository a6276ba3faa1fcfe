"""Webhooks: told in order, signed, retried and on record, and one that hangs delays nobody."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from endpoint import Endpoint, Reply, Request, as_json, run_endpoint

from reviewer.cli import main
from reviewer.webhooks import Webhook, telling
from reviewer.workspace import Workspace

FAST = {"delays": (0.01, 0.01), "seconds": 0.01}


@pytest.fixture
def workspace(tiny_folder: Path) -> Iterator[Workspace]:
    with Workspace(tiny_folder, is_app=True) as opened:
        yield opened


def make_hook(workspace: Workspace, url: str, name: str = "chat", **given: Any) -> Webhook:
    fields = {"events": ["flag_made", "flag_resolved", "flag_fixed", "queue_above"], "timeout": 0.5, **given}
    return workspace.build_webhook({"name": name, "url": url, **fields}, **FAST)


def flag(workspace: Workspace, text: str = "refund please") -> str:
    made = workspace.predict("tickets", {"text": text})
    return workspace.flag(made.prediction_id, option="other", flagger="ana").flag_id


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is so; a test that waits in vain fails."""
    pause = threading.Event()
    for _ in range(1_000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen in ten seconds")


def list_events(endpoint: Endpoint) -> list[str]:
    return [event["event"] for each in endpoint.requests for event in each.payload["events"]]


def test_flags_decisions_and_a_long_queue_are_told_in_order(workspace: Workspace) -> None:
    with run_endpoint(lambda request: as_json({})) as endpoint:
        with telling([make_hook(workspace, endpoint.url, queue_above=0)]):
            flag_id = flag(workspace)
            wait_for(lambda: len(endpoint.requests) == 1)
            workspace.review(flag_id, corrected_label="login", reviewer="bo")
            wait_for(lambda: len(endpoint.requests) == 2)
        assert list_events(endpoint) == ["flag_made", "queue_above", "flag_resolved"]
        told = endpoint.requests[1].payload["events"][0]
        assert (told["flag_id"], told["corrected_label"], told["person"]) == (flag_id, "login", "bo")


def test_what_is_sent_is_signed_with_its_time(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_SECRET", "quiet")
    with run_endpoint(lambda request: as_json({})) as endpoint:
        with telling([make_hook(workspace, endpoint.url, **{"secret": "CHAT_SECRET"})]):
            flag(workspace)
            wait_for(lambda: endpoint.requests)
        headers = {name.lower(): value for name, value in endpoint.requests[0].headers.items()}
    body = json.dumps(endpoint.requests[0].payload, ensure_ascii=False).encode()
    said = hmac.new(b"quiet", headers["reviewer-timestamp"].encode() + b"." + body, hashlib.sha256)
    assert headers["reviewer-signature"] == f"sha256={said.hexdigest()}"


def test_a_failure_is_tried_again_with_the_same_id_and_every_attempt_is_on_record(
    workspace: Workspace,
) -> None:
    answers = iter([500, 503])

    def respond(request: Request) -> Reply:
        return as_json({}, next(answers, 200))

    with run_endpoint(respond) as endpoint:
        with telling([make_hook(workspace, endpoint.url)]):
            flag(workspace)
            wait_for(lambda: len(workspace.list_deliveries("chat")) == 3)
        assert len({each.payload["delivery_id"] for each in endpoint.requests}) == 1
    rows = workspace.list_deliveries("chat")
    assert [(row["attempt"], row["status"]) for row in rows] == [("1", "500"), ("2", "503"), ("3", "200")]


def test_one_that_hangs_delays_neither_requests_nor_others_nor_the_end(workspace: Workspace) -> None:
    release = threading.Event()

    def hang(request: Request) -> Reply:
        release.wait(30)
        return as_json({})

    with run_endpoint(hang) as hanging, run_endpoint(lambda request: as_json({})) as quick:
        hooks = [make_hook(workspace, hanging.url, "slow"), make_hook(workspace, quick.url, "quick")]
        with telling(hooks):
            flag(workspace)
            wait_for(lambda: quick.requests)
            wait_for(lambda: len(workspace.list_deliveries("slow")) == 3)
        release.set()
    assert {row["status"] for row in workspace.list_deliveries("slow")} == {"0"}
    assert "Timeout" in workspace.list_deliveries("slow")[0]["error"]
    assert not [each for each in threading.enumerate() if each.name.startswith("webhook-")]


def test_what_happened_while_the_app_was_off_is_told_after_the_next_start(workspace: Workspace) -> None:
    with run_endpoint(lambda request: as_json({})) as endpoint:
        with telling([make_hook(workspace, endpoint.url)]):
            flag(workspace)
            wait_for(lambda: endpoint.requests)
        wait_for(lambda: not [each for each in threading.enumerate() if each.name == "webhook-chat"])
        workspace.review(flag(workspace), resolution="bad_input")
        with telling([make_hook(workspace, endpoint.url)]):
            wait_for(lambda: "flag_resolved" in list_events(endpoint))
    assert list_events(endpoint) == ["flag_made", "flag_made", "flag_resolved"]


def test_the_command_line_lists_tries_and_shows_what_was_sent(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_endpoint(lambda request: as_json({}, 500)) as endpoint:
        config = tiny_folder / "reviewer.toml"
        table = f'[[webhooks]]\nname = "chat"\nurl = "{endpoint.url}"\nevents = ["flag_made"]\n'
        config.write_text(table + config.read_text("utf-8"), "utf-8")
        folder = ["--workspace", str(tiny_folder)]
        assert main(["webhooks", "list", "--format", "json", *folder]) == 0
        assert json.loads(capsys.readouterr().out)[0]["events"] == ["flag_made"]
        assert main(["webhooks", "test", "chat", *folder]) == 9
        assert endpoint.requests[0].payload["events"] == [{"event": "ping"}]
        assert main(["webhooks", "test", "nobody", *folder]) == 3
        assert main(["webhooks", "log", *folder]) == 0


@pytest.mark.parametrize("gone", [1, 3])
def test_nothing_is_missed_or_told_again_when_rows_that_were_told_are_erased(
    workspace: Workspace, gone: int
) -> None:
    """With all three gone, also the row is by which the place would be found again."""
    with run_endpoint(lambda request: as_json({})) as endpoint:
        with telling([make_hook(workspace, endpoint.url)]):
            told = [flag(workspace, f"number {at}") for at in range(3)]
            wait_for(lambda: list_told(endpoint) == told)
        for each in told[:gone]:
            workspace.erase(example_id=workspace.find_flag(each).example_id)
        fresh = [flag(workspace, f"later {at}") for at in range(4)]
        with telling([make_hook(workspace, endpoint.url)]):
            wait_for(lambda: len(list_told(endpoint)) >= 7)
    assert list_told(endpoint) == told + fresh
    deliveries = {each.payload["delivery_id"] for each in endpoint.requests}
    assert len(deliveries) == len(endpoint.requests)


def list_told(endpoint: Endpoint) -> list[str]:
    return [event["flag_id"] for each in endpoint.requests for event in each.payload["events"]]
