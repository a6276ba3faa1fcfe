"""Retraining with real models that are fitted in a moment, in processes of their own."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tickets import (
    BASE,
    HEIGHTS,
    TICKETS,
    export,
    find_text,
    ignore,
    label_of,
    make_corrected,
    make_versions,
    versions,
    write_base,
    write_export,
)

from reviewer.config import ModelSpec
from reviewer.datasets import read_cells
from reviewer.errors import ConfigError, InputError, ModelError
from reviewer.models.kinds import load_estimator
from reviewer.models.versions import ModelVersions
from reviewer.records import hash_example
from reviewer.training import Row, measure, read_base, retrain
from reviewer.training.choosing import Export, choose_rows
from reviewer.training.search import cut_folds
from reviewer.training.trainers import hand_over

__all__ = ["versions"]


def test_retraining_learns_a_correction_and_leaves_the_served_version_alone(
    tmp_path: Path, versions: ModelVersions
) -> None:
    text = find_text("train", "voucher")
    flags = [make_corrected(text), *(make_corrected(f"{text} {n}") for n in range(30))]
    versions.serve("1")
    made = retrain(tmp_path, versions, export(tmp_path, *flags), ignore)
    assert label_of(versions, made.version, "voucher") == "refund"
    assert [each.name for each in versions.read_all()] == ["1", "2"]
    assert versions.find().name == "1"
    metrics = made.version.card["metrics"]
    assert (metrics["before"], metrics["held_out"]) == (made.before, made.after)
    low, high = metrics["intervals"]["accuracy"]
    assert low <= made.after["accuracy"] <= high
    assert made.before == versions.find("1").card["metrics"]["held_out"]


def test_the_card_says_what_the_version_was_trained_on(tmp_path: Path, versions: ModelVersions) -> None:
    flags = [make_corrected(find_text("train")), make_corrected(find_text("verify"))]
    bundle = export(tmp_path, *flags)
    made = retrain(tmp_path, versions, bundle, ignore)
    card = json.loads((made.version.path.parent / "card.json").read_text())
    assert card["parent"] == "1"
    assert card["trained_on"]["base"] == {
        "path": "data/tickets.csv", "sha256": read_base(tmp_path, TICKETS).sha256, "rows": 7,
    }  # fmt: skip
    assert card["trained_on"]["bundle"] == bundle.name
    assert card["trained_on"]["rows"] == made.counts == {"base": 4, "corrections": 1}
    assert card["trained_on"]["left_out"] == made.left_out == {"in_verify_split": 1}
    assert versions.check(made.version) is None


def test_nothing_that_is_held_out_is_ever_trained_on(tmp_path: Path, versions: ModelVersions) -> None:
    verify = find_text("verify", "money back")
    test = "held out by the base"
    base = BASE + f"{verify},refund,train\n{test},login,test\n{test},login,train\n"
    write_base(tmp_path, TICKETS, base)
    flags = [make_corrected(text, "login") for text in (find_text("train", "new"), verify, test)]
    made = retrain(tmp_path, versions, export(tmp_path, *flags), ignore)
    assert made.counts == {"base": 4, "corrections": 1}
    assert made.left_out == {"in_test_split": 2, "in_verify_split": 2}


def test_a_correction_takes_the_place_of_the_base_row_it_corrects(
    tmp_path: Path, versions: ModelVersions
) -> None:
    text = find_text("train", "mislabelled")
    write_base(tmp_path, TICKETS, BASE + f"{text},login,train\n")
    made = retrain(tmp_path, versions, export(tmp_path, make_corrected(text)), ignore)
    assert made.counts == {"base": 4, "corrections": 1}
    assert made.left_out == {"corrected": 1}


def test_a_correction_that_todays_config_does_not_take_is_counted(
    tmp_path: Path, versions: ModelVersions
) -> None:
    flags = [make_corrected(find_text("train")), make_corrected("old", "retired label")]
    bundle = export(tmp_path, *flags)
    made = retrain(tmp_path, versions, bundle, ignore)
    assert made.left_out == {"not_accepted": 1}


def test_corrections_that_may_not_be_trained_on_are_explained(
    tmp_path: Path, versions: ModelVersions
) -> None:
    bundle = export(tmp_path, make_corrected(find_text("verify")))
    with pytest.raises(InputError, match=r"None of the 1 corrections of tickets .* \(in_verify_split 1\)"):
        retrain(tmp_path, versions, bundle, ignore)
    assert len(versions.read_all()) == 1


def test_the_same_data_twice_is_nothing_new(tmp_path: Path, versions: ModelVersions) -> None:
    flag = make_corrected(find_text("train"))
    versions.serve("1")  # which version is served does not matter: the newest one is retrained
    retrain(tmp_path, versions, export(tmp_path, flag), ignore)
    with pytest.raises(InputError, match="tickets version 2 was trained on exactly this data"):
        retrain(tmp_path, versions, export(tmp_path, flag), ignore)
    bundle = export(tmp_path, flag, make_corrected(find_text("train", "other")))
    assert retrain(tmp_path, versions, bundle, ignore).version.name == "3"


def test_a_model_that_cannot_be_retrained_here_says_why(tmp_path: Path, versions: ModelVersions) -> None:
    bundle = export(tmp_path, make_corrected(find_text("train")))
    for change, words in (
        ({"kind": "onnx"}, r"only sklearn models are retrained .* name it in models\.tickets\.training"),
        ({"task": "text-generation"}, "only classification and regression"),
        ({"inputs": {"text": "file"}}, "reads the file text"),
        ({"kind": "external"}, "another program"),
    ):
        spec = ModelSpec.model_validate(TICKETS.model_dump() | change)
        with pytest.raises(ModelError, match=words):
            retrain(tmp_path, ModelVersions(tmp_path, spec), bundle, ignore)


def test_one_label_only_is_said_with_the_way_out(tmp_path: Path, versions: ModelVersions) -> None:
    write_base(tmp_path, TICKETS, "text,label,split\nmoney,refund,train\n")
    bundle = export(tmp_path, make_corrected(find_text("train")))
    with pytest.raises(InputError, match=r"All 2 examples .* label 'refund'; correct some flags to another"):
        retrain(tmp_path, versions, bundle, ignore)
    assert list_kept(tmp_path) == ["1"]


def list_kept(folder: Path) -> list[str]:
    """Return what a model's folder holds besides the logs of its trainings."""
    return sorted(each.name for each in (folder / "models/tickets").iterdir() if each.name != "training")


