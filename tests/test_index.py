"""The index: always the fold of the logs, whoever writes, dies, cuts or reads in between."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import append, make_flag, make_prediction, make_review, open_small_logs
from folding import fold_logs, read_csv, read_states
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.errors import BusyError, LogError
from reviewer.index import queries
from reviewer.index.queries import Slice
from reviewer.index.store import MainIndex, SideIndex, delete_index
from reviewer.log import Log, columns_of, encode_row
from reviewer.records import (
    ANSWERING,
    SETTABLE,
    Event,
    Flag,
    Prediction,
    Resolution,
    Review,
    Verification,
    new_id,
)


def read_flags(index: MainIndex | SideIndex) -> list[Flag]:
    with index.reading() as cursor:
        return queries.find_slice(cursor, Slice())


def read_counts(index: MainIndex | SideIndex) -> dict[str, int]:
    with index.reading() as cursor:
        return queries.count_rows(cursor)


@pytest.fixture
def side(tmp_path: Path) -> SideIndex:
    return SideIndex(tmp_path)


# Histories with a known end

EVENTS: dict[str, tuple[list[tuple[Any, ...]], dict[str, Any]]] = {
    "of two decisions about the same state the first counts": (
        [("a", "resolve", 1, "ambiguous"), ("b", "resolve", 1, "duplicate")],
        {"resolution": "ambiguous", "seq": 1},
    ),
    "the next decision replaces the one before": (
        [("a", "resolve", 1, "ambiguous"), ("b", "status", 2, "in_review")],
        {"status": "in_review", "resolution": None, "seq": 2},
    ),
    "a gap in the numbers is no harm": ([("a", "status", 7, "in_review")], {"status": "in_review", "seq": 7}),
    "a row written twice counts once": (
        [("a", "comment", 0, "why?"), ("a", "comment", 0, "why?"), ("b", "comment", 0, "because")],
        {"comments": 2},
    ),
    "undoing the only decision opens the flag again": (
        [("a", "resolve", 1, "ambiguous"), ("c", "comment", 0, "why?"), ("r", "revert", 2, "a")],
        {"status": "open", "resolution": None, "reviewer": None, "comments": 1, "seq": 2},
    ),
    "undoing the last decision brings the one before back": (
        [("a", "resolve", 1, "ambiguous"), ("b", "resolve", 2, "duplicate"), ("r", "revert", 3, "b")],
        {"status": "resolved", "resolution": "ambiguous", "seq": 3},
    ),
    "undoing an earlier decision leaves the last one": (
        [("a", "resolve", 1, "ambiguous"), ("b", "resolve", 2, "duplicate"), ("r", "revert", 3, "a")],
        {"resolution": "duplicate"},
    ),
    "an undone comment is not counted": (
        [("c", "comment", 0, "why?"), ("d", "comment", 0, "so"), ("r", "revert", 1, "c")],
        {"comments": 1},
    ),
    "a decision after an undo counts": (
        [("a", "resolve", 1, "ambiguous"), ("r", "revert", 2, "a"), ("b", "resolve", 3, "duplicate")],
        {"resolution": "duplicate", "seq": 3},
    ),
    "a stale undo does nothing": (
        [("a", "resolve", 1, "ambiguous"), ("r", "revert", 1, "a")],
        {"resolution": "ambiguous", "seq": 1},
    ),
    "an undo that names no state it saw still leaves the highest number": (
        [("a", "resolve", 5, "ambiguous"), ("r", "revert", 0, "a")],
        {"status": "open", "seq": 5},
    ),
    "undoing an undo changes nothing": (
        [("a", "resolve", 1, "ambiguous"), ("r", "revert", 2, "a"), ("q", "revert", 3, "r")],
        {"status": "open", "seq": 3},
    ),
    "an undo takes back what came before it only": (
        [("r", "revert", 1, "a"), ("a", "resolve", 2, "ambiguous")],
        {"resolution": "ambiguous", "seq": 2},
    ),
    "an undo takes back events of its own flag only": (
        [("a", "resolve", 1, "ambiguous"), ("r", "revert", 1, "a", "other flag")],
        {"resolution": "ambiguous", "seq": 1},
    ),
    "a flag taken back stays so": (
        [("w", "revert", 1, "flag"), ("a", "resolve", 2, "ambiguous")],
        {"is_withdrawn": True, "resolution": "ambiguous"},
    ),
    "a verdict stands until the next decision": (
        [("a", "resolve", 1, "ambiguous"), ("v", "verify", 0, "fixed"), ("b", "status", 2, "in_review")],
        {"verification": "not_run", "verified_version": None},
    ),
    "a verdict stands through comments and stale decisions": (
        [
            ("a", "resolve", 1, "ambiguous"),
            ("v", "verify", 0, "fixed"),
            ("c", "comment", 0, "good"),
            ("b", "resolve", 1, "duplicate"),
        ],
        {"verification": "fixed", "verified_version": "v2", "resolution": "ambiguous"},
    ),
    "the last verdict counts": (
        [("v", "verify", 0, "fixed"), ("w", "verify", 0, "regressed")],
        {"verification": "regressed"},
    ),
    "an undo ends the verdict on what it took back": (
        [("a", "resolve", 1, "ambiguous"), ("v", "verify", 0, "fixed"), ("r", "revert", 2, "a")],
        {"verification": "not_run", "status": "open"},
    ),
    "a verdict after an undo counts": (
        [("a", "resolve", 1, "ambiguous"), ("r", "revert", 2, "a"), ("v", "verify", 0, "inconclusive")],
        {"verification": "inconclusive"},
    ),
}


@pytest.mark.parametrize("is_read_after_each", [False, True])
@pytest.mark.parametrize("story", EVENTS)
def test_a_history_ends_in_the_state_it_tells(
    tmp_path: Path, side: SideIndex, story: str, is_read_after_each: bool
) -> None:
    events, expected = EVENTS[story]
    flags, logs = {"flag": make_flag(), "other flag": make_flag()}, open_small_logs(tmp_path)
    ids = {name: new_id() for name, *_ in events} | {name: each.flag_id for name, each in flags.items()}
    append(logs, *flags.values())
    for name, event, seq, value, *flag in events:
        given = {"reverts": ids[value]} if event == Event.REVERT else {"value": value}
        flag_id = flags[(flag or ["flag"])[0]].flag_id
        append(
            logs,
            make_review(
                flag_id, event, event_id=ids[name], seq=seq, model_version="v2", reviewer="ann", **given
            ),
        )
        if is_read_after_each:
            read_states(side)
    state = read_states(side)[0]
    assert {name: state[name] for name in expected} == expected
    assert read_states(side) == fold_logs(tmp_path)


# Random histories


class History:
    """A workspace's logs and their life: writers, indexes, accidents."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        small = chance.choice([2000, 20_000, 1 << 28])
        self.writers = [open_small_logs(folder, small) for _ in range(2)]
        self.main = MainIndex(folder, open_small_logs(folder, small))
        self.side = SideIndex(folder, open_small_logs(folder, small))
        self.can_rewrite = small > 20_000

    def run(self, steps: list[str]) -> None:
        for step in steps:
            getattr(self, step)()

    def check(self) -> None:
        expected = fold_logs(self.folder)
        assert read_states(self.main) == expected
        assert read_states(self.side) == expected
        (self.folder / ".index" / "side.duckdb").unlink()
        assert read_states(self.side) == expected

    # What people do

    def flag(self) -> None:
        text = self.chance.choice(["short", 'a "long"\n' * 30, "=1+1,🔥"])
        self.append(*(make_flag(inputs={"text": text}) for _ in range(self.chance.randint(1, 3))))

    def decide(self) -> None:
        """Decide about some flags in one action."""
        decisions = [self.make_decision(each) for each in self.choose_flags()]
        self.append(*(replace(each, action_id=decisions[0].action_id) for each in decisions))

    def comment(self) -> None:
        words = self.chance.choice(["why?", "@боб, @ann.lee: so? @ann.", "@ann"])
        self.append(*(make_review(each, Event.COMMENT, value=words) for each in self.choose_flags()))

    def ask_second(self) -> None:
        """Ask for a second review of an action, of another flag's too, and let somebody answer twice."""
        if events := self.list_events():
            answers = [each for each in events if each["event"] == Event.RESOLVE]
            asked = self.chance.choice(answers or events)
            flag_id = asked["flag_id"]
            self.append(make_review(flag_id, Event.ASK_SECOND, reverts=asked["action_id"], reviewer="ann"))
            if self.chance.random() < 0.5:
                given = {"value": asked["value"], "corrected_label": asked["corrected_label"] or None}
                seq, event = self.choose_seq(flag_id), self.chance.choice(ANSWERING)
                self.append(make_review(flag_id, event, **given, seq=seq, reviewer="боб"))

    def renew(self) -> None:
        who, until = self.chance.choice(["ann", "боб", ""]), f"2026-03-0{self.chance.randint(1, 9)}T12:00:00Z"
        self.append(
            *(make_review(each, Event.RENEW, value=until, reviewer=who) for each in self.choose_flags())
        )

    def make_gold(self) -> None:
        who = self.chance.choice(["ann", ""])
        kind = self.chance.choice([Event.GOLD, Event.GOLD, Event.GOLD_CLAIM, Event.GOLD_ANSWER])
        self.append(*(make_review(each, kind, reviewer=who) for each in self.choose_flags()))

    def verify(self) -> None:
        self.append(
            *(
                make_review(
                    each, Event.VERIFY, value=self.chance.choice(list(Verification)), model_version="v2"
                )
                for each in self.choose_flags()
            )
        )

    def revert(self) -> None:
        """Take one event back, of any kind, or one that another flag has."""
        events = self.list_events()
        if events and (flags := self.choose_flags()):
            flag_id, target = flags[0], self.chance.choice(events)
            if self.chance.random() < 0.8:
                flag_id = target["flag_id"]
            self.append(self.make_revert(flag_id, target["event_id"]))

    def revert_action(self) -> None:
        """Take back all that one action did, which may touch several flags."""
        events = self.list_events()
        if events:
            action = self.chance.choice(events)["action_id"]
            acted = [each for each in events if each["action_id"] == action]
            self.append(*(self.make_revert(each["flag_id"], each["event_id"]) for each in acted))

    def withdraw(self) -> None:
        self.append(*(self.make_revert(each, each) for each in self.choose_flags()[:1]))

    # What goes wrong

    def double(self) -> None:
        """Write a row again, as a client does that got no answer."""
        stream = self.chance.choice(["flags", "reviews"])
        if rows := read_csv(self.folder, stream):
            self.choose_logs()[stream].append([tuple(self.chance.choice(rows).values())])

    def write_junk(self) -> None:
        """Write rows that no part of the program would."""
        stray = make_review(make_flag().flag_id, seq=1, value="ambiguous")
        unreadable = list(encode_row("reviews", stray))
        unreadable[self.chance.choice([0, 1, 9])] = "none"
        logs = self.choose_logs()
        logs["reviews"].append([encode_row("reviews", stray), unreadable, ["too", "short"]])
        logs["flags"].append([["no-uuid", *encode_row("flags", make_flag())[1:]], ["too"] * 40])

    def tear(self) -> None:
        """Die in the middle of a write."""
        stream = self.chance.choice(["flags", "reviews"])
        paths = sorted(self.folder.glob(f"{stream}-*.csv"))
        if paths and paths[-1].read_bytes().endswith(b"\n"):
            with tempfile.TemporaryDirectory() as aside:
                logs = open_small_logs(Path(aside))
                record = make_flag(comment='a "b",\n' * 9) if stream == "flags" else self.make_decision("")
                append(logs, record)
                row = (Path(aside) / f"{stream}-0001.csv").read_bytes().split(b"\n", 1)[1]
            with paths[-1].open("ab") as file:
                file.write(row[: self.chance.randrange(1, len(row))])

    def rewrite(self) -> None:
        """Let somebody put another file in a segment's place, or cut it, or edit it."""
        stream = self.chance.choice(["flags", "reviews"])
        path = self.folder / f"{stream}-0001.csv"
        rows = read_csv(self.folder, stream)
        if not self.can_rewrite or len(rows) < 2:
            return
        way = self.chance.choice(["cut", "edit", "replace", "unlink"])
        rows.pop(-1 if way == "cut" else self.chance.randrange(len(rows)))
        with tempfile.TemporaryDirectory() as aside:
            open_small_logs(Path(aside))[stream].append([tuple(each.values()) for each in rows])
            data = (Path(aside) / path.name).read_bytes()
        if way == "unlink":
            path.unlink()
        if way == "replace":
            path.with_suffix(".new").write_bytes(data)
            path.with_suffix(".new").replace(path)
        else:
            path.write_bytes(data)

    # Who looks

    def sync_main(self) -> None:
        with self.main.reading():
            pass

    def sync_side(self) -> None:
        with self.side.reading():
            pass

    def check_now(self) -> None:
        assert read_states(self.main) == fold_logs(self.folder)

    # Chances

    def append(self, *records: Any) -> None:
        append(self.choose_logs(), *records)

    def choose_logs(self) -> Any:
        return self.chance.choice(self.writers)

    def choose_flags(self) -> list[str]:
        """Return one to three flags, the same ones often, so that histories grow."""
        known = list(dict.fromkeys(each["flag_id"] for each in read_csv(self.folder, "flags")))
        known = [each for each in known if each != "no-uuid"][:5]
        return self.chance.sample(known, min(len(known), self.chance.choice([1, 1, 2, 3])))

    def list_events(self) -> list[dict[str, str]]:
        flags = {each["flag_id"] for each in read_csv(self.folder, "flags")}
        rows = read_csv(self.folder, "reviews")
        return [each for each in rows if each["flag_id"] in flags and each["event_id"] != "none"]

    def choose_seq(self, flag_id: str) -> int:
        """Return the next number mostly; sometimes a stale one, a gap, or none."""
        seqs = [int(each["seq"]) for each in self.list_events() if each["flag_id"] == flag_id]
        return max(0, max(seqs, default=0) + 1 + self.chance.choice([0, 0, 0, 0, -1, -2, 1, -99]))

    def make_decision(self, flag_id: str) -> Review:
        seq, reviewer = self.choose_seq(flag_id), self.chance.choice(["ann", "боб", ""])
        if self.chance.random() < 0.3:
            act = self.chance.choice([Event.CLAIM, Event.RELEASE, Event.ASSIGN, Event.SPLIT])
            given = {"value": self.chance.choice(["bob", "боб", None])} if act == Event.ASSIGN else {}
            if act == Event.CLAIM:
                given = {"value": self.chance.choice([None, "2026-03-01T12:15:00Z"])}
            return make_review(flag_id, act, **given, seq=seq if act != Event.SPLIT else 0, reviewer=reviewer)
        if self.chance.random() < 0.4:
            status = self.chance.choice(SETTABLE)
            return make_review(flag_id, Event.STATUS, value=status, seq=seq, reviewer=reviewer)
        return make_review(
            flag_id,
            self.chance.choice([Event.RESOLVE, *ANSWERING]),
            value=self.chance.choice(list(Resolution)[:2]),
            corrected_label=self.chance.choice([None, 'a "label"', "x\ny"]),
            corrected_value=self.chance.choice([None, 0.1, 0.1001, -7.5]),
            corrected_output=self.chance.choice([None, {"a": [1, None]}, "text"]),
            seq=seq,
            reviewer=reviewer,
        )

    def make_revert(self, flag_id: str, target: str) -> Review:
        return make_review(
            flag_id, Event.REVERT, reverts=target, seq=self.choose_seq(flag_id), reviewer="ann"
        )


