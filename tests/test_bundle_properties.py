"""What holds of any history: splits stay, groups are whole, counts add up, policies do what they say.

Histories are drawn: flags of few examples in groups, decisions by several reviewers, undos, a base whose
split is honoured, and several exports in a row with other choices.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, append, make_flag, make_review
from exports import ignore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_bundle import read_csv, read_rows

from reviewer.bundle import Bundle, read_options, write_bundle
from reviewer.config import ModelSpec
from reviewer.errors import InputError
from reviewer.index.store import SideIndex
from reviewer.log import open_logs
from reviewer.log.media import MediaStore
from reviewer.records import Flag, Review

LABELS = ("billing", "refund", "login")
SPEC = ModelSpec.model_validate(
    {
        "name": "tickets",
        "task": "text-classification",
        "labels": LABELS,
        "inputs": {"text": "textbox"},
        "base": "base.csv",
    }
)
PEOPLE = ("ann", "ben", "cleo", "dora")


@dataclass
class History:
    """What happened so far, in the words of the test."""

    folder: Path
    flags: list[Flag] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    """Flag → its group, of those that have one."""
    events: list[Review] = field(default_factory=list)

    def add_flag(self, text: str, group: int | None) -> None:
        flag = make_flag(inputs={"text": text}, flagged_at=NOON + timedelta(seconds=len(self.flags)))
        self.flags.append(flag)
        if group is not None:
            self.groups[flag.flag_id] = name_group(group)
        append(open_logs(self.folder / "flagged"), flag)

    def add_event(self, review: Review) -> None:
        self.events.append(review)
        append(open_logs(self.folder / "flagged"), review)

    def count(self, flag: Flag) -> int:
        return sum(each.flag_id == flag.flag_id for each in self.events)

    def decide(self, number: int, reviewer: str, label: str | None, certainty: int | None) -> None:
        """Let a reviewer correct a flag; None confirms its prediction."""
        flag = self.flags[number % len(self.flags)]
        value = "label_corrected" if label else "prediction_correct"
        self.add_event(
            make_review(
                flag.flag_id, seq=self.count(flag) + 1, value=value, corrected_label=label,
                reviewer=reviewer, certainty=certainty,
                reviewed_at=NOON + timedelta(seconds=len(self.events)),
            )
        )  # fmt: skip

    def crowd(self, number: int, labels: Sequence[str]) -> None:
        """Let each reviewer in turn correct a flag."""
        for reviewer, label in zip(PEOPLE, labels, strict=False):
            self.decide(number, reviewer, label, None)

    def group(self, number: int, group: int) -> None:
        """Put a flag into a group, as the job that looks for duplicates may do at any time."""
        self.groups[self.flags[number % len(self.flags)].flag_id] = name_group(group)

    def undo(self, number: int) -> None:
        """Take back the last standing decision of a flag, when there is one."""
        flag = self.flags[number % len(self.flags)]
        if decisions := self.list_standing(flag):
            last = decisions[-1]
            self.add_event(
                make_review(flag.flag_id, "revert", seq=self.count(flag) + 1, reverts=last.event_id)
            )

    def count_decisions(self, flag: Flag) -> int:
        return sum(each.flag_id == flag.flag_id and each.event == "resolve" for each in self.events)

    def list_standing(self, flag: Flag) -> list[Review]:
        """Return the decisions of a flag that were not taken back, in log order."""
        own = [each for each in self.events if each.flag_id == flag.flag_id]
        gone = {each.reverts for each in own if each.event == "revert"}
        return [each for each in own if each.event == "resolve" and each.event_id not in gone]


def name_group(group: int) -> str:
    return f"01939c5a-0000-7000-8000-{group:012x}"


def export(history: History, **options: Any) -> Bundle | None:
    """Return the next bundle, None when no flag can be a row; groups are those of the history."""
    with SideIndex(history.folder / "flagged").reading() as cursor:
        cursor.execute("create temp table grouped (flag_id uuid, group_id uuid)")
        if history.groups:
            cursor.executemany("insert into grouped values (?, ?)", list(history.groups.items()))
        # What the app's job works out; the side index has no groups.
        cursor.execute(
            "create temp table flags as select f.* replace (grouped.group_id as group_id)"
            " from side.main.flags f left join grouped using (flag_id) order by position"
        )
        media = MediaStore(history.folder / "media")
        try:
            return write_bundle(cursor, history.folder, SPEC, media, read_options(**options), ignore)
        except InputError as error:
            if "review" not in str(error):
                raise
            return None


# The same in plain Python


@dataclass
class Answer:
    """What an example gets."""

    label: str | None
    votes: int
    agreement: float
    reason: str | None
    is_disputed: bool = False


def answer_example(history: History, flags: Sequence[Flag], policy: str, least: float) -> Answer:
    """Return the answer of the example of these flags under the policy, from the standing decisions."""
    standing = [(flag, made) for flag in flags if (made := history.list_standing(flag))]
    ends = [tell(flag, made[-1]) for flag, made in standing]
    touched = sum(history.count_decisions(flag) for flag, _ in standing)
    if len(standing) == 1 and touched == 1:
        return Answer(ends[0], 1, 1.0, None)
    places = {each.event_id: place for place, each in enumerate(history.events)}
    spoken = sorted(
        ((places[each.event_id], each.reviewer, tell(flag, each)) for flag, made in standing for each in made)
    )
    last_words = {reviewer: (place, label) for place, reviewer, label in spoken}
    votes = sorted(last_words.values())
    counts = Counter(label for _, label in votes)
    newest = {label: place for place, label in votes}
    by_votes = policy in ("majority", "soft")
    label = max(counts, key=lambda each: (counts[each] if by_votes else 0, newest[each]))
    agreement = counts[label] / len(votes)
    is_disputed = len(set(ends)) > 1
    reason = None
    if is_disputed and policy == "leave_out":
        reason = "conflict"
    elif is_disputed and policy == "adjudicated":
        reason = "not_adjudicated"
    elif agreement < least:
        reason = "low_agreement"
    return Answer(label, len(votes), agreement, reason, is_disputed)


def tell(flag: Flag, review: Review) -> str:
    return str(review.corrected_label or flag.predicted_label)


def list_components(history: History, flags: Sequence[Flag]) -> dict[str, str]:
    """Return flag → a name that all flags share which an example or a group ties together."""
    names = {flag.flag_id: flag.flag_id for flag in flags}
    changed = True
    while changed:
        changed = False
        for tie in ({each.flag_id: each.example_id for each in flags}, history.groups):
            ties: dict[str, set[str]] = {}
            for flag in flags:
                if flag.flag_id in tie:
                    ties.setdefault(tie[flag.flag_id], set()).add(names[flag.flag_id])
            for tied in ties.values():
                for flag_id, name in names.items():
                    if name in tied and name != min(tied):
                        names[flag_id], changed = min(tied), True
    return names


def list_corrected(history: History) -> list[Flag]:
    """Return the flags whose standing decision is a correction."""
    return [
        flag for flag in history.flags
        if (made := history.list_standing(flag)) and made[-1].value == "label_corrected"
    ]  # fmt: skip


TEXTS = [f"t{number}" for number in range(6)]
STEP = st.one_of(
    st.tuples(st.just("flag"), st.sampled_from(TEXTS), st.none() | st.integers(0, 3)),
    st.tuples(
        st.just("decide"), st.integers(0, 8), st.sampled_from(PEOPLE), st.sampled_from([None, *LABELS[1:]]),
        st.none() | st.integers(1, 5),
    ),
    st.tuples(
        st.just("crowd"), st.integers(0, 8), st.lists(st.sampled_from(LABELS[1:]), min_size=2, max_size=4)
    ),
    st.tuples(st.just("group"), st.integers(0, 8), st.integers(0, 1)),
    st.tuples(st.just("undo"), st.integers(0, 8)),
)  # fmt: skip
POLICIES = ("latest", "majority", "adjudicated", "soft", "leave_out", "stop")
OPTIONS = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["full", "full", "delta"]),
        "policy": st.sampled_from(POLICIES),
        "min_agreement": st.sampled_from([0.0, 0.0, 0.6, 1.0]),
        "shares": st.sampled_from(
            [{"train": 0.5, "verify": 0.5}, {"train": 0.4, "validation": 0.2, "test": 0.2, "verify": 0.2}]
        ),
        "split_by": st.sampled_from(["hash", "time"]),
        "weights": st.sampled_from(["evidence", "none"]),
    }
)
ROUND = st.tuples(st.lists(STEP, min_size=4, max_size=16), OPTIONS)
BASE = st.dictionaries(st.sampled_from(TEXTS), st.sampled_from(["train", "test"]), max_size=3)


def take(history: History, step: tuple[Any, ...]) -> None:
    kind, *given = step
    steps: dict[str, Callable[..., None]] = {
        "flag": history.add_flag,
        "decide": history.decide,
        "crowd": history.crowd,
        "group": history.group,
        "undo": history.undo,
    }
    steps[kind](*given)


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(rounds=st.lists(ROUND, min_size=2, max_size=3), base=BASE)
def test_any_history_is_exported_as_a_plain_reference_says(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[Any], base: dict[str, str]
) -> None:
    history = History(tmp_path_factory.mktemp("history"))
    lines = "".join(f"{text},login,{split}\n" for text, split in base.items())
    (history.folder / "base.csv").write_text(f"text,label,split\n{lines}")
    for text in TEXTS[:4]:
        history.add_flag(text, None)
    splits: dict[str, str] = {}
    heads: dict[str, int] = {}
    for steps, options in rounds:
        for step in steps:
            take(history, step)
        bundle = export(history, **options)
        if bundle is None:
            check_refusal(history, options, heads)
            continue
        heads.setdefault(bundle.name, len(history.events))
        check_counts(history, bundle)
        check_rows(history, bundle, options)
        check_splits(history, bundle, base, splits)
        if options["mode"] == "delta":
            check_delta(history, bundle, heads)


def check_refusal(history: History, options: dict[str, Any], heads: dict[str, int]) -> None:
    """A first export is refused only when the reference gives no correction an answer, or one is disputed."""
    given = options["policy"], options["min_agreement"]
    answers = [
        answer_example(history, list_flags(history, each.example_id), *given)
        for each in list_corrected(history)
    ]
    is_strict = options["policy"] == "stop" and any(each.is_disputed for each in answers)
    assert heads or is_strict or all(each.reason for each in answers)


def list_flags(history: History, example_id: str) -> list[Flag]:
    return [flag for flag in history.flags if flag.example_id == example_id]


def check_counts(history: History, bundle: Bundle) -> None:
    """Every flag with a standing decision is a row or in left_out.csv, once."""
    rows = [row["flag_id"] for row in read_rows(bundle)]
    left_out = [row["flag_id"] for row in read_csv(bundle.path / "left_out.csv")]
    considered = [flag.flag_id for flag in history.flags if history.list_standing(flag)]
    assert sorted(rows + left_out) == sorted(considered)
    counts = bundle.counts
    assert counts["considered"] == len(considered) == counts["written"] + sum(counts["left_out"].values())
    assert counts["written"] == len(rows) == sum(counts["splits"].values()) == sum(counts["labels"].values())


def check_rows(history: History, bundle: Bundle, options: dict[str, Any]) -> None:
    """Each example has one row with the answer of the reference, or none for its reason."""
    rows = {row["example_id"]: row for row in read_rows(bundle)}
    assert len(rows) == bundle.counts["written"]
    sizes = Counter(row["duplicate_group"] for row in rows.values())
    reasons = {row["flag_id"]: row["reason"] for row in read_csv(bundle.path / "left_out.csv")}
    for example_id in {flag.example_id for flag in list_corrected(history)}:
        flags = list_flags(history, example_id)
        expected = answer_example(history, flags, options["policy"], options["min_agreement"])
        row = rows.get(example_id)
        if row is None:
            told = {reasons[flag.flag_id] for flag in list_corrected(history) if flag in flags}
            assert told <= {expected.reason, "leak", "exported_before", "outvoted", "double"}
            assert told & {expected.reason, "leak", "exported_before"}
            continue
        assert expected.reason is None
        assert (row["label"], int(row["reviewer_votes"])) == (expected.label, expected.votes)
        assert float(row["reviewer_agreement"]) == round(expected.agreement, 6)
        (decided,) = [history.list_standing(flag)[-1] for flag in flags if flag.flag_id == row["flag_id"]]
        weight = expected.agreement * (decided.certainty or 5) / 5 / math.sqrt(sizes[row["duplicate_group"]])
        assert float(row["sample_weight"]) == pytest.approx(
            weight if options["weights"] != "none" else 1, abs=1e-6
        )


def check_splits(history: History, bundle: Bundle, base: dict[str, str], splits: dict[str, str]) -> None:
    """No group stands in two splits, no row moves, the base's test rows are not trained on."""
    rows = read_rows(bundle)
    ties = list_components(history, list_corrected(history))
    by_tie: dict[str, set[str]] = {}
    for row in rows:
        by_tie.setdefault(ties[row["flag_id"]], set()).add(row["split"])
        assert splits.setdefault(row["example_id"], row["split"]) == row["split"]
        if base.get(row["text"]) == "test":
            assert row["split"] == "test"
    assert [each for each in by_tie.values() if len(each) > 1] == []


