"""The place under an answer where it is flagged: the options, what is right, a comment, what became of it.

The rule: which flag can be taken back is known to the server alone, in `FlagBox.flagged`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from reviewer.config import ModelSpec
from reviewer.records import Flag, Prediction, Status, Verification
from reviewer.rules import RULE_FLAGGER
from reviewer.ui.outputs import draw_suggestion
from reviewer.ui.texts import find_language, load_texts, say, say_option, say_sentence, translate
from reviewer.workspace import MOST_TWINS

Row = list[Any]
"""One value or update per output component."""

_NEXT_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z'\"])")


_OPTIONS_START = """
import(new URL("ui/test/options.js", document.baseURI))
  .then((options) => options.mount(element, props, watch, trigger));
"""


@dataclass(frozen=True, slots=True)
class FlagBox:
    """The components in which one model's predictions are flagged."""

    options: gr.HTML
    """A button per option; its `click` event carries the `option`."""
    suggestion: gr.components.Component
    comment: gr.Textbox
    message: gr.HTML
    undo: gr.Button
    flagged: gr.State
    """The id of the flag that the message tells of."""


def draw_flag_box(spec: ModelSpec, labels: list[str]) -> FlagBox | None:
    """Place the box, which CSS shows while there is a prediction; None for a model that takes no flags."""
    if spec.flagging == "never":
        return None
    with gr.Column(elem_classes="flagging"):
        gr.Markdown(translate(_name_title(spec)), elem_classes="box-title")
        options = gr.HTML(
            build_options(spec, load_texts(find_language(None))),
            html_template="",
            js_on_load=_OPTIONS_START,
            elem_classes="flag-options",
        )
        with gr.Row():
            suggestion = draw_suggestion(spec, labels)
            comment = gr.Textbox(
                label=translate("test.comment"),
                placeholder=translate("test.comment.hint"),
                lines=1,
                max_lines=8,
            )
        with gr.Row(elem_classes="flag-answer"):
            message = gr.HTML(elem_classes="flag-message")
            undo = gr.Button(translate("test.undo"), size="sm", elem_classes="flag-undo")
        flagged = gr.State("")
    return FlagBox(options, suggestion, comment, message, undo, flagged)


def build_options(spec: ModelSpec, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of `FlagBox.options`; an option that an admin added is called by its name."""
    options = [{"name": str(each), "text": texts.get(f"option.{each}", str(each))} for each in spec.options]
    return {"label": texts[_name_title(spec)], "options": options}


def _name_title(spec: ModelSpec) -> str:
    return "test.wrong.auto" if spec.flagging == "auto" else "test.wrong"


def describe_flag(request: gr.Request, made: Flag, key: str = "") -> str:
    """Return the message that a prediction is flagged, as HTML."""
    key = key or ("test.flagged.suggested" if made.suggested_label else "test.flagged")
    text = say(
        request,
        key,
        option=say_option(request, made.option),
        suggested=made.suggested_label,
        name=made.flag_id[-8:],
    )
    return f'<span class="good" role="status">✓ {escape(text)}</span>'


def describe_undone(request: gr.Request) -> str:
    """Return the message that the flag was taken back, as HTML."""
    return f'<span class="dim" role="status">{escape(say(request, "test.undone"))}</span>'


def describe_facts(request: gr.Request, made: Prediction) -> str:
    """Return the version and the time it took, or why there is no answer, as HTML.

    Of an error only the first line is shown; the traceback below it is for the record.
    """
    latency = f"{made.latency_ms or 0:.1f}"
    facts = _build_line("dim", say(request, "test.facts", version=made.model_version, latency=latency))
    error = say_sentence(request, (made.error or "").split("\n", 1)[0])
    return (_build_line("error", error) if error else "") + facts


def describe_past(request: gr.Request, made: Prediction, twins: list[Flag]) -> str:
    """Return what rules flagged and what became of earlier flags of the same example, as HTML.

    `twins` are the flags of the same example, newest first, this prediction's own among them.
    """
    lines = [_build_line("ruled", each) for each in list_ruled(request, made, twins)]
    before = [each for each in twins if each.prediction_id != made.prediction_id]
    if before:
        more = "+" if len(twins) >= MOST_TWINS else ""
        lines.append(_build_line("twins", _describe_twins(request, before, more)))
    return "".join(lines)


def _build_line(kind: str, text: str) -> str:
    role = ' role="alert"' if kind == "error" else ""
    return f'<p class="{kind}"{role}>{escape(text)}</p>'


def list_ruled(request: gr.Request, made: Prediction, flags: list[Flag]) -> list[str]:
    """Return a sentence for each flag that rules made of this prediction."""
    return [
        say(
            request,
            "test.ruled",
            option=say_option(request, each.option),
            reason=_say_reason(request, each),
        )
        for each in flags
        if each.prediction_id == made.prediction_id and each.flagger.startswith(RULE_FLAGGER)
    ]


def _say_reason(request: gr.Request, flag: Flag) -> str:
    """Return the reasons of the rules, a sentence each."""
    return " ".join(say_sentence(request, each) for each in _NEXT_SENTENCE.split(flag.comment))


def _describe_twins(request: gr.Request, before: list[Flag], more: str) -> str:
    newest = before[0]
    return say(
        request,
        "test.twins" if len(before) == 1 else "test.twins.many",
        option=say_option(request, newest.option),
        state=describe_state(request, newest),
        count=f"{len(before)}{more}",
    )


def describe_state(request: gr.Request, flag: Flag) -> str:
    """Return where a flag stands, in a few words."""
    if flag.state.verification == Verification.FIXED:
        return say(request, "test.session.fixed", version=flag.state.verified_version)
    if flag.state.status == Status.RESOLVED:
        return say(request, f"resolution.{flag.state.resolution}")
    return say(request, f"status.{flag.state.status}")