# Splits and weights


def test_each_split_has_a_file_of_its_own_and_what_is_held_out_is_left_out(
    tmp_path: Path, versions: ModelVersions
) -> None:
    bundle = write_export(
        tmp_path,
        train=[("voucher", "refund", 1, ""), ("money please", "login", 1, "")],
        validation=[("looked at", "refund", 1, "")],
        test=[("money back", "login", 1, "")],
        verify=[("sign in", "refund", 1, "")],
    )
    made = retrain(tmp_path, versions, bundle, ignore)
    assert made.counts == {"base": 2, "corrections": 2}
    assert made.left_out == {"in_test_split": 3, "in_verify_split": 2}
    assert sorted(made.version.card["trained_on"]["files"]) == [
        "test.csv", "train.csv", "validation.csv", "verify.csv",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["train", "validation", "test"])), min_size=1),
    st.dictionaries(st.integers(0, 9), st.sampled_from(["train", "validation", "test", "verify"])),
)
def test_no_row_that_is_held_out_is_in_any_training_set(
    base: list[tuple[int, str]], corrections: dict[int, str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"text {number},login,{split}" for number, split in base]
        write_base(folder, TICKETS, "\n".join(["text,label,split", *lines, ""]))
        rows: dict[str, Any] = {}
        for number, split in corrections.items():
            rows.setdefault(split, []).append((f"text {number}", "refund", 1, ""))
        bundle = write_export(folder, **rows)
        export = Export("tickets", "1", bundle.path)
        data = read_base(folder, TICKETS)
        try:
            chosen = choose_rows(TICKETS, data, export)
        except InputError:
            return
        held_out = {row.example_id for row in data.select("test")}
        held_out |= {id_of(number) for number, split in corrections.items() if split in ("test", "verify")}
        fitted = {row.example_id for row in chosen.rows}
        assert not held_out & fitted
        hand_over(TICKETS, data, export, chosen, folder / "handed")
        handed = list((folder / "handed").rglob("*.csv"))
        texts = {cells["text"] for path in handed for _, cells in read_cells(path, ["text"])}
        assert not held_out & {hash_example({"text": text}) for text in texts}
        assert {path.name for path in handed} <= {"train.csv", "validation.csv"}


def id_of(number: int) -> str:
    return hash_example({"text": f"text {number}"})


def test_weights_reach_the_last_step_of_the_pipeline(tmp_path: Path, versions: ModelVersions) -> None:
    heavy = write_export(
        tmp_path, "1", train=[("voucher", "refund", 50, ""), ("voucher now", "login", 0.01, "")]
    )
    light = write_export(
        tmp_path, "2", train=[("voucher", "refund", 0.01, ""), ("voucher now", "login", 50, "")]
    )
    labels = []
    for bundle in (heavy, light):
        made = retrain(tmp_path, versions, bundle, ignore)
        labels.append(label_of(versions, made.version, "voucher"))
        weights = made.version.card["trained_on"]["weights"]
        assert (weights["used"], weights["smallest"], weights["largest"]) == (True, 0.01, 50)
    assert labels == ["refund", "login"]


def test_an_estimator_that_takes_no_weights_is_said_in_the_card(tmp_path: Path) -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    spec = TICKETS.model_copy(update={"trusted": True})
    neighbours = make_pipeline(CountVectorizer(), KNeighborsClassifier(1))
    versions = make_versions(tmp_path, spec, neighbours, BASE)
    bundle = write_export(tmp_path, train=[("voucher", "refund", 2, "")])
    weights = retrain(tmp_path, versions, bundle, ignore).version.card["trained_on"]["weights"]
    assert (weights["used"], weights["why"]) == (False, "KNeighborsClassifier takes no sample weights")


@pytest.mark.parametrize("weight", ["heavy", "-1", "nan", "inf"])
def test_a_weight_that_is_none_is_named_with_its_line(
    tmp_path: Path, versions: ModelVersions, weight: str
) -> None:
    bundle = write_export(tmp_path, train=[("voucher", "refund", weight, "")])
    with pytest.raises(
        InputError, match=rf"train\.csv, line 2: sample_weight is '{weight}'; a number from 0 on"
    ):
        retrain(tmp_path, versions, bundle, ignore)


# Search


def make_searching(folder: Path, grid: dict[str, Any], folds: int = 2) -> ModelVersions:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    spec = ModelSpec.model_validate(TICKETS.model_dump() | {"training": {"grid": grid, "folds": folds}})
    return make_versions(folder, spec, make_pipeline(CountVectorizer(), LogisticRegression()), BASE)


def test_a_search_keeps_the_best_parameters_and_every_score(tmp_path: Path) -> None:
    versions = make_searching(tmp_path, {"logisticregression__C": [1e-6, 10]})
    bundle = write_export(tmp_path, train=[(f"voucher {number}", "refund", 1, "same") for number in range(5)])
    told: list[str] = []
    made = retrain(tmp_path, versions, bundle, lambda share, doing: told.append(doing))
    search = made.version.card["trained_on"]["search"]
    assert search["scoring"] == "f1_macro"
    assert [each["parameters"] for each in search["candidates"]] == [
        {"logisticregression__C": 1e-6}, {"logisticregression__C": 10},
    ]  # fmt: skip
    best = max(search["candidates"], key=lambda each: each["mean"])
    assert search["chosen"] == best["parameters"]
    fitted = load_estimator(versions.spec, made.version.path)
    assert fitted.get_params()["logisticregression__C"] == search["chosen"]["logisticregression__C"]
    assert "Trying 2 of 2: logisticregression__C = 10" in told
    again = retrain(tmp_path, versions, write_export(tmp_path, "2", train=[("x", "login", 1, "")]), ignore,
                    is_searched=False)  # fmt: skip
    assert "search" not in again.version.card["trained_on"]


def test_a_parameter_that_the_pipeline_lacks_names_the_known_ones(tmp_path: Path) -> None:
    versions = make_searching(tmp_path, {"logisticregresion__C": [1]})
    bundle = write_export(tmp_path, train=[("voucher", "refund", 1, "")])
    with pytest.raises(ConfigError, match=r"training\.grid: .*Did you mean 'logisticregression__C'"):
        retrain(tmp_path, versions, bundle, ignore)


def test_a_group_is_never_cut_in_two() -> None:
    rows = [
        Row(str(number), {}, {}, "login" if number % 2 else "refund", "train", group=str(number // 4))
        for number in range(40)
    ]
    spec = ModelSpec.model_validate(TICKETS.model_dump() | {"training": {"grid": {"C": [1]}}})
    cut = cut_folds(spec, rows)
    assert len(cut) == 5
    for fit, score in cut:
        assert not {rows[each].group for each in fit} & {rows[each].group for each in score}


def test_regression_is_measured_in_its_own_unit(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    rows = [f"{age},{60 + 6 * age},train" for age in range(1, 10)] + ["2,75,test", "4,81,test"]
    text = "age,height,split\n" + "\n".join(rows) + "\n"
    versions = make_versions(tmp_path, HEIGHTS, LinearRegression(), text)
    metrics = versions.find("1").card["metrics"]["held_out"]
    assert metrics == pytest.approx({"rows": 2, "mae": 3, "rmse": 3, "r2": 0})


def test_a_model_without_held_out_data_is_measured_on_no_rows(versions: ModelVersions) -> None:
    assert measure(TICKETS, versions.load(versions.find("1")), []) == {"rows": 0}
