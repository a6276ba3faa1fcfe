"""Queries: pages, filters, facets and look-ups against the same answers worked out in plain Python."""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import NOON, UNKNOWN_ID, append, make_flag, make_prediction, make_review, open_small_logs
from duckdb import DuckDBPyConnection
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.errors import InputError, UnknownNameError
from reviewer.index import queries
from reviewer.index.queries import (
    FACETS,
    SORTS,
    VIEWS,
    FacetCounts,
    Slice,
    pages,
)
from reviewer.index.store import MainIndex
from reviewer.log import Log
from reviewer.records import Event, Flag, Resolution, Status, new_id

HOSTILE = [
    "'; drop table flags; --",
    '"',
    "<b>x</b>",
    "%",
    "_",
    "100%",
    "a\\b",
    "$model",
    "Ünïcode 🔥",
    "*",
    "?",
]


class Desk:
    """An open index and the logs behind it."""

    def __init__(self, folder: Path) -> None:
        self.logs: dict[str, Log] = open_small_logs(folder)
        self.index = MainIndex(folder, self.logs)

    def add(self, *records: Any) -> None:
        append(self.logs, *records)

    def ask(self, question: Any, *arguments: Any, **named: Any) -> Any:
        with self.index.reading() as cursor:
            return question(cursor, *arguments, **named)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.index.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, pd.DataFrame]]:
    """A desk with 400 random flags, and the same flags as a frame."""
    desk, chance = Desk(tmp_path_factory.mktemp("filled")), random.Random(5)
    flags = [make_random_flag(chance) for _ in range(400)]
    reviews = [make_random_review(chance, each) for each in chance.sample(flags, 250)]
    desk.add(*flags, *reviews)
    yield desk, frame_flags(desk.ask(queries.find_slice, Slice()))
    desk.index.close()


def make_random_flag(chance: random.Random) -> Flag:
    return make_flag(
        model=chance.choice(["digits", "tickets", HOSTILE[0]]),
        model_version=chance.choice(["v1", "v2"]),
        option=chance.choice(["wrong_label", "other"]),
        severity=chance.choice(["", "low", "high"]),
        predicted_label=chance.choice(["billing", *HOSTILE, None]),
        confidence=chance.choice([None, 0.0, 0.5, 0.95, 1.0, round(chance.random(), 3)]),
        source=chance.choice(["manual", "auto"]),
        flagger=chance.choice(["ann", "боб", ""]),
        inputs={"text": chance.choice(["Where is my PARCEL", "quite short", *HOSTILE])},
        comment=chance.choice(["", "the Refund", *HOSTILE]),
    )


def make_random_review(chance: random.Random, flag: Flag) -> Any:
    kind = chance.random()
    if kind < 0.1:
        return make_review(flag.flag_id, Event.REVERT, reverts=flag.flag_id, seq=1)
    if kind < 0.3:
        return make_review(flag.flag_id, Event.VERIFY, value=chance.choice(["fixed", "regressed"]))
    if kind < 0.5:
        return make_review(flag.flag_id, Event.STATUS, value=chance.choice(list(Status)[:3]), seq=1)
    if kind < 0.65:
        return make_review(flag.flag_id, Event.ASSIGN, value=chance.choice(["ann", "боб"]), seq=1)
    return make_review(flag.flag_id, value=chance.choice(list(Resolution)), seq=1)


def frame_flags(flags: list[Flag]) -> pd.DataFrame:
    """Return one row per flag with the columns that filters and facets look at, in log order."""
    return pd.DataFrame(
        {
            "flag_id": each.flag_id,
            "model": each.model,
            "version": each.model_version,
            "option": each.option,
            "predicted": each.predicted_label,
            "resolution": each.state.resolution,
            "verification": each.state.verification,
            "source": each.source,
            "flagger": each.flagger,
            "severity": each.severity or None,
            "assignee": each.state.assignee,
            "confidence": each.confidence,
            "status": each.state.status,
            "text": " ".join([*map(str, each.inputs.values()), each.comment, each.flagger]).lower(),
        }
        for each in flags
    )


