"""Verdicts: reviewed flags that are run again with a version, page by page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import make_flag
from sklearn.base import BaseEstimator, ClassifierMixin
from tickets import BASE, TICKETS, ignore, make_corrected, make_versions, media, versions

from reviewer.config import ModelSpec
from reviewer.errors import LogError
from reviewer.index.queries import Answers, ReviewedPage
from reviewer.log.media import MediaStore
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Flag, FlagState, JsonValue, Progress, Resolution, Task
from reviewer.training.comparators import COMPARATORS
from reviewer.training.results import Verdict, pair_results, read_columns, read_results
from reviewer.training.verifying import PAGE, Tally, Verifier

__all__ = ["media", "versions"]


def build_page(flags: Sequence[Flag], first: int = 0) -> ReviewedPage:
    """Return the page that the index makes of the flags."""
    roles = {"prediction_correct": "guard", "label_corrected": "correction"}
    corrected = [
        (each.state.corrected_label, each.state.corrected_value, each.state.corrected_output)
        for each in flags
    ]
    flagged = [(each.predicted_label, each.predicted_value, each.output) for each in flags]
    role = [roles.get(str(each.state.resolution), "") for each in flags]
    right = [
        {"guard": said, "correction": given}.get(name, (None, None, None))
        for name, said, given in zip(role, flagged, corrected, strict=True)
    ]
    return ReviewedPage(
        [str(first + place) for place in range(len(flags))],
        [each.flag_id for each in flags],
        [json.dumps(each.inputs) for each in flags],
        role,
        [each.state.verification for each in flags],
        [each.model_version for each in flags],
        [str(each.inputs.get("text", "")) for each in flags],
        build_answers(right),
        build_answers(flagged),
    )


def build_answers(rows: Sequence[tuple[Any, Any, JsonValue]]) -> Answers:
    texts = [None if output is None else json.dumps(output) for *_, output in rows]
    return Answers([each[0] for each in rows], [each[1] for each in rows], texts)


def run(
    versions: ModelVersions,
    flags: Sequence[Flag],
    media: MediaStore,
    progress: Progress = ignore,
    version: Version | None = None,
) -> Tally:
    chosen = version or versions.find("1")
    verifier = Verifier(versions, chosen, media)

    def read(after: int, limit: int) -> ReviewedPage:
        return build_page(flags[after + 1 : after + 1 + limit], after + 1)

    return verifier.run(read, len(flags), chosen.path.parent, progress)


def list_verdicts(versions: ModelVersions, name: str = "1") -> list[Verdict]:
    return list(read_results(versions.find(name).path.parent / "verify.csv"))


def judge(versions: ModelVersions, flags: Sequence[Flag], media: MediaStore) -> list[str]:
    run(versions, flags, media)
    verdicts = list_verdicts(versions)
    assert [each.flag_id for each in verdicts] == [each.flag_id for each in flags]
    return [each.verification for each in verdicts]


def make_guard(text: str, label: str) -> Flag:
    state = FlagState(status="resolved", resolution=Resolution.PREDICTION_CORRECT)
    return make_flag(inputs={"text": text}, predicted_label=label, state=state)


def test_every_flag_gets_the_verdict_of_the_version_asked(versions: ModelVersions, media: MediaStore) -> None:
    flags = [
        make_corrected("money back", "refund"),
        make_corrected("sign in", "refund"),
        make_corrected("sign in", "refund", verification="fixed"),
        make_corrected("sign in", "refund", verification="regressed"),
        make_guard("sign in", "login"),
        make_guard("money back", "login"),
        make_corrected("sign in", resolution="ambiguous", corrected_label=None),
        make_corrected("sign in", corrected_label=None),
    ]
    assert judge(versions, flags, media) == [
        "fixed", "still_failing", "regressed", "regressed", "fixed", "regressed", "inconclusive",
        "inconclusive",
    ]  # fmt: skip


def test_a_verdict_says_what_is_right_and_what_was_answered(
    versions: ModelVersions, media: MediaStore
) -> None:
    tally = run(versions, [make_guard("money back", "login"), make_corrected("give money")], media)
    (bad,) = tally.regressions
    assert (bad.role, bad.verification, bad.before) == ("guard", "regressed", "not_run")
    assert (bad.right, bad.answer, bad.preview) == ("login", "refund", "money back")
    good = list_verdicts(versions)[1]
    assert (good.right, good.answer, good.preview, good.flagged_answer) == ("refund", "refund", "", "login")


def test_flags_that_cannot_be_run_again_do_not_stop_the_others(
    versions: ModelVersions, media: MediaStore
) -> None:
    lost = replace(make_corrected("x"), inputs={"subject": "x"})
    assert judge(versions, [make_corrected("money back"), lost], media) == ["fixed", "inconclusive"]


def test_a_picture_that_is_gone_does_not_stop_the_others(tmp_path: Path, media: MediaStore) -> None:
    import skops.io
    from PIL import Image
    from sklearn.linear_model import LogisticRegression

    Image.new("L", (2, 2), 255).save(tmp_path / "white.png")
    there = media.save((tmp_path / "white.png").read_bytes(), "png")
    spec = ModelSpec.model_validate(
        {
            "name": "tickets", "task": "image-classification", "labels": ["login", "refund"],
            "path": "shades.skops",
            "inputs": {"image": {"component": "image", "width": 2, "height": 2, "mode": "L"}},
        }
    )  # fmt: skip
    skops.io.dump(
        LogisticRegression().fit([[0] * 4, [255] * 4], ["login", "refund"]), tmp_path / "shades.skops"
    )
    flags = [
        replace(make_corrected("x"), inputs={"image": {"media": name}}) for name in ("0" * 64 + ".png", there)
    ]
    assert judge(ModelVersions(tmp_path, spec), flags, media) == ["inconclusive", "fixed"]


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


def test_many_flags_are_run_in_pages_and_what_is_cancelled_leaves_the_results_before(
    versions: ModelVersions, media: MediaStore
) -> None:
    flags = [make_corrected("money back")] * (2 * PAGE + 500)
    shares: list[float] = []
    tally = run(versions, flags, media, lambda share, doing: shares.append(share))
    assert tally.counts == {("correction", "fixed"): len(flags)}
    assert shares == [0.0, pytest.approx(PAGE / len(flags)), pytest.approx(2 * PAGE / len(flags))]

    def stop(share: float, doing: str) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(versions, flags, media, stop)
    assert len(list_verdicts(versions)) == len(flags)
    folder = versions.find("1").path.parent
    assert sorted(each.name for each in folder.iterdir()) == ["card.json", "model.skops", "verify.csv"]


# Flaky answers

COUNTING = """
CALLS = {{}}

