"""Apps of other people with one line changed, in a real browser, and their flags in review."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from apps import read_flags
from browser import find_free_port, save_screenshot, serve_folder, watch_errors
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from reviewer.log.media import MediaStore
from reviewer.ui.texts import load_texts
from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

CALCULATOR = """\
import gradio as gr
import reviewer

def calculate(first, operation, second):
    if operation == "divide" and second == 0:
        raise gr.Error("Nothing can be divided by zero.")
    return {"add": first + second, "multiply": first * second, "divide": first / (second or 1)}[operation]

gr.Interface(
    calculate,
    ["number", gr.Radio(["add", "multiply", "divide"]), "number"],
    "number",
    flagging_callback=reviewer.FlagLogger("flags"),
    flagging_options=["incorrect", "slow or error"],
).launch()
"""

SEPIA = """\
import gradio as gr
import numpy as np
import reviewer

def tone(picture):
    brown = np.array([[0.4, 0.75, 0.2], [0.35, 0.7, 0.15], [0.25, 0.55, 0.1]])
    toned = picture @ brown.T
    return (toned / toned.max() * 255).astype(np.uint8)

gr.Interface(
    tone, gr.Image(), "image", title="Sepia", flagging_callback=reviewer.FlagLogger("flags")
).launch()
"""

EVERYTHING = """\
import gradio as gr
import pandas as pd
import plotly.graph_objects as go
import reviewer

def answer(*values):
    scores = {"yes": 0.75, "no": 0.25}
    pieces = [("Bern", "city"), (" is nice", None), ("!", 0.5)]
    return (
        scores, 2.5, "=a\\n-b", "**bold**", "<i>x</i>", {"a": [1, 2.0, None, "=x"]}, pieces,
        pd.DataFrame({"n": [1.5, 2], "t": ["007", "=x"]}), go.Figure(go.Bar(y=[1, 2])),
        "picture.png", [("picture.png", "one")], True, "b", ["a", "c"], "2026-03-01 10:00:00",
        [{"role": "assistant", "content": "-5"}], "picture.png",
    )

inputs = [
    gr.Textbox("'=typed 1e5", label="Text"),
    gr.Number(-2.5, label="Number"),
    gr.Slider(0, 10, 3, label="Slider"),
    gr.Checkbox(True, label="Checkbox"),
    gr.CheckboxGroup(["a", "b", "c"], value=["c", "a"], label="Group"),
    gr.Radio([("One", 1), ("Two", 2)], value=2, label="Radio"),
    gr.Dropdown(["x", "y"], value="y", label="Choice"),
    gr.Dropdown(["x", "y"], value=["y"], multiselect=True, label="Choices"),
    gr.DateTime("2026-03-01 12:30:00", label="Date"),
    gr.Image("picture.png", label="Picture"),
    gr.File("picture.png", label="File"),
    gr.Dataframe([["007", "1.5"]], headers=["code", "size"], label="Table"),
    gr.Code("print(-1)", label="Code"),
    gr.ColorPicker("#ff0000", label="Color"),
    gr.State(5),
]
outputs = [
    gr.Label(label="Kind"), gr.Number(label="Value"), gr.Textbox(label="Said"), gr.Markdown(label="Marked"),
    gr.HTML(label="Page"), gr.JSON(label="Json"), gr.HighlightedText(label="Words"),
    gr.Dataframe(label="Rows"), gr.Plot(label="Bars"), gr.Image(label="Shown"),
    gr.Gallery(label="Gallery"), gr.Checkbox(label="Is it"), gr.Radio(["a", "b"], label="Which"),
    gr.CheckboxGroup(["a", "b", "c"], label="Several"), gr.DateTime(label="When"),
    gr.Chatbot(label="Chat"), gr.File(label="Download"),
]
with gr.Blocks() as app:
    for each in [*inputs, *outputs]:
        each.render()
    gr.Button("Answer").click(answer, inputs, outputs)
    reviewer.flagging(inputs, outputs, workspace="flags", model="everything")
app.launch()
"""

SPELLING = """\
import time
import gradio as gr
import reviewer

def spell(word):
    for end in range(1, len(word) + 1):
        yield word[:end]

gr.Interface(spell, "text", "text", flagging_callback=reviewer.FlagLogger("flags")).launch()
"""

TICKETS = """\
import gradio as gr
import reviewer

def sort(message):
    is_money = "money" in message.lower()
    return {"refund": 0.8, "login": 0.2} if is_money else {"login": 0.6, "refund": 0.4}

