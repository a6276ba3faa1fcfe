"""How long the index takes to answer at a million flags, beside bare DuckDB and pandas in the same run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from million import make_review, measure, prepare_million, print_table

from reviewer.index import queries
from reviewer.index.queries import FACETS, Slice
from reviewer.index.sql import load_sql
from reviewer.index.store import MainIndex
from reviewer.log import encode_row, open_logs

OF_OTHERS = ("wrong", "reviewed", "wrong_share")
SHOWN = [
    each.strip()
    for each in load_sql("queue_page").partition("select")[2].rpartition("from")[0].split(",")
    if each.strip() not in OF_OTHERS
]
"""Columns of a page, without those that other flags tell."""

RARE = "model = 'digits' and model_version = 'v3' and option = 'bad_input' and predicted_label = '7'"
RARE_SLICE = Slice(view="open", model=("digits",), version=("v3",), option=("bad_input",), predicted=("7",))
GROUPS = ", ".join(f"({column})" for column in FACETS.values())
SUMMARY = (
    "select count(*) from flags where not is_withdrawn and status in ('open', 'needs_info')"  # noqa: S608  constant
    f" group by grouping sets ({GROUPS})"
)


def write_page(condition: str, order: str, *, limit: int = 51, offset: int = 0, source: str = "flags") -> str:
    """Return the statement of a page, with what it shows of the flags, as one would write it by hand."""
    return (
        f"select {', '.join(SHOWN)} from {source}"  # noqa: S608  constant texts
        f" where not is_withdrawn and {condition} order by {order} limit {limit} offset {offset}"
    )


def main() -> None:
    """Print one line per question: ours, bare DuckDB, pandas, in milliseconds, and the ratios."""
    folder = prepare_million()
    index = MainIndex(folder, open_logs(folder))
    started = time.perf_counter()
    with index.reading():
        pass
    built = time.perf_counter() - started
    started = time.perf_counter()
    frame = read_frame(folder)
    loaded = (time.perf_counter() - started) * 1000
    header = ("1,000,000 flags (ms)", "median", "p95", "bare DuckDB", "ratio", "pandas", "ratio")
    print_table(header, compare(index, frame, loaded))
    print_table(("change, then look (ms)", "median", "p95"), change(index, folder))
    print_table(("opening or building the index (s)", f"{built:.2f}"), iter(()))
    index.close()


def read_frame(folder: Path) -> pd.DataFrame:
    columns = [
        "flag_id",
        "model",
        "model_version",
        "option",
        "predicted_label",
        "confidence",
        "inputs",
        "source",
    ]
    paths = sorted(folder.glob("flags-*.csv"))
    return pd.concat([pd.read_csv(path, usecols=columns) for path in paths], ignore_index=True)


def compare(index: MainIndex, frame: pd.DataFrame, loaded: float) -> Iterator[tuple[str, ...]]:
    for name, (ours, bare, panda) in list_questions(frame).items():
        with index.reading() as cursor:
            measured = measure(lambda ours=ours, cursor=cursor: ours(cursor), 40)  # type: ignore[misc]
            plain = measure(lambda bare=bare, cursor=cursor: cursor.execute(bare).fetchall(), 40)  # type: ignore[misc]
        from_csv = loaded + measure(panda, 3)[1]
        median, bare_median = measured[20], plain[20]
        ratios = (f"{median / bare_median:.2f}", f"{median / from_csv:.5f}")
        yield (
            name,
            f"{median:.1f}",
            f"{measured[37]:.1f}",
            f"{bare_median:.1f}",
            ratios[0],
            f"{from_csv:.0f}",
            ratios[1],
        )


def list_questions(
    frame: pd.DataFrame,
) -> dict[str, tuple[Callable[[Any], object], str, Callable[[], object]]]:
    """Return question → how we ask it, the same in bare SQL, the same in pandas once the file is loaded."""
    is_rare = (
        "model == 'digits' and model_version == 'v3' and option == 'bad_input' and predicted_label == '7'"
    )
    is_open = "status in ('open', 'needs_info')"
    text = "strpos(search_text, 'refund late broken') > 0"
    return {
        "page, newest open": (
            lambda cursor: queries.read_page(cursor, Slice(view="open")),
            write_page(is_open, "position desc"),
            lambda: frame.iloc[:-51:-1],
        ),
        "page, least confident open": (
            lambda cursor: queries.read_page(cursor, Slice(view="open"), "least_confident"),
            write_page(is_open, "coalesce(confidence, 2), position desc"),
            lambda: frame.nsmallest(50, "confidence"),
        ),
        "page, four filters": (
            lambda cursor: queries.read_page(cursor, RARE_SLICE),
            write_page(f"{is_open} and {RARE}", "position desc"),
            lambda: frame.query(is_rare).iloc[:-51:-1],
        ),
        "page, three words of text": (
            lambda cursor: queries.read_page(cursor, Slice(text="Refund late broken")),
            write_page(text, "position desc"),
            lambda: frame[frame["inputs"].str.contains("refund late broken", regex=False)].iloc[:-51:-1],
        ),
        "facets, open": (
            lambda cursor: queries.count_facets(cursor, Slice(view="open")),
            SUMMARY,
            lambda: [frame[each].value_counts() for each in ("model", "option", "predicted_label", "source")],
        ),
        "facets, four filters": (
            lambda cursor: queries.count_facets(cursor, RARE_SLICE),
            SUMMARY.replace("group by", f"and {RARE} group by"),
            lambda: frame.query(is_rare)["predicted_label"].value_counts(),
        ),
        "count, open": (
            lambda cursor: queries.count_flags(cursor, Slice(view="open")),
            f"select count(*) from flags where not is_withdrawn and {is_open}",  # noqa: S608  constant texts
            lambda: len(frame),
        ),
    }


def change(index: MainIndex, folder: Path) -> Iterator[tuple[str, ...]]:
    logs, chance = open_logs(folder), random.Random(3)
    with index.reading() as cursor:
        newest = [str(row["flag_id"]) for row in queries.read_page(cursor, Slice(), limit=500).rows]
        flags = queries.find_flags(cursor, newest)
        one = measure(lambda: queries.find_flag(cursor, chance.choice(newest)), 40)
    yield "one flag by its id", f"{one[20]:.1f}", f"{one[37]:.1f}"
    for count in (1, 100):
        times = sorted(time_sync(index, logs, flags, chance, count) for _ in range(40))
        yield f"sync of {count} new reviews", f"{times[20]:.1f}", f"{times[37]:.1f}"
    nothing = measure(lambda: sync(index), 40)
    yield "sync of nothing new", f"{nothing[20]:.1f}", f"{nothing[37]:.1f}"


def time_sync(index: MainIndex, logs: Any, flags: list[Any], chance: random.Random, count: int) -> float:
    chosen = [make_review(each, chance, each.state.seq + 1) for each in chance.sample(flags, count)]
    logs["reviews"].append([encode_row("reviews", each) for each in chosen])
    return measure(lambda: sync(index), 1)[0]


def sync(index: MainIndex) -> None:
    with index.reading():
        pass


if __name__ == "__main__":
    main()
