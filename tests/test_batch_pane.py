from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request
from test_batch_run import LOGIN, REFUND, SCORED, TEXT, run_rows, write_rows

from reviewer.access import Role
from reviewer.batch.mapping import ColumnMap
from reviewer.batch.run import run_batch
from reviewer.batch.start import preview_file, start_batch
from reviewer.batch.state import Batch
from reviewer.ui.batch_pane import BatchPane, build_batch, wire_batch
from reviewer.ui.batch_report import (
    SHOWN_COLUMNS,
    SHOWN_REJECTED,
    describe_batch,
    describe_list,
    describe_metrics,
    describe_preview,
    describe_rejected,
    draw_metrics,
)
from reviewer.ui.handlers import ROLE_MARK
from reviewer.workspace import Workspace

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def request_() -> gr.Request:
    return ask_in("en")


def ask_in(language: str) -> gr.Request:
    headers = [(b"accept-language", language.encode())]
    return gr.Request(Request({"type": "http", "headers": headers}))


def build(workspace: Workspace) -> tuple[gr.Blocks, BatchPane]:
    with gr.Blocks() as app, gr.Tabs(), gr.Tab("Batch") as tab:
        pane = build_batch(workspace)
        wire_batch(workspace, pane, tab, app)
    return app, pane


def call(app: gr.Blocks, name: str, *values: Any) -> Any:
    """Call the handler of that name as the page would."""
    handler = next(each.fn for each in app.fns.values() if each.fn and each.fn.__name__ == name)
    return handler(*values)


def test_every_handler_of_the_pane_names_the_role_it_needs(tiny_workspace: Workspace) -> None:
    app, _ = build(tiny_workspace)
    handlers = [each.fn for each in app.fns.values() if each.fn is not None]
    assert {getattr(each, ROLE_MARK, None) for each in handlers} == {Role.TESTER}
    assert {each.api_visibility for each in app.fns.values()} == {"private"}


def test_a_file_is_looked_at_and_its_columns_offered(tiny_workspace: Workspace, request_: gr.Request) -> None:
    app, pane = build(tiny_workspace)
    path = write_rows(tiny_workspace.folder / "a.csv", [(HOSTILE, "login")])
    confirm, preview, truth, text = call(app, "look", request_, "tickets", str(path))
    assert len(pane.confirmed) == 4
    assert confirm.visible
    assert "&lt;img" in preview
    assert HOSTILE not in preview
    assert (text.value, truth.value) == ("text", "label")
    assert truth.choices[0] == ("none", "")


def test_an_unreadable_file_is_told_in_its_own_words(tiny_workspace: Workspace, request_: gr.Request) -> None:
    app, _ = build(tiny_workspace)
    path = tiny_workspace.folder / "a.csv"
    path.write_bytes(b"text\n\xff\n")
    with pytest.raises(gr.Error, match="no text in UTF-8"):
        call(app, "look", request_, "tickets", str(path))


def test_a_run_without_a_file_or_a_column_says_what_is_missing(
    tiny_workspace: Workspace, request_: gr.Request
) -> None:
    app, _ = build(tiny_workspace)
    with pytest.raises(gr.Error, match="Upload a file first"):
        call(app, "start", request_, "tickets", "1", None, "", True, 10, "text")
    path = write_rows(tiny_workspace.folder / "a.csv", [(LOGIN, "login")])
    with pytest.raises(gr.Error, match="No column is chosen for the input"):
        call(app, "start", request_, "tickets", "1", str(path), "label", True, 10, None)


def test_an_empty_tab_says_how_to_begin(tiny_workspace: Workspace, request_: gr.Request) -> None:
    app, pane = build(tiny_workspace)
    chosen, stop, resume, state, *rest = call(app, "show", request_, None, False)
    assert "No batch yet" in state
    assert [each.visible for each in (chosen, stop, resume)] == [False, False, False]
    assert len([chosen, stop, resume, state, *rest]) == len(pane.shown)


def test_a_batch_that_ended_is_shown_and_the_clock_stands(
    tiny_workspace: Workspace, request_: gr.Request
) -> None:
    batch = run_rows(tiny_workspace, [(REFUND, "refund"), (LOGIN, "refund")])
    app, _ = build(tiny_workspace)
    chosen, _, resume, state, _, metrics, figure, listed, timer = call(app, "show", request_, None, False)
    assert chosen.value == batch.batch_id
    assert "Done: 2 of 2 rows" in state
    assert "Accuracy" in metrics
    assert figure.visible
    assert not timer.active
    assert not resume.visible
    assert "given.csv" in listed


def test_what_does_not_run_here_cannot_be_stopped_here(
    tiny_workspace: Workspace, request_: gr.Request
) -> None:
    run_rows(tiny_workspace, [(LOGIN, "login")])
    app, _ = build(tiny_workspace)
    with pytest.raises(gr.Error, match="does not run in this app"):
        call(app, "stop", request_, "1")


# What is said


