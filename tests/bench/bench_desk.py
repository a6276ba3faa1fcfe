"""How long people wait at the desk with a million flags: for its routes, its keys, and decisions about many.

Names of parts as arguments run only those: routes, keys, bulk. A number is how many flags there are instead.
"""

from __future__ import annotations

import contextlib
import csv
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx2
import pandas as pd
from bench_index import RARE, SUMMARY, read_frame, write_page
from bench_predict import save_model, serve
from million import MODELS, ROWS, make_review, measure, prepare_million, print_table

from reviewer.index import queries
from reviewer.index.queries import SORTS, VIEWS, Slice
from reviewer.index.store import MainIndex
from reviewer.log import Log, columns_of, encode_rows, open_logs
from reviewer.records import Flag, new_id

sys.path.insert(0, str(Path(__file__).parents[1]))  # Chromium is started as the tests start it

from browser import open_browser

ROUND = 40
"""Times that each question is asked."""
PAGE = 100
"""Rows of a page, as the desk asks for them."""
DEEP = 5_000
"""Rows before a later page."""
KEYS = 100
KEY_SECONDS = 0.03
MANY = 10_000
BULK_ROUND = 5
"""Times that each decision about many is made and taken back."""

DIGITS = f"""
[models.digits]
task = "text-classification"
kind = "external"
inputs.text = "textbox"
labels = {MODELS["digits"]}
"""
OPEN = "status in ('open', 'needs_info')"
RARE_FILTERS = {"model": "digits", "version": "v3", "option": "bad_input", "predicted": "7"}
WORDS = "refund late broken"
HAS_WORDS = f"strpos(search_text, '{WORDS}') > 0"


def main(names: Sequence[str]) -> None:
    """Print for each part what it takes, beside its references, in milliseconds."""
    rows = next((int(name) for name in names if name.isdigit()), ROWS)
    with prepare_desk(rows) as folder:
        build_index(folder)
        for name in [name for name in names if not name.isdigit()] or PARTS:
            PARTS[name](folder)


@contextlib.contextmanager
def prepare_desk(rows: int) -> Iterator[Path]:
    """Yield a workspace on the million flags, which are linked, and their reviews, which are copied."""
    million = prepare_million(rows)
    with tempfile.TemporaryDirectory(dir=million.parent) as name:
        folder = Path(name)
        save_model(folder)
        with (folder / "reviewer.toml").open("a", encoding="utf-8") as file:
            file.write(DIGITS)
        (folder / "flagged").mkdir()
        for path in million.glob("flags-*.csv"):
            os.link(path, folder / "flagged" / path.name)
        for path in million.glob("reviews-*.csv"):
            shutil.copy(path, folder / "flagged")
        yield folder


def build_index(folder: Path) -> None:
    """Build the index, which an app does once, and say how long it took."""
    started = time.perf_counter()
    with open_index(folder):
        print_table(("building the index (s)", f"{time.perf_counter() - started:.1f}"), iter(()))


@contextlib.contextmanager
def open_index(folder: Path) -> Iterator[MainIndex]:
    """Yield the index that the server opens afterwards."""
    index = MainIndex(folder / "flagged", open_logs(folder / "flagged"))
    with index.reading():
        pass
    try:
        yield index
    finally:
        index.close()


@contextlib.contextmanager
def serve_desk(folder: Path) -> Iterator[str]:
    """Yield the address of the app, without the groups: a million flags keep it busy for longer than this."""
    with serve([str(Path(__file__).with_name("desk_server.py")), str(folder)], folder) as address:
        yield address


def open_client(address: str) -> httpx2.Client:
    """Return a client that keeps its connection and raises for refusals."""
    return httpx2.Client(base_url=f"{address}/api", timeout=60, event_hooks={"response": [_check_answer]})


def _check_answer(answer: httpx2.Response) -> None:
    if answer.is_error:
        raise SystemExit(f"{answer.url}: {answer.status_code} {answer.read().decode()[:300]}")


