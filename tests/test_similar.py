"""Near duplicates: what is the same complaint is found, and what only looks like it is not.

The seeds here are not those that the rules were tuned with.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from complaints import ALTERATIONS, Complaint, alter, list_complaints, make_complaint
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance
from sklearn.datasets import load_digits, load_wine

from reviewer.similar import pictures, rows, texts
from reviewer.similar.examples import Described, describe, is_same, measure_spreads
from reviewer.similar.hashing import BANDS
from reviewer.similar.placing import MOST_IN_BUCKET, Fresh, place
from reviewer.similar.words import FILLERS, LIGHT, TURNING

SAME_TEXTS = [
    ("Where is my parcel?", "where is my PARCEL"),
    ("Where is my parcel?", "Hello, where is my parcel? Thanks in advance!"),
    ("Where is my parcel?", "Where is my pracel?"),
    ("Order 123 has not arrived yet", "Order 98-7 has not arrived yet!!!"),
    ("I paid $12.50 for the premium plan", "I paid 1,299.00 € for the premium plan"),
    ("I can't log in since the update", "I cant login since the update"),
    ("My e-mail address is wrong in the profile", "my email address is wrong in the profile"),
    ("The app crashes when I open the camera", "App crashes when I open the camera"),
    ("I was charged for a subscription that I cancelled", "I was charged for subscription that I cancelled"),
    ("Где моя посылка с часами?", "Здравствуйте! где моя посылка с часами"),
    ("Заказ 77 всё ещё не пришёл", "Заказ № 1234 все еще не пришел!"),
    ("Не могу войти в приложение после обновления", "не могу войти в приложние после обновления"),
    ("退款还没有到账，订单号123", "退款还没有到账 订单号 9999"),
    ("Fixed in version ① of the app", "fixed in version 1 of the app"),
]
DIFFERENT_TEXTS = [
    ("The app opens on my phone", "The app does not open on my phone"),
    ("I can log in with my password", "I can't log in with my password"),
    ("My shirt is too small for me", "My skirt is too small for me"),
    ("The red shoes arrived broken", "The red gloves arrived broken"),
    ("The light turns on when I press the button", "The light turns off when I press the button"),
    ("It is possible to pay by card in the shop", "It is impossible to pay by card in the shop"),
    ("The dog bites the man in the park", "The man bites the dog in the park"),
    ("Refund the parcel and keep the invoice open", "Refund the invoice and keep the parcel open"),
    ("I was charged after I cancelled the order", "I cancelled the order after I was charged"),
    ("Cancel my order", "Cancel my order and refund the customs fee at once"),
    ("refund", "refunds"),
    ("Order 123", "Order 456"),
    ("5.1, 3.5, 1.4, 0.2", "6.7, 3.1, 4.4, 1.4"),
    ("12", "13"),
    ("👍", "👎"),
    ("The delivery was 👍 this time", "The delivery was 👎 this time"),
    ("", "hello"),
    ("Вход на сайт не работает", "Выход на сайте не работает"),
    ("Можно вернуть товар в магазин", "Нельзя вернуть товар в магазин"),
    ("Возможно оплатить картой при получении", "Невозможно оплатить картой при получении"),
    ("Верните деньги за красные туфли", "Верните деньги за красные перчатки"),
    ("我要退款", "我不要退款"),
]


def group(described: Sequence[Described]) -> list[int]:
    """Return the number of the first example of each one's group."""
    first = {each.signature: number for number, each in reversed(list(enumerate(described)))}
    fresh = [
        Fresh(number, described[number].body, described[number].bands) for number in sorted(first.values())
    ]
    leaders = {each.position: each.leader for each in place(fresh, {}, {})}
    return [leaders[first[each.signature]] for each in described]


def group_inputs(inputs: Sequence[Mapping[str, Any]], components: Mapping[str, str]) -> list[int]:
    """Return the group of each example of one model, whose spreads are measured on all of them."""
    examples = [json.dumps(each) for each in inputs]
    spreads = measure_spreads(examples, components)
    return group(describe("model", examples, components, spreads, FILES.get))


