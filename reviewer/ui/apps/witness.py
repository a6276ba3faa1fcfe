"""What the server itself was given and answered, which Gradio keeps from a flagging callback.

A flag button hands over what the browser sends back: an input edited since, or an answer made up. So the
calls of a session are remembered as they pass. The rule: remembering changes no call and makes none fail.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
import traceback
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import escape
from typing import Any
from weakref import WeakSet

import gradio as gr
from gradio.flagging import FlagMethod

from reviewer.records import new_id, utc_now

_MOST_CALLS = 5
"""How many of its last calls are remembered of a session."""

_MOST_SESSIONS = 500

_LOG = logging.getLogger(__name__)

_MISSING = object()

_BREAK = "\u200b"
"""Lets a browser break the line in a long path."""


@dataclass(frozen=True, slots=True)
class Call:
    """One answer of the app, or several that follow from one another."""

    inputs: Mapping[int, Any]
    """Gradio's number of a component → what the browser sent of it."""
    outputs: Mapping[int, Any]
    """Gradio's number of a component → what the browser was sent, None when the app failed."""
    latency_ms: float
    error: str = ""
    """What the app's function raised, with its traceback in `details`."""
    details: str = ""
    event_id: str | None = None
    """Gradio's name of a call that answers bit by bit."""
    prediction_id: str = field(default_factory=new_id)
    made_at: datetime = field(default_factory=utc_now)

    def find_input(self, block: int, otherwise: Any) -> Any:
        """Return what the function was given, or what an example filled the field with."""
        return self.inputs.get(block, self.outputs.get(block, otherwise))

    def continues(self, last: Call) -> bool:
        """Return whether the call only adds to the last: other outputs, of the same values."""
        known = {**last.inputs, **last.outputs}
        shared = self.inputs.keys() & known.keys()
        is_same = all(self.inputs[each] == known[each] for each in shared)
        return bool(shared) and is_same and last.outputs.keys().isdisjoint(self.outputs)

    def join(self, last: Call) -> Call:
        """Return both calls as one."""
        return replace(
            self,
            inputs={**self.inputs, **last.inputs},
            outputs={**last.outputs, **self.outputs},
            latency_ms=last.latency_ms + self.latency_ms,
            error=last.error or self.error,
            details=last.details or self.details,
        )


class Witness:
    """Remembers the last calls that fill the components of one app, by browser session."""

    def __init__(self, inputs: Iterable[int], outputs: Iterable[int]) -> None:
        self._inputs = frozenset(inputs)
        self._outputs = frozenset(outputs)
        self._sessions: OrderedDict[str, deque[Call]] = OrderedDict()
        self._mutex = threading.Lock()
        _watch_calls()
        _WITNESSES.add(self)

    def list_calls(self, session_id: str) -> list[Call]:
        """Return the session's calls that filled all outputs, newest first."""
        with self._mutex:
            calls = list(self._sessions.get(session_id, ()))
        return [each for each in reversed(calls) if each.outputs.keys() >= self._outputs]

    def note(self, session_id: str, call: Call) -> None:
        """Remember a call when it fills one of the outputs."""
        if self._outputs.isdisjoint(call.outputs):
            return
        watched = self._inputs | self._outputs
        made = replace(call, inputs=_pick(call.inputs, watched), outputs=_pick(call.outputs, watched))
        with self._mutex:
            calls = self._sessions.setdefault(session_id, deque(maxlen=_MOST_CALLS))
            self._sessions.move_to_end(session_id)
            _add(calls, made)
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)


def _pick(values: Mapping[int, Any], blocks: frozenset[int]) -> dict[int, Any]:
    return {block: value for block, value in values.items() if block in blocks}


def _add(calls: deque[Call], made: Call) -> None:
    last = calls[-1] if calls else None
    if last and made.event_id is not None and made.event_id == last.event_id:
        latency = last.latency_ms + made.latency_ms
        made = replace(made, latency_ms=latency, prediction_id=last.prediction_id, made_at=last.made_at)
        calls.pop()
    elif last and made.continues(last):
        made = made.join(last)
        calls.pop()
    calls.append(made)