def test_names_of_files_and_reasons_are_escaped(tiny_workspace: Workspace, request_: gr.Request) -> None:
    path = write_rows(tiny_workspace.folder / f"{HOSTILE.replace('/', '')}.csv", [("x", HOSTILE)])
    made = start_batch(tiny_workspace, "tickets", path, SCORED)
    batch = run_batch(tiny_workspace, made.batch_id)
    spec = tiny_workspace.find_model("tickets")
    said = describe_batch(request_, spec, batch) + describe_rejected(request_, batch)
    said += describe_list(request_, [batch])
    assert "<img" not in said
    assert "&lt;img" in said


def test_a_wide_file_shows_its_first_columns_and_counts_the_others(
    tiny_workspace: Workspace, request_: gr.Request
) -> None:
    names = tuple(f"c{number}" for number in range(3000))
    path = write_rows(tiny_workspace.folder / "a.csv", [names], names)
    said = describe_preview(request_, preview_file(tiny_workspace.find_model("tickets"), path))
    assert said.count("<th>") == SHOWN_COLUMNS
    assert "and 2,988 more columns" in said


def test_no_more_rejected_rows_are_shown_than_a_page_holds(
    tiny_workspace: Workspace, request_: gr.Request
) -> None:
    batch = run_rows(tiny_workspace, [("", "login")] * 250)
    said = describe_rejected(request_, batch)
    assert "Rejected rows, 100 of 250" in said
    assert said.count("<tr>") == SHOWN_REJECTED + 1


@pytest.mark.parametrize("language", ["en", "ru"])
def test_each_state_is_said_in_each_language(tiny_workspace: Workspace, language: str) -> None:
    batch = run_rows(tiny_workspace, [(LOGIN, "refund"), ("", "login")])
    request, spec = ask_in(language), tiny_workspace.find_model("tickets")
    said = describe_batch(request, spec, batch) + describe_metrics(request, batch)
    said += describe_list(request, [batch])
    assert re.search("[а-яё]", said) if language == "ru" else "Rows scored" in said


def test_the_reasons_of_bad_rows_are_told_in_russian(tiny_workspace: Workspace) -> None:
    batch = run_rows(tiny_workspace, [(LOGIN, "refund"), ("", "login"), (LOGIN, "nothing")])
    said = describe_rejected(ask_in("ru"), batch)
    assert "<td>text: не заполнено.</td>" in said
    assert "label: указано &#x27;nothing&#x27;, а такого ответа у модели tickets нет; подойдут" in said


def find_note(workspace: Workspace, request: gr.Request, batch: Batch) -> str:
    return describe_batch(request, workspace.find_model(batch.model), batch)


def test_it_is_said_why_nothing_or_not_all_is_flagged(
    tiny_workspace: Workspace, request_: gr.Request
) -> None:
    rows = [(LOGIN, "refund"), (REFUND, "login")]
    assert "no rules" in find_note(tiny_workspace, request_, run_rows(tiny_workspace, rows, TEXT))
    capped = run_rows(tiny_workspace, rows, max_flags=1)
    assert "limit of flags" in find_note(tiny_workspace, request_, capped)
    run_rows(tiny_workspace, rows)
    assert "flagged before" in find_note(tiny_workspace, request_, run_rows(tiny_workspace, rows))


def test_the_link_to_the_flags_finds_those_of_the_batch(
    tiny_workspace: Workspace, request_: gr.Request
) -> None:
    rows = [(f"{LOGIN} {number}", "refund") for number in range(3)]
    batch = run_rows(tiny_workspace, rows)
    assert "?tab=review&amp;model=tickets&amp;version=1&amp;text=Batch+1%2C+row" in find_note(
        tiny_workspace, request_, batch
    )
    assert len(tiny_workspace.queue(text="Batch 1, row", model="tickets", version="1")) == 3


def test_a_confusion_counts_rows_by_right_and_predicted_label(
    tiny_workspace: Workspace, request_: gr.Request
) -> None:
    batch = run_rows(tiny_workspace, [(REFUND, "refund"), (LOGIN, "refund"), (LOGIN, "login")])
    figure = draw_metrics(request_, batch, is_dark=False)
    assert [list(row) for row in figure.data[0].z] == [[1, None], [1, 1]]
    assert figure.layout.yaxis.title.text == "Right label"


def test_residuals_are_drawn_for_values(demo_workspace: Workspace, request_: gr.Request) -> None:
    path: Path = demo_workspace.folder / "data/diabetes.csv"
    mapping: ColumnMap = preview_file(demo_workspace.find_model("diabetes"), path).mapping
    made = start_batch(demo_workspace, "diabetes", path, mapping, has_flags=False)
    batch = run_batch(demo_workspace, made.batch_id)
    figure = draw_metrics(request_, batch, is_dark=True)
    assert len(figure.data[0].x) == batch.counts.answered
    assert figure.layout.yaxis.title.text == "Residual (right − predicted)"
