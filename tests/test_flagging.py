from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from apps import Page, open_page, read_flags

import reviewer
from reviewer.errors import ConfigError, UnknownNameError
from reviewer.records import FLAG_OPTIONS, Task
from reviewer.ui.flagging import FlagButtons
from reviewer.ui.texts import load_texts


def shout(text: str) -> str:
    return text.upper()


def make_app(folder: Path, **given: Any) -> tuple[gr.Blocks, FlagButtons]:
    """Return a Blocks app as people write it, with the one line added."""
    with gr.Blocks() as app:
        text, loud = gr.Textbox(label="Text"), gr.Textbox(label="Loud")
        gr.Button("Go").click(shout, text, loud)
        buttons = reviewer.flagging(text, loud, workspace=folder, **given)
    return app, buttons


@pytest.fixture
def app(tmp_path: Path) -> Iterator[tuple[Page, FlagButtons]]:
    built, buttons = make_app(tmp_path, model="shout", version="3")
    with open_page(built) as page:
        yield page, buttons


def test_a_press_logs_the_page_with_what_was_said(
    app: tuple[Page, FlagButtons], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, buttons = app
    page.call("shout", "hi")
    answer = page.press(buttons.options["hallucination"], "hi", "HI", "  Hi! ", "=too loud")
    assert answer["data"] == ["", ""]
    assert "Flagged as: Hallucination. Thank you." in capsys.readouterr().out
    (flag,) = read_flags(tmp_path)
    assert (flag.model, flag.model_version, flag.option) == ("shout", "3", "hallucination")
    assert (flag.inputs, flag.output, flag.origin) == ({"text": "hi"}, "HI", None)
    assert (flag.suggested_label, flag.comment) == ("  Hi! ", "=too loud")


def test_the_options_are_the_models_own_and_speak_the_browsers_language(
    app: tuple[Page, FlagButtons], capsys: pytest.CaptureFixture[str]
) -> None:
    page, buttons = app
    assert list(buttons.options) == list(FLAG_OPTIONS[Task.TEXT_GENERATION])
    page.language = "ru-RU,ru;q=0.9,en;q=0.8"
    number = next(key for key, each in page.app.fns.items() if each.targets[0][1] == "load")
    title, *rest = page.send(number, [])["data"]
    assert title == load_texts("ru")["flagging.title"]
    assert [each["value"] for each in rest[: len(buttons.options)]] == [
        load_texts("ru")[f"option.{each}"] for each in buttons.options
    ]
    assert rest[-1]["label"] == load_texts("ru")["test.comment"]
    page.press(buttons.options["bias"], "a", "A", None, "")
    assert "Отмечено: Предвзятость" in capsys.readouterr().out


def test_a_language_can_be_fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app, buttons = make_app(tmp_path, language="ru")
    assert buttons.options["other"].value == load_texts("ru")["option.other"]
    with open_page(app) as page:
        page.press(buttons.options["other"], "a", "A", None, "")
    assert "Отмечено" in capsys.readouterr().out
    with pytest.raises(UnknownNameError, match=r"no language 'fr'.*Known: en, ru"):
        make_app(tmp_path, language="fr")


def test_options_may_be_the_apps_own_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app, buttons = make_app(tmp_path, options=["privacy", "Rude", ("🙂", "good_example"), ("<b>", "loud")])
    assert [each.value for each in buttons.options.values()] == ["Privacy", "Rude", "🙂", "<b>"]
    with open_page(app) as page:
        for button in buttons.options.values():
            page.press(button, "a", "A", None, "")
    assert "&lt;b&gt;" in capsys.readouterr().out
    assert [(each.option, each.tags) for each in read_flags(tmp_path)] == [
        ("privacy", ()),
        ("other", ("Rude",)),
        ("good_example", ()),
        ("other", ("loud",)),
    ]


def test_pressing_again_is_another_flag_only_when_more_is_said(
    app: tuple[Page, FlagButtons], tmp_path: Path
) -> None:
    page, buttons = app
    page.call("shout", "hi")
    for comment in ("", "", "why so loud", "", "why so loud"):
        page.press(buttons.options["other"], "hi", "HI", None, comment)
    page.call("shout", "ho")
    for comment in ("again", ""):
        page.press(buttons.options["other"], "ho", "HO", None, comment)
    assert [each.comment for each in read_flags(tmp_path)] == ["", "why so loud", "again"]


def test_a_failure_is_a_message_and_what_was_typed_stays(
    app: tuple[Page, FlagButtons], tmp_path: Path
) -> None:
    page, buttons = app
    (tmp_path / "flagged").write_text("no folder")
    answer = page.press(buttons.options["other"], "hi", "HI", None, "words")
    assert answer["status"] == 500
    assert "could not be written" in answer["error"]


def test_a_model_with_labels_offers_them_and_takes_no_other(tiny_folder: Path) -> None:
    with gr.Blocks() as app:
        text, answer = gr.Textbox(), gr.Label()
        buttons = reviewer.flagging(text, answer, workspace=tiny_folder, model="tickets")
    assert isinstance(buttons.suggestion, gr.Dropdown)
    sent = {"label": "login", "confidences": [{"label": "login", "confidence": 1.0}]}
    with open_page(app) as page:
        refused = page.press(buttons.options["wrong_label"], "refund", sent, "refunds", "")
        assert "no label &#x27;refunds&#x27;. Did you mean &#x27;refund&#x27;?" in refused["error"]
        page.press(buttons.options["wrong_label"], "refund", sent, "refund", "")
    assert [each.suggested_label for each in read_flags(tiny_folder)] == ["refund"]


def test_no_endpoint_is_added_to_the_api_of_the_app(app: tuple[Page, FlagButtons]) -> None:
    page, _ = app
    assert list(page.client.get("/gradio_api/info").json()["named_endpoints"]) == ["/shout"]


def test_flagging_outside_an_app_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"call it inside `with gr.Blocks\(\):`"):
        reviewer.flagging(gr.Textbox(), gr.Textbox(), workspace=tmp_path)


def test_no_options_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="leave options out"):
        make_app(tmp_path, options=[])


def test_an_app_with_a_title_names_its_model(tmp_path: Path) -> None:
    with gr.Blocks(title="Loud speaker"):
        reviewer.flagging(gr.Textbox(), gr.Textbox(), workspace=tmp_path)
    assert list(reviewer.Workspace.open(tmp_path).spec.models) == ["loud_speaker"]
