"""Components: every value from outside is stored exactly or refused in a sentence that names its input."""

from __future__ import annotations

import base64
import io
import json
import math
import shutil
import struct
import zipfile
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from reviewer.config import ModelSpec
from reviewer.errors import InputError
from reviewer.log.media import MediaStore, name_media
from reviewer.models.components import (
    COMPONENTS,
    check_inputs,
    check_many_inputs,
    check_media,
    find_oddities,
    find_problems,
    parse_cells,
    read_inputs,
    write_cell,
)
from reviewer.models.images import open_image
from reviewer.records import hash_example


def make_png(width: int = 8, height: int = 8, color: Any = "red", mode: str = "RGB", **options: Any) -> bytes:
    return encode(Image.new(mode, (width, height), color), "PNG", **options)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def make_data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def make_bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says it has these dimensions."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def make_wav(
    seconds: float = 0.5, rate: int = 8000, channels: int = 1, kind: str = "WAV", **options: Any
) -> bytes:
    """Return a recording of a tone of 440 Hz."""
    times = np.arange(int(seconds * rate)) / rate
    tone = np.sin(times * 2 * np.pi * 440) / 2
    return encode_audio(np.repeat(tone[:, None], channels, axis=1), rate, kind, **options)


def encode_audio(samples: Any, rate: int, kind: str = "WAV", **options: Any) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, **options)
    return buffer.getvalue()


def make_zip(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b"x")
    return buffer.getvalue()


def make_table(*rows: Any) -> dict[str, Any]:
    return {"columns": ["name", "size", "is_old"], "rows": [list(row) for row in rows]}


def make_spec(**inputs: Any) -> ModelSpec:
    return ModelSpec.model_validate({"name": "model", "task": "generic", "kind": "python", "inputs": inputs})


SPECS: dict[str, dict[str, Any]] = {
    "textbox": {"component": "textbox"},
    "number": {"component": "number", "minimum": 0, "maximum": 10},
    "slider": {"component": "slider", "minimum": 0, "maximum": 10},
    "dropdown": {"component": "dropdown", "choices": ["a", "b"]},
    "radio": {"component": "radio", "choices": ["a", "b"]},
    "checkbox": {"component": "checkbox"},
    "checkbox_group": {"component": "checkbox_group", "choices": ["a", "b; c", "1"]},
    "date": {"component": "date", "earliest": "2020-01-01", "latest": "2029-12-31"},
    "file": {"component": "file"},
    "image": {"component": "image", "width": 8, "height": 8},
    "sketch": {"component": "sketch", "width": 8, "height": 8, "mode": "L"},
    "audio": {"component": "audio", "max_seconds": 2},
    "table": {
        "component": "table",
        "columns": {"name": "text", "size": "number", "is_old": "boolean"},
        "max_rows": 3,
    },
}

TEXTS = (
    "hello", " ", "\n\r\t", "=cmd|' /C calc'!A0", "'quoted", '"', "😀👩‍👩‍👧", "مرحبا بالعالم",
    "\u202eright to left", "<script>alert(1)</script>", "a\0b", "null", "007", "{}", "x" * 100_000,
)  # fmt: skip

ACCEPTED: dict[str, tuple[Any, ...]] = {
    "textbox": TEXTS,
    "number": (0, 10, 0.1, "5", 1e-300, np.float64(2.5), np.int64(3), -0.0),
    "slider": (0, 10, 0.1, "5"),
    "dropdown": ("a", "b"),
    "radio": ("a", "b"),
    "checkbox": (True, False),
    "checkbox_group": ([], ["a"], ["1", "a"], ("b; c",), ["a", "a"]),
    "date": (
        "2026-03-01",
        date(2026, 3, 1),
        datetime(2026, 3, 1),  # noqa: DTZ001  the model takes local times
        pd.Timestamp("2026-03-01"),
        "2020-01-01",
        "2029-12-31",
        "2026-03-01T00:00:00",
    ),
    "file": (
        b"%PDF-1.7 ...",
        b"plain",
        bytes(range(256)),
        make_data_url(b"a,b", "text/csv"),
        make_png(),
        {"data": b"x,y", "name": "numbers.csv"},
        make_zip("a.txt"),
    ),
    "sketch": (make_png(), make_data_url(make_png()), Image.new("L", (300, 300), 255)),
    "audio": (
        make_wav(),
        make_data_url(make_wav(), "audio/wav"),
        make_wav(channels=2),
        make_wav(kind="FLAC"),
        make_wav(kind="OGG"),
        make_wav(kind="MP3"),
        make_wav(subtype="FLOAT"),
        (8000, np.zeros(100, np.int16)),
        (8000, np.linspace(-1, 1, 100)),
        (8000, np.zeros((100, 2), np.float32)),
    ),
    "table": (
        make_table(["007", 7, True]),
        make_table(["a", "1e3", "yes"], ["", None, None], ["b", 0.1, False]),
        {"headers": ["name", "size", "is_old"], "data": [["a", 1, False]]},
        {"columns": ["is_old", "name", "size"], "rows": [[True, "a", 1]]},
        [["a", 1, True], ["", "", ""]],
        [{"size": 1, "name": "a", "is_old": None}],
        pd.DataFrame({"name": ["a", None], "size": [1.5, math.nan], "is_old": [True, False]}),
    ),
    "image": (
        make_png(),
        make_data_url(make_png()),
        encode(Image.new("RGB", (9, 5)), "JPEG"),
        encode(Image.new("RGB", (9, 5)), "WEBP"),
        encode(Image.new("P", (9, 5)), "GIF"),
        Image.new("RGBA", (3, 3)),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 3), np.uint8),
    ),
}

