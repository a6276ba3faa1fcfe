"""Deciding about flags, one and many, by several people at once: no operation is lost, none applied twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, make_flag
from folding import fold_logs, read_states
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from reviewer.errors import ConflictError, InputError, StoppedError, UnknownNameError
from reviewer.index.queries import ChosenFlags, Marker, Slice
from reviewer.records import derive_id, new_id
from reviewer.triage import CHUNK, Target
from reviewer.workspace import Workspace


@pytest.fixture
def workspace(tiny_folder: Path) -> Iterator[Workspace]:
    with Workspace(tiny_folder, is_app=True) as opened:
        yield opened


def add_flags(workspace: Workspace, count: int, **given: Any) -> list[str]:
    """Return the ids of new flags of the tickets model."""
    flags = [make_flag(model="tickets", predicted_label="login", **given) for _ in range(count)]
    return [each.flag_id for each in workspace.add_flags(flags)]


def state(workspace: Workspace, flag_id: str) -> tuple[Any, ...]:
    found = workspace.find_flag(flag_id).state
    return found.status, found.resolution, found.corrected_label, found.assignee


# Claims and assignments


def test_a_claimed_flag_is_its_reviewer_s_until_released(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    workspace.review(flag_id, act="claim", reviewer="ann")
    assert state(workspace, flag_id) == ("in_review", None, None, "ann")
    with pytest.raises(InputError, match="The flag is with ann; assign it to take it over"):
        workspace.review(flag_id, act="claim", reviewer="bob")
    workspace.review(flag_id, act="release", reviewer="ann")
    assert state(workspace, flag_id) == ("open", None, None, None)
    workspace.review(flag_id, act="claim", reviewer="bob")
    assert state(workspace, flag_id)[3] == "bob"


def test_an_assignment_gives_the_flag_to_somebody_and_leaves_its_status(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    workspace.review(flag_id, assignee=" bob ", reviewer="ann")
    assert state(workspace, flag_id) == ("open", None, None, "bob")
    assert [each.flag_id for each in workspace.queue(view="mine", me="bob")] == [flag_id]
    assert workspace.queue(view="mine", me="ann") == []
    workspace.review(flag_id, corrected_label="refund", reviewer="bob")
    assert state(workspace, flag_id) == ("resolved", "label_corrected", "refund", "bob")
    assert workspace.queue(view="mine", me="bob") == []


def test_an_assignment_to_nobody_takes_the_flag_from_its_owner(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    workspace.review(flag_id, assignee="bob")
    workspace.review(flag_id, assignee="")
    assert state(workspace, flag_id)[3] is None


def test_undo_of_a_claim_gives_the_flag_back(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    action = new_id()
    workspace.review(flag_id, act="claim", reviewer="ann", action_id=action)
    workspace.undo(action, reviewer="ann")
    assert state(workspace, flag_id) == ("open", None, None, None)


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        ({"act": "steal"}, "no act 'steal'.*Known: claim, renew, release, split"),
        ({"act": "claim", "resolution": "ambiguous"}, "one of them in one action"),
        ({"act": "claim", "assignee": "bob"}, "one of them in one action"),
        ({"assignee": "x" * 201}, "201 characters; a person's name has at most 200"),
    ],
)
def test_an_act_that_cannot_be_is_refused(
    workspace: Workspace, decision: dict[str, Any], sentence: str
) -> None:
    (flag_id,) = add_flags(workspace, 1)
    with pytest.raises(InputError, match=sentence):
        workspace.review(flag_id, **decision)
    assert workspace.find_history(flag_id) == []


@pytest.mark.parametrize("decision", [{"act": "claim"}, {"act": "release"}, {"assignee": "bob"}])
def test_a_resolved_flag_is_given_to_nobody(workspace: Workspace, decision: dict[str, Any]) -> None:
    (flag_id,) = add_flags(workspace, 1)
    workspace.review(flag_id, resolution="ambiguous")
    with pytest.raises(InputError, match="The flag is resolved; reopen it"):
        workspace.review(flag_id, **decision)


def test_splitting_a_flag_off_contradicts_nothing_and_can_be_undone(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    workspace.review(flag_id, resolution="ambiguous", seq=0)
    action = new_id()
    workspace.review(flag_id, act="split", seq=0, action_id=action)
    assert workspace.find_flag(flag_id).state.is_split
    workspace.undo(action)
    assert not workspace.find_flag(flag_id).state.is_split


# Many at once


def choose(workspace: Workspace, **filters: Any) -> ChosenFlags:
    return ChosenFlags(Slice(**filters), workspace.read_marker().flags)


def test_many_flags_are_decided_as_one_action_and_undone_as_one(workspace: Workspace) -> None:
    ids = add_flags(workspace, 30)
    done = workspace.review_many([Target(each) for each in ids], resolution="bad_input", reviewer="ann")
    assert (done.changed, done.skipped) == (30, 0)
    assert {state(workspace, each)[:2] for each in ids} == {("resolved", "bad_input")}
    assert {each.flag_id for each in workspace.undo(done.action_id)} == set(ids)
    assert {state(workspace, each)[:2] for each in ids} == {("open", None)}


def test_more_flags_than_a_chunk_are_all_decided(workspace: Workspace) -> None:
    ids = add_flags(workspace, CHUNK + 7)
    shares: list[float] = []
    done = workspace.review_many(
        [Target(each) for each in ids],
        resolution="bad_input",
        progress=lambda share, doing: shares.append(share),
    )
    assert done.changed == CHUNK + 7
    assert shares == [0, CHUNK / (CHUNK + 7)]
    assert workspace.count_facets(Slice()).views["done"] == CHUNK + 7


def test_a_stopped_decision_keeps_what_was_decided_and_can_go_on(workspace: Workspace) -> None:
    ids = add_flags(workspace, CHUNK + 7)
    targets, action = [Target(each) for each in ids], new_id()

    def stop(share: float, doing: str) -> None:
        if share > 0:
            raise StoppedError("stop")

    first = workspace.review_many(targets, resolution="bad_input", action_id=action, progress=stop)
    assert (first.is_stopped, first.changed) == (True, CHUNK)
    again = workspace.review_many(targets, resolution="bad_input", action_id=action)
    assert (again.is_stopped, again.changed, again.skipped) == (False, CHUNK + 7, 0)
    assert {len(workspace.find_history(each)) for each in (ids[0], ids[-1])} == {1}


def test_flags_that_somebody_changed_or_that_cannot_be_decided_so_are_left_alone(
    workspace: Workspace,
) -> None:
    changed, good, unknown = *add_flags(workspace, 2), new_id()
    (shade,) = (
        each.flag_id for each in workspace.add_flags([make_flag(model="shades", task="image-classification")])
    )
    workspace.review(changed, resolution="ambiguous", reviewer="bob")
    targets = [Target(changed, 0), Target(good, 0), Target(shade, 0), Target(unknown)]
    tried = workspace.try_many(targets, corrected_label="refund", reviewer="ann")
    assert state(workspace, good)[0] == "open"
    done = workspace.review_many(targets, corrected_label="refund", reviewer="ann")
    assert (done.changed, done.skipped) == (tried.changed, tried.skipped) == (1, 3)
    assert done.reasons == tried.reasons
    said = dict(done.reasons)
    assert said[changed].startswith("The flag was changed by bob at ")
    assert said[shade].startswith("There is no label 'refund'")
    assert said[unknown] == f"There is no flag {unknown}."
    assert state(workspace, changed)[1] == "ambiguous"


def test_all_that_filters_match_leaves_out_what_came_after_the_preview(workspace: Workspace) -> None:
    add_flags(workspace, 5, option="other")
    add_flags(workspace, 2, option="wrong_label")
    chosen = choose(workspace, view="open", option=("other",))
    preview = workspace.preview(chosen, 3)
    assert (preview.count, preview.statuses, preview.models) == (5, {"open": 5}, {"tickets": 5})
    assert len(preview.sample) == 3
    (late,) = add_flags(workspace, 1, option="other")
    done = workspace.review_many(workspace.find_targets(chosen), resolution="bad_input")
    assert done.changed == 5
    assert state(workspace, late)[0] == "open"


def test_a_selection_is_previewed_by_its_ids(workspace: Workspace) -> None:
    ids = add_flags(workspace, 3)
    preview = workspace.preview(ChosenFlags(flag_ids=(ids[0], ids[2], new_id(), "no id")))
    assert preview.count == 2
    assert [str(each["flag_id"]) for each in preview.sample] == [ids[2], ids[0]]


# Undo and redo


def test_an_action_is_undone_after_later_ones_and_says_what_it_meets(workspace: Workspace) -> None:
    first, second = add_flags(workspace, 2)
    done = workspace.review_many([Target(first), Target(second)], resolution="bad_input", reviewer="ann")
    workspace.review(second, resolution="ambiguous", reviewer="bob")
    report = workspace.describe_action(done.action_id)
    assert (report.flags, report.is_undone, [each.flag_id for each in report.later]) == (2, False, [second])
    assert (report.event.reviewer, report.event.value) == ("ann", "bad_input")
    workspace.undo(done.action_id, reviewer="ann")
    assert state(workspace, first)[:2] == ("open", None)
    assert state(workspace, second)[:2] == ("resolved", "ambiguous")
    assert workspace.describe_action(done.action_id).is_undone


def test_redo_does_an_undone_action_again_once(workspace: Workspace) -> None:
    ids = add_flags(workspace, 3)
    done = workspace.review_many(
        [Target(each) for each in ids], corrected_label="refund", comment="all of them"
    )
    workspace.undo(done.action_id)
    own = new_id()
    for _ in range(2):
        flags = workspace.redo(done.action_id, reviewer="ann", own_action_id=own)
        assert {each.state.corrected_label for each in flags} == {"refund"}
    assert workspace.find_flag(ids[0]).state.comments == 1
    workspace.undo(own)
    assert {state(workspace, each)[0] for each in ids} == {"open"}


def test_redo_overwrites_nothing_that_was_decided_since(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    action = new_id()
    workspace.review(flag_id, resolution="bad_input", action_id=action)
    workspace.undo(action)
    workspace.review(flag_id, resolution="ambiguous", reviewer="bob")
    with pytest.raises(ConflictError, match="The flag was changed by bob"):
        workspace.redo(action)
    assert state(workspace, flag_id)[1] == "ambiguous"


@pytest.mark.parametrize("ask", ["redo", "describe_action"])
def test_an_unknown_action_cannot_be_redone_or_described(workspace: Workspace, ask: str) -> None:
    with pytest.raises(UnknownNameError, match="There is no action"):
        getattr(workspace, ask)(new_id())


# News


def test_news_are_the_flags_that_are_new_or_were_decided_about(workspace: Workspace) -> None:
    old, touched = add_flags(workspace, 2)
    start = workspace.read_marker()
    assert workspace.read_news(start) == ([], start)
    workspace.review(touched, resolution="ambiguous", reviewer="bob")
    (new,) = add_flags(workspace, 1)
    rows, marker = workspace.read_news(start)
    assert [str(each["flag_id"]) for each in rows] == [new, touched]
    assert rows[1]["resolution"] == "ambiguous"
    assert workspace.read_news(marker) == ([], marker)
    assert old not in [str(each["flag_id"]) for each in workspace.read_news(Marker(2, 0))[0]]


# Any interleaving

PEOPLE = ["ann", "bob", "cyd"]


class TwoPeople(RuleBasedStateMachine):
    """Two people and an admin decide, comment, claim, undo, redo and retry, each from what they saw last."""

    folder: Path
    flags = Bundle("flags")
    actions = Bundle("actions")

    @initialize(target=flags)
    def open(self) -> Any:
        self.workspace = Workspace(self.make_folder(), is_app=True)
        self.seen: dict[tuple[str, str], int] = {}
        self.told: dict[str, set[str]] = {}
        """Action → the flags of which it was acknowledged."""
        # Who is sampled for a second review follows from the ids: random ones change the test at each run.
        ids = [derive_id(NOON, str(number)) for number in range(3)]
        return multiple(*(add_flags(self.workspace, 1, flag_id=each)[0] for each in ids))

    def make_folder(self) -> Path:
        import tempfile

        folder = Path(tempfile.mkdtemp(dir=self.folder))
        team = "[team]\nsecond_share = 0.4\nsecond_below_certainty = 3\n"
        (folder / "reviewer.toml").write_text((self.folder / "reviewer.toml").read_text() + team)
        return folder

    def teardown(self) -> None:
        if hasattr(self, "workspace"):
            self.workspace.close()

    def try_it(self, action: str, do: Any) -> bool:
        """Note the flags that `do` returns as acknowledged; returns whether it was not refused."""
        try:
            acknowledged = do()
        except (ConflictError, InputError):
            return False
        self.told.setdefault(action, set()).update(acknowledged)
        return True

    @rule(flag=flags, who=st.sampled_from(PEOPLE))
    def look(self, flag: str, who: str) -> None:
        self.seen[who, flag] = self.workspace.find_flag(flag).state.seq

    @rule(
        target=actions,
        flag=flags,
        who=st.sampled_from(PEOPLE),
        decision=st.sampled_from(
            [
                {"corrected_label": "refund"},
                {"resolution": "ambiguous"},
                {"resolution": "prediction_correct"},
                {"status": "needs_info"},
                {"status": "open"},
                {"act": "claim"},
                {"act": "release"},
                {"act": "split"},
                {"assignee": "bob"},
                {"comment": "why, @bob?"},
                {"act": "renew"},
                {"act": "ask_second"},
                {"act": "gold"},
                {"corrected_label": "refund", "ask_second": True},
                {"resolution": "ambiguous", "certainty": 1},
            ]
        ),
        times=st.integers(1, 2),
    )
    def decide(self, flag: str, who: str, decision: dict[str, Any], times: int) -> Any:
        action, seq = new_id(), self.seen.get((who, flag), 0)
        for _ in range(times):
            if not self.try_it(action, lambda: self.review(flag, action, who, seq, decision)):
                return multiple()
        return action

    def review(self, flag: str, action: str, who: str, seq: int, decision: dict[str, Any]) -> set[str]:
        found = self.workspace.review(
            flag, **decision, seq=seq, reviewer=who, action_id=action, is_admin=who == "cyd"
        )
        self.seen[who, flag] = found.state.seq
        return {flag}

    @rule(target=actions, who=st.sampled_from(PEOPLE), value=st.sampled_from(["bad_input", "app_bug"]))
    def decide_all(self, who: str, value: str) -> Any:
        targets = self.workspace.find_targets(ChosenFlags(Slice(view="open"), 1_000_000))
        done = self.workspace.review_many(targets, reviewer=who, resolution=value)
        self.told[done.action_id] = {each.flag_id for each in targets} - dict(done.reasons).keys()
        assert len(self.told[done.action_id]) == done.changed
        return done.action_id if done.changed else multiple()

    @rule(action=actions, who=st.sampled_from(PEOPLE), own=st.uuids(version=4))
    def undo(self, action: str, who: str, own: Any) -> None:
        for _ in range(2):
            self.workspace.undo(action, reviewer=who, own_action_id=str(own))

    @rule(target=actions, action=actions, who=st.sampled_from(PEOPLE))
    def redo(self, action: str, who: str) -> Any:
        own = new_id()
        for _ in range(2):
            if not self.try_it(own, lambda: self.redo_once(action, who, own)):
                return multiple()
        return own

    def redo_once(self, action: str, who: str, own: str) -> set[str]:
        return {each.flag_id for each in self.workspace.redo(action, reviewer=who, own_action_id=own)}

    @invariant()
    @precondition(lambda self: hasattr(self, "workspace"))
    def every_acknowledged_action_is_in_the_log_once(self) -> None:
        for flag in self.workspace.queue(limit=10):
            history = self.workspace.find_history(flag.flag_id)
            for action, acknowledged in self.told.items():
                mine = [each for each in history if each.review.action_id == action]
                assert bool(mine) == (flag.flag_id in acknowledged)
                assert all(each.is_applied for each in mine)
                kinds = [each.review.event for each in mine]
                assert len(kinds) == len(set(kinds))

    @invariant()
    @precondition(lambda self: hasattr(self, "workspace"))
    def the_state_is_the_fold_of_the_log(self) -> None:
        assert read_states(self.workspace) == fold_logs(self.workspace.flagged)

    @invariant()
    @precondition(lambda self: hasattr(self, "workspace"))
    def nobody_gives_two_answers_that_count(self) -> None:
        for flag in self.workspace.queue(limit=10):
            if flag.state.second_reviewer is not None:
                assert flag.state.second_reviewer != flag.state.first_reviewer


def test_any_interleaving_of_two_people_ends_in_the_fold_of_the_log(tiny_folder: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Machine", (TwoPeople,), {"folder": tiny_folder})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=15, stateful_step_count=30, deadline=None)
    )


def test_every_order_pages_the_same_flags_whoever_decides_between(workspace: Workspace) -> None:
    chance = random.Random(4)
    ids = add_flags(workspace, 40)
    seen: list[str] = []
    after = None
    while True:
        page, *_ = workspace.read_page(Slice(view="all"), "priority", after, 7)
        seen += [str(each["flag_id"]) for each in page.rows]
        workspace.review(chance.choice(ids), comment="looked")
        after = page.next
        if after is None:
            break
    assert sorted(seen) == sorted(ids)
