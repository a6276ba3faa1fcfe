from __future__ import annotations

import json
import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from apps import Page, open_page, read_flags
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer import FlagLogger, Workspace
from reviewer.errors import ConfigError, InputError
from reviewer.models.outputs import list_outputs
from reviewer.records import Source

SCORES = {"spam": 0.75, "ham": 0.25}
SENT = {
    "label": "spam",
    "confidences": [{"label": "spam", "confidence": 0.75}, {"label": "ham", "confidence": 0.25}],
}


def classify(text: str) -> dict[str, float]:
    if text == "break":
        raise ValueError("the model is out")
    return SCORES if "money" in text else {"ham": 0.9, "spam": 0.1}


def make_app(folder: Path, **given: Any) -> gr.Interface:
    """Return a text classifier's app as people write it, with the one line changed."""
    logger = FlagLogger(folder, **given.pop("logger", {}))
    return gr.Interface(classify, "text", "label", flagging_callback=logger, **given)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    options = [("Incorrect", "incorrect"), ("Wrong label", "wrong_label"), ("Odd", "odd")]
    with open_page(make_app(tmp_path, flagging_options=options)) as opened:
        yield opened


def read_predictions(folder: Path) -> list[tuple[str, str | None]]:
    """Return the id and the error of each prediction in the log."""
    with Workspace.open(folder) as workspace, workspace.reading() as cursor:
        rows = cursor.execute("select prediction_id::varchar, error from predictions order by position")
        return rows.fetchall()


def test_a_flag_is_what_the_server_answered(page: Page, tmp_path: Path) -> None:
    answered = page.call("classify", "=send money")
    assert page.flag("=send money", *answered, option="wrong_label")["data"][0]["value"] == "Wrong label"
    (flag,) = read_flags(tmp_path)
    assert (flag.inputs, flag.predicted_label, flag.scores) == ({"text": "=send money"}, "spam", SCORES)
    assert (flag.model, flag.model_version, flag.option, flag.tags) == ("classify", "app", "wrong_label", ())
    assert (flag.source, flag.session_id, flag.origin) == (Source.MANUAL, "page", None)
    assert flag.latency_ms is not None
    assert read_predictions(tmp_path) == [(flag.prediction_id, None)]


def test_a_button_pressed_twice_makes_one_flag_and_another_option_a_second(
    page: Page, tmp_path: Path
) -> None:
    answered = page.call("classify", "money")
    for option in ("incorrect", "incorrect", "odd"):
        page.flag("money", *answered, option=option)
    flags = read_flags(tmp_path)
    assert [(each.option, each.tags) for each in flags] == [
        ("wrong_label", ("incorrect",)),
        ("other", ("odd",)),
    ]
    assert len({each.prediction_id for each in flags}) == 1
    assert len((tmp_path / "flagged" / "flags-0001.csv").read_text().splitlines()) == 3


def test_an_input_edited_after_the_answer_is_flagged_as_the_server_saw_it(page: Page, tmp_path: Path) -> None:
    answered = page.call("classify", "money")
    page.flag("something else", *answered, option="incorrect")
    (flag,) = read_flags(tmp_path)
    assert (flag.inputs, flag.predicted_label) == ({"text": "money"}, "spam")
    assert flag.origin == {"edited": {"inputs": {"text": "something else"}}}


def test_a_forged_answer_is_flagged_as_the_server_gave_it(page: Page, tmp_path: Path) -> None:
    page.call("classify", "hello")
    page.flag("hello", SENT, option="incorrect")
    (flag,) = read_flags(tmp_path)
    assert flag.predicted_label == "ham"
    assert flag.origin == {"edited": {"outputs": {"output": SCORES}}}


def test_values_of_a_session_that_never_asked_are_marked_as_the_browsers(page: Page, tmp_path: Path) -> None:
    page.call("classify", "hello")
    page.session = "another"
    page.flag("hello", SENT, option="incorrect")
    (flag,) = read_flags(tmp_path)
    assert (flag.predicted_label, flag.origin) == ("spam", {"client_values": ["text", "output"]})
    assert read_predictions(tmp_path) == []