REFUSED: dict[str, tuple[tuple[Any, str], ...]] = {
    "textbox": (
        (5, "must be a text, not int."),
        (b"x", "must be a text, not bytes."),
        (["x"], "must be a text, not list."),
        ("x" * 5_000_000, "is 5,000,000 characters long; at most 100,000 are taken."),
        ("half \ud83d", "holds half a character at position 5, which UTF-8 cannot write; remove it."),
    ),
    "number": (
        (math.nan, "is nan; a finite number is needed."),
        (math.inf, "is inf; a finite number is needed."),
        ("1e999", "is inf; a finite number is needed."),
        ("nan", "is nan; a finite number is needed."),
        (11, "is 11; it must be from 0 to 10."),
        (-1e-9, "is -1e-09; it must be from 0 to 10."),
        (True, "is True; a number is needed."),
        ("five", "is 'five'; a number is needed."),
        ([1], "is '[1]'; a number is needed."),
        (10**5000, "is a value of the type int; a number is needed."),
        (np.int64(2**53 + 1), "is 9007199254740993, which would be rounded"),
        (" " * 5_000_000 + "nan", "is nan; a finite number is needed."),
        ("1_000", "is '1_000'; a number is needed."),
        ("2,5", "is '2,5'; a number is needed."),
        (2**53 + 1, "is 9007199254740993, which would be rounded; whole numbers are exact up to"),
        ("9007199254740993", "is 9007199254740993, which would be rounded; whole numbers are exact"),
        ({}, "is '{}'; a number is needed."),
        (10**400, "is '1000"),
    ),
    "slider": ((11, "is 11; it must be from 0 to 10."), (math.nan, "is nan; a finite number is needed.")),
    "dropdown": (
        ("c", "is 'c'; choose one of a, b."),
        ("A", "is 'A'; choose one of a, b."),
        (0, "is '0'; choose one of a, b."),
        (["a"], "is \"['a']\"; choose one of a, b."),
        (10**5000, "is a value of the type int; choose one of a, b."),
        (np.array(["a", "b"]), "is \"['a' 'b']\"; choose one of a, b."),
    ),
    "radio": (("c", "is 'c'; choose one of a, b."),),
    "checkbox": (
        (1, "is '1'; true or false is needed."),
        ("true", "is 'true'; true or false is needed."),
    ),
    "checkbox_group": (
        (["c"], "is 'c'; choose one of a, b; c, 1."),
        (["a", 1], "is '1'; choose one of a, b; c, 1."),
        ([["a"]], "is \"['a']\"; choose one of a, b; c, 1."),
        ("a", "is 'a'; a list of a, b; c, 1 is needed."),
        ({"a": True}, "is \"{'a': True}\"; a list of a, b; c, 1 is needed."),
    ),
    "date": (
        ("2026-02-30", "is '2026-02-30'; a day like 2026-03-01 is needed."),
        ("2026-3-1", "is '2026-3-1'; a day like 2026-03-01 is needed."),
        ("01.03.2026", "is '01.03.2026'; a day like 2026-03-01 is needed."),
        ("20260301", "is '20260301'; a day like"),
        ("2026-W09-7", "is '2026-W09-7'; a day like"),
        ("2026-03-01T12:00:00", "is '2026-03-01T12:00:00'; a day like"),
        ("2026-03-01\n", "is '2026-03-01\\n'; a day like"),
        ("٢٠٢٦-03-01", "is '٢٠٢٦-03-01'; a day like"),
        ("0000-01-01", "is '0000-01-01'; a day like"),
        (datetime(2026, 3, 1, tzinfo=UTC), "is '2026-03-01 00:00:00+00:00'; a day like"),
        (pd.NaT, "is 'NaT'; a day like"),
        (1772323200.0, "is '1772323200.0'; a day like"),
        ("2019-12-31", "is 2019-12-31; it must not be before 2020-01-01."),
        (date(2030, 1, 1), "is 2030-01-01; it must not be after 2029-12-31."),
    ),
    "file": (
        (b"", "is an empty file; choose one with something in it."),
        (bytes(10_000_001), "is 10,000,001 bytes; at most 10,000,000 are taken."),
        ("/etc/passwd", "is no file; give a data URL"),
        ("data:,plain", "is no file; give a data URL"),
        ({"data": "/etc/passwd", "name": "x.txt"}, "is no file; give a data URL"),
        ({"path": "/etc/passwd"}, "is no file (dict); give a path, bytes or a data URL."),
        (5, "is no file (int); give a path, bytes or a data URL."),
        (Path("/nonexistent"), "cannot be read from /nonexistent: No such file or directory."),
        (Path("a\0b"), "cannot be read from 'a\\x00b': no file can have this name."),
        (Path("/"), "cannot be read from /: Is a directory."),
    ),
    "sketch": ((b"<svg/>", "is no image that can be read"), ([], "is no image that can be stored (list)")),
    "audio": (
        (b"", "is no recording that can be read; use WAV, MP3, FLAC or Ogg."),
        (b"RIFF", "is no recording that can be read"),
        (make_png(), "is no recording that can be read"),
        (b"<html><script>alert(1)</script>", "is no recording that can be read"),
        (make_wav()[:20], "is no recording that can be read"),
        (make_wav(kind="FLAC")[:1000], "is no recording that can be read"),
        (make_wav(kind="AIFF"), "is no recording that can be read"),
        (encode_audio(np.zeros(0), 8000), "is an empty recording; record or upload one with sound."),
        (make_wav(2.1), "lasts 2.1 seconds; at most 2 are taken."),
        (make_wav(60, rate=100_000, kind="FLAC"), "lasts 60.0 seconds; at most 2 are taken."),
        (make_wav(channels=9), "has 9 channels; at most 8 are taken."),
        (encode_audio(np.full(100, np.nan), 8000, subtype="FLOAT"), "holds samples that are no numbers"),
        (bytes(20_000_001), "is 20,000,001 bytes; at most 20,000,000 are taken."),
        ("data:text/html;base64,AAAA", "is no audio; give a data URL (data:audio/wav;base64,…)."),
        ("/etc/passwd", "is no audio; give a data URL"),
        ((8000, "noise"), "is no recording (tuple); give a data URL, a path, or samples per second"),
        ((8000,), "is no recording (tuple); give"),
        ((0, np.zeros(10, np.int16)), "is no recording that can be read"),
        (np.zeros(8000), "is no recording (ndarray); give"),
        ({"media": 5}, "is no recording (dict); give"),
    ),
    "table": (
        (make_table(["a", math.nan, True]), "in row 1, column 'size', is nan; a finite number is needed."),
        (make_table(["a", "inf", True]), "in row 1, column 'size', is inf; a finite number is needed."),
        (make_table(["a", True, True]), "in row 1, column 'size', is True; a number is needed."),
        (make_table(["a", 1, 1]), "in row 1, column 'is_old', is '1'; true or false is needed."),
        (make_table([7, 1, True]), "in row 1, column 'name', is '7' (int); a text is needed."),
        (make_table(["\ud800", 1, True]), "in row 1, column 'name', holds half a character at position 0"),
        (make_table(["a", 1]), "has 2 cells in row 1, but 3 columns."),
        (make_table(*[["a", 1, True]] * 4), "has 4 rows; at most 3 are taken."),
        (make_table(*[["x" * 2_000_000, 1, True]] * 3), "holds 6,000,000 characters; at most 5,000,000"),
        ({"columns": ["name", "size"], "rows": [["a", 1]]}, "has no column 'is_old'; its columns are name"),
        (
            {"columns": [f"c{i}" for i in range(3000)], "rows": [[1] * 3000]},
            "has a column 'c0'; its columns are name, size, is_old.",
        ),
        (
            {"columns": ["name", "size", "is_old", "name"], "rows": [["a", 1, True, "b"]]},
            "has a column twice; its columns are name, size, is_old.",
        ),
        ({"columns": "name", "rows": [["a"]]}, "is no table (dict); give a DataFrame"),
        ({"columns": ["name"], "rows": ["a"]}, "is no table (dict); give a DataFrame"),
        ({"columns": [{}], "rows": [[1]]}, "has a column '{}'; its columns are name, size, is_old."),
        (make_table(["a", 10**5000, True]), "in row 1, column 'size', is a value of the type int; a number"),
        (pd.DataFrame({("a", "b"): [1]}), "has a column \"('a', 'b')\"; its columns are name"),
        ("a,b", "is no table (str); give a DataFrame"),
        (5, "is no table (int); give a DataFrame"),
    ),
    "image": (
        (b"", "is no image that can be read; use PNG, JPEG, WEBP, GIF."),
        (make_png()[:-25], "is no image that can be read; use PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no image that can be read; use PNG"),
        (make_data_url(b"<svg/>"), "is no image that can be read; use PNG"),
        (make_data_url(b"<html><script>alert(1)</script>"), "is no image that can be read; use PNG"),
        (encode(Image.new("RGB", (4, 4)), "BMP"), "is no image that can be read; use PNG"),
        (make_bomb(60_000, 60_000), "has too many pixels; at most 40 million are taken."),
        (make_bomb(10_000, 10_000), "has too many pixels; at most 40 million are taken."),
        (make_bomb(7_000, 7_000), "has too many pixels; at most 40 million are taken."),
        (make_bomb(0, 1), "is no image that can be read; use PNG"),
        (bytes(10_000_001), "is 10,000,001 bytes; at most 10,000,000 are taken."),
        ("data:image/png;base64,!!!", "is no image; give a data URL (data:image/png;base64,…)."),
        ("data:image/png;base64,é", "is no image; give a data URL (data:image/png;base64,…)."),
        ("data:image/png,plain", "is no image; give a data URL (data:image/png;base64,…)."),
        ("data:text/html;base64,AAAA", "is no image; give a data URL (data:image/png;base64,…)."),
        ("/etc/passwd", "is no image; give a data URL (data:image/png;base64,…)."),
        (Path("/nonexistent.png"), "cannot be read from /nonexistent.png: No such file or directory."),
        (np.zeros((8, 8)), "is no image that can be stored (ndarray); give a data URL"),
        (np.full((8, 8), np.nan), "is no image that can be stored (ndarray); give a data URL"),
        (np.zeros((8, 8, 7), np.uint8), "is no image that can be stored (ndarray); give a data URL"),
        (np.zeros((0, 8), np.uint8), "is no image that can be stored (ndarray); give a data URL"),
        ([[0, 1]], "is no image that can be stored (list); give a data URL"),
        ({"media": 5}, "is no image that can be stored (dict); give a data URL"),
    ),
}


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def list_cases(table: dict[str, tuple[Any, ...]]) -> list[Any]:
    return [
        pytest.param(name, each, id=f"{name}-{i}")
        for name, cases in table.items()
        for i, each in enumerate(cases)
    ]


