"""Sentences of the layers below in Russian: none is forgotten, and each is recognised with its values."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.config import ModelSpec
from reviewer.errors import ReviewerError, UnknownNameError
from reviewer.log.media import name_media
from reviewer.models.calls import Calls
from reviewer.models.components import check_inputs
from reviewer.models.outputs import read_answer
from reviewer.sentences import PARTS, SENTENCES, load_translations, retell, retell_first

PACKAGE = Path(__file__).parent.parent / "reviewer"

SPEAKERS = (
    "api/*.py", "batch/*.py", "foreign/*.py", "index/*.py", "index/*/*.py", "log/*.py", "models/*.py",
    "accounts/*.py", "sign_in/*.py", "ui/sign_in/*.py", "models/kinds/*.py", "ui/apps/uploads.py",
    "access.py", "archives.py", "bundle/*.py",
    "bundle/formats/*.py", "datasets.py", "decisions.py", "errors.py", "guards.py", "jobs.py",
    "label_book.py", "labels.py", "ledger.py", "rules.py", "training/*.py", "triage.py", "workspace/*.py",
)  # fmt: skip
"""The modules whose sentences a person can meet in the browser."""

NOT_SHOWN = {
    "api/server.py: {0}: {1}.": "the words of pydantic, for programs",
    "archives.py: {0}: {1}.": "put together with what stands before",
    "bundle/card.py: ": "the card of an export, which is English",
    "bundle/croissant.py: ": "a file of an export, which is English",
    "bundle/changes.py: ": "a file of an export, which is English",
    "bundle/formats/hub.py: ": "a file of an export, which is English",
    "bundle/loader.py: ": "a file of an export, which is English",
    "bundle/manifest.py: ": "a file of an export, which is English",
    "foreign/drafts.py: =input::": "a part of an example",
    "index/sandbox.py: failed": "a key",
    "index/sandbox.py: refused": "a key",
    "index/sandbox.py: stopped": "a key",
    "index/sandbox_child.py: failed": "a key",
    "index/sandbox.py: {0} types for {1} columns": "the child's bytes are damaged; another sentence says so",
    "index/walls.py: {0} threads are running": "its text is a value of another sentence",
    "foreign/rows.py: The row has {0}": "a frame around another text",
    "models/kinds/http.py: {0} answered {1}: {2}.": "a frame around the model and its address",
    "models/outputs.py: {0} what {1}": "a frame around another sentence",
    "models/outputs.py: {0}; {1}.": "a frame around another sentence",
    "models/tables.py: in row {0}": "a frame around another sentence",
    "models/kinds/python.py: No module named {0!r}": "its text is a value of another sentence",
    "training/model_card.py: ": "a file for others, which is English",
    "training/reports.py: ": "files for others, which are English",
    "workspace/finding.py: There is no workspace": "before there is an app",
    "workspace/finding.py: There is no {0} in {1} or above it": "before there is an app",
    "workspace/finding.py: The current folder was deleted": "before there is an app",
}
"""Start of `MODULE: SENTENCE` → why nobody meets it in the browser."""


COMPOSED = {
    "{0} answered {1}",
    "{0} answered in {1} {2}",
    "{0} answered what",
    "{0} answered in {1} what",
    '{0}; a table is needed: a DataFrame, a list of dicts, or {{"columns": …, "rows": …}}.',
    "{0} ({1}) answered {2}: {3}.",
    "{0} in row {1}, column {2!r},",
    "The row {0}.",
    "The row has {0} cells where the header has {1}.",
    "'an incomplete or impossible date'",
    "{0!r} cannot be read from {1}: {2}.",
    "{0} is no zip archive that can be read: {1}.",
    "The query process ended before it had the index.",
}
"""Sentences that the program puts together out of several texts."""


SUBJECT = re.compile(r"(is|has|holds|must|lasts|cannot|names) ")
"""How a text of the code begins before which its subject is put: the input, the column, the file."""

ROWS = load_translations("ru", SENTENCES) | load_translations("ru", PARTS)


def list_speakers() -> list[str]:
    paths = {path for pattern in SPEAKERS for path in PACKAGE.glob(pattern)}
    return sorted(path.relative_to(PACKAGE).as_posix() for path in paths)


def read_tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text("utf-8"))


def find_sentences(tree: ast.AST) -> Iterator[str]:
    """Yield every text that an error is made of, and every other that ends as a sentence does."""
    errors = [each for each in ast.walk(tree) if isinstance(each, ast.Call) and is_error(each)]
    spoken = {id(part) for each in errors for part in ast.walk(each.args[0])}
    for node in walk_texts(tree):
        sentence = render(node)
        words = re.sub(r"{\d(!r)?}", "", sentence)
        is_whole = bool(re.search(r"\.$", words)) and len(words.split()) > 1
        if is_whole or (id(node) in spoken and re.search("[a-z]{2}", words)):
            yield sentence


def is_error(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return bool(call.args) and str(name).endswith("Error")


def walk_texts(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the texts of a module without docstrings, an f-string as a whole."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.JoinedStr):
            yield child
            for place in child.values:
                if isinstance(place, ast.FormattedValue):
                    yield from walk_texts(ast.Expression(place.value))
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child
        else:
            yield from walk_texts(child)


def render(node: ast.expr) -> str:
    places = iter(range(100))
    return "".join(
        escape(each.value)
        if isinstance(each, ast.Constant)
        else f"{{{next(places)}{'!r' if getattr(each, 'conversion', -1) == ord('r') else ''}}}"
        for each in getattr(node, "values", [node])
    )


def escape(text: object) -> str:
    return str(text).replace("{", "{{").replace("}", "}}")


def list_forms(text: str) -> set[str]:
    """Return the ways in which a row may write a text of the code: with a subject, a stop, less quotes."""
    whole = text if text.endswith(".") else f"{text}."
    forms = {text, whole}
    if SUBJECT.match(text):
        forms |= {add_subject(text), add_subject(whole)}
    return forms | {each.replace("!r", "") for each in forms}


def add_subject(text: str) -> str:
    return "{0} " + re.sub(r"{(\d)", lambda place: f"{{{int(place[1]) + 1}", text)


def list_places(text: str) -> set[str]:
    return {str(name) for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("module", list_speakers())
def test_every_sentence_that_people_meet_is_told_in_russian(module: str) -> None:
    said = {each for each in find_sentences(read_tree(module)) if not is_left_out(module, each)}
    assert sorted(each for each in said if not list_forms(each) & set(ROWS)) == []


def is_left_out(module: str, sentence: str) -> bool:
    return f"{module}: {sentence}".startswith(tuple(NOT_SHOWN))


def test_every_row_is_said_by_the_program() -> None:
    modules = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")]
    texts = {render(node) for module in modules for node in walk_texts(read_tree(module))}
    said = {form for text in texts for form in list_forms(text)}
    assert sorted(set(ROWS) - said - COMPOSED) == []


def test_a_translation_has_the_values_of_its_sentence_and_other_words() -> None:
    assert [row for row in ROWS if list_places(ROWS[row]) != list_places(row)] == []
    assert [row for row in ROWS if not re.search("[а-яё]", ROWS[row])] == []


def test_two_values_never_stand_side_by_side() -> None:
    assert [row for row in ROWS if "}{" in row.replace("{{", "").replace("}}", "")] == []


# How a sentence is recognised

MODEL = ModelSpec.model_validate(
    {
        "name": "parcels",
        "task": "text-classification",
        "kind": "python",
        "labels": ["early", "late"],
        "timeout": 0.05,
        "inputs": {
            "weight": {"component": "number", "label": "Weight in kg", "minimum": 1, "maximum": 9},
            "due": {"component": "date", "required": False},
            "picture": {"component": "image", "required": False},
            "stops": {"component": "table", "columns": {"day": "number"}, "required": False},
        },
    }
)


def complain(call: Callable[[], object]) -> str:
    with pytest.raises(ReviewerError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Weight in kg: не заполнено."),
        ({"weight": "old"}, "Weight in kg: указано 'old', а нужно число."),
        ({"weight": 12}, "Weight in kg: указано 12, а нужно от 1 до 9."),
        ({"weight": 1, "due": "31.02.2026"},
         "due: '31.02.2026' не подходит; нужен день, например 2026-03-01."),
        ({"weight": 1, "picture": b"x"},
         "picture: это не изображение, которое можно прочитать; подойдут PNG,"),
        ({"weight": 1, "stops": [["x"]]}, "stops, строка 1, столбец 'day': указано 'x', а нужно число."),
        ({"wait": 1}, "У модели parcels нет входа 'wait'; её входы: weight, due, picture, stops."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_example_is_told_in_russian(given: dict[str, Any], told: str) -> None:
    assert retell(complain(lambda: check_inputs(MODEL, given, name_media)), "ru").startswith(told)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ([7],
         "Модель parcels ответила так: [7], а нужен ответ из списка или словарь «ответ → вероятность»."),
        ("never",
         "Модель parcels ответила так: ответ 'never', которого нет среди ответов модели (early, late)."),
        ({"early": 2}, "Модель parcels ответила так: {'early': 2}, а нужны вероятности от 0 до 1."),
    ],
)  # fmt: skip
def test_a_malformed_answer_is_told_in_russian(answer: Any, told: str) -> None:
    assert retell(complain(lambda: read_answer(MODEL, answer, name_media)), "ru") == told


def test_a_malformed_answer_among_several_is_told_in_russian() -> None:
    spec = ModelSpec.model_validate({**MODEL.model_dump(), "outputs": {"label": "label", "map": "image"}})
    said = complain(lambda: read_answer(spec, {"label": "late", "map": b"<svg/>"}, name_media))
    assert retell(said, "ru").startswith("Модель parcels ответила в map, но: это не изображение, которое")


def test_a_model_that_takes_too_long_is_told_in_russian() -> None:
    release = threading.Event()
    said = complain(lambda: Calls(MODEL).run(release.wait))
    release.set()
    assert retell(said, "ru") == (
        "Модель parcels не уложилась в отведённые 0.05 с;"
        " её больше не ждут, но вызов, возможно, ещё выполняется."
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnknownNameError("model", "parcel", ["parcels"]),
         "Не существует: модель 'parcel'. Возможно, 'parcels'? Есть: parcels."),
        (UnknownNameError("version of parcels", "9", ["1", "2"]),
         "Не существует: версия модели parcels '9'. Есть: 1, 2."),
        (UnknownNameError("flag", "9"), "Не существует: отметка '9'."),
    ],
)  # fmt: skip
def test_an_unknown_name_is_told_in_russian(error: UnknownNameError, told: str) -> None:
    assert retell(str(error), "ru") == told


def test_names_that_are_words_of_a_sentence_stay_as_they_are() -> None:
    error = UnknownNameError("label", "model", ["label", "flag"])
    assert retell(str(error), "ru") == "Не существует: ответ 'model'. Есть: label, flag."


def test_braces_and_marks_in_a_value_stay_as_they_are() -> None:
    said = complain(lambda: check_inputs(MODEL, {"weight": "{0:said} {weight} %s <b>"}, name_media))
    assert retell(said, "ru") == "Weight in kg: указано '{0:said} {weight} %s <b>', а нужно число."


def test_english_and_what_nobody_has_translated_stay_as_they_are() -> None:
    assert retell("Weight is 'old'; a number is needed.", "en") == "Weight is 'old'; a number is needed."
    assert retell("All is well.", "ru") == "All is well."
    assert retell("", "ru") == ""


def test_the_traceback_below_a_sentence_stays_as_it_is() -> None:
    assert retell_first("The model failed.\n\nThe model failed.", "ru") == (
        "Модель не справилась: ошибка.\n\nThe model failed."
    )
    assert retell_first("", "ru") == ""


@given(st.text(alphabet="ab '\"\\\n;.{}иж", max_size=40))
def test_any_value_comes_through_a_sentence(value: str) -> None:
    assert retell(f"Flag {value} was taken back by its flagger.", "ru") == (
        f"Отметку {value} отозвал тот, кто её поставил."
    )


@pytest.mark.parametrize("piece", ["{0} is '", " answered ", "; ", "in row 1, column 'a', is ", "failed: "])
def test_a_text_made_to_be_hard_to_recognise_is_still_answered(piece: str) -> None:
    assert retell(piece * 20_000, "ru")