STEPS = (
    ["flag"] * 3
    + ["decide"] * 5
    + ["comment", "verify", "verify", "revert", "revert", "revert_action", "withdraw"]
    + ["ask_second"] * 4
    + ["renew", "make_gold"]
    + ["double", "write_junk", "tear", "rewrite"]
    + ["sync_main"] * 3
    + ["sync_side", "check_now"]
)


@settings(
    deadline=None,
    max_examples=int(os.environ.get("REVIEWER_HISTORIES", "15")),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    steps=st.lists(st.sampled_from(STEPS), min_size=25, max_size=60), chance=st.randoms(use_true_random=False)
)
def test_the_index_is_the_fold_of_the_logs_after_any_history(steps: list[str], chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        history = History(Path(name), chance)
        try:
            history.run(["flag", *steps])
            history.check()
        finally:
            history.main.close()


# Exactness

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1) | st.text(
    "\",\r\n'=-+ \té🔥", min_size=1, max_size=9
)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
INPUTS = st.dictionaries(ANY_TEXT, JSON, max_size=3)
OPTIONAL_TEXT = st.none() | TEXTS
FLOATS = st.none() | st.floats(allow_nan=False).map(lambda number: number + 0.0)
"""Numbers; DuckDB gives -0.0 back as 0.0 after a window function, which is the same number."""
TIMES = st.datetimes(timezones=st.just(UTC))
ANSWERS = {
    "inputs": INPUTS,
    "predicted_label": OPTIONAL_TEXT,
    "confidence": FLOATS,
    "scores": st.none() | st.dictionaries(ANY_TEXT, st.floats(allow_nan=False), max_size=3),
    "predicted_value": FLOATS,
    "output": JSON,
    "latency_ms": FLOATS,
    "model": TEXTS,
    "model_version": TEXTS,
    "session_id": st.just("") | TEXTS,
}
FLAGS = st.builds(
    make_flag,
    **ANSWERS,
    flagged_at=TIMES,
    flagger=st.just("") | TEXTS,
    option=TEXTS,
    comment=st.just("") | TEXTS,
    suggested_label=OPTIONAL_TEXT,
    tags=st.lists(ANY_TEXT, max_size=3).map(tuple),
    origin=JSON,
)
PREDICTIONS = st.builds(
    make_prediction, **ANSWERS, predicted_at=TIMES, error=OPTIONAL_TEXT, username=st.just("") | TEXTS
)

