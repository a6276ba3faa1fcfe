"""What is logged of a flagged page: the call of the app that it shows, and how the browser differs from it.

The rule: a value that the server has is never replaced by the browser's; what only the browser knows is named
in the flag's `origin`.

    client_values   names of inputs and outputs that only the browser knows
    edited          the browser's values that are not the server's, under `inputs` and `outputs`
    unread          values that have no stored form, and why, under `inputs` and `outputs`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reviewer.config import Kind
from reviewer.log.media import Keep
from reviewer.models.components import check_inputs
from reviewer.models.outputs import Answer, build_answer
from reviewer.records import Inputs, JsonValue
from reviewer.ui.apps.model import NO_INPUT, AppModel
from reviewer.ui.apps.wire import Unread, read_fields
from reviewer.ui.apps.witness import Call

_UNKNOWN = object()


@dataclass(frozen=True, slots=True)
class _Page:
    """The values of a page in their stored forms."""

    inputs: Inputs
    outputs: dict[str, JsonValue]
    unread: dict[str, dict[str, Unread]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is logged of a page."""

    inputs: Inputs
    answer: Answer
    origin: dict[str, JsonValue]
    call: Call | None
    """None when only the browser knows what was answered."""


def see_page(app: AppModel, calls: list[Call], values: Mapping[int, Any], keep: Keep) -> Seen:
    """Return what is logged of the values that a browser sent, by Gradio's number of each component.

    `calls` are the session's, newest first. Chosen is the one with the same values, else with the same
    inputs, else the newest. Raises `InputError` when the model could not run on the inputs again.
    """
    shown = _read_page(app, values, values, keep)
    if not calls:
        names = [each.name for each in (*app.inputs, *app.outputs)]
        return _build_seen(app, shown, {"client_values": names}, None)
    pairs = [(each, _recall(app, each, values, keep)) for each in calls]
    call, recalled = min(pairs, key=lambda pair: _compare(shown, *pair))
    unknown = [each.name for each in app.inputs if call.find_input(each.block, _UNKNOWN) is _UNKNOWN]
    origin = {"client_values": unknown, "edited": _list_edited(shown, call, recalled)}
    return _build_seen(app, recalled, origin, call)


def _recall(app: AppModel, call: Call, values: Mapping[int, Any], keep: Keep) -> _Page:
    """Return the page as the server saw it, and as the browser has it where the call says nothing."""
    given = {each.block: call.find_input(each.block, values[each.block]) for each in app.inputs}
    return _read_page(app, given, call.outputs, keep)


def _read_page(app: AppModel, given: Mapping[int, Any], answered: Mapping[int, Any], keep: Keep) -> _Page:
    inputs, unread = read_fields(app.inputs, given, keep)
    outputs, unanswered = read_fields(app.outputs, answered, keep)
    return _Page(inputs or {NO_INPUT.name: None}, outputs, {"inputs": unread, "outputs": unanswered})


def _build_seen(app: AppModel, page: _Page, origin: dict[str, Any], call: Call | None) -> Seen:
    # A model that runs here will run on the example again, so it must be able to.
    is_external = app.spec.kind is Kind.EXTERNAL
    inputs = page.inputs if is_external else check_inputs(app.spec, page.inputs, lambda data, ending: "")
    unread = {
        role: {name: asdict(each) for name, each in found.items()}
        for role, found in page.unread.items()
        if found
    }
    told = {name: value for name, value in {**origin, "unread": unread}.items() if value}
    return Seen(inputs, build_answer(app.spec, page.outputs), told, call)


def _compare(shown: _Page, call: Call, recalled: _Page) -> tuple[bool, bool]:
    """Return how far a call is from what the browser shows: other inputs, other outputs."""
    edited = _list_edited(shown, call, recalled)
    return "inputs" in edited, "outputs" in edited


def _list_edited(shown: _Page, call: Call, recalled: _Page) -> dict[str, JsonValue]:
    """Return the browser's values that are not the server's; after a failure it shows older outputs."""
    inputs = _list_different(shown.inputs, recalled.inputs)
    outputs = {} if call.error else _list_different(shown.outputs, recalled.outputs)
    return {role: values for role, values in (("inputs", inputs), ("outputs", outputs)) if values}


def _list_different(shown: Inputs, recalled: Inputs) -> Inputs:
    return {name: value for name, value in shown.items() if _round(value) != _round(recalled[name])}


def _round(value: JsonValue) -> JsonValue:
    """Return the value as a browser sends it back, in which every number is a float."""
    if isinstance(value, dict):
        return {key: _round(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_round(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