def test_the_tables_of_values_cover_every_component() -> None:
    assert set(SPECS) == set(ACCEPTED) == set(REFUSED) == set(COMPONENTS)


@pytest.mark.parametrize(("component", "value"), list_cases(ACCEPTED))
def test_a_stored_example_comes_back_from_json_and_is_read(
    component: str, value: Any, media: MediaStore
) -> None:
    spec = make_spec(x=SPECS[component])
    stored = check_inputs(spec, {"x": value}, media.save)
    again = json.loads(json.dumps(stored, allow_nan=False))
    assert again == stored
    read, read_again = read_inputs(spec, stored, media)["x"], read_inputs(spec, again, media)["x"]
    assert type(read) is type(read_again)
    assert is_equal(read, read_again)
    check_media(spec, stored, media)
    assert find_problems(spec, {"x": value}) == {}


def is_equal(one: Any, other: Any) -> bool:
    """Return whether a model gets the same: arrays, frames and recordings by their values."""
    if isinstance(one, pd.DataFrame):
        return one.equals(other)
    if isinstance(one, tuple):
        return one[0] == other[0] and np.array_equal(one[1], other[1])
    return bool(np.array_equal(one, other))


@pytest.mark.parametrize(("component", "value"), list_cases(ACCEPTED))
def test_an_exported_cell_is_read_back_to_the_same_example(
    component: str, value: Any, media: MediaStore, tmp_path: Path
) -> None:
    spec = make_spec(x=SPECS[component])
    stored = check_inputs(spec, {"x": value}, media.save)
    cell = write_cell(stored["x"])
    if isinstance(stored["x"], dict) and "media" in stored["x"]:
        (tmp_path / "media").mkdir(exist_ok=True)
        shutil.copy(media.find(stored["x"]["media"]), tmp_path / "media" / stored["x"]["media"])
    assert isinstance(cell, str)
    assert check_inputs(spec, parse_cells(spec, {"x": cell}, tmp_path), name_media) == stored