def tell(times: Sequence[float]) -> tuple[str, str]:
    """Return the median and the 95th percentile."""
    ordered = sorted(times)
    return f"{median(ordered):.1f}", f"{ordered[len(ordered) * 95 // 100]:.1f}"


# Routes


class Question(NamedTuple):
    """One question to a route, in SQL, and in pandas once the files are loaded."""

    path: str
    filters: dict[str, Any]
    sql: str
    panda: Callable[[], object] | None = None


def time_routes(folder: Path) -> None:
    """Print what each route takes, beside bare DuckDB and pandas."""
    started = time.perf_counter()
    frame = read_frame(folder / "flagged")
    loaded = (time.perf_counter() - started) * 1000
    with open_index(folder) as index, index.reading() as cursor:
        newest = [str(row["flag_id"]) for row in queries.read_page(cursor, Slice(), limit=PAGE).rows]
        flags = queries.find_flags(cursor, newest)
        asked = list_questions(frame, flags[0])
        bare = {
            name: median(measure(lambda each=each: cursor.execute(each.sql).fetchall(), ROUND // 2))  # type: ignore[misc]
            for name, each in asked.items()
        }
    with serve_desk(folder) as address, open_client(address) as client:
        header = (
            f"a route at {len(frame):,} flags (ms)",
            "median",
            "p95",
            "bare DuckDB",
            "ratio",
            "pandas",
            "ratio",
        )
        print_table(header, compare(client, asked, bare, loaded))
        print_table(("page around a flag (ms)", "median", "p95"), time_around(client, newest[-1]))
        print_table(("news (ms)", "median", "p95"), time_news(client, folder, flags))


def compare(
    client: httpx2.Client, asked: dict[str, Question], bare: dict[str, float], loaded: float
) -> Iterator[tuple[str, ...]]:
    for name, each in asked.items():
        filters = each.filters | find_place(client, each)
        times = measure(lambda each=each, filters=filters: client.get(each.path, params=filters), ROUND)  # type: ignore[misc]
        row: tuple[str, ...] = (name, *tell(times), f"{bare[name]:.1f}", f"{median(times) / bare[name]:.2f}")
        if each.panda:
            panda = loaded + median(measure(each.panda, 3))
            row += (f"{panda:.0f}", f"{median(times) / panda:.5f}")
        yield row


def find_place(client: httpx2.Client, question: Question) -> dict[str, Any]:
    """Return the cursor of the page that the question means, `DEEP` rows behind the first."""
    if "offset" not in question.sql or "offset 0" in question.sql:
        return {}
    after: dict[str, Any] = {}
    for _ in range(DEEP // 500):
        answer = client.get(question.path, params=question.filters | after | {"limit": 500}).json()
        after = {"after": answer["next"]}
    return after


def list_questions(frame: pd.DataFrame, flag: Flag) -> dict[str, Question]:
    """Return name → question, everything that the desk asks for."""
    return {
        **{
            f"page, view {name}": ask_page({"view": name}, VIEWS[name].replace("$me", "'nobody'"))
            for name in VIEWS
        },
        **dict(list_sorts(frame)),
        **dict(list_filters(frame)),
        "one flag's card": Question(f"flags/{flag.flag_id}", {}, find_by_id(flag)),
        "its help": Question(f"flags/{flag.flag_id}/help", {}, find_by_id(flag)),
    }


def ask_page(
    filters: dict[str, Any],
    condition: str,
    panda: Callable[[], object] | None = None,
    *,
    sort: str = "newest",
    offset: int = 0,
) -> Question:
    order = SORTS[sort]
    key = f"{order.order_by}, position desc".replace("$seed", "1")
    sql = write_page(condition, key, limit=PAGE + 1, offset=offset, source=order.source)
    asked = {"limit": PAGE, "sort": sort, "seed": 1, "counted": False, **filters}
    return Question("queue", asked, sql, panda)


def list_sorts(frame: pd.DataFrame) -> Iterator[tuple[str, Question]]:
    pandas = {
        "newest": lambda: frame.iloc[: -PAGE - 1 : -1],
        "least_confident": lambda: frame.nsmallest(PAGE, "confidence"),
    }
    for sort in SORTS:
        yield f"sort {sort}, first page", ask_page({"view": "open"}, OPEN, pandas.get(sort), sort=sort)
        yield f"sort {sort}, later page", ask_page({"view": "open"}, OPEN, sort=sort, offset=DEEP)


def list_filters(frame: pd.DataFrame) -> Iterator[tuple[str, Question]]:
    is_rare = (
        "model == 'digits' and model_version == 'v3' and option == 'bad_input' and predicted_label == '7'"
    )
    columns = ["model", "option", "predicted_label", "source"]

    def find_words() -> pd.DataFrame:
        return frame[frame["inputs"].str.contains(WORDS, regex=False)]

    def count(chosen: pd.DataFrame) -> list[pd.Series[int]]:
        return [chosen[each].value_counts() for each in columns]

    rare, words = {"view": "open", **RARE_FILTERS}, {"view": "all", "text": WORDS}
    yield "page, four filters", ask_page(rare, f"{OPEN} and {RARE}", lambda: frame.query(is_rare))
    yield "page, three words of text", ask_page(words, HAS_WORDS, find_words)
    yield "facets, open", Question("facets", {"view": "open"}, SUMMARY, lambda: count(frame))
    sql = SUMMARY.replace("group by", f"and {RARE} group by")
    yield "facets, four filters", Question("facets", rare, sql, lambda: count(frame.query(is_rare)))
    sql = SUMMARY.replace(OPEN, HAS_WORDS)
    yield "facets, three words of text", Question("facets", words, sql, lambda: count(find_words()))


def find_by_id(flag: Flag) -> str:
    return f"select * from flags where flag_id = '{flag.flag_id}'"  # noqa: S608  an id of our own


def time_around(client: httpx2.Client, flag_id: str) -> Iterator[tuple[str, ...]]:
    """Time what a link or a reload asks for."""
    for sort in ("newest", "priority"):
        asked = {"view": "open", "sort": sort, "around": flag_id, "limit": 2 * PAGE}
        yield sort, *tell(measure(lambda asked=asked: client.get("queue", params=asked), ROUND))  # type: ignore[misc]


def time_news(client: httpx2.Client, folder: Path, flags: list[Flag]) -> Iterator[tuple[str, ...]]:
    token = client.get("news").json()["token"]
    yield "nothing new", *tell(measure(lambda: client.get("news", params={"after": token}), ROUND))
    reviews, chance = open_logs(folder / "flagged")["reviews"], random.Random(3)
    times = []
    for number in range(ROUND):
        append_reviews(reviews, flags, chance, number + 1)
        started = time.perf_counter()
        news = client.get("news", params={"after": token}).json()
        times.append((time.perf_counter() - started) * 1000)
        if len(news["flags"]) != len(flags):
            raise SystemExit(f"{len(flags)} events brought {len(news['flags'])} rows")
        token = news["token"]
    yield f"after {len(flags)} events", *tell(times)


def append_reviews(log: Log, flags: list[Flag], chance: random.Random, number: int) -> None:
    """Decide about each flag for the `number`th time."""
    made = [make_review(each, chance, each.state.seq + number) for each in flags]
    log.append(encode_rows("reviews", made))


# Keys

WATCH = """
(ids) => {
  const places = new Map(ids.map((id, place) => [id, place]));
  const pressed = [], taken = [];
  window.bench = { pressed, taken };
  addEventListener("keydown", () => pressed.push(performance.now()), { capture: true });
  const desk = document.querySelector(".desk");
  const look = () => {
    const shown = desk.querySelector(".desk-row[aria-selected=true]")?.dataset.flag;
    const place = places.get(shown) ?? 0;
    if (!desk.querySelector(".desk-card .desk-history")) return;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const now = performance.now();
      while (taken.length < Math.min(place, pressed.length)) taken.push(now - pressed[taken.length]);
    }));
  };
  const all = { childList: true, subtree: true, attributeFilter: ["aria-selected"] };
  new MutationObserver(look).observe(desk, all);
}
"""
"""Notes for each key the milliseconds until two frames after the card it leads to was put into the page."""

BARE = """
<p>0</p>
<script>
  const pressed = [], taken = [];
  window.bench = { pressed, taken };
  addEventListener("keydown", () => {
    const started = performance.now();
    document.querySelector("p").textContent = taken.length;
    requestAnimationFrame(() => requestAnimationFrame(() => taken.push(performance.now() - started)));
  });
</script>
"""
"""A page whose keys do nothing but write a number: what two frames take on this machine."""


def time_keys(folder: Path) -> None:
    """Print what keys take until the next card is painted, and whether the log holds every one."""
    with serve_desk(folder) as address, open_client(address) as client, open_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-US")
        page.set_content(BARE)
        press_paced(page, ["x"] * KEYS, KEYS)
        print_table(("keys (ms)", "median", "p95", "seconds"), iter([tell_keys(page, "an empty page", 0)]))
        for name, keys, view in list_runs():
            ids = open_desk(page, address, client, view)
            cards = [client.get(f"flags/{each}").json() for each in ids[:KEYS]]
            log = folder / "flagged/reviews-0001.csv"
            size, started = log.stat().st_size, time.perf_counter()
            taken = press_paced(page, keys, KEYS)
            row = tell_keys(page, name, taken)
            page.locator(".desk-saving-ok").wait_for()
            saved = time.perf_counter() - started
            print_table(row, iter(()))
            if name.startswith("label"):
                print_table((f"  saved {compare_log(log, size, cards, keys)}", f"{saved:.1f} s"), iter(()))


def list_runs() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Yield name, keys and what is looked at."""
    chance = random.Random(5)
    yield "j, one every 30 ms", ["j"] * KEYS, {"view": "open", "model": "tickets"}
    yield "label keys, one every 30 ms", chance.choices("1234", k=KEYS), {"view": "open", "model": "tickets"}


def open_desk(page: Any, address: str, client: httpx2.Client, view: dict[str, str]) -> list[str]:
    """Open the desk and watch it; returns the ids of the flags in its order."""
    rows = client.get("queue", params={**view, "limit": 2 * KEYS}).json()["flags"]
    ids = [each["flag_id"] for each in rows]
    page.goto(f"{address}/?tab=review&{httpx2.QueryParams(view)}")
    page.locator(".desk-card .desk-history").wait_for()
    page.wait_for_timeout(1000)  # the next cards arrive before they are needed, as they do for people
    page.evaluate(WATCH, ids)
    return ids


def press_paced(page: Any, keys: list[str], count: int) -> float:
    """Press the keys one every 30 ms until each is painted; returns the seconds that pressing took."""
    started = time.perf_counter()
    for number, key in enumerate(keys):
        time.sleep(max(0.0, started + number * KEY_SECONDS - time.perf_counter()))
        page.keyboard.press(key)
    taken = time.perf_counter() - started
    page.wait_for_function(f"window.bench.taken.length >= {count}")
    return taken


def tell_keys(page: Any, name: str, seconds: float) -> tuple[str, ...]:
    return name, *tell(page.evaluate("window.bench.taken")), f"{seconds:.2f}"


def compare_log(path: Path, offset: int, cards: list[dict[str, Any]], keys: list[str]) -> str:
    """Return how many of the keys the log holds, in their order."""
    with path.open(encoding="utf-8", newline="") as file:
        file.seek(offset)
        rows = list(csv.DictReader(file, columns_of("reviews")))
    found = [(row["flag_id"], row["corrected_label"]) for row in rows]
    meant = [(card["flag_id"], find_meant(card, key)) for card, key in zip(cards, keys, strict=True)]
    kept = sum(mine == theirs for mine, theirs in zip(found, meant, strict=False))
    return f"{kept} of {len(keys)} keys in order, {len(rows)} rows"


def find_meant(card: dict[str, Any], key: str) -> str:
    label = str(card["labels"][int(key) - 1])
    return "" if label == card["predicted_label"] else label


# Many at once


def time_bulk(folder: Path) -> None:
    """Print what a decision about ten thousand flags takes until it is durable and counted, and its undo."""
    with open_index(folder) as index, index.reading() as cursor:
        rows = queries.read_page(cursor, Slice(view="open"), limit=MANY).rows
        ids = [str(row["flag_id"]) for row in rows]
        bare = time_update(cursor, ids)
    filters = {"view": "open", "model": ["tickets"], "version": ["v1"], "option": ["wrong_label"]}
    filters["predicted"] = ["billing"]
    with serve_desk(folder) as address, open_client(address) as client:
        head = client.post("bulk/preview", json={"filters": filters}).json()["head"]
        ways = {
            "by their ids": {"flags": [{"flag_id": each} for each in ids]},
            "all that filters match": {"filters": filters, "head": head},
        }
        header = (
            "a decision about many (ms)",
            "flags",
            "decided",
            "most",
            "undone",
            "most",
            "update",
            "ratio",
        )
        print_table(header, (repeat_decision(client, name, bare, chosen) for name, chosen in ways.items()))
        asked = {**ways["by their ids"], "resolution": "ambiguous"}
        times = measure(lambda: client.post("bulk/preview", json=asked), BULK_ROUND)
        print_table(("its preview (ms)", *tell(times)), iter(()))


def time_update(cursor: Any, ids: list[str]) -> float:
    """Return the milliseconds that DuckDB takes to change as many rows."""
    cursor.execute("begin")
    statement = (
        "update flags set status = 'resolved', resolution = 'ambiguous'"
        " where flag_id in (select unnest($ids::uuid[]))"
    )
    times = measure(lambda: cursor.execute(statement, {"ids": ids}), 3)
    cursor.execute("rollback")
    return median(times)


def repeat_decision(client: httpx2.Client, name: str, bare: float, chosen: dict[str, Any]) -> tuple[str, ...]:
    """Return the flags, the median and the longest of deciding and undoing, and how bare DuckDB compares."""
    counts, decided, undone = zip(*(decide_and_undo(client, chosen) for _ in range(BULK_ROUND)), strict=True)
    times = (f"{each:.0f}" for each in (median(decided), max(decided), median(undone), max(undone), bare))
    return name, f"{counts[0]:,}", *times, f"{median(decided) / bare:.0f}"


def decide_and_undo(client: httpx2.Client, chosen: dict[str, Any]) -> tuple[int, float, float]:
    """Return how many flags were decided about, and the milliseconds until that and its undo are counted."""
    before = count_done(client)
    action = new_id()
    started = time.perf_counter()
    job = client.post("bulk", json={"action_id": action, "resolution": "ambiguous", **chosen}).json()
    while job["state"] == "running":
        time.sleep(0.05)
        job = client.get(f"bulk/{action}").json()
    changed = count_done(client) - before
    decided = time.perf_counter()
    if not changed == job["changed"] == job["total"]:
        raise SystemExit(f"{changed} flags are done, but the job says {job}")
    client.post("undo", json={"action_id": new_id(), "reverts": action})
    if count_done(client) != before:
        raise SystemExit("undo left flags done")
    return changed, (decided - started) * 1000, (time.perf_counter() - decided) * 1000


def count_done(client: httpx2.Client) -> int:
    return int(client.get("facets", params={"view": "open"}).json()["views"]["done"])


PARTS: dict[str, Callable[[Path], None]] = {"routes": time_routes, "keys": time_keys, "bulk": time_bulk}


if __name__ == "__main__":
    main(sys.argv[1:])
