"""A merge: the base CSV as a copy with the corrections in it, and every change by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import NOON, make_flag
from exports import export_flags
from test_bundle import SPEC, make_reviewed, read_csv

from reviewer.bundle import Bundle
from reviewer.config import ModelSpec
from reviewer.errors import InputError, ReviewerError
from reviewer.records import Flag, FlagState

BASED = SPEC.model_copy(update={"base": "data/base.csv"})
TWO = ModelSpec.model_validate({**BASED.model_dump(), "inputs": {"number": "textbox", "text": "textbox"}})
HEIGHTS = ModelSpec.model_validate(
    {
        "name": "heights",
        "task": "tabular-regression",
        "inputs": {"age": "number"},
        "base": "data/base.csv",
        "target": "height",
    }
)
ALL = {"train": 1.0}


def write_base(folder: Path, text: str) -> Path:
    path = folder / "data/base.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    return path


def merge(folder: Path, spec: ModelSpec, flags: list[Flag], **options: object) -> Bundle:
    return export_flags(folder, spec, flags, **{"mode": "merge", "shares": ALL, **options})


def make_two(number: str, text: str, label: str) -> Flag:
    return make_flag(
        inputs={"number": number, "text": text},
        state=FlagState(
            status="resolved", resolution="label_corrected", corrected_label=label, reviewed_at=NOON
        ),
    )


def test_corrections_change_add_and_leave_rows_and_the_base_stays_as_it_was(tmp_path: Path) -> None:
    text = 'id,text,label,split\n007,"a, b",login,train\nNA,c,login,train\n1,"q\r\n",refund,train\n'
    path = write_base(tmp_path, text)
    flags = [make_reviewed("a, b", "refund"), make_reviewed("new", "login"), make_reviewed("c", "login")]
    bundle = merge(tmp_path, BASED, flags)
    assert path.read_bytes() == text.encode()
    assert (bundle.path / "merged.csv").read_bytes().decode() == (
        'id,text,label,split,changed\n007,"a, b",refund,train,corrected\nNA,c,login,train,\n'
        '1,"q\r\n",refund,train,\n,new,login,train,added\n'
    )
    assert (bundle.path / "merged_diff.csv").read_text() == (
        "line,flag_id,column,before,after\n"
        f"2,{flags[0].flag_id},label,login,refund\n,{flags[1].flag_id},label,,login\n"
    )
    counts = {name: bundle.manifest["merged"][name] for name in ("kept", "held_out", "corrected", "added")}
    assert counts == {"kept": 2, "held_out": 0, "corrected": 1, "added": 1}


def test_every_row_that_repeats_an_example_is_corrected(tmp_path: Path) -> None:
    write_base(tmp_path, "text,label\na,login\na,login\n")
    bundle = merge(tmp_path, BASED, [make_reviewed("a", "refund")])
    assert [row["label"] for row in read_csv(bundle.path / "merged.csv")] == ["refund", "refund"]


def test_held_out_corrections_are_not_merged_in(tmp_path: Path) -> None:
    write_base(tmp_path, "text,label,split\na,login,test\nb,login,train\n")
    bundle = merge(tmp_path, BASED, [make_reviewed("a", "refund"), make_reviewed("b", "refund")])
    merged = read_csv(bundle.path / "merged.csv")
    assert [(row["label"], row["changed"]) for row in merged] == [("login", ""), ("refund", "corrected")]


def test_a_key_names_the_row_whatever_else_changed(tmp_path: Path) -> None:
    write_base(tmp_path, "number,text,label\n007,old words,login\n7,other,login\n")
    bundle = merge(tmp_path, TWO, [make_two("007", "new words", "refund")], key=["number"])
    merged = read_csv(bundle.path / "merged.csv")
    assert [(row["number"], row["text"], row["label"]) for row in merged] == [
        ("007", "old words", "refund"),
        ("7", "other", "login"),
    ]


def test_two_corrections_with_one_key_and_different_answers_are_refused(tmp_path: Path) -> None:
    write_base(tmp_path, "number,text,label\n1,a,login\n")
    flags = [make_two("1", "a", "refund"), make_two("1", "b", "billing")]
    with pytest.raises(InputError, match="have the same number but different right answers"):
        merge(tmp_path, TWO, flags, key=["number"])
    assert merge(tmp_path, TWO, [], key=["number", "text"]).manifest["merged"]["added"] == 1


def test_a_key_that_is_no_input_is_named(tmp_path: Path) -> None:
    write_base(tmp_path, "number,text,label\n1,a,login\n")
    with pytest.raises(ReviewerError, match="There is no input of tickets 'id'"):
        merge(tmp_path, TWO, [make_two("1", "a", "refund")], key=["id"])


def test_a_base_that_has_a_column_changed_is_refused(tmp_path: Path) -> None:
    write_base(tmp_path, "text,label,changed\na,login,\n")
    with pytest.raises(InputError, match="has a column changed already"):
        merge(tmp_path, BASED, [make_reviewed("a")])


def test_a_number_that_is_written_otherwise_is_no_change(tmp_path: Path) -> None:
    write_base(tmp_path, "age,height\n3,95\n4.0,100\n")
    flags = [
        make_flag(
            model="heights", inputs={"age": age}, predicted_label=None, predicted_value=1.0,
            state=FlagState(
                status="resolved", resolution="label_corrected", corrected_value=value, reviewed_at=NOON
            ),
        )
        for age, value in ((3, 95.0), (4, 101.5))
    ]  # fmt: skip
    merged = read_csv(merge(tmp_path, HEIGHTS, flags).path / "merged.csv")
    assert [(row["height"], row["changed"]) for row in merged] == [("95", ""), ("101.5", "corrected")]


def test_a_named_base_outside_of_the_workspace_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (tmp_path / "other.csv").write_text("text,label\na,login\n")
    with pytest.raises(InputError, match="leads out of the workspace"):
        merge(folder, BASED, [make_reviewed("a")], base="../other.csv")