FILES: dict[str, bytes] = {}
"""Media name → bytes, for the tests that need some."""


def are_same(one: str, other: str) -> bool:
    return texts.is_same(texts.normalise(one), texts.normalise(other))


@pytest.mark.parametrize(("one", "other"), SAME_TEXTS)
def test_texts_that_say_the_same_are_the_same(one: str, other: str) -> None:
    assert are_same(one, other)
    assert are_same(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT_TEXTS)
def test_texts_that_say_something_else_are_different(one: str, other: str) -> None:
    assert not are_same(one, other)
    assert not are_same(other, one)


@pytest.mark.parametrize("kind", ALTERATIONS)
def test_nearly_all_messages_that_differ_in_one_way_are_the_same(kind: str) -> None:
    chance = random.Random(f"one way: {kind}")
    made = [make_complaint(chance) for _ in range(400)]
    altered = [ALTERATIONS[kind](each.text, chance, each.is_russian) for each in made]
    found = sum(are_same(each.text, other) for each, other in zip(made, altered, strict=True))
    assert found >= 0.97 * len(made)


def test_the_same_words_in_another_order_are_another_text() -> None:
    chance = random.Random("another order")
    for each in list_complaints(chance, 400):
        words = texts.normalise(each.text).split()
        moved = chance.sample(words, len(words))
        first, second = chance.sample(range(len(words)), 2)
        swapped = list(words)
        swapped[first], swapped[second] = swapped[second], swapped[first]
        middle = len(words) // 2
        for other in (moved, swapped, words[middle:] + words[:middle]):
            assert other == words or not texts.is_same(" ".join(words), " ".join(other))


def test_no_two_different_complaints_are_the_same() -> None:
    made = [texts.normalise(each.text) for each in list_complaints(random.Random("different"), 500)]
    assert [pair for pair in combinations(made, 2) if texts.is_same(*pair)] == []


@given(st.text(max_size=80), st.text(max_size=80))
def test_two_texts_are_the_same_either_way_round(one: str, other: str) -> None:
    assert are_same(one, other) == are_same(other, one)


@given(st.text(max_size=200))
def test_any_text_is_the_same_as_itself(text: str) -> None:
    assert are_same(text, text)


@given(
    st.lists(st.sampled_from(["refund", "refnud", "the", "not", "0", "parcel", "par", "cel"]), max_size=12)
)
def test_words_in_any_order_are_compared_either_way_round(words: list[str]) -> None:
    one, other = " ".join(words), " ".join(sorted(words))
    assert texts.is_same(one, other) == texts.is_same(other, one)


def test_a_text_that_goes_on_differently_far_behind_is_another_one() -> None:
    long = "the parcel never came and nobody answers " * 1000
    assert are_same(long, long + " again") is False
    assert are_same(long, long) is True


def test_a_long_text_with_a_slip_is_the_same() -> None:
    words = [each.text for each in list_complaints(random.Random("long"), 100)]
    assert are_same(" ".join(words), " ".join(words).replace("charged twice", "chraged twice", 1))


def test_texts_that_repeat_one_word_end_in_an_answer() -> None:
    assert are_same("na " * 6000, "na " * 5999 + "no") is False


def test_a_greeting_alone_is_kept_as_it_is() -> None:
    assert texts.normalise("Hello there!") == "hello there"
    assert not are_same("Hello there", "Good morning")


def test_words_of_the_lists_are_as_a_text_leaves_them() -> None:
    for word in LIGHT | TURNING:
        assert texts.normalise(f"x {word}") == f"x {word}"
    assert not LIGHT & TURNING
    assert not any("ё" in each for each in (*FILLERS, *LIGHT, *TURNING))


def test_messages_that_are_the_same_share_a_band() -> None:
    chance = random.Random("bands")
    made = list(list_complaints(chance, 1000))
    pairs = [(texts.normalise(each.text), texts.normalise(alter(each, chance).text)) for each in made]
    same = [pair for pair in pairs if texts.is_same(*pair)]
    one, other = (texts.band(side) for side in zip(*same, strict=True))
    assert (one == other).any(axis=1).mean() >= 0.995
    assert (one == np.roll(other, 1, axis=0)).any(axis=1).mean() <= 0.1


