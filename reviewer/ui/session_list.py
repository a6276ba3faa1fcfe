"""The list of a session's last predictions, from which an earlier one can be flagged."""

from __future__ import annotations

from typing import Any

import gradio as gr

from reviewer.log.columns import encode_json
from reviewer.records import Flag, Inputs, Status, Verification
from reviewer.ui.outputs import describe_answer
from reviewer.ui.texts import say
from reviewer.workspace import SessionEntry

_TEMPLATE = """
{{#if value.rows}}
<ul class="session-list">
  {{#each value.rows}}
  <li><button type="button" data-prediction="{{id}}" title="{{../value.hint}}">
    <span class="session-example">{{example}}</span>
    <span>{{answer}}</span><span class="session-number">{{confidence}}</span>
    <span class="session-state session-{{tone}}">{{state}}</span>
  </button></li>
  {{/each}}
</ul>
{{else}}
<p class="dim">{{value.empty}}</p>
{{/if}}
"""

_ON_LOAD = """
element.addEventListener('click', (event) => {
  const row = event.target.closest('[data-prediction]');
  if (row) trigger('click', {prediction_id: row.dataset.prediction});
});
"""


def draw_session() -> gr.HTML:
    """Place the list; its `click` event carries the `prediction_id` of the row."""
    return gr.HTML(
        {"rows": [], "empty": "", "hint": ""},
        html_template=_TEMPLATE,
        js_on_load=_ON_LOAD,
        elem_id="session",
    )


def build_session(request: gr.Request, entries: list[SessionEntry]) -> dict[str, Any]:
    """Return the list's value, newest prediction first."""
    return {
        "rows": [_build_row(request, each) for each in entries],
        "empty": say(request, "test.session.empty"),
        "hint": say(request, "test.session.hint"),
    }


def _build_row(request: gr.Request, entry: SessionEntry) -> dict[str, str]:
    prediction = entry.prediction
    confidence = "" if prediction.confidence is None else f"{prediction.confidence:.2f}"
    state, tone = _describe_state(request, entry.flag)
    return {
        "id": prediction.prediction_id,
        "example": f"{prediction.model} · {describe_inputs(prediction.inputs)}",
        "answer": describe_answer(prediction),
        "confidence": confidence,
        "state": state,
        "tone": tone,
    }


def _describe_state(request: gr.Request, flag: Flag | None) -> tuple[str, str]:
    """Return what became of the flag in a few words, and the tone to show it in."""
    if flag is None:
        return say(request, "test.session.flag"), "none"
    if flag.state.verification == Verification.FIXED:
        return say(request, "test.session.fixed", version=flag.state.verified_version), "good"
    if flag.state.status == Status.RESOLVED:
        return say(request, f"resolution.{flag.state.resolution}"), "good"
    return say(request, "test.session.flagged", option=say(request, f"option.{flag.option}")), "open"


def describe_inputs(inputs: Inputs) -> str:
    """Return an example in one line of at most 120 characters."""
    shown = ["▦" if isinstance(value, dict) else _show_value(value) for value in inputs.values()]
    text = " · ".join(shown)
    return text if len(text) <= 120 else text[:119] + "…"


def _show_value(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value[:200].split())
    return f"{value:g}" if isinstance(value, float) else encode_json(value)