@pytest.mark.parametrize("component", SPECS)
def test_many_examples_are_checked_like_each_alone(component: str, media: MediaStore) -> None:
    spec = make_spec(x=SPECS[component])
    cases = [{"x": value} for value in ACCEPTED[component]]
    stored = [check_inputs(spec, each, media.save) for each in cases]
    assert check_many_inputs(spec, cases, media.save) == stored
    assert check_many_inputs(spec, [], media.save) == []


@pytest.mark.parametrize(
    "bad",
    [{"x": "a\ud800"}, {"x": ""}, {"x": None}, {}, {"x": 1}, {"x": "a" * 100_001}, {"x": "a", "y": "b"}],
)
def test_one_bad_text_among_good_ones_is_refused_like_alone(bad: dict[str, Any], media: MediaStore) -> None:
    spec = make_spec(x="textbox")
    with pytest.raises(InputError) as alone:
        check_inputs(spec, bad, media.save)
    with pytest.raises(InputError) as among:
        check_many_inputs(spec, [{"x": "good"}, bad, {"x": "мир"}], media.save)
    assert (str(among.value), among.value.args) == (str(alone.value), alone.value.args)


@pytest.mark.parametrize(("component", "value"), list_cases(ACCEPTED))
def test_the_same_example_has_the_same_id_however_it_arrives(
    component: str, value: Any, media: MediaStore
) -> None:
    spec = make_spec(x=SPECS[component])
    stored = check_inputs(spec, {"x": value}, media.save)
    assert hash_example(check_inputs(spec, {"x": value}, name_media)) == hash_example(stored)
    assert hash_example(check_inputs(spec, stored, media.save)) == hash_example(stored)


@pytest.mark.parametrize(("component", "case"), list_cases(REFUSED))
def test_a_bad_value_is_refused_in_a_sentence_that_names_its_input(
    component: str, case: tuple[Any, str], media: MediaStore
) -> None:
    value, sentence = case
    with pytest.raises(InputError) as caught:
        check_inputs(make_spec(x=SPECS[component]), {"x": value}, media.save)
    assert str(caught.value).startswith(f"x {sentence}")
    assert len(str(caught.value)) < 300
    assert caught.value.field == "x"


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("values", [{}, {"x": None}, {"x": ""}], ids=str)
def test_a_missing_value_is_named_by_its_label(component: str, values: dict[str, Any]) -> None:
    spec = make_spec(x={**SPECS[component], "label": "The value"})
    with pytest.raises(InputError, match=r"^The value is missing(; [a-z ]+)?\.$") as caught:
        check_inputs(spec, values, name_media)
    assert caught.value.field == "x"
    assert find_problems(spec, values) == {"x": str(caught.value)}


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("values", [{}, {"x": None}, {"x": ""}], ids=str)
def test_an_input_that_is_not_required_may_stay_empty(
    component: str, values: dict[str, Any], media: MediaStore, tmp_path: Path
) -> None:
    spec = make_spec(x={**SPECS[component], "required": False})
    stored = check_inputs(spec, values, media.save)
    assert stored == {"x": None} == read_inputs(spec, stored, media)
    assert find_problems(spec, values) == {} == find_oddities(spec, stored, media)
    check_media(spec, stored, media)
    assert parse_cells(spec, {"x": write_cell(None)}, tmp_path) == {"x": None}
    assert not (tmp_path / "media").exists()


@pytest.mark.parametrize("values", [{"text": "a", "txt": "b"}, {"text": "a", 5: "b"}, {3: 1, "z": 2}])
def test_an_unknown_input_is_refused_with_the_known_ones(values: dict[Any, Any]) -> None:
    with pytest.raises(InputError, match=r"^model has no input .*; its inputs: text\.$"):
        check_inputs(make_spec(text="textbox"), values, name_media)


def test_a_text_is_stored_as_it_was_typed() -> None:
    spec = make_spec(text="textbox")
    assert [check_inputs(spec, {"text": each}, name_media)["text"] for each in TEXTS] == list(TEXTS)


def test_a_longer_text_is_taken_where_the_config_says_so() -> None:
    spec = make_spec(text={"component": "textbox", "max_length": 5_000_000})
    assert len(check_inputs(spec, {"text": "x" * 5_000_000}, name_media)["text"]) == 5_000_000


def test_a_number_without_bounds_takes_any_finite_one() -> None:
    spec = make_spec(x="number")
    assert check_inputs(spec, {"x": "-1e308"}, name_media) == {"x": -1e308}


def test_every_input_at_fault_is_named_at_once_and_nothing_is_stored(
    media: MediaStore, tmp_path: Path
) -> None:
    spec = make_spec(text={"component": "textbox", "label": "Words"}, size="number", image=SPECS["image"])
    problems = find_problems(spec, {"size": "many", "image": b"none", "other": 1})
    assert problems == {
        "other": "model has no input 'other'; its inputs: text, size, image.",
        "text": "Words is missing.",
        "size": "Size is 'many'; a number is needed.",
        "image": "Image is no image that can be read; use PNG, JPEG, WEBP, GIF.",
    }
    assert find_problems(spec, {"text": "a", "size": 1, "image": make_png()}) == {}
    assert not list(tmp_path.iterdir())


def test_an_empty_choice_is_a_choice_and_no_choice_is_missing() -> None:
    spec = make_spec(x=SPECS["checkbox_group"])
    assert check_inputs(spec, {"x": []}, name_media) == {"x": []}
    with pytest.raises(InputError, match="x is missing"):
        check_inputs(spec, {"x": None}, name_media)


