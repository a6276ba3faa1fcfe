"""Gradio apps of other people, asked over HTTP as their pages ask them, but without a browser."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi.testclient import TestClient
from gradio.flagging import FlagMethod
from gradio.routes import App

from reviewer.records import Flag
from reviewer.workspace import Workspace


class Page:
    """One browser session of an app."""

    def __init__(self, client: TestClient, app: gr.Blocks, session: str = "page") -> None:
        self.client = client
        self.app = app
        self.session = session
        self.language = "en"

    def send(self, number: int, values: list[Any]) -> dict[str, Any]:
        """Return the answer to a call of the function with that number, its status under `status`."""
        body = {"data": values, "fn_index": number, "session_hash": self.session}
        headers = {"Accept-Language": self.language}
        answer = self.client.post("/gradio_api/run/predict", json=body, headers=headers)
        return {"status": answer.status_code, **answer.json()}

    def call(self, name: str, *values: Any) -> list[Any]:
        """Return what the app's function of that name fills its outputs with."""
        number = next(key for key, each in self.app.fns.items() if each.name == name)
        data: list[Any] = self.send(number, list(values))["data"]
        return data

    def press(self, button: gr.Button, *values: Any) -> dict[str, Any]:
        """Return the answer to a click on the button."""
        target = (button._id, "click")
        return self.send(
            next(key for key, each in self.app.fns.items() if target in each.targets), list(values)
        )

    def flag(self, *values: Any, option: str | None = None) -> dict[str, Any]:
        """Press the flag button of that option; returns the answer."""
        buttons = {key: each.fn for key, each in self.app.fns.items() if isinstance(each.fn, FlagMethod)}
        return self.send(next(key for key, fn in buttons.items() if fn.value == option), list(values))


@contextlib.contextmanager
def open_page(app: gr.Blocks) -> Iterator[Page]:
    """Yield a session of the app, served as `launch` would serve it."""
    app.queue()
    with TestClient(
        App.create_app(app), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as client:
        yield Page(client, app)


def read_flags(folder: Path) -> list[Flag]:
    """Return the flags of the workspace, oldest first."""
    with Workspace.open(folder) as workspace:
        return workspace.queue(limit=10_000)[::-1]
