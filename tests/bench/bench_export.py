"""Exports of reviewed flags as CSV and Parquet, beside a bare DuckDB `COPY` of the same rows in the same run.

Each size runs in a process of its own, whose greatest memory is printed too: it should not grow with the
rows.
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
    """Print seconds, ratio and memory of each size."""
    header = (
        "reviewed flags",
        "bare COPY, s",
        "export, s",
        f"ratio, goal {GOAL:g}",
        "writing, s",
        "ratio",
        "memory, MB",
    )
    print_table(header, (tuple(_run(rows).split(",")) for rows in sizes))


def _run(rows: int) -> str:
    command = [sys.executable, __file__, "one", str(rows)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def prepare_reviewed(rows: int) -> Path:
    """Return a folder with that many flags of one model, all corrected."""
    return prepare_folder(f"{rows}-reviewed", lambda folder: _write_logs(folder, rows))


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


def measure_one(rows: int) -> None:
    """Print one line: the size and what was measured."""
    folder = prepare_reviewed(rows)
    with tempfile.TemporaryDirectory() as name, SideIndex(folder).reading() as cursor:
        columns = build_columns(SPEC, is_typed=True, has_distribution=False)
        # What the copies read of the tables of an export stands in the index under other names.
        known = {"answer": "corrected_label", "split": "'train'", "weight": "1.0", "votes": "1"}
        known |= {
            "exported.example_id": "example_id",
            "group_key": "example_id",
            "round(agreement, 6)": "1.0",
        }
        chosen = ", ".join(f'{known.get(each, each)} as "{column}"' for column, each in columns.items())
        rows_of = f"(select {chosen} from flags where model = 'tickets' and resolution = 'label_corrected')"  # noqa: S608
        bare = [_time(lambda: _copy_bare(cursor, rows_of, Path(name))) for _ in range(2)]
        steps: list[tuple[float, str]] = []
        workspace = Path(name) / "workspace"
        export = _time(lambda: _export(cursor, workspace, steps))
        writing = next(at for at, doing in steps if doing.startswith("Writing the card")) - next(
            at for at, doing in steps if doing.startswith("Writing csv")
        )
        shutil.rmtree(workspace)
        bare.append(_time(lambda: _copy_bare(cursor, rows_of, Path(name))))
    best = min(bare)
    memory = getrusage(RUSAGE_SELF).ru_maxrss // 1024
    told = (
        f"{best:.2f}",
        f"{export:.2f}",
        f"{export / best:.2f}",
        f"{writing:.2f}",
        f"{writing / best:.2f}",
        str(memory),
    )
    print(",".join((f"{rows:_}", *told)))  # noqa: T201


def _copy_bare(cursor: DuckDBPyConnection, rows_of: str, folder: Path) -> None:
    for how in ("csv, header", "parquet, compression zstd"):
        cursor.execute(f"copy {rows_of} to '{folder / 'bare'}' (format {how})")


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


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        measure_one(int(sys.argv[2]))
    else:
        main(tuple(map(int, sys.argv[1:])) or SIZES)
