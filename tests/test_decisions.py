"""Decisions: what may be said about a flag, and that of two who say it at once one wins."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, append, make_flag, make_prediction, open_small_logs
from hypothesis import given
from hypothesis import strategies as st

from reviewer import __version__
from reviewer.config import ModelSpec, TeamSpec
from reviewer.decisions import (
    build_events,
    build_flag,
    build_reverts,
    build_verdict,
    check_current,
    check_id,
    check_known,
    check_suggestion,
)
from reviewer.errors import ConflictError, InputError, UnknownNameError
from reviewer.records import (
    SEQUENCED,
    Event,
    Flag,
    FlagState,
    Resolution,
    Review,
    Source,
    Status,
    Task,
    new_id,
)
from reviewer.workspace import Workspace


def make_spec(task: Task, labels: tuple[str, ...] = ()) -> ModelSpec:
    return ModelSpec.model_validate(
        {"name": "tickets", "task": task, "labels": labels, "inputs": {"text": "textbox"}}
    )


CLASSES = make_spec(Task.TEXT_CLASSIFICATION, ("billing", "refund", "login"))
NUMBERS = make_spec(Task.TABULAR_REGRESSION)
TEXTS = make_spec(Task.TEXT_GENERATION)


def build(spec: ModelSpec, flag: Flag | None = None, comment: str = "", **decision: Any) -> list[Review]:
    nothing = dict.fromkeys(
        (
            "corrected_label",
            "corrected_value",
            "corrected_output",
            "resolution",
            "status",
            "certainty",
            "seconds",
        )
    )
    return build_events(
        spec,
        flag or make_flag(),
        new_id(),
        comment,
        **{**nothing, "reviewer": "ann", "team": TeamSpec.model_validate({}), **decision},
    )


# Flags


def test_a_flag_copies_the_prediction_it_marks() -> None:
    prediction = make_prediction(
        scores={"billing": 0.75, "refund": 0.25},
        latency_ms=3.5,
        session_id="s1",
        source=Source.BATCH,
        username="bob",
    )
    flag = build_flag(prediction, option="wrong_label", flagger="ann", session_id="", source=Source.MANUAL)
    copied = {
        "prediction_id",
        "model",
        "model_version",
        "task",
        "example_id",
        "inputs",
        "predicted_label",
        "scores",
    }
    assert all(
        getattr(flag, name) == getattr(prediction, name) for name in copied | {"confidence", "latency_ms"}
    )
    assert (flag.source, flag.flagger, flag.session_id) == (Source.MANUAL, "ann", "s1")
    assert flag.app_version == __version__
    assert flag.state == FlagState()


def test_two_flags_of_one_prediction_differ() -> None:
    prediction = make_prediction()
    one, other = (build_flag(prediction, option="other", session_id="s2") for _ in range(2))
    assert one.flag_id < other.flag_id
    assert one.session_id == "s2"


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_no_suggestion_stays_none(nothing: str | None) -> None:
    assert check_suggestion(CLASSES, nothing) is None


@pytest.mark.parametrize(
    ("spec", "given", "kept"),
    [
        (CLASSES, "refund", "refund"),
        (NUMBERS, "12.50", "12.5"),
        (NUMBERS, 3, "3"),
        (TEXTS, " a <b> ", " a <b> "),
    ],
)
def test_a_suggestion_is_kept_as_text(spec: ModelSpec, given: Any, kept: str) -> None:
    assert check_suggestion(spec, given) == kept


def test_a_suggested_label_that_the_model_lacks_names_the_known_ones() -> None:
    with pytest.raises(
        UnknownNameError, match=r"no label 'Refund'. Did you mean 'refund'\? Known: billing, refund"
    ):
        check_suggestion(CLASSES, "Refund")


@pytest.mark.parametrize("given", ["many", "1,5", [1], "nan", "inf", -math.inf, {}])
def test_a_right_value_that_is_no_finite_number_is_refused(given: Any) -> None:
    with pytest.raises(InputError, match=r"The right value is .*; a (finite )?number is needed\."):
        check_suggestion(NUMBERS, given)
    with pytest.raises(InputError, match=r"The right value is .*; a (finite )?number is needed\."):
        build(NUMBERS, corrected_value=given)


def test_a_known_name_passes() -> None:
    check_known("status", "open", Status)
    with pytest.raises(UnknownNameError, match="no status 'opn'"):
        check_known("status", "opn", Status)


def test_an_id_is_brought_to_the_form_of_the_log() -> None:
    made = new_id()
    assert check_id("action_id", made.upper()) == made
    with pytest.raises(InputError, match="action_id is 'x'; a UUID is needed"):
        check_id("action_id", "x")


# Decisions


@pytest.mark.parametrize(
    ("spec", "decision", "expected"),
    [
        (CLASSES, {"corrected_label": "refund"}, {"value": "label_corrected", "corrected_label": "refund"}),
        (CLASSES, {"corrected_label": "billing"}, {"value": "prediction_correct", "corrected_label": None}),
        (
            CLASSES,
            {"corrected_label": "refund", "resolution": "label_corrected"},
            {"value": "label_corrected", "corrected_label": "refund"},
        ),
        (CLASSES, {"resolution": "ambiguous"}, {"value": "ambiguous", "corrected_label": None}),
        (NUMBERS, {"corrected_value": 12}, {"value": "label_corrected", "corrected_value": 12.0}),
        (NUMBERS, {"corrected_value": 0.0}, {"value": "label_corrected", "corrected_value": 0.0}),
        (TEXTS, {"corrected_output": "better"}, {"value": "label_corrected", "corrected_output": "better"}),
        (TEXTS, {"corrected_output": False}, {"value": "label_corrected", "corrected_output": False}),
    ],
)
def test_a_decision_becomes_one_resolve_event(
    spec: ModelSpec, decision: dict[str, Any], expected: dict[str, Any]
) -> None:
    flag = make_flag(state=FlagState(seq=4))
    (event,) = build(spec, flag, **decision, certainty=5, seconds=2.5)
    assert event.event == Event.RESOLVE
    assert {name: getattr(event, name) for name in expected} == expected
    assert (event.seq, event.reviewer, event.certainty, event.seconds) == (5, "ann", 5, 2.5)
    assert event.flag_id == flag.flag_id


@pytest.mark.parametrize("status", ["open", "in_review", "needs_info"])
def test_a_status_becomes_a_status_event(status: str) -> None:
    (event,) = build(CLASSES, status=status)
    assert (event.event, event.value, event.seq) == (Event.STATUS, status, 1)


@pytest.mark.parametrize("resolution", [each for each in Resolution if each != Resolution.LABEL_CORRECTED])
def test_every_other_resolution_needs_no_right_answer(resolution: str) -> None:
    (event,) = build(CLASSES, resolution=resolution)
    assert event.value == resolution


def test_a_comment_beside_a_decision_is_a_second_event_of_the_same_action() -> None:
    decision, comment = build(CLASSES, comment=" why? ", resolution="ambiguous")
    assert (comment.event, comment.value, comment.seq) == (Event.COMMENT, " why? ", 0)
    assert comment.action_id == decision.action_id
    assert comment.event_id != decision.event_id


def test_a_comment_alone_is_enough() -> None:
    (event,) = build(CLASSES, comment="why?")
    assert event.event == Event.COMMENT


@pytest.mark.parametrize(
    ("spec", "decision", "sentence"),
    [
        (
            CLASSES,
            {},
            "Nothing was decided: give a corrected label or value, a resolution, a status, an act",
        ),
        (CLASSES, {"comment": "  "}, "Nothing was decided"),
        (CLASSES, {"corrected_label": "x"}, "no label 'x'. Known: billing, refund, login"),
        (CLASSES, {"corrected_label": ""}, "no label ''"),
        (CLASSES, {"corrected_value": 1.0}, "tickets answers with labels; give corrected_label"),
        (CLASSES, {"corrected_output": "x"}, "tickets answers with labels; give corrected_label"),
        (
            NUMBERS,
            {"corrected_label": "x"},
            "tickets does not answer with labels; give corrected_value instead",
        ),
        (CLASSES, {"resolution": "fixed"}, "no resolution 'fixed'"),
        (CLASSES, {"resolution": "label_corrected"}, "label_corrected needs the right answer"),
        (CLASSES, {"status": "resolved"}, "no status 'resolved'"),
        (CLASSES, {"status": "done"}, "no status 'done'"),
        (
            CLASSES,
            {"status": "open", "resolution": "ambiguous"},
            "the status 'open' and a resolution in one action",
        ),
        (CLASSES, {"status": "open", "corrected_label": "refund"}, "the status 'open' and a resolution"),
        (
            CLASSES,
            {"corrected_label": "refund", "resolution": "ambiguous"},
            "A correction cannot go with the resolution 'ambiguous'",
        ),
    ],
)
def test_a_decision_that_contradicts_itself_or_the_model_is_refused(
    spec: ModelSpec, decision: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        build(spec, **decision)
    assert sentence in str(caught.value)


# Conflicts


def test_the_state_a_reviewer_saw_may_be_decided_about() -> None:
    flag = make_flag(state=FlagState(seq=3))
    check_current(flag, build(CLASSES, flag, resolution="ambiguous"), 3)
    check_current(flag, build(CLASSES, flag, resolution="ambiguous"), None)


@pytest.mark.parametrize("seq", [2, 4, 0])
def test_another_state_is_refused_with_who_changed_it_when_and_to_what(seq: int) -> None:
    state = FlagState(seq=3, reviewer="боб", reviewed_at=NOON, status="resolved", resolution="ambiguous")
    flag = make_flag(state=state)
    with pytest.raises(
        ConflictError, match="changed by боб at 12:00:00 UTC and is now 'ambiguous'; look at it"
    ) as caught:
        check_current(flag, build(CLASSES, flag, resolution="duplicate"), seq)
    assert caught.value.flag_id == flag.flag_id


def test_a_comment_on_a_changed_flag_is_taken() -> None:
    flag = make_flag(state=FlagState(seq=3))
    check_current(flag, build(CLASSES, flag, comment="why?"), 1)


def test_a_flag_that_was_taken_back_cannot_be_decided_about() -> None:
    flag = make_flag(state=FlagState(is_withdrawn=True))
    with pytest.raises(ConflictError, match=f"Flag {flag.flag_id} was taken back by its flagger"):
        check_current(flag, build(CLASSES, flag, resolution="ambiguous"), 0)


# Reverts and verdicts


@given(st.lists(st.integers(0, 2), min_size=1, max_size=8))
def test_reverts_are_numbered_behind_what_each_flag_has(targets: list[int]) -> None:
    flags = [make_flag(state=FlagState(seq=10 * each)) for each in range(3)]
    wanted = {new_id(): flags[each].flag_id for each in targets}
    action = new_id()
    reverts = build_reverts(wanted, {each.flag_id: each for each in flags}, action, "ann")
    assert {each.reverts: each.flag_id for each in reverts} == wanted
    assert {(each.event, each.action_id, each.reviewer) for each in reverts} == {
        (Event.REVERT, action, "ann")
    }
    for flag in flags:
        seqs = [each.seq for each in reverts if each.flag_id == flag.flag_id]
        assert seqs == list(range(flag.state.seq + 1, flag.state.seq + 1 + len(seqs)))


def test_a_verdict_contradicts_nobody() -> None:
    event = build_verdict("f", "fixed", "v2", "a")
    assert (event.event, event.value, event.model_version, event.seq) == (Event.VERIFY, "fixed", "v2", 0)
    assert event.event not in SEQUENCED


# Two at once

CONFIG = """\
[models.tickets]
task = "text-classification"
path = "tickets.skops"
labels = ["billing", "refund", "login"]
inputs.text = "textbox"
"""

REVIEW = """
import sys
from pathlib import Path
from reviewer.errors import ConflictError
from reviewer.workspace import Workspace
folder, flag_id, name, is_app = sys.argv[1:]
with Workspace(Path(folder), is_app=is_app == "app") as workspace:
    print("ready", flush=True)
    for seq in map(int, sys.stdin):
        try:
            workspace.review(flag_id, resolution="ambiguous", comment=f"{name} {seq}", reviewer=name, seq=seq)
            print("won", flush=True)
        except ConflictError as error:
            print("lost", error, flush=True)