def test_an_answer_further_back_is_found_by_its_values(page: Page, tmp_path: Path) -> None:
    first = page.call("classify", "money")
    page.call("classify", "hello")
    page.flag("money", *first, option="incorrect")
    (flag,) = read_flags(tmp_path)
    assert (flag.inputs, flag.predicted_label, flag.origin) == ({"text": "money"}, "spam", None)


def test_a_failure_is_flagged_with_its_traceback_in_the_log(page: Page, tmp_path: Path) -> None:
    before = page.call("classify", "money")
    with pytest.raises(KeyError):
        page.call("classify", "break")
    page.flag("break", *before, option="incorrect")
    (flag,) = read_flags(tmp_path)
    assert (flag.inputs, flag.predicted_label, flag.origin) == ({"text": "break"}, None, None)
    ((_, error),) = read_predictions(tmp_path)
    sentence, _, details = str(error).partition("\n\n")
    assert sentence == "ValueError: the model is out"
    assert "in classify" in details


def test_the_corrected_label_of_an_app_may_be_any_text(page: Page, tmp_path: Path) -> None:
    page.flag("money", *page.call("classify", "money"), option="incorrect")
    with Workspace.open(tmp_path) as workspace:
        reviewed = workspace.review(workspace.queue()[0].flag_id, corrected_label="phishing")
    assert (reviewed.state.status, reviewed.state.corrected_label) == ("resolved", "phishing")


