"""Components: every value from outside is stored exactly or refused in a sentence that names its input."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reviewer.config import ModelSpec
from reviewer.errors import InputError
from reviewer.log.media import MediaStore, name_media
from reviewer.models.components import (
    COMPONENTS,
    check_inputs,
    check_media,
    open_image,
    parse_cells,
    read_inputs,
)
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


def make_spec(**inputs: Any) -> ModelSpec:
    return ModelSpec.model_validate({"name": "model", "task": "generic", "inputs": inputs})


SPECS: dict[str, dict[str, Any]] = {
    "textbox": {"component": "textbox"},
    "number": {"component": "number", "minimum": 0, "maximum": 10},
    "slider": {"component": "slider", "minimum": 0, "maximum": 10},
    "dropdown": {"component": "dropdown", "choices": ["a", "b"]},
    "radio": {"component": "radio", "choices": ["a", "b"]},
    "checkbox": {"component": "checkbox"},
    "image": {"component": "image", "width": 8, "height": 8},
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
        ("1e999", "is 1e999; a finite number is needed."),
        ("nan", "is nan; a finite number is needed."),
        (11, "is 11; it must be from 0 to 10."),
        (-1e-9, "is -1e-09; it must be from 0 to 10."),
        (True, "is True; a number is needed."),
        ("five", "is 'five'; a number is needed."),
        ([1], "is '[1]'; a number is needed."),
        ({}, "is '{}'; a number is needed."),
        (10**400, "is '1000"),
    ),
    "slider": ((11, "is 11; it must be from 0 to 10."), (math.nan, "is nan; a finite number is needed.")),
    "dropdown": (
        ("c", "is 'c'; choose one of a, b."),
        ("A", "is 'A'; choose one of a, b."),
        (0, "is '0'; choose one of a, b."),
        (["a"], "is \"['a']\"; choose one of a, b."),
        (np.array(["a", "b"]), "is \"['a' 'b']\"; choose one of a, b."),
    ),
    "radio": (("c", "is 'c'; choose one of a, b."),),
    "checkbox": (
        (1, "is '1'; true or false is needed."),
        ("true", "is 'true'; true or false is needed."),
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
    assert np.array_equal(read, read_again)
    check_media(spec, stored, media)


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
    with pytest.raises(InputError, match=r"^The value is missing(; draw or upload one)?\.$") as caught:
        check_inputs(spec, values, name_media)
    assert caught.value.field == "x"


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


# Cells of a CSV file


def test_cells_of_a_file_mean_the_same_as_values_of_a_form(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(make_png())
    spec = make_spec(**SPECS)
    cells = {
        "textbox": "007", "number": "2.5", "slider": "3", "dropdown": "a", "radio": "b", "checkbox": "Yes",
        "image": "a.png",
    }  # fmt: skip
    stored = check_inputs(spec, parse_cells(spec, cells, tmp_path), name_media)
    assert stored == {
        "textbox": "007", "number": 2.5, "slider": 3.0, "dropdown": "a", "radio": "b", "checkbox": True,
        "image": {"media": name_media(make_png(), "png")},
    }  # fmt: skip


@pytest.mark.parametrize(("cell", "meant"), [("1", True), ("TRUE", True), ("no", False), ("0", False)])
def test_a_cell_says_yes_or_no_in_several_words(cell: str, meant: bool) -> None:
    assert COMPONENTS["checkbox"].parse(cell) is meant


def test_a_cell_that_says_neither_is_refused() -> None:
    spec = make_spec(checkbox=SPECS["checkbox"])
    with pytest.raises(InputError, match="is 'maybe'; true or false is needed"):
        check_inputs(spec, parse_cells(spec, {"checkbox": "maybe"}, Path()), name_media)
