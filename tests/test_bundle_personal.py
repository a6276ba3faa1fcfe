"""Personal data in texts: each kind is found, what only looks like it is not, and what can be done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, make_flag
from exports import export_flags, plan_flags
from test_bundle import SPEC, make_reviewed, read_rows

from reviewer.bundle.personal import build_name_pattern, check_values, find_personal, redact
from reviewer.config import ModelSpec
from reviewer.errors import InputError
from reviewer.records import FlagState

FORM = ModelSpec.model_validate(
    {
        "name": "form",
        "task": "generic",
        "kind": "python",
        "inputs": {"parts": {"component": "table", "columns": {"name": "text", "price": "number"}}},
        "outputs": {"answer": "json"},
    }
)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to anna.b+x@mail.example.org, please", ["email"]),
        ("почта иван@ нет, ivan@почта", []),
        ("call +7 (912) 345-67-89 or 8 912 345-67-89", ["phone", "phone"]),
        ("ring (212) 736-5000 now", ["phone"]),
        ("+44 20 7946 0018", ["phone"]),
        ("paid with 4111 1111 1111 1111", ["card"]),
        ("paid with 4111-1111-1111-1111.", ["card"]),
        ("IBAN GB82 WEST 1234 5698 7654 32", ["id"]),
        ("SSN 536-90-4399", ["id"]),
        ("СНИЛС 112-233-445 95", ["id"]),
        ("order 4111111111111112 is late", []),
        ("order 20260301123456 and 123456789", []),
        ("ISBN 978-3-16-148410-0", []),
        ("version 10.0.19045.3448 of 2026-03-01 12:00:00", []),
        ("at 192.168.100.200, port 8080", []),
        ("from 01.03.2026 to 31.12.2026", []),
        ("СНИЛС 112-233-445 96, IBAN GB82 WEST 1234 5698 7654 33, SSN 000-12-3456", []),
        ("the 3rd of 1000000 @home", []),
    ],
)  # fmt: skip
def test_each_kind_is_found_and_what_only_looks_like_it_is_not(text: str, kinds: list[str]) -> None:
    assert [each.kind for each in find_personal(text)] == kinds


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("ask Anna Berg", "ask [name]"),
        ("спроси Иванова, он знает", "спроси [name], он знает"),
        ("annabergs shop", "annabergs shop"),
        ("bob and demo", "bob and demo"),
        ("(a.b+c)", "([name])"),
    ],
)
def test_names_of_users_are_found_as_whole_words(text: str, redacted: str) -> None:
    names = build_name_pattern(["anna berg", "иванова", "bob", "demo", "a.b+c"])
    assert redact(text, find_personal(text, names)) == redacted


def test_values_inside_of_json_stay_json() -> None:
    text = json.dumps({"rows": [["a\nanna@x.example", 4111111111111111, None, True, 7]]})
    found = check_values(text, None)
    assert json.loads(found.redacted) == {"rows": [["a\n[email]", None, None, True, 7]]}
    assert found.kinds == ("card", "email")
    assert check_values("[no json anna@x.example", None).redacted == "[no json [email]"


def test_an_export_stops_at_personal_data_until_a_person_has_chosen(tmp_path: Path) -> None:
    flags = [make_reviewed("mail anna@x.example"), make_reviewed("fine", "login")]
    (found, *_) = plan_flags(tmp_path, SPEC, flags).findings
    assert (found.kind, found.count, found.flag_ids, found.is_stop) == (
        "personal", 1, (flags[0].flag_id,), True,
    )  # fmt: skip
    with pytest.raises(InputError, match=r"Flags with personal data: 1 \(email 1\)"):
        export_flags(tmp_path, SPEC)


@pytest.mark.parametrize(
    ("personal", "texts"),
    [
        ("allow", ["ask Sergeeva at s@x.example", "fine", "ask Sergeeva at s@x.example"]),
        ("redact", ["ask [name] at [email]", "fine", "ask [name] at [email]"]),
        ("drop", ["fine"]),
    ],
)
def test_every_format_gets_what_was_chosen(tmp_path: Path, personal: str, texts: list[str]) -> None:
    text = "ask Sergeeva at s@x.example"
    flags = [make_reviewed(text, reviewer="sergeeva"), make_reviewed("fine", "login")]
    flags.append(replace(make_reviewed(text, "login"), example_id="another"))
    bundle = export_flags(
        tmp_path, SPEC, flags, personal=personal, formats=["jsonl", "fasttext", "labelstudio", "sklearn"]
    )
    assert [row["text"] for row in read_rows(bundle)] == texts
    hidden = personal != "allow"
    for path in bundle.path.rglob("*"):
        if path.is_file() and path.name != "manifest.json":
            assert not (hidden and b"s@x.example" in path.read_bytes())
    assert bundle.counts["left_out"] == ({"personal": 2} if personal == "drop" else {})


def test_a_table_is_still_one_and_so_is_an_answer(tmp_path: Path) -> None:
    parts = {"columns": ["name", "price"], "rows": [['"q"\nanna@x.example', 1.5]]}
    state = FlagState(
        status="resolved", resolution="label_corrected", reviewed_at=NOON,
        corrected_output={"to": ["bob@x.example"]},
    )  # fmt: skip
    flag = make_flag(
        model="form", task="generic", inputs={"parts": parts}, predicted_label=None, output={"to": []},
        state=state,
    )  # fmt: skip
    (row,) = read_rows(export_flags(tmp_path, FORM, [flag], personal="redact"))
    assert json.loads(row["parts"])["rows"] == [['"q"\n[email]', 1.5]]
    assert json.loads(row["target"]) == {"to": ["[email]"]}


def test_a_cyrillic_name_of_a_user_is_found_in_an_export(tmp_path: Path) -> None:
    flags = [make_reviewed("передайте Ивановой", reviewer="ивановой"), make_reviewed("b", "login")]
    assert plan_flags(tmp_path, SPEC, flags).findings[0].kind == "personal"


def test_many_texts_are_looked_at_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewer.bundle.selecting._PART", 3)
    flags = [make_reviewed(f"{number} a{number}@x.example") for number in range(10)]
    found: Any = plan_flags(tmp_path, SPEC, flags).findings[0]
    assert (found.kind, found.count) == ("personal", 10)
