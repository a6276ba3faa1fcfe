"""What should be known before an export is written: each finding with its count and the flags behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from exports import export_flags, plan_flags
from test_bundle import CAR, SPEC, make_reviewed, read_csv, read_rows

from reviewer.bundle import Finding
from reviewer.config import ModelSpec
from reviewer.errors import InputError
from reviewer.records import Flag
from reviewer.sentences import retell

BASED = SPEC.model_copy(update={"base": "base.csv"})


def find(folder: Path, spec: ModelSpec, flags: Sequence[Flag], kind: str, **options: object) -> Finding:
    """Return the finding of that kind, which is told in Russian too."""
    found = {each.kind: each for each in plan_flags(folder, spec, flags, **options).findings}[kind]
    assert retell(found.sentence, "ru") != found.sentence
    return found


def test_different_answers_for_one_example_stop_until_there_is_a_policy(tmp_path: Path) -> None:
    flags = [make_reviewed("a", "login"), make_reviewed("a", "refund"), make_reviewed("b", "login")]
    found = find(tmp_path, SPEC, flags, "conflict")
    assert (found.count, found.is_stop, found.flag_ids) == (1, True, (flags[1].flag_id,))
    with pytest.raises(InputError, match="choose a policy"):
        export_flags(tmp_path, SPEC)
    assert not find(tmp_path, SPEC, [], "conflict", policy="latest").is_stop
    assert find(tmp_path, SPEC, [], "conflict", policy="leave_out").count == 2
    assert find(tmp_path, SPEC, [], "not_adjudicated", policy="adjudicated").count == 2


def test_retired_labels_are_left_out_and_told(tmp_path: Path) -> None:
    flags = [make_reviewed("a", "shipping"), make_reviewed("b"), make_reviewed("c", "login")]
    found = find(tmp_path, SPEC, flags, "retired_label")
    assert (found.count, found.flag_ids) == (1, (flags[0].flag_id,))


def test_an_answer_that_is_retired_wins_no_vote(tmp_path: Path) -> None:
    flags = [make_reviewed("a", "login"), make_reviewed("a", "shipping", reviewer="bob")]
    bundle = export_flags(tmp_path, SPEC, flags, policy="latest")
    assert [row["label"] for row in read_rows(bundle)] == ["login"]


def test_labels_that_differ_in_case_or_spaces_only_are_told(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"labels": ("login", "Login", "log  in", "log in ")})
    flags = [make_reviewed(label, label) for label in spec.labels]
    plan = plan_flags(tmp_path, spec, flags)
    found = [each for each in plan.findings if each.kind == "similar_labels"]
    assert [each.count for each in found] == [2, 2]
    assert "'Login', 'login'" in found[0].sentence


def test_small_classes_and_a_single_one_are_told(tmp_path: Path) -> None:
    flags = [make_reviewed(str(number), "login") for number in range(3)]
    shares = {"train": 1}
    found = find(tmp_path, SPEC, flags, "one_class", shares=shares)
    assert (found.count, set(found.flag_ids)) == (3, {flag.flag_id for flag in flags})
    small = make_reviewed("small", "refund")
    found = find(tmp_path, SPEC, [small], "small_class", shares=shares)
    assert (found.count, found.flag_ids) == (1, (small.flag_id,))
    assert found.sentence == "Labels with fewer rows in train than 2: refund 1."
    kinds = [each.kind for each in plan_flags(tmp_path, SPEC, shares=shares, min_class=1).findings]
    assert kinds == []


def test_lost_files_are_left_out_and_told(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"inputs": {"text": CAR.inputs["photo"]}})
    lost = replace(make_reviewed(), inputs={"text": {"media": "0" * 64 + ".png"}})
    found = find(tmp_path, spec, [lost], "missing_media")
    assert found.flag_ids == (lost.flag_id,)


def test_other_inputs_are_left_out_and_told(tmp_path: Path) -> None:
    flags = [replace(make_reviewed(), inputs={"subject": "x"}), replace(make_reviewed(), inputs={"text": 7})]
    assert find(tmp_path, SPEC, flags, "other_inputs").count == 2


def test_too_little_agreement_is_left_out_and_told(tmp_path: Path) -> None:
    flags = [make_reviewed("a", "login"), make_reviewed("a", "refund", reviewer="bob")]
    found = find(tmp_path, SPEC, flags, "low_agreement", policy="majority", min_agreement=0.6)
    assert found.count == 2


def test_balanced_weights_need_labels(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="weights is balanced, but car has no labels"):
        export_flags(tmp_path, CAR, weights="balanced")


# The base


def write_base(folder: Path, text: str, encoding: str = "utf-8") -> None:
    (folder / "base.csv").write_text(text, encoding=encoding)


def test_what_drifted_between_the_base_and_the_config_is_told(tmp_path: Path) -> None:
    write_base(tmp_path, "text,label,extra\na,login,1\na,refund,2\n,login,3\nb,other,4\n")
    flags = [make_reviewed("x")]
    assert find(tmp_path, BASED, flags, "base_rows").count == 2
    assert find(tmp_path, BASED, [], "base_doubles").count == 1
    assert "extra" in find(tmp_path, BASED, [], "base_columns").sentence


@pytest.mark.parametrize(
    ("text", "encoding", "words"),
    [
        ("text,label\nпривет,login\n", "cp1251", "cannot be read as a UTF-8 CSV file"),
        ("текст;label\n", "utf-16", "cannot be read as a UTF-8 CSV file"),
        ("text;label\na;login\n", "utf-8", "has ';' between its cells; save it with commas"),
        ("text\tlabel\na\tlogin\n", "utf-8", r"has '\\t' between its cells"),
        ("subject,label\na,login\n", "utf-8", "has no column 'text'"),
        ("text,label\na\n", "utf-8", "line 2: 1 cells, but the header has 2"),
        ("text,text,label\na,b,login\n", "utf-8", "has two columns named 'text'"),
        ("", "utf-8", "has no column 'text'"),
    ],
)
def test_a_base_that_cannot_be_read_is_told_in_a_sentence(
    tmp_path: Path, text: str, encoding: str, words: str
) -> None:
    write_base(tmp_path, text, encoding)
    with pytest.raises(InputError, match=words):
        export_flags(tmp_path, BASED, [make_reviewed()])


def test_an_example_stays_in_the_split_that_the_base_gives_it(tmp_path: Path) -> None:
    rows = "".join(f"t{number},login,{'test' if number % 2 else 'train'}\n" for number in range(20))
    write_base(tmp_path, "text,label,split\n" + rows)
    flags = [make_reviewed(f"t{number}") for number in range(20)]
    bundle = export_flags(tmp_path, BASED, flags, shares={"train": 0.5, "verify": 0.5})
    splits = {row["text"]: row["split"] for row in read_rows(bundle)}
    assert splits == {f"t{number}": "test" if number % 2 else "train" for number in range(20)}


def test_an_example_that_the_base_moves_to_its_test_split_is_trained_on_no_more(tmp_path: Path) -> None:
    flags = [make_reviewed("a"), make_reviewed("b", "login")]
    export_flags(tmp_path, BASED, flags, shares={"train": 1})
    write_base(tmp_path, "text,label,split\na,login,test\n")
    found = find(tmp_path, BASED, [], "leak")
    assert found.flag_ids == (flags[0].flag_id,)
    bundle = export_flags(tmp_path, BASED)
    assert [row["text"] for row in read_rows(bundle)] == ["b"]


def test_held_out_examples_among_the_rows_of_the_base_are_told_and_marked(tmp_path: Path) -> None:
    flags = [make_reviewed("a"), make_reviewed("b", "login")]
    export_flags(tmp_path, BASED, flags, shares={"verify": 1})
    write_base(tmp_path, "text,label,split\na,login,train\nz,login,train\n")
    found = find(tmp_path, BASED, [], "base_leak")
    assert (found.count, found.flag_ids) == (1, (flags[0].flag_id,))
    bundle = export_flags(tmp_path, BASED, mode="merge")
    assert [row["changed"] for row in read_csv(bundle.path / "merged.csv")] == ["held_out", ""]
