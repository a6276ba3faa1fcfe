"""The workspace: every use case on a small real model, and what it says when something cannot be."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from builders import UNKNOWN_ID

from reviewer.errors import (
    ConfigError,
    ConflictError,
    InputError,
    LogError,
    ModelError,
    UnknownNameError,
)
from reviewer.records import Event, Flag, Prediction, Resolution, Status, Verification, new_id
from reviewer.workspace import WORKSPACE_VARIABLE, Workspace, find_workspace

FUNCTIONS = """
def fail(text):
    raise RuntimeError(f"cannot take {text}")

def double(size):
    return size * 2
"""

MORE_MODELS = """
[models.broken]
task = "generic"
kind = "python"
path = "{module}:fail"
trusted = true
inputs.text = "textbox"

[models.prices]
task = "tabular-regression"
kind = "python"
path = "{module}:double"
trusted = true
inputs.size = {{ component = "number", minimum = 0 }}

[models.untrusted]
task = "generic"
kind = "python"
path = "os:getcwd"
inputs.text = "textbox"

[models.empty]
task = "generic"
inputs.text = "textbox"
"""


@pytest.fixture
def folder(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny workspace's folder with models that fail, answer with numbers or cannot be loaded."""
    module = f"functions_of_{tiny_folder.parent.name}"
    (tiny_folder / f"{module}.py").write_text(FUNCTIONS, encoding="utf-8")
    monkeypatch.syspath_prepend(tiny_folder)
    with (tiny_folder / "reviewer.toml").open("a", encoding="utf-8") as file:
        file.write(MORE_MODELS.format(module=module))
    return tiny_folder


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace(folder, is_app=True) as workspace:
        yield workspace


def predict(workspace: Workspace, text: str = "refund please", **given: Any) -> Prediction:
    return workspace.predict("tickets", {"text": text}, **given)


def flag(workspace: Workspace, text: str = "refund please", **given: Any) -> Flag:
    return workspace.flag(predict(workspace, text).prediction_id, **{"option": "wrong_label", **given})


def count_reviews(workspace: Workspace, flag_id: str) -> int:
    return len(workspace.find_history(flag_id))


# Test


def test_a_prediction_is_what_the_model_answers_and_is_logged(workspace: Workspace) -> None:
    made = predict(workspace, "refund please", session_id="s", username="ada")
    assert made.predicted_label == "refund"
    assert made.confidence is not None
    assert made.scores is not None
    assert made.confidence == made.scores["refund"] > 0.5
    assert (made.model, made.model_version, made.task) == ("tickets", "1", "text-classification")
    assert made.error is None
    assert made.latency_ms is not None
    assert made.latency_ms > 0
    (entry,) = workspace.list_session("s")
    assert entry.prediction == made
    assert entry.flag is None


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "'x", 'a,"b"\r\nc', "😀\u202e", "\0", " ", "x" * 100_000]
)
def test_a_strange_text_comes_back_as_it_was_typed(workspace: Workspace, text: str) -> None:
    made = predict(workspace, text, session_id="s")
    made_flag = workspace.flag(made.prediction_id, option="other", comment=text.replace("\0", "0"))
    assert workspace.list_session("s")[0].prediction.inputs == {"text": text}
    found = workspace.find_flag(made_flag.flag_id)
    assert found.inputs == {"text": text}
    assert found.comment == text.replace("\0", "0")


def test_many_examples_are_answered_in_one_call(workspace: Workspace) -> None:
    made = workspace.predict_many("tickets", [{"text": "refund"}, {"text": "login"}, {"text": "refund"}])
    assert [each.predicted_label for each in made] == ["refund", "login", "refund"]
    assert made[0].example_id == made[2].example_id != made[1].example_id
    assert {each.source for each in made} == {"batch"}
    assert workspace.count_rows()["predictions"] == 3


def test_no_examples_are_no_predictions(workspace: Workspace) -> None:
    assert workspace.predict_many("tickets", []) == []


