"""Fixtures that several test files share.

The rule: a test gets a workspace of its own; what takes seconds to make is made once and copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import httpx2
import pytest

from reviewer.demo import prepare_demo
from reviewer.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

for library in (httpx, httpx2):
    # A busy machine may answer later than the five seconds that both allow.
    library._config.DEFAULT_TIMEOUT_CONFIG.read = 90

TINY_TEXTS = {
    "refund": ("give my money back", "refund this order please", "i want a refund", "money back now"),
    "login": ("cannot sign in", "password is wrong", "login fails", "sign in does not work"),
}
TINY_CONFIG = """\
[models.tickets]
task = "text-classification"
path = "tickets.skops"
labels = ["login", "refund"]
inputs.text = "textbox"
base = "data/tickets.csv"

[models.shades]
task = "image-classification"
path = "shades.skops"
labels = ["black", "white"]
inputs.image = { component = "image", width = 2, height = 2, mode = "L" }
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each journey a second try: a machine that stalls keeps even a right page from answering in time.

    The summary counts the tries; what is wrong fails twice.
    """
    for each in items:
        if each.get_closest_marker("browser"):
            each.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def tiny_workspace_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text and an image classifier fitted on a handful of examples; do not write to it."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "reviewer.toml").write_text(TINY_CONFIG, encoding="utf-8")
    _save_tickets(folder)
    _save_shades(folder)
    return folder


@pytest.fixture
def tiny_folder(tiny_workspace_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny workspace's folder, for this test alone."""
    return shutil.copytree(tiny_workspace_folder, tmp_path / "workspace")


@pytest.fixture
def tiny_workspace(tiny_folder: Path) -> Iterator[Workspace]:
    """The tiny workspace, open as any process but the app opens it."""
    with Workspace(tiny_folder, is_app=False) as workspace:
        yield workspace


@pytest.fixture(scope="session")
def demo_workspace_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo workspace as `reviewer demo` makes it; do not write."""
    folder = tmp_path_factory.mktemp("demo")
    prepare_demo(folder, lambda share, doing: None)
    return folder


@pytest.fixture
def demo_workspace(demo_workspace_folder: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the demo workspace for this test alone, open as the app opens it."""
    folder = shutil.copytree(demo_workspace_folder, tmp_path / "demo")
    with Workspace(folder, is_app=True) as workspace:
        yield workspace


def _save_tickets(folder: Path) -> None:
    import skops.io
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows = [(text, label) for label, texts in TINY_TEXTS.items() for text in texts]
    splits = ("train", "train", "train", "test") * len(TINY_TEXTS)
    lines = [f"{text},{label},{split}" for (text, label), split in zip(rows, splits, strict=True)]
    (folder / "data").mkdir()
    (folder / "data/tickets.csv").write_text("\n".join(["text,label,split", *lines, ""]), encoding="utf-8")
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
    pipeline.fit([text for text, _ in rows], [label for _, label in rows])
    skops.io.dump(pipeline, folder / "tickets.skops")


def _save_shades(folder: Path) -> None:
    import skops.io
    from sklearn.linear_model import LogisticRegression

    estimator = LogisticRegression().fit([[0] * 4, [255] * 4], ["black", "white"])
    skops.io.dump(estimator, folder / "shades.skops")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the journeys of one file: while it is open, this thread runs an event loop."""
    from browser import open_browser

    with open_browser() as opened:
        yield opened


@pytest.fixture(autouse=True)
def close_pages(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close the pages that a journey leaves open when it fails: they would act in its second try too."""
    if "browser" not in request.fixturenames:
        yield
        return
    browser = request.getfixturevalue("browser")
    earlier = set(browser.contexts)
    yield
    for context in set(browser.contexts) - earlier:
        context.close()
