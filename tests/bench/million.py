"""A million seeded flags with reviews, made once and kept for later runs."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from reviewer.log import encode_row, open_logs
from reviewer.records import Event, Flag, Resolution, Review, hash_example, new_id

ROWS = 1_000_000
MODELS = {"tickets": ["billing", "refund", "login", "other"], "digits": [str(digit) for digit in range(10)]}
OPTIONS = ["wrong_label"] * 6 + ["low_confidence", "overconfident", "bad_input", "out_of_scope", "other"]
WORDS = ["order", "parcel", "invoice", "login", "password", "refund", "late", "wrong", "broken"]
WORDS += ["карта", "доставка,", '"quoted"', "new\nline"]
START = datetime(2026, 1, 1, tzinfo=UTC)


def prepare_million(rows: int = ROWS) -> Path:
    """Return the folder with the logs of that many flags, a tenth of them reviewed."""
    return prepare_folder(f"{rows}-flags", lambda folder: _write_logs(folder, rows))


def prepare_folder(name: str, write: Callable[[Path], None]) -> Path:
    """Return a folder of logs that is written once and kept for later runs."""
    kept = Path(os.environ.get("REVIEWER_BENCH") or Path(tempfile.gettempdir()) / "flag-reviewer-bench")
    folder = kept / name
    if not (folder / "ready").exists():
        print(f"making {folder} …", file=sys.stderr)  # noqa: T201
        for path in folder.glob("*.csv"):
            path.unlink()
        write(folder)
        (folder / "ready").touch()
    return folder


def _write_logs(folder: Path, rows: int) -> None:
    logs, chance = open_logs(folder), random.Random(17)
    for first in range(0, rows, 5000):
        flags = [make_flag(chance, first + each) for each in range(min(5000, rows - first))]
        logs["flags"].append([encode_row("flags", each) for each in flags])
        reviews = [make_review(each, chance) for each in chance.sample(flags, len(flags) // 10)]
        logs["reviews"].append([encode_row("reviews", each) for each in reviews])


def make_flag(chance: random.Random, number: int = 0) -> Flag:
    """Return a flag of about 700 bytes."""
    model = chance.choice(list(MODELS))
    label = chance.choice(MODELS[model])
    inputs = {"text": " ".join(chance.choices(WORDS, k=chance.randint(5, 60)))}
    return Flag(
        flag_id=new_id(),
        prediction_id=new_id(),
        flagged_at=START + timedelta(seconds=20 * number),
        flagger=f"tester {chance.randrange(40)}",
        session_id=f"session {chance.randrange(5000)}",
        model=model,
        model_version=f"v{chance.randint(1, 5)}",
        task="text-classification",
        example_id=hash_example(inputs),
        inputs=inputs,
        predicted_label=label,
        confidence=round(chance.random(), 4),
        scores={each: round(chance.random(), 3) for each in MODELS[model][:4]},
        latency_ms=round(chance.random() * 50, 2),
        option=chance.choice(OPTIONS),
        comment=" ".join(chance.choices(WORDS, k=chance.randrange(6))),
        app_version="bench",
    )


def make_review(flag: Flag, chance: random.Random, seq: int = 1) -> Review:
    """Return a decision about the flag."""
    return Review(
        event_id=new_id(),
        flag_id=flag.flag_id,
        seq=seq,
        event=Event.RESOLVE,
        value=chance.choice(list(Resolution)),
        corrected_label=chance.choice(MODELS[flag.model]),
        reviewer=f"reviewer {chance.randrange(5)}",
        reviewed_at=flag.flagged_at + timedelta(hours=1),
        action_id=new_id(),
    )


def measure(work: Callable[[], object], times: int) -> list[float]:
    """Return the milliseconds of each of several runs, shortest first."""
    return sorted(_time(work) for _ in range(times))


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def print_table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    """Print rows as they come, the first column to the left and the others to the right."""
    for each in chain([header], rows):
        print(each[0].ljust(44) + "".join(cell.rjust(13) for cell in each[1:]), flush=True)  # noqa: T201