def test_one_bad_example_of_many_leaves_no_prediction(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="text is missing"):
        workspace.predict_many("tickets", [{"text": "refund"}, {"text": ""}])
    assert workspace.count_rows()["predictions"] == 0


def test_an_image_is_kept_and_read_again_by_its_name(workspace: Workspace) -> None:
    import numpy as np

    made = workspace.predict("shades", {"image": np.full((2, 2), 255, np.uint8)})
    assert made.predicted_label == "white"
    again = workspace.predict("shades", made.inputs)
    assert again.example_id == made.example_id
    assert workspace.media.read(made.inputs["image"]["media"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["../../reviewer.toml", "0" * 64 + ".png"])
def test_an_image_that_is_not_stored_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(InputError, match=r"is the stored image .*, which does not exist") as caught:
        workspace.predict("shades", {"image": {"media": name}})
    assert caught.value.field == "image"
    assert workspace.count_rows()["predictions"] == 0


def test_an_unknown_model_or_version_names_the_known_ones(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match=r"no model 'ticket'\. Did you mean 'tickets'"):
        workspace.predict("ticket", {"text": "x"})
    with pytest.raises(UnknownNameError, match=r"no version of tickets '7'.*Known: 1"):
        predict(workspace, version="7")


def test_a_model_that_fails_gives_a_prediction_with_the_error_that_can_be_flagged(
    workspace: Workspace,
) -> None:
    made = workspace.predict("broken", {"text": "this"})
    sentence, _, trace = str(made.error).partition("\n\n")
    assert sentence == "broken version 1 failed: RuntimeError: cannot take this"
    assert "in fail" in trace
    assert (made.predicted_label, made.predicted_value, made.output) == (None, None, None)
    marked = workspace.flag(made.prediction_id, option="slow_or_error")
    (found,) = workspace.queue(model="broken")
    assert found == marked


def test_a_model_that_cannot_be_loaded_leaves_no_prediction(workspace: Workspace) -> None:
    with pytest.raises(ModelError, match="set trusted = true"):
        workspace.predict("untrusted", {"text": "x"})
    with pytest.raises(ModelError, match="empty has no version yet"):
        workspace.predict("empty", {"text": "x"})
    assert workspace.count_rows()["predictions"] == 0


def test_a_session_lists_its_own_predictions_newest_first_with_their_flags(workspace: Workspace) -> None:
    first, second = (predict(workspace, text, session_id="mine") for text in ("one", "two"))
    predict(workspace, "three", session_id="other")
    marked = workspace.flag(first.prediction_id, option="other", session_id="mine")
    assert [(each.prediction, each.flag) for each in workspace.list_session("mine")] == [
        (second, None),
        (first, marked),
    ]
    assert [each.prediction for each in workspace.list_session("mine", limit=1)] == [second]
    assert workspace.list_session("nobody") == []


# Flag


def test_a_flag_holds_the_prediction_as_the_server_logged_it(workspace: Workspace) -> None:
    made = predict(workspace, session_id="s")
    marked = workspace.flag(
        made.prediction_id, option="wrong_label", suggested_label="login", comment="no", severity="high",
        flagger="ada",
    )  # fmt: skip
    for name in (
        "prediction_id",
        "model",
        "model_version",
        "inputs",
        "example_id",
        "predicted_label",
        "scores",
    ):
        assert getattr(marked, name) == getattr(made, name)
    assert (marked.suggested_label, marked.comment, marked.severity) == ("login", "no", "high")
    assert (marked.flagger, marked.session_id) == ("ada", "s")
    assert marked.state.status == Status.OPEN
    assert workspace.find_flag(marked.flag_id) == marked


def test_the_same_flag_of_the_same_person_is_made_once(workspace: Workspace) -> None:
    made = predict(workspace)
    first = workspace.flag(made.prediction_id, option="other", flagger="ada", comment="first")
    assert workspace.flag(made.prediction_id, option="other", flagger="ada", comment="first") == first
    assert workspace.flag(made.prediction_id, option="other", flagger="bob") != first
    assert workspace.flag(made.prediction_id, option="bad_input", flagger="ada") != first
    assert len(workspace.queue()) == 3


def test_other_words_replace_a_flag_that_nobody_has_reviewed(workspace: Workspace) -> None:
    prediction = workspace.predict("tickets", {"text": "refund please"})
    first = workspace.flag(prediction.prediction_id, option="wrong_label", flagger="ana")
    second = workspace.flag(
        prediction.prediction_id, option="wrong_label", flagger="ana", suggested_label="login", comment="see"
    )
    assert second.flag_id != first.flag_id
    assert [(each.suggested_label, each.comment) for each in workspace.queue()] == [("login", "see")]
    assert workspace.find_flag(first.flag_id).state.is_withdrawn


def test_other_words_stand_beside_a_flag_that_was_reviewed(workspace: Workspace) -> None:
    prediction = workspace.predict("tickets", {"text": "refund please"})
    first = workspace.flag(prediction.prediction_id, option="wrong_label", flagger="ana")
    workspace.review(first.flag_id, resolution="ambiguous", reviewer="bo")
    workspace.flag(prediction.prediction_id, option="wrong_label", flagger="ana", comment="still wrong")
    assert len(workspace.queue()) == 2


def test_the_same_words_again_make_no_third_flag(workspace: Workspace) -> None:
    prediction = workspace.predict("tickets", {"text": "refund please"})
    first = workspace.flag(prediction.prediction_id, option="wrong_label", flagger="ana")
    workspace.review(first.flag_id, resolution="ambiguous", reviewer="bo")
    second = workspace.flag(
        prediction.prediction_id, option="wrong_label", flagger="ana", comment="still wrong"
    )
    again = workspace.flag(
        prediction.prediction_id, option="wrong_label", flagger="ana", comment="still wrong"
    )
    assert again == second
    assert len(workspace.queue()) == 2


def test_other_words_take_back_no_flag_that_somebody_commented_on(workspace: Workspace) -> None:
    prediction = workspace.predict("tickets", {"text": "refund please"})
    first = workspace.flag(prediction.prediction_id, option="wrong_label", flagger="ana")
    workspace.review(first.flag_id, comment="same as in March?", reviewer="bo")
    workspace.flag(prediction.prediction_id, option="wrong_label", flagger="ana", comment="yes")
    assert not workspace.find_flag(first.flag_id).state.is_withdrawn


def test_a_prediction_of_another_session_is_unknown_to_this_one(workspace: Workspace) -> None:
    made = workspace.predict("tickets", {"text": "refund please"}, session_id="ana")
    assert workspace.find_session_entry("ana", made.prediction_id).prediction == made
    for session_id, prediction_id in (("bo", made.prediction_id), ("ana", "x")):
        with pytest.raises(UnknownNameError, match="prediction in this session"):
            workspace.find_session_entry(session_id, prediction_id)


def test_threads_that_flag_the_same_thing_make_one_flag(workspace: Workspace) -> None:
    made = predict(workspace)
    with ThreadPoolExecutor(8) as threads:
        flags = list(threads.map(lambda _: workspace.flag(made.prediction_id, option="other"), range(8)))
    assert len({each.flag_id for each in flags}) == 1
    assert len(workspace.queue()) == 1


def test_a_flag_that_was_taken_back_can_be_made_anew(workspace: Workspace) -> None:
    made = predict(workspace)
    first = workspace.flag(made.prediction_id, option="other")
    workspace.undo(first.flag_id)
    second = workspace.flag(made.prediction_id, option="other")
    assert second.flag_id != first.flag_id
    assert workspace.queue() == [second]


@pytest.mark.parametrize("prediction_id", ["", "x", UNKNOWN_ID, "'; drop table flags; --"])
def test_an_unknown_prediction_cannot_be_flagged(workspace: Workspace, prediction_id: str) -> None:
    with pytest.raises(UnknownNameError, match="There is no prediction"):
        workspace.flag(prediction_id, option="other")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"option": "wrng_label"}, "no flag option 'wrng_label'. Did you mean 'wrong_label'"),
        ({"option": "wrong_value"}, "no flag option 'wrong_value'. .*Known: wrong_label, low_confidence"),
        ({"option": ""}, "no flag option ''"),
        ({"suggested_label": "spam"}, "no label 'spam'. Known: login, refund"),
        ({"severity": "huge"}, "no severity 'huge'. Known: low, medium, high"),
        ({"comment": "a\0b"}, "comment holds a NUL character"),
        ({"comment": "\ud83d"}, "comment holds half a character"),
    ],
)
def test_a_flag_that_cannot_be_is_refused_and_not_listed(
    workspace: Workspace, given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        flag(workspace, **given)
    assert workspace.queue() == []


def test_a_suggested_value_of_a_regression_must_be_a_number(workspace: Workspace) -> None:
    made = workspace.predict("prices", {"size": 3})
    assert made.predicted_value == 6
    with pytest.raises(InputError, match="The right value is 'many'; a number is needed"):
        workspace.flag(made.prediction_id, option="wrong_value", suggested_label="many")
    marked = workspace.flag(made.prediction_id, option="wrong_value", suggested_label="7")
    assert marked.suggested_label == "7"


FULL_DISK = """
import resource, sys
from pathlib import Path
from reviewer.errors import LogError
from reviewer.workspace import Workspace

with Workspace(Path(sys.argv[1])) as workspace:
    made = workspace.predict("tickets", {"text": "refund please"})
    workspace.flag(made.prediction_id, option="other", comment="kept")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 23, 1 << 23))
    try:
        workspace.flag(made.prediction_id, option="wrong_label", comment="x" * (1 << 24))
    except LogError as error:
        print(error)
    again = workspace.flag(made.prediction_id, option="bad_input", comment="also kept")
    print([each.comment for each in workspace.queue()])
"""


def test_a_flag_that_a_full_disk_refused_is_said_and_not_listed(folder: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    refusal, listed = run.stdout.splitlines()
    assert refusal.startswith(f"The flags log in {folder / 'flagged'} could not be written")
    assert refusal.endswith("free space or make the folder writable and try again.")
    assert listed == "['also kept', 'kept']"


def test_a_log_that_cannot_be_read_is_said_and_the_flag_not_listed(
    workspace: Workspace, folder: Path
) -> None:
    made = predict(workspace)
    (folder / "flagged/flags-0001.csv").mkdir()
    with pytest.raises(LogError, match=r"flagged.* cannot be read: Is a directory"):
        workspace.flag(made.prediction_id, option="other")
    (folder / "flagged/flags-0001.csv").rmdir()
    assert workspace.queue() == []


# Queue


def test_the_queue_is_filtered_by_the_fields_of_a_slice(workspace: Workspace) -> None:
    refund, login = (
        flag(workspace, "refund please"),
        flag(workspace, "login fails", option="other", flagger="ada"),
    )
    workspace.review(refund.flag_id, corrected_label="login")
    for filters, wanted in [
        ({"view": "done"}, refund),
        ({"view": "open"}, login),
        ({"option": "other"}, login),
        ({"option": ["other", "bad_input"], "model": "tickets"}, login),
        ({"predicted": "refund"}, refund),
        ({"resolution": "label_corrected"}, refund),
        ({"flagger": "ada"}, login),
        ({"text": "LOGIN FAILS"}, login),
        ({"text": "refund", "version": "1", "source": "manual", "verification": None}, refund),
    ]:
        assert [each.flag_id for each in workspace.queue(**filters)] == [wanted.flag_id]  # type: ignore[arg-type]
    assert workspace.queue(model="shades") == []
    assert workspace.queue(confidence_min=0.999) == []
    assert len(workspace.queue(confidence_max=0.999)) == 2


def test_the_queue_is_sorted_and_paged(workspace: Workspace) -> None:
    made = [flag(workspace, text) for text in ("refund please", "refund", "sign in", "password order")]
    assert [each.flag_id for each in workspace.queue()] == [each.flag_id for each in reversed(made)]
    by_confidence = workspace.queue(sort="least_confident")
    assert [each.confidence for each in by_confidence] == sorted(each.confidence or 0 for each in made)
    assert workspace.queue(sort="least_confident", limit=2) == by_confidence[:2]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"view": "opne"}, "no view 'opne'. Did you mean 'open'"),
        ({"sort": "older"}, "no order 'older'.*Known: newest, oldest"),
        ({"colour": "red"}, "no filter 'colour'.*Known: view, model"),
        ({"after": "garbage"}, "The cursor 'garbage' is none of ours"),
        ({"limit": 0}, "The limit is 0; at least 1 is needed"),
        ({"limit": -5}, "The limit is -5; at least 1 is needed"),
    ],
)
def test_a_queue_that_cannot_be_is_refused(
    workspace: Workspace, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        workspace.queue(**given)


def test_an_empty_workspace_has_an_empty_queue(workspace: Workspace) -> None:
    assert workspace.queue() == []
    assert workspace.count_rows() == {"flags": 0, "reviews": 0, "predictions": 0}
    assert workspace.list_rejected() == []


# Review


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        (
            {"corrected_label": "login"},
            {"status": "resolved", "resolution": "label_corrected", "corrected_label": "login"},
        ),
        (
            {"corrected_label": "refund"},
            {"status": "resolved", "resolution": "prediction_correct", "corrected_label": None},
        ),
        ({"resolution": "ambiguous"}, {"status": "resolved", "resolution": "ambiguous"}),
        ({"status": "in_review"}, {"status": "in_review", "resolution": None}),
        ({"status": "needs_info", "comment": "which?"}, {"status": "needs_info", "comments": 1}),
        ({"comment": "hm"}, {"status": "open", "comments": 1, "seq": 0}),
        ({"resolution": "bad_input", "certainty": 2, "seconds": 3.5}, {"resolution": "bad_input", "seq": 1}),
    ],
)
def test_a_review_changes_the_state_of_the_flag(
    workspace: Workspace, decision: dict[str, Any], state: dict[str, Any]
) -> None:
    marked = flag(workspace)
    found = workspace.review(marked.flag_id, reviewer="ada", **decision)
    assert {name: getattr(found.state, name) for name in state} == state
    assert workspace.find_flag(marked.flag_id) == found