def check_delta(history: History, bundle: Bundle, heads: dict[str, int]) -> None:
    """A flag is left out as exported before if and only if nothing was decided about its example since."""
    reasons = {row["flag_id"]: row["reason"] for row in read_csv(bundle.path / "left_out.csv")}
    head = heads[bundle.manifest["parent"]] if bundle.manifest["parent"] else 0
    examples = {each.flag_id: each.example_id for each in history.flags}
    moved = {examples[each.flag_id] for each in history.events[head:] if each.event != "comment"}
    for flag in list_corrected(history):
        is_old = flag.example_id not in moved
        assert (reasons.get(flag.flag_id) == "exported_before") == is_old


# Shares


@pytest.mark.parametrize(
    "shares",
    [
        {"train": 0.8, "verify": 0.2},
        {"train": 0.7, "test": 0.1, "verify": 0.2},
        {"train": 0.5, "validation": 0.5},
    ],
)
@pytest.mark.parametrize("many", [1, 7, 40])
def test_each_label_gets_its_share_within_one_group(
    tmp_path: Path, many: int, shares: dict[str, float]
) -> None:
    history = History(tmp_path)
    (tmp_path / "base.csv").write_text("text,label\n")
    for number in range(many * 2):
        history.add_flag(f"{number}", None)
        history.decide(number, "ann", LABELS[1 + number % 2], None)
    bundle = export(history, shares=shares)
    assert bundle is not None
    found = Counter((row["label"], row["split"]) for row in read_rows(bundle))
    for label in LABELS[1:]:
        for split, share in shares.items():
            assert abs(found[label, split] - share * many) <= 1


