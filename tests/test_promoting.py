"""Versions beside each other, through the gate, and back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reviewer.errors import InputError, ModelError, UnknownNameError
from reviewer.records import Flag
from reviewer.training.promoting import Promotion, trace_served
from reviewer.workspace import Workspace

CONFIG = """\
[models.words]
task = "text-classification"
kind = "python"
path = "words:Words"
trusted = true
labels = ["login", "refund"]
inputs.text = "textbox"
base = "base.csv"

[models.bare]
task = "text-classification"
kind = "python"
path = "words:Words"
trusted = true
labels = ["login", "refund"]
inputs.text = "textbox"
"""
WORDS = "class Words:\n    def predict(self, text):\n        return {answer}\n"
TESTED = [(f"{label} {number}", label) for label in ("login", "refund") for number in range(20)]
RIGHT, ALWAYS = "'refund' if 'refund' in text else 'login'", "'login'"
"""A version that is right about the base, and one that always answers the same."""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose model has the version 1, which is right about all examples of the base."""
    (tmp_path / "reviewer.toml").write_text(CONFIG)
    (tmp_path / "words.py").write_text(WORDS.format(answer=RIGHT))
    lines = [f"{text},{label},test" for text, label in TESTED]
    (tmp_path / "base.csv").write_text("\n".join(["text,label,split", *lines, ""]))
    with Workspace(tmp_path) as opened:
        opened.list_versions("words")
        yield opened


def add_version(workspace: Workspace, answer: str, model: str = "words") -> str:
    def write(folder: Path) -> Path:
        (folder / "source.py").write_text(WORDS.format(answer=answer))
        return folder / "source.py"

    return workspace.versions_of(model).add(write, {}).name


def flag(workspace: Workspace, text: str, model: str = "words", **decision: Any) -> Flag:
    made = workspace.predict(model, {"text": text}, version="1")
    marked = workspace.flag(made.prediction_id, option="wrong_label")
    return workspace.review(marked.flag_id, **decision)


def served(workspace: Workspace) -> str:
    return workspace.find_version("words").name


# Compare


def test_two_versions_are_measured_on_the_same_held_out_examples(workspace: Workspace) -> None:
    add_version(workspace, ALWAYS)
    found = workspace.compare("words", "1", "2").held_out
    assert found is not None
    assert (found.rows, found.main.first, found.main.second, found.main.difference) == (40, 1.0, 0.5, -0.5)
    assert -0.7 < found.main.low < -0.5 < found.main.high < -0.3
    assert found.main.is_worse
    assert (found.paired.test, found.paired.better, found.paired.worse) == ("mcnemar", 0, 20)
    assert found.paired.p_value < 1e-5
    again = workspace.compare("words", "2", "1").held_out
    assert again is not None
    assert not again.main.is_worse


def test_verdicts_that_changed_are_counted_with_a_paired_test(workspace: Workspace) -> None:
    flag(workspace, "refund 1", resolution="prediction_correct")
    flag(workspace, "refund 2", corrected_label="login")
    flag(workspace, "hello", corrected_label="refund")
    flag(workspace, "odd", resolution="bad_input")
    second = add_version(workspace, ALWAYS)
    for version in ("1", second):
        workspace.verify("words", version)
    found = workspace.compare("words", "1", second)
    assert found.changes == {
        "fixed": {"regressed": 1}, "still_failing": {"fixed": 1, "still_failing": 1},
    }  # fmt: skip
    assert found.paired is not None
    assert (found.paired.pairs, found.paired.better, found.paired.worse) == (3, 1, 1)


def test_a_model_without_base_data_is_compared_on_its_flags_alone(workspace: Workspace) -> None:
    workspace.list_versions("bare")
    second = add_version(workspace, ALWAYS, "bare")
    flag(workspace, "refund 1", "bare", resolution="prediction_correct")
    workspace.verify("bare", second)
    found = workspace.compare("bare", "1", second)
    assert found.held_out is None
    # Version 1 was not run over the flag, but gave the answer that was flagged.
    assert found.paired is not None
    assert (found.paired.pairs, found.paired.worse) == (1, 1)


# The gate


def test_a_version_that_passes_is_served_and_written_down(workspace: Workspace) -> None:
    flag(workspace, "refund 1", resolution="prediction_correct")
    second = add_version(workspace, RIGHT + " ")
    workspace.verify("words", second)
    workspace.promote("words", second, who="ana")
    assert served(workspace) == second
    assert workspace.predict("words", {"text": "x"}).model_version == second
    (row,) = workspace.list_promotions("words")
    assert (row.who, row.action, row.from_version, row.to_version) == ("ana", "promote", "1", second)
    assert (row.guards_kept, row.guards_regressed) == ("1", "0")
    assert (row.held_out_metric, row.held_out_difference, row.reason) == ("accuracy", "0.0", "")