EXACT = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def say(value: Any) -> str:
    """Return a text that also tells -0.0 from 0.0 and 1 from 1.0."""
    return json.dumps(value, default=_say_one)


def _say_one(value: Any) -> Any:
    if isinstance(value, Flag):  # without what the index adds for lists
        value = replace(value, state=replace(value.state, preview=None, thumbnail=None))
    return asdict(value) if isinstance(value, (Flag, Prediction, Review)) else str(value)


OpenIndex = tuple[MainIndex, dict[str, Log]]


@pytest.fixture
def open_index(tmp_path: Path) -> Iterator[OpenIndex]:
    logs = open_small_logs(tmp_path)
    index = MainIndex(tmp_path, logs)
    yield index, logs
    index.close()


@EXACT
@given(flags=st.lists(FLAGS, min_size=1, max_size=4))
def test_any_flag_comes_back_equal_from_the_index(open_index: OpenIndex, flags: list[Flag]) -> None:
    index, logs = open_index
    flags = [replace(each, flag_id=new_id()) for each in flags]
    append(logs, *flags)
    with index.reading() as cursor:
        assert say(queries.find_flags(cursor, [each.flag_id for each in flags])) == say(flags)


@EXACT
@given(prediction=PREDICTIONS)
def test_any_prediction_comes_back_equal_from_the_index(
    open_index: OpenIndex, prediction: Prediction
) -> None:
    index, logs = open_index
    prediction = replace(prediction, prediction_id=new_id())
    append(logs, prediction)
    with index.reading() as cursor:
        assert say(queries.find_prediction(cursor, prediction.prediction_id)) == say(prediction)