def test_a_value_is_corrected_where_the_model_answers_with_values(workspace: Workspace) -> None:
    marked = workspace.flag(workspace.predict("prices", {"size": 3}).prediction_id, option="wrong_value")
    found = workspace.review(marked.flag_id, corrected_value=7.5)
    assert (found.state.corrected_value, found.state.resolution) == (7.5, Resolution.LABEL_CORRECTED)


def test_an_output_is_corrected_where_the_model_answers_with_others(workspace: Workspace) -> None:
    marked = workspace.flag(workspace.predict("broken", {"text": "x"}).prediction_id, option="other")
    found = workspace.review(marked.flag_id, corrected_output={"right": [1, None]})
    assert found.state.corrected_output == {"right": [1, None]}


@pytest.mark.parametrize("resolution", [each for each in Resolution if each != Resolution.LABEL_CORRECTED])
def test_every_resolution_can_be_given(workspace: Workspace, resolution: Resolution) -> None:
    found = workspace.review(flag(workspace).flag_id, resolution=resolution)
    assert (found.state.status, found.state.resolution) == (Status.RESOLVED, resolution)


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        ({}, "Nothing was decided: give a corrected label"),
        ({"comment": " \n"}, "Nothing was decided: give a corrected label"),
        ({"corrected_label": "spam"}, "no label 'spam'. Known: login, refund"),
        ({"corrected_label": ""}, "no label ''"),
        ({"corrected_label": "login", "corrected_value": 5}, "Give one right answer"),
        ({"corrected_value": 5}, "tickets answers with labels; give corrected_label"),
        ({"corrected_output": {}}, "tickets answers with labels; give corrected_label"),
        ({"resolution": "label_corrected"}, "needs the right answer: give corrected_label"),
        ({"resolution": "fixed"}, "no resolution 'fixed'.*Known: label_corrected"),
        ({"status": "resolved"}, "no status 'resolved'.*Known: open, in_review, needs_info"),
        ({"status": "done"}, "no status 'done'"),
        ({"status": "open", "resolution": "ambiguous"}, "cannot get the status 'open' and a resolution"),
        ({"status": "open", "corrected_label": "login"}, "cannot get the status 'open' and a resolution"),
        (
            {"corrected_label": "login", "resolution": "ambiguous"},
            "cannot go with the resolution 'ambiguous'",
        ),
        ({"resolution": "ambiguous", "action_id": "x"}, "action_id is 'x'; a UUID is needed"),
        ({"resolution": "ambiguous", "comment": "a\0"}, "value holds a NUL character"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_and_changes_nothing(
    workspace: Workspace, decision: dict[str, Any], sentence: str
) -> None:
    marked = flag(workspace)
    with pytest.raises(InputError, match=sentence):
        workspace.review(marked.flag_id, **decision)
    assert workspace.find_flag(marked.flag_id) == marked
    assert workspace.count_rows()["reviews"] == 0


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        ({"corrected_label": "6"}, "prices does not answer with labels; give corrected_value"),
        ({"corrected_value": float("nan")}, "The right value is nan; a finite number is needed"),
        ({"corrected_value": "many"}, "The right value is 'many'; a number is needed"),
    ],
)
def test_a_correction_of_a_regression_is_a_finite_number(
    workspace: Workspace, decision: dict[str, Any], sentence: str
) -> None:
    marked = workspace.flag(workspace.predict("prices", {"size": 3}).prediction_id, option="wrong_value")
    with pytest.raises(InputError, match=sentence):
        workspace.review(marked.flag_id, **decision)