def test_a_flag_that_cannot_be_written_is_said_on_its_button_and_can_be_tried_again(
    page: Page, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answered = page.call("classify", "money")
    (tmp_path / "flagged").write_text("no folder")
    button = page.flag("money", *answered, option="incorrect")["data"][0]
    assert button["value"].startswith("⚠ The predictions log in")
    assert button["interactive"] is True
    assert "could not be written" in caplog.text
    (tmp_path / "flagged").unlink()
    assert page.flag("money", *answered, option="incorrect")["data"][0]["value"] == "Incorrect"
    assert len(read_flags(tmp_path)) == 1


def test_every_answer_of_an_auto_app_is_flagged(tmp_path: Path) -> None:
    with open_page(make_app(tmp_path, flagging_mode="auto")) as page:
        for text in ("money", "hello"):
            page.flag(text, *page.call("classify", text))
        (tmp_path / "flagged").rename(tmp_path / "away")
        (tmp_path / "flagged").write_text("no folder")
        failed = page.flag("more", *page.call("classify", "more"))
    assert failed["status"] == 500
    assert "could not be written" in failed["error"]
    (tmp_path / "flagged").unlink()
    (tmp_path / "away").rename(tmp_path / "flagged")
    assert [(each.source, each.option) for each in read_flags(tmp_path)] == [(Source.AUTO, "other")] * 2


def test_an_interface_within_another_app_is_watched_too(tmp_path: Path) -> None:
    inner = make_app(tmp_path, title="Spam", flagging_options=["incorrect"])
    app = gr.TabbedInterface([inner, gr.Interface(len, "text", "number", flagging_mode="never")], ["A", "B"])
    with open_page(app) as page:
        page.flag("money", *page.call("classify", "money"), option="incorrect")
    (flag,) = read_flags(tmp_path)
    assert (flag.model, flag.origin) == ("spam", None)


def test_an_input_that_is_also_the_output_is_kept_as_it_was_before(tmp_path: Path) -> None:
    text = gr.Textbox(label="Text")

    def continue_text(start: str) -> str:
        return start + " and on"

    app = gr.Interface(
        continue_text, text, text, flagging_callback=FlagLogger(tmp_path), flagging_options=["bias"]
    )
    with open_page(app) as page:
        page.flag(*page.call("continue_text", "once"), option="bias")
    (flag,) = read_flags(tmp_path)
    assert (flag.inputs, flag.output, flag.option) == ({"text": "once"}, "once and on", "bias")


def test_an_app_without_inputs_can_be_flagged(tmp_path: Path) -> None:
    def draw_number() -> int:
        return 7

    with open_page(gr.Interface(draw_number, None, "number", flagging_callback=FlagLogger(tmp_path))) as page:
        page.flag(*page.call("draw_number"))
    (flag,) = read_flags(tmp_path)
    assert (flag.inputs, flag.predicted_value, flag.origin) == ({"input": None}, 7.0, None)


def test_several_outputs_are_kept_by_name(tmp_path: Path) -> None:
    def describe(text: str) -> tuple[dict[str, float], int, str, dict[str, Any]]:
        return SCORES, len(text), text.upper(), {"words": text.split()}

    outputs = [
        gr.Label(label="Kind"),
        gr.Number(label="Length"),
        gr.Textbox(label="Loud"),
        gr.JSON(label="More"),
    ]
    app = gr.Interface(describe, "text", outputs, flagging_callback=FlagLogger(tmp_path))
    with open_page(app) as page:
        page.flag("a b", *page.call("describe", "a b"))
    (flag,) = read_flags(tmp_path)
    assert flag.origin is None
    with Workspace.open(tmp_path) as workspace:
        assert list_outputs(workspace.find_model("describe"), flag) == {
            "kind": SCORES,
            "length": 3.0,
            "loud": "A B",
            "more": {"words": ["a", "b"]},
        }


def test_a_model_that_runs_here_takes_only_what_it_can_run_on(tiny_folder: Path) -> None:
    logger = FlagLogger(tiny_folder, "tickets")
    logger.prepare([gr.Textbox()], [gr.Label()])
    logger.flag(["give my money back", SENT], "wrong_label")
    with pytest.raises(gr.Error, match="text is missing"):
        logger.flag(["", SENT], "wrong_label")
    assert [each.inputs for each in read_flags(tiny_folder)] == [{"text": "give my money back"}]


def test_a_logger_for_an_open_workspace_writes_into_it(tiny_workspace: Workspace) -> None:
    logger = FlagLogger(tiny_workspace, "tickets", version="2")
    logger.prepare([gr.Textbox()], [gr.Label()])
    assert logger.flag(["refund", SENT], "Wrong label", "tess") == 1
    (flag,) = tiny_workspace.queue()
    assert (flag.option, flag.flagger, flag.model_version) == ("wrong_label", "tess", "2")


def test_the_words_of_the_app_become_flag_options(tmp_path: Path) -> None:
    logger = FlagLogger(tmp_path)
    logger.prepare([gr.Textbox()], [gr.Label()])
    words = ["wrong_label", "Wrong label", "incorrect", "correct", "Too polite!", None]
    for number, word in enumerate(words, 1):
        assert logger.flag(["a", SENT], word) == number
    assert [(each.option, each.tags) for each in read_flags(tmp_path)] == [
        ("wrong_label", ()),
        ("wrong_label", ("Wrong label",)),
        ("wrong_label", ("incorrect",)),
        ("good_example", ("correct",)),
        ("other", ("Too polite!",)),
        ("other", ()),
    ]


def test_what_has_no_stored_form_is_kept_in_the_origin(tmp_path: Path) -> None:
    logger = FlagLogger(tmp_path)
    logger.prepare([gr.Number(label="Age"), gr.Textbox(label="Note")], [gr.Label()])
    logger.flag(["many", "half \ud800 sign", SENT])
    (flag,) = read_flags(tmp_path)
    assert flag.inputs == {"age": None, "note": None}
    unread = flag.origin["unread"]["inputs"]
    assert unread["age"] == {"why": "is 'many'; a number is needed.", "value": '"many"'}
    assert json.loads(json.loads(json.dumps(unread["note"]["value"]))) == "half \ud800 sign"


def test_a_wrong_number_of_values_is_said(tmp_path: Path) -> None:
    logger = FlagLogger(tmp_path)
    logger.prepare([gr.Textbox()], [gr.Label()])
    with pytest.raises(InputError, match="1 values were flagged; the app has 2"):
        logger.log_flag(["a"])


def test_a_mistake_in_the_program_is_said_without_its_words_on_the_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = FlagLogger(tmp_path)
    logger.prepare([gr.Textbox()], [gr.Label()])
    with pytest.raises(gr.Error, match="something went wrong in the app"):
        logger.flag(None)  # type: ignore[arg-type]  # what no page sends
    assert "TypeError" in caplog.text


def test_setup_outside_an_interface_asks_how_many_components_are_inputs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"FlagLogger\(…, inputs=2\), or call reviewer.flagging"):
        FlagLogger(tmp_path).setup([gr.Textbox(), gr.Label()], "flagged")
    logger = FlagLogger(tmp_path, inputs=1)
    logger.setup([gr.Textbox(), gr.Label()], "flagged")
    logger.flag(["a", SENT])
    assert read_flags(tmp_path)[0].inputs == {"input": "a"}


