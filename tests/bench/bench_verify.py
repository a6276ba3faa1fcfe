"""Reviewed flags a second that `verify` runs, beside `model.predict` on the same texts, in the same run."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_batch import Speed, prepare_workspace, vary_tickets
from million import print_table

from reviewer.log import encode_rows, open_logs
from reviewer.records import Event, Flag, Resolution, Review, hash_example, new_id, utc_now
from reviewer.training.intervals import find_share
from reviewer.workspace import Workspace

ROWS = 100_000
GOAL = 0.5
"""The least share of the model's own speed."""

ROUNDS = 3
_PART = 10_000
_MODEL_BATCH = 1000
"""Examples in one call, for the model alone as for `verify`."""


def main(rows: int = ROWS) -> None:
    """Print flags per second of the model alone, and of the first and later runs over the flags."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "workspace"
        texts, labels = vary_tickets(rows)
        model = prepare_workspace(folder, texts, labels)
        write_reviewed(folder / "flagged", texts, labels, list(map(str, model.predict(texts))))
        with Workspace(folder, is_app=True) as workspace:
            workspace.queue(limit=1)
            workspace.load_models()
            find_share(1, 2)  # loads SciPy, once a process
            first = measure(rows, lambda: workspace.verify("tickets"))
            memory = peak_memory()
            rounds = [measure_round(workspace, model, texts) for _ in range(ROUNDS)]
            grown = peak_memory() - memory
            counts = workspace.verify("tickets").count()
    # Whatever else runs on the machine only takes time away, so the best round of each counts.
    alone, later = (Speed(*map(max, zip(*each, strict=True))) for each in zip(*rounds, strict=True))
    lines = [("model.predict in batches", alone), ("first verify", first), ("later verify", later)]
    table = (
        (name, f"{each.wall:,.0f}", f"{each.wall / alone.wall:.2f}", f"{each.cpu / alone.cpu:.2f}")
        for name, each in lines
    )
    print_table((f"{rows:,} reviewed flags", "a second", f"goal {GOAL}", "of CPU time"), table)
    print(f"{counts}; memory grew by {grown / 1024:.0f} MB after the first run")  # noqa: T201


def measure_round(workspace: Workspace, model: Any, texts: list[str]) -> tuple[Speed, Speed]:
    workspace.queue(limit=1)  # the index takes in the verdicts of the round before
    alone = measure(len(texts), lambda: predict(model, texts))
    return alone, measure(len(texts), lambda: workspace.verify("tickets"))


def measure(rows: int, work: Callable[[], object]) -> Speed:
    started = time.perf_counter(), time.process_time()
    work()
    return Speed(rows / (time.perf_counter() - started[0]), rows / (time.process_time() - started[1]))


def predict(model: Any, texts: list[str]) -> None:
    for start in range(0, len(texts), _MODEL_BATCH):
        model.predict(texts[start : start + _MODEL_BATCH])


def peak_memory() -> int:
    """Return the most kilobytes that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def write_reviewed(folder: Path, texts: list[str], labels: list[str], predicted: list[str]) -> None:
    """Write a flag per text, corrected where the model is wrong or, each seventh, to another label."""
    logs = open_logs(folder)
    for start in range(0, len(texts), _PART):
        part = range(start, min(start + _PART, len(texts)))
        flags = [make_flag(texts[place], predicted[place]) for place in part]
        rights = [labels[place] if place % 7 else "account" for place in part]
        logs["flags"].append(encode_rows("flags", flags))
        logs["reviews"].append(encode_rows("reviews", map_reviews(flags, rights)))


def make_flag(text: str, predicted: str) -> Flag:
    inputs = {"text": text}
    return Flag(
        flag_id=new_id(), prediction_id=new_id(), flagged_at=utc_now(), model="tickets", model_version="1",
        task="text-classification", example_id=hash_example(inputs), inputs=inputs,
        predicted_label=predicted, confidence=0.5, option="wrong_label",
    )  # fmt: skip


def map_reviews(flags: list[Flag], rights: list[str]) -> list[Review]:
    return [make_review(flag, right) for flag, right in zip(flags, rights, strict=True)]


def make_review(flag: Flag, right: str) -> Review:
    is_guard = flag.predicted_label == right
    return Review(
        event_id=new_id(), flag_id=flag.flag_id, seq=1, event=Event.RESOLVE, reviewed_at=utc_now(),
        value=Resolution.PREDICTION_CORRECT if is_guard else Resolution.LABEL_CORRECTED,
        corrected_label=None if is_guard else right, action_id=new_id(),
    )  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
