"""Base data, retraining and verdicts, with real models fitted in a moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, make_flag
from sklearn.base import BaseEstimator, ClassifierMixin

from reviewer.analysis import assign_split
from reviewer.bundle import Bundle, write_bundle
from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, InputError, ModelError
from reviewer.log.media import MediaStore
from reviewer.models.components import open_image
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Flag, FlagState, Resolution, hash_example
from reviewer.training import Base, add_version, fit_estimator, judge_flags, measure, read_base, retrain

TICKETS = ModelSpec.model_validate(
    {
        "name": "tickets",
        "task": "text-classification",
        "labels": ["login", "refund"],
        "inputs": {"text": "textbox"},
        "base": "data/tickets.csv",
    }
)
HEIGHTS = ModelSpec.model_validate(
    {
        "name": "heights",
        "task": "tabular-regression",
        "inputs": {"age": {"component": "number", "minimum": 0}},
        "base": "data/heights.csv",
        "target": "height",
        "tolerance": 5,
    }
)
BASE = """\
text,label,split
money back,refund,train
give money,refund,train
sign in,login,train
password in,login,train
looked at,login,validation
money please,refund,test
sign please,login,test
"""


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "flagged" / "media")


@pytest.fixture
def versions(tmp_path: Path) -> ModelVersions:
    """The tickets model with version 1, fitted on its base's train split."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_versions(tmp_path, TICKETS, make_pipeline(CountVectorizer(), LogisticRegression()), BASE)


def make_versions(folder: Path, spec: ModelSpec, estimator: Any, text: str) -> ModelVersions:
    write_base(folder, spec, text)
    versions, base = ModelVersions(folder, spec), read_base(folder, spec)
    add_version(versions, fit_estimator(spec, estimator, base.select("train")), base.select("test"), {})
    return versions


def write_base(folder: Path, spec: ModelSpec, text: str) -> None:
    path = folder / spec.base
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())


def find_text(split: str, start: str = "sign") -> str:
    """Return a text whose example belongs to the split."""
    texts = (f"{start} number {number}" for number in range(1000))
    return next(text for text in texts if assign_split(hash_example({"text": text})) == split)


def make_corrected(text: str, label: str = "refund", **state: Any) -> Flag:
    known: dict[str, Any] = {"resolution": Resolution.LABEL_CORRECTED, "corrected_label": label}
    fields = {"status": "resolved", "reviewed_at": NOON, **known}
    return make_flag(inputs={"text": text}, predicted_label="login", state=FlagState(**fields | state))


def export(folder: Path, media: MediaStore, *flags: Flag) -> Bundle:
    return write_bundle(folder, TICKETS, flags, media)


def ignore(share: float, doing: str) -> None:
    pass


def label_of(versions: ModelVersions, version: Version, text: str) -> str | None:
    return versions.answer(version, [{"text": text}])[0].label


# Base data


def test_base_data_is_read_exactly(tmp_path: Path) -> None:
    write_base(tmp_path, TICKETS, '\ufefftext,label,split\n"a ""b"",\r\n c",login,train\nNA,refund,test\n')
    base = read_base(tmp_path, TICKETS)
    assert [(row.example, row.right, row.split) for row in base.rows] == [
        ({"text": 'a "b",\r\n c'}, "login", "train"),
        ({"text": "NA"}, "refund", "test"),
    ]
    assert base.rows[1].example_id == hash_example({"text": "NA"})


def test_a_text_longer_than_the_csv_module_takes_by_itself_is_read(tmp_path: Path) -> None:
    box = {"component": "textbox", "max_length": 1_000_000}
    spec = ModelSpec.model_validate(TICKETS.model_dump() | {"inputs": {"text": box}})
    write_base(tmp_path, spec, f"text,label\n{'x' * 200_000},login\n")
    assert len(read_base(tmp_path, spec).rows[0].example["text"]) == 200_000


