"""What the workspace captures by itself: rules and modes, the ledger, failures, flags made elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import make_flag

from reviewer.errors import InputError, ModelBusyError, UnknownNameError
from reviewer.records import derive_id, new_id, utc_now
from reviewer.workspace import Workspace

FUNCTIONS = """
def fail_on_bad(text):
    if "bad" in text:
        raise RuntimeError(f"cannot take {text}")
    return {"billing": 0.75, "refund": 0.25}

def wait_on_hang(text):
    import threading
    if text == "hang":
        threading.Event().wait(5)
    return len(text)

def measure(text):
    return len(text)

def other(text):
    return len(text) + text.count("!")
"""

LENGTHS = """
[models.{name}]
task = "tabular-regression"
kind = "python"
path = "{module}:{function}"
trusted = true
inputs.text = "textbox"
{more}
"""

Open = Callable[..., Workspace]


@pytest.fixture
def open_with(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Open the tiny workspace with lines added to a model, or models of their own, as the app opens it."""
    module = f"capture_of_{tiny_folder.parent.name}"
    (tiny_folder / f"{module}.py").write_text(FUNCTIONS, encoding="utf-8")
    monkeypatch.syspath_prepend(tiny_folder)
    opened: list[Workspace] = []

    def open_it(lines: str = "", models: str = "", *, is_app: bool = True) -> Workspace:
        config = tiny_folder / "reviewer.toml"
        text = config.read_text(encoding="utf-8").replace(
            "[models.tickets]\n", f"[models.tickets]\n{lines}\n"
        )
        config.write_text(text + models.replace("{module}", module), encoding="utf-8")
        opened.append(Workspace(tiny_folder, is_app=is_app))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


def list_flags(workspace: Workspace) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(each.option, each.source, each.flagger, each.tags) for each in workspace.queue()]


UNSURE = "refund sign in"
SURE = "give my money back"
ASKED_BY = {"session_id": "s", "username": "ana", "source": "batch"}


# Rules and modes


def test_a_rule_flags_an_unsure_prediction_and_says_why(open_with: Open) -> None:
    workspace = open_with('rules = [{ rule = "low_confidence", below = 0.75 }]')
    workspace.predict("tickets", {"text": SURE})
    made = workspace.predict("tickets", {"text": UNSURE}, session_id="s")
    (flag,) = workspace.queue()
    assert (flag.prediction_id, flag.predicted_label) == (made.prediction_id, made.predicted_label)
    assert (flag.option, flag.source, flag.flagger) == ("low_confidence", "auto", "rule:low_confidence")
    assert flag.tags == ("rule:low_confidence",)
    assert flag.comment == f"The confidence {made.confidence:.3g} is below 0.75."
    (entry,) = workspace.list_session("s")
    assert entry.flag is not None
    assert entry.flag.flag_id == flag.flag_id


def test_a_rule_flags_an_example_once_per_version(open_with: Open) -> None:
    workspace = open_with('rules = [{ rule = "low_confidence", below = 0.75 }]')
    for _ in range(3):
        workspace.predict("tickets", {"text": UNSURE})
    workspace.predict_many("tickets", [{"text": UNSURE}] * 3)
    assert len(workspace.queue()) == 1


def test_a_batch_is_flagged_by_rules_unless_it_asks_for_none(open_with: Open) -> None:
    workspace = open_with('rules = [{ rule = "low_confidence", below = 0.75 }]')
    examples = [{"text": UNSURE}, {"text": SURE}, {"text": f"{UNSURE} please"}]
    ids = [new_id() for _ in examples]
    workspace.record(workspace.ask("tickets", examples), ids, ASKED_BY, has_rules=False)
    assert workspace.queue() == []
    workspace.predict_many("tickets", examples)
    assert len(workspace.queue()) == 2


def test_mode_auto_flags_every_prediction(open_with: Open) -> None:
    workspace = open_with('flagging = "auto"')
    for _ in range(2):
        workspace.predict("tickets", {"text": SURE})
    assert list_flags(workspace) == [("other", "auto", "rule:auto", ("rule:auto",))] * 2


def test_mode_never_takes_no_flag_from_anybody(open_with: Open) -> None:
    workspace = open_with('flagging = "never"\nrules = [{ rule = "audit", share = 1 }]')
    made = workspace.predict("tickets", {"text": SURE})
    with pytest.raises(InputError, match=r'tickets takes no flags: reviewer\.toml says flagging = "never"'):
        workspace.flag(made.prediction_id, option="wrong_label")
    assert workspace.queue() == []


def test_an_audit_flag_has_a_source_of_its_own(open_with: Open) -> None:
    workspace = open_with('rules = [{ rule = "audit", share = 1, option = "good_example" }]')
    workspace.predict("tickets", {"text": SURE})
    assert list_flags(workspace) == [("good_example", "audit", "rule:audit", ("rule:audit",))]


