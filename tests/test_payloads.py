from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from builders import NOON, make_flag, make_prediction
from hypothesis import given
from hypothesis import strategies as st

from reviewer.payloads import build_payload, format_csv, list_columns
from reviewer.records import Flag, FlagState, Prediction, Review


def test_a_flags_state_stands_beside_its_own_fields() -> None:
    flag = replace(make_flag(tags=("a", "b")), state=FlagState(status="resolved", reviewed_at=NOON, seq=2))
    payload = build_payload(flag)
    assert "state" not in payload
    assert (payload["status"], payload["seq"], payload["tags"]) == ("resolved", 2, ["a", "b"])
    assert payload["reviewed_at"] == payload["flagged_at"] == "2026-03-01T12:00:00.000000Z"


def test_a_payload_has_the_columns_of_its_record_type() -> None:
    assert list(build_payload(make_flag())) == list_columns(Flag)
    assert list(build_payload(make_prediction())) == list_columns(Prediction)
    assert list_columns(Review)[0] == "event_id"


def test_no_field_of_a_flag_hides_one_of_its_state() -> None:
    assert len(set(list_columns(Flag))) == len(list_columns(Flag))


def test_a_payload_is_json_whatever_the_model_answered() -> None:
    payload = build_payload(make_prediction(confidence=math.nan, output={"a": [math.inf, None, True]}))
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    assert (payload["confidence"], payload["output"]) == ("nan", {"a": ["inf", None, True]})


def test_a_row_of_the_index_has_the_same_times_and_ids_as_a_record() -> None:
    row = {
        "flag_id": UUID(int=1),
        "flagged_at": datetime(2026, 3, 1, 12),  # noqa: DTZ001  as DuckDB gives them
        "path": Path("a/b"),
    }
    assert build_payload(row) == {
        "flag_id": "00000000-0000-0000-0000-000000000001",
        "flagged_at": "2026-03-01T12:00:00.000000Z",
        "path": "a/b",
    }


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3)))
def test_csv_gives_every_text_back(rows: list[list[str]]) -> None:
    text = format_csv(["a"], rows)
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [["a"], *rows]


def test_a_lone_carriage_return_is_quoted() -> None:
    assert format_csv(["a", "b"], [["x\ry", None], ["", 1.5]]) == 'a,b\n"x\ry",\n,1.5\n'
