"""A whole queue cleared without the mouse, and the log held against every key that was pressed."""

from __future__ import annotations

import csv
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from browser import save_screenshot, serve_folder, watch_errors
from playwright.sync_api import Browser, Page, expect

from reviewer.records import Event, Resolution
from reviewer.training import TEST, read_base
from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

FLAGS = 200
CLOSING = {
    "c": Resolution.PREDICTION_CORRECT,
    "a": Resolution.AMBIGUOUS,
    "b": Resolution.BAD_INPUT,
    "o": Resolution.OUT_OF_SCOPE,
    "d": Resolution.DUPLICATE,
    "r": Resolution.NOT_REPRODUCIBLE,
    "p": Resolution.APP_BUG,
    "w": Resolution.WONT_FIX,
}


class Line(NamedTuple):
    """What a row of the reviews says, whoever wrote it and whenever."""

    flag_id: str
    event: str
    value: str = ""
    label: str = ""
    number: str = ""
    reverts: int | None = None
    """The line that is taken back, by its number."""


@pytest.fixture(scope="module")
def folder(demo_workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with two hundred open flags: its own, then others of all four models in turn."""
    made = shutil.copytree(demo_workspace_folder, tmp_path_factory.mktemp("clearing") / "demo")
    with Workspace(made, is_app=True) as workspace:
        ids = zip(*(list_predictions(workspace, model) for model in workspace.spec.models), strict=True)
        missing = FLAGS - workspace.count_rows()["flags"]
        for prediction_id in [each for turn in ids for each in turn][:missing]:
            workspace.flag(prediction_id, option="other", flagger="tester")
    return made


def list_predictions(workspace: Workspace, model: str, count: int = 40) -> list[str]:
    """Predict that many examples of the model's test split and return the ids of the predictions."""
    rows = read_base(workspace.folder, workspace.find_model(model)).select(TEST)[:count]
    return [each.prediction_id for each in workspace.predict_many(model, [row.values for row in rows])]


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


def list_open(address: str) -> dict[str, dict[str, Any]]:
    """Return the rows of all open flags by their ids, in the order of the queue."""
    rows = httpx2.get(f"{address}/api/queue", params={"view": "open", "limit": 500}).json()["flags"]
    return {row["flag_id"]: row for row in rows}


def read_log(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the reviews' log."""
    with (folder / "flagged/reviews-0001.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def to_lines(rows: list[dict[str, str]]) -> list[Line]:
    numbers = {row["event_id"]: number for number, row in enumerate(rows)}
    return [
        Line(
            row["flag_id"],
            row["event"],
            "" if row["event"] == "claim" else row["value"],  # a claim's is until when it lasts
            row["corrected_label"],
            row["corrected_value"],
            numbers[row["reverts"]] if row["reverts"] else None,
        )
        for row in rows
    ]


@dataclass
class Analyst:
    """Presses keys and keeps beside it which flag each one met and what the log must say of it."""

    page: Page
    client: httpx2.Client
    rows: dict[str, dict[str, Any]]
    """Flag → its row, in the order of the queue."""
    chance: random.Random
    queue: list[str]
    at: int = 0
    lines: list[Line] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    claimed: list[str] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)

    @property
    def flag(self) -> str:
        return self.queue[self.at]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def leave(self) -> None:
        """The flag on the card leaves the queue, and the next one, or the last, takes its place."""
        del self.queue[self.at]
        self.at = min(self.at, max(0, len(self.queue) - 1))

    def go_on(self) -> None:
        self.at = min(self.at + 1, len(self.queue) - 1)

    def note(self, event: str, **said: Any) -> None:
        self.lines.append(Line(self.flag, event, **said))

    def await_saved(self) -> None:
        expect(self.page.locator(".desk-saving-ok")).to_be_visible()

    # What one can do

    def close(self) -> None:
        key = self.chance.choice(list(CLOSING))
        self.press(key)
        self.note(Event.RESOLVE, value=CLOSING[key])
        self.leave()

    def correct(self) -> None:
        """Give the right answer: a label by its digit, a value by typing it."""
        if labels := self.client.get(f"/api/flags/{self.flag}").json()["labels"]:
            self.choose(labels)
        else:
            self.enter_value()
        self.leave()

    def choose(self, labels: list[str]) -> None:
        number = self.chance.randrange(len(labels))
        is_digit = all(len(each) == 1 and each.isdigit() for each in labels)
        self.press(labels[number] if is_digit else str(number + 1))
        if labels[number] == self.rows[self.flag]["predicted_label"]:
            self.note(Event.RESOLVE, value=Resolution.PREDICTION_CORRECT)
        else:
            self.note(Event.RESOLVE, value=Resolution.LABEL_CORRECTED, label=labels[number])

    def enter_value(self) -> None:
        value = self.chance.randrange(50, 300)
        self.press("v")
        expect(self.page.get_by_label("Right value")).to_be_focused()
        self.page.keyboard.type(f"{value},5")
        self.press("Enter")
        self.note(Event.RESOLVE, value=Resolution.LABEL_CORRECTED, number=f"{value}.5")

    def comment(self) -> None:
        words = self.write_comment()
        self.press("Control+Enter")
        self.note(Event.COMMENT, value=words)

    def close_with_comment(self) -> None:
        words = self.write_comment()
        self.press("Escape", "a")
        self.note(Event.RESOLVE, value=Resolution.AMBIGUOUS)
        self.note(Event.COMMENT, value=words)
        self.leave()

    def write_comment(self) -> str:
        words = f"“u {len(self.lines)}”, =1+1"
        self.press("m")
        expect(self.page.get_by_role("textbox", name="Comment")).to_be_focused()
        self.page.keyboard.type(words)
        return words

    def claim(self) -> None:
        if self.flag in self.assigned:
            return
        self.press("i")
        self.note(Event.CLAIM)
        self.claimed.append(self.flag)
        self.leave()

    def assign(self) -> None:
        self.press("t")
        expect(self.page.get_by_placeholder("Type a name")).to_be_focused()
        self.page.keyboard.type("Борис <b>")
        self.press("Enter")
        expect(self.page.locator("dialog")).to_have_count(0)
        self.note(Event.ASSIGN, value="Борис <b>")
        self.assigned.add(self.flag)
        self.go_on()

    def ask_back(self) -> None:
        self.press("n")
        self.note(Event.STATUS, value="needs_info")
        self.go_on()

    def skip(self) -> None:
        self.press("s")
        self.go_on()

    def start_over(self) -> None:
        self.press("Home")
        self.at = 0

    def decide_several(self) -> None:
        """Select the first three and decide about all of them."""
        self.await_saved()
        self.start_over()
        chosen = self.queue[:3]
        self.press("x", *["Shift+J"] * (len(chosen) - 1), "d")
        if len(chosen) > 1:
            expect(self.page.get_by_role("dialog")).to_be_visible()
            self.press("Enter")
            expect(self.page.locator("dialog")).to_have_count(0)
        # One action stands in the log in the order in which its flags were made.
        self.lines += [Line(flag, Event.RESOLVE, Resolution.DUPLICATE) for flag in reversed(chosen)]
        del self.queue[: len(chosen)]
        self.start_over()

    def take_back(self) -> None:
        flag, at = self.flag, self.at
        self.close()
        self.await_saved()  # what the server does not know yet is taken back without a word to it
        self.press("u")
        self.queue.insert(at, flag)
        self.at = at
        self.note(Event.REVERT, reverts=len(self.lines) - 1)

    def take_back_and_repeat(self) -> None:
        self.take_back()
        self.press("y")
        self.lines.append(self.lines[-2])
        self.leave()

    def clear(self) -> None:
        """Do what one can do, in random order, until no flag is left."""
        acts = list(WEIGHTS)
        while self.queue:
            [act] = self.chance.choices(acts, list(WEIGHTS.values()))
            self.done[act.__name__] += 1
            act(self)


WEIGHTS: dict[Callable[[Analyst], None], int] = {
    Analyst.close: 30,
    Analyst.correct: 40,
    Analyst.comment: 6,
    Analyst.close_with_comment: 6,
    Analyst.claim: 6,
    Analyst.assign: 4,
    Analyst.ask_back: 4,
    Analyst.skip: 6,
    Analyst.start_over: 1,
    Analyst.decide_several: 3,
    Analyst.take_back: 2,
    Analyst.take_back_and_repeat: 2,
}


def test_two_hundred_flags_are_cleared_by_keys_alone_and_the_log_says_what_was_pressed(
    browser: Browser, address: str, folder: Path, tmp_path: Path
) -> None:
    flags = list_open(address)
    assert len(flags) == FLAGS
    assert len({row["task"] for row in flags.values()}) == 4
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-US")
    errors = watch_errors(page)
    page.goto(f"{address}/?tab=review")
    expect(page.locator(".desk-history")).to_be_visible()

    with httpx2.Client(base_url=address) as client:
        analyst = Analyst(page, client, flags, random.Random(4), list(flags))
        analyst.clear()
    assert set(analyst.done) == {act.__name__ for act in WEIGHTS}
    expect(page.locator(".desk-queue .desk-empty")).to_contain_text("All done")
    finish_own(analyst)
    save_screenshot(page, "desk-cleared", tmp_path)

    rows = read_log(folder)
    assert to_lines(rows) == analyst.lines
    assert all(row["value"] > row["reviewed_at"] for row in rows if row["event"] == "claim")
    assert len({row["event_id"] for row in rows}) == len(rows)
    assert list_open(address) == {}
    assert errors == []
    page.close()


def finish_own(analyst: Analyst) -> None:
    """Give the newest flag that was claimed back, close the others, then the one that was given back."""
    analyst.press("]")
    analyst.queue = [flag for flag in analyst.rows if flag in analyst.claimed]
    analyst.at = 0
    analyst.press("Shift+I")
    analyst.note(Event.RELEASE)
    given_back = analyst.flag
    analyst.leave()
    while analyst.queue:
        analyst.close()
    analyst.press("[")
    analyst.queue = [given_back]
    analyst.close()
    expect(analyst.page.locator(".desk-queue .desk-empty")).to_contain_text("All done")
    analyst.await_saved()