@pytest.mark.parametrize("value", [[], [["", None, ""]], {"columns": ["name"], "rows": []}, pd.DataFrame()])
def test_a_table_that_nobody_filled_in_is_missing(value: Any) -> None:
    with pytest.raises(InputError, match=r"^x is missing; fill in a row\.$"):
        check_inputs(make_spec(x=SPECS["table"]), {"x": value}, name_media)
    optional = make_spec(x={**SPECS["table"], "required": False})
    assert check_inputs(optional, {"x": value}, name_media) == {"x": None}


def test_a_table_with_thousands_of_columns_is_taken_where_the_config_declares_them() -> None:
    names = [f"c{i}" for i in range(3000)]
    spec = make_spec(x={"component": "table", "columns": dict.fromkeys(names, "number")})
    stored = check_inputs(spec, {"x": [[1] * 3000]}, name_media)
    assert stored["x"] == {"columns": names, "rows": [[1] * 3000]}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.tuples(
            st.text(min_size=1), st.none() | st.floats(allow_nan=False, allow_infinity=False), st.booleans()
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_cells_of_a_table_come_back_as_they_were(rows: list[Any], media: MediaStore) -> None:
    spec = make_spec(x=SPECS["table"])
    stored = json.loads(json.dumps(check_inputs(spec, {"x": make_table(*rows)}, media.save)))
    assert stored["x"] == make_table(*rows)
    frame = read_inputs(spec, stored, media)["x"]
    again = check_inputs(spec, {"x": frame}, media.save)
    assert again == stored
    assert check_inputs(spec, parse_cells(spec, {"x": write_cell(stored["x"])}, Path()), name_media) == stored


@settings(deadline=None)
@given(value=st.datetimes())
def test_any_whole_second_comes_back_as_it_was(value: datetime) -> None:
    spec = make_spec(x={"component": "date", "include_time": True})
    moment = value.replace(microsecond=0)
    stored = check_inputs(spec, {"x": moment}, name_media)
    assert read_inputs(spec, stored, MediaStore(Path()))["x"] == moment
    assert check_inputs(spec, {"x": str(moment)}, name_media) == stored == {"x": moment.isoformat()}


@pytest.mark.parametrize(
    "value", ["2026-03-01", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00+01:00", "12:00"]
)
def test_a_time_without_a_day_or_with_a_zone_is_refused(value: str) -> None:
    spec = make_spec(x={"component": "date", "include_time": True})
    with pytest.raises(InputError, match="a day and time like 2026-03-01T12:30:00 is needed"):
        check_inputs(spec, {"x": value}, name_media)


def test_a_part_of_a_second_is_refused_and_not_cut_off() -> None:
    spec = make_spec(x={"component": "date", "include_time": True})
    moment = datetime(2026, 3, 1, 12, 0, 0, 5)  # noqa: DTZ001  the model takes local times
    with pytest.raises(InputError, match="a day and time like"):
        check_inputs(spec, {"x": moment}, name_media)


# Files


@pytest.mark.parametrize(
    ("data", "name", "ending"),
    [
        (make_png(), "a.txt", "png"),
        (make_wav(), "a.png", "wav"),
        (make_wav(kind="MP3"), "a", "mp3"),
        (make_wav(kind="OGG"), "a", "ogg"),
        (make_wav(kind="FLAC"), "a", "flac"),
        (b"%PDF-1.4", "a.csv", "pdf"),
        (b"<html><script>alert(1)</script>", "a.html", "txt"),
        (b"<svg onload='alert(1)'/>", "a.svg", "txt"),
        (b"a,b\n1,2\n", "a.csv", "csv"),
        (b"\xef\xbb\xbfa,b", "A.CSV", "csv"),
        ("a,b".encode("utf-16"), "a.csv", "bin"),
        (b'{"a": 1}', "a.json", "json"),
        (b'{"a": ', "a.json", "txt"),
        (b"[" * 100_000, "a.json", "txt"),
        (b"\x00\x01", "a.csv", "bin"),
        (b"MZ\x90\x00", "a.exe", "bin"),
        (make_zip("../../etc/passwd"), "a.zip", "zip"),
        (make_zip("[Content_Types].xml", "xl/workbook.xml"), "a.zip", "xlsx"),
        (make_zip("[Content_Types].xml", "word/document.xml"), "a", "docx"),
        (b"PK\x03\x04 cut", "a.zip", "bin"),
    ],
)
def test_a_file_is_stored_as_what_it_is_and_not_as_what_it_is_called(
    data: bytes, name: str, ending: str
) -> None:
    stored = check_inputs(make_spec(x="file"), {"x": {"data": data, "name": name}}, name_media)
    assert stored["x"] == {"media": name_media(data, ending), "name": name}


@pytest.mark.parametrize(
    ("types", "data", "name"),
    [
        (["pdf"], b"%PDF-1.4", "a.pdf"),
        ([".PDF"], b"%PDF-1.4", "a"),
        (["jpeg"], encode(Image.new("L", (2, 2)), "JPEG"), "a.JPG"),
        (["npy"], b"\x93NUMPY", "a.npy"),
        (["xml"], b"<a/>", "a.xml"),
        (["json", "csv"], b"a,b", "a.csv"),
    ],
)
def test_a_file_of_a_type_that_the_config_names_is_taken(types: list[str], data: bytes, name: str) -> None:
    spec = make_spec(x={"component": "file", "types": types})
    assert find_problems(spec, {"x": {"data": data, "name": name}}) == {}


@pytest.mark.parametrize(
    ("types", "data", "name", "kind"),
    [
        (["pdf"], b"plain", "a.pdf", "txt"),
        (["pdf"], make_png(), "a.pdf", "png"),
        (["csv"], "a,b".encode("utf-16"), "a.csv", "bin"),
        (["json"], b"{", "a.json", "txt"),
        (["npy"], make_png(), "a.npy", "png"),
        (["png"], b"\x93NUMPY", "a.npy", "bin"),
    ],
)
def test_a_file_of_another_type_is_refused_whatever_its_name_says(
    types: list[str], data: bytes, name: str, kind: str
) -> None:
    spec = make_spec(x={"component": "file", "types": types})
    sentence = f"X is a file of the type '{kind}'; use {types[0]}."
    assert find_problems(spec, {"x": {"data": data, "name": name}}) == {"x": sentence}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\отчёт.txt", "отчёт.txt"),
        ("..", "file"),
        ("", "file"),
        ("a\0b\n\u202ec.txt", "abc.txt"),
        ("x" * 1000 + ".txt", "x" * 251 + ".txt"),
        (5, "5"),
    ],
)
def test_a_file_name_is_its_last_part_and_printable(name: Any, kept: str) -> None:
    stored = check_inputs(make_spec(x="file"), {"x": {"data": b"x", "name": name}}, name_media)
    assert stored["x"]["name"] == kept


