from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from apps import Page, open_page, read_flags

from reviewer.records import Flag
from reviewer.ui.apps.witness import Call, Witness
from reviewer.ui.flagging import FlagButtons, flagging


def flag_once(page: Page, buttons: FlagButtons, folder: Path, *values: Any) -> Flag:
    """Press the first flag button with these values; returns the newest flag."""
    answer = page.press(next(iter(buttons.options.values())), *values, None, "")
    assert answer["status"] == 200
    return read_flags(folder)[-1]


def test_calls_that_follow_from_one_another_are_one_answer(tmp_path: Path) -> None:
    with gr.Blocks() as app:
        text, loud, length = gr.Textbox(label="Text"), gr.Textbox(label="Loud"), gr.Number(label="Length")
        gr.Button().click(str.upper, text, loud, api_name="shout").then(len, loud, length, api_name="count")
        buttons = flagging(text, [loud, length], workspace=tmp_path)
    with open_page(app) as page:
        page.call("upper", "abc")
        page.call("len", "ABC")
        flag = flag_once(page, buttons, tmp_path, "abc", "ABC", 3)
        assert (flag.inputs, flag.predicted_value, flag.output) == ({"text": "abc"}, 3, {"loud": "ABC"})
        assert flag.origin is None
        page.call("upper", "wxyz")
        stale = flag_once(page, buttons, tmp_path, "wxyz", "WXYZ", 3)
    assert stale.inputs == {"text": "abc"}, "nobody counted WXYZ yet"
    assert stale.origin == {"edited": {"inputs": {"text": "wxyz"}, "outputs": {"loud": "WXYZ"}}}


def test_two_models_asked_side_by_side_are_one_answer(tmp_path: Path) -> None:
    with gr.Blocks() as app:
        text, one, two = gr.Textbox(label="Text"), gr.Textbox(label="One"), gr.Textbox(label="Two")
        gr.on([gr.Button().click], str.upper, text, one)
        gr.on([gr.Button().click], str.title, text, two)
        buttons = flagging(text, [one, two], workspace=tmp_path)
    with open_page(app) as page:
        page.call("upper", "a b")
        page.call("title", "a b")
        flag = flag_once(page, buttons, tmp_path, "a b", "A B", "A B")
    assert (flag.output, flag.origin) == ({"one": "A B", "two": "A B"}, None)


def test_an_input_that_no_call_took_is_named_as_the_browsers(tmp_path: Path) -> None:
    with gr.Blocks() as app:
        text, note, loud = gr.Textbox(label="Text"), gr.Textbox(label="Note"), gr.Textbox(label="Loud")
        gr.Button().click(str.upper, text, loud)
        buttons = flagging([text, note], loud, workspace=tmp_path)
    with open_page(app) as page:
        page.call("upper", "a")
        flag = flag_once(page, buttons, tmp_path, "a", "by hand", "A")
    assert (flag.inputs, flag.origin) == ({"text": "a", "note": "by hand"}, {"client_values": ["note"]})


def test_a_field_that_the_server_filled_in_counts_as_asked(tmp_path: Path) -> None:
    def fill() -> tuple[str, str]:
        return "an example", "AN EXAMPLE"

    with gr.Blocks() as app:
        text, loud = gr.Textbox(label="Text"), gr.Textbox(label="Loud")
        gr.Button().click(fill, None, [text, loud])
        buttons = flagging(text, loud, workspace=tmp_path)
    with open_page(app) as page:
        page.call("fill")
        flag = flag_once(page, buttons, tmp_path, "an example", "AN EXAMPLE")
    assert (flag.inputs, flag.output, flag.origin) == ({"text": "an example"}, "AN EXAMPLE", None)


@pytest.mark.parametrize(
    "answer", [lambda: gr.Textbox(value="new", label="x"), lambda: gr.update(value="new")]
)
def test_an_answer_that_also_changes_the_component_is_read(answer: Callable[[], Any], tmp_path: Path) -> None:
    def change(text: str) -> Any:
        return answer()

    with gr.Blocks() as app:
        text, shown = gr.Textbox(label="Text"), gr.Textbox(label="Shown")
        gr.Button().click(change, text, shown)
        buttons = flagging(text, shown, workspace=tmp_path)
    with open_page(app) as page:
        page.call("change", "a")
        flag = flag_once(page, buttons, tmp_path, "a", "new")
    assert (flag.output, flag.origin) == ("new", None)


def test_a_whole_number_that_a_browser_cannot_hold_is_kept_as_the_server_has_it(tmp_path: Path) -> None:
    exact = 2**60 + 1

    def count(text: str) -> dict[str, int]:
        return {"id": exact, "one": 1}

    with gr.Blocks() as app:
        text, shown = gr.Textbox(label="Text"), gr.JSON(label="Shown")
        gr.Button().click(count, text, shown)
        buttons = flagging(text, shown, workspace=tmp_path)
    with open_page(app) as page:
        page.call("count", "a")
        flag = flag_once(page, buttons, tmp_path, "a", {"id": 2**60, "one": 1.0})
    assert (flag.output, flag.origin) == ({"id": exact, "one": 1}, None)


def test_answers_to_a_batch_are_the_browsers_since_they_are_of_several_sessions(tmp_path: Path) -> None:
    def shout(texts: list[str]) -> tuple[list[str]]:
        return ([each.upper() for each in texts],)

    with gr.Blocks() as app:
        text, loud = gr.Textbox(label="Text"), gr.Textbox(label="Loud")
        gr.Button().click(shout, text, loud, batch=True)
        buttons = flagging(text, loud, workspace=tmp_path)
    with open_page(app) as page:
        assert page.call("shout", "a") == ["A"]
        flag = flag_once(page, buttons, tmp_path, "a", "A")
    assert flag.origin == {"client_values": ["text", "loud"]}


def test_a_witness_remembers_a_few_calls_of_a_few_hundred_sessions() -> None:
    witness = Witness([1], [2])
    for session in range(600):
        for number in range(7):
            witness.note(f"s{session}", Call({1: number, 9: "else"}, {2: number}, 1.0))
    assert witness.list_calls("s0") == []
    assert [each.inputs for each in witness.list_calls("s599")] == [{1: at} for at in (6, 5, 4, 3, 2)]


def test_a_call_that_answers_bit_by_bit_is_remembered_once_as_it_ended() -> None:
    witness = Witness([1], [2])
    for part in ("a", "ab", "abc"):
        witness.note("s", Call({1: "x"}, {2: part}, 2.0, event_id="e"))
    (call,) = witness.list_calls("s")
    assert (call.outputs, call.latency_ms) == ({2: "abc"}, 6.0)


def test_a_call_of_other_components_is_not_remembered() -> None:
    witness = Witness([1], [2])
    witness.note("s", Call({1: "x"}, {3: "y"}, 1.0))
    assert witness.list_calls("s") == []


def test_a_call_that_cannot_be_remembered_answers_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: Witness, session_id: str, call: Call) -> None:
        raise RuntimeError("no memory")

    with gr.Blocks() as app:
        text, loud = gr.Textbox(label="Text"), gr.Textbox(label="Loud")
        gr.Button().click(str.upper, text, loud)
        buttons = flagging(text, loud, workspace=tmp_path)
    monkeypatch.setattr(Witness, "note", fail)
    with open_page(app) as page:
        assert page.call("upper", "a") == ["A"]
        flag = flag_once(page, buttons, tmp_path, "a", "A")
    assert flag.origin == {"client_values": ["text", "loud"]}
    assert "could not be remembered" in caplog.text