@pytest.mark.parametrize("flag_id", ["", "x", UNKNOWN_ID])
def test_an_unknown_flag_cannot_be_reviewed(workspace: Workspace, flag_id: str) -> None:
    with pytest.raises(UnknownNameError, match="There is no flag"):
        workspace.review(flag_id, resolution="ambiguous")


def test_a_stale_decision_is_refused_with_who_decided_what_and_when(workspace: Workspace) -> None:
    marked = flag(workspace)
    workspace.review(marked.flag_id, corrected_label="login", reviewer="ada", seq=0)
    sentence = r"changed by ada at \d\d:\d\d:\d\d UTC and is now 'login'; look at it again"
    with pytest.raises(ConflictError, match=sentence) as caught:
        workspace.review(marked.flag_id, resolution="ambiguous", reviewer="bob", seq=0)
    assert caught.value.flag_id == marked.flag_id
    assert workspace.find_flag(marked.flag_id).state.corrected_label == "login"
    assert workspace.review(marked.flag_id, resolution="ambiguous", seq=1).state.resolution == "ambiguous"


def test_a_comment_contradicts_nobody(workspace: Workspace) -> None:
    marked = flag(workspace)
    workspace.review(marked.flag_id, corrected_label="login", seq=0)
    found = workspace.review(marked.flag_id, comment="why?", seq=0)
    assert (found.state.comments, found.state.corrected_label) == (1, "login")