"""


@pytest.mark.parametrize("app", ["app", "side"])
def test_of_processes_that_review_one_flag_at_the_same_instant_one_wins(tmp_path: Path, app: str) -> None:
    (tmp_path / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    flag = make_flag()
    append(open_small_logs(tmp_path / "flagged"), flag)
    names = ["ann", "bob", "cid"]
    kinds = dict.fromkeys(names, "side") | {"ann": app}
    started = {name: start_reviewer(tmp_path, flag.flag_id, name, kinds[name]) for name in names}
    assert [read_line(each) for each in started.values()] == ["ready"] * len(names)
    winners = [run_round(started, seq) for seq in range(4)]
    for each in started.values():
        each.communicate()
    with Workspace(tmp_path) as workspace:
        check_history(workspace, flag.flag_id, winners)


def start_reviewer(folder: Path, flag_id: str, name: str, kind: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", REVIEW, str(folder), flag_id, name, kind]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def run_round(started: dict[str, subprocess.Popen[str]], seq: int) -> str:
    """Let every process review the state `seq` at once; returns the one that won."""
    for each in started.values():
        assert each.stdin
        each.stdin.write(f"{seq}\n")
        each.stdin.flush()
    said = {name: read_line(each) for name, each in started.items()}
    winners = [name for name, line in said.items() if line == "won"]
    assert len(winners) == 1, said
    losers = [line for name, line in said.items() if name not in winners]
    assert all(line.startswith(f"lost The flag was changed by {winners[0]} at ") for line in losers)
    return winners[0]


def check_history(workspace: Workspace, flag_id: str, winners: list[str]) -> None:
    """The log holds each winner's decision and comment; a loser's, if it got that far, is not applied."""
    history = workspace.find_history(flag_id)
    applied = [each.review for each in history if each.is_applied and each.review.event == Event.RESOLVE]
    assert [(each.reviewer, each.seq) for each in applied] == [
        (name, seq + 1) for seq, name in enumerate(winners)
    ]
    comments = {each.review.value for each in history if each.review.event == Event.COMMENT}
    assert {f"{name} {seq}" for seq, name in enumerate(winners)} <= comments
    assert workspace.find_flag(flag_id).state.seq == len(winners)
    assert workspace.find_flag(flag_id).state.reviewer == winners[-1]
