"""How many flags a second the log makes durable, beside Gradio's CSVLogger and bare writes."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path

from million import make_flag, prepare_million, print_table

from reviewer.log import Log, encode_row, open_logs

FLAGS = 4000
"""Flags that each measurement makes, shared among its writers."""

Rows = list[tuple[str, ...]]
Writer = Callable[..., None]


def main() -> None:
    """Print flags per second of every way, and the ratio to the bare write of the same bytes."""
    chance = random.Random(11)
    rows = [encode_row("flags", make_flag(chance, number)) for number in range(FLAGS)]
    print_table(("flags per second", "empty", "1 M behind", "bare write", "ratio"), compare(rows))
    print_table(("Gradio's CSVLogger", "100 k behind"), iter([("1 process", f"{time_gradio():.1f}")]))


def compare(rows: Rows) -> Iterator[tuple[str, ...]]:
    runs: dict[str, Callable[[Writer, Path, Rows], float]] = {
        "1 process": partial(run_processes, 1),
        "8 processes": partial(run_processes, 8),
        "1 process, 40 threads": run_threads,
    }
    for name, run in runs.items():
        with tempfile.TemporaryDirectory() as folder:
            empty = run(append_rows, Path(folder) / "empty", rows)
            bare = run(write_bare, Path(folder) / "bare", rows)
            full = run(append_rows, copy_million(Path(folder) / "million"), rows)
        yield name, f"{empty:,.0f}", f"{full:,.0f}", f"{bare:,.0f}", f"{empty / bare:.2f}"


def copy_million(folder: Path) -> Path:
    folder.mkdir()
    for path in prepare_million().glob("flags-*.csv"):
        shutil.copy(path, folder)
    return folder


def append_rows(folder: Path, rows: Rows, wait: Callable[[], object], log: Log | None = None) -> None:
    """Append one flag after the other, once everybody has looked through the log for the first time."""
    log = log or open_logs(folder)["flags"]
    log.append(rows[:1])
    wait()
    for row in rows:
        log.append([row])


def write_bare(folder: Path, rows: Rows, wait: Callable[[], object], log: Log | None = None) -> None:
    """Write the same bytes without lock, check or repair."""
    folder.mkdir(exist_ok=True)
    lines = [(",".join(row) + "\n").encode() for row in rows]
    file = os.open(folder / "flags.csv", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    wait()
    for line in lines:
        os.write(file, line)
        os.fdatasync(file)
    os.close(file)


def run_processes(count: int, write: Writer, folder: Path, rows: Rows) -> float:
    """Return the flags per second of that many processes together."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count + 1)
    shares = [rows[first::count] for first in range(count)]
    processes = [context.Process(target=_write, args=(write, folder, share, barrier)) for share in shares]
    for each in processes:
        each.start()
    barrier.wait()
    started = time.perf_counter()
    for each in processes:
        each.join()
    return len(rows) / (time.perf_counter() - started)


def _write(write: Writer, folder: Path, rows: Rows, barrier: Barrier) -> None:
    write(folder, rows, barrier.wait)


def run_threads(write: Writer, folder: Path, rows: Rows, count: int = 40) -> float:
    """Return the flags per second of threads that share one log."""
    log = open_logs(folder)["flags"]
    log.append(rows[:1])
    shares = [rows[first::count] for first in range(count)]
    with ThreadPoolExecutor(count) as threads:
        started = time.perf_counter()
        list(threads.map(lambda share: write(folder, share, lambda: None, log), shares))
    return len(rows) / (time.perf_counter() - started)


def time_gradio(flags: int = 10, behind: int = 100_000) -> float:
    """Return the flags per second of `gr.CSVLogger` with that many rows in its file."""
    import gradio

    components = [gradio.Textbox(label=name) for name in ("text", "label", "comment")]
    logger = gradio.CSVLogger()
    with tempfile.TemporaryDirectory() as folder:
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