def test_the_same_action_acts_once_on_a_flag(workspace: Workspace) -> None:
    marked, action = flag(workspace), new_id()
    first = workspace.review(marked.flag_id, corrected_label="login", seq=0, action_id=action)
    assert workspace.review(marked.flag_id, corrected_label="login", seq=0, action_id=action) == first
    assert count_reviews(workspace, marked.flag_id) == 1


def test_threads_with_the_same_action_act_once(workspace: Workspace) -> None:
    marked, action = flag(workspace), new_id()

    def decide(_: int) -> Flag:
        return workspace.review(marked.flag_id, resolution="ambiguous", seq=0, action_id=action)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(decide, range(8)))
    assert {each.state.resolution for each in found} == {"ambiguous"}
    assert count_reviews(workspace, marked.flag_id) == 1


def test_one_action_may_touch_several_flags(workspace: Workspace) -> None:
    flags, action = [flag(workspace, text) for text in ("a", "b", "c")], new_id()
    for each in flags:
        workspace.review(each.flag_id, resolution="duplicate", seq=0, action_id=action)
    assert len(workspace.queue(view="done")) == 3
    assert {each.flag_id for each in workspace.undo(action)} == {each.flag_id for each in flags}
    assert len(workspace.queue(view="open")) == 3


def test_of_two_processes_that_decide_at_once_one_wins_and_the_other_is_told(tiny_folder: Path) -> None:
    with Workspace(tiny_folder) as one, Workspace(tiny_folder) as other:
        for _ in range(5):
            marked = flag(one)
            start = threading.Barrier(2)

            def decide(
                workspace: Workspace, name: str, flag_id: str = marked.flag_id, start: Any = start
            ) -> str | None:
                start.wait()
                try:
                    return workspace.review(
                        flag_id, resolution="ambiguous", reviewer=name, seq=0
                    ).state.reviewer
                except ConflictError:
                    return None

            with ThreadPoolExecutor(2) as threads:
                told = list(threads.map(decide, (one, other), ("ada", "bob")))
            assert sorted(told, key=str) == sorted(
                [None, one.find_flag(marked.flag_id).state.reviewer], key=str
            )


