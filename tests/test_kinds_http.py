"""Models behind an endpoint: what is sent, what is taken, what is tried again and what is never shown."""

from __future__ import annotations

import base64
import gzip
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from endpoint import Endpoint, Reply, Request, Respond, as_json, run_endpoint
from PIL import Image

from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, ModelError
from reviewer.models.kinds import Answer, find_source
from reviewer.models.versions import ModelVersions

Start = Callable[[Respond], Endpoint]


def make_spec(url: str, *, http: dict[str, Any] | None = None, **given: Any) -> ModelSpec:
    fields: dict[str, Any] = {
        "name": "model", "task": "generic", "kind": "http", "inputs": {"text": "textbox"}, "timeout": 20,
    }  # fmt: skip
    return ModelSpec.model_validate(fields | given | {"http": {"url": url, **(http or {})}})


def answer(spec: ModelSpec, folder: Path, *examples: dict[str, Any]) -> list[Answer]:
    versions = ModelVersions(folder, spec)
    return versions.answer(versions.find(), examples or [{"text": "hello"}])


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers that are stopped after the test."""
    with ExitStack() as stack:
        yield lambda respond: stack.enter_context(run_endpoint(respond))


def echo(request: Request) -> Reply:
    return as_json(request.payload)


# What is sent and taken


def test_one_example_is_an_object_of_its_inputs(tmp_path: Path, start: Start) -> None:
    endpoint = start(lambda request: as_json(request.payload["text"].upper()))
    found = answer(make_spec(endpoint.url), tmp_path, {"text": "größe"}, {"text": "b"})
    assert found == [Answer(output="GRÖSSE"), Answer(output="B")]
    assert [each.payload for each in endpoint.requests] == [{"text": "größe"}, {"text": "b"}]
    assert endpoint.requests[0].headers["Content-Type"] == "application/json"


def test_the_connection_is_kept(tmp_path: Path, start: Start) -> None:
    endpoint = start(echo)
    versions = ModelVersions(tmp_path, make_spec(endpoint.url))
    for _ in range(3):
        versions.answer(versions.find(), [{"text": "a"}])
    assert len({each.port for each in endpoint.requests}) == 1


def test_many_examples_are_sent_together_a_hundred_at_most(tmp_path: Path, start: Start) -> None:
    endpoint = start(lambda request: as_json({"predictions": request.payload["instances"]}))
    spec = make_spec(endpoint.url, http={"batch": True, "answer": "text"})
    found = answer(spec, tmp_path, *({"text": str(number)} for number in range(250)))
    assert [each.output for each in found] == [str(number) for number in range(250)]
    assert [len(each.payload["instances"]) for each in endpoint.requests] == [100, 100, 50]


def test_the_answer_is_taken_from_where_the_config_says(tmp_path: Path, start: Start) -> None:
    endpoint = start(lambda request: as_json({"results": [{"label": "a"}, {"label": "b"}]}))
    spec = make_spec(
        endpoint.url, http={"answer": "results.1.label"}, task="text-classification", labels=["a", "b"]
    )
    assert answer(spec, tmp_path) == [Answer(label="b")]
    for path in ("results.2.label", "results.x", "other", "results.0.label.more"):
        spec = make_spec(endpoint.url, http={"answer": path})
        with pytest.raises(ModelError, match=rf"answered .*, which has no '{path}'"):
            answer(spec, tmp_path)


def test_every_kind_of_input_is_sent_as_json(tmp_path: Path, start: Start) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(b"words")
    pixels = np.arange(12, dtype=np.float64).reshape(2, 2, 3) * 20
    inputs = {
        "day": "date", "file": "file", "picture": "image", "sound": "audio", "drawing": "sketch",
        "many": {"component": "table", "columns": {"a": "number", "b": "text"}}, "word": "textbox",
        "yes": "checkbox", "some": {"component": "checkbox_group", "choices": ["p", "q"]}, "x": "number",
        "missing": {"component": "date", "required": False},
    }  # fmt: skip
    example = {
        "day": date(2026, 3, 1), "file": file, "picture": pixels, "drawing": pixels[..., 0],
        "sound": (8000, np.array([0.0, 0.5, -0.5], dtype=np.float32)),
        "many": pd.DataFrame({"a": [1.5, float("nan")], "b": ["x", None]}), "word": "=1", "yes": True,
        "some": ["q"], "x": 2.5, "missing": None,
    }  # fmt: skip
    endpoint = start(lambda request: as_json("done"))
    answer(make_spec(endpoint.url, inputs=inputs), tmp_path, example)
    sent = endpoint.requests[0].payload
    assert sent["file"] == "data:text/plain;base64,d29yZHM="
    assert sent["many"] == {"columns": ["a", "b"], "rows": [[1.5, "x"], [None, None]]}
    assert {name: sent[name] for name in ("day", "word", "yes", "some", "x", "missing")} == {
        "day": "2026-03-01", "word": "=1", "yes": True, "some": ["q"], "x": 2.5, "missing": None,
    }  # fmt: skip
    with Image.open(open_url(sent["picture"], "image/png")) as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels)
    with Image.open(open_url(sent["drawing"], "image/png")) as picture:
        assert picture.mode == "L"
    samples, rate = soundfile.read(open_url(sent["sound"], "audio/wav"))
    assert rate == 8000
    np.testing.assert_allclose(samples, [0.0, 0.5, -0.5], atol=1e-4)


def open_url(url: str, media_type: str) -> io.BytesIO:
    head, _, data = url.partition(",")
    assert head == f"data:{media_type};base64"
    return io.BytesIO(base64.b64decode(data))


# What is refused


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (
            Reply(b"<!doctype html>\n<p>Sign  in" + b"x" * 500, headers={"Content-Type": "text/html"}),
            r"answered 200 OK with 'text/html', which is no JSON: '<!doctype html> <p>Sign inx+'\.$",
        ),
        (Reply(b""), "which is no JSON: ''"),
        (Reply(b'{"a": 1'), "which is no JSON"),
        (Reply(b"\xff\xfe\x00bad"), "which is no JSON"),
        (Reply(b"[" * 100_000), "which is no JSON"),
        (Reply(b"9" * 5000), "which is no JSON"),
        (Reply(b"NaN"), "a JSON value is needed"),
        (Reply(b"null"), "a JSON value is needed"),
        (as_json("no", 404), r"answered 404 Not Found: '\"no\"'"),
        (as_json("no", 500), "answered 500 Internal Server Error"),
        (Reply(status=302, headers={"Location": "http://127.0.0.1:9/"}), "302 Found, a redirect; write"),
        (Reply(headers={"Content-Encoding": "gzip"}, body=b"no gzip"), "cannot be asked"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value.body[:9].decode(errors="replace"),
)  # fmt: skip
def test_what_is_no_answer_is_said_with_its_status_and_start(
    tmp_path: Path, start: Start, reply: Reply, sentence: str
) -> None:
    endpoint = start(lambda request: reply)
    with pytest.raises(ModelError, match=sentence) as caught:
        answer(make_spec(endpoint.url), tmp_path)
    assert str(caught.value).startswith("model ")
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"predictions": ["a"]}, "gave 1 answers to 2 examples"),
        ({"predictions": ["a", "b", "c"]}, "gave 3 answers to 2 examples"),
        ({"predictions": "ab"}, r'\{"predictions": \[…\]\} is needed'),
        (["a", "b"], r'\{"predictions": \[…\]\} is needed'),
    ],
)
def test_a_batch_of_answers_that_does_not_fit_is_a_failure(
    tmp_path: Path, start: Start, body: Any, sentence: str
) -> None:
    endpoint = start(lambda request: as_json(body))
    spec = make_spec(endpoint.url, http={"batch": True})
    with pytest.raises(ModelError, match=sentence):
        answer(spec, tmp_path, {"text": "a"}, {"text": "b"})


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
def test_a_body_without_end_is_given_up(tmp_path: Path, start: Start, is_packed: bool) -> None:
    part = b" " * 10_000_000
    parts = [gzip.compress(part * 10)] if is_packed else [part] * 10
    headers = {"Content-Encoding": "gzip"} if is_packed else {}
    endpoint = start(lambda request: Reply(parts=parts, headers=headers))
    with pytest.raises(ModelError, match="answered more than 50 MB"):
        answer(make_spec(endpoint.url), tmp_path)


# What is tried again


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_asked_again(tmp_path: Path, start: Start, status: int) -> None:
    replies = iter([as_json("busy", status), as_json("done")])
    endpoint = start(lambda request: next(replies))
    assert answer(make_spec(endpoint.url), tmp_path) == [Answer(output="done")]
    assert len(endpoint.requests) == 2


def test_a_broken_connection_is_asked_again(tmp_path: Path, start: Start) -> None:
    replies = iter([None, as_json("done")])
    endpoint = start(lambda request: next(replies))
    assert answer(make_spec(endpoint.url), tmp_path) == [Answer(output="done")]


def test_asking_again_ends_with_what_was_answered_last(tmp_path: Path, start: Start) -> None:
    endpoint = start(lambda request: as_json("busy", 503))
    with pytest.raises(ModelError, match=r"answered 503 Service Unavailable: '\"busy\"'"):
        answer(make_spec(endpoint.url, http={"retries": 1}), tmp_path)
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize("is_moment", [False, True], ids=["seconds", "moment"])
def test_an_endpoint_that_wants_more_time_than_there_is_is_not_asked_again(
    tmp_path: Path, start: Start, is_moment: bool
) -> None:
    said = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True) if is_moment else "3600"
    endpoint = start(lambda request: as_json("busy", 503, **{"Retry-After": said}))
    with pytest.raises(ModelError, match="answered 503"):
        answer(make_spec(endpoint.url), tmp_path)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("said", ["0", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "²"])
def test_an_endpoint_says_when_to_ask_again_or_is_not_understood(
    tmp_path: Path, start: Start, said: str
) -> None:
    replies = iter([as_json("busy", 503, **{"Retry-After": said}), as_json("done")])
    endpoint = start(lambda request: next(replies))
    assert answer(make_spec(endpoint.url), tmp_path) == [Answer(output="done")]


def test_nobody_at_the_address_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model \(http://127\.0\.0\.1:9/x\) cannot be reached: '.*refused'"):
        answer(make_spec("http://127.0.0.1:9/x", http={"retries": 1}), tmp_path)


@pytest.mark.parametrize("is_trickle", [False, True], ids=["silent", "trickle"])
def test_an_endpoint_that_takes_too_long_is_given_up(tmp_path: Path, start: Start, is_trickle: bool) -> None:
    release = threading.Event()

    def trickle() -> Iterator[bytes]:
        while not release.wait(0.02):
            yield b" "

    def respond(request: Request) -> Reply:
        return Reply(parts=trickle()) if is_trickle else as_json(release.wait())

    endpoint = start(respond)
    try:
        with pytest.raises(ModelError, match=r"^model took longer than its timeout of 0\.2 s"):
            answer(make_spec(endpoint.url, timeout=0.2), tmp_path)
    finally:
        release.set()


# What is never shown


def test_headers_are_filled_from_the_environment(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_TOKEN", " s3cret\n")
    endpoint = start(echo)
    headers = {"Authorization": "Bearer ${MODEL_TOKEN}", "X-Team": "blue"}
    answer(make_spec(endpoint.url, http={"headers": headers}), tmp_path)
    assert endpoint.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert endpoint.requests[0].headers["X-Team"] == "blue"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "names the environment variable 'MODEL_TOKEN', which is not set"),
        ("", "which is not set"),
        ("two\r\nX-Other: lines", "holds a line break"),
        ("größe", "holds a line break or a letter that no header can have"),
    ],
)
def test_a_variable_that_cannot_be_sent_is_named_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, sentence: str
) -> None:
    monkeypatch.delenv("MODEL_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("MODEL_TOKEN", value)
    spec = make_spec("http://127.0.0.1:9/x", http={"headers": {"Authorization": "Bearer ${MODEL_TOKEN}"}})
    with pytest.raises(ConfigError, match=sentence) as caught:
        answer(spec, tmp_path)
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize("status", [200, 401, 503])
def test_no_secret_is_in_a_message_or_in_a_version(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("MODEL_TOKEN", "s3cret")

    def tell(request: Request) -> Reply:
        return Reply(f"{request.headers['X-Key']} {request.path} {'pass' + 'word'}".encode(), status)

    url = start(tell).url.replace("127.0.0.1", "ann:password@127.0.0.1") + "?key=hidden"
    spec = make_spec(url, http={"headers": {"X-Key": "${MODEL_TOKEN}"}, "retries": 0})
    with pytest.raises(ModelError) as caught:
        answer(spec, tmp_path)
    kept = "".join(each.read_text() for each in (tmp_path / "models").rglob("*") if each.is_file())
    for secret in ("s3cret", "password", "hidden", "ann:"):
        assert secret not in str(caught.value) + caught.value.details
        assert secret not in kept


def test_another_endpoint_is_another_version_and_a_new_secret_is_none() -> None:
    def hash_of(url: str, **http: Any) -> str:
        source = find_source(make_spec(url, http=http), Path())
        assert source is not None
        return source.hash()

    url = "https://ann:one@models.example/v1/predict?version=3"
    same = "https://ann:two@models.example/v1/predict?version=3"
    assert hash_of(url, headers={"X-Key": "${A}"}) == hash_of(same, headers={"X-Key": "${B}"}, retries=7)
    others = {
        hash_of(url),
        hash_of(url.replace("v1", "v2")),
        hash_of(url.replace("version=3", "version=4")),
        hash_of(url, batch=True),
        hash_of(url, answer="label"),
        hash_of(url, headers={"X-Key": "${A}"}),
    }
    assert len(others) == 6


def test_a_version_of_a_former_endpoint_can_be_asked_no_more(tmp_path: Path, start: Start) -> None:
    endpoint = start(echo)
    answer(make_spec(endpoint.url), tmp_path)
    versions = ModelVersions(tmp_path, make_spec(endpoint.url + "/v2"))
    assert versions.find().name == "2"
    versions.load(versions.find())
    with pytest.raises(ModelError, match=r"models/model/1/endpoint\.json describes another endpoint"):
        versions.load(versions.find("1"))