def test_the_model_gets_the_path_of_the_stored_file(media: MediaStore, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_bytes(b"a,b")
    spec = make_spec(x="file")
    stored = check_inputs(spec, {"x": tmp_path / "report.csv"}, media.save)
    path = read_inputs(spec, stored, media)["x"]
    assert path.read_bytes() == b"a,b"
    assert (path.suffix, stored["x"]["name"]) == (".csv", "report.csv")


@pytest.mark.parametrize(
    ("component", "sentence"),
    [
        ("image", "x is the stored image '{}', which is none; use gif, jpg, png, webp."),
        ("audio", "x is the stored recording '{}', which is none; use flac, mp3, ogg, wav."),
        ("file", "x is a file of the type 'pdf'; use csv."),
    ],
)
def test_a_stored_file_of_another_kind_is_refused(component: str, sentence: str, media: MediaStore) -> None:
    name = media.save(b"%PDF-1.4", "pdf")
    spec = make_spec(x={**SPECS[component], **({"types": ["csv"]} if component == "file" else {})})
    stored = check_inputs(spec, {"x": {"media": name, "name": "a.csv"}}, media.save)
    with pytest.raises(InputError) as caught:
        check_media(spec, stored, media)
    assert str(caught.value) == sentence.format(name)


def test_a_recording_stored_for_another_model_may_still_be_too_long_for_this_one(media: MediaStore) -> None:
    spec = make_spec(x=SPECS["audio"])
    stored = check_inputs(spec, {"x": {"media": media.save(make_wav(3), "wav")}}, media.save)
    with pytest.raises(InputError, match=r"lasts 3\.0 seconds; at most 2 are taken"):
        read_inputs(spec, stored, media)


# What is odd


ODD: tuple[tuple[dict[str, Any], Any, str], ...] = (
    ({"component": "textbox"}, " \n", "X holds nothing but spaces."),
    ({"component": "textbox"}, "a\0b", "X holds the invisible control character U+0000 at position 2."),
    ({"component": "textbox"}, "caf\ufffd", "X holds � at position 4, the sign of a text read in a wrong"),
    ({"component": "number", "step": 0.1}, 0.25, "X is 0.25, which is not a multiple of the step 0.1."),
    (
        {"component": "slider", "minimum": 1, "maximum": 9, "step": 2}, 4,
        "X is 4, which is not a multiple of the step 2 from 1.",
    ),
    ({"component": "date"}, date(9999, 12, 31), "X is 9999-12-31, which is in the future."),
    (SPECS["image"], make_png(8, 8), "X is blank: every point has the same color."),
    (SPECS["sketch"], Image.new("RGBA", (280, 280), (0, 0, 0, 0)), "X is blank"),
    (
        {"component": "image", "width": 64, "height": 64}, np.eye(8, dtype=np.uint8),
        "X has 8 × 8 pixels, much less than the 64 × 64 that the model takes.",
    ),
    (
        {"component": "image", "width": 8, "height": 8}, np.eye(8, 50, dtype=np.uint8),
        "X has 50 × 8 pixels, quite another shape than the 8 × 8 that the model takes.",
    ),
    (SPECS["audio"], (8000, np.zeros(8000, np.int16)), "X is silent; check the microphone."),
    (SPECS["audio"], make_wav(0.05), "X lasts only 0.05 seconds."),
    (
        SPECS["table"], make_table(["a", 1, True], ["b", "", True]),
        "X has an empty cell in row 2, column 'size'.",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("spec", "value", "sentence"), ODD)
def test_what_is_odd_is_allowed_and_said(
    spec: dict[str, Any], value: Any, sentence: str, media: MediaStore
) -> None:
    model = make_spec(x=spec)
    stored = check_inputs(model, {"x": value}, media.save)
    assert find_oddities(model, stored, media)["x"].startswith(sentence)


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"component": "textbox"}, "two\nlines\tand 👩‍👩‍👧 مرحبا"),
        ({"component": "number", "step": 0.1}, 0.3),
        ({"component": "number", "step": 0.01, "minimum": 0.005}, 1234567.895),
        ({"component": "date"}, "2026-03-01"),
        (SPECS["image"], np.eye(9, dtype=np.uint8)),
        (
            {"component": "sketch", "width": 8, "height": 8, "crop_to_ink": True},
            np.eye(3, 90, dtype=np.uint8),
        ),
        ({"component": "image"}, np.eye(1, 90, dtype=np.uint8)),
        (SPECS["audio"], make_wav()),
        (SPECS["table"], make_table(["a", 1, True])),
    ],
)
def test_an_ordinary_value_is_not_odd(spec: dict[str, Any], value: Any, media: MediaStore) -> None:
    model = make_spec(x=spec)
    assert find_oddities(model, check_inputs(model, {"x": value}, media.save), media) == {}