def test_the_bands_of_a_text_do_not_depend_on_the_texts_beside_it() -> None:
    made = ["", "a", "where is my parcel", "ab cd"]
    together = texts.band(made)
    assert all((texts.band([each]) == row).all() for each, row in zip(made, together, strict=True))


# Pictures


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def draw_scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    chance = random.Random(seed)
    image = Image.new("RGB", size, tuple(chance.choices(range(120, 256), k=3)))
    pen = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        box = (x, y, x + chance.randint(10, 90), y + chance.randint(10, 90))
        chance.choice((pen.ellipse, pen.rectangle))(box, fill=tuple(chance.choices(range(256), k=3)))
    return image


def write_form(words: str) -> Image.Image:
    image = Image.new("RGB", (320, 240), "white")
    pen = ImageDraw.Draw(image)
    for line in range(8):
        pen.text(
            (10, 10 + 25 * line),
            "The customer wrote this line" if line != 4 else words,
            fill="black",
            font_size=20,
        )
    return image


def are_same_pictures(one: bytes, other: bytes) -> bool:
    first, second = pictures.read(one), pictures.read(other)
    assert first
    assert second
    shares = bool((pictures.band(first) == pictures.band(second)).any())
    assert pictures.is_same(first, second) == pictures.is_same(second, first)
    return pictures.is_same(first, second) and shares


ANEW: dict[str, Callable[[Image.Image], bytes]] = {
    "as a JPEG": lambda image: encode(image, "JPEG", quality=60),
    "as a WebP": lambda image: encode(image, "WEBP", quality=60),
    "half as large": lambda image: encode(image.resize((image.width // 2, image.height // 2))),
    "a little brighter": lambda image: encode(ImageEnhance.Brightness(image).enhance(1.04)),
    "with an alpha channel": lambda image: encode(image.convert("RGBA")),
    "turned by its EXIF data": lambda image: encode(
        image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=_turn_exif()
    ),
}


def _turn_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("how", ANEW)
def test_a_picture_saved_anew_is_the_same(how: str) -> None:
    for seed in range(40, 60):
        image = draw_scene(seed)
        assert are_same_pictures(encode(image), ANEW[how](image))


def test_other_pictures_are_different() -> None:
    scenes = [encode(draw_scene(seed)) for seed in range(70, 90)]
    assert not any(are_same_pictures(*pair) for pair in combinations(scenes, 2))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: image.rotate(90, expand=True),
        lambda image: image.convert("L"),
        lambda image: image.crop((0, 0, 240, 240)),
    ],
    ids=["mirrored", "turned", "without colors", "cut"],
)
def test_a_picture_that_shows_something_else_is_different(
    change: Callable[[Image.Image], Image.Image],
) -> None:
    image = draw_scene(91)
    assert not are_same_pictures(encode(image), encode(change(image)))


def test_a_form_with_another_line_is_different() -> None:
    assert not are_same_pictures(
        encode(write_form("I want a refund")), encode(write_form("Thank you, all is well"))
    )


def read_digits() -> tuple[list[np.ndarray[Any, Any]], list[int]]:
    digits = load_digits()
    return [(each * 255 / 16).astype(np.uint8) for each in digits.images], digits.target.tolist()


def test_a_digit_with_one_pixel_changed_is_the_same() -> None:
    chance, (images, _) = random.Random("one pixel"), read_digits()
    for image in chance.sample(images, 200):
        other = image.copy()
        at = chance.randrange(8), chance.randrange(8)
        other[at] = 255 - other[at]
        assert are_same_pictures(encode(Image.fromarray(image)), encode(Image.fromarray(other)))


def test_of_all_handwritten_digits_no_two_different_ones_are_the_same() -> None:
    images, labels = read_digits()
    files = {f"{number}.png": encode(Image.fromarray(each)) for number, each in enumerate(images)}
    examples = [json.dumps({"image": {"media": name}}) for name in files]
    groups = group(describe("digits", examples, {"image": "image"}, {}, files.get))
    assert len(set(groups)) >= len(images) - 2
    assert len(set(zip(groups, labels, strict=True))) == len(set(groups))


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", encode(draw_scene(1))[:500], b"\x89PNG\r\n\x1a\n" + b"\0" * 100],
    ids=["nothing", "a text", "half a picture", "a broken header"],
)
def test_of_what_is_no_picture_nothing_is_said(data: bytes) -> None:
    assert pictures.read(data) is None


