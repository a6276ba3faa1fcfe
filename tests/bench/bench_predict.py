"""How long a person waits for an answer in the test tab, beside the same model in a plain `gr.Interface`."""

from __future__ import annotations

import contextlib
import csv
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import uuid4

import httpx2
from million import print_table

CALLS = 300
"""Answers of each server, asked for in turns after a few that count for nothing."""
WARM_UP = 20
PAUSE_SECONDS = 0.03
"""Before each question: people pause too, and what a server does after its answer must not slow another's."""
TICKETS = Path(__file__).parents[2] / "data" / "tickets.csv"
LABEL = "Message"
CONFIG = f"""\
[models.tickets]
task = "text-classification"
path = "tickets.skops"
inputs.text = {{ component = "textbox", label = "{LABEL}" }}
labels = """

PLAIN = """
import sys, gradio, skops.io
model = skops.io.load(sys.argv[1], trusted=[])
def predict(text):
    return dict(zip(model.classes_.tolist(), model.predict_proba([text])[0].tolist()))
interface = gradio.Interface(predict, gradio.Textbox(label="Message"), gradio.Label())
interface.launch(server_name="127.0.0.1", server_port=int(sys.argv[2]))
"""


def main() -> None:
    """Print the milliseconds of both and of the model alone, and the median of ours to the plain one's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, texts = save_model(folder)
        with (
            serve(["-m", "reviewer", "serve", "--workspace", name, "--port"], folder) as ours_at,
            serve(["-c", PLAIN, str(folder / "tickets.skops")], folder) as plain_at,
        ):
            ours, plain = Page(ours_at), Page(plain_at)
            rows = compare(ours.ask, plain.ask, model, texts)
            print_table(("one answer (ms)", "median", "p95", "ratio"), rows)


def save_model(folder: Path) -> tuple[Any, list[str]]:
    """Fit the tickets' pipeline, write it and its `reviewer.toml`, and return it with texts to ask about."""
    import skops.io
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    with TICKETS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = sorted({row["label"] for row in rows})
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
    model.fit([row["text"] for row in rows], [row["label"] for row in rows])
    skops.io.dump(model, folder / "tickets.skops")
    (folder / "reviewer.toml").write_text(CONFIG + json.dumps(labels) + "\n", encoding="utf-8")
    return model, [row["text"] for row in rows]


@contextlib.contextmanager
def serve(arguments: list[str], folder: Path) -> Iterator[str]:
    """Run a server of its own process on a free port of this computer and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = (folder / f"{port}.txt").open("w+b")
    process = subprocess.Popen(
        [sys.executable, *arguments, str(port)], stdout=said, stderr=subprocess.STDOUT, cwd=folder
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _await_server(process, address, said)
        yield address
    finally:
        process.terminate()
        process.wait()
        said.close()


def _await_server(process: subprocess.Popen[bytes], address: str, said: Any) -> None:
    while process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            httpx2.get(f"{address}/config", timeout=60)
            return
        time.sleep(0.2)
    said.seek(0)
    raise SystemExit(said.read().decode())


class Page:
    """What the browser does of a page: its values, and the event of the predict button."""

    def __init__(self, address: str) -> None:
        self._client = httpx2.Client(base_url=f"{address}/gradio_api", timeout=60)
        config = httpx2.get(f"{address}/config", timeout=60).json()
        props = {each["id"]: each["props"] for each in config["components"]}
        self._session = uuid4().hex
        self._values = {key: each.get("value") for key, each in props.items()}
        (self._text,) = [key for key, each in props.items() if each.get("label") == LABEL]
        self._event = next(each for each in config["dependencies"] if self._text in each["inputs"])

    def ask(self, text: str) -> None:
        """Enter the text, press the button and wait for the answer."""
        self._values[self._text] = text
        self._client.post("/queue/join", json=self._build_request()).raise_for_status()
        self._show(self._await_answer())

    def _build_request(self) -> dict[str, Any]:
        return {
            "data": [self._values[each] for each in self._event["inputs"]],
            "fn_index": self._event["id"],
            "trigger_id": self._event["targets"][0][0],
            "session_hash": self._session,
        }

    def _await_answer(self) -> list[Any]:
        with self._client.stream("GET", "/queue/data", params={"session_hash": self._session}) as answer:
            for line in answer.iter_lines():
                message = json.loads(line.removeprefix("data:")) if line else {}
                if message.get("msg") == "process_completed":
                    if not message["success"]:
                        raise SystemExit(f"no answer: {message['output']}")
                    return list(message["output"]["data"])
        raise SystemExit("the server closed the connection before it answered")

    def _show(self, data: list[Any]) -> None:
        """Keep what the components hold now, since the next event sends some of it back."""
        for key, value in zip(self._event["outputs"], data, strict=True):
            is_update = isinstance(value, dict) and value.get("__type__") == "update"
            self._values[key] = value.get("value", self._values[key]) if is_update else value


def compare(
    ours: Callable[[str], None], plain: Callable[[str], None], model: Any, texts: list[str]
) -> Iterator[tuple[str, ...]]:
    ways: dict[str, Callable[[str], object]] = {
        "the test tab": ours,
        "plain gr.Interface": plain,
        "the model alone": lambda text: model.predict_proba([text]),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(WARM_UP + CALLS):
        for name, ask in Random(number).sample(list(ways.items()), len(ways)):
            time.sleep(PAUSE_SECONDS)
            started = time.perf_counter()
            ask(texts[number % len(texts)])
            taken[name].append((time.perf_counter() - started) * 1000)
    measured = {name: sorted(each[WARM_UP:]) for name, each in taken.items()}
    beside = median(measured["plain gr.Interface"])
    for name, each in measured.items():
        middle = median(each)
        yield name, f"{middle:.2f}", f"{each[len(each) * 95 // 100]:.2f}", f"{middle / beside:.2f}"


if __name__ == "__main__":
    main()
