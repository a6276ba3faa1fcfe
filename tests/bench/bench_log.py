"""How many flags a second the log makes durable, beside bare writes of the same bytes and `gr.CSVLogger`."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from million import make_flag, prepare_million, print_table

from reviewer.log import Log, encode_row, open_logs
from reviewer.log.columns import format_line

FLAGS = 4000
"""Flags that each measurement makes, shared among its writers."""
ROUNDS = 7
"""Every way is measured once a round, so that a busy moment of the machine hits them all."""

BARE = "flags.csv"
"""The file of the bare writes."""

Rows = Sequence[tuple[str, ...]]
Wait = Callable[[], object]
Writer = Callable[[Path, Rows, Wait, Log | None], None]


def main() -> None:
    """Print the median flags per second of every way, and the median of the rounds' ratios."""
    chance = random.Random(11)
    rows = [encode_row("flags", make_flag(chance, number)) for number in range(FLAGS)]
    header = ("flags per second", "bare write", "empty", "ratio", "bare, 1 M behind", "1 M behind", "ratio")
    print_table((*header, "CSVLogger", "ours is ×", "bare is ×"), compare(rows))


def compare(rows: Rows) -> Iterator[tuple[str, ...]]:
    runs: dict[str, Callable[[Writer, Path], float]] = {
        "1 process": lambda write, folder: run_processes(1, write, folder, rows),
        "8 processes": lambda write, folder: run_processes(8, write, folder, rows),
        "8 threads of 1 process": lambda write, folder: run_threads(8, write, folder, rows),
    }
    with tempfile.TemporaryDirectory() as name:
        million, long = Path(name) / "million", Path(name) / "long"
        shutil.copytree(prepare_million(), million, ignore=shutil.ignore_patterns("[!f]*"))
        long.mkdir()
        shutil.copy(max(million.glob("flags-*.csv")), long / BARE)
        for way, run in runs.items():
            rounds = [
                measure_round(run, Path(name) / f"{way} {number}", million, long) for number in range(ROUNDS)
            ]
            bare, empty, bare_full, full, gradio = zip(*rounds, strict=True)
            yield (
                way,
                f"{median(bare):,.0f}",
                f"{median(empty):,.0f}",
                f"{divide(empty, bare):.2f}",
                f"{median(bare_full):,.0f}",
                f"{median(full):,.0f}",
                # The file system takes longer over a long file, whoever writes to it.
                f"{divide(full, bare_full):.2f}",
                f"{median(gradio):.1f}",
                f"{divide(full, gradio):,.0f}",
                # No log can be faster than this on the same disk.
                f"{divide(bare, gradio):,.0f}",
            )


def divide(ours: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return median(mine / other for mine, other in zip(ours, others, strict=True))


def measure_round(
    run: Callable[[Writer, Path], float], folder: Path, million: Path, long: Path
) -> tuple[float, float, float, float, float]:
    """Return the flags per second of five ways.

    They are bare writes and a log, both from the start; bare writes behind a segment of the log with a
    million rows, and that log; CSVLogger.
    """
    bare, empty = run(write_bare, folder / "bare"), run(append_rows, folder / "empty")
    return bare, empty, run(write_bare, long), run(append_rows, million), time_gradio()


def append_rows(folder: Path, rows: Rows, wait: Wait, log: Log | None = None) -> None:
    """Append one flag after the other, once everybody has looked through the log for the first time."""
    log = log or open_logs(folder)["flags"]
    log.append(rows[:1])
    wait()
    for row in rows:
        log.append([row])
    wait()


def write_bare(folder: Path, rows: Rows, wait: Wait, _log: Log | None = None) -> None:
    """Write the same bytes, made beforehand, without lock, check or repair."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [format_line(row).encode() for row in rows]
    file = os.open(folder / BARE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    wait()
    for line in lines:
        os.write(file, line)
        os.fdatasync(file)
    wait()
    os.close(file)


def run_processes(count: int, write: Writer, folder: Path, rows: Rows) -> float:
    """Return the flags per second of that many processes together."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count + 1)
    shares = [(write, folder, rows[first::count], barrier) for first in range(count)]
    return time_workers([context.Process(target=_write, args=share) for share in shares], barrier.wait, rows)


def _write(write: Writer, folder: Path, rows: Rows, barrier: Any) -> None:
    write(folder, rows, barrier.wait, None)


def run_threads(count: int, write: Writer, folder: Path, rows: Rows) -> float:
    """Return the flags per second of that many threads that share one log."""
    barrier, log = threading.Barrier(count + 1), open_logs(folder)["flags"]
    shares = [(folder, rows[first::count], barrier.wait, log) for first in range(count)]
    return time_workers([threading.Thread(target=write, args=share) for share in shares], barrier.wait, rows)


def time_workers(workers: Sequence[Any], wait: Wait, rows: Rows) -> float:
    """Return the rows per second between the moments at which all are ready and all are done."""
    for each in workers:
        each.start()
    wait()
    started = time.perf_counter()
    wait()
    taken = time.perf_counter() - started
    for each in workers:
        each.join()
    return len(rows) / taken


def time_gradio(flags: int = 3, behind: int = 100_000) -> float:
    """Return the flags per second of one thread with `gr.CSVLogger` and that many rows in its file."""
    import gradio

    components = [gradio.Textbox(label=name) for name in ("text", "label", "comment")]
    logger = gradio.CSVLogger()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        logger.setup(components, folder)
        logger.flag(["where is my parcel, it is late", "billing", "wrong"])
        (path,) = Path(folder).glob("*.csv")
        header, row = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(header + row * behind)
        started = time.perf_counter()
        for number in range(flags):
            logger.flag([f"text {number}", "billing", ""])
        return flags / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