def answer(text):
    CALLS[text] = CALLS.get(text, 0) + 1
    {body}
"""


@pytest.fixture
def make_python(tmp_path: Path) -> Callable[[str], ModelVersions]:
    """Makes a Python model whose function has this body and counts how often a text was asked."""

    def make(body: str) -> ModelVersions:
        name = f"counting_of_{tmp_path.name}"
        (tmp_path / f"{name}.py").write_text(COUNTING.format(body=body))
        changes = {"kind": "python", "path": f"{name}:answer", "trusted": True}
        return ModelVersions(tmp_path, ModelSpec.model_validate(TICKETS.model_dump() | changes))

    return make


def test_an_answer_that_differs_in_a_second_run_is_inconclusive(
    make_python: Callable[[str], ModelVersions], media: MediaStore
) -> None:
    versions = make_python("return 'refund' if CALLS[text] == 1 or text == 'sure' else 'login'")
    flags = [make_corrected("sure"), make_corrected("unsure"), make_guard("unsure too", "login")]
    tally = run(versions, flags, media)
    assert [each.verification for each in list_verdicts(versions)] == [
        "fixed",
        "inconclusive",
        "inconclusive",
    ]
    assert [each.is_flaky for each in list_verdicts(versions)] == ["", "1", "1"]
    assert (tally.flaky, tally.regressions) == (2, [])


def test_only_news_is_run_twice(make_python: Callable[[str], ModelVersions], media: MediaStore) -> None:
    versions = make_python("return 'login' if CALLS[text] == 2 else 'refund'")
    flags = [
        make_corrected("known to be fixed", verification="fixed"),
        make_corrected("known to fail", "login"),
        make_corrected("known to be wrong again", "login", verification="regressed"),
        make_guard("kept", "refund"),
    ]
    assert run(versions, flags, media).flaky == 0
    assert judge(versions, flags[1:2], media) == ["inconclusive"]


def test_values_that_differ_by_rounding_are_the_same_answer(tmp_path: Path, media: MediaStore) -> None:
    name = f"rounding_of_{tmp_path.name}"
    body = "return 10 + 1e-7 * CALLS[text] if text == 'near' else 10.0 * CALLS[text]"
    (tmp_path / f"{name}.py").write_text(COUNTING.format(body=body))
    spec = ModelSpec.model_validate(
        {
            "name": "tickets", "task": "tabular-regression", "inputs": {"text": "textbox"}, "kind": "python",
            "path": f"{name}:answer", "trusted": True, "tolerance": 5,
        }
    )  # fmt: skip
    flags = [
        make_corrected(text, corrected_label=None, corrected_value=right)
        for text, right in (("near", 12.0), ("far", 12.0))
    ]
    assert judge(ModelVersions(tmp_path, spec), flags, media) == ["fixed", "inconclusive"]


# Comparators


@pytest.mark.parametrize(
    ("task", "right", "answer", "tolerance", "is_right"),
    [
        ("text-classification", "refund", "refund", None, True),
        ("text-classification", "refund", "Refund", None, False),
        ("tabular-regression", 200.0, 220.0, None, True),
        ("tabular-regression", 200.0, 220.1, None, False),
        ("tabular-regression", -200.0, -180.0, None, True),
        ("tabular-regression", 200.0, 250.0, 50.0, True),
        ("tabular-regression", 200.0, 250.1, 50.0, False),
        ("tabular-regression", 200.0, 200.0, 0.0, True),
        ("tabular-regression", 0.0, 0.1, None, False),
        ("text-generation", "Two  words.", " Two\nwords.", None, True),
        ("text-generation", "Two words.", "two words.", None, False),
        ("generic", {"a": [1, 2.0]}, {"a": [1, 2]}, None, True),
        ("generic", {"a": 1}, {"a": 2}, None, False),
        ("generic", 10.0, 10.5, None, True),
    ],
)
def test_answers_are_compared_as_their_task_asks(
    task: str, right: JsonValue, answer: JsonValue, tolerance: float | None, is_right: bool
) -> None:
    compare = COMPARATORS[Task(task)]
    assert compare(right, answer, tolerance) is is_right


def test_a_text_in_other_words_proves_nothing(tmp_path: Path, media: MediaStore) -> None:
    name = f"saying_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("def answer(text):\n    return text.upper()\n")
    spec = ModelSpec.model_validate(
        {
            "name": "tickets", "task": "text-generation", "inputs": {"text": "textbox"}, "kind": "python",
            "path": f"{name}:answer", "trusted": True,
        }
    )  # fmt: skip
    flags = [
        make_corrected(text, corrected_label=None, corrected_output=right)
        for text, right in (("hello  you", "HELLO YOU"), ("hello", "Hi"))
    ]
    assert judge(ModelVersions(tmp_path, spec), flags, media) == ["fixed", "inconclusive"]


# Results


def test_results_are_read_as_they_were_written(versions: ModelVersions, media: MediaStore) -> None:
    texts = ['a "quoted", text', "two\nlines", "=1+1", " spaces "]
    flags = [make_corrected(text, "login") for text in texts]
    run(versions, flags, media)
    path = versions.find("1").path.parent / "verify.csv"
    rows = list_verdicts(versions)
    assert [each.right for each in rows] == ["login"] * 4
    assert [each.preview for each in rows if each.verification != "fixed"] == [
        text for text, each in zip(texts, rows, strict=True) if each.verification != "fixed"
    ]
    ((flag_ids, verdicts),) = read_columns(path, "flag_id", "verification")
    assert flag_ids == [each.flag_id for each in flags]
    assert verdicts == [each.verification for each in rows]


def test_results_that_are_damaged_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "verify.csv"
    assert list(read_results(path)) == []
    path.write_text("something,else\n1,2\n")
    with pytest.raises(LogError, match=r"verify\.csv is damaged; run `reviewer verify` again"):
        list(read_results(path))
    with pytest.raises(LogError, match="is damaged"):
        list(read_columns(path, "flag_id"))


def test_two_versions_are_paired_flag_by_flag() -> None:
    def make(*positions: int) -> list[Verdict]:
        return [Verdict(str(n), f"flag {n}", *[""] * (len(Verdict._fields) - 2)) for n in positions]

    pairs = list(pair_results(make(1, 5, 30, 200), make(0, 5, 7, 30, 31)))
    assert [(a.position, b and b.position) for a, b in pairs] == [
        ("1", None), ("5", "5"), ("30", "30"), ("200", None),
    ]  # fmt: skip