IN_VIEW = {
    "open": ("open", "needs_info"),
    "in_review": ("in_review",),
    "done": ("resolved",),
    "all": ("open", "needs_info", "in_review", "resolved"),
}

EMPTY_VIEWS = ("mentions", "second_review", "disagreements", "needs_label", "gold")
"""Views with none of the flags: nobody is mentioned or asked for a second opinion, no label was split."""


def is_in_view(frame: pd.DataFrame, view: str, me: str) -> Any:
    if view == "mine":
        return (frame["assignee"] == me) & (frame["status"] != "resolved")
    if view in EMPTY_VIEWS:
        return frame["status"].isin([])
    return frame["status"].isin(IN_VIEW[view])


def select(frame: pd.DataFrame, chosen: Slice, without: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the rows of the slice, some filters left out."""
    if "view" not in without:
        frame = frame[is_in_view(frame, chosen.view, chosen.me)]
    for name in (*FACETS, "flagger"):
        if getattr(chosen, name) and name not in without:
            frame = frame[frame[name].isin(getattr(chosen, name))]
    if chosen.confidence_min is not None and "confidence" not in without:
        frame = frame[frame["confidence"] >= chosen.confidence_min]
    if chosen.confidence_max is not None and "confidence" not in without:
        frame = frame[frame["confidence"] <= chosen.confidence_max]
    return frame[frame["text"].str.contains(chosen.text.lower(), regex=False)]


def count_in_frame(frame: pd.DataFrame, chosen: Slice) -> FacetCounts:
    everywhere = select(frame, chosen, ("view",))
    sure = select(frame, chosen, ("confidence",))["confidence"].dropna()
    bins = Counter(min(int(each * 10), 9) for each in sure)
    return FacetCounts(
        {view: int(is_in_view(everywhere, view, chosen.me).sum()) for view in VIEWS},
        {name: count_values(select(frame, chosen, (name,))[name].dropna()) for name in FACETS},
        [bins[each] for each in range(10)],
    )


def count_values(values: pd.Series[Any]) -> list[tuple[str, int]]:
    """Return the values, most frequent first, then in the order of their bytes."""
    return sorted(Counter(values).items(), key=lambda each: (-each[1], each[0].encode()))


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.just(()) | st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple)


SLICES = st.builds(
    Slice,
    view=st.sampled_from(list(VIEWS)),
    model=some("digits", "tickets", HOSTILE[0], "none"),
    version=some("v1", "v2", "v%"),
    option=some("wrong_label", "other"),
    predicted=some("billing", *HOSTILE),
    resolution=some(*Resolution),
    verification=some("not_run", "fixed", "regressed"),
    source=some("manual", "auto"),
    severity=some("low", "high"),
    assignee=some("ann", "боб"),
    me=st.sampled_from(["ann", "боб", "nobody"]),
    flagger=some("ann", "боб"),
    confidence_min=st.none() | st.sampled_from([0.0, 0.5, 0.9]),
    confidence_max=st.none() | st.sampled_from([0.5, 0.95, 1.0]),
    text=st.sampled_from(["", "parcel", "REFUND", "БОБ", "a  b", *HOSTILE]),
)


# Slices


@settings(deadline=None, max_examples=40)
@given(chosen=SLICES)
def test_a_slice_selects_what_pandas_selects(filled: tuple[Desk, pd.DataFrame], chosen: Slice) -> None:
    desk, frame = filled
    expected = list(select(frame, chosen)["flag_id"]) if len(frame) else []
    assert [each.flag_id for each in desk.ask(queries.find_slice, chosen)] == expected
    assert desk.ask(queries.count_flags, chosen) == len(expected)


@settings(deadline=None, max_examples=40)
@given(chosen=SLICES)
def test_facets_count_what_pandas_counts(filled: tuple[Desk, pd.DataFrame], chosen: Slice) -> None:
    desk, frame = filled
    assert desk.ask(queries.count_facets, chosen) == count_in_frame(frame, chosen)


@pytest.mark.parametrize("name", ["model", "version", "option", "predicted", "source", "flagger"])
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_filter_value_is_plain_data(desk: Desk, name: str, value: str) -> None:
    filters: dict[str, Any] = {name: (value,)}
    column = {"version": "model_version", "predicted": "predicted_label"}.get(name, name)
    wanted, other = make_flag(**{column: value}), make_flag()
    desk.add(other, wanted)
    assert desk.ask(queries.find_slice, Slice(**filters)) == [wanted]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_search_text_is_plain_data(desk: Desk, value: str) -> None:
    wanted = make_flag(inputs={"text": f"so {value.upper()} it is"})
    desk.add(make_flag(), wanted, make_flag(comment="nothing"))
    assert desk.ask(queries.find_slice, Slice(text=value)) == [wanted]


def test_a_search_looks_at_inputs_comment_suggestion_and_flagger(desk: Desk) -> None:
    found = [
        make_flag(inputs={"a": "x", "b": "NEEDLE"}),
        make_flag(comment="a needle"),
        make_flag(suggested_label="needle"),
        make_flag(flagger="Needle"),
        make_flag(inputs={"image": {"media": "x.png"}, "text": "a needle"}),
        make_flag(inputs={"text": '{"media":"needle.png"}'}),
    ]
    desk.add(make_flag(), *found, make_flag(inputs={"image": {"media": "needle.png"}}))
    assert desk.ask(queries.find_slice, Slice(text="needle")) == found


def test_a_flag_that_was_taken_back_is_in_no_view(desk: Desk) -> None:
    flag = make_flag()
    desk.add(flag, make_review(flag.flag_id, Event.REVERT, reverts=flag.flag_id, seq=1))
    assert [desk.ask(queries.count_flags, Slice(view=view)) for view in VIEWS] == [0] * len(VIEWS)
    assert desk.ask(queries.find_flag, flag.flag_id).state.is_withdrawn


@pytest.mark.parametrize(
    "question", [queries.read_page, queries.count_flags, queries.count_facets, queries.find_slice]
)
def test_an_unknown_view_names_the_known_ones(desk: Desk, question: Any) -> None:
    with pytest.raises(
        UnknownNameError,
        match=r"no view 'opened'. Did you mean 'open'. Known: open, in_review, mine, mentions, "
        r"second_review, disagreements, done, needs_label, gold, all",
    ):
        desk.ask(question, Slice(view="opened"))


def test_a_facet_has_at_most_its_hundred_most_frequent_values(desk: Desk) -> None:
    desk.add(
        *(make_flag(predicted_label=f"label {number}") for number in range(120)),
        make_flag(predicted_label="z"),
        make_flag(predicted_label="z"),
    )
    counts = desk.ask(queries.count_facets, Slice()).facets["predicted"]
    assert len(counts) == 100
    assert counts[0] == ("z", 2)


def test_an_empty_index_has_empty_facets(desk: Desk) -> None:
    assert desk.ask(queries.count_facets, Slice()) == FacetCounts(
        dict.fromkeys(VIEWS, 0), {name: [] for name in FACETS}, [0] * 10
    )


# Pages


def read_ids(desk: Desk, chosen: Slice, sort: str, limit: int, seed: int = 0) -> list[str]:
    """Return the ids of every page."""
    after = None
    ids: list[str] = []
    while True:
        page = desk.ask(queries.read_page, chosen, sort, after, limit, seed)
        assert 0 < len(page.rows) <= limit or not ids
        ids += [str(row["flag_id"]) for row in page.rows]
        if page.next is None:
            return ids
        after = page.next


def share_wrong(frame: pd.DataFrame) -> pd.Series[float]:
    """Return how often flags of each one's kind turned out wrong, drawn towards the others of its option."""
    tenths = frame["confidence"].where(frame["confidence"].between(0, 1))
    kind = [frame["model"], frame["option"], frame["predicted"].fillna("-"), (tenths * 10 // 1).clip(upper=9)]
    wrong = (frame["resolution"] == "label_corrected").astype(int)
    reviewed = frame["resolution"].isin(["label_corrected", "prediction_correct"]).astype(int)

    def add_up(values: pd.Series[int], by: list[pd.Series[Any]]) -> pd.Series[int]:
        return values.groupby(by, dropna=False).transform("sum")

    of_option = (add_up(wrong, kind[:2]) + 1) / (add_up(reviewed, kind[:2]) + 2)
    share = (add_up(wrong, kind) + 4 * of_option) / (add_up(reviewed, kind) + 4)
    return share.where(add_up(reviewed, kind[:2]) > 0)


def rank_flags(frame: pd.DataFrame, share: pd.Series[float], sort: str) -> pd.Series[float]:
    """Return what each flag is sorted by, the smallest first; `share` is how often its like is wrong."""
    says_wrong = frame["option"] == "wrong_label"
    sure = frame["confidence"].where(says_wrong, 1 - frame["confidence"]).fillna(0.5)
    harm = frame["severity"].map({"high": 35, "medium": 21, "low": 7}).fillna(14)
    ranks = {
        "newest": -frame.index.to_series(),
        "oldest": frame.index.to_series(),
        "least_confident": frame["confidence"].fillna(2),
        "confident_wrong": -frame["confidence"].where(says_wrong).fillna(-1),
        "severity": frame["severity"].map({"high": 0, "medium": 1, "low": 2}).fillna(3),
        "likely_wrong": -share.fillna(-1),
        "priority": -(harm + 15 * sure + 25 * share.fillna(0.5)),
    }
    return ranks.get(sort, frame.index.to_series() * 0).astype(float)


def sort_ids(frame: pd.DataFrame, sort: str, everything: pd.DataFrame | None = None) -> list[str]:
    """Return the ids of the frame's flags in an order; `everything` are all flags, if there are more."""
    newest = frame.iloc[::-1]
    share = share_wrong(frame if everything is None else everything)[newest.index]
    order = rank_flags(newest, share, sort).round(6).sort_values(kind="stable")
    return list(newest.loc[order.index, "flag_id"])


IN_ORDER = [each for each in SORTS if each != "random"]


@pytest.mark.parametrize("sort", IN_ORDER)
@pytest.mark.parametrize("limit", [9, 50, 399, 400, 401])
def test_paging_gives_every_flag_once_in_order(
    filled: tuple[Desk, pd.DataFrame], sort: str, limit: int
) -> None:
    desk, frame = filled
    chosen = Slice(view="open") if limit == 9 else Slice()
    assert read_ids(desk, chosen, sort, limit) == sort_ids(select(frame, chosen), sort, frame)


@pytest.mark.parametrize("near", [1, 30, 200])
@pytest.mark.parametrize("chosen", [Slice(), Slice(view="open"), Slice(view="done", option=("wrong_label",))])
def test_the_newest_are_the_same_however_near_they_are_looked_for(
    filled: tuple[Desk, pd.DataFrame], chosen: Slice, near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, frame = filled
    monkeypatch.setattr(pages, "NEAR", near)
    assert read_ids(desk, chosen, "newest", 20) == sort_ids(select(frame, chosen), "newest", frame)


@pytest.mark.parametrize("sort", IN_ORDER)
def test_a_jump_leaves_out_the_flags_before(filled: tuple[Desk, pd.DataFrame], sort: str) -> None:
    desk, frame = filled
    ids = sort_ids(frame, sort)
    page = desk.ask(queries.read_page, Slice(), sort, None, 20, 0, 100)
    assert [str(row["flag_id"]) for row in page.rows] == ids[100:120]
    following = desk.ask(queries.read_page, Slice(), sort, page.next, 20)
    assert [str(row["flag_id"]) for row in following.rows] == ids[120:140]


@pytest.mark.parametrize("sort", SORTS)
def test_as_many_flags_stand_before_a_flag_as_are_read_before_it(
    filled: tuple[Desk, pd.DataFrame], sort: str
) -> None:
    desk, _ = filled
    for chosen in (Slice(), Slice(view="done", option=("wrong_label",))):
        ids = read_ids(desk, chosen, sort, 400, seed=3)
        places = [desk.ask(queries.find_place, chosen, sort, each, 3) for each in ids[::7]]
        assert places == list(range(len(ids)))[::7]


def test_the_place_of_a_flag_outside_is_where_it_would_stand(desk: Desk) -> None:
    flags = [make_flag(option=each) for each in ("other", "wrong_label", "other")]
    desk.add(*flags)
    chosen = Slice(option=("other",))
    assert desk.ask(queries.find_place, chosen, "newest", flags[1].flag_id) == 1
    for unknown in (new_id(), "no id"):
        assert desk.ask(queries.find_place, chosen, "newest", unknown) == 0


def test_a_random_order_gives_every_flag_once_and_is_the_seed_s_own(
    filled: tuple[Desk, pd.DataFrame],
) -> None:
    desk, frame = filled
    first, again, other = (read_ids(desk, Slice(), "random", 7, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other) == sorted(frame["flag_id"])
    assert first != sort_ids(frame, "newest")


@pytest.mark.parametrize("sort", IN_ORDER)
def test_paging_gives_every_flag_once_while_others_arrive(desk: Desk, sort: str) -> None:
    chance = random.Random(3)
    first = [make_random_flag(chance) for _ in range(60)]
    desk.add(*first)
    expected = sort_ids(frame_flags(desk.ask(queries.find_slice, Slice())), sort)
    seen: list[str] = []
    after = None
    while len(seen) < 500:
        page = desk.ask(queries.read_page, Slice(), sort, after, 7)
        seen += [str(row["flag_id"]) for row in page.rows]
        after = page.next
        if after is None:
            break
        desk.add(make_random_flag(chance), make_random_flag(chance)) if len(seen) < 60 else None
    assert len(set(seen)) == len(seen)
    known = set(expected)
    assert [each for each in seen if each in known] == expected


def test_equal_confidences_and_missing_ones_are_paged_newest_first(desk: Desk) -> None:
    flags = [make_flag(confidence=each) for each in [None, 0.5, None, 0.5, float("nan"), 2.0, 0.5]]
    desk.add(*flags)
    order = [flags[each].flag_id for each in (6, 3, 1, 5, 2, 0, 4)]
    for limit in (1, 2, 7):
        assert read_ids(desk, Slice(), "least_confident", limit) == order


def test_a_page_row_shows_the_state(desk: Desk) -> None:
    flag = make_flag()
    desk.add(flag, make_review(flag.flag_id, value="ambiguous", seq=1, reviewer="ann"))
    row = desk.ask(queries.read_page, Slice()).rows[0]
    assert (row["status"], row["resolution"], row["reviewer"], row["seq"]) == (
        "resolved",
        "ambiguous",
        "ann",
        1,
    )


@pytest.mark.parametrize(
    ("inputs", "preview", "thumbnail"),
    [
        ({"text": "a <b>"}, "a <b>", None),
        ({"text": "word " * 100}, ("word " * 48), None),
        ({"alcohol": 13.5, "kind": "red"}, "alcohol 13.5 · kind red", None),
        ({"image": {"media": "x.png"}}, None, "x.png"),
        ({"text": '{"media":"x.png"}'}, '{"media":"x.png"}', None),
        ({"image": {"media": "x.png"}, "text": "a <b>"}, "a <b>", "x.png"),
        ({"kind": "red", "image": {"media": "x.png"}, "alcohol": 13.5}, "kind red · alcohol 13.5", "x.png"),
        ({"text": '{"media":"x.png"}', "image": {"media": "y.png"}}, '{"media":"x.png"}', "y.png"),
        ({"text": ""}, "", None),
        ({}, None, None),
    ],
)
def test_a_page_row_shows_the_example_in_short(
    desk: Desk, inputs: dict[str, Any], preview: str | None, thumbnail: str | None
) -> None:
    desk.add(make_flag(inputs=inputs))
    row = desk.ask(queries.read_page, Slice()).rows[0]
    assert (row["preview"], row["thumbnail"]) == (preview, thumbnail)


def test_an_unknown_order_names_the_known_ones(desk: Desk) -> None:
    with pytest.raises(
        UnknownNameError, match=r"no order 'older'. Did you mean 'oldest'\? Known: newest, oldest"
    ):
        desk.ask(queries.read_page, Slice(), "older")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_of_no_flags_is_refused(desk: Desk, limit: int) -> None:
    with pytest.raises(InputError, match=rf"A page of {limit} flags is too small; ask for 1 or more."):
        desk.ask(queries.read_page, Slice(), "newest", None, limit)


def encode(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "AAAA",
        "' or 1=1 --",
        encode(5),
        encode([1]),
        encode([1, 2, 3]),
        encode({"a": 1}),
        encode([None, 1]),
        encode(["x", "y"]),
        encode([0, float("inf")]),
        encode([0, float("nan")]),
        encode([0, -1]),
        encode([0, 10**30]),
        encode([0, 10**60]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        "\ud800",
    ],
    ids=range(17),
)
def test_a_cursor_that_is_none_of_ours_is_refused(desk: Desk, sort: str, cursor: str) -> None:
    desk.add(make_flag())
    with pytest.raises(InputError, match="is none of ours; start from the first page"):
        desk.ask(queries.read_page, Slice(), sort, cursor)


# Look-ups


@pytest.mark.parametrize(
    "flag_id",
    ["", "x", "0", UNKNOWN_ID, f"urn:uuid:{UNKNOWN_ID}", f"{{{UNKNOWN_ID}}}", "' or true --", "a\0"],
)
def test_an_unknown_flag_is_said(desk: Desk, flag_id: str) -> None:
    desk.add(make_flag())
    with pytest.raises(UnknownNameError, match="There is no flag"):
        desk.ask(queries.find_flag, flag_id)
    assert desk.ask(queries.find_history, flag_id) == []
    assert desk.ask(queries.find_action, flag_id) == []
    with pytest.raises(UnknownNameError, match="There is no prediction"):
        desk.ask(queries.find_prediction, flag_id)


def test_flags_are_found_in_log_order_without_the_unknown_ones(desk: Desk) -> None:
    flags = [make_flag() for _ in range(4)]
    desk.add(*flags)
    ids = [flags[2].flag_id, "x", flags[0].flag_id.upper(), new_id()]
    assert desk.ask(queries.find_flags, ids) == [flags[0], flags[2]]
    assert desk.ask(queries.find_flags, []) == []


def test_a_history_says_what_was_applied_and_what_was_taken_back(desk: Desk) -> None:
    flag = make_flag()
    events = [
        make_review(flag.flag_id, value="ambiguous", seq=1),
        make_review(flag.flag_id, value="duplicate", seq=1),
        make_review(flag.flag_id, Event.COMMENT, value="why?"),
    ]
    events.append(make_review(flag.flag_id, Event.REVERT, reverts=events[0].event_id, seq=2))
    desk.add(flag, make_flag(), *events)
    expected = [(True, True), (False, False), (True, False), (True, False)]
    found = desk.ask(queries.find_history, flag.flag_id)
    assert found == [(event, *said) for event, said in zip(events, expected, strict=True)]


def test_an_action_is_found_with_its_applied_events_only(desk: Desk) -> None:
    flags, action = [make_flag(), make_flag()], new_id()
    events = [make_review(each.flag_id, value="ambiguous", seq=1, action_id=action) for each in flags]
    stale = make_review(flags[0].flag_id, value="duplicate", seq=1, action_id=action)
    desk.add(*flags, *events, stale)
    assert desk.ask(queries.find_action, action) == events


def test_reverted_events_and_flags_are_found(desk: Desk) -> None:
    flag = make_flag()
    event = make_review(flag.flag_id, value="ambiguous", seq=1)
    other = make_review(flag.flag_id, value="duplicate", seq=2)
    revert = make_review(flag.flag_id, Event.REVERT, reverts=event.event_id, seq=3)
    stale = make_review(flag.flag_id, Event.REVERT, reverts=other.event_id, seq=3)
    desk.add(flag, event, other, revert, stale)
    assert desk.ask(queries.find_reverted, [event.event_id, other.event_id]) == {event.event_id}


def test_a_twin_is_the_same_flaggers_standing_flag_with_the_same_option(desk: Desk) -> None:
    prediction_id = new_id()
    flag = make_flag(prediction_id=prediction_id, flagger="ann")
    desk.add(flag)
    assert desk.ask(queries.find_twin, prediction_id, "wrong_label", "ann") == flag
    assert desk.ask(queries.find_twin, prediction_id, "other", "ann") is None
    assert desk.ask(queries.find_twin, prediction_id, "wrong_label", "") is None
    desk.add(make_review(flag.flag_id, Event.REVERT, reverts=flag.flag_id, seq=1))
    assert desk.ask(queries.find_twin, prediction_id, "wrong_label", "ann") is None


def test_a_session_lists_its_last_predictions(desk: Desk) -> None:
    made = [make_prediction(session_id="s") for _ in range(3)]
    desk.add(*made, make_prediction(session_id="other"))
    assert desk.ask(queries.find_session, "s", 2) == [made[2], made[1]]
    assert desk.ask(queries.find_session, "s", 1, made[0].prediction_id) == [made[0]]
    assert desk.ask(queries.find_session, "other", 1, made[0].prediction_id) == []


def test_a_predictions_newest_standing_flag_of_the_session_is_found(desk: Desk) -> None:
    made = [make_prediction(session_id="s") for _ in range(2)]
    flags = [make_flag(prediction_id=made[0].prediction_id, session_id="s") for _ in range(3)]
    foreign = make_flag(prediction_id=made[1].prediction_id, session_id="other")
    desk.add(*made, *flags, foreign)
    desk.add(make_review(flags[2].flag_id, Event.REVERT, reverts=flags[2].flag_id, seq=1))
    found = desk.ask(queries.find_flagged, "s", [each.prediction_id for each in made])
    assert {key: each.flag_id for key, each in found.items()} == {made[0].prediction_id: flags[1].flag_id}


def test_flags_of_the_same_example_are_found_per_model_and_without_those_taken_back(desk: Desk) -> None:
    flags = [make_flag() for _ in range(3)]
    desk.add(*flags, make_flag(model="other"), make_flag(inputs={"text": "something else"}))
    desk.add(make_review(flags[1].flag_id, Event.REVERT, reverts=flags[1].flag_id, seq=1))
    found = desk.ask(queries.find_same_example, "tickets", flags[0].example_id)
    assert [each.flag_id for each in found] == [flags[2].flag_id, flags[0].flag_id]


def test_what_rules_flagged_is_found_per_version(desk: Desk) -> None:
    ruled = make_flag(flagger="rule:low_confidence", option="low_confidence")
    desk.add(ruled, make_flag(flagger="ann"), make_flag(flagger="rule:slow", model_version="v2"))
    found = desk.ask(queries.find_ruled, "tickets", "v1", [ruled.example_id, "unknown"])
    assert found == {(ruled.example_id, "low_confidence")}


def test_known_flags_are_told_from_new_ones(desk: Desk) -> None:
    flag = make_flag()
    desk.add(flag)
    assert desk.ask(queries.find_known, [flag.flag_id, make_flag().flag_id]) == {flag.flag_id}


def test_labels_of_a_model_are_those_its_flags_have_seen(desk: Desk) -> None:
    flag = make_flag(predicted_label="b", scores={"b": 0.75, "c": 0.25}, suggested_label="a")
    desk.add(flag, make_flag(predicted_label=None), make_flag(model="other", predicted_label="z"))
    desk.add(make_review(flag.flag_id, value="label_corrected", corrected_label="d", seq=1))
    assert desk.ask(queries.list_labels, "tickets") == ["a", "b", "c", "d"]


def test_rows_are_counted_per_log(desk: Desk) -> None:
    flag = make_flag()
    desk.add(flag, make_prediction(), make_prediction(), make_review(flag.flag_id, Event.COMMENT))
    assert desk.ask(queries.count_rows) == {"flags": 1, "reviews": 1, "predictions": 2}


# Frames of figures


def read_frame(desk: Desk, name: str, model: str | None = None) -> list[tuple[Any, ...]]:
    frame = desk.ask(queries.read_frame, name, {"model": model})
    assert isinstance(frame, pd.DataFrame)
    return [tuple(None if pd.isna(each) else each for each in row) for row in frame.itertuples(index=False)]


def test_options_are_counted_by_day(desk: Desk) -> None:
    later = NOON + timedelta(hours=12)
    desk.add(
        make_flag(), make_flag(), make_flag(option="other"), make_flag(flagged_at=later), make_flag(model="x")
    )
    rows = [(day.day, option, count) for day, option, count in read_frame(desk, "options_by_day", "tickets")]
    assert rows == [(1, "other", 1), (1, "wrong_label", 2), (2, "wrong_label", 1)]


def test_the_confusion_holds_reviewed_flags_only(desk: Desk) -> None:
    flags = [make_flag() for _ in range(5)]
    corrected: dict[str, Any] = {"value": "label_corrected", "corrected_label": "refund", "seq": 1}
    desk.add(
        *flags,
        make_review(flags[0].flag_id, **corrected),
        make_review(flags[1].flag_id, **corrected),
        make_review(flags[2].flag_id, value="prediction_correct", seq=1),
        make_review(flags[3].flag_id, value="ambiguous", seq=1),
    )
    assert read_frame(desk, "confusion") == [("billing", "billing", 1), ("billing", "refund", 2)]


def test_confidences_fall_into_twenty_bins(desk: Desk) -> None:
    desk.add(*(make_flag(confidence=each) for each in [0.0, 0.049, 0.05, 0.999, 1.0, None, 1.5]))
    assert read_frame(desk, "confidence_bins") == [(None, 0.0, 2), (None, 0.05, 1), (None, 0.95, 2)]


def test_residuals_are_those_of_corrected_values(desk: Desk) -> None:
    flags = [make_flag(predicted_value=100.0), make_flag(predicted_value=5.0), make_flag()]
    desk.add(*flags, make_review(flags[0].flag_id, value="label_corrected", corrected_value=120.5, seq=1))
    assert read_frame(desk, "residuals") == [(100.0, 120.5)]


def test_positions_grow_with_the_log(desk: Desk) -> None:
    desk.add(*(make_flag() for _ in range(5)))

    def list_positions(cursor: DuckDBPyConnection) -> list[int]:
        return [row[0] for row in cursor.execute("select position from flags order by flag_id").fetchall()]

    assert all(one < other for one, other in pairwise(desk.ask(list_positions)))


def test_the_share_flagged_counts_predictions_once_and_only_what_people_flagged(desk: Desk) -> None:
    made = [make_prediction() for _ in range(4)]
    flags = [
        make_flag(prediction_id=made[0].prediction_id),
        make_flag(prediction_id=made[0].prediction_id, option="other"),
        make_flag(prediction_id=made[1].prediction_id, source="auto"),
        make_flag(prediction_id=made[2].prediction_id, source="api"),
    ]
    taken_back = make_flag(prediction_id=made[3].prediction_id)
    desk.add(*made, make_prediction(model="other"), *flags, taken_back)
    desk.add(make_review(taken_back.flag_id, Event.REVERT, reverts=taken_back.flag_id, seq=1))
    rows = [(day.day, *rest) for day, *rest in read_frame(desk, "flag_rate", "tickets")]
    assert rows == [(1, "v1", 4, 2)]