def test_pictures_of_the_base_are_read_from_where_they_lie(tmp_path: Path) -> None:
    from PIL import Image

    spec = ModelSpec.model_validate(
        {
            "name": "shades",
            "task": "image-classification",
            "labels": ["dark", "light"],
            "inputs": {"image": {"component": "image", "width": 2, "height": 1, "mode": "L"}},
            "base": "data/shades.csv",
        }
    )
    write_base(tmp_path, spec, "image,label\nshades/a.png,dark\n")
    (tmp_path / "data/shades").mkdir()
    picture = Image.new("L", (2, 1), 7)
    picture.save(tmp_path / "data/shades/a.png")
    (row,) = read_base(tmp_path, spec).rows
    assert row.example["image"].tolist() == [[7.0, 7.0]]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data"]
    assert open_image((tmp_path / "data/shades/a.png").read_bytes()).size == (2, 1)


def test_without_a_split_column_a_fifth_of_each_label_is_held_out_for_good(tmp_path: Path) -> None:
    lines = [f"text {n},{'login' if n % 4 else 'refund'}" for n in range(100)]
    write_base(tmp_path, TICKETS, "text,label\n" + "\n".join(lines) + "\n")
    held = read_base(tmp_path, TICKETS).select("test")
    assert sorted(row.right for row in held) == ["login"] * 15 + ["refund"] * 5
    write_base(tmp_path, TICKETS, "text,label\n" + "\n".join(lines[::-1]) + "\n")
    assert {row.example_id for row in read_base(tmp_path, TICKETS).select("test")} == {
        row.example_id for row in held
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("text,split\na,train\n", "has no column 'label'; its columns: text, split"),
        ("", "has no column 'text'"),
        ("text,label\na,login\nb,nothing\n", r"line 3: label is 'nothing'; use one of login, refund"),
        ("text,label\n,login\n", "line 2: text is missing"),
        ("text,label,split\na,login,later\n", "line 2: split is 'later'; use train, validation or test"),
        ("text,label\na,login,extra\n", "line 2: 3 cells, but the header has 2"),
        ('text,label\n"a,login\n', "cannot be read as a UTF-8 CSV file"),
    ],
)
def test_base_data_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    write_base(tmp_path, TICKETS, text)
    with pytest.raises(InputError, match=words):
        read_base(tmp_path, TICKETS)


@pytest.mark.parametrize("cell", ["tall", "nan", "inf", ""])
def test_a_target_that_is_no_finite_number_is_named(tmp_path: Path, cell: str) -> None:
    write_base(tmp_path, HEIGHTS, f"age,height\n3,95\n4,{cell}\n")
    with pytest.raises(InputError, match=f"line 3: height is '{cell}'; a finite number is needed"):
        read_base(tmp_path, HEIGHTS)


def test_base_data_that_is_not_there_is_an_error_of_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.tickets\.base is 'data/tickets\.csv', but there is no"):
        read_base(tmp_path, TICKETS)
    with pytest.raises(ConfigError, match=r"models\.tickets\.base is not set"):
        read_base(tmp_path, TICKETS.model_copy(update={"base": ""}))


# Retrain