@EXACT
@given(
    fields=st.fixed_dictionaries(
        {
            "corrected_label": OPTIONAL_TEXT,
            "corrected_value": FLOATS,
            "corrected_output": JSON,
            "reviewer": st.just("") | TEXTS,
            "certainty": st.none() | st.integers(1, 5),
            "seconds": FLOATS,
            "reviewed_at": TIMES,
        }
    )
)
def test_any_review_comes_back_equal_from_the_index(open_index: OpenIndex, fields: dict[str, Any]) -> None:
    index, logs = open_index
    flag = make_flag()
    review = make_review(flag.flag_id, value=Resolution.LABEL_CORRECTED, seq=1, **fields)
    append(logs, flag, review)
    with index.reading() as cursor:
        assert say(queries.find_history(cursor, flag.flag_id)) == say([(review, True, False)])
        state = queries.find_flag(cursor, flag.flag_id).state
    decided = {name: getattr(state, name) for name in fields if name.startswith("corrected")}
    assert say(decided) == say({name: value for name, value in fields.items() if name in decided})


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308])
def test_numbers_at_the_edge_come_back_equal(side: SideIndex, tmp_path: Path, value: float) -> None:
    flag = make_flag(confidence=value, predicted_value=value, inputs={"x": value}, output=[value])
    append(open_small_logs(tmp_path), flag)
    assert say(read_flags(side)) == say([flag])


