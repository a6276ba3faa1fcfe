"""Help while deciding: the suggestion, similar flags, the newest version's answer, what drove the old one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import append, make_flag, make_review, open_small_logs

from reviewer.advice import Advice, Correction, NewestAnswer, Similar, Suggestion, advise
from reviewer.config import ModelSpec
from reviewer.index.sql import load_sql
from reviewer.index.store import MainIndex
from reviewer.log import Log
from reviewer.log.media import MediaStore
from reviewer.models.explaining import CellFeature, TextFeature
from reviewer.models.versions import ModelVersions
from reviewer.payloads import build_payload
from reviewer.records import Event, Flag, FlagState, hash_example, new_id

WORDS = """\
def answer(text):
    if "fail" in text:
        raise RuntimeError("no\\nidea")
    return {{"refund": {share}, "billing": 1 - {share}}} if "money" in text else "login"
"""


class Desk:
    """A workspace's folder with an open index, and the model `tickets` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs: dict[str, Log] = open_small_logs(folder / "flagged")
        self.index = MainIndex(folder / "flagged", self.logs)
        self.media = MediaStore(folder / "flagged" / "media")
        self.versions: ModelVersions | None = None

    def add(self, *records: Any) -> None:
        append(self.logs, *records)

    def serve(self, source: str, **given: Any) -> ModelVersions:
        """Make the source the newest version of a Python model."""
        fields: dict[str, Any] = {
            "name": "tickets", "task": "text-classification", "kind": "python", "trusted": True,
            "labels": ["refund", "billing", "login"], "inputs": {"text": "textbox"},
        }  # fmt: skip
        name = f"advised_{self.folder.name}"
        (self.folder / f"{name}.py").write_text(source, encoding="utf-8")
        spec = ModelSpec.model_validate({**fields, "path": f"{name}:answer", **given})
        self.versions = ModelVersions(self.folder, spec)
        self.versions.read_all()
        return self.versions

    def ask(self, flag: Flag) -> Advice:
        with self.index.reading() as cursor:
            return advise(self.folder, self.versions, self.media, cursor, flag)

    def list_shares(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Return model, option, label and confidence of flags → reviewed, wrong and share of their kind."""
        with self.index.reading() as cursor:
            rows = cursor.execute(
                "select model, option, predicted_label, confidence, reviewed, wrong, wrong_share"  # noqa: S608
                f" from flags left join ({load_sql('wrong_shares')}) using (kind)"
            ).fetchall()
        return {row[:4]: row[4:] for row in rows}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.index.close()


def correct(flag: Flag, label: str | None = None, **given: Any) -> Any:
    """Return the review that corrects the flag, or confirms its prediction."""
    value = "label_corrected" if label or given else "prediction_correct"
    return make_review(flag.flag_id, value=value, corrected_label=label, seq=1, **given)


def test_a_flag_of_an_unknown_model_is_advised_on_by_people_alone(desk: Desk) -> None:
    flag = make_flag(suggested_label="refund", flagger="ann")
    desk.add(flag)
    assert desk.ask(flag) == Advice(Suggestion("refund", "ann"))
    assert desk.ask(replace(flag, suggested_label=None)) == Advice()


def test_another_programs_model_is_not_asked(desk: Desk) -> None:
    spec = {"name": "tickets", "task": "generic", "kind": "external", "inputs": {"text": "textbox"}}
    desk.versions = ModelVersions(desk.folder, ModelSpec.model_validate(spec))
    assert desk.ask(make_flag()) == Advice()


# Similar flags


def test_similar_flags_are_those_on_the_same_example_of_the_model(desk: Desk) -> None:
    flags = [make_flag() for _ in range(7)]
    desk.add(*flags, make_flag(model="other"), make_flag(inputs={"text": "else"}))
    desk.add(
        correct(flags[0], "refund"),
        correct(flags[1], "login"),
        correct(flags[2], "login"),
        correct(flags[3]),
        make_review(flags[4].flag_id, value="ambiguous", seq=1),
        make_review(flags[5].flag_id, Event.REVERT, reverts=flags[5].flag_id, seq=1),
    )
    assert desk.ask(flags[0]).similar == Similar(5, 4, [Correction("login", 2), Correction("billing", 1)])
    assert desk.ask(flags[6]).similar == Similar(
        5, 5, [Correction("login", 2), Correction("billing", 1), Correction("refund", 1)]
    )


def test_an_open_flag_is_similar_and_not_reviewed(desk: Desk) -> None:
    flags = [make_flag(), make_flag()]
    desk.add(*flags)
    assert desk.ask(flags[0]).similar == Similar(1, 0, [])


def test_a_flag_alone_has_nothing_similar(desk: Desk) -> None:
    desk.add(flag := make_flag(), make_flag(inputs={"text": "else"}))
    assert desk.ask(flag).similar is None


def test_flags_of_the_same_group_are_similar(desk: Desk) -> None:
    flags = [make_flag(inputs={"text": f"parcel {number}"}) for number in range(3)]
    desk.add(*flags, correct(flags[1], "refund"))
    group = flags[0].flag_id
    with desk.index.writing() as cursor:
        cursor.execute(
            "update flags set group_id = $group where flag_id in (select unnest($ids::uuid[]))",
            {"group": group, "ids": [each.flag_id for each in flags[:2]]},
        )
    grouped = replace(flags[0], state=FlagState(group_id=group))
    assert desk.ask(grouped).similar == Similar(1, 1, [Correction("refund", 1)])
    assert desk.ask(flags[2]).similar is None


def test_values_that_agree_in_three_digits_are_one_answer(desk: Desk) -> None:
    given: dict[str, Any] = {"predicted_label": None, "confidence": None}
    flags = [make_flag(predicted_value=150.2, **given) for _ in range(7)]
    desk.add(*flags)
    for flag, value in zip(flags, [149.9, 150.4, 0.0, -0.00123, -0.001231, None], strict=False):
        desk.add(correct(flag, corrected_value=value) if value is not None else correct(flag))
    similar = desk.ask(flags[6]).similar
    assert similar is not None
    answers = {each.answer: each.flags for each in similar.corrections}
    assert answers == pytest.approx({150.2: 3, -0.0012305: 2, 0.0: 1})
    assert [each.flags for each in similar.corrections] == [3, 2, 1]


def test_an_answer_that_is_no_number_is_none(desk: Desk) -> None:
    given: dict[str, Any] = {"predicted_label": None, "predicted_value": float("nan")}
    flags = [make_flag(**given), make_flag(**given)]
    desk.add(*flags, correct(flags[0]))
    assert desk.ask(flags[1]).similar == Similar(1, 1, [])


# The newest version


def test_the_newest_version_answers_when_it_is_another(desk: Desk) -> None:
    versions = desk.serve(WORDS.format(share=0.75))
    desk.serve(WORDS.format(share=0.25))
    versions = desk.serve(WORDS.format(share=0.25))
    flag = make_flag(inputs={"text": "money"}, model_version="1")
    assert [each.name for each in versions.read_all()] == ["1", "2"]
    assert desk.ask(flag).newest == NewestAnswer("2", True, "billing", 0.75)
    versions.serve("1")
    assert desk.ask(flag).newest == NewestAnswer("2", False, "billing", 0.75)
    assert desk.ask(replace(flag, model_version="2")).newest is None


def test_a_label_without_probabilities_is_an_answer(desk: Desk) -> None:
    desk.serve(WORDS.format(share=0.5))
    assert desk.ask(make_flag(inputs={"text": "x"})).newest == NewestAnswer("1", True, "login")


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ({"text": "fail"}, "tickets version 1 failed: RuntimeError: no"),
        ({"word": "x"}, "tickets has no input 'word'; its inputs: text."),
        ({"text": None}, "text is missing."),
        ({"text": 7}, "text must be a text, not int."),
    ],
)
def test_why_there_is_no_answer_is_said_in_a_sentence(desk: Desk, inputs: dict[str, Any], error: str) -> None:
    desk.serve(WORDS.format(share=0.5))
    advice = desk.ask(make_flag(inputs=inputs))
    assert advice.newest == NewestAnswer("1", True, error=error)
    assert advice.features is None


def test_a_picture_that_is_gone_is_said(desk: Desk) -> None:
    desk.serve(
        "def answer(image):\n    return 'login'\n", inputs={"image": "image"}, task="image-classification"
    )
    name = f"{'0' * 64}.png"
    newest = desk.ask(make_flag(inputs={"image": {"media": name}})).newest
    assert newest is not None
    assert newest.error is not None
    assert "does not exist" in newest.error


def test_a_model_that_cannot_be_loaded_is_said(desk: Desk) -> None:
    desk.serve("raise ValueError('no such weights')\n\ndef answer(text):\n    return 'login'\n")
    newest = desk.ask(make_flag()).newest
    assert newest is not None
    assert "no such weights" in str(newest.error)


def test_a_model_without_a_version_has_no_newest_answer(desk: Desk) -> None:
    spec = {
        "name": "tickets", "task": "text-classification", "labels": ["a", "b"], "path": "gone.skops",
        "inputs": {"text": "textbox"},
    }  # fmt: skip
    desk.versions = ModelVersions(desk.folder, ModelSpec.model_validate(spec))
    assert desk.ask(make_flag()) == Advice()


def test_a_served_version_that_is_gone_does_not_keep_the_newest_from_answering(desk: Desk) -> None:
    desk.serve(WORDS.format(share=0.5))
    (desk.folder / "models" / "tickets" / "served").write_text("9", encoding="utf-8")
    newest = desk.ask(make_flag(inputs={"text": "x"})).newest
    assert newest == NewestAnswer("1", False, "login")


def test_advice_is_logged_nowhere(desk: Desk) -> None:
    desk.serve(WORDS.format(share=0.5))
    flag = make_flag(inputs={"text": "money"})
    desk.add(flag)
    before = {path: path.read_bytes() for path in (desk.folder / "flagged").glob("*.csv")}
    desk.ask(flag)
    desk.ask(replace(flag, model_version="1"))
    assert before == {path: path.read_bytes() for path in (desk.folder / "flagged").glob("*.csv")}


# Features


def test_the_flags_own_version_says_what_drove_its_answer(desk: Desk) -> None:
    desk.serve(WORDS.format(share=0.75))
    desk.serve(WORDS.format(share=0.25))
    flag = make_flag(inputs={"text": "my money now"}, predicted_label="refund", model_version="1")
    features = desk.ask(flag).features
    assert features is not None
    assert (features.method, features.label) == ("occlusion", "refund")
    assert features.items == [TextFeature("text", 3, 8, "money", 0.75)]


@pytest.mark.parametrize("version", ["", "v1", "9"])
def test_a_version_that_is_gone_has_no_features(version: str, desk: Desk) -> None:
    desk.serve(WORDS.format(share=0.75))
    flag = make_flag(inputs={"text": "money"}, predicted_label="refund", model_version=version)
    assert desk.ask(flag).features is None


ROWS = "size,kind,value,split\n1,a,1,train\n3,a,1,train\n5,b,1,test\n"
SIZES: dict[str, Any] = {
    "task": "tabular-regression",
    "labels": [],
    "inputs": {"size": "number", "kind": {"component": "radio", "choices": ["a", "b"]}},
    "base": "base.csv",
    "target": "value",
}
DOUBLE = "def answer(size, kind):\n    return 2.0 * size + (kind == 'b')\n"


def find_weights(desk: Desk) -> dict[str, float]:
    flag = make_flag(
        inputs={"size": 9, "kind": "b"}, predicted_label=None, predicted_value=19.0, model_version="1"
    )
    features = desk.ask(flag).features
    assert features is not None
    return {each.input: each.weight for each in features.items if isinstance(each, CellFeature)}


def test_numbers_are_compared_with_the_mean_of_the_base_data(desk: Desk) -> None:
    (desk.folder / "base.csv").write_text(ROWS, encoding="utf-8")
    desk.serve(DOUBLE, **SIZES)
    assert find_weights(desk) == {"size": 2 * (9 - 3), "kind": 1}
    (desk.folder / "base.csv").write_text(ROWS + "7,a,1,train\n", encoding="utf-8")
    assert find_weights(desk) == {"size": 2 * (9 - 4), "kind": 1}


@pytest.mark.parametrize(
    "write",
    [
        lambda path: None,
        lambda path: path.mkdir(),
        lambda path: path.write_text("size\nx\n", encoding="utf-8"),
        lambda path: path.write_text(ROWS + "9,a,1,train\n" * 200_000, encoding="utf-8"),
    ],
    ids=["missing", "a folder", "broken", "large"],
)
def test_base_data_that_cannot_be_read_soon_are_done_without(
    desk: Desk, write: Callable[[Path], object]
) -> None:
    write(desk.folder / "base.csv")
    desk.serve(DOUBLE, **SIZES)
    assert find_weights(desk) == {"kind": 1}


# As JSON


def test_advice_is_the_json_that_the_desk_reads(desk: Desk) -> None:
    desk.serve(WORDS.format(share=0.75))
    desk.serve(WORDS.format(share=0.25))
    given: dict[str, Any] = {
        "inputs": {"text": "my money"},
        "model_version": "1",
        "predicted_label": "refund",
    }
    flags = [make_flag(suggested_label="login", flagger="ann", **given), make_flag(**given)]
    desk.add(*flags, correct(flags[1], "billing"))
    payload = build_payload(desk.ask(flags[0]))
    assert json.loads(json.dumps(payload)) == {
        "suggestion": {"label": "login", "by": "ann"},
        "similar": {"count": 1, "reviewed": 1, "corrections": [{"answer": "billing", "flags": 1}]},
        "newest": {
            "version": "2", "is_served": True, "label": "billing", "confidence": 0.75, "value": None,
            "output": None, "error": None,
        },
        "features": {
            "method": "occlusion",
            "label": "refund",
            "items": [{"input": "text", "start": 3, "end": 8, "text": "money", "weight": 0.75}],
        },
    }  # fmt: skip
    assert set(build_payload(Advice())) == {"suggestion", "similar", "newest", "features"}


# Wrong shares


def test_the_share_of_wrong_flags_is_drawn_towards_that_of_the_option(desk: Desk) -> None:
    flags = [make_flag(confidence=0.95) for _ in range(6)] + [make_flag(confidence=0.15) for _ in range(2)]
    unseen, other = make_flag(confidence=0.5), make_flag(option="other")
    desk.add(*flags, unseen, other)
    desk.add(*(correct(each, "refund") for each in flags[:3]), correct(flags[3]), correct(flags[6]))
    desk.add(make_review(flags[4].flag_id, value="ambiguous", seq=1))
    option = (3 + 1) / (5 + 2)
    shares = desk.list_shares()
    kind = ("tickets", "wrong_label", "billing")
    assert shares[(*kind, 0.95)] == (4, 3, pytest.approx((3 + 4 * option) / (4 + 4)))
    assert shares[(*kind, 0.15)] == (1, 0, pytest.approx((0 + 4 * option) / (1 + 4)))
    assert shares[(*kind, 0.5)] == (0, 0, pytest.approx(option))
    assert shares[("tickets", "other", "billing", 0.75)] == (None, None, None)


@pytest.mark.parametrize("confidence", [None, 0.0, 0.1, 0.3, 0.7, 0.999, 1.0])
@pytest.mark.parametrize("label", [None, "a"])
def test_a_share_is_found_for_its_flags_whatever_they_lack(
    desk: Desk, confidence: float | None, label: str | None
) -> None:
    flags = [make_flag(confidence=confidence, predicted_label=label) for _ in range(2)]
    desk.add(*flags, correct(flags[0], "refund"))
    [(reviewed, wrong, _)] = desk.list_shares().values()
    assert (reviewed, wrong) == (1, 1)


def test_taken_back_and_reopened_flags_say_nothing(desk: Desk) -> None:
    flags = [make_flag() for _ in range(3)]
    reviews = [correct(each, "refund") for each in flags]
    desk.add(*flags, *reviews)
    desk.add(make_review(flags[0].flag_id, Event.REVERT, reverts=reviews[0].event_id, seq=2))
    desk.add(make_review(flags[1].flag_id, Event.REVERT, reverts=flags[1].flag_id, seq=2))
    assert {each[:2] for each in desk.list_shares().values()} == {(1, 1)}


def test_an_empty_index_has_no_shares(desk: Desk) -> None:
    with desk.index.reading() as cursor:
        assert cursor.execute(load_sql("wrong_shares")).fetchall() == []


def test_an_unknown_flag_id_has_nothing_similar(desk: Desk) -> None:
    desk.add(make_flag(inputs={"text": "else"}))
    stranger = make_flag(flag_id=new_id(), example_id=hash_example({"text": "'; drop table flags; --"}))
    assert desk.ask(stranger) == Advice()