def test_two_models_that_disagree_make_a_flag(open_with: Open) -> None:
    rule = 'rules = [{ rule = "disagreement", model = "second", tolerance = 1 }]'
    first = LENGTHS.format(name="first", module="{module}", function="measure", more=rule)
    second = LENGTHS.format(name="second", module="{module}", function="other", more="")
    workspace = open_with(models=first + second)
    workspace.predict("first", {"text": "fine!"})
    assert workspace.queue() == []
    workspace.predict("first", {"text": "help!!"})
    (flag,) = workspace.queue()
    assert flag.option == "inconsistent"
    assert flag.comment == "The answer is 6, but second version 1 8."
    assert workspace.count_rows()["predictions"] == 2


def test_the_previous_version_is_compared_with_when_there_is_one(open_with: Open) -> None:
    workspace = open_with('rules = [{ rule = "disagreement", version = "previous" }]')
    versions = workspace.versions_of("tickets")
    workspace.predict("tickets", {"text": SURE})
    assert workspace.queue() == []
    import skops.io
    from sklearn.dummy import DummyClassifier

    stubborn = DummyClassifier(strategy="constant", constant="login").fit([""] * 2, ["login", "refund"])

    def write(folder: Path) -> Path:
        skops.io.dump(stubborn, folder / "model.skops")
        return folder / "model.skops"

    versions.add(write, {})
    workspace.predict("tickets", {"text": SURE}, version="2")
    (flag,) = workspace.queue()
    assert (flag.model_version, flag.option) == ("2", "inconsistent")
    assert flag.comment == "The answer is 'login', but tickets version 1 'refund'."