def test_a_value_that_is_no_number_comes_back_as_such(side: SideIndex, tmp_path: Path) -> None:
    append(open_small_logs(tmp_path), make_flag(confidence=float("nan"), output={"x": float("nan")}))
    found = read_flags(side)[0]
    assert say([found.confidence, found.output]) == '[NaN, {"x": NaN}]'


def test_a_text_of_megabytes_comes_back_equal(side: SideIndex, tmp_path: Path) -> None:
    flag = make_flag(inputs={"text": 'wide "text",\n' * 700_000}, comment="c" * 5_000_000)
    append(open_small_logs(tmp_path), make_flag(), flag, make_flag())
    assert read_flags(side)[1] == flag


# What a log may hold that is no row


def list_rejected(index: MainIndex | SideIndex) -> list[str]:
    with index.reading() as cursor:
        return queries.list_rejected(cursor)


def test_plain_rows_of_every_log_are_not_reported(side: SideIndex, tmp_path: Path) -> None:
    flag = make_flag()
    append(
        open_small_logs(tmp_path),
        flag,
        make_prediction(),
        make_review(flag.flag_id, value="ambiguous", seq=1),
        make_review(flag.flag_id, Event.COMMENT, value="why?"),
    )
    assert list_rejected(side) == []


@pytest.mark.parametrize(
    ("stream", "column", "cell"),
    [
        ("flags", "flag_id", "7"),
        ("flags", "flag_id", ""),
        ("flags", "flagged_at", "yesterday"),
        ("flags", "inputs", "{"),
        ("flags", "inputs", ""),
        ("predictions", "prediction_id", "7"),
        ("predictions", "predicted_at", ""),
        ("predictions", "inputs", "text"),
        ("reviews", "event_id", "7"),
        ("reviews", "flag_id", "7"),
        ("reviews", "reviewed_at", "never"),
    ],
)
def test_an_unreadable_row_is_named_once_and_the_rest_is_read(
    side: SideIndex, tmp_path: Path, stream: str, column: str, cell: str
) -> None:
    flag = make_flag()
    records = {"flags": flag, "predictions": make_prediction(), "reviews": make_review(flag.flag_id)}
    logs = open_small_logs(tmp_path)
    append(logs, *records.values())
    row = dict(zip(columns_of(stream), encode_row(stream, records[stream]), strict=True)) | {column: cell}
    logs[stream].append([tuple(row.values())])
    append(logs, make_flag(), make_prediction(), make_review(flag.flag_id, seq=1))
    said = list_rejected(side)
    assert len(said) == 1
    assert said[0].startswith(f"{stream}: row 1 has an unreadable ")
    assert read_counts(side) == {"flags": 2, "reviews": 2, "predictions": 2}