with gr.Blocks(title="Tickets") as app:
    message = gr.Textbox(label="Message")
    kind = gr.Label(label="Kind")
    gr.Button("Sort").click(sort, message, kind)
    reviewer.flagging(message, kind, workspace="flags")
app.launch()
"""


@contextlib.contextmanager
def run_app(folder: Path, script: str) -> Iterator[str]:
    """Run a person's script and yield the address that it prints."""
    (folder / "app.py").write_text(script, encoding="utf-8")
    settings = {"GRADIO_SERVER_PORT": str(find_free_port()), "GRADIO_ANALYTICS_ENABLED": "False"}
    environment = {**os.environ, **settings, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = next((each for each in process.stdout if "http://127.0.0.1" in each), "")
        assert line, f"the app ended with {process.wait()} before it answered"
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=90)


def open_page(browser: Browser, address: str, locale: str = "en-US") -> Page:
    page = browser.new_page(viewport={"width": 1100, "height": 900}, locale=locale)
    page.goto(address)
    return page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def press_flag(page: Page, name: str) -> None:
    """Press one of Gradio's flag buttons and return when it says that the flag was saved."""
    press(page, name)
    expect(page.get_by_role("button", name="Saving...")).to_be_visible()
    expect(page.get_by_role("button", name=name, exact=True)).to_be_enabled()


def test_a_calculator_with_one_line_changed(browser: Browser, tmp_path: Path) -> None:
    with run_app(tmp_path, CALCULATOR) as address:
        page = open_page(browser, address)
        page.get_by_label("first").fill("-3")
        page.get_by_label("second").fill("4.5")
        page.get_by_label("multiply").check()
        press(page, "Submit")
        expect(page.get_by_label("output")).to_have_value("-13.5")
        press_flag(page, "Flag as incorrect")
        page.get_by_label("divide").check()
        page.get_by_label("second").fill("0")
        press(page, "Submit")
        expect(page.get_by_text("Nothing can be divided by zero.")).to_be_visible()
        press_flag(page, "Flag as slow or error")
        save_screenshot(page, "calculator", tmp_path)
    first, second = read_flags(tmp_path / "flags")
    assert first.inputs == {"first": -3, "operation": "multiply", "second": 4.5}
    assert (first.predicted_value, first.option, first.origin) == (-13.5, "wrong_value", None)
    assert second.inputs == {"first": -3, "operation": "divide", "second": 0}
    assert (second.predicted_value, second.tags, second.origin) == (None, ("slow or error",), None)


def test_a_folder_that_cannot_be_written_is_said_on_the_page_and_no_word_is_lost(
    browser: Browser, tmp_path: Path
) -> None:
    with run_app(tmp_path, CALCULATOR) as address:
        page = open_page(browser, address)
        page.get_by_label("first").fill("1")
        page.get_by_label("second").fill("2")
        page.get_by_label("add").check()
        press(page, "Submit")
        expect(page.get_by_label("output")).to_have_value("3")
        (tmp_path / "flags" / "flagged").write_text("no folder")
        press(page, "Flag as incorrect")
        button = page.get_by_role("button", name="could not be written")
        expect(button).to_be_enabled()
        save_screenshot(page, "unwritable", tmp_path)
        assert page.get_by_label("first").input_value() == "1"
        (tmp_path / "flags" / "flagged").unlink()
        button.click()
        expect(page.get_by_role("button", name="Flag as incorrect")).to_be_enabled()
    (flag,) = read_flags(tmp_path / "flags")
    assert (flag.inputs["first"], flag.predicted_value) == (1, 3)


def test_a_picture_filter_keeps_both_pictures(browser: Browser, tmp_path: Path) -> None:
    Image.effect_noise((32, 24), 90).convert("RGB").save(tmp_path / "noise.png")
    with run_app(tmp_path, SEPIA) as address:
        page = open_page(browser, address)
        page.locator("input[type=file]").first.set_input_files(tmp_path / "noise.png")
        expect(page.locator("img").first).to_be_visible()
        press(page, "Submit")
        expect(page.locator("img").nth(1)).to_be_visible()
        press_flag(page, "Flag")
        save_screenshot(page, "sepia", tmp_path)
    (flag,) = read_flags(tmp_path / "flags")
    assert (flag.model, flag.task, flag.origin) == ("sepia", "generic", None)
    media = MediaStore(tmp_path / "flags" / "flagged" / "media")
    assert media.read(flag.inputs["picture"]["media"]) == (tmp_path / "noise.png").read_bytes()
    with Image.open(media.find(flag.output["media"])) as shown:
        assert shown.size == (32, 24)