def test_by_time_the_last_examples_are_held_out(tmp_path: Path) -> None:
    history = History(tmp_path)
    (tmp_path / "base.csv").write_text("text,label\n")
    for number in range(10):
        history.add_flag(f"{number}", None)
        history.decide(number, "ann", LABELS[1 + number % 2], None)
    bundle = export(history, split_by="time")
    assert bundle is not None
    held_out = [row["text"] for row in read_rows(bundle) if row["split"] == "verify"]
    assert sorted(held_out) == ["8", "9"]


def test_balanced_weights_give_every_label_of_train_the_same_sum(tmp_path: Path) -> None:
    history = History(tmp_path)
    (tmp_path / "base.csv").write_text("text,label\n")
    for number in range(12):
        history.add_flag(f"{number}", number % 5)
        history.decide(number, "ann", LABELS[1 + (number % 4 == 0)], number % 5 + 1)
    bundle = export(history, weights="balanced", shares={"train": 1})
    assert bundle is not None
    sums: Counter[str] = Counter()
    for row in read_rows(bundle):
        sums[row["label"]] += float(row["sample_weight"])  # type: ignore[assignment]  # a sum of weights
    assert sums["login"] == pytest.approx(sums["refund"], abs=1e-4)


def test_groups_that_share_an_example_by_a_chain_are_one(tmp_path: Path) -> None:
    history = History(tmp_path)
    (tmp_path / "base.csv").write_text("text,label\n")
    for number in range(20):
        history.add_flag(f"t{number}", number)
        history.add_flag(f"t{number + 1}", number)
    for number in range(40):
        history.decide(number, "ann", "login", None)
    bundle = export(history, shares={"train": 0.5, "verify": 0.5})
    assert bundle is not None
    assert bundle.counts["groups"] == 1
    assert len(bundle.counts["splits"]) == 1


def test_when_groups_of_two_splits_become_one_the_row_of_the_less_held_out_is_left_out(
    tmp_path: Path,
) -> None:
    history = History(tmp_path)
    (tmp_path / "base.csv").write_text("text,label\n")
    for number in range(10):
        history.add_flag(f"t{number}", None)
        history.decide(number, "ann", "login", None)
    first = export(history, shares={"train": 0.5, "verify": 0.5})
    assert first is not None
    dealt = {row["split"]: row["text"] for row in read_rows(first)}
    for text in dealt.values():
        history.group(int(text[1:]), 0)
    second = export(history, weights="none")
    assert second is not None
    kept = {row["text"]: row["split"] for row in read_rows(second)}
    assert kept[dealt["verify"]] == "verify"
    assert dealt["train"] not in kept
    assert second.counts["left_out"] == {"leak": 1}