# Undo


def test_undo_takes_back_every_event_of_an_action(workspace: Workspace) -> None:
    marked, action = flag(workspace), new_id()
    workspace.review(marked.flag_id, corrected_label="login", comment="sure", action_id=action)
    (found,) = workspace.undo(action, reviewer="ada")
    assert (found.state.status, found.state.resolution, found.state.comments) == ("open", None, 0)
    history = workspace.find_history(marked.flag_id)
    assert [each.review.event for each in history] == [
        Event.RESOLVE,
        Event.COMMENT,
        Event.REVERT,
        Event.REVERT,
    ]
    assert [each.is_undone for each in history] == [True, True, False, False]
    assert all(each.is_applied for each in history)


def test_undo_twice_does_it_once(workspace: Workspace) -> None:
    marked, action = flag(workspace), new_id()
    workspace.review(marked.flag_id, corrected_label="login", action_id=action)
    first = workspace.undo(action)
    assert workspace.undo(action) == first
    assert count_reviews(workspace, marked.flag_id) == 2


def test_threads_that_undo_the_same_action_do_it_once(workspace: Workspace) -> None:
    marked, action = flag(workspace), new_id()
    workspace.review(marked.flag_id, corrected_label="login", action_id=action)
    with ThreadPoolExecutor(8) as threads:
        assert {each[0].state.status for each in threads.map(lambda _: workspace.undo(action), range(8))} == {
            "open"
        }
    assert count_reviews(workspace, marked.flag_id) == 2