def test_a_comparison_that_cannot_be_made_takes_no_answer_away(
    open_with: Open, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = open_with('rules = [{ rule = "disagreement", version = "7" }]')
    made = workspace.predict("tickets", {"text": SURE})
    assert (made.predicted_label, made.error) == ("refund", None)
    assert workspace.queue() == []
    assert "There is no version of tickets '7'" in caplog.text


# Failures


def test_only_the_examples_at_fault_fail(open_with: Open) -> None:
    model = """
[models.fragile]
task = "text-classification"
kind = "python"
path = "{module}:fail_on_bad"
trusted = true
labels = ["billing", "refund"]
inputs.text = "textbox"
rules = [{ rule = "slow", above_ms = 60000 }]
"""
    workspace = open_with(models=model)
    texts = [f"text {n}" for n in range(20)] + ["bad one"] + [f"text {n}" for n in range(20)]
    made = workspace.predict_many("fragile", [{"text": text} for text in texts])
    failed = [each for each in made if each.error]
    assert [each.inputs["text"] for each in failed] == ["bad one"]
    assert {each.predicted_label for each in made if not each.error} == {"billing"}
    sentence, _, trace = str(failed[0].error).partition("\n\n")
    assert sentence.endswith("RuntimeError: cannot take bad one")
    assert "fail_on_bad" in trace
    (flag,) = workspace.queue()
    assert (flag.option, flag.comment) == ("slow_or_error", "The model failed.")
    assert workspace.find_error(flag) == failed[0].error


def test_an_example_that_a_stuck_model_was_never_asked_is_no_prediction(open_with: Open) -> None:
    model = """
[models.stuck]
task = "tabular-regression"
kind = "python"
path = "{module}:wait_on_hang"
trusted = true
timeout = 0.2
concurrency = 1
inputs.text = "textbox"
rules = [{ rule = "slow", above_ms = 60000 }]
"""
    workspace = open_with(models=model)
    hung = workspace.predict("stuck", {"text": "hang"})
    assert "0.2 s" in str(hung.error)
    with pytest.raises(ModelBusyError, match="stuck is stuck"):
        workspace.predict("stuck", {"text": "fine"})
    assert workspace.count_rows() == {"flags": 1, "reviews": 0, "predictions": 1}


# The ledger


def test_a_prediction_that_is_not_logged_can_be_flagged_and_is_logged_then(open_with: Open) -> None:
    workspace = open_with('ledger = "none"')
    made = [workspace.predict("tickets", {"text": SURE}, session_id="s") for _ in range(3)]
    assert [each.prediction for each in workspace.list_session("s")] == made[::-1]
    assert workspace.find_session_entry("s", made[0].prediction_id).prediction == made[0]
    workspace.flag(made[1].prediction_id, option="wrong_label", session_id="s")
    workspace.close()
    again = open_with(is_app=False)
    assert again.count_rows() == {"flags": 1, "reviews": 0, "predictions": 1}
    with pytest.raises(UnknownNameError):
        again.flag(made[0].prediction_id, option="wrong_label")


def test_a_prediction_just_made_in_the_app_is_listed_flagged_and_kept_by_closing(open_with: Open) -> None:
    workspace = open_with()
    made = [workspace.predict("tickets", {"text": SURE}, session_id="s") for _ in range(30)]
    assert [each.prediction for each in workspace.list_session("s", 30)] == made[::-1]
    flag = workspace.flag(made[-1].prediction_id, option="wrong_label")
    assert flag.prediction_id == made[-1].prediction_id
    workspace.close()
    assert open_with(is_app=False).count_rows()["predictions"] == 30


def test_a_session_does_not_see_anothers_predictions(open_with: Open) -> None:
    workspace = open_with('ledger = "none"')
    made = workspace.predict("tickets", {"text": SURE}, session_id="mine")
    assert workspace.list_session("yours") == []
    with pytest.raises(UnknownNameError, match="prediction in this session"):
        workspace.find_session_entry("yours", made.prediction_id)


def test_predictions_with_given_ids_are_counted_once_when_work_is_done_again(open_with: Open) -> None:
    workspace = open_with('rules = [{ rule = "low_confidence", below = 0.75 }]')
    started = utc_now()
    ids = [derive_id(started, "batch", str(row)) for row in range(3)]
    for _ in range(2):
        examples = [{"text": f"{UNSURE} {row}"} for row in range(3)]
        made = workspace.record(workspace.ask("tickets", examples), ids, ASKED_BY)
        assert [each.prediction_id for each in made] == ids
    assert workspace.count_rows() == {"flags": 3, "reviews": 0, "predictions": 3}


def test_a_single_prediction_with_a_given_id_is_durable_on_return_also_in_the_app(tiny_folder: Path) -> None:
    ids = [derive_id(utc_now(), "batch", "1")]
    with Workspace(tiny_folder, is_app=True) as workspace:
        workspace.record(workspace.ask("tickets", [{"text": SURE}]), ids, ASKED_BY)
        assert ids[0] in (tiny_folder / "flagged" / "predictions-0001.csv").read_text(encoding="utf-8")


# The same example, and flags from elsewhere


def test_flags_of_the_same_example_are_found_whoever_made_them(open_with: Open) -> None:
    workspace = open_with()
    first, second = (workspace.predict("tickets", {"text": SURE}) for _ in range(2))
    flags = [
        workspace.flag(each.prediction_id, option="wrong_label", flagger=name)
        for each, name in ((first, "ann"), (second, "bo"))
    ]
    found = workspace.find_twins("tickets", first.example_id)
    assert [each.flag_id for each in found] == [flags[1].flag_id, flags[0].flag_id]
    assert workspace.find_twins("shades", first.example_id) == []


def test_only_the_newest_flags_of_an_example_are_found(open_with: Open) -> None:
    workspace = open_with()
    flags = [make_flag(model="tickets", predicted_label="refund") for _ in range(101)]
    workspace.add_flags(flags)
    ids = [each.flag_id for each in reversed(flags)]
    assert [each.flag_id for each in workspace.find_twins("tickets", flags[0].example_id, 2)] == ids[:2]
    assert [each.flag_id for each in workspace.find_twins("tickets", flags[0].example_id)] == ids[:100]


def test_flags_made_elsewhere_are_added_once(open_with: Open) -> None:
    workspace = open_with()
    flags = [make_flag(model="tickets", predicted_label="refund") for _ in range(3)]
    assert workspace.add_flags(flags) == flags
    assert workspace.add_flags([*flags, flags[0]]) == []
    assert len(workspace.queue()) == 3


def test_labels_of_another_programs_model_are_those_seen(open_with: Open) -> None:
    external = '\n[models.away]\ntask = "text-classification"\nkind = "external"\ninputs.text = "textbox"\n'
    workspace = open_with(models=external)
    flag = make_flag(model="away", predicted_label="spam", scores={"spam": 0.75, "ham": 0.25})
    workspace.add_flags([flag])
    assert workspace.list_labels("away") == ["ham", "spam"]
    assert workspace.list_labels("tickets") == ["login", "refund"]
    assert workspace.review(flag.flag_id, corrected_label="eggs").state.corrected_label == "eggs"
    assert workspace.list_labels("away") == ["eggs", "ham", "spam"]


@pytest.mark.parametrize("number", range(3))
def test_ids_derived_from_the_same_parts_are_the_same_uuid7(number: int) -> None:
    moment = utc_now()
    made = derive_id(moment, "batch", str(number))
    assert made == derive_id(moment, "batch", str(number))
    assert made != derive_id(moment, "batch", f"{number}0")
    assert made[14] == "7"
    assert made[:12] <= new_id()[:12]


def test_a_copied_workspace_keeps_everything(open_with: Open, tmp_path: Path) -> None:
    workspace = open_with()
    made: Any = workspace.predict("tickets", {"text": SURE})
    flag = workspace.flag(made.prediction_id, option="wrong_label")
    workspace.close()
    copied = shutil.copytree(workspace.folder, tmp_path / "copied")
    with Workspace(copied) as again:
        assert again.find_flag(flag.flag_id).inputs == {"text": SURE}
