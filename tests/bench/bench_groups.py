"""How long 100,000 flags take to be grouped, what the app feels of it, and how many duplicates are found."""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from million import START, print_table

from reviewer.grouping import Grouper
from reviewer.index import queries
from reviewer.index.queries import Slice
from reviewer.index.store import MainIndex
from reviewer.log import Log, encode_rows, open_logs
from reviewer.records import Flag, hash_example, new_id

sys.path.insert(0, str(Path(__file__).parents[1]))  # the planted messages are those of the tests

from complaints import Complaint, alter, list_complaints

ROWS = 100_000
SEED = 20_260
COMPONENTS = {"tickets": {"text": "textbox"}}


def main() -> None:
    """Print the seconds it takes, what a page and a tick of the app take meanwhile, and what is found."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    complaints = plant(rows)
    with tempfile.TemporaryDirectory() as folder:
        logs = open_logs(Path(folder))
        append(logs, complaints)
        index = MainIndex(Path(folder), logs)
        with index.reading():
            pass
        grouper = Grouper(index, lambda: COMPONENTS, Path(folder) / "media")
        print_table((f"{rows:,} flags, median / 95 % / most", ""), time_grouping(grouper, index, logs))
        print_table(("planted duplicates", "pairs", "found", "share"), judge(index, complaints))
        grouper.stop()
        index.close()


def plant(rows: int) -> list[Complaint]:
    """Return messages of which half are near duplicates of others, in any order."""
    chance = random.Random(SEED)
    complaints = list(list_complaints(chance, rows // 2))
    complaints += [alter(chance.choice(complaints), chance) for _ in range(rows - len(complaints))]
    chance.shuffle(complaints)
    return complaints


def append(logs: dict[str, Log], complaints: list[Complaint]) -> None:
    for first in range(0, len(complaints), 5000):
        part = enumerate(complaints[first : first + 5000], first)
        logs["flags"].append(encode_rows("flags", [make_flag(number, each) for number, each in part]))


def make_flag(number: int, complaint: Complaint) -> Flag:
    inputs = {"text": complaint.text}
    return Flag(
        flag_id=new_id(),
        prediction_id=new_id(),
        flagged_at=START + timedelta(seconds=20 * number),
        flagger=f"tester {number % 40}",
        model="tickets",
        model_version="v1",
        task="text-classification",
        example_id=hash_example(inputs),
        inputs=inputs,
        predicted_label="billing",
        confidence=0.5,
        option="wrong_label",
        app_version="bench",
    )


def time_grouping(grouper: Grouper, index: MainIndex, logs: dict[str, Log]) -> Iterator[tuple[str, ...]]:
    idle = Watch(index)
    time.sleep(3)
    yield from idle.tell("before")
    busy = Watch(index)
    started = time.perf_counter()
    grouper.run_once()
    seconds = time.perf_counter() - started
    yield "seconds", f"{seconds:.1f}"
    yield from busy.tell("meanwhile")
    append(logs, plant(100)[:1])
    started = time.perf_counter()
    grouper.run_once()
    yield "one more flag (ms)", f"{(time.perf_counter() - started) * 1000:.0f}"


class Watch:
    """Reads pages and ticks as an app does, from two threads, until it is told to tell."""

    def __init__(self, index: MainIndex) -> None:
        self._index = index
        self._is_over = threading.Event()
        self._pages: list[float] = []
        self._ticks: list[float] = []
        self._threads = [threading.Thread(target=each) for each in (self._read_pages, self._tick)]
        for each in self._threads:
            each.start()

    def tell(self, when: str) -> Iterator[tuple[str, ...]]:
        """Stop and yield the longest that pages took and that ticks were late, in milliseconds."""
        self._is_over.set()
        for each in self._threads:
            each.join()
        for name, times in (("a page", sorted(self._pages)), ("a late tick", sorted(self._ticks))):
            worst = f"{times[len(times) // 2]:.1f} / {times[len(times) * 95 // 100]:.1f} / {times[-1]:.1f}"
            yield f"{name} {when} (ms)", worst

    def _read_pages(self) -> None:
        while not self._is_over.wait(0.05):
            started = time.perf_counter()
            with self._index.reading() as cursor:
                queries.read_page(cursor, Slice(view="open"))
            self._pages.append((time.perf_counter() - started) * 1000)

    def _tick(self) -> None:
        while not self._is_over.is_set():
            started = time.perf_counter()
            time.sleep(0.005)
            self._ticks.append((time.perf_counter() - started - 0.005) * 1000)


def judge(index: MainIndex, complaints: list[Complaint]) -> Iterator[tuple[str, ...]]:
    """Yield how many planted pairs share a group, and how many pairs of a group were planted."""
    with index.reading() as cursor:
        rows = cursor.execute(
            "select coalesce(group_id, flag_id) from flags order by position limit $count",
            {"count": len(complaints)},
        ).fetchall()
    groups = [row[0] for row in rows]
    keys = [each.key for each in complaints]
    planted, found = count_pairs(keys), count_pairs(groups)
    right = count_pairs(list(zip(groups, keys, strict=True)))
    yield "found of the planted (recall)", f"{planted:,}", f"{right:,}", f"{right / planted:.4f}"
    yield "planted of the found (precision)", f"{found:,}", f"{right:,}", f"{right / found:.4f}"


def count_pairs(names: Sequence[object]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(names).values())


if __name__ == "__main__":
    main()