def test_a_gray_picture_of_16_bits_is_the_same_as_one_of_8() -> None:
    levels = np.arange(60 * 40, dtype=np.uint16).reshape(60, 40) * 25
    deep, flat = Image.fromarray(levels), Image.fromarray((levels // 256).astype(np.uint8))
    assert are_same_pictures(encode(deep), encode(flat))
    assert not are_same_pictures(encode(deep), encode(Image.fromarray(levels[::-1].copy())))


def test_a_picture_in_other_colors_is_different() -> None:
    red, green, blue = draw_scene(33).split()
    for other in ((red, blue, green), (green, red, blue)):
        assert not are_same_pictures(encode(draw_scene(33)), encode(Image.merge("RGB", other)))


def test_a_picture_of_too_many_pixels_is_not_decoded() -> None:
    assert pictures.read(encode(Image.new("1", (50_000, 1000)))) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 16), (16, 1), (3, 5), (17, 1), (1, 5000)])
def test_a_picture_of_any_size_is_compared(size: tuple[int, int]) -> None:
    black, white = (encode(Image.new("L", size, level)) for level in (0, 255))
    assert are_same_pictures(black, black)
    assert not are_same_pictures(black, white)


# Rows of numbers

WINE = dict.fromkeys(("alcohol", "ash", "phenols", "proline"), "number") | {"region": "dropdown"}


def read_wine() -> list[dict[str, Any]]:
    rows = load_wine().data[:, [0, 2, 5, 12]].tolist()
    names = ("alcohol", "ash", "phenols", "proline")
    return [dict(zip(names, row, strict=True)) | {"region": "north"} for row in rows]


def test_rows_with_rounding_noise_are_the_same() -> None:
    chance, wine = random.Random("noise"), read_wine()
    chosen = [number for number in range(len(wine)) if number % 2]
    noisy = [
        {
            name: value if name == "region" else value * (1 + chance.uniform(-0.0005, 0.0005))
            for name, value in wine[number].items()
        }
        for number in chosen
    ]
    groups = group_inputs(wine + noisy, WINE)
    assert groups[len(wine) :] == [groups[number] for number in chosen]


def test_other_rows_are_different() -> None:
    wine = read_wine()
    assert len(set(group_inputs(wine, WINE))) >= len(wine) - 1


def test_a_row_that_differs_in_one_value_or_choice_is_different() -> None:
    wine = read_wine()
    others = [wine[0] | {"region": "south"}, wine[0] | {"alcohol": 13.0}, wine[0] | {"ash": None}]
    groups = group_inputs([*wine, *others], WINE)
    assert len({groups[0], *groups[-3:]}) == 4


def test_two_numbers_are_too_few_to_be_the_same_unless_they_are_equal() -> None:
    components = {"width": "number", "height": "number"}
    inputs = [{"width": at / 10, "height": 100 - at} for at in range(50)]
    near = {"width": 1.0001, "height": 90}
    equal = {"width": 0.30000000000000004, "height": 97.0}
    groups = group_inputs([*inputs, near, equal], components)
    assert groups[:-1] == list(range(51))
    assert groups[-1] == 3


def test_a_number_that_never_varies_must_be_equal() -> None:
    components = dict.fromkeys("abcd", "number")
    inputs = [{"a": at, "b": at * 3 % 17, "c": at * 5 % 11, "d": 1} for at in range(20)]
    spreads = measure_spreads(map(json.dumps, inputs), components)
    assert set(spreads) == {"a.", "b.", "c."} or set(spreads) == {"a", "b", "c"}
    examples = [
        json.dumps(inputs[0]),
        json.dumps(inputs[0] | {"a": 0.01}),
        json.dumps(inputs[0] | {"d": 1.01}),
    ]
    groups = group(describe("model", examples, components, spreads, FILES.get))
    assert groups == [0, 0, 2]