def test_a_review_of_a_flag_that_is_nowhere_is_named(side: SideIndex, tmp_path: Path) -> None:
    append(open_small_logs(tmp_path), make_flag(), make_review(make_flag().flag_id))
    assert "its flag is unknown" in list_rejected(side)[0]
    assert read_counts(side)["reviews"] == 0


def test_a_row_too_wide_is_named_and_the_rest_is_read(side: SideIndex, tmp_path: Path) -> None:
    logs = open_small_logs(tmp_path)
    append(logs, make_flag())
    logs["flags"].append([[*encode_row("flags", make_flag()), "one more"]])
    append(logs, make_flag())
    assert len(read_flags(side)) == 2
    assert list_rejected(side)[0].startswith("flags: flags-0001.csv has a row of 26 cells instead of 25")


def test_damage_in_a_log_is_refused_and_what_was_read_before_stays(side: SideIndex, tmp_path: Path) -> None:
    flag = make_flag()
    append(open_small_logs(tmp_path), flag)
    assert read_flags(side) == [flag]
    with (tmp_path / "flags-0001.csv").open("ab") as file:
        file.write(b"\xff\xfe,bad\n")
    for _ in range(2):
        with pytest.raises(LogError, match=r"is damaged: byte \d+ is no UTF-8"):
            read_flags(side)


def test_a_removed_log_empties_the_index(side: SideIndex, tmp_path: Path) -> None:
    append(open_small_logs(tmp_path), make_flag())
    assert len(read_flags(side)) == 1
    (tmp_path / "flags-0001.csv").unlink()
    assert read_flags(side) == []


# Writers that are killed

WRITER = """
import os, random, sys
from pathlib import Path
from builders import append, make_flag, make_review, open_small_logs
from reviewer.index.store import SideIndex

folder, chance = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
logs = open_small_logs(folder, 4_000_000)
side = SideIndex(folder, logs)
flags = []
while True:
    text = 'quote " and\\nline, ' * chance.choice([30, 30, 500, 15_000])
    made = [make_flag(comment=text) for _ in range(chance.choice([1, 1, 1, 5]))]
    append(logs, *made)
    flags.append(made[0].flag_id)
    seq = flags.count(flags[0]) if chance.random() < 0.5 else 1
    review = make_review(flags[-1], value="ambiguous", corrected_label=text[:2000], seq=seq)
    append(logs, review)
    os.write(1, "".join(f"{each.flag_id}\\n" for each in made).encode() + f"{review.event_id}\\n".encode())
    if chance.random() < 0.1:
        with side.reading():
            pass
"""