def test_a_day_that_has_begun_anywhere_on_earth_is_not_in_the_future(media: MediaStore) -> None:
    spec = make_spec(x="date")
    today_in_the_east = (datetime.now(UTC) + timedelta(hours=14)).date()
    assert find_oddities(spec, {"x": today_in_the_east.isoformat()}, media) == {}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "0" * 64 + ".png", "x\0", "", "/etc/passwd", "a" * 64 + ".svg", "x" * 5000]
)
def test_a_stored_image_that_does_not_exist_is_refused(name: str, media: MediaStore) -> None:
    spec = make_spec(x=SPECS["image"])
    stored = check_inputs(spec, {"x": {"media": name}}, media.save)
    with pytest.raises(
        InputError, match=r"^x is the stored image .*which does not exist; give a data URL"
    ) as caught:
        check_media(spec, stored, media)
    assert caught.value.field == "x"


def test_a_path_given_by_a_program_is_read_and_a_path_given_as_text_is_not(
    tmp_path: Path, media: MediaStore
) -> None:
    (tmp_path / "digit.png").write_bytes(make_png())
    spec = make_spec(x=SPECS["image"])
    assert check_inputs(spec, {"x": tmp_path / "digit.png"}, media.save)["x"]["media"].endswith(".png")
    with pytest.raises(InputError, match="give a data URL"):
        check_inputs(spec, {"x": str(tmp_path / "digit.png")}, media.save)


def test_an_image_is_stored_byte_for_byte_with_the_ending_of_what_it_really_is(media: MediaStore) -> None:
    data = encode(Image.new("RGB", (9, 5)), "JPEG")
    name = check_inputs(make_spec(x=SPECS["image"]), {"x": make_data_url(data, "image/png")}, media.save)[
        "x"
    ]["media"]
    assert name.endswith(".jpg")
    assert media.read(name) == data


def test_a_refused_image_leaves_nothing_on_the_disk(tmp_path: Path, media: MediaStore) -> None:
    with pytest.raises(InputError):
        check_inputs(make_spec(x=SPECS["image"]), {"x": make_png()[:-25]}, media.save)
    assert not list(tmp_path.iterdir())


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(InputError, match="at most 40 million"):
        open_image(make_bomb(50_000, 50_000))


# What the model gets


def read_image(image: Image.Image | bytes, media: MediaStore, **options: Any) -> np.ndarray[Any, Any]:
    spec = make_spec(x={"component": "image", "width": 8, "height": 8, "mode": "L", **options})
    read: np.ndarray[Any, Any] = read_inputs(spec, check_inputs(spec, {"x": image}, media.save), media)["x"]
    return read


def test_an_image_of_the_right_size_reaches_the_model_unchanged(media: MediaStore) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (8, 8), dtype=np.uint8)
    assert np.array_equal(read_image(Image.fromarray(pixels), media, crop_to_ink=True), pixels)


def test_a_color_image_of_the_right_size_reaches_the_model_unchanged(media: MediaStore) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert np.array_equal(read_image(Image.fromarray(pixels), media, mode="RGB"), pixels)


def test_transparent_parts_are_white_paper(media: MediaStore) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.putpixel((3, 2), (0, 0, 0, 255))
    read = read_image(image, media)
    assert read[2, 3] == 0
    assert read.sum() == 63 * 255


def test_the_proportions_are_kept_and_the_rest_is_white(media: MediaStore) -> None:
    read = read_image(Image.new("L", (80, 20), 0), media)
    assert np.array_equal(read[3:5], np.zeros((2, 8)))
    assert np.array_equal(np.delete(read, [3, 4], axis=0), np.full((6, 8), 255))


def test_a_picture_of_one_line_is_still_there_when_it_is_small(media: MediaStore) -> None:
    assert np.count_nonzero(read_image(Image.new("L", (1000, 1), 0), media) == 0) == 8
    assert np.count_nonzero(read_image(Image.new("L", (1, 1000), 0), media) == 0) == 8


def test_a_small_drawing_is_cut_to_its_ink_when_the_config_says_so(media: MediaStore) -> None:
    image = Image.new("L", (100, 100), 255)
    image.paste(0, (60, 60, 70, 70))
    assert np.array_equal(read_image(image, media, crop_to_ink=True), np.zeros((8, 8)))
    assert read_image(image, media).mean() > 240


def test_a_sheet_without_ink_stays_white(media: MediaStore) -> None:
    assert np.array_equal(
        read_image(Image.new("L", (50, 50), 255), media, crop_to_ink=True), np.full((8, 8), 255)
    )