def test_a_version_with_a_regressed_guard_is_refused_with_the_way_past_it(workspace: Workspace) -> None:
    flag(workspace, "a refund", resolution="prediction_correct")
    second = add_version(workspace, "'refund' if text.startswith('refund') else 'login'")
    workspace.verify("words", second)
    with pytest.raises(
        InputError, match="words version 2 is not promoted: 1 of 1 guards regressed; --override with a reason"
    ):
        workspace.promote("words", second)
    assert (served(workspace), workspace.list_promotions("words")) == ("1", [])
    with pytest.raises(InputError, match="An override needs a reason"):
        workspace.promote("words", second, override="  ")
    made = workspace.promote("words", second, override="the guard is outdated", who="bo")
    assert (made.action, made.reason, made.guards_regressed) == ("override", "the guard is outdated", "1")
    assert served(workspace) == second


def test_a_version_that_is_worse_on_held_out_examples_is_refused(workspace: Workspace) -> None:
    second = add_version(workspace, ALWAYS)
    with pytest.raises(InputError, match=r"accuracy on 40 held-out examples changes by -0\.5 \(95 %: -0\.6"):
        workspace.promote("words", second)
    assert served(workspace) == "1"


def test_a_version_that_is_hardly_worse_is_let_through(workspace: Workspace) -> None:
    second = add_version(workspace, f"'refund' if text == 'login 1' else ({RIGHT})")
    workspace.promote("words", second)
    difference = float(workspace.list_promotions("words")[0].held_out_difference)
    assert difference == pytest.approx(-1 / 40)


def test_guards_that_were_not_run_since_they_were_decided_hold_a_version_up(workspace: Workspace) -> None:
    first = flag(workspace, "refund 1", resolution="prediction_correct")
    second = add_version(workspace, RIGHT + " ")
    words = r"1 guards were not run yet \(`reviewer verify words --version 2` does it\)"
    with pytest.raises(InputError, match=words):
        workspace.promote("words", second)
    workspace.verify("words", second)
    workspace.review(first.flag_id, status="open")
    workspace.review(first.flag_id, resolution="prediction_correct")
    assert workspace.list_verdicts("words", second)[0]["is_stale"]
    with pytest.raises(InputError, match=words):
        workspace.promote("words", second)
    workspace.verify("words", second)
    workspace.promote("words", second)


def test_an_override_of_nothing_is_an_ordinary_promotion(workspace: Workspace) -> None:
    made = workspace.promote("words", add_version(workspace, RIGHT + " "), override="just in case")
    assert (made.action, made.reason) == ("promote", "")


@pytest.mark.parametrize("version", ["7", "../1", "latest"])
def test_an_unknown_version_names_the_known_ones(workspace: Workspace, version: str) -> None:
    uses: tuple[Callable[[], object], ...] = (
        lambda: workspace.promote("words", version),
        lambda: workspace.compare("words", "1", version),
        lambda: workspace.serve_version("words", version),
    )
    for use in uses:
        with pytest.raises(UnknownNameError, match=r"There is no version of words .*Known: 1"):
            use()
    assert workspace.list_promotions("words") == []


def test_the_version_that_is_served_is_not_promoted_again(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="words version 1 is served already"):
        workspace.promote("words", "1")


def test_an_artifact_that_was_changed_is_not_promoted(workspace: Workspace) -> None:
    second = add_version(workspace, RIGHT + " ")
    workspace.find_version("words", second).path.write_text("changed")
    with pytest.raises(ModelError, match="was changed after it became version 2"):
        workspace.promote("words", second)


def test_after_the_served_version_was_removed_another_one_can_be_promoted(workspace: Workspace) -> None:
    second, third = add_version(workspace, RIGHT + " "), add_version(workspace, RIGHT + "  ")
    workspace.promote("words", second)
    shutil.rmtree(workspace.folder / "models/words" / second)
    with pytest.raises(UnknownNameError):
        workspace.find_version("words")
    assert workspace.promote("words", third).from_version == ""
    with pytest.raises(UnknownNameError, match=r"version of words to go back to '2'\.|to go back to '2'"):
        workspace.roll_back("words")


# The way back


def test_rolling_back_goes_on_to_what_was_served_before_that(workspace: Workspace) -> None:
    second, third = add_version(workspace, RIGHT + " "), add_version(workspace, RIGHT + "  ")
    workspace.promote("words", second)
    workspace.promote("words", third)
    made = workspace.roll_back("words", who="bo", reason="slow")
    assert (made.action, made.from_version, made.to_version, made.reason) == ("rollback", "3", "2", "slow")
    assert served(workspace) == second
    assert workspace.roll_back("words").to_version == "1"
    assert served(workspace) == "1"
    with pytest.raises(InputError, match="no version to go back to"):
        workspace.roll_back("words")
    assert [each.action for each in workspace.list_promotions("words")] == [
        "promote", "promote", "rollback", "rollback",
    ]  # fmt: skip


