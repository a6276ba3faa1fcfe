"""Rows a second of a batch of 100,000, beside `model.predict` on all of them at once, in the same run."""

from __future__ import annotations

import csv
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from million import print_table

from reviewer.batch.mapping import ColumnMap
from reviewer.batch.run import run_batch
from reviewer.batch.start import start_batch
from reviewer.workspace import Workspace

ROWS = 100_000
ROUNDS = 3
GOAL = 0.5
"""The least share of the model's own speed."""

TICKETS = Path(__file__).parents[2] / "data/tickets.csv"
CONFIG = """\
[models.tickets]
task = "text-classification"
path = "tickets.skops"
labels = ["billing", "refund", "cancellation", "login", "delivery", "technical", "account"]
inputs.text = "textbox"
"""


def main(rows: int = ROWS) -> None:
    """Print rows per second of the model alone and of the batch, without and with a truth column."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts, labels = vary_tickets(rows)
        model = prepare_workspace(folder / "fresh", texts, labels)
        ways: dict[str, Callable[[Workspace], object]] = {
            "model.predict": lambda _: model.predict(texts),
            "batch": lambda workspace: run_file(workspace, None),
            "batch with truth and flags": lambda workspace: run_file(workspace, "label"),
        }
        rounds = [{way: measure(folder, rows, work) for way, work in ways.items()} for _ in range(ROUNDS)]
    # Whatever else runs on the machine only takes time away, so the best round of each way counts.
    best = {way: Speed(*map(max, zip(*[each[way] for each in rounds], strict=True))) for way in ways}
    alone = best["model.predict"]
    table = (
        (way, f"{each.wall:,.0f}", f"{each.wall / alone.wall:.2f}", f"{each.cpu / alone.cpu:.2f}")
        for way, each in best.items()
    )
    print_table((f"{rows:,} rows", "rows per second", f"ratio, goal {GOAL}", "of CPU time"), table)


class Speed(NamedTuple):
    """Rows per second of the clock, and of CPU time, which a busy machine changes less."""

    wall: float
    cpu: float


def measure(folder: Path, rows: int, work: Callable[[Workspace], object]) -> Speed:
    """Return the speed of the work in a workspace where nothing has run yet."""
    copy = shutil.copytree(folder / "fresh", folder / "copy")
    with Workspace(copy, is_app=True) as workspace:
        started = time.perf_counter(), time.process_time()
        work(workspace)
        speed = Speed(rows / (time.perf_counter() - started[0]), rows / (time.process_time() - started[1]))
    shutil.rmtree(copy)
    return speed


def run_file(workspace: Workspace, truth: str | None) -> None:
    path = workspace.folder / "many.csv"
    batch = start_batch(workspace, "tickets", path, ColumnMap({"text": "text"}, truth))
    run_batch(workspace, batch.batch_id)


def vary_tickets(rows: int) -> tuple[list[str], list[str]]:
    """Return that many messages and labels: real ones, each with words of another and a number of its own."""
    chance = random.Random(7)
    with TICKETS.open(encoding="utf-8", newline="") as file:
        real = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    chosen = [chance.choice(real) for _ in range(rows)]
    texts = [
        f"{text} {' '.join(chance.choice(real)[0].split()[:3])} {number}"
        for number, (text, _) in enumerate(chosen)
    ]
    return texts, [label for _, label in chosen]


def prepare_workspace(folder: Path, texts: list[str], labels: list[str]) -> Any:
    """Make the folder with the config, the model and the rows; returns the model."""
    import skops.io
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    with TICKETS.open(encoding="utf-8", newline="") as file:
        train = [(row["text"], row["label"]) for row in csv.DictReader(file) if row["split"] == "train"]
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = make_pipeline(vectors, LogisticRegression(C=30, max_iter=1000))
    model.fit([text for text, _ in train], [label for _, label in train])
    folder.mkdir()
    (folder / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    skops.io.dump(model, folder / "tickets.skops")
    with (folder / "many.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "label"), *zip(texts, labels, strict=True)])
    return model


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
