"""The list of a session's last predictions, from which an earlier one can be flagged.

The rule: a session is known by its cookie, whose id nobody can guess; the list itself is drawn by
`static/test/list.js`, as text.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from reviewer.config import WorkspaceSpec
from reviewer.log.columns import encode_json
from reviewer.records import Inputs, Prediction, new_id
from reviewer.ui.flag_box import describe_state
from reviewer.ui.outputs import describe_answer
from reviewer.ui.session_cookie import read_session
from reviewer.ui.texts import say, say_option
from reviewer.workspace import SessionEntry

LENGTH = 20
"""So many predictions are listed."""

_START = """
import(new URL("ui/test/list.js", document.baseURI))
  .then((list) => list.mount(element, props, watch, trigger));
"""


def find_session(request: gr.Request) -> str:
    """Return the id of the browser's session, which outlives a reload; without a cookie that of the page."""
    return read_session(request.cookies or {}) or str(request.session_hash)


def draw_session() -> gr.HTML:
    """Place the list; its `click` event carries the `prediction_id` of the row."""
    return gr.HTML({"rows": []}, html_template="", js_on_load=_START, elem_id="session")


def build_session(
    request: gr.Request, spec: WorkspaceSpec, entries: list[SessionEntry], read_at: str
) -> dict[str, Any]:
    """Return the list's value, newest prediction first; `read_at` is an id that was new when they were read.

    Answers may reach the page in another order: by that id it knows which list is the newer one.
    """
    return {
        "at": read_at,
        "rows": [_build_row(request, spec, each) for each in entries],
        "empty": say(request, "test.session.empty"),
        "hint": say(request, "test.session.hint"),
    }


def add_row(request: gr.Request, spec: WorkspaceSpec, made: Prediction) -> dict[str, Any]:
    """Return the value that puts one more prediction on top of the list that the page has."""
    return {**build_session(request, spec, [SessionEntry(made, None)], new_id()), "most": LENGTH}


def _build_row(request: gr.Request, spec: WorkspaceSpec, entry: SessionEntry) -> dict[str, str]:
    prediction = entry.prediction
    confidence = "" if prediction.confidence is None else f"{prediction.confidence:.2f}"
    state, tone = _describe_state(request, spec, entry)
    return {
        "id": prediction.prediction_id,
        "example": f"{prediction.model} · {describe_inputs(prediction.inputs)}",
        "answer": describe_answer(prediction),
        "confidence": confidence,
        "state": state,
        "tone": tone,
    }


def _describe_state(request: gr.Request, spec: WorkspaceSpec, entry: SessionEntry) -> tuple[str, str]:
    """Return what became of the flag in a few words, and the tone to show it in."""
    flag, model = entry.flag, spec.models.get(entry.prediction.model)
    if flag is None:
        has_flags = model is not None and model.flagging != "never"
        return say(request, "test.session.flag") if has_flags else "", "none"
    if flag.state.status == "open" and flag.state.verification != "fixed":
        return say(request, "test.session.flagged", option=say_option(request, flag.option)), "open"
    return describe_state(request, flag), "good"


def describe_inputs(inputs: Inputs) -> str:
    """Return an example in one line of at most 120 characters."""
    shown = [_show_value(value) for value in inputs.values()]
    text = " · ".join(shown)
    return text if len(text) <= 120 else text[:119] + "…"


def _show_value(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value[:200].split())
    if isinstance(value, dict):
        return str(value.get("name") or ("▤" if "rows" in value else "▦"))
    return f"{value:g}" if isinstance(value, float) else encode_json(value)
