"""How far people agree: the coefficients of published examples, and which answers they are asked about."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from builders import make_flag

from reviewer.agreement import Pair, find_alpha, find_kappa, report_agreement
from reviewer.cli import main
from reviewer.figures import draw_agreement, draw_done
from reviewer.workspace import Workspace

OBSERVERS = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}
"""Krippendorff's own example of four observers, twelve units and missing answers."""


def list_units() -> list[dict[str, str]]:
    rows = {name: row.split() for name, row in OBSERVERS.items()}
    return [{name: row[at] for name, row in rows.items() if row[at] != "."} for at in range(12)]


def test_alpha_of_labels_is_that_of_krippendorff_s_example() -> None:
    """Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: nominal alpha = 0.743."""
    assert find_alpha(list_units()) == pytest.approx(0.743, abs=5e-4)


def test_alpha_of_numbers_is_that_of_krippendorff_s_example() -> None:
    """The same data in section D of the same paper: interval alpha = 0.849."""
    units = [{name: float(value) for name, value in unit.items()} for unit in list_units()]
    assert find_alpha(units, "interval") == pytest.approx(0.849, abs=5e-4)


def test_kappa_is_that_of_the_example_of_fifty_grants() -> None:
    """Wikipedia, "Cohen's kappa": 50 grant proposals, 20 + 15 agreed, 5 + 10 not: kappa = 0.4."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert find_kappa(first, second) == pytest.approx(0.4)


def test_what_is_always_one_answer_leaves_the_coefficients_undefined() -> None:
    assert find_kappa(["ham", "ham"], ["ham", "ham"]) is None
    assert find_alpha([{"ann": "ham", "bob": "ham"}]) is None


def make_pairs() -> list[Pair]:
    """Return the grants, half of them with the second person first, in two weeks."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    pairs = []
    for at, (one, other) in enumerate(zip(first, second, strict=True)):
        week = "2026-03-02" if at % 5 else "2026-03-09"
        names = ("ann", one, "bob", other) if at % 2 else ("bob", other, "ann", one)
        pairs.append(Pair(*names, week))
    return pairs


def test_a_report_tells_pairs_classes_and_weeks_with_intervals_around_each_figure() -> None:
    report = report_agreement(make_pairs())
    assert report.overall.flags == 50
    assert [each.of for each in report.pairs] == ["ann · bob"]
    (pair,) = report.pairs
    assert pair.percent is not None
    assert pair.kappa is not None
    assert pair.percent.value == pytest.approx(0.7)
    assert pair.kappa.value == pytest.approx(0.4), "whoever answered first"
    for each in (report.overall, *report.pairs, *report.classes, *report.weeks):
        for figure in (each.percent, each.kappa, each.alpha):
            assert figure is not None
            assert figure.low <= figure.value <= figure.high
            assert figure.low < figure.high
    assert [(each.of, each.flags) for each in report.classes] == [("no", 30), ("yes", 35)]
    assert report.classes[1].percent is not None
    assert report.classes[1].percent.value == pytest.approx(20 / 35)
    assert [(each.of, each.flags) for each in report.weeks] == [("2026-03-02", 40), ("2026-03-09", 10)]


def test_the_same_answers_give_the_same_report() -> None:
    assert report_agreement(make_pairs()) == report_agreement(make_pairs())


def test_numbers_have_an_alpha_and_no_kappa() -> None:
    pairs = [Pair("ann", str(at), "bob", str(at + at % 2), "", (at, at + at % 2)) for at in range(9)]
    report = report_agreement(pairs)
    assert report.overall.kappa is None
    assert report.overall.alpha is not None
    assert report.overall.alpha.value > 0.9
    assert report.classes == []


def test_the_verb_tells_the_report_of_the_workspace(
    tiny_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [make_flag(predicted_label="login") for _ in range(6)]
    tiny_workspace.add_flags(flags)
    for at, flag in enumerate(flags):
        tiny_workspace.review(flag.flag_id, corrected_label="refund", reviewer="ann", ask_second=True)
        label = "login" if at < 2 else "refund"
        tiny_workspace.review(flag.flag_id, corrected_label=label, reviewer="bob")
    folder = str(tiny_workspace.folder)
    assert main(["agreement", "--model", "tickets", "--format", "json", "--workspace", folder]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["by"], row["of"], row["flags"]) for row in rows[:2]] == [
        ("all", "all", 6), ("pairs", "ann · bob", 6)
    ]  # fmt: skip
    assert rows[0]["percent"] == pytest.approx(4 / 6, abs=1e-4)
    assert rows[0]["percent_low"] < rows[0]["percent"] < rows[0]["percent_high"]


def test_a_score_tells_own_flags_gold_answers_and_agreement(tiny_workspace: Workspace) -> None:
    known, twice = make_flag(predicted_label="login", flagger="tess"), make_flag(flagger="tess")
    tiny_workspace.add_flags([known, twice])
    tiny_workspace.review(known.flag_id, corrected_label="refund", reviewer="chief")
    tiny_workspace.review(known.flag_id, act="gold", reviewer="chief")
    for who, label in (("ann", "refund"), ("bob", "login")):
        tiny_workspace.review(known.flag_id, corrected_label=label, reviewer=who)
    tiny_workspace.review(twice.flag_id, resolution="prediction_correct", reviewer="ann", ask_second=True)
    tiny_workspace.review(twice.flag_id, resolution="prediction_correct", reviewer="bob")
    ann, bob, tess = (tiny_workspace.score_person(name) for name in ("ann", "bob", "tess"))
    assert [(each.gold.hits, each.gold.of) for each in (ann, bob, tess)] == [(1, 1), (0, 1), (0, 0)]
    assert (tess.flags.hits, tess.flags.of) == (1, 2)
    assert (ann.agreement.flags, tess.agreement.flags) == (1, 0)


def test_nothing_reviewed_twice_says_nothing() -> None:
    report = report_agreement([])
    assert (report.overall.flags, report.overall.percent) == (0, None)


def test_a_figure_shows_each_coefficient_with_its_interval_and_names_as_they_are() -> None:
    told = {"value": 0.7, "low": 0.5, "high": 0.8}
    rows = [
        {"of": "ann · <b>bob", "flags": 50, "percent": told, "kappa": told | {"value": 0.6}, "alpha": None},
        {"of": "nobody", "flags": 0, "percent": None, "kappa": None, "alpha": None},
    ]
    figure = draw_agreement(rows)
    assert [trace.name for trace in figure.data] == ["Equal answers", "Cohen’s κ", "Krippendorff’s α"]
    assert [list(trace.y) for trace in figure.data] == [[0.7], [0.6], []]
    assert list(figure.data[0].error_y.array) == pytest.approx([0.1])
    assert list(figure.data[0].error_y.arrayminus) == pytest.approx([0.2])
    assert list(figure.layout.xaxis.ticktext) == ["ann · &lt;b&gt;bob"]
    assert "No flag was reviewed twice yet" in draw_agreement(rows[1:]).layout.annotations[0].text


def test_a_figure_stacks_what_each_person_answered_a_day() -> None:
    days = [("ann", "2026-03-01", 3), ("bob", "2026-03-01", 2), ("ann", "2026-03-02", 1)]
    figure = draw_done(pd.DataFrame(days, columns=["name", "day", "flags"]))
    assert {trace.name: list(trace.y) for trace in figure.data} == {"ann": [3, 1], "bob": [2]}
    assert "Nobody has answered" in draw_done(pd.DataFrame(columns=["day"])).layout.annotations[0].text