def test_undo_brings_back_what_was_decided_before(workspace: Workspace) -> None:
    marked, second = flag(workspace), new_id()
    workspace.review(marked.flag_id, corrected_label="login")
    workspace.review(marked.flag_id, resolution="ambiguous", action_id=second)
    (found,) = workspace.undo(second)
    assert (found.state.resolution, found.state.corrected_label) == ("label_corrected", "login")


def test_undo_of_an_older_action_leaves_the_newer_one(workspace: Workspace) -> None:
    marked, first = flag(workspace), new_id()
    workspace.review(marked.flag_id, corrected_label="login", action_id=first)
    workspace.review(marked.flag_id, resolution="ambiguous")
    (found,) = workspace.undo(first)
    assert found.state.resolution == "ambiguous"


def test_after_an_undo_the_flag_can_be_decided_again(workspace: Workspace) -> None:
    marked, action = flag(workspace), new_id()
    workspace.review(marked.flag_id, corrected_label="login", action_id=action)
    (undone,) = workspace.undo(action)
    found = workspace.review(marked.flag_id, corrected_label="login", seq=undone.state.seq)
    assert found.state.corrected_label == "login"


def test_a_flag_that_was_taken_back_is_in_no_queue_and_cannot_be_reviewed(workspace: Workspace) -> None:
    marked = flag(workspace)
    (found,) = workspace.undo(marked.flag_id)
    assert found.state.is_withdrawn
    assert workspace.queue() == []
    assert workspace.undo(marked.flag_id) == [found]
    for decision in ({"resolution": "ambiguous"}, {"comment": "still here?"}):
        with pytest.raises(ConflictError, match="was taken back by its flagger"):
            workspace.review(marked.flag_id, **decision)  # type: ignore[arg-type]  # texts only