def test_what_a_browser_sends_back_of_every_component_is_what_the_server_gave_it(
    browser: Browser, tmp_path: Path
) -> None:
    Image.new("RGB", (8, 6), "red").save(tmp_path / "picture.png")
    with run_app(tmp_path, EVERYTHING) as address:
        page = open_page(browser, address)
        press(page, "Answer")
        expect(page.get_by_text(" is nice")).to_be_visible()
        press(page, "Wrong label")
        expect(page.locator(".toast-body")).to_contain_text("Flagged as: Wrong label")
        save_screenshot(page, "everything", tmp_path)
    (flag,) = read_flags(tmp_path / "flags")
    assert flag.origin is None
    picture = flag.inputs.pop("picture")["media"]
    assert flag.inputs.pop("file") == {"media": picture, "name": "picture.png"}
    assert flag.inputs == {
        "text": "'=typed 1e5",
        "number": -2.5,
        "slider": 3,
        "checkbox": True,
        "group": ["a", "c"],
        "radio": "2",
        "choice": "y",
        "choices": ["y"],
        "date": "2026-03-01T12:30:00",
        "table": {"columns": ["code", "size"], "rows": [["007", "1.5"]]},
        "code": "print(-1)",
        "color": "#ff0000",
    }
    assert (flag.scores, flag.predicted_value) == ({"yes": 0.75, "no": 0.25}, 2.5)
    assert (flag.output["said"], flag.output["marked"]) == ("=a\n-b", "**bold**")
    assert flag.output["json"] == {"a": [1, 2.0, None, "=x"]}
    assert flag.output["words"] == [["Bern", "city"], [" is nice", None], ["!", 0.5]]
    assert flag.output["rows"] == {"columns": ["n", "t"], "rows": [[1.5, "007"], [2.0, "=x"]]}
    assert flag.output["bars"]["plotly"]["data"][0]["type"] == "bar"
    assert flag.output["gallery"][0]["caption"] == "one"
    assert (flag.output["is_it"], flag.output["which"], flag.output["several"]) == (True, "b", ["a", "c"])
    assert flag.output["chat"][0]["content"][0]["text"] == "-5"
    assert flag.output["download"] == {"media": picture, "name": "picture.png"}


def test_an_answer_that_comes_bit_by_bit_is_flagged_as_it_ended(browser: Browser, tmp_path: Path) -> None:
    with run_app(tmp_path, SPELLING) as address:
        page = open_page(browser, address)
        page.get_by_label("word").fill("reviewer")
        press(page, "Submit")
        expect(page.get_by_label("output")).to_have_value("reviewer")
        expect(page.get_by_role("button", name="Submit")).to_be_visible()
        press_flag(page, "Flag")
    (flag,) = read_flags(tmp_path / "flags")
    assert (flag.inputs, flag.output, flag.origin) == ({"word": "reviewer"}, "reviewer", None)


def test_a_flag_of_an_app_is_corrected_in_review(browser: Browser, tmp_path: Path) -> None:
    with run_app(tmp_path, TICKETS) as address:
        page = open_page(browser, address, "ru-RU")
        for message in ("Where is my money?", "I forgot my password, <b>money</b>"):
            page.get_by_label("Message").fill(message)
            press(page, "Sort")
            expect(page.locator(".output-class")).to_contain_text("refund")
            page.get_by_label("Комментарий").fill(f"о письме: {message}")
            press(page, load_texts("ru")["option.wrong_label"])
            expect(page.locator(".toast-body").first).to_contain_text("Отмечено")
            expect(page.get_by_label("Комментарий")).to_have_value("")
            save_screenshot(page, "tickets", tmp_path)
    with serve_folder(tmp_path / "flags") as address:
        page = open_page(browser, address + "?tab=review")
        errors = watch_errors(page)
        row = page.locator("#desk [role=option]").first
        expect(row).to_contain_text("I forgot my password, <b>money</b>")
        row.click()
        expect(page.locator(".desk-card")).to_contain_text("о письме: I forgot")
        save_screenshot(page, "tickets-review", tmp_path)
        page.locator(".desk-card .desk-label", has_text="login").first.click()
        expect(page.locator(".desk-status")).to_contain_text("saved")
        save_screenshot(page, "tickets-corrected", tmp_path)
        assert errors == []
    with Workspace.open(tmp_path / "flags") as workspace:
        (corrected,) = workspace.queue(view="done")
    assert corrected.state.corrected_label == "login"
    assert corrected.inputs == {"message": "I forgot my password, <b>money</b>"}
