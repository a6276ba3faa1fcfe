"""Runs over the reviewed flags as files for build servers and people."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from reviewer.errors import LogError
from reviewer.training.intervals import PairedTest, Share, compare_labels, compare_values, find_share
from reviewer.training.reports import escape_cell, format_summary, write_junit
from reviewer.training.results import Verdict, write_rows, writing_results
from reviewer.training.summary import VerifySummary


def make_verdict(number: int, role: str, verification: str, **given: str) -> Verdict:
    empty = dict.fromkeys(Verdict._fields, "")
    told = {"position": str(number), "flag_id": f"flag-{number}", "role": role, "verification": verification}
    return Verdict(**{**empty, **told, **given})


VERDICTS = [
    make_verdict(1, "correction", "fixed", right="refund", answer="refund"),
    make_verdict(2, "correction", "still_failing", right="refund", answer="login", preview="a <b> & \x00 c"),
    make_verdict(3, "guard", "regressed", right="a|b", answer="*x*", preview="one\ntwo"),
    make_verdict(4, "guard", "fixed", right="login", answer="login"),
    make_verdict(5, "correction", "inconclusive", is_flaky="1"),
]


def make_summary(folder: Path, verdicts: list[Verdict] = VERDICTS, **given: Any) -> VerifySummary:
    with writing_results(folder) as file:
        write_rows(file, list(zip(*verdicts, strict=True)))
    told: dict[str, Any] = {
        "corrections": {"fixed": 1, "inconclusive": 1, "still_failing": 1},
        "guards": {"kept": 1, "regressed": 1},
        "without_answer": 0,
        "flaky": 1,
        "fixed": find_share(1, 2),
        "guards_regressed": find_share(1, 2),
        "against": "1",
        "paired": PairedTest("mcnemar", 4, 1, 2, 1.0),
        "regressions": [each for each in verdicts if each.is_regressed],
    }
    return VerifySummary("tickets", "3", "an action", folder / "verify.csv", **{**told, **given})


def test_junit_has_a_case_per_flag_and_is_xml_whatever_the_flags_say(tmp_path: Path) -> None:
    write_junit(make_summary(tmp_path), tmp_path / "verify.xml")
    suite = ElementTree.parse(tmp_path / "verify.xml").getroot()[0]  # noqa: S314  our own file
    told = {name: suite.attrib[name] for name in ("name", "tests", "failures", "skipped")}
    assert told == {"name": "tickets.3", "tests": "5", "failures": "2", "skipped": "1"}
    cases = list(suite)
    assert [each.attrib["name"] for each in cases] == [f"flag-{n}" for n in range(1, 6)]
    assert {each.attrib["classname"] for each in cases} == {"tickets.3"}
    failures = [each for case in cases for each in case.iter("failure")]
    assert [each.attrib for each in failures] == [
        {"type": "still_failing", "message": "right: 'refund', answered: 'login'"},
        {"type": "regressed", "message": "right: 'a|b', answered: '*x*'"},
    ]
    assert failures[0].text == "a <b> & \ufffd c"
    assert [each.attrib["message"] for case in cases for each in case.iter("skipped")] == ["flaky"]


def test_markdown_lists_regressions_first_and_shows_texts_as_they_are(tmp_path: Path) -> None:
    assert format_summary(make_summary(tmp_path)) == (
        "## tickets version 3\n"
        "\n"
        "**1 regressed: right before, wrong now.**\n"
        "\n"
        "| Flag | Was | Example | Right | Answer |\n"
        "|---|---|---|---|---|\n"
        "| flag-3 | guard | one two | a\\|b | \\*x\\* |\n"
        "\n"
        "| | fixed | still failing | kept | regressed | inconclusive |\n"
        "|---|---|---|---|---|---|\n"
        "| corrections | 1 | 1 | 0 | 0 | 1 |\n"
        "| guards | 0 | 0 | 1 | 1 | 0 |\n"
        "\n"
        "- Fixed: 1 of 2, 50.0% (95 %: 9.5%–90.5%) of the corrections with a clear verdict.\n"
        "- Regressed: 1 of 2, 50.0% (95 %: 9.5%–90.5%) of the guards with a clear verdict.\n"
        "- Flaky: 1 answered otherwise in a second run.\n"
        "- Against version 1: better on 1 and worse on 2 of 4 flags (mcnemar, p = 1).\n"
    )


def test_markdown_of_nothing_reviewed_says_so_without_a_share(tmp_path: Path) -> None:
    nothing = find_share(0, 0)
    text = format_summary(
        make_summary(
            tmp_path, VERDICTS[:1], corrections={}, guards={}, flaky=0, fixed=nothing,
            guards_regressed=nothing, paired=None,
        )
    )  # fmt: skip
    assert "Nothing that was right became wrong." in text
    assert "- Fixed: none of the corrections" in text
    assert "Against" not in text


def test_a_long_list_of_regressions_ends_with_how_many_more_there_are(tmp_path: Path) -> None:
    many = [make_verdict(n, "guard", "regressed") for n in range(60)]
    text = format_summary(make_summary(tmp_path, many, guards={"regressed": 2000}))
    assert "**2,000 regressed" in text
    assert "… and 1,950 more." in text


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"no/such/verify\.xml could not be written: No such file"):
        write_junit(make_summary(tmp_path), tmp_path / "no/such/verify.xml")


def test_a_long_text_is_cut_in_a_cell() -> None:
    assert escape_cell("x" * 200) == "x" * 119 + "…"


# Intervals and tests, against values from the literature


def test_a_share_has_the_interval_of_wilson() -> None:
    share = find_share(15, 148)  # Newcombe (1998), table I: 0.0624 to 0.1605
    assert share.low == pytest.approx(0.0624, abs=5e-5)
    assert share.high == pytest.approx(0.1605, abs=5e-5)
    assert find_share(0, 0) == Share(0, 0, None, None, None)


def test_pairs_are_tested_exactly() -> None:
    assert compare_labels(1, 5, 20).p_value == pytest.approx(14 / 64)
    assert compare_labels(0, 0, 20).p_value == 1.0
    found = compare_values([1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 4.0, 6.0, 8.0, 10.0])
    assert (found.test, found.better, found.worse) == ("wilcoxon", 5, 0)
    assert found.p_value == pytest.approx(2 / 32)
    assert compare_values([1.0], [1.0]).p_value == 1.0
