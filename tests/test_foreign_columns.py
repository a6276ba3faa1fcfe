"""What the columns of a flag file are: guessed from header and cells, told by hand, or known from a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gradio_folders import make_time
from hypothesis import given
from hypothesis import strategies as st

from reviewer.config import ModelSpec
from reviewer.errors import InputError, UnknownNameError
from reviewer.foreign.columns import Column, fit_columns, guess_columns, make_key, map_columns, parse_mapping
from reviewer.foreign.folder import FlagFolder

NOWHERE = FlagFolder(Path("/nowhere"))
LABEL = json.dumps({"label": "dog", "confidences": None})
TAIL = ["flag", "username", "timestamp"]


def guess(header: list[str] | None, *rows: list[str]) -> list[tuple[str, str, str]]:
    """Return role, component and name of each column that is guessed."""
    return [(each.role, each.component, each.name) for each in guess_columns(header, rows, NOWHERE)]


def test_outputs_begin_at_the_first_answer_that_only_a_model_gives() -> None:
    row = ["hi", "3", "x", LABEL, "4", "x", "bob", make_time(0)]
    found = guess(["Message", "Size", "Mark", "Kind", "Cost", *TAIL], row)
    assert found == [
        ("input", "textbox", "message"),
        ("input", "number", "size"),
        ("input", "textbox", "mark"),
        ("output", "label", "kind"),
        ("output", "number", "cost"),
        ("option", "", ""),
        ("flagger", "", ""),
        ("flagged_at", "", ""),
    ]


@pytest.mark.parametrize("name", ["output", "Output 0", "Prediction", "Out image", "result"])
def test_a_column_named_like_an_output_is_one(name: str) -> None:
    assert guess(["a", "b", name, "timestamp"], ["1", "x", "y", make_time(0)])[2][0] == "output"


def test_what_is_only_a_guess_says_so() -> None:
    columns = guess_columns(["a", "b", "c", "timestamp"], [["x", "y", "z", make_time(0)]], NOWHERE)
    assert [(each.role, each.is_sure) for each in columns] == [
        ("input", True),
        ("input", False),
        ("output", False),
        ("flagged_at", True),
    ]


def test_pictures_alone_are_inputs_since_automatic_flagging_once_logged_no_outputs() -> None:
    photo = f"flagged/Photo/{'a' * 20}/x.png"
    found = guess(["Text", "Photo", *TAIL], ["hi", photo, "", "", make_time(0)])
    assert [each[:2] for each in found[:2]] == [("input", "textbox"), ("input", "image")]


def test_one_forged_path_makes_no_text_of_a_column_of_pictures() -> None:
    photo = f"flagged/Photo/{'a' * 20}/x.png"
    rows = [[each, make_time(0)] for each in (photo, "/etc/passwd", photo)]
    assert guess(["Photo", "timestamp"], *rows)[0][1] == "image"


def test_one_path_makes_no_pictures_of_a_column_of_texts() -> None:
    photo = f"flagged/Photo/{'a' * 20}/x.png"
    rows = [[each, make_time(0)] for each in ("hello", photo, "bye")]
    assert guess(["Photo", "timestamp"], *rows)[0][1] == "textbox"


@pytest.mark.parametrize(
    ("cells", "component"),
    [
        (["1", "2.5", "'-3"], "number"),
        (["NaN", "inf"], "textbox"),
        (["1", "one"], "textbox"),
        (["true", "False"], "checkbox"),
        (["2026-01-02", "2026-01-02 03:04:05"], "date"),
        (['["a", "b"]', "['c']"], "checkbox_group"),
        ([json.dumps({"headers": ["a"], "data": [[1]]})], "table"),
        (["", ""], "textbox"),
        ([json.dumps({"text": "hi", "files": []})], "textbox"),
        ([json.dumps({"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}})], "textbox"),
    ],
)
def test_an_input_s_component_shows_in_its_cells(cells: list[str], component: str) -> None:
    rows = [[each, make_time(0)] for each in cells]
    assert guess(["x", "timestamp"], *rows)[0][1] == component


def test_columns_with_one_name_are_told_apart() -> None:
    columns = guess_columns(["t", "t", "flag", "flag", "timestamp"], [["a", "b", "c", "x", "now"]], NOWHERE)
    assert [each.header for each in columns] == ["t", "t (2)", "flag", "flag (2)", "timestamp"]
    assert [each.name for each in columns[:3]] == ["t", "t_2", "flag"]
    assert columns[3].role == "option"


def test_without_a_header_columns_are_numbered() -> None:
    columns = guess_columns(None, [["a", LABEL, make_time(0)]], NOWHERE)
    assert [(each.header, each.role) for each in columns] == [
        ("column 1", "input"),
        ("column 2", "output"),
        ("column 3", "flagged_at"),
    ]


@given(text=st.text(max_size=80), taken=st.sets(st.sampled_from(["a", "a_2", "column_1"])))
def test_any_header_gives_a_key_that_the_config_takes(text: str, taken: set[str]) -> None:
    key = make_key(text, "column_1", taken)
    assert key not in taken
    assert len(key) <= 63
    assert key[0].isalpha()
    assert key.replace("_", "a").isalnum()
    assert key.isascii()
    assert key == key.lower()


# By hand


def map_one(text: str) -> Column:
    columns = guess_columns(["Photo", "Kind", "timestamp"], [["x", "y", make_time(0)]], NOWHERE)
    return map_columns(columns, parse_mapping([text]))[0]


def test_a_mapping_says_role_component_and_name() -> None:
    assert map_one("Photo=output:image:seen") == Column("Photo", "output", "image", "seen")
    assert map_one("Photo=ignore").role == "ignore"
    assert map_one("Photo=input").component == "textbox"


def test_a_header_may_hold_an_equals_sign() -> None:
    assert parse_mapping(["a=b=input:textbox"]) == {"a=b": "input:textbox"}


@pytest.mark.parametrize(
    ("text", "known"),
    [("Photo=picture", "input, output"), ("Photo=input:picture", "image"), ("Photo=output:slider", "number")],
)
def test_an_unknown_role_or_component_names_the_known_ones(text: str, known: str) -> None:
    with pytest.raises(UnknownNameError, match=known):
        map_one(text)


@pytest.mark.parametrize("text", ["Photo", "Photo=input:image:Bad name"])
def test_a_mapping_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"Photo|Bad name"):
        map_one(text)


def test_two_columns_cannot_have_one_name() -> None:
    columns = guess_columns(["a", "b", "c", "timestamp"], [["x", "y", "z", make_time(0)]], NOWHERE)
    with pytest.raises(InputError, match="'text'"):
        map_columns(columns, parse_mapping(["a=input:textbox:text", "b=input:textbox:text"]))


def test_a_column_makes_room_for_a_name_that_was_told() -> None:
    columns = guess_columns(["text", "b", "timestamp"], [["x", "y", make_time(0)]], NOWHERE)
    mapped = map_columns(columns, parse_mapping(["b=input:textbox:text"]))
    assert [each.name for each in mapped] == ["text_2", "text", ""]


# By a model


def make_spec(**given: Any) -> ModelSpec:
    fields: dict[str, Any] = {
        "name": "m",
        "task": "text-classification",
        "labels": ["dog", "cat"],
        "inputs": {"text": {"component": "textbox", "label": "Message"}},
    }
    return ModelSpec(**fields | given)


def fit(header: list[str], row: list[str], *, is_chosen: bool = False, **given: Any) -> Any:
    columns = guess_columns([*header, "timestamp"], [[*row, make_time(0)]], NOWHERE)
    fitted = fit_columns(columns, make_spec(**given), is_chosen=is_chosen)
    return fitted and [(each.role, each.component, each.name) for each in fitted[:-1]]


@pytest.mark.parametrize("header", ["text", "Text", "Message"])
def test_a_column_fits_an_input_by_name_or_label(header: str) -> None:
    expected = [("input", "textbox", "text"), ("output", "label", "answer")]
    assert fit([header, "Answer"], ["hi", LABEL]) == expected


def test_columns_that_a_model_does_not_know_are_another_model_s() -> None:
    assert fit(["text", "Size", "Answer"], ["hi", "3", LABEL]) is None
    assert fit(["Other", "Answer"], ["hi", LABEL]) is None
    assert fit(["text", "Answer"], ["hi", LABEL], outputs={"kind": {"component": "label"}}) is None


def test_for_a_chosen_model_columns_that_it_does_not_know_are_outputs() -> None:
    fitted = fit(["text", "Size", "Answer"], ["hi", "3", LABEL], is_chosen=True)
    assert fitted == [
        ("input", "textbox", "text"),
        ("output", "number", "size"),
        ("output", "label", "answer"),
    ]


def test_a_classifier_s_plain_text_output_is_its_label() -> None:
    assert fit(["text", "Answer"], ["hi", "dog"])[1] == ("output", "label", "answer")
