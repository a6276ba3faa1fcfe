from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_batch_sources import write, write_zip

from reviewer.batch.mapping import ColumnMap, RowReader, check_mapping, guess_mapping, merge_mapping
from reviewer.batch.sources import open_source
from reviewer.config import ModelSpec
from reviewer.errors import InputError

TEXT = {"text": {"component": "textbox", "label": "Message"}}
TABLE = {
    "age": {"component": "number"},
    "sex": {"component": "dropdown", "choices": ["1", "2"]},
    "note": {"component": "textbox", "required": False},
}


def make_spec(inputs: dict[str, Any], task: str = "text-classification", **given: Any) -> ModelSpec:
    labels = ["a", "b"] if task.endswith("classification") else []
    return ModelSpec(**{"name": "m", "task": task, "inputs": inputs, "labels": labels, **given})


def guess(tmp_path: Path, spec: ModelSpec, columns: str) -> ColumnMap:
    with open_source(write(tmp_path / "a.csv", f"{columns}\n".encode())) as source:
        return guess_mapping(spec, source)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ("id,text,label", ColumnMap({"text": "text"}, "label")),
        ("id,Message,Truth", ColumnMap({"text": "Message"}, "Truth")),
        ("y,body,other", ColumnMap({"text": "body"}, "y")),
        ("what,target", ColumnMap({"text": "what"}, "target")),
        ("one,two,three", ColumnMap({}, None)),
        ("only", ColumnMap({"text": "only"}, None)),
    ],
)
def test_a_guess_takes_names_then_labels_then_usual_names(
    tmp_path: Path, columns: str, found: ColumnMap
) -> None:
    assert guess(tmp_path, make_spec(TEXT), columns) == found


def test_a_guess_takes_the_target_of_the_config_first(tmp_path: Path) -> None:
    assert guess(tmp_path, make_spec(TEXT, target="intent"), "text,label,intent").truth == "intent"


def test_a_column_that_an_input_is_named_after_is_never_the_truth(tmp_path: Path) -> None:
    spec = make_spec({"label": {"component": "textbox"}})
    assert guess(tmp_path, spec, "label,other") == ColumnMap({"label": "label"}, None)


def test_a_model_whose_answers_cannot_be_compared_has_no_truth(tmp_path: Path) -> None:
    spec = make_spec(TEXT, "text-generation")
    assert guess(tmp_path, spec, "text,label").truth is None
    with open_source(tmp_path / "a.csv") as source, pytest.raises(InputError, match="cannot be compared"):
        check_mapping(spec, source, ColumnMap({"text": "text"}, "label"))


def test_a_guess_for_an_archive_of_pictures_is_the_file_and_its_folder(tmp_path: Path) -> None:
    image = {"component": "image", "width": 2, "height": 2}
    spec = make_spec({"drawing": image}, "image-classification")
    with open_source(write_zip(tmp_path / "a.zip", {"a/1.png": b"", "b/2.png": b""})) as source:
        assert guess_mapping(spec, source) == ColumnMap({"drawing": "file"}, "folder")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (ColumnMap({"age": "age"}, None), "No column is chosen for the input 'sex'"),
        (ColumnMap({"age": "age", "sex": "gender"}, None), "no column 'gender'"),
        (ColumnMap({"age": "age", "sex": "sex", "size": "age"}, None), "no input of m 'size'"),
        (ColumnMap({"age": "age", "sex": "sex"}, "age"), "'age' feeds the input 'age'"),
        (ColumnMap({"age": "age", "sex": "sex"}, "lable"), "no column 'lable'. Did you mean 'label'"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(tmp_path: Path, mapping: ColumnMap, message: str) -> None:
    spec = make_spec(TABLE, "tabular-classification")
    with open_source(write(tmp_path / "a.csv", b"age,sex,label\n")) as source:
        check_mapping(spec, source, ColumnMap({"age": "age", "sex": "sex"}, "label"))
        with pytest.raises(InputError, match=message):
            check_mapping(spec, source, mapping)


def test_named_columns_replace_the_guess_and_are_used_once() -> None:
    made = ColumnMap({"age": "a", "sex": "b"}, "c")
    assert merge_mapping(made, {"age": "b"}, None) == ColumnMap({"age": "b"}, None)
    assert merge_mapping(made, {}, "a") == ColumnMap({"sex": "b"}, "a")


def read_examples(path: Path, spec: ModelSpec, mapping: ColumnMap) -> list[Any]:
    with open_source(path) as source:
        reader = RowReader(spec, source, mapping)
        rows = list(source.read(mapping.columns))
        found = [catch(reader.read, row) for row in rows]
        examples, bad = reader.read_many(rows)
    # Many are read as each alone is.
    assert list(zip(examples.values, examples.truths, strict=True)) == [
        each for each in found if not isinstance(each, str)
    ]
    assert [row.number for row in examples.rows] + [number for number, _ in bad] == [
        row.number for row in sorted(rows, key=lambda row: isinstance(found[row.number - 1], str))
    ]
    assert [reason for _, reason in bad] == [each for each in found if isinstance(each, str)]
    return found


def catch(read: Any, row: Any) -> Any:
    try:
        return tuple(read(row))
    except InputError as error:
        return str(error)


def test_a_row_becomes_values_and_truth(tmp_path: Path) -> None:
    spec = make_spec(TABLE, "tabular-classification")
    path = write(tmp_path / "a.csv", b'age,sex,note,label\n61,007,hi,a\n,1,,\n1,1,,c\n1,1,"a\0b",a\n1,2\n')
    mapping = ColumnMap({"age": "age", "sex": "sex", "note": "note"}, "label")
    rows = read_examples(path, spec, mapping)
    assert rows[0] == ({"age": "61", "sex": "007", "note": "hi"}, "a")
    assert rows[1] == ({"age": None, "sex": "1", "note": None}, None)
    assert rows[2] == "label is 'c', which is no label of m; use a, b."
    assert "NUL" in rows[3]
    assert "2 cells" in rows[4]


def test_a_regression_truth_must_be_a_finite_number(tmp_path: Path) -> None:
    spec = make_spec(TEXT, "tabular-regression")
    path = write(tmp_path / "a.csv", b"text,y\nx,1.5\nx,nan\nx,many\nx,\n")
    rows = read_examples(path, spec, ColumnMap({"text": "text"}, "y"))
    assert rows == [
        ({"text": "x"}, 1.5),
        "y is 'nan'; a finite number is needed.",
        "y is 'many'; a finite number is needed.",
        ({"text": "x"}, None),
    ]


def test_a_path_in_a_cell_is_never_opened(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.png", b"secret")
    image = {"component": "image", "width": 2, "height": 2}
    spec = make_spec({"image": image}, "image-classification")
    path = write(tmp_path / "a.csv", f'image\n{secret}\nsecret.png\n"data:image/png;base64,AAAA"\n'.encode())
    rows = read_examples(path, spec, ColumnMap({"image": "image"}))
    assert ["no such file came along" in row for row in rows[:2]] == [True, True]
    assert rows[2] == ({"image": "data:image/png;base64,AAAA"}, None)