def run_until_killed(folder: Path, chance: random.Random) -> set[str]:
    """Let a writer work, kill it in the middle and return the ids it said were durable."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    command = [sys.executable, "-c", WRITER, str(folder), str(chance.randrange(1 << 30))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout
        acknowledged = [writer.stdout.readline() for _ in range(chance.randint(1, 25))]
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.stdout.readlines()
    assert writer.returncode == -signal.SIGKILL
    return {each.strip() for each in acknowledged}


def kill_writers(folder: Path, kills: int, seed: int) -> set[str]:
    """Kill writers, three of them at work at any time; returns every id that was acknowledged."""
    with ThreadPoolExecutor(3) as threads:
        chances = [random.Random(seed + each) for each in range(kills)]
        return set().union(*threads.map(lambda chance: run_until_killed(folder, chance), chances))


def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    kills = int(os.environ.get("REVIEWER_KILLS", "18"))
    acknowledged = kill_writers(tmp_path, kills, seed=7)
    last = make_flag()
    append(open_small_logs(tmp_path, 4_000_000), last, make_review(last.flag_id, seq=1, value="ambiguous"))
    flags, reviews = read_csv(tmp_path, "flags"), read_csv(tmp_path, "reviews")
    ids = [each["flag_id"] for each in flags] + [each["event_id"] for each in reviews]
    assert len(acknowledged) > kills
    assert acknowledged <= set(ids)
    assert len(set(ids)) == len(ids)
    assert all(each["schema_version"] == "1" for each in flags)
    assert all(each["value"] == "ambiguous" for each in reviews)
    side = SideIndex(tmp_path)
    assert list_rejected(side) == []
    assert read_counts(side) == {"flags": len(flags), "reviews": len(reviews), "predictions": 0}
    assert read_states(side) == fold_logs(tmp_path)


# Who may have the index


def test_a_second_app_is_refused_and_may_start_after_the_first(tmp_path: Path) -> None:
    first = MainIndex(tmp_path, open_small_logs(tmp_path))
    with pytest.raises(BusyError, match=f"Another app already serves the workspace of {tmp_path}; stop it"):
        MainIndex(tmp_path, open_small_logs(tmp_path))
    first.close()
    MainIndex(tmp_path, open_small_logs(tmp_path)).close()


def test_an_app_of_another_process_is_noticed(tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from reviewer.index.store import MainIndex;"
        "from reviewer.log import open_logs; folder = Path(sys.argv[1]);"
        "index = MainIndex(folder, open_logs(folder)); print('open', flush=True); sys.stdin.read()"
    )
    with hold_in_process(hold, tmp_path), pytest.raises(BusyError, match="Another app already serves"):
        MainIndex(tmp_path, open_small_logs(tmp_path))
    MainIndex(tmp_path, open_small_logs(tmp_path)).close()


@contextlib.contextmanager
def hold_in_process(code: str, *arguments: object) -> Iterator[None]:
    """Run code that prints a line once it holds something, and holds it until its input ends."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().strip() == "open"
        yield
        process.communicate("")
    assert process.returncode == 0


def test_other_processes_use_the_side_index_while_the_app_is_open(tmp_path: Path) -> None:
    main, side = MainIndex(tmp_path, open_small_logs(tmp_path)), SideIndex(tmp_path)
    flag = make_flag()
    append(open_small_logs(tmp_path), flag)
    with main.reading() as cursor:
        assert queries.find_slice(cursor, Slice()) == [flag]
        assert read_flags(side) == [flag]
    main.close()


def test_threads_share_the_main_index_while_flags_arrive(tmp_path: Path) -> None:
    logs = open_small_logs(tmp_path)
    main = MainIndex(tmp_path, logs)

    def work(number: int) -> None:
        for _ in range(8):
            flag = make_flag(flagger=f"thread {number}")
            append(logs, flag)
            with main.reading() as cursor:
                assert queries.find_flag(cursor, flag.flag_id) == flag

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    assert len(read_flags(main)) == 48
    main.close()


def test_processes_take_turns_on_the_side_index(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from reviewer.index.store import SideIndex\n"
        "for _ in range(8):\n"
        "    with SideIndex(Path(sys.argv[1])).reading() as cursor:\n"
        "        print(*cursor.execute('select count(*) from flags').fetchone())\n"
    )
    append(open_small_logs(tmp_path), *(make_flag() for _ in range(50)))
    started = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for each in started:
        said, _ = each.communicate(timeout=90)
        assert (each.returncode, said.split()) == (0, ["50"] * 8)


HOLD_SNAPSHOT = (
    "import sys; from pathlib import Path; from reviewer.index.store import SideIndex\n"
    "with SideIndex(Path(sys.argv[1])).snapshot():\n"
    "    print('open', flush=True); sys.stdin.read()"
)


def count_in_file(path: Path) -> int:
    with duckdb.connect(path, read_only=True) as connection:
        row = connection.execute("select count(*) from flags").fetchone()
    return int(row[0]) if row else -1


def test_a_snapshot_holds_what_was_acknowledged(tmp_path: Path) -> None:
    side = SideIndex(tmp_path)
    append(open_small_logs(tmp_path), make_flag())
    with side.snapshot() as (path, age):
        assert age == 0
        assert count_in_file(path) == 1