def test_retraining_learns_a_correction_and_leaves_the_served_version_alone(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    text = find_text("train", "voucher")
    flags = [make_corrected(text), *(make_corrected(f"{text} {n}") for n in range(30))]
    versions.serve("1")
    made = retrain(tmp_path, versions, export(tmp_path, media, *flags), ignore)
    assert label_of(versions, made.version, "voucher") == "refund"
    assert [each.name for each in versions.read_all()] == ["1", "2"]
    assert versions.find().name == "1"
    assert made.version.card["metrics"] == {"before": made.before, "held_out": made.after}
    assert made.before == versions.find("1").card["metrics"]["held_out"]


def test_the_card_says_what_the_version_was_trained_on(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    flags = [make_corrected(find_text("train")), make_corrected(find_text("verify"))]
    bundle = export(tmp_path, media, *flags)
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


def test_nothing_that_is_held_out_is_ever_trained_on(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    verify = find_text("verify", "money back")
    tests = [f"test number {number}" for number in range(20)]
    test = next(text for text in tests if assign_split(hash_example({"text": text})) == "train")
    base = BASE + f"{verify},refund,train\n{test},login,test\n{test},login,train\n"
    write_base(tmp_path, TICKETS, base)
    flags = [make_corrected(text, "login") for text in (find_text("train", "new"), verify, test)]
    made = retrain(tmp_path, versions, export(tmp_path, media, *flags), ignore)
    assert made.counts == {"base": 4, "corrections": 1}
    assert made.left_out == {"in_test_split": 2, "in_verify_split": 2}


def test_a_correction_takes_the_place_of_the_base_row_it_corrects(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    text = find_text("train", "mislabelled")
    write_base(tmp_path, TICKETS, BASE + f"{text},login,train\n")
    made = retrain(tmp_path, versions, export(tmp_path, media, make_corrected(text)), ignore)
    assert made.counts == {"base": 4, "corrections": 1}
    assert made.left_out == {"corrected": 1}


def test_a_correction_that_todays_config_does_not_take_is_counted(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    flags = [make_corrected(find_text("train")), make_corrected("old", "retired label")]
    bundle = export(tmp_path, media, *flags)
    made = retrain(tmp_path, versions, bundle, ignore)
    assert made.left_out == {"not_accepted": 1}


def test_corrections_that_may_not_be_trained_on_are_explained(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    bundle = export(tmp_path, media, make_corrected(find_text("verify")))
    with pytest.raises(InputError, match=r"None of the 1 corrections of tickets .* \(in_verify_split 1\)"):
        retrain(tmp_path, versions, bundle, ignore)
    assert len(versions.read_all()) == 1


def test_the_same_data_twice_is_nothing_new(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    flag = make_corrected(find_text("train"))
    versions.serve("1")  # which version is served does not matter: the newest one is retrained
    retrain(tmp_path, versions, export(tmp_path, media, flag), ignore)
    with pytest.raises(InputError, match="tickets version 2 was trained on exactly this data"):
        retrain(tmp_path, versions, export(tmp_path, media, flag), ignore)
    bundle = export(tmp_path, media, flag, make_corrected(find_text("train", "other")))
    assert retrain(tmp_path, versions, bundle, ignore).version.name == "3"


def test_a_cancelled_retraining_leaves_nothing_at_any_step(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    bundle = export(tmp_path, media, make_corrected(find_text("train")))
    steps: list[str] = []
    for number in range(5):
        with pytest.raises(KeyboardInterrupt):
            retrain(tmp_path, versions, bundle, cancel_after(number, steps))
        assert sorted(each.name for each in (tmp_path / "models/tickets").iterdir()) == ["1"]
    assert len(set(steps)) == 5


def cancel_after(steps: int, seen: list[str]) -> Callable[[float, str], None]:
    left = [steps]

    def progress(share: float, doing: str) -> None:
        assert 0 <= share <= 1
        seen.append(doing)
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1

    return progress


def test_a_model_that_cannot_be_retrained_here_says_why(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    bundle = export(tmp_path, media, make_corrected(find_text("train")))
    for change, words in (
        ({"kind": "python"}, "only sklearn models are retrained here"),
        ({"task": "text-generation"}, "only classification and regression"),
    ):
        spec = ModelSpec.model_validate(TICKETS.model_dump() | change)
        with pytest.raises(ModelError, match=words):
            retrain(tmp_path, ModelVersions(tmp_path, spec), bundle, ignore)


def test_a_fit_that_fails_is_a_model_error_and_leaves_nothing(
    tmp_path: Path, versions: ModelVersions, media: MediaStore
) -> None:
    write_base(tmp_path, TICKETS, "text,label,split\nmoney,refund,train\n")
    bundle = export(tmp_path, media, make_corrected(find_text("train")))
    with pytest.raises(ModelError, match="Fitting tickets on 2 examples failed: ValueError"):
        retrain(tmp_path, versions, bundle, ignore)
    assert sorted(each.name for each in (tmp_path / "models/tickets").iterdir()) == ["1"]


def test_regression_is_measured_in_its_own_unit(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    rows = [f"{age},{60 + 6 * age},train" for age in range(1, 10)] + ["2,75,test", "4,81,test"]
    text = "age,height,split\n" + "\n".join(rows) + "\n"
    versions = make_versions(tmp_path, HEIGHTS, LinearRegression(), text)
    metrics = versions.find("1").card["metrics"]["held_out"]
    assert metrics == pytest.approx({"rows": 2, "mae": 3, "rmse": 3, "r2": 0})


def test_a_model_without_held_out_data_is_measured_on_no_rows(versions: ModelVersions) -> None:
    assert measure(TICKETS, versions.load(versions.find("1")), []) == {"rows": 0}


# Verify


def judge(versions: ModelVersions, flags: Sequence[Flag], media: MediaStore) -> list[str]:
    verdicts = judge_flags(versions, versions.find("1"), flags, media, ignore)
    assert [each.flag_id for each in verdicts] == [each.flag_id for each in flags]
    return [str(each.verification) for each in verdicts]


def test_every_flag_gets_the_verdict_of_the_version_asked(versions: ModelVersions, media: MediaStore) -> None:
    flags = [
        make_corrected("money back", "refund"),
        make_corrected("sign in", "refund"),
        make_corrected("sign in", "refund", verification="fixed"),
        make_corrected("sign in", resolution="prediction_correct", corrected_label=None),
        make_corrected("money back", resolution="prediction_correct", corrected_label=None),
        make_corrected("sign in", resolution="ambiguous", corrected_label=None),
    ]
    assert judge(versions, flags, media) == [
        "fixed", "still_failing", "regressed", "fixed", "regressed", "inconclusive",
    ]  # fmt: skip


def test_a_verdict_says_what_the_version_answered(versions: ModelVersions, media: MediaStore) -> None:
    (verdict,) = judge_flags(versions, versions.find("1"), [make_corrected("money back")], media, ignore)
    assert (verdict.predicted_label, verdict.predicted_value) == ("refund", None)


def test_flags_that_cannot_be_run_again_do_not_stop_the_others(
    versions: ModelVersions, media: MediaStore
) -> None:
    lost = replace(make_corrected("x"), inputs={"text": {"media": "0" * 64 + ".png"}})
    flags = [make_corrected("money back"), lost, replace(make_corrected("x"), inputs={"subject": "x"})]
    assert judge(versions, flags, media) == ["fixed", "inconclusive", "inconclusive"]


class Picky(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Answers refund, but fails on a batch that holds one of its pet words."""

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> Picky:
        self.classes_ = sorted(set(labels))
        return self

    def predict(self, texts: Sequence[str]) -> list[str]:
        if any("boom" in text for text in texts):
            raise RuntimeError("no")
        return ["refund"] * len(texts)


def test_a_model_that_fails_on_one_flag_answers_the_others(tmp_path: Path, media: MediaStore) -> None:
    spec = TICKETS.model_copy(update={"trusted": True})
    versions = make_versions(tmp_path, spec, Picky(), BASE)
    flags = [make_corrected("a"), make_corrected("boom"), make_corrected("b")]
    assert judge(versions, flags, media) == ["fixed", "inconclusive", "fixed"]


def test_many_flags_are_run_in_batches_and_can_be_cancelled_between(
    versions: ModelVersions, media: MediaStore
) -> None:
    flags = [make_corrected("money back")] * 2500
    shares: list[float] = []
    verdicts = judge_flags(
        versions, versions.find("1"), flags, media, lambda share, doing: shares.append(share)
    )
    assert len(verdicts) == 2500
    assert shares == [0.0, 0.4, 0.8]
    with pytest.raises(KeyboardInterrupt):
        judge_flags(versions, versions.find("1"), flags, media, cancel_after(1, []))


def test_selecting_a_split_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    write_base(tmp_path, TICKETS, BASE)
    base: Base = read_base(tmp_path, TICKETS)
    assert [row.example["text"] for row in base.select("test")] == ["money please", "sign please"]