# Where the calls pass

_WITNESSES: WeakSet[Witness] = WeakSet()

_FAILURES: ContextVar[list[str] | None] = ContextVar("failures", default=None)
"""Sentences about flags that were not kept in the call under way, for its answer."""


def tell_failure(sentence: str) -> None:
    """Let the page show why a flag was not kept: Gradio's flag button hides what its callback raises."""
    failures = _FAILURES.get()
    if failures is not None:
        failures.append(sentence)


def _watch_calls() -> None:
    """Let all calls of this process pass by here: Gradio has no hook between a call and its answer."""
    original = gr.Blocks.process_api
    if hasattr(original, "has_witnesses"):
        return

    @functools.wraps(original)
    async def process_api(*args: Any, **call: Any) -> Any:
        """Answer as Gradio does, and remember what was answered."""
        failures: list[str] = []
        _FAILURES.set(failures)
        started = time.perf_counter()
        try:
            answer = await original(*args, **call)
        except Exception as error:
            _note_failure(call, error, started)
            raise
        _note_answer(call, answer)
        return _show_failures(call, answer, failures) if failures else answer

    process_api.has_witnesses = True  # type: ignore[attr-defined]  # so that it is done once
    gr.Blocks.process_api = process_api  # type: ignore[method-assign]  # as described above


def _note_answer(call: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    made = Call({}, {}, answer["duration"] * 1000, event_id=call.get("event_id"))
    _note(call, made)


def _note_failure(call: Mapping[str, Any], error: Exception, started: float) -> None:
    sentence = f"{type(error).__name__}: {error}".rstrip(": ")
    details = "".join(traceback.format_exception(error))
    latency = (time.perf_counter() - started) * 1000
    _note(call, Call({}, {}, latency, sentence, details, call.get("event_id")))


def _note(call: Mapping[str, Any], made: Call) -> None:
    try:
        block_fn, session_id = call.get("block_fn"), call.get("session_hash")
        if not session_id or not _is_answering(block_fn):
            return
        given, answered = _list_given(block_fn, call), _list_answered(block_fn, call, made)
        for witness in list(_WITNESSES):
            witness.note(session_id, replace(made, inputs=given, outputs=answered))
    except Exception:
        # Another version of Gradio may call otherwise: the flag then says that its values are the browser's.
        _LOG.exception("a call could not be remembered")


def _is_answering(block_fn: Any) -> bool:
    """Return whether it is a call of one session that fills components; several sessions share a batch."""
    return bool(block_fn and block_fn.outputs and not block_fn.batch and not block_fn.is_validator_function)


def _list_given(block_fn: Any, call: Mapping[str, Any]) -> dict[int, Any]:
    pairs = zip(block_fn.inputs, call["inputs"], strict=False)
    return {block._id: value for block, value in pairs if not block.stateful}


def _list_answered(block_fn: Any, call: Mapping[str, Any], made: Call) -> dict[int, Any]:
    """Return what each output shows now: a call may answer with a part of it, or leave it as it is."""
    blocks = [each._id for each in block_fn.outputs if not each.stateful]
    if made.error:
        return dict.fromkeys(blocks)
    found = {each: _find_shown(call["state"], each) for each in blocks}
    return {block: value for block, value in found.items() if value is not _MISSING}


def _find_shown(state: Any, block: int) -> Any:
    value = state.config_values.get(block, {}).get("props", {}).get("value", _MISSING)
    return value.model_dump() if hasattr(value, "model_dump") else value


def _show_failures(call: Mapping[str, Any], answer: dict[str, Any], failures: list[str]) -> Any:
    """Return the answer of a flag button with the sentence on it, ready to be pressed again."""
    block_fn = call.get("block_fn")
    if block_fn is None or not isinstance(block_fn.fn, FlagMethod):
        return answer
    if not block_fn.outputs:
        raise gr.Error(escape(failures[0]), title="", print_exception=False)
    said = f"⚠ {failures[0]}".replace("/", f"/{_BREAK}").replace("_", f"_{_BREAK}")
    return {**answer, "data": [{"__type__": "update", "value": said, "interactive": True}]}
