"""Models behind an endpoint that takes and gives JSON, asked by POST.

One example is sent as an object of its inputs, and what comes back is its answer; with `batch = true` many
are sent as `{"instances": [inputs, …]}`, and `{"predictions": [answer, …]}` comes back. `answer` says where
in each answer the part that counts stands, such as `results.0.label`. Dates are sent as ISO texts, tables
as `{"columns": […], "rows": […]}`; pictures and recordings as the model would get them, and files whole,
are data URLs.

A version is known by what `reviewer.toml` says of the endpoint; what changes behind it cannot be seen from
here. The rule: what comes from the environment, or stands before the @ of the URL, is in no message and no
record.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import io
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reviewer.config import HttpSpec, ModelSpec
from reviewer.errors import ConfigError, ModelError
from reviewer.log.media import MEDIA_TYPES, Keep
from reviewer.models.kinds.predictor import Examples, Predictor, Source, describe_timeout
from reviewer.models.outputs import Answer, read_answer
from reviewer.records import JsonValue

if TYPE_CHECKING:
    import httpx

_BATCH = 100
"""Most examples in one request."""

_MOST_BYTES = 50_000_000
"""The longest body that is read."""

_FIRST_WAIT = 0.2
"""Seconds before the second try, doubled for each further one and spread by half, so that clients part."""

_TRY_AGAIN = frozenset({429, 502, 503, 504})

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def find_source(spec: ModelSpec, workspace: Path) -> Source:
    """Return what makes an endpoint another version, without anything secret."""
    http = _http_of(spec)
    settings = {
        "url": _show_url(http),
        "query": hashlib.sha256(urlsplit(http.url).query.encode()).hexdigest(),
        "headers": sorted(name.lower() for name in http.headers),
        "batch": http.batch,
        "answer": http.answer,
    }
    return Source(_show_url(http), "endpoint.json", text=json.dumps(settings, indent=2) + "\n")


def load(spec: ModelSpec, path: Path, workspace: Path) -> Predictor:
    """Return the endpoint as a predictor, with one client that keeps its connections.

    Raises `ConfigError` for a header whose variable is not set, `ModelError` when the version at `path` is
    not the endpoint that the config names now.
    """
    if path.read_text(encoding="utf-8") != find_source(spec, workspace).text:
        raise ModelError(
            f"{path} describes another endpoint than models.{spec.name}.http does now; serve a version of"
            " the endpoint in reviewer.toml, or write the former one there again."
        )
    endpoint = _Endpoint(spec)
    if _http_of(spec).batch:
        return Predictor(endpoint.answer_batch, _BATCH)
    return Predictor(endpoint.answer_each, call_size=1)


class _Endpoint:
    """One model's endpoint; used by many threads at once."""

    def __init__(self, spec: ModelSpec) -> None:
        import httpx

        self._spec = spec
        self._http = _http_of(spec)
        self._shown = f"{spec.name} ({_show_url(self._http)})"
        self._secrets = _list_secrets(spec, self._http)
        self._client = httpx.Client(
            headers={"Accept": "application/json", **_fill_headers(spec, self._http)},
            follow_redirects=False,
        )

    def answer_each(self, examples: Examples, keep: Keep) -> list[Answer]:
        """Return the answers to examples sent one by one."""
        return [self._read(self._ask(_encode_example(self._spec, each)), keep) for each in examples]

    def answer_batch(self, examples: Examples, keep: Keep) -> list[Answer]:
        """Return the answers to examples sent together."""
        body = self._ask({"instances": [_encode_example(self._spec, each) for each in examples]})
        found = body.get("predictions") if isinstance(body, dict) else None
        if not isinstance(found, list):
            raise ModelError(f'{self._shown} answered {self._show(body)}; {{"predictions": […]}} is needed.')
        if len(found) != len(examples):
            raise ModelError(f"{self._shown} gave {len(found)} answers to {len(examples)} examples.")
        return [self._read(each, keep) for each in found]

    def _read(self, body: JsonValue, keep: Keep) -> Answer:
        found = body
        for key in filter(None, self._http.answer.split(".")):
            try:
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise ModelError(
                    f"{self._shown} answered {self._show(body)}, which has no {self._http.answer!r}."
                ) from None
        return read_answer(self._spec, found, keep)

    def _ask(self, payload: JsonValue) -> JsonValue:
        """Return the JSON that comes back; asks again after what may pass, as long as there is time."""
        content = json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
        deadline = time.monotonic() + self._spec.timeout
        for wait in _list_waits(self._http.retries):
            try:
                return self._post(content, deadline)
            except _PassingError as error:
                pause = wait if error.pause is None or wait is None else error.pause
                if pause is None or time.monotonic() + pause >= deadline:
                    raise ModelError(str(error)) from None
                time.sleep(pause)
        raise AssertionError  # the last wait is None

    def _post(self, content: bytes, deadline: float) -> JsonValue:
        import httpx

        try:
            with self._client.stream(
                "POST",
                self._http.url,
                content=content,
                headers={"Content-Type": "application/json"},
                timeout=max(deadline - time.monotonic(), 0.001),
            ) as response:
                return self._read_body(response, self._receive(response, deadline))
        except httpx.TimeoutException:
            raise self._give_up() from None
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError) as error:
            raise _PassingError(f"{self._shown} cannot be reached: {self._show(error)}.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelError(f"{self._shown} cannot be asked: {self._show(error)}.") from None

    def _receive(self, response: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise ModelError(f"{self._shown} answered more than {_MOST_BYTES // 1_000_000} MB.")
            if time.monotonic() > deadline:
                raise self._give_up()
        return bytes(body)

    def _read_body(self, response: httpx.Response, body: bytes) -> JsonValue:
        status = f"{response.status_code} {response.reason_phrase}".strip()[:80]
        if response.status_code in _TRY_AGAIN:
            raise _PassingError(
                f"{self._shown} answered {status}: {self._show(body)}.", _read_pause(response)
            )
        if response.is_redirect:
            raise ModelError(f"{self._shown} answered {status}, a redirect; write the final address as url.")
        if not response.is_success:
            raise ModelError(f"{self._shown} answered {status}: {self._show(body)}.")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            kind = response.headers.get("content-type", "no content type")[:80]
            raise ModelError(
                f"{self._shown} answered {status} with {self._show(kind)}, which is no JSON:"
                f" {self._show(body)}."
            ) from None

    def _give_up(self) -> ModelError:
        return ModelError(f"{describe_timeout(self._spec)}: {_show_url(self._http)} did not answer in time.")

    def _show(self, value: object) -> str:
        """Return the first 80 characters on one line, without what is secret."""
        text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        text = text[:100_000]
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return repr(" ".join(text.split())[:80])


class _PassingError(Exception):
    """A failure that may pass; `pause` is how many seconds the endpoint asks to wait, None if it does not."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


def _http_of(spec: ModelSpec) -> HttpSpec:
    if spec.http is None:
        raise ConfigError(f"models.{spec.name} needs a table http with the url of its endpoint.")
    return spec.http


def _show_url(http: HttpSpec) -> str:
    """Return the URL without user, password, query and fragment."""
    parts = urlsplit(http.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _fill_headers(spec: ModelSpec, http: HttpSpec) -> dict[str, str]:
    """Return the headers with their variables filled in; raises `ConfigError`."""
    return {
        name: _VARIABLE.sub(lambda found: _read_variable(spec, found[1]), value)
        for name, value in http.headers.items()
    }


def _read_variable(spec: ModelSpec, name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigError(
            f"models.{spec.name}.http.headers names the environment variable {name!r}, which is not set;"
            " set it before the start."
        )
    if not (value.isascii() and value.isprintable()):
        raise ConfigError(
            f"The environment variable {name!r} of models.{spec.name}.http.headers holds a line break or a"
            " letter that no header can have."
        )
    return value


def _list_secrets(spec: ModelSpec, http: HttpSpec) -> list[str]:
    """Return what must not be shown, the longest first."""
    names = {found for value in http.headers.values() for found in _VARIABLE.findall(value)}
    parts = urlsplit(http.url)
    found = {_read_variable(spec, name) for name in names} | {parts.password or "", parts.query}
    return sorted(filter(None, found), key=len, reverse=True)


def _list_waits(retries: int) -> Iterator[float | None]:
    """Yield the seconds to wait after each try that failed, None after the last."""
    for turn in range(retries):
        yield _FIRST_WAIT * 2**turn * random.uniform(0.5, 1.5)  # noqa: S311  no secret
    yield None


def _read_pause(response: httpx.Response) -> float | None:
    """Return the seconds that the header Retry-After asks for, given as such or as a moment."""
    said = response.headers.get("retry-after", "")
    if said.isdecimal():
        return float(said[:9])
    try:
        moment = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


# What is sent


def _encode_example(spec: ModelSpec, example: dict[str, Any]) -> JsonValue:
    return {name: _encode(each.component, example[name]) for name, each in spec.inputs.items()}


def _encode(component: str, value: Any) -> JsonValue:
    encode = _ENCODERS.get(component)
    return value if encode is None or value is None else encode(value)


def _encode_file(path: Path) -> str:
    return _encode_url(path.read_bytes(), path.suffix.removeprefix("."))


def _encode_picture(pixels: Any) -> str:
    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.rint(pixels).astype(np.uint8)).save(buffer, format="PNG")
    return _encode_url(buffer.getvalue(), "png")


def _encode_recording(recording: tuple[int, Any]) -> str:
    import soundfile

    rate, samples = recording
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
    return _encode_url(buffer.getvalue(), "wav")


def _encode_url(data: bytes, ending: str) -> str:
    return f"data:{MEDIA_TYPES[ending]};base64,{base64.b64encode(data).decode('ascii')}"


def _encode_table(frame: Any) -> JsonValue:
    rows = frame.astype(object).where(frame.notna(), None).values.tolist()
    return {"columns": [str(each) for each in frame.columns], "rows": rows}


_ENCODERS: dict[str, Callable[[Any], JsonValue]] = {
    "date": date.isoformat,
    "file": _encode_file,
    "image": _encode_picture,
    "sketch": _encode_picture,
    "audio": _encode_recording,
    "table": _encode_table,
}
"""Component → how what the model gets becomes JSON; the others are JSON already."""