def test_a_snapshot_that_a_long_query_holds_is_used_as_it_is_with_its_age(tmp_path: Path) -> None:
    logs = open_small_logs(tmp_path)
    append(logs, make_flag())
    with hold_in_process(HOLD_SNAPSHOT, tmp_path):
        append(logs, make_flag())
        os.utime(tmp_path / ".index" / "side.duckdb", (time.time() - 60, time.time() - 60))
        with SideIndex(tmp_path).snapshot() as (path, age):
            assert age >= 60
            assert count_in_file(path) == 1
    with SideIndex(tmp_path).snapshot() as (path, age):
        assert age == 0
        assert count_in_file(path) == 2


def test_the_first_snapshot_waits_for_the_process_that_makes_the_file(tmp_path: Path) -> None:
    code = (
        "import fcntl, os, sys\n"
        "folder = sys.argv[1] + '/.index'; os.makedirs(folder)\n"
        "lock = os.open(folder + '/side.lock', os.O_CREAT)\n"
        "fcntl.flock(lock, fcntl.LOCK_EX); print('open', flush=True); sys.stdin.read()"
    )
    append(open_small_logs(tmp_path), make_flag())
    with ThreadPoolExecutor(1) as threads:
        with hold_in_process(code, tmp_path):
            waiting = threads.submit(count_snapshot, tmp_path)
        assert waiting.result(timeout=30) == 1


def count_snapshot(folder: Path) -> int:
    with SideIndex(folder).snapshot() as (path, _):
        return count_in_file(path)


def test_an_index_in_use_cannot_be_deleted(tmp_path: Path) -> None:
    main = MainIndex(tmp_path, open_small_logs(tmp_path))
    with pytest.raises(BusyError, match=r"The main index of .* is in use; stop the app or query first"):
        delete_index(tmp_path)
    main.close()
    with hold_in_process(HOLD_SNAPSHOT, tmp_path), pytest.raises(BusyError, match="The side index"):
        delete_index(tmp_path)


def test_a_deleted_index_is_built_again_from_the_logs(tmp_path: Path) -> None:
    flag = make_flag()
    append(open_small_logs(tmp_path), flag)
    side = SideIndex(tmp_path)
    assert read_flags(side) == [flag]
    delete_index(tmp_path)
    assert not list((tmp_path / ".index").glob("*.duckdb*"))
    assert read_flags(side) == [flag]


def test_deleting_an_index_that_does_not_exist_does_nothing(tmp_path: Path) -> None:
    delete_index(tmp_path)
    assert read_flags(SideIndex(tmp_path)) == []


@pytest.mark.parametrize("kind", ["main", "side"])
@pytest.mark.parametrize("data", [b"", b"no database", b"\0" * 20_000])
def test_a_file_that_is_no_index_is_replaced(tmp_path: Path, kind: str, data: bytes) -> None:
    flag = make_flag()
    append(open_small_logs(tmp_path), flag)
    (tmp_path / ".index").mkdir()
    (tmp_path / ".index" / f"{kind}.duckdb").write_bytes(data)
    index = SideIndex(tmp_path) if kind == "side" else MainIndex(tmp_path, open_small_logs(tmp_path))
    assert read_flags(index) == [flag]
    index.close()


@pytest.mark.parametrize("place", range(0, 20, 2))
def test_a_damaged_index_is_said_at_most_once_and_built_again(tmp_path: Path, place: int) -> None:
    logs = open_small_logs(tmp_path)
    append(logs, *(make_flag(comment=str(each) * 500) for each in range(300)))
    side = SideIndex(tmp_path)
    expected = read_flags(side)
    path = tmp_path / ".index" / "side.duckdb"
    data = bytearray(path.read_bytes())
    at = len(data) * place // 20
    data[at : at + 3000] = bytes(reversed(data[at : at + 3000]))
    path.write_bytes(data)
    append(logs, make_flag())
    try:
        found = read_flags(side)
    except LogError as error:
        assert "was damaged. Nothing is lost: try again" in str(error)  # noqa: PT017  not at every place
        found = read_flags(side)
    assert found[:300] == expected
    assert len(found) == 301


def test_an_index_of_another_version_is_built_again(tmp_path: Path) -> None:
    flag = make_flag()
    append(open_small_logs(tmp_path), flag)
    side = SideIndex(tmp_path)
    assert read_flags(side) == [flag]
    with duckdb.connect(tmp_path / ".index" / "side.duckdb") as connection:
        connection.execute("update index_version set version = 'older'; update flags set comment = 'stale'")
    assert read_flags(side) == [flag]


def test_a_folder_that_cannot_hold_an_index_is_said(tmp_path: Path) -> None:
    (tmp_path / ".index").write_bytes(b"")
    with pytest.raises(LogError, match=r"The index in .* cannot be written .*; make the folder writable"):
        read_flags(SideIndex(tmp_path))
