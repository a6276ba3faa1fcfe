"""Every input component as a tester uses it, and what happens around an answer, in a real browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import choose, save_screenshot, serve_folder, watch_errors
from builders import make_wav
from PIL import Image, ImageDraw
from playwright.sync_api import APIResponse, Browser, BrowserContext, Locator, Page, Route, expect

from reviewer.records import Flag, JsonValue
from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

MODULE = '''\
import threading

DONE = threading.Event()


def tell(x):
    """Answer with what came in, in a few words."""
    if isinstance(x, tuple):
        return [x[0], len(x[1])]
    if hasattr(x, "to_dict"):
        return x.to_dict("records")
    if hasattr(x, "read_bytes"):
        return x.read_bytes().decode()
    if hasattr(x, "shape"):
        return [list(x.shape), float(x.min()), float(x.max())]
    return x.isoformat() if hasattr(x, "isoformat") else x


def grade(text):
    if "hang" in text:
        DONE.wait(20)
    if "fail" in text:
        raise ValueError("<b>no</b> such word")
    return {"good": 0.9, "bad": 0.1} if len(text) % 2 else {"good": 0.55, "bad": 0.45}


def everything(**inputs):
    return {name: each is not None for name, each in inputs.items()}
'''

COMPONENTS = {
    "textbox": "",
    "number": ", minimum = -10, maximum = 10",
    "slider": ", minimum = 0, maximum = 5, step = 0.5",
    "dropdown": ', choices = ["red", "green"]',
    "radio": ', choices = ["red", "green"]',
    "checkbox": "",
    "checkbox_group": ', choices = ["red", "green", "blue"]',
    "date": ", include_time = true",
    "file": ', types = ["txt"]',
    "image": "",
    "sketch": ', width = 16, height = 16, mode = "L"',
    "audio": "",
    "table": ', columns = { item = "text", price = "number", sold = "boolean" }',
}
PYTHON = 'kind = "python"\ntrusted = true\n'
EXAMPLE = """\
[[models.everything.examples]]
textbox = "from a row"
number = 3
slider = 1.5
dropdown = "green"
radio = "green"
checkbox = true
checkbox_group = ["red", "blue"]
date = "2026-03-01T12:30:00"
file = "note.txt"
image = "ring.png"
sketch = "ring.png"
audio = "tone.wav"
table = { columns = ["item", "price", "sold"], rows = [["pen", 1.5, true], ["ink", 2, false]] }
"""


def write_config() -> str:
    """Return one model per component, one with all of them, and one that can fail, hang and be unsure."""
    singles = [
        f'[models.only_{name}]\ntask = "generic"\npath = "parrot:tell"\n{PYTHON}'
        f'inputs.x = {{ component = "{name}", label = "Field"{keys} }}\n'
        for name, keys in COMPONENTS.items()
    ]
    inputs = [f'{name} = {{ component = "{name}"{keys} }}' for name, keys in COMPONENTS.items()]
    grades = (
        f'[models.grades]\ntask = "text-classification"\npath = "parrot:grade"\n{PYTHON}'
        'labels = ["good", "bad"]\ninputs.text = { component = "textbox", label = "Message" }\n'
        'rules = [{ rule = "low_confidence", below = 0.6 }]\n'
    )
    everything = (
        f'[models.everything]\ntask = "generic"\npath = "parrot:everything"\n{PYTHON}'
        "[models.everything.inputs]\n" + "\n".join(inputs) + "\n" + EXAMPLE
    )
    return "\n".join([grades, *singles, everything])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("components")
    (folder / "reviewer.toml").write_text(write_config())
    (folder / "parrot.py").write_text(MODULE)
    (folder / "note.txt").write_text("hello")
    ring = Image.new("RGB", (60, 60), "white")
    ImageDraw.Draw(ring).ellipse((10, 10, 50, 50), outline="black", width=6)
    ring.save(folder / "ring.png")
    (folder / "tone.wav").write_bytes(make_wav(b"\x00\x10\x00\xf0" * 2000))
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


@dataclass
class Seat:
    """A page of the app, the files at hand and what went wrong on the page."""

    page: Page
    folder: Path
    errors: list[str]

    def field(self, name: str = "x", model: str = "") -> Locator:
        ending = f"-{name}" if model == "" else f"input-{model}-{name}"
        chosen = f"[id$='{ending}']" if model == "" else f"#{ending}"
        return self.page.locator(f"{chosen}.field").locator("visible=true").first

    def upload(self, name: str) -> None:
        self.field().locator("input[type=file]").first.set_input_files(self.folder / name)

    def ask(self) -> None:
        self.page.locator(".predict:visible").click()

    @property
    def facts(self) -> Locator:
        return self.page.locator(".facts:visible p")


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def seat(context: BrowserContext, address: str, folder: Path) -> Seat:
    page = context.new_page()
    errors = watch_errors(page)
    page.goto(address)
    return Seat(page, folder, errors)


def draw_stroke(seat: Seat) -> None:
    canvas = seat.field().locator("canvas").first
    expect(seat.page.locator(".drawing .empty").locator("visible=true")).to_have_count(0)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    seat.page.mouse.move(middle[0] - 40, middle[1] - 40)
    seat.page.mouse.down()
    seat.page.mouse.move(middle[0] + 40, middle[1] + 40, steps=8)
    seat.page.mouse.up()


def fill_table(seat: Seat) -> None:
    for column, text in enumerate(("pen", "2.5")):
        cell = seat.field().locator(f"[data-row='0'][data-col='{column}']")
        cell.dblclick()
        typed = cell.locator("input, textarea")
        typed.fill(text)
        typed.press("Enter")
        expect(cell).to_contain_text(text)
    seat.field().locator("[data-row='0'][data-col='2'] input").check()


def check_two(seat: Seat) -> None:
    for each in ("blue", "red"):
        seat.field().get_by_label(each).check()


TEXT = "${1+1} {{x}} `tick` '=cmd <b>bold</b> \U0001f600 שלום"

FILL: dict[str, Callable[[Seat], None]] = {
    "textbox": lambda seat: seat.field().locator("textarea").fill(TEXT),
    "number": lambda seat: seat.field().locator("input").fill("-7.5"),
    "slider": lambda seat: seat.field().locator("input[type=number]").fill("3.5"),
    "dropdown": lambda seat: choose(seat.page, "#input-only_dropdown-x", "green"),
    "radio": lambda seat: seat.field().get_by_label("green").check(),
    "checkbox": lambda seat: seat.field().get_by_label("Field").check(),
    "checkbox_group": check_two,
    "date": lambda seat: seat.field().locator("input").fill("2026-03-01T12:30"),
    "file": lambda seat: seat.upload("note.txt"),
    "image": lambda seat: seat.upload("ring.png"),
    "sketch": draw_stroke,
    "audio": lambda seat: seat.upload("tone.wav"),
    "table": fill_table,
}

ANSWERS: dict[str, JsonValue] = {
    "textbox": TEXT,
    "number": -7.5,
    "slider": 3.5,
    "dropdown": "green",
    "radio": "green",
    "checkbox": True,
    "checkbox_group": ["red", "blue"],
    "date": "2026-03-01T12:30:00",
    "file": "hello",
    "image": [[60, 60, 3], 0, 255],
    "sketch": [[16, 16], 0, 255],
    "audio": [8000, 4000],
    "table": [{"item": "pen", "price": 2.5, "sold": True}],
}
"""What the model says of what it got."""

UPLOADED = {"file": ".file-preview", "image": "img", "audio": "[data-testid^=waveform]"}
"""Component → what is there once the file has arrived."""


def choose_model(seat: Seat, model: str, first: str) -> None:
    choose(seat.page, "#test-model", model)
    expect(seat.page.locator(f"#input-{model}-{first}").first).to_be_visible()
    expect(seat.page.locator(".model-panel:visible")).to_have_count(1)


def find_flag(folder: Path, model: str) -> Flag:
    with Workspace.open(folder) as workspace:
        [flag] = workspace.queue(model=model)
        return flag


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_input_component_is_predicted_and_flagged(component: str, seat: Seat, tmp_path: Path) -> None:
    page, model = seat.page, f"only_{component}"
    choose_model(seat, model, "x")
    save_screenshot(page, f"{component}-empty", tmp_path)
    FILL[component](seat)
    if component in UPLOADED:
        expect(seat.field().locator(UPLOADED[component]).first).to_be_visible()
    seat.ask()
    expect(seat.facts.first).to_contain_text("Version 1")
    page.locator(".option-wrong_value:visible").click()
    expect(page.locator(".flag-message .good:visible")).to_contain_text("Flagged as Wrong value")
    save_screenshot(page, f"{component}-flagged", tmp_path)
    flag = find_flag(seat.folder, model)
    assert flag.output == ANSWERS[component]
    assert seat.errors == []


def count_flags(folder: Path, model: str, option: str | None = None) -> int:
    with Workspace.open(folder) as workspace:
        return len(workspace.queue(model=model, option=option))


def test_an_example_row_fills_every_component_and_clear_empties_them(seat: Seat, tmp_path: Path) -> None:
    page = seat.page
    choose_model(seat, "everything", "textbox")
    page.locator(".examples:visible tr[data-example='0'] button").focus()
    page.keyboard.press("Enter")
    expect(seat.field("textbox", "everything").locator("textarea")).to_have_value("from a row")
    for component, arrived in UPLOADED.items():
        expect(seat.field(component, "everything").locator(arrived).first).to_be_visible()
    seat.ask()
    expect(page.locator(".answer:visible").first).to_contain_text('"table": true')
    assert "false" not in page.locator(".answer:visible").first.inner_text()
    save_screenshot(page, "everything-filled", tmp_path)

    page.locator(".predict-bar:visible").get_by_role("button", name="Clear").click()
    expect(seat.field("textbox", "everything").locator("textarea")).to_have_value("")
    expect(page.locator(".flagging:visible")).to_have_count(0)
    seat.ask()
    expect(page.locator(".problem:visible")).to_contain_text(
        [
            f"{name.capitalize()} is missing"
            for name in ("textbox", "number", "dropdown", "radio", "date", "file", "image", "sketch")
        ]
    )
    expect(seat.field("textbox", "everything").locator("textarea")).to_be_focused()
    save_screenshot(page, "everything-problems", tmp_path)


def test_a_day_that_does_not_exist_is_not_called_missing(seat: Seat) -> None:
    choose_model(seat, "only_date", "x")
    typed = seat.field().locator("input")
    typed.focus()
    seat.page.keyboard.type("02312026")
    seat.ask()
    problem = seat.page.locator(".problem:visible")
    expect(problem).to_contain_text("Field is 'an incomplete or impossible date'; a day and time like")
    for keys in ("02282026", "1000AM"):
        seat.page.keyboard.type(keys)
        seat.page.keyboard.press("ArrowRight")  # a year may have six digits
    expect(problem).to_have_count(0)
    seat.ask()
    expect(seat.page.locator(".answer:visible").first).to_contain_text("2026-02-28T10:00")


def test_keys_in_a_table_stay_in_the_table(seat: Seat) -> None:
    page = seat.page
    choose_model(seat, "only_table", "x")
    FILL["table"](seat)
    made = page.locator("#session li").count() + 1
    seat.ask()
    expect(page.locator("#session li")).to_have_count(made)
    flagged = count_flags(seat.folder, "only_table")
    seat.field().locator("[data-row='0'][data-col='1']").click()
    expect(page.locator("[role=grid]:focus-within").locator("visible=true")).to_have_count(1)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.locator(".option-other:visible").click()
    expect(page.locator(".flag-message .good:visible")).to_contain_text("Flagged as Other")
    expect(page.locator("#session li")).to_have_count(made)
    assert count_flags(seat.folder, "only_table") == flagged + 1


def test_a_mistake_is_said_beside_its_field_and_goes_when_it_is_mended(seat: Seat) -> None:
    page = seat.page
    choose_model(seat, "only_number", "x")
    amount = seat.field().locator("input")
    amount.fill("8")
    seat.ask()
    # An answer of an earlier test may stand there, and what is asked meanwhile is not taken.
    expect(page.locator(".answer:visible").first).to_contain_text("8")
    for _ in range(2):  # the same mistake twice is said twice
        amount.fill("99")
        seat.ask()
        problem = page.locator(".problem:visible")
        expect(problem).to_have_text("Field is 99; it must be from -10 to 10.")
        expect(amount).to_have_attribute("aria-invalid", "true")
        expect(seat.facts).to_have_count(0)
        amount.fill("6")
        expect(problem).to_have_count(0)


def test_what_is_odd_but_allowed_is_said_in_passing_beside_the_answer(seat: Seat) -> None:
    choose_model(seat, "only_textbox", "x")
    seat.field().locator("textarea").fill("  ")
    seat.ask()
    warning = seat.page.locator(".toast-body.warning")
    expect(warning).to_contain_text("Field holds nothing but spaces.")
    expect(seat.facts.first).to_contain_text("Version 1")
    expect(seat.page.locator(".problem:visible")).to_have_count(0)
    warning.locator(".toast-close").click()
    expect(warning).to_have_count(0)


@pytest.mark.parametrize("component", ["dropdown", "radio"])
def test_a_choice_that_nobody_made_is_asked_for_until_it_is_made(component: str, seat: Seat) -> None:
    page = seat.page
    choose_model(seat, f"only_{component}", "x")
    page.locator(".predict-bar:visible").get_by_role("button", name="Clear").click()
    if component == "dropdown":
        expect(seat.field().locator("input")).to_have_value("")
    else:
        expect(seat.field().locator("input:checked")).to_have_count(0)
    seat.ask()
    problem = page.locator(".problem:visible")
    expect(problem).to_have_text("Field is missing.")
    FILL[component](seat)
    expect(problem).to_have_count(0)
    seat.ask()
    expect(seat.facts.first).to_contain_text("Version 1")


def test_a_doubled_click_makes_one_flag_and_the_example_is_known_again(seat: Seat, tmp_path: Path) -> None:
    page = seat.page
    choose_model(seat, "grades", "text")
    message = page.get_by_role("textbox", name="Message")
    message.fill("an odd one!")
    message.press("Enter")
    page.locator(".option-wrong_label:visible").dblclick()
    expect(page.locator(".flag-message .good:visible")).to_contain_text("Flagged as Wrong label")
    message.fill("an odd one!")
    message.press("Enter")
    expect(page.locator(".twins:visible")).to_have_text(
        "This example was flagged before as Wrong label · open"
    )
    save_screenshot(page, "twins", tmp_path)
    assert count_flags(seat.folder, "grades", option="wrong_label") == 1


def test_a_rule_says_what_it_flagged(seat: Seat, tmp_path: Path) -> None:
    page = seat.page
    choose_model(seat, "grades", "text")
    message = page.get_by_role("textbox", name="Message")
    message.fill("even")
    message.press("Enter")
    expect(page.locator(".ruled:visible")).to_contain_text(
        "Low confidence: The confidence 0.55 is below 0.6."
    )
    expect(page.locator("#session li").first).to_contain_text("flagged: Low confidence")
    save_screenshot(page, "rule", tmp_path)


def test_a_failure_is_one_line_that_can_be_flagged(seat: Seat, tmp_path: Path) -> None:
    page = seat.page
    choose_model(seat, "grades", "text")
    message = page.get_by_role("textbox", name="Message")
    message.fill("fail please")
    message.press("Enter")
    alert = page.locator(".facts .error:visible")
    expect(alert).to_contain_text("<b>no</b> such word")
    expect(alert).not_to_contain_text("Traceback")
    page.locator(".option-slow_or_error:visible").click()
    expect(page.locator(".flag-message .good:visible")).to_contain_text("Slow or error")
    save_screenshot(page, "failure", tmp_path)
    with Workspace.open(seat.folder) as workspace:
        [flag] = workspace.queue(model="grades", option="slow_or_error")
        with workspace.reading() as cursor:
            [error] = cursor.execute(
                "select error from predictions where prediction_id = $id", {"id": flag.prediction_id}
            ).fetchone() or [""]
    assert 'raise ValueError("<b>no</b> such word")' in error


def test_a_slow_model_can_be_left_alone(seat: Seat, tmp_path: Path) -> None:
    page = seat.page
    choose_model(seat, "grades", "text")
    message = page.get_by_role("textbox", name="Message")
    message.fill("hang on")
    message.press("Enter")
    stop = page.get_by_role("button", name="Stop").locator("visible=true")
    expect(stop).to_be_visible()
    save_screenshot(page, "slow", tmp_path)
    choose_model(seat, "only_textbox", "x")
    seat.field().locator("textarea").fill("meanwhile")
    seat.ask()
    expect(page.locator("#session li").first).to_contain_text("meanwhile")
    expect(page.locator("#session li").nth(1)).not_to_contain_text("meanwhile")
    choose_model(seat, "grades", "text")
    stop.click()
    expect(stop).to_have_count(0)


def test_a_reload_keeps_the_list_and_another_browser_does_not_see_it(
    seat: Seat, browser: Browser, address: str
) -> None:
    page = seat.page
    choose_model(seat, "only_textbox", "x")
    seat.field().locator("textarea").fill("kept over a reload")
    seat.ask()
    first = page.locator("#session li button").first
    expect(first).to_contain_text("kept over a reload")
    page.reload()
    expect(first).to_contain_text("kept over a reload")
    first.click()
    expect(seat.field().locator("textarea")).to_have_value("kept over a reload")
    expect(seat.facts.first).to_contain_text("Version 1")
    stranger = browser.new_page()
    stranger.goto(address)
    expect(stranger.locator("#session")).to_contain_text("Nothing predicted yet")
    stranger.close()
    assert seat.errors == []


def test_a_list_that_was_read_before_an_answer_and_arrives_after_it_takes_nothing_away(
    browser: Browser, address: str
) -> None:
    page = browser.new_page()
    late: list[tuple[Route, APIResponse]] = []

    def hold_the_list(route: Route) -> None:
        answer = route.fetch()
        if '"empty"' in answer.text():
            late.append((route, answer))
        else:
            route.fulfill(response=answer)

    page.route("**/gradio_api/run/**", hold_the_list)
    page.goto(address)
    choose(page, "#test-model", "only_textbox")
    deadline = time.monotonic() + 30
    while not late and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    row = page.locator("#session li", has_text="made meanwhile")
    page.locator("#input-only_textbox-x textarea").fill("made meanwhile")
    page.locator(".predict:visible").click()
    expect(row).to_be_visible()
    assert late
    for route, answer in late:
        with page.expect_response(answer.url):
            route.fulfill(response=answer)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
    expect(row).to_be_visible()
    page.close()


def test_a_picture_shown_again_from_the_list_is_the_same_example(seat: Seat) -> None:
    page = seat.page
    page.locator("#session li button", has_text="only_image").first.click()
    expect(seat.field().locator("img").first).to_be_visible()
    expect(page.locator(".flag-message .good:visible")).to_contain_text("Already flagged")
    seat.ask()
    expect(page.locator(".twins:visible")).to_contain_text("flagged before as Wrong value")


def test_the_tab_speaks_russian_in_the_dark_on_a_narrow_window(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    narrow = browser.new_context(viewport={"width": 640, "height": 900}, locale="ru-RU", color_scheme="dark")
    page = narrow.new_page()
    page.goto(address)
    page.get_by_role("textbox", name="Message").fill("an odd one!")
    page.get_by_role("button", name="Предсказать").locator("visible=true").click()
    expect(page.locator(".twins:visible")).to_contain_text("уже отмечали как «Неверный ответ»")
    page.locator(".option-other:visible").click()
    expect(page.locator(".flag-message .good:visible")).to_contain_text("Отмечено")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 640
    save_screenshot(page, "russian", tmp_path)
    narrow.close()


def send_forged(address: str, model: str, value: Any) -> dict[str, Any]:
    """Return what the server makes of a value for the model's input that no page would send."""
    with httpx.Client(base_url=address, headers={"Origin": address}) as client:
        config = client.get("/config").json()
        [field] = [
            each["id"] for each in config["components"] if each["props"].get("elem_id") == f"input-{model}-x"
        ]
        [predict] = [
            each for each in config["dependencies"] if field in each["inputs"] and len(each["inputs"]) == 2
        ]
        body = {"data": [None, value], "fn_index": predict["id"], "session_hash": f"forged-{model}"}
        client.post("/gradio_api/queue/join", json=body).raise_for_status()
        with client.stream(
            "GET", "/gradio_api/queue/data", params={"session_hash": body["session_hash"]}
        ) as sent:
            for line in sent.iter_lines():
                if "process_completed" in line:
                    answer: dict[str, Any] = json.loads(line.removeprefix("data:"))
                    return answer
    raise AssertionError("the server said nothing")


