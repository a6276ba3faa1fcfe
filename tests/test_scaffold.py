from __future__ import annotations

import csv
import json
import pickle
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.config import load_config
from reviewer.doctor import Level, check_folder
from reviewer.errors import ConfigError, InputError, ModelError, ReviewerError, UntrustedModelError
from reviewer.scaffold import make_workspace
from reviewer.scaffold.columns import guess_component, name_inputs, parse_number
from reviewer.scaffold.models import inspect_model
from reviewer.workspace import Workspace

COLOURS = ("red", "green", "blue")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], **options: Any) -> Path:
    with path.open("w", encoding=options.pop("encoding", "utf-8"), newline="") as file:
        writer = csv.writer(file, **options)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def list_texts() -> list[tuple[str, str]]:
    words = {"refund": "give my money back", "login": "the password does not work"}
    return [(f"{words[label]}, case {number}", label) for number in range(10) for label in words]


def list_flowers() -> list[tuple[object, ...]]:
    """Return rows of an id, a length, a colour, whether it smells, and a name that the length tells."""
    return [
        (
            f"f-{number}",
            number / 10,
            COLOURS[number % 3],
            ("yes", "no")[number % 2],
            "long" if number > 30 else "short",
        )
        for number in range(60)
    ]


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    columns = ["id", "Petal length (cm)", "Colour", "smells", "name"]
    return write_csv(tmp_path / "flowers.csv", columns, list_flowers())


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Fit an estimator on data and save it under a name, as its ending says."""

    def save(name: str, estimator: Any, values: Any, answers: Any) -> Path:
        import joblib
        import skops.io

        fitted = estimator.fit(values, answers)
        path = tmp_path / name
        if path.suffix == ".onnx":
            path.write_bytes(convert(fitted, values))
        else:
            (skops.io.dump if path.suffix == ".skops" else joblib.dump)(fitted, path)
        return path

    return save


def convert(fitted: Any, values: Any) -> bytes:
    import numpy as np
    from skl2onnx import to_onnx

    return bytes(to_onnx(fitted, np.asarray(values, dtype=np.float32)[:1]).SerializeToString())


def list_problems(folder: Path) -> list[str]:
    return [each.sentence for each in check_folder(folder) if each.level is Level.PROBLEM]


def predict(folder: Path, model: str, inputs: dict[str, Any]) -> Any:
    with Workspace.open(folder) as workspace:
        made = workspace.predict(model, inputs)
        assert made.error is None
        return made.predicted_value if made.predicted_label is None else made.predicted_label


# From data alone


def test_texts_with_labels_become_a_trained_model_under_test(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "My tickets.csv", ["message", "label"], list_texts())
    said = make_workspace(tmp_path / "new", data=data)
    assert any("text-classification" in each and "'label'" in each for each in said)
    assert any("accuracy" in each for each in said)
    assert list_problems(tmp_path / "new") == []
    assert predict(tmp_path / "new", "my_tickets", {"message": "give my money back"}) == "refund"


def test_a_table_becomes_components_that_take_each_of_its_rows(tmp_path: Path, flowers: Path) -> None:
    said = make_workspace(tmp_path / "new", data=flowers, target="name")
    spec = load_config(tmp_path / "new").models["flowers"]
    components = {name: each.component for name, each in spec.inputs.items()}
    assert components == {"petal_length_cm": "slider", "colour": "dropdown", "smells": "checkbox"}
    assert spec.inputs["petal_length_cm"].label == "Petal length (cm)"
    assert spec.labels == ("long", "short")
    assert any("'id' is left out" in each for each in said)
    assert list_problems(tmp_path / "new") == []
    example = {"petal_length_cm": 5.5, "colour": "red", "smells": False}
    assert predict(tmp_path / "new", "flowers", example) == "long"


def test_a_new_workspace_can_be_retrained_from_corrections(tmp_path: Path, flowers: Path) -> None:
    make_workspace(tmp_path / "new", data=flowers, target="name")
    with Workspace.open(tmp_path / "new") as workspace:
        made = workspace.predict("flowers", {"petal_length_cm": 9.9e-1, "colour": "red", "smells": True})
        flag = workspace.flag(made.prediction_id, option="wrong_label")
        workspace.review(flag.flag_id, corrected_label="long")
        assert workspace.retrain("flowers").version.name == "2"


def test_many_different_numbers_as_answers_are_a_regression_with_a_tolerance(tmp_path: Path) -> None:
    rows = [(number, number % 7, 3 * number + 1) for number in range(40)]
    data = write_csv(tmp_path / "price.csv", ["area", "rooms", "price"], [row for row in rows if row[0] != 3])
    make_workspace(tmp_path / "new", data=data)
    spec = load_config(tmp_path / "new").models["price"]
    assert (spec.task, spec.target) == ("tabular-regression", "price")
    assert spec.tolerance
    assert predict(tmp_path / "new", "price", {"area": 10, "rooms": 3}) == pytest.approx(31, abs=5)


def test_few_different_numbers_as_answers_are_labels_in_their_order(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", ["x", "label"], [(number / 3, number % 11) for number in range(66)])
    make_workspace(tmp_path / "new", data=data)
    assert load_config(tmp_path / "new").models["d"].labels == tuple(map(str, range(11)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_of_a_spreadsheet_is_read_as_it_is(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [(f"{text} – ça, да; =1+1", label) for text, label in list_texts()]
    data = write_csv(tmp_path / "t.csv", ["text", "label"], rows, encoding=encoding, delimiter=delimiter)
    make_workspace(tmp_path / "new", data=data)
    with (tmp_path / "new/data/t.csv").open(encoding="utf-8", newline="") as file:
        assert [tuple(row) for row in csv.reader(file)][1:] == rows


def test_a_split_column_of_the_data_says_what_is_held_out(tmp_path: Path) -> None:
    rows = [
        (text, label, "test" if number < 4 else "train") for number, (text, label) in enumerate(list_texts())
    ]
    data = write_csv(tmp_path / "t.csv", ["text", "label", "split"], rows)
    said = make_workspace(tmp_path / "new", data=data)
    assert list(load_config(tmp_path / "new").models["t"].inputs) == ["text"]
    assert any("trained on 16 rows" in each and "on 4 rows" in each for each in said)
    text = (tmp_path / "new/reviewer.toml").read_text(encoding="utf-8")
    assert "# 20 rows; its column split says what is held out, to measure versions" in text


def test_without_a_split_column_a_fifth_is_held_out(tmp_path: Path) -> None:
    make_workspace(tmp_path / "new", data=write_csv(tmp_path / "t.csv", ["text", "label"], list_texts()))
    text = (tmp_path / "new/reviewer.toml").read_text(encoding="utf-8")
    assert "# 20 rows; a fifth is held out, to measure versions" in text


def test_rows_that_cannot_be_used_are_counted_and_left_out(tmp_path: Path) -> None:
    data = write_csv(
        tmp_path / "t.csv", ["text", "label"], [*list_texts(), ("", "refund"), ("hm", ""), ("a", "b", "c")]
    )
    said = make_workspace(tmp_path / "new", data=data)
    assert any(each.startswith("3 rows are left out") for each in said)


def test_the_written_config_explains_itself_and_keeps_every_character(tmp_path: Path) -> None:
    rows = [(f'{text} "x" \\ \x7f # 🙂 \u202e', label) for text, label in list_texts()]
    make_workspace(tmp_path / "new", data=write_csv(tmp_path / "t.csv", ['te"xt', "label"], rows))
    text = (tmp_path / "new/reviewer.toml").read_text(encoding="utf-8")
    assert text.startswith("# Made by `reviewer new`")
    model = tomllib.loads(text)["models"]["t"]
    assert model["inputs"]["te_xt"]["label"] == 'te"xt'
    assert model["examples"][0]["te_xt"] in dict(rows)


# From a model


def list_numbers() -> tuple[list[list[float]], list[int]]:
    values = [[float(number), float(number % 5)] for number in range(40)]
    return values, [int(row[0] > 20) for row in values]


@pytest.mark.parametrize("ending", ["skops", "onnx"])
def test_a_classifier_of_whole_numbers_answers_with_texts(
    ending: str, tmp_path: Path, save: Callable[..., Path]
) -> None:
    from sklearn.linear_model import LogisticRegression

    model = save(f"numbers.{ending}", LogisticRegression(), *list_numbers())
    make_workspace(tmp_path / "new", model=model)
    spec = load_config(tmp_path / "new").models["numbers"]
    assert (spec.labels, list(spec.inputs)) == (("0", "1"), ["x1", "x2"])
    assert predict(tmp_path / "new", "numbers", {"x1": 39, "x2": 1}) == "1"
    assert list_problems(tmp_path / "new") == []


def test_right_answers_are_the_models_labels_however_they_are_written(
    tmp_path: Path, save: Callable[..., Path]
) -> None:
    from sklearn.linear_model import LogisticRegression

    values, answers = list_numbers()
    model = save("numbers.skops", LogisticRegression(), values, answers)
    rows = [(*row, f"{answer}.0") for row, answer in zip(values, answers, strict=True)]
    data = write_csv(tmp_path / "d.csv", ["a", "b", "right"], rows)
    said = make_workspace(tmp_path / "new", model=model, data=data, target="right")
    assert any("accuracy 1" in each for each in said)


def test_columns_are_matched_by_name_whatever_their_order(tmp_path: Path, save: Callable[..., Path]) -> None:
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    values, answers = list_numbers()
    frame = pd.DataFrame(values, columns=["Size (m)", "Rest"])
    model = save("named.skops", LogisticRegression(), frame, answers)
    rows = [(row[1], answer, "x", row[0]) for row, answer in zip(values, answers, strict=True)]
    data = write_csv(tmp_path / "d.csv", ["rest", "is large", "noise", "size_m"], rows)
    make_workspace(tmp_path / "new", model=model, data=data, target="is large")
    spec = load_config(tmp_path / "new").models["named"]
    assert (list(spec.inputs), spec.target) == (["size_m", "rest"], "is_large")
    assert predict(tmp_path / "new", "named", {"size_m": 39, "rest": 4}) == "1"


def test_a_text_pipeline_is_known_by_its_first_step(tmp_path: Path, save: Callable[..., Path]) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = save(
        "words.skops",
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        *zip(*list_texts(), strict=True),
    )
    make_workspace(tmp_path / "new", model=model)
    assert predict(tmp_path / "new", "words", {"text": "password"}) == "login"


def test_what_an_encoder_knows_becomes_choices(tmp_path: Path, save: Callable[..., Path]) -> None:
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.DataFrame({"colour": COLOURS * 4, "size": range(12)})
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough"), LogisticRegression()
    )
    model = save("choices.skops", pipeline, frame, [each == "red" for each in frame["colour"]])
    make_workspace(tmp_path / "new", model=model)
    spec = load_config(tmp_path / "new").models["choices"]
    assert (spec.inputs["colour"].component, spec.labels) == ("dropdown", ("False", "True"))


def test_a_model_of_pixels_is_one_of_pictures_when_it_is_said(
    tmp_path: Path, save: Callable[..., Path]
) -> None:
    from sklearn.linear_model import LogisticRegression

    model = save("shades.skops", LogisticRegression(), [[0] * 64, [255] * 64], ["black", "white"])
    assert "--task image-classification" in " ".join(make_workspace(tmp_path / "table", model=model))
    make_workspace(tmp_path / "new", model=model, task="image-classification")
    keys = load_config(tmp_path / "new").models["shades"].inputs["image"].model_dump()
    assert (keys["width"], keys["height"], keys["mode"]) == (8, 8, "L")


def test_a_model_file_in_the_folder_itself_stays_where_it_is(
    tmp_path: Path, save: Callable[..., Path]
) -> None:
    from sklearn.linear_model import LogisticRegression

    model = save("numbers.skops", LogisticRegression(), *list_numbers())
    before = model.read_bytes()
    make_workspace(tmp_path, model=model)
    assert model.read_bytes() == before
    assert load_config(tmp_path).models["numbers"].path == "numbers.skops"


# What is refused


class Harmful:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._path,))


@pytest.mark.parametrize("ending", ["joblib", "pkl", "pickle"])
def test_a_pickled_model_is_never_loaded_unless_it_is_trusted(ending: str, tmp_path: Path) -> None:
    model = tmp_path / f"model.{ending}"
    model.write_bytes(pickle.dumps(Harmful(tmp_path / "harm")))
    with pytest.raises(UntrustedModelError, match="--trusted"):
        make_workspace(tmp_path / "new", model=model)
    assert not (tmp_path / "harm").exists()
    assert not (tmp_path / "new").exists()


def test_a_skops_file_with_a_harmful_type_runs_nothing(tmp_path: Path) -> None:
    import skops.io

    model = tmp_path / "model.skops"
    skops.io.dump(Harmful(tmp_path / "harm"), model)
    with pytest.raises(UntrustedModelError, match="--trusted"):
        make_workspace(tmp_path / "new", model=model)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("ending", ["skops", "onnx"])
def test_a_damaged_model_file_is_said_to_be_one(ending: str, tmp_path: Path) -> None:
    (tmp_path / f"model.{ending}").write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelError, match="no readable model file"):
        inspect_model(tmp_path / f"model.{ending}", trusted=False)


def test_a_workspace_is_never_written_over(tmp_path: Path, flowers: Path) -> None:
    make_workspace(tmp_path / "new", data=flowers, target="name")
    before = (tmp_path / "new/reviewer.toml").read_bytes()
    with pytest.raises(ConfigError, match="is a workspace already"):
        make_workspace(tmp_path / "new", data=flowers, target="name")
    assert (tmp_path / "new/reviewer.toml").read_bytes() == before


def test_files_that_are_in_the_way_are_named_and_kept(tmp_path: Path, flowers: Path) -> None:
    (tmp_path / "new/data").mkdir(parents=True)
    (tmp_path / "new/data/flowers.csv").write_text("mine")
    with pytest.raises(ConfigError, match=r"already has data/flowers\.csv"):
        make_workspace(tmp_path / "new", data=flowers, target="name")
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["data"]
    assert (tmp_path / "new/data/flowers.csv").read_text() == "mine"
    make_workspace(tmp_path / "new", data=flowers, target="name", name="blossoms")


def test_nothing_is_left_of_a_workspace_that_could_not_be_made(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "t.csv", ["text", "label"], [("a b", "x")] * 5 + [("c d", "y")] * 5)
    (tmp_path / "t.csv").write_text("text,label\n" + "the,x\n" * 12 + "a,y\n")
    with pytest.raises(ReviewerError):
        make_workspace(tmp_path / "deep/new", data=data, task="tabular-regression")
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        ("text,label\n", {}, "no row below its header"),
        ("", {}, "t.csv"),
        ("text\na\nb\n", {}, "--target"),
        ("label\na\nb\n", {}, "no column that could be a model's input"),
        ("a,b\n1,2\n3,4\n", {}, "--target"),
        ("text,label\n" + "a b,x\nc d,x\n" * 10, {}, "two labels at least"),
        ("text,label\na b,x\nc d,y\n", {}, "a first model needs 10"),
        ("text,label\na b,x\nc d,y\n", {"target": "lable"}, "no column 'lable'"),
        ("text,label\na b,x\nc d,y\n", {"task": "text-generation"}, "There is no task"),
        ("text,label\na b,x\nc d,y\n", {"name": "Flags!"}, "--name is 'Flags!'"),
        ("text,label\na b,x\nc d,y\n", {"name": "flags"}, "--name is 'flags'"),
        (",".join(f"c{number}" for number in range(3000)) + "\n" + ",".join(["1.5"] * 3000) + "\n"
         + ",".join(["2.5"] * 3000) + "\n", {"target": "c0"}, "2,999 columns"),
        ("text,label\n" + "".join(f"a {n},{n}x\n" for n in range(1001)), {}, "too many for labels"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_used_end_in_a_sentence(
    text: str, given: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        make_workspace(tmp_path / "new", data=tmp_path / "t.csv", **given)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file_and_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        make_workspace(tmp_path / "file", data=tmp_path / "t.csv")
    with pytest.raises(InputError, match=r"no file .*t\.csv"):
        make_workspace(tmp_path / "new", data=tmp_path / "t.csv")
    with pytest.raises(InputError, match=r"no file .*m\.skops"):
        make_workspace(tmp_path / "new", model=tmp_path / "m.skops")
    (tmp_path / "m.h5").write_text("")
    with pytest.raises(InputError, match=r"ends in '\.h5'"):
        make_workspace(tmp_path / "new", model=tmp_path / "m.h5")
    with pytest.raises(InputError, match="--model"):
        make_workspace(tmp_path / "new")


def test_columns_that_a_model_does_not_take_are_said(tmp_path: Path, save: Callable[..., Path]) -> None:
    from sklearn.linear_model import LogisticRegression

    model = save("numbers.skops", LogisticRegression(), *list_numbers())
    data = write_csv(tmp_path / "d.csv", ["a", "b", "c", "label"], [(1, 2, 3, 0), (4, 5, 6, 1)])
    with pytest.raises(InputError, match=r"takes 2 columns, but .* has 3"):
        make_workspace(tmp_path / "new", model=model, data=data)


# Guesses


@given(st.lists(st.text(max_size=20), min_size=1, max_size=30))
def test_a_guessed_component_takes_every_cell_it_was_guessed_from(cells: list[str]) -> None:
    from reviewer.config import ModelSpec
    from reviewer.log.media import name_media
    from reviewer.models.components import check_inputs, parse_cells

    spec = ModelSpec.model_validate({"name": "m", "task": "generic", "inputs": {"x": guess_component(cells)}})
    for cell in cells:
        check_inputs(spec, parse_cells(spec, {"x": cell}, Path()), name_media)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_a_guessed_range_holds_every_number(numbers: list[float]) -> None:
    keys = guess_component([repr(each) for each in numbers])
    assert keys["component"] in ("number", "slider")
    assert all(keys.get("minimum", each) <= each <= keys.get("maximum", each) for each in numbers)


@given(st.lists(st.text(max_size=80), min_size=1, max_size=20))
def test_input_names_are_different_and_allowed(columns: list[str]) -> None:
    names = name_inputs(columns)
    assert len(set(names)) == len(columns)
    inputs = dict.fromkeys(names, "textbox")
    from reviewer.config import ModelSpec

    ModelSpec.model_validate({"name": "m", "task": "generic", "inputs": inputs})


@pytest.mark.parametrize("cell", ["1_000", "nan", "inf", "1e999", "0x10", "", "1,5", "٣"])
def test_what_only_looks_like_a_number_is_none(cell: str) -> None:
    assert parse_number(cell) is None


# The command


def test_the_command_tells_what_it_guessed_and_what_comes_next(
    tmp_path: Path, flowers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from reviewer.cli import main

    assert main(["new", str(tmp_path / "new"), "--data", str(flowers), "--target", "name"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"reviewer serve --workspace {tmp_path / 'new'}" in captured.err
    assert main(["models", "--workspace", str(tmp_path / "new")]) == 0
    assert json.loads(capsys.readouterr().out)[0]["metrics"]["accuracy"] > 0.5
    assert main(["new", str(tmp_path / "new"), "--data", str(flowers)]) == 3
