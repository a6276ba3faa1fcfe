"""Single cells of flag files: each form that a version wrote gives the value, anything else a reason."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from gradio_folders import TEXTS, draw, escape, rewrite
from hypothesis import given
from hypothesis import strategies as st

from reviewer.foreign import cells
from reviewer.foreign.cells import (
    READERS,
    Habits,
    LabelCell,
    MediaBytes,
    find_altered_item,
    find_habits,
    restore_text,
)
from reviewer.foreign.folder import FlagFolder, MediaFile, MissingFileError

HASH = "a" * 20


@pytest.fixture
def folder(tmp_path: Path) -> FlagFolder:
    """A flag folder with one picture and one side file."""
    (tmp_path / f"Photo/{HASH}").mkdir(parents=True)
    (tmp_path / f"Photo/{HASH}/a, b.png").write_bytes(draw(1))
    (tmp_path / "Answer").mkdir()
    (tmp_path / "Answer/tmpab12.json").write_text('{"label": "dog"}', encoding="utf-8")
    return FlagFolder(tmp_path)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("3.5", 3.5),
        ("2.0", 2),
        ("'-3.5", -3.5),
        ("-0.25", -0.25),
        ("1e-05", 1e-05),
        ("", None),
        ("NaN", None),
    ],
)
def test_a_number_is_read_with_and_without_the_apostrophe(
    cell: str, number: float | None, folder: FlagFolder
) -> None:
    assert cells.read_number(cell, folder) == number


@pytest.mark.parametrize("cell", ["007", "seven", "'x", "1_000", "0x10", "1e999"])
def test_what_no_logger_writes_for_a_number_is_none(cell: str, folder: FlagFolder) -> None:
    with pytest.raises(ValueError, match="a number is needed"):
        cells.read_number(cell, folder)


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_was_logged_comes_back(number: float) -> None:
    assert cells.read_number(escape(str(number)), FlagFolder(Path("/nowhere"))) == number


@pytest.mark.parametrize("cell", ["true", "True"])
def test_a_ticked_box_is_read_from_any_version(cell: str, folder: FlagFolder) -> None:
    assert cells.read_yes_no(cell, folder) is True


@given(texts=st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=8), max_size=4))
def test_a_list_is_read_as_json_and_as_python_wrote_it(texts: list[str]) -> None:
    nowhere = FlagFolder(Path("/nowhere"))
    assert cells.read_texts(json.dumps(texts), nowhere) == texts
    assert cells.read_texts(str(texts), nowhere) == texts


@pytest.mark.parametrize("cell", ["[print(1)]", "['a', 1]", "['a'] * 3", "__import__('os')", '{"a": 1}'])
def test_a_list_of_anything_but_texts_is_refused(cell: str, folder: FlagFolder) -> None:
    with pytest.raises(ValueError, match="needed"):
        cells.read_texts(cell, folder)


CONFIDENCES = [{"label": "cat", "confidence": 0.2}, {"label": "dog", "confidence": 0.8}]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ({"label": "dog", "confidences": CONFIDENCES}, LabelCell("dog", {"dog": 0.8, "cat": 0.2})),
        ({"label": "dog", "confidences": None}, LabelCell("dog", None)),
        ({"label": "dog"}, LabelCell("dog", None)),
        ({"label": 3}, LabelCell("3", None)),
        ({"label": None, "confidences": None}, LabelCell(None, None)),
        ({"cat": 0.2, "dog": 0.8}, LabelCell("dog", {"dog": 0.8, "cat": 0.2})),
    ],
)
def test_a_label_is_read_from_each_version_s_form(value: Any, label: LabelCell, folder: FlagFolder) -> None:
    assert cells.read_scored_label(json.dumps(value), folder) == label
    assert cells.read_scored_label("'" + json.dumps(value), folder) == label


def test_scores_that_are_no_probabilities_are_left_out_and_said_to_be(folder: FlagFolder) -> None:
    logits = [{"label": "dog", "confidence": 3.5}, {"label": "cat", "confidence": -1}]
    found = cells.read_label(json.dumps({"label": "dog", "confidences": logits}), folder)
    assert (found.label, found.scores) == ("dog", None)
    assert json.loads(found.left_out) == {"dog": 3.5, "cat": -1}


def test_damaged_json_is_no_plain_label(folder: FlagFolder) -> None:
    with pytest.raises(ValueError, match="JSON"):
        cells.read_label('{"label": "dog", "conf', folder)


def test_a_label_is_read_from_its_side_file_wherever_the_folder_lies(folder: FlagFolder) -> None:
    assert cells.read_label("/home/x/flagged/Answer/tmpab12.json", folder) == LabelCell("dog", None)


@pytest.mark.parametrize(
    "value",
    [
        {"len": 10},
        {"a": 1, "b": 0},
        {"label": "x", "more": 1},
        {"label": {}},
        {"a": 2},
        {"label": "x", "confidences": [1]},
    ],
)
def test_other_json_is_no_label(value: Any, folder: FlagFolder) -> None:
    with pytest.raises(ValueError, match="label"):
        cells.read_scored_label(json.dumps(value), folder)


def test_a_plain_text_is_a_label_where_one_is_expected(folder: FlagFolder) -> None:
    assert cells.read_label("dog", folder) == LabelCell("dog", None)


def test_a_table_is_read_with_headers_and_without(folder: FlagFolder) -> None:
    rows = [["dog", 0.5], ["cat", 0.4]]
    named = cells.read_table(json.dumps({"headers": ["a", "b"], "data": rows, "metadata": None}), folder)
    assert named == {"columns": ["a", "b"], "rows": rows}
    assert cells.read_table(json.dumps(rows), folder) == {"columns": ["1", "2"], "rows": rows}


@pytest.mark.parametrize("value", [[["a"], ["b", "c"]], {"data": [["a"]], "headers": []}, [[{}]], {"a": 1}])
def test_ragged_rows_are_no_table(value: Any, folder: FlagFolder) -> None:
    with pytest.raises(ValueError, match="is no table"):
        cells.read_table(json.dumps(value), folder)


def test_highlighted_text_is_read_from_objects_and_pairs(folder: FlagFolder) -> None:
    objects = [
        {"token": "Bob", "class_or_confidence": "PER"},
        {"token": " is", "class_or_confidence": None},
    ]
    pieces = [["Bob", "PER"], [" is", None]]
    assert cells.read_highlighted(json.dumps(objects), folder) == pieces
    assert cells.read_marked(json.dumps(pieces), folder) == pieces
    with pytest.raises(ValueError, match="is no highlighted text"):
        cells.read_marked(json.dumps([["dog", 0.5]]), folder)


def test_a_plot_is_a_figure_or_a_picture(folder: FlagFolder) -> None:
    figure = {"type": "plotly", "plot": json.dumps({"data": []})}
    assert cells.read_plot(json.dumps(figure), folder) == {"plotly": {"data": []}}
    url = "data:image/png;base64," + base64.b64encode(b"abc").decode()
    picture = {"type": "matplotlib", "plot": url}
    assert cells.read_plot(json.dumps(picture), folder) == MediaBytes(b"abc")


@pytest.mark.parametrize(
    "cell",
    [
        f"flagged/Photo/{HASH}/a, b.png",
        f"/home/tester/app/flagged/Photo/{HASH}/a, b.png",
        f"C:\\app\\flagged\\Photo\\{HASH}\\a, b.png",
        json.dumps({"path": f"flagged/Photo/{HASH}/a, b.png", "orig_name": "a, b.png"}),
        json.dumps({"layers": [], "composite": {"path": f"x/Photo/{HASH}/a, b.png", "meta": {}}}),
        json.dumps({"layers": [], "composite": f"x/Photo/{HASH}/a, b.png"}),
    ],
)
def test_a_picture_is_found_from_each_version_s_form(cell: str, folder: FlagFolder) -> None:
    expected = MediaFile(folder.path / f"Photo/{HASH}/a, b.png", "a, b.png")
    assert cells.read_image(cell, folder) == expected


def test_a_picture_that_is_gone_is_said_to_be(folder: FlagFolder) -> None:
    with pytest.raises(MissingFileError, match="is not in the folder"):
        cells.read_image(f"flagged/Photo/{'b' * 20}/x.png", folder)


@pytest.mark.parametrize(
    "cell", ["plain", "/etc/passwd", '{"path": "/etc/passwd", "meta": {}}', "{", "a/b.png"]
)
def test_a_text_that_names_no_flagged_file_is_no_picture(cell: str, folder: FlagFolder) -> None:
    with pytest.raises(ValueError, match="needed") as found:
        cells.read_image(cell, folder)
    assert not isinstance(found.value, MissingFileError)


def test_files_inside_json_are_found(folder: FlagFolder) -> None:
    found = MediaFile(folder.path / f"Photo/{HASH}/a, b.png", "a, b.png")
    gallery = [{"image": f"/app/flagged/Photo/{HASH}/a, b.png", "caption": "x/y"}]
    assert cells.read_anything(json.dumps(gallery), folder) == [{"image": found, "caption": "x/y"}]
    data = {"path": f"Photo/{HASH}/a, b.png", "meta": {"_type": "gradio.FileData"}}
    assert cells.read_anything(json.dumps([data]), folder) == [found]


def test_nan_in_json_becomes_its_name_since_json_has_none(folder: FlagFolder) -> None:
    assert cells.read_json('{"a": NaN, "b": -Infinity}', folder) == {"a": "NaN", "b": "-Infinity"}


def test_json_that_is_too_deep_is_refused(folder: FlagFolder) -> None:
    for depth in (101, 100_000):
        with pytest.raises(ValueError, match="JSON that can be read"):
            cells.read_json("[" * depth + "]" * depth, folder)


def test_the_readers_know_the_components_of_the_config() -> None:
    from reviewer.config import INPUT_SPECS, OUTPUT_SPECS

    assert set(READERS["input"]) == set(INPUT_SPECS)
    assert set(READERS["output"]) == set(OUTPUT_SPECS)


KEYS = st.sampled_from(["label", "confidences", "path", "meta", "data", "headers", "plot", "type", "x"])
VALUES = st.recursive(
    st.none() | st.floats() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(KEYS, each, max_size=3),
)


@given(cell=st.text(max_size=30) | VALUES.map(json.dumps))
def test_a_reader_gives_a_value_or_a_reason_for_any_cell(cell: str) -> None:
    for reader in {reader for readers in READERS.values() for reader in readers.values()}:
        with contextlib.suppress(ValueError):
            reader(cell, FlagFolder(Path("/nowhere")))


# What the logger did to texts


@given(text=st.text(st.sampled_from("=+-@,'ab\t\n \"1[]"), max_size=8))
def test_a_restored_text_is_what_was_typed_or_is_marked(text: str) -> None:
    restored, repair, doubt = restore_text(escape(text), Habits(rewrites_json=False))
    assert restored == text or doubt
    assert bool(repair) == (restored != escape(text))


def test_only_an_apostrophe_that_was_surely_added_is_removed() -> None:
    for text in TEXTS:
        restored, _, doubt = restore_text(escape(text), Habits(rewrites_json=False))
        assert (restored == text) == (doubt == ""), text


def test_a_text_that_json_may_have_changed_is_marked() -> None:
    for text in ('{"k": "é"}', "[1,2]", "1e5"):
        restored, _, doubt = restore_text(rewrite(text), Habits())
        assert restored == rewrite(text)
        assert "JSON" in doubt
    assert restore_text("007", Habits()) == ("007", "", "")


def test_a_file_shows_what_its_logger_did_not_do() -> None:
    assert find_habits(["plain", "'=x", "'a,-b"]) == Habits(True, True)
    assert find_habits(["=x"]) == Habits(False, True)
    assert find_habits(["a,-b"]) == Habits(False, True)
    assert find_habits(["[1,2]"]) == Habits(True, False)
    assert find_habits(["plain"], ["['a', 'b']"]) == Habits(True, False)
    assert find_habits(["plain"], ["/app/flagged/Label/tmpx1.json"]) == Habits(True, False)


def test_a_choice_in_a_python_list_may_have_gained_an_apostrophe() -> None:
    assert find_altered_item("""["'-z", 'a']""", ["'-z", "a"])
    assert not find_altered_item("""['a']""", ["a"])