def test_a_spread_is_not_that_of_one_odd_value() -> None:
    values = [{"a#0": float(each)} for each in (*range(100), 10**9)]
    assert rows.measure_spreads(values) == {"a": 80.0}


def test_tables_are_compared_cell_by_cell() -> None:
    components = {"cart": "table"}

    def fill(*prices: float, name: str = "tea") -> dict[str, Any]:
        return {"cart": {"columns": ["name", "price"], "rows": [[name, price] for price in prices]}}

    others = [fill(at * 1.7, 40 - at, at * at) for at in range(1, 21)]
    near, named, longer = fill(1.7001, 39.0001, 1), fill(1.7, 39, 1, name="cup"), fill(1.7, 39, 1, 1)
    groups = group_inputs([*others, near, named, longer], components)
    assert groups == [*range(20), 0, 21, 22]


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        10**400,
        True,
        None,
        "7",
        [1],
        {"columns": 1},
        {"columns": ["a"], "rows": [[1, 2]]},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "component", ["number", "textbox", "image", "table", "file", "dropdown", "unheard of"]
)
def test_any_value_of_any_component_is_the_same_as_itself_alone(component: str, value: Any) -> None:
    assert group_inputs([{"x": value}, {"x": value}, {"x": "other"}], {"x": component}) == [0, 0, 2]


# Whole examples


def test_every_input_must_be_the_same() -> None:
    FILES["a.png"], FILES["b.png"], FILES["c.png"] = (
        encode(draw_scene(5)),
        encode(draw_scene(5).resize((160, 120))),
        encode(draw_scene(6)),
    )
    components = {"photo": "image", "question": "textbox", "place": "dropdown", "voice": "audio"}

    def fill(photo: str, question: str, place: str = "kitchen", voice: str = "1.wav") -> dict[str, Any]:
        return {"photo": {"media": photo}, "question": question, "place": place, "voice": {"media": voice}}

    inputs = [
        fill("a.png", "What is on the picture here?"),
        fill("b.png", "what is on the pciture here"),
        fill("c.png", "What is on the picture here?"),
        fill("a.png", "How many birds are there?"),
        fill("a.png", "What is on the picture here?", place="garden"),
        fill("a.png", "What is on the picture here?", voice="2.wav"),
    ]
    assert group_inputs(inputs, components) == [0, 0, 2, 3, 4, 5]


def test_models_are_kept_apart() -> None:
    example = json.dumps({"text": "where is my parcel"})
    described = [describe(model, [example], {}, {}, FILES.get)[0] for model in ("tickets", "mails")]
    assert group(described) == [0, 1]


def test_a_file_under_another_name_is_the_same() -> None:
    inputs = [{"file": {"media": media, "name": name}} for media, name in ("ab", "ac", "db")]
    assert group_inputs(inputs, {"file": "file"}) == [0, 0, 2]


def test_a_picture_that_is_gone_is_the_same_as_itself_alone() -> None:
    inputs = [{"image": {"media": name}} for name in ("gone.png", "gone.png", "also gone.png")]
    assert group_inputs(inputs, {"image": "image"}) == [0, 0, 2]


def test_inputs_of_an_unknown_model_are_compared_by_what_they_look_like() -> None:
    FILES["a.png"], FILES["b.png"] = encode(draw_scene(5)), encode(draw_scene(5).resize((160, 120)))
    inputs = [
        {"message": "Where is my parcel?", "photo": {"media": "a.png"}, "urgent": True},
        {"message": "where is my pracel", "photo": {"media": "b.png"}, "urgent": True},
        {"message": "Where is my parcel?", "photo": {"media": "a.png"}, "urgent": False},
    ]
    assert group_inputs(inputs, {}) == [0, 0, 2]