@pytest.mark.parametrize("component", ["file", "image", "audio"])
@pytest.mark.parametrize("path", ["/etc/hostname", "reviewer.toml", "parrot.py"])
def test_a_forged_path_opens_no_file_of_the_server(
    component: str, path: str, address: str, folder: Path
) -> None:
    before = sorted((folder / "flagged/media").rglob("*"))
    forged = {"path": str(folder / path), "meta": {"_type": "gradio.FileData"}}
    assert send_forged(address, f"only_{component}", forged)["success"] is False
    assert sorted((folder / "flagged/media").rglob("*")) == before


@pytest.mark.parametrize(
    ("component", "value"),
    [
        ("textbox", {"a": 1}),
        ("number", "seven"),
        ("slider", 1e400),
        ("dropdown", "blue"),
        ("radio", 3),
        ("checkbox", "yes"),
        ("checkbox_group", ["red", "pink"]),
        ("date", "now"),
        ("table", {"headers": ["a"], "data": [["only one cell"]]}),
    ],
)
def test_a_forged_value_is_refused_in_a_sentence(component: str, value: Any, address: str) -> None:
    answer = send_forged(address, f"only_{component}", value if value != 1e400 else "1e400")
    assert answer["success"] is True
    shown = json.dumps(answer["output"]["data"])
    assert "problems" in shown
    assert "Field" in shown
