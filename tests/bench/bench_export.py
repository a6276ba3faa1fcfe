"""Exports of reviewed flags as CSV and Parquet, beside a bare DuckDB `COPY` of the same rows in the same run.

The copies have all memory that DuckDB takes by itself. Each export runs in a process of its own, whose
greatest memory is printed too: it should not grow with the rows.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import duckdb
from duckdb import DuckDBPyConnection
from million import make_flag, make_review, prepare_folder, print_table

from reviewer.bundle import read_options, write_bundle
from reviewer.bundle.columns import build_columns
from reviewer.config import ModelSpec
from reviewer.index.store import SideIndex
from reviewer.log import encode_row, open_logs
from reviewer.log.media import MediaStore
from reviewer.records import Flag, Resolution, Review

SIZES = (100_000, 1_000_000)
LOGGED = 1_000_000
"""The most flags that are written to logs first; more are an index of so many, several times over."""
WRITING, ABOUT = "Writing the rows", "Writing the card and the manifest"
"""Steps of an export: the rows are written between them."""

GOAL = 2.0
"""The most that an export may take of the time of the bare copies."""

SPEC = ModelSpec.model_validate(
    {
        "name": "tickets",
        "task": "text-classification",
        "labels": ["billing", "refund", "login", "other"],
        "inputs": {"text": "textbox"},
    }
)


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print seconds, ratios and memory of each size."""
    header = (
        "reviewed flags",
        "bare COPY, s",
        "export, s",
        f"ratio, goal {GOAL:g}",
        "writing, s",
        "ratio",
        "memory, MB",
    )
    print_table(header, map(_compare, sizes))


def _compare(rows: int) -> tuple[str, ...]:
    prepare_reviewed(rows)
    bare, (export, writing, memory), again = _run("bare", rows), _run("export", rows), _run("bare", rows)
    # Whatever else runs on the machine only takes time away, so the better round counts.
    best = min(*bare, *again)
    ratios = (f"{export / best:.2f}", f"{writing:.2f}", f"{writing / best:.2f}")
    return f"{rows:_}", f"{best:.2f}", f"{export:.2f}", *ratios, f"{memory:.0f}"


def _run(what: str, rows: int) -> list[float]:
    command = [sys.executable, __file__, what, str(rows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return list(map(float, done.stdout.split()))


def prepare_reviewed(rows: int) -> Path:
    """Return a folder with that many flags of one model, all corrected, and their index."""
    folder = prepare_folder(f"{rows}-reviewed", lambda folder: _prepare(folder, rows))
    with SideIndex(folder).reading() as cursor:
        _multiply(cursor, rows)
    return folder


def _prepare(folder: Path, rows: int) -> None:
    if rows <= LOGGED:
        _write_logs(folder, rows)
    else:
        shutil.copytree(prepare_reviewed(LOGGED), folder, dirs_exist_ok=True)


def _multiply(cursor: DuckDBPyConnection, rows: int) -> None:
    """Put copies of the flags and reviews, with ids of their own, into the index until there are so many."""
    cursor.execute("set enable_progress_bar = false")
    [(held,)] = cursor.execute("select count(*) from flags").fetchall()
    for number in range(held // LOGGED, rows // LOGGED):
        ids = [f"md5({each}::varchar || {number})::uuid as {each}" for each in ("flag_id", "action_id")]
        changed = ", ".join([f"position + {number * LOGGED} as position", *ids])
        example = f"{changed}, md5(example_id || {number}) as example_id"
        for table, replaced in (("flags", example), ("reviews", changed)):
            cursor.execute(
                f"insert into {table} select * replace ({replaced}) from {table} where position < {LOGGED}"  # noqa: S608
            )


def _write_logs(folder: Path, rows: int) -> None:
    logs, chance = open_logs(folder), random.Random(23)
    for first in range(0, rows, 5000):
        made = [_make_pair(chance, first + each) for each in range(min(5000, rows - first))]
        logs["flags"].append([encode_row("flags", flag) for flag, _ in made])
        logs["reviews"].append([encode_row("reviews", review) for _, review in made])


def _make_pair(chance: random.Random, number: int) -> tuple[Flag, Review]:
    flag = replace(make_flag(chance, number), model="tickets", predicted_label=chance.choice(SPEC.labels))
    review = make_review(flag, chance)
    return flag, replace(review, value=Resolution.LABEL_CORRECTED, corrected_label=chance.choice(SPEC.labels))


def measure_bare(rows: int) -> None:
    """Print the seconds of two rounds of copies of the rows, as CSV and as Parquet."""
    columns = build_columns(SPEC, is_typed=True, has_distribution=False)
    # What the export reads of its own tables stands in the index under other names.
    known = {"answer": "corrected_label", "split": "'train'", "weight": "1.0", "votes": "1"}
    known |= {"exported.example_id": "example_id", "group_key": "example_id", "round(agreement, 6)": "1.0"}
    chosen = ", ".join(f'{known.get(each, each)} as "{column}"' for column, each in columns.items())
    rows_of = f"(select {chosen} from flags where model = 'tickets' and resolution = 'label_corrected')"  # noqa: S608
    index = prepare_reviewed(rows) / ".index/side.duckdb"
    with tempfile.TemporaryDirectory() as name, duckdb.connect(index, read_only=True) as cursor:
        cursor.execute("set enable_progress_bar = false")
        print(*(_time(lambda: _copy_bare(cursor, rows_of, Path(name))) for _ in range(2)))  # noqa: T201


def _copy_bare(cursor: DuckDBPyConnection, rows_of: str, folder: Path) -> None:
    for how in ("csv, header", "parquet, compression zstd"):
        cursor.execute(f"copy {rows_of} to '{folder / 'bare'}' (format {how})")


def measure_export(rows: int) -> None:
    """Print the seconds of an export, those of its writing, and the megabytes it took at most."""
    steps: list[tuple[float, str]] = []
    with tempfile.TemporaryDirectory() as name, SideIndex(prepare_reviewed(rows)).reading() as cursor:
        cursor.execute("set enable_progress_bar = false")
        export = _time(lambda: _export(cursor, Path(name), steps))
    first, last = (next(at for at, doing in steps if doing == each) for each in (WRITING, ABOUT))
    print(export, last - first, getrusage(RUSAGE_SELF).ru_maxrss // 1024)  # noqa: T201


def _export(cursor: DuckDBPyConnection, workspace: Path, steps: list[tuple[float, str]]) -> None:
    def note(share: float, doing: str) -> None:
        steps.append((time.perf_counter(), doing))

    write_bundle(
        cursor, workspace, SPEC, MediaStore(workspace / "media"), read_options(policy="latest"), note
    )


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


MEASURES = {"bare": measure_bare, "export": measure_export}


if __name__ == "__main__":
    if measure := MEASURES.get("".join(sys.argv[1:2])):
        measure(int(sys.argv[2]))
    else:
        main(tuple(map(int, sys.argv[1:])) or SIZES)
