"""Columns: the format of the logs, cell by cell."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from builders import make_flag, make_prediction, make_review
from hypothesis import given
from hypothesis import strategies as st

from reviewer.errors import InputError
from reviewer.log.columns import (
    STREAMS,
    columns_of,
    decode_record,
    encode_json,
    encode_row,
    encode_rows,
    format_line,
    format_lines,
    format_time,
)
from reviewer.records import SCHEMA_VERSION, Flag, FlagState, Review

HEADERS = {
    "flags": "flag_id,prediction_id,flagged_at,flagger,session_id,source,model,model_version,task,example_id,"
    "inputs,predicted_label,confidence,scores,predicted_value,output,latency_ms,option,severity,comment,"
    "suggested_label,tags,origin,app_version,schema_version",
    "reviews": "event_id,flag_id,seq,event,value,corrected_label,corrected_value,corrected_output,reviewer,"
    "reviewed_at,action_id,reverts,certainty,seconds,model_version",
    "predictions": "prediction_id,predicted_at,model,model_version,task,example_id,inputs,predicted_label,"
    "confidence,scores,predicted_value,output,latency_ms,error,session_id,username,source",
    "audit": "entry_id,noted_at,person,action,subject,details,address,agent",
    "deliveries": "attempt_id,delivery_id,sent_at,webhook,events,count,attempt,status,error",
    "chain": "link_id,kind,digest,becomes",
    "labels": "change_id,changed_at,model,part,seq,change,name,names,added,color,key,reason,person,reverts",
}


def encode_cell(name: str, value: Any) -> str:
    return dict(zip(columns_of("flags"), encode_row("flags", make_flag(**{name: value})), strict=True))[name]


@pytest.mark.parametrize("stream", STREAMS)
def test_the_header_of_a_log_belongs_to_its_schema_version(stream: str) -> None:
    assert SCHEMA_VERSION == 1, "a new schema version needs its headers here"
    assert ",".join(columns_of(stream)) == HEADERS[stream]


def test_a_flag_has_every_column_of_the_prediction_it_marks() -> None:
    own = {"predicted_at", "error", "username"}
    assert set(columns_of("predictions")) - own <= set(columns_of("flags"))


@pytest.mark.parametrize(
    ("name", "value", "cell"),
    [
        ("comment", "=1+1", "=1+1"),
        ("comment", "-7.5", "-7.5"),
        ("comment", " space ", " space "),
        ("comment", "", ""),
        ("suggested_label", None, ""),
        ("suggested_label", "None", "None"),
        ("confidence", 0.1 + 0.2, "0.30000000000000004"),
        ("confidence", 1e-300, "1e-300"),
        ("confidence", 1, "1.0"),
        ("confidence", np.float64(0.5), "0.5"),
        ("confidence", np.float32(0.5), "0.5"),
        ("schema_version", np.int64(7), "7"),
        ("confidence", None, ""),
        ("inputs", {"text": "Привет\n«мир»"}, '{"text":"Привет\\n«мир»"}'),
        ("inputs", {}, "{}"),
        ("scores", None, ""),
        ("tags", (), "[]"),
        ("tags", ("a", "b,c"), '["a","b,c"]'),
        ("output", False, "false"),
        ("output", 0, "0"),
        ("output", "", '""'),
    ],
)
def test_a_cell_is_exact(name: str, value: Any, cell: str) -> None:
    assert encode_cell(name, value) == cell


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    moment = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=3)))
    assert format_time(moment) == "2026-02-28T22:30:00.000000Z"


@pytest.mark.parametrize("name", ["comment", "model", "flagger", "option"])
def test_a_nul_is_refused_by_name(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name} holds a NUL character"):
        encode_cell(name, "a\0b")


def test_half_a_character_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"^comment holds half a character at position 2"):
        encode_cell("comment", "ab\ud800")


@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], {"\ud800": 1}, {"a": {"b": "x\udc00"}}])
def test_half_a_character_inside_a_structure_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="holds half a character"):
        encode_json(value)


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=8), st.lists, max_leaves=6))
def test_json_is_one_line_without_spaces_between(value: Any) -> None:
    text = encode_json(value)
    assert json.loads(text) == value
    assert "\n" not in text
    assert "\0" not in text


@given(st.text(max_size=6) | st.text('a",\r\n \t\u00a0\u2003\x1c\x85', max_size=6))
def test_a_cell_is_quoted_when_a_reader_could_cut_or_trim_it(text: str) -> None:
    is_quoted = format_line([text, "b"]) != f"{text},b\n"
    assert is_quoted == bool(re.search(r'[",\r\n]|^\s|\s$', text))


def test_a_row_of_one_empty_cell_is_no_empty_line() -> None:
    assert format_line([""]) == '""\n'
    assert format_lines([("",), ("a",)]) == ['""\n', "a\n"]


@given(
    st.lists(
        st.lists(st.text('a",\r\n \u00a0\u2003\x1c\x85é', max_size=3), min_size=1, max_size=3), max_size=6
    )
)
def test_many_rows_are_quoted_like_each_alone(rows: list[list[str]]) -> None:
    assert format_lines(rows) == [format_line(each) for each in rows]


@pytest.mark.parametrize("sign", [chr(code) for code in range(0x3100) if chr(code).isspace()] + ['"', ","])
def test_a_sign_that_needs_quotes_is_seen_in_a_column_of_others(sign: str) -> None:
    assert format_lines([("a", "b"), (f"c{sign}", "d")]) == ["a,b\n", format_line([f"c{sign}", "d"])]
    assert format_line([f"c{sign}", "d"]).startswith('"c')


def test_many_records_are_encoded_like_each_alone() -> None:
    local = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=3)))
    flags = [
        make_flag(comment="é", confidence=0.0, tags=("a", "b")),
        make_flag(suggested_label=None, confidence=-0.0, scores=None, flagged_at=local),
        make_flag(confidence=1, inputs={"text": "мир"}, origin={"row": 1}),
    ]
    assert encode_rows("flags", flags) == [encode_row("flags", each) for each in flags]
    assert [row[columns_of("flags").index("confidence")] for row in encode_rows("flags", flags)] == [
        "0.0",
        "-0.0",
        "1.0",
    ]
    assert encode_rows("flags", []) == []


@pytest.mark.parametrize("text", ["a\0", "\ud800"])
def test_what_no_csv_can_hold_is_refused_among_many(text: str) -> None:
    with pytest.raises(InputError, match=r"^comment holds"):
        encode_rows("flags", [make_flag(), make_flag(comment=text)])


def test_a_row_has_one_cell_per_column() -> None:
    assert len(encode_row("flags", make_flag())) == len(columns_of("flags"))
    assert len(encode_row("reviews", make_review("f"))) == len(columns_of("reviews"))
    assert len(encode_row("predictions", make_prediction())) == len(columns_of("predictions"))


def test_a_decoded_record_takes_its_defaults_for_empty_cells() -> None:
    state = decode_record(FlagState, {"status": "resolved", "reviewer": None, "position": 5})
    assert state == FlagState(status="resolved")


def test_a_decoded_record_has_the_types_of_its_fields() -> None:
    review = decode_record(
        Review,
        {
            "event_id": "e",
            "flag_id": "f",
            "event": "resolve",
            "action_id": "a",
            "seq": 2,
            "corrected_value": 3,
            "corrected_output": '{"a":[1]}',
            "reviewed_at": datetime(2026, 3, 1),  # noqa: DTZ001  the index keeps naive UTC
        },
    )
    assert isinstance(review.corrected_value, float)
    assert review.corrected_output == {"a": [1]}
    assert review.reviewed_at == datetime(2026, 3, 1, tzinfo=UTC)


def test_the_state_of_a_flag_is_in_no_log() -> None:
    assert "state" not in columns_of("flags")
    assert "state" in Flag.__dataclass_fields__