@pytest.mark.parametrize("action_id", ["", "x", UNKNOWN_ID])
def test_an_unknown_action_cannot_be_undone(workspace: Workspace, action_id: str) -> None:
    with pytest.raises(UnknownNameError, match="There is no action"):
        workspace.undo(action_id)


def test_an_undo_with_an_id_that_is_none_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="action_id is 'x'; a UUID is needed"):
        workspace.undo(flag(workspace).flag_id, own_action_id="x")


# Verify


def test_verdicts_are_written_for_every_reviewed_flag_and_can_be_undone(workspace: Workspace) -> None:
    wrong, right = flag(workspace, "refund please"), flag(workspace, "login fails")
    flag(workspace, "not reviewed")
    workspace.review(wrong.flag_id, corrected_label="login")
    workspace.review(right.flag_id, resolution="prediction_correct")
    summary = workspace.verify("tickets")
    assert summary.count() == {"still_failing": 1, "kept": 1}
    assert workspace.find_flag(wrong.flag_id).state.verification == Verification.STILL_FAILING
    assert workspace.find_flag(wrong.flag_id).state.verified_version == "1"
    workspace.undo(summary.action_id)
    assert {each.state.verification for each in workspace.queue()} == {Verification.NOT_RUN}


# Where the workspace is


def test_a_folder_is_found_by_its_name_the_variable_or_upward(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(WORKSPACE_VARIABLE, raising=False)
    monkeypatch.chdir(tiny_folder / "data")
    assert find_workspace() == tiny_folder
    assert find_workspace(".") == tiny_folder / "data"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tiny_folder))
    assert find_workspace() == tiny_folder
    assert find_workspace(tmp_path) == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_workspace(f"~/{tiny_folder.name}") == tiny_folder


def test_no_workspace_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKSPACE_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=rf"no reviewer\.toml in {tmp_path} or above it\. Give --workspace DIR"
    ):
        Workspace.open()
    with pytest.raises(ConfigError, match=r"no workspace 'nowhere': the folder does not exist"):
        Workspace.open("nowhere")
    with pytest.raises(ConfigError, match=r"is not a workspace: it has no reviewer\.toml"):
        Workspace.open(tmp_path)


def test_what_one_process_wrote_another_reads_at_once(tiny_folder: Path) -> None:
    with Workspace(tiny_folder, is_app=True) as app, Workspace(tiny_folder) as other:
        marked = flag(app)
        assert other.find_flag(marked.flag_id) == marked
        decided = other.review(marked.flag_id, corrected_label="login")
        assert app.find_flag(marked.flag_id) == decided
        assert app.queue(view="done") == [decided]


def test_a_new_index_holds_what_the_old_one_held(tiny_workspace: Workspace) -> None:
    marked = flag(tiny_workspace)
    decided = tiny_workspace.review(marked.flag_id, corrected_label="login", comment="sure")
    assert tiny_workspace.reindex() == {"flags": 1, "reviews": 2, "predictions": 1}
    assert tiny_workspace.find_flag(marked.flag_id) == decided