def test_a_photo_is_turned_as_browsers_show_it(media: MediaStore) -> None:
    image = Image.new("L", (8, 8), 255)
    image.paste(0, (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    read = read_image(encode(image, "PNG", exif=exif), media)
    assert read[:4].min() == 255
    assert read[4:].max() == 0


def test_a_gray_image_of_sixteen_bits_is_scaled_and_not_cut(media: MediaStore) -> None:
    read = read_image(Image.fromarray(np.full((8, 8), 128 * 256, np.uint16)), media)
    assert np.array_equal(read, np.full((8, 8), 128))


def test_the_first_picture_of_an_animation_counts(media: MediaStore) -> None:
    pages = [Image.new("L", (8, 8), shade) for shade in (0, 255)]
    read = read_image(encode(pages[0], "GIF", save_all=True, append_images=pages[1:]), media)
    assert read.max() == 0


def test_an_image_without_a_size_reaches_the_model_as_it_is(media: MediaStore) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (5, 9, 3), dtype=np.uint8)
    for mode, shape in (("RGB", (5, 9, 3)), ("L", (5, 9))):
        spec = make_spec(x={"component": "image", "mode": mode})
        read = read_inputs(spec, check_inputs(spec, {"x": pixels}, media.save), media)["x"]
        assert (read.shape, read.dtype) == (shape, np.float64)
    assert np.array_equal(
        read_image(Image.fromarray(pixels), media, mode="RGB", width=None, height=None), pixels
    )


def read_audio(value: Any, media: MediaStore, **options: Any) -> tuple[int, np.ndarray[Any, Any]]:
    spec = make_spec(x={"component": "audio", **options})
    read: tuple[int, np.ndarray[Any, Any]] = read_inputs(
        spec, check_inputs(spec, {"x": value}, media.save), media
    )["x"]
    return read


def test_samples_reach_the_model_unchanged_from_minus_one_to_one(media: MediaStore) -> None:
    samples = np.array([0, 16384, -32768, 32767], np.int16)
    rate, read = read_audio((8000, samples), media)
    assert (rate, read.dtype) == (8000, np.float32)
    assert np.array_equal(read, samples / np.float32(32768))


def test_the_channels_of_a_recording_are_mixed_unless_the_config_says_otherwise(media: MediaStore) -> None:
    samples = np.array([[0.5, -0.25], [1, 0]], np.float32)
    assert np.array_equal(read_audio((8000, samples), media)[1], [0.125, 0.5])
    assert np.array_equal(read_audio((8000, samples), media, mono=False)[1], samples)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("rate", [8000, 11_025, 44_100])
def test_a_recording_is_resampled_to_the_rate_of_the_config(kind: str, rate: int, media: MediaStore) -> None:
    got, read = read_audio(make_wav(1, rate=rate, kind=kind), media, rate=16_000)
    assert got == 16_000
    assert len(read) == pytest.approx(16_000, rel=0.1)
    spectrum = np.abs(np.fft.rfft(read))
    assert spectrum.argmax() * 16_000 / len(read) == pytest.approx(440, abs=5)
    assert np.abs(read).max() <= 1


def test_samples_that_are_too_loud_are_cut(media: MediaStore) -> None:
    loud = encode_audio(np.array([2.0, -1e30, 0.5]), 8000, subtype="FLOAT")
    assert read_audio(loud, media)[1].tolist() == [1, -1, 0.5]


def test_the_columns_of_a_table_have_the_types_of_the_config(media: MediaStore) -> None:
    spec = make_spec(x=SPECS["table"])
    stored = check_inputs(
        spec, {"x": make_table(["007", "7", "no"], ["", "", ""], ["x", 0.5, True])}, media.save
    )
    frame = read_inputs(spec, stored, media)["x"]
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "name": "str", "size": "float64", "is_old": "boolean",
    }  # fmt: skip
    assert frame["name"].tolist()[::2] == ["007", "x"]
    assert frame.isna().sum().tolist() == [1, 1, 1]


def test_a_day_and_a_time_reach_the_model_as_such(media: MediaStore) -> None:
    spec = make_spec(day="date", moment={"component": "date", "include_time": True})
    stored = check_inputs(spec, {"day": "2026-03-01", "moment": "2026-03-01 12:30"}, media.save)
    assert stored == {"day": "2026-03-01", "moment": "2026-03-01T12:30:00"}
    moment = datetime(2026, 3, 1, 12, 30)  # noqa: DTZ001  the model takes local times
    assert read_inputs(spec, stored, media) == {"day": date(2026, 3, 1), "moment": moment}


# Cells of a CSV file


def test_cells_of_a_file_mean_the_same_as_values_of_a_form(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(make_png())
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds/b.wav").write_bytes(make_wav())
    (tmp_path / "notes.csv").write_bytes(b"x,y")
    cells = {
        "textbox": "007", "number": "2.5", "slider": "3", "dropdown": "a", "radio": "b", "checkbox": "Yes",
        "checkbox_group": "1; a", "date": "2026-03-01", "file": "notes.csv", "image": "a.png",
        "sketch": "a.png", "audio": "sounds/b.wav", "table": json.dumps(make_table(["007", 7, True])),
    }  # fmt: skip
    spec = make_spec(**SPECS)
    stored = check_inputs(spec, parse_cells(spec, cells, tmp_path), name_media)
    assert stored == {
        "textbox": "007", "number": 2.5, "slider": 3.0, "dropdown": "a", "radio": "b", "checkbox": True,
        "checkbox_group": ["a", "1"], "date": "2026-03-01",
        "file": {"media": name_media(b"x,y", "csv"), "name": "notes.csv"},
        "image": {"media": name_media(make_png(), "png")},
        "sketch": {"media": name_media(make_png(), "png")},
        "audio": {"media": name_media(make_wav(), "wav")},
        "table": make_table(["007", 7, True]),
    }  # fmt: skip


@pytest.mark.parametrize("component", ["file", "image", "audio"])
@pytest.mark.parametrize("cell", ["../a.png", "/etc/passwd", "media/../../a.png"])
def test_a_cell_that_leads_out_of_the_folder_of_its_file_is_refused(
    component: str, cell: str, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(make_png())
    with pytest.raises(InputError, match="a path inside the folder of its CSV file is needed") as caught:
        parse_cells(make_spec(x=SPECS[component]), {"x": cell}, tmp_path / "data")
    assert caught.value.field == "x"


def test_a_cell_with_a_named_file_cannot_lead_out_of_the_folder_either(tmp_path: Path) -> None:
    cell = json.dumps({"path": "../secret.txt", "name": "notes.txt"})
    with pytest.raises(InputError, match="a path inside the folder"):
        parse_cells(make_spec(x="file"), {"x": cell}, tmp_path)


def test_a_choice_with_a_semicolon_is_written_as_json() -> None:
    spec = make_spec(x=SPECS["checkbox_group"])
    values = parse_cells(spec, {"x": '["b; c"]'}, Path())
    assert check_inputs(spec, values, name_media) == {"x": ["b; c"]}


@pytest.mark.parametrize(("cell", "meant"), [("1", True), ("TRUE", True), ("no", False), ("0", False)])
def test_a_cell_says_yes_or_no_in_several_words(cell: str, meant: bool) -> None:
    assert COMPONENTS["checkbox"].parse(cell) is meant


def test_a_cell_that_says_neither_is_refused() -> None:
    spec = make_spec(checkbox=SPECS["checkbox"])
    with pytest.raises(InputError, match="is 'maybe'; true or false is needed"):
        check_inputs(spec, parse_cells(spec, {"checkbox": "maybe"}, Path()), name_media)
