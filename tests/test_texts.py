from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from string import Formatter

import gradio as gr
import pytest

from reviewer.audit import Action
from reviewer.index.catalog import HIDDEN_COLUMNS, TABLES, name_column
from reviewer.records import Event, FlagOption, Resolution, Source, Status, Verification
from reviewer.ui.texts import LANGUAGES, load_texts, pick_language, say_number
from reviewer.workspace import Workspace

UI = Path(__file__).parent.parent / "reviewer/ui"
PLURALS = (".one", ".two", ".few", ".many", ".other")


def drop_plural(key: str) -> str:
    return next((key.removesuffix(form) for form in PLURALS if key.endswith(form)), key)


def list_places(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_all_languages_have_the_same_keys() -> None:
    english, *others = (set(load_texts(language)) for language in LANGUAGES)
    for other in others:
        assert english ^ other == set()


@pytest.mark.parametrize("key", sorted(load_texts("en")))
def test_a_text_has_the_same_places_in_all_languages(key: str) -> None:
    places = [list_places(load_texts(language)[key]) for language in LANGUAGES]
    assert all(each == places[0] for each in places)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty(language: str) -> None:
    assert [key for key, text in load_texts(language).items() if not text.strip()] == []


def test_every_russian_text_is_translated() -> None:
    english, russian = load_texts("en"), load_texts("ru")
    words = {key: re.sub(r"{\w+}", "", text) for key, text in english.items()}
    same = {key for key in english if english[key] == russian[key] and re.search("[a-z]{3}", words[key])}
    assert same == set()


@pytest.mark.parametrize("kind", [FlagOption, Resolution, Status, Verification, Event, Source, Action])
def test_every_value_that_is_shown_has_a_text(kind: type[StrEnum]) -> None:
    prefix = {"FlagOption": "option"}.get(kind.__name__, kind.__name__.lower())
    assert [value for value in kind if f"{prefix}.{value}" not in load_texts("en")] == []


def test_every_key_in_the_code_is_a_text() -> None:
    used = set()
    for path in UI.rglob("*.py"):
        used |= set(re.findall(r'(?:translate|say)\((?:request, )?"([a-z._]+)"', path.read_text("utf-8")))
    assert used
    assert used - set(load_texts("en")) == set()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en-GB,en;q=0.9", "en"),
        ("de-DE,de;q=0.9,ru;q=0.5", "ru"),
        ("de-DE", "en"),
        ("", "en"),
        (None, "en"),
        (";;;,*", "en"),
    ],
)
def test_the_first_language_that_is_known_is_chosen(accepted: str | None, language: str) -> None:
    assert pick_language(accepted) == language


def test_every_column_that_can_be_queried_has_a_sentence(demo_workspace: Workspace) -> None:
    with demo_workspace.reading() as cursor:
        columns = {
            row[0]
            for table in TABLES
            for row in cursor.execute(
                "select column_name from (describe from query_table($name))", {"name": table}
            ).fetchall()
        }
    columns -= HIDDEN_COLUMNS
    assert {name for name in columns if f"column.{name}" not in load_texts("en")} == set()
    assert {table for table in TABLES if f"table.{table}" not in load_texts("en")} == set()


def test_an_input_named_like_a_column_of_flags_gets_a_name_of_its_own(demo_workspace: Workspace) -> None:
    with demo_workspace.reading() as cursor:
        columns = [row[0] for row in cursor.execute("select column_name from (describe flags)").fetchall()]
    assert [name for name in columns if name_column(name) != f'"input_{name}"'] == []
    assert name_column("alcohol") == '"alcohol"'


@pytest.mark.parametrize(
    ("language", "number", "form", "expected"),
    [
        ("en", 1234567, ",", "1,234,567"),
        ("ru", 1234567, ",", "1\u00a0234\u00a0567"),
        ("en", 0.66667, ".4g", "0.6667"),
        ("ru", 0.66667, ".4g", "0,6667"),
        ("ru", 1234.5, ",", "1\u00a0234,5"),
    ],
)
def test_a_number_has_the_marks_of_the_language(
    language: str, number: float, form: str, expected: str
) -> None:
    request = gr.Request(headers={"accept-language": language})
    assert say_number(request, number, form) == expected