def test_a_logger_belongs_to_one_app(tmp_path: Path) -> None:
    logger = FlagLogger(tmp_path)
    with pytest.raises(ConfigError, match="flag was called before setup"):
        logger.log_flag(["a"])
    with pytest.raises(ConfigError, match="no output component"):
        logger.prepare([gr.Textbox()], [])
    gr.Interface(classify, "text", "label", flagging_callback=logger)
    with pytest.raises(ConfigError, match="another app"):
        gr.Interface(classify, "text", "label", flagging_callback=logger)


def test_an_app_does_not_start_on_a_broken_workspace(tmp_path: Path) -> None:
    (tmp_path / "reviewer.toml").write_text("[models.x]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"models\.x\.task is missing"):
        make_app(tmp_path)


# Exactness

TEXTS = st.text(st.characters(codec="utf-8"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FlagLogger, Workspace]]:
    folder = tmp_path_factory.mktemp("exact")
    logger = FlagLogger(folder)
    logger.prepare(
        [gr.Textbox(label="Text"), gr.Number(label="Number")],
        [gr.Textbox(label="Said"), gr.JSON(label="Value")],
    )
    with Workspace.open(folder) as workspace:
        yield logger, workspace


@settings(max_examples=60, deadline=None)
@given(text=TEXTS.filter(bool), number=FLOATS, value=JSON_VALUES)
def test_any_text_number_and_json_value_comes_back_equal(
    exact: tuple[FlagLogger, Workspace], text: str, number: float, value: Any
) -> None:
    logger, workspace = exact
    logged = logger.log_flag([text, number, text, value], comment=text.replace("\0", ""))
    flag = workspace.find_flag(logged.flag_id)
    assert flag.inputs == {"text": text, "number": number}
    assert flag.output == {"said": text, "value": value}
    assert (flag.comment, flag.example_id) == (text.replace("\0", ""), logged.example_id)


# Many at once


def write_flags(folder: Path, name: str, count: int) -> None:
    """Flag from four threads, as four testers of one app do."""
    logger = FlagLogger(folder)
    logger.prepare([gr.Textbox(label="Text")], [gr.Label()])

    def write(part: int) -> None:
        for number in range(count):
            logger.flag([f"{name}-{part}-{number} " + "x" * (number * 997 % 5000), SENT], "incorrect")

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def test_threads_and_processes_that_flag_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=write_flags, args=(tmp_path, f"p{at}", 25)) for at in range(2)]
    for each in started:
        each.start()
    for each in started:
        each.join(120)
    assert [each.exitcode for each in started] == [0] * 2
    texts = {flag.inputs["text"].split()[0] for flag in read_flags(tmp_path)}
    assert texts == {f"p{at}-{part}-{number}" for at in range(2) for part in range(4) for number in range(25)}


def test_flags_stay_in_the_order_of_their_session(page: Page, tmp_path: Path) -> None:
    texts = ["one", "two", "three"]
    for text in texts:
        page.flag(text, *page.call("classify", text), option="odd")
    assert [each.inputs["text"] for each in read_flags(tmp_path)] == texts