def test_a_version_that_is_served_without_the_gate_is_written_down_as_well(workspace: Workspace) -> None:
    second = add_version(workspace, ALWAYS)
    workspace.serve_version("words", second, who="ana")
    (row,) = workspace.list_promotions("words")
    assert (row.action, row.to_version, row.held_out_metric) == ("serve", second, "")
    assert workspace.roll_back("words").to_version == "1"


def test_the_versions_served_are_traced_through_ups_and_downs() -> None:
    def make(action: str, before: str, after: str) -> Promotion:
        empty = dict.fromkeys(Promotion._fields, "")
        return Promotion(**{**empty, "action": action, "from_version": before, "to_version": after})

    rows = [
        make("promote", "1", "2"), make("promote", "2", "3"), make("rollback", "3", "2"),
        make("override", "2", "4"),
    ]  # fmt: skip
    assert trace_served(rows) == ["1", "2", "4"]
    assert trace_served([make("promote", "", "2")]) == ["2"]
    assert trace_served([]) == []


def test_every_process_adds_to_the_same_log(workspace: Workspace) -> None:
    with Workspace(workspace.folder) as other:
        workspace.promote("words", add_version(workspace, RIGHT + " "), who='Ana, "the" reviewer')
        other.roll_back("words", reason="=1+1\nsecond line")
    rows = workspace.list_promotions("words")
    assert [(each.who, each.reason) for each in rows] == [
        ('Ana, "the" reviewer', ""), ("", "=1+1\nsecond line"),
    ]  # fmt: skip


# Verdicts and cards


def test_verdicts_are_kept_for_each_version(workspace: Workspace) -> None:
    marked = flag(workspace, "refund 1", corrected_label="login")
    second = add_version(workspace, ALWAYS)
    workspace.verify("words", "1")
    summary = workspace.verify("words", second)
    assert (summary.against, summary.fixed.share) == ("1", 1.0)
    assert summary.paired is not None
    assert (summary.paired.better, summary.paired.worse) == (1, 0)
    history = {each["version"]: each["verification"] for each in workspace.list_verdicts("words")}
    assert history == {"1": "still_failing", "2": "fixed"}
    assert workspace.find_flag(marked.flag_id).state.verified_version == second
    workspace.undo(summary.action_id)
    assert [each["version"] for each in workspace.list_verdicts("words")] == ["1"]


def test_a_version_to_test_against_must_have_answered_something(workspace: Workspace) -> None:
    flag(workspace, "refund 1", corrected_label="login")
    second, third = add_version(workspace, ALWAYS), add_version(workspace, RIGHT + " ")
    with pytest.raises(InputError, match=r"version 3 has answered none .* run `reviewer verify words --ver"):
        workspace.verify("words", second, against=third)
    with pytest.raises(UnknownNameError, match="There is no version of words '9'"):
        workspace.verify("words", second, against="9")
    assert workspace.list_verdicts("words") == []


def test_a_card_tells_what_is_known_of_a_version(workspace: Workspace) -> None:
    assert "was not run over the reviewed flags yet" in workspace.write_card("words")
    flag(workspace, "refund | <b>1</b>", corrected_label="login")
    flag(workspace, "login *2*", resolution="prediction_correct")
    workspace.verify("words", "1")
    text = workspace.write_card("words", "1")
    folder = workspace.find_version("words", "1").path.parent
    assert (folder / "MODEL_CARD.md").read_text() == text
    assert text.startswith("# words, version 1\n")
    assert "- Corrections: 1 still failing" in text
    assert "- Guards: 1 kept" in text
    assert r"| still failing | refund \| \<b\>1\</b\> | login | refund |" in text
    assert "not a random sample" in text
    card = json.loads((folder / "card.json").read_text())
    assert card["sha256"] in text


def test_a_card_is_written_anew_when_its_version_is_promoted(workspace: Workspace) -> None:
    second = add_version(workspace, RIGHT + " ")
    workspace.promote("words", second, who="ana")
    card = workspace.find_version("words").path.parent / "MODEL_CARD.md"
    assert ": promote by ana" in card.read_text()
    workspace.roll_back("words", reason="slow")
    assert ": rollback: slow" in (workspace.find_version("words").path.parent / "MODEL_CARD.md").read_text()


def test_a_summary_that_is_damaged_counts_as_none(workspace: Workspace) -> None:
    flag(workspace, "refund 1", corrected_label="login")
    workspace.verify("words", "1")
    path = workspace.find_version("words", "1").path.parent / "verify.json"
    for text in ("", "{", "[]", '{"model": 1}'):
        path.write_text(text)
        assert "was not run over" in workspace.write_card("words", "1")