@pytest.mark.parametrize(
    "example",
    ["[1, 2]", '"text"', "null", '{"text": "\\ud800 half of a character"}', "[" * 100_000 + "]" * 100_000],
)
def test_whatever_was_logged_as_inputs_is_described(example: str) -> None:
    described = describe(
        "model", [example, example, '{"text": "another"}'], {"text": "textbox"}, {}, FILES.get
    )
    assert group(described) == [0, 0, 2]
    assert all(each.body.encode() for each in described)


def test_nothing_is_described_as_nothing() -> None:
    assert describe("model", [], {}, {}, FILES.get) == []


def test_a_chain_of_small_steps_is_not_one_group() -> None:
    words = texts.normalise("the courier left the parcel with my neighbour who denies everything").split()
    chain = [" ".join(words[: len(words) - at]) for at in range(6)]
    described = describe("model", [json.dumps({"text": each}) for each in chain], {}, {}, FILES.get)
    groups = group(described)
    for number, leader in enumerate(groups):
        assert is_same(json.loads(described[leader].body), json.loads(described[number].body))
    assert texts.is_same(chain[0], chain[1])
    assert len(set(groups)) > 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_examples_placed_a_few_at_a_time_make_the_same_groups(seed: int, sizes: list[int]) -> None:
    chance = random.Random(seed)
    made = list(list_complaints(chance, 60))
    made += [alter(chance.choice(made), chance) for _ in range(60)]
    chance.shuffle(made)
    described = describe("model", [json.dumps({"text": each.text}) for each in made], {}, {}, FILES.get)
    at, buckets, bodies, leaders = 0, dict[int, list[int]](), dict[int, str](), dict[str, int]()
    while at < len(described):
        part, at = range(at, min(at + sizes[at % len(sizes)], len(described))), at + sizes[at % len(sizes)]
        first = {described[number].signature: number for number in reversed(part)}
        new = sorted(number for signature, number in first.items() if signature not in leaders)
        for each in place([Fresh(number, *described[number][1:]) for number in new], buckets, bodies):
            leaders[described[each.position].signature] = each.leader
            if each.leader == each.position:
                bodies[each.position] = described[each.position].body
            for band in each.bands:
                buckets.setdefault(band, []).append(each.position)
    assert [leaders[each.signature] for each in described] == group(described)


def test_a_band_leads_to_a_limited_number_of_groups() -> None:
    bodies = [
        describe("model", [json.dumps({"text": each.text})], {}, {}, FILES.get)[0].body
        for each in list_complaints(random.Random("crowd"), MOST_IN_BUCKET + 10)
    ]
    placed = place(
        [Fresh(number, body, [1, 2]) for number, body in enumerate(bodies)], {2: [-1]}, {-1: bodies[0]}
    )
    assert sum(1 in each.bands for each in placed) == MOST_IN_BUCKET
    assert sum(2 in each.bands for each in placed) == MOST_IN_BUCKET - 1


@pytest.mark.parametrize("seed", [4711, 90210])
def test_planted_duplicates_are_found_and_nothing_else_is(seed: int) -> None:
    chance = random.Random(seed)
    made: list[Complaint] = list(list_complaints(chance, 1500))
    made += [alter(chance.choice(made), chance) for _ in range(1500)]
    chance.shuffle(made)
    groups = group(describe("model", [json.dumps({"text": each.text}) for each in made], {}, {}, FILES.get))
    of_key: dict[tuple[str, ...], list[int]] = {}
    for each, found in zip(made, groups, strict=True):
        of_key.setdefault(each.key, []).append(found)
    assert len({(found, each.key) for each, found in zip(made, groups, strict=True)}) == len(set(groups))
    planted = [found for found in of_key.values() if len(found) > 1]
    assert sum(len(set(found)) == 1 for found in planted) >= 0.96 * len(planted)


def test_bands_fit_where_they_are_kept() -> None:
    (described,) = describe("model", [json.dumps({"text": "where is my parcel"})], {}, {}, FILES.get)
    assert len(described.bands) == BANDS
    assert all(0 <= each < 1 << 32 for each in described.bands)
