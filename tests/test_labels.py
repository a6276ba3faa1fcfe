"""Labels and options that change while people work: what was written stays, and means what it meant."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, append, make_flag, make_review, open_small_logs
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.datasets import read_base
from reviewer.errors import ConfigError, ConflictError, InputError, ReviewerError, UnknownNameError
from reviewer.index.queries import Slice
from reviewer.index.store import MainIndex, SideIndex
from reviewer.labels import check_change, check_revert, fold_names, list_current
from reviewer.records import Change, Event, LabelChange, Resolution, Review, new_id
from reviewer.workspace import Workspace

BASE = ("login", "refund")
NAMES = ("login", "refund", "a", "b", "c")


def make_change(change: str, seq: int, **given: Any) -> LabelChange:
    fields: dict[str, Any] = {
        "change_id": new_id(), "changed_at": NOON, "model": "tickets", "part": "label", "person": "ana",
    }  # fmt: skip
    return LabelChange(**fields | given, change=change, seq=seq)


# The fold, told a second time: a label is a thing that has names, and a written name points to a thing


class Thing:
    def __init__(self, name: str) -> None:
        self.name, self.into, self.is_ended = name, self, False

    def find(self) -> Thing:
        return self if self.into is self else self.into.find()


class Things:
    """Written names, as the page about labels explains them."""

    def __init__(self) -> None:
        self.by_name: dict[str, Thing] = {}

    def look(self, written: str) -> Thing:
        return self.by_name.setdefault(written, Thing(written)).find()

    def do(self, change: LabelChange) -> None:
        if change.change == Change.RENAME:
            thing = self.look(change.name)
            thing.name = change.added[0]
            self.by_name[thing.name] = thing
        elif change.change == Change.MERGE:
            for name in change.names:
                self.look(name).into = self.look(change.name)
        else:
            for name in change.added:
                self.look(name).is_ended = False
        if change.change in (Change.SPLIT, Change.RETIRE):
            self.look(change.name).is_ended = True

    def remember(self, undone: LabelChange) -> None:
        """What was written while a change stood that was taken back."""
        for name in undone.added:
            if name in self.by_name or name in BASE:
                continue
            if undone.change == Change.RENAME:
                self.by_name[name] = self.look(undone.name)
            else:
                self.look(name).is_ended = True


def tell_again(changes: list[LabelChange]) -> dict[str, tuple[str, bool]]:
    """Return written name → (name of today, whether a new one is needed)."""
    undone = {each.reverts for each in changes if each.change == Change.REVERT}
    things = Things()
    for each in changes:
        if each.change_id not in undone and each.change != Change.REVERT:
            things.do(each)
    for each in changes:
        if each.change_id in undone:
            things.remember(each)
    found = {written: thing.find() for written, thing in things.by_name.items()}
    return {written: (thing.name, thing.is_ended) for written, thing in found.items()}


def draw_change(chance: random.Random, changes: list[LabelChange]) -> LabelChange:
    names = fold_names(BASE, changes)
    some = [chance.choice(names.offered) for _ in range(2)]
    new = tuple(dict.fromkeys(chance.choice(NAMES) for _ in range(2)))
    given: dict[str, dict[str, Any]] = {
        Change.ADD: {"added": new[:1]},
        Change.RENAME: {"name": some[0], "added": new[:1]},
        Change.MERGE: {"name": some[0], "names": tuple(some[1:])},
        Change.SPLIT: {"name": some[0], "added": new},
        Change.RETIRE: {"name": some[0]},
        Change.REVERT: {"reverts": chance.choice(changes).change_id if changes else new_id()},
    }
    change = chance.choice(list(given))
    return make_change(change, names.seq + 1, **given[change])


def draw_history(chance: random.Random, length: int) -> list[LabelChange]:
    """Return changes as people make them: each is one that the program takes."""
    changes: list[LabelChange] = []
    for _ in range(length):
        made = draw_change(chance, changes)
        try:
            if made.change != Change.REVERT:
                check_change(fold_names(BASE, changes), made, {})
            elif check_revert(changes, str(made.reverts)) is None:
                continue
        except ReviewerError:
            continue
        changes.append(made)
    return changes


@given(st.randoms(use_true_random=False), st.integers(0, 25))
@settings(max_examples=300, deadline=None)
def test_any_history_of_changes_means_what_the_page_says(chance: random.Random, length: int) -> None:
    changes = draw_history(chance, length)
    told = {written: now for written, now in tell_again(changes).items() if now != (written, False)}
    assert {each.written: (each.name, each.is_ended) for each in list_current(changes)} == told


def test_a_label_of_the_config_that_was_retired_added_again_and_taken_back_is_as_before() -> None:
    retired = make_change(Change.RETIRE, 1, name="login")
    added = make_change(Change.ADD, 2, added=("login",))
    changes = [retired, added]
    changes += [
        make_change(Change.REVERT, 3 + at, reverts=each.change_id) for at, each in enumerate((added, retired))
    ]
    assert list_current(changes) == []
    assert list_current(changes[:3]) == [("tickets", "label", "login", "login", True)]


@given(st.randoms(use_true_random=False), st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_taking_everything_back_offers_the_labels_of_the_config(chance: random.Random, length: int) -> None:
    changes = draw_history(chance, length)
    standing = [each for each in changes if each.change != Change.REVERT]
    for each in reversed(standing):
        if check_revert(changes, each.change_id) is not None:
            changes.append(make_change(Change.REVERT, changes[-1].seq + 1, reverts=each.change_id))
    names = fold_names(BASE, changes)
    assert names.offered == list(BASE)
    assert [names.follow(each) for each in BASE] == list(BASE)


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_index_says_the_same_whenever_it_was_read(tmp_path_factory: Any, chance: random.Random) -> None:
    check_index(tmp_path_factory.mktemp("labels"), draw_work(chance), chance)


def check_index(folder: Path, work: list[Any], chance: random.Random) -> None:
    """The app's index, which reads now and then, says the same as one that reads everything at once."""
    logs = open_small_logs(folder)
    with contextlib.closing(MainIndex(folder, logs)) as eager:
        for each in work:
            append(logs, each)
            if chance.random() < 0.2:
                read_all(eager)
        assert read_all(eager) == read_all(SideIndex(folder / "anew", open_small_logs(folder)))


def draw_work(chance: random.Random) -> list[Any]:
    """Return flags, reviews behind their flags, and label changes, in any order."""
    work: list[Any] = list(draw_history(chance, 12))
    for _ in range(8):
        said = {name: chance.choice(NAMES) for name in ("predicted_label", "suggested_label", "option")}
        flag = make_flag(**said)
        work.insert(chance.randint(0, len(work)), flag)
        review = make_review(
            flag.flag_id,
            value=chance.choice([Resolution.LABEL_CORRECTED, Resolution.PREDICTION_CORRECT]),
            corrected_label=chance.choice(NAMES),
            seq=1,
        )
        work.insert(chance.randint(work.index(flag) + 1, len(work)), review)
    return work


def read_all(index: MainIndex | SideIndex) -> list[list[tuple[Any, ...]]]:
    statements = (
        "select * exclude (group_id, group_size) from flags order by position",
        "select * from current_names order by all",
        "select * exclude (flags), sum(flags) as flags from flag_counts group by all having sum(flags) <> 0"
        " order by all",
    )
    with index.reading() as cursor:
        return [cursor.execute(each).fetchall() for each in statements]


# In a workspace


@pytest.fixture
def team(tiny_folder: Path) -> Iterator[Workspace]:
    with Workspace(tiny_folder, is_app=True) as workspace:
        yield workspace


def flag_and_correct(workspace: Workspace, label: str, text: str = "refund please") -> str:
    made = workspace.predict("tickets", {"text": text})
    flag = workspace.flag(made.prediction_id, option="other")
    workspace.review(flag.flag_id, corrected_label=label, reviewer="bo")
    return flag.flag_id


def test_a_renamed_label_is_renamed_in_what_was_said_and_can_be_given_from_then_on(team: Workspace) -> None:
    flag_id = flag_and_correct(team, "login")
    team.change_labels("tickets", "rename", name="login", added=("sign-in",), person="ana")
    assert team.find_flag(flag_id).state.corrected_label == "sign-in"
    assert team.find_model("tickets").labels == ("sign-in", "refund")
    assert team.review(flag_id, corrected_label="sign-in").state.corrected_label == "sign-in"


def test_who_chose_a_label_while_it_was_renamed_means_it_all_the_same(team: Workspace) -> None:
    flag_id = flag_and_correct(team, "refund")
    team.change_labels("tickets", "rename", name="login", added=("sign-in",))
    assert team.review(flag_id, corrected_label="login").state.corrected_label == "sign-in"
    team.change_labels("tickets", "split", name="sign-in", added=("password", "account"))
    with pytest.raises(UnknownNameError, match="Known: password, account, refund"):
        team.review(flag_id, corrected_label="login")


def test_the_logs_keep_what_was_said(team: Workspace) -> None:
    flag_id = flag_and_correct(team, "login")
    team.count_rows()
    before = {path.name: path.read_bytes() for path in team.flagged.glob("*-0001.csv")}
    team.change_labels("tickets", "rename", name="login", added=("sign-in",))
    team.count_rows()
    assert {name: (team.flagged / name).read_bytes() for name in before} == before
    assert team.find_history(flag_id)[0].review.corrected_label == "login"
    raw = team.query("select corrected_label from raw_reviews")["corrected_label"].tolist()
    assert raw == ["login"]


def test_an_undone_rename_leads_back_and_keeps_what_was_said_in_between(team: Workspace) -> None:
    before = flag_and_correct(team, "login")
    made = team.change_labels("tickets", "rename", name="login", added=("sign-in",))
    between = flag_and_correct(team, "sign-in", "money back")
    team.undo_labels(made.change_id)
    assert [team.find_flag(each).state.corrected_label for each in (before, between)] == ["login", "login"]
    assert team.find_model("tickets").labels == ("login", "refund")


def test_undoing_twice_undoes_once(team: Workspace) -> None:
    made = team.change_labels("tickets", "add", added=("spam",))
    team.undo_labels(made.change_id)
    team.undo_labels(made.change_id)
    assert [each.change.change for each in team.list_label_changes("tickets")] == ["add", "revert"]


def test_of_two_admins_who_rename_one_label_the_second_is_told_what_the_first_did(team: Workspace) -> None:
    seen = team.read_names("tickets").seq
    team.change_labels("tickets", "rename", name="login", added=("sign-in",), person="ana", seq=seen)
    with pytest.raises(ConflictError, match=r"by ana at .* UTC: 'login' was renamed to 'sign-in'"):
        team.change_labels("tickets", "rename", name="login", added=("access",), person="bo", seq=seen)
    assert team.read_names("tickets").offered == ["sign-in", "refund"]


def test_of_two_processes_that_change_one_label_the_second_is_told(tiny_folder: Path) -> None:
    with Workspace(tiny_folder) as one, Workspace(tiny_folder) as other:
        seen = one.read_names("tickets").seq
        other.change_labels("tickets", "rename", name="login", added=("access",), person="bo")
        with pytest.raises(ConflictError, match="by bo"):
            one.change_labels("tickets", "rename", name="login", added=("sign-in",), seq=seen)
        assert one.find_model("tickets").labels == ("access", "refund")


def test_the_same_change_sent_again_acts_once(team: Workspace) -> None:
    change_id = new_id()
    first = team.change_labels("tickets", "add", added=("spam",), change_id=change_id)
    assert team.change_labels("tickets", "add", added=("spam",), change_id=change_id) == first
    assert len(team.list_label_changes("tickets")) == 1


def test_merged_labels_count_as_one_everywhere(team: Workspace) -> None:
    team.change_labels("tickets", "add", added=("access",))
    flag_and_correct(team, "access", "refund this order please")
    flag_and_correct(team, "login", "i want a refund")
    team.change_labels("tickets", "merge", name="login", names=("access",))
    frame = team.read_frame("confusion", "tickets")
    assert frame["corrected_label"].tolist() == ["login"]
    assert frame["flags"].tolist() == [2]
    assert team.query("select distinct corrected_label from flags")["corrected_label"].tolist() == ["login"]


def test_what_a_split_label_was_given_to_waits_for_a_new_one(team: Workspace) -> None:
    flag_id = flag_and_correct(team, "login")
    team.change_labels("tickets", "split", name="login", added=("password", "account"))
    assert [each.flag_id for each in team.queue(view="needs_label")] == [flag_id]
    assert team.find_flag(flag_id).state.corrected_label == "login"
    team.review(flag_id, corrected_label="password")
    assert team.queue(view="needs_label") == []


def test_a_renamed_option_is_renamed_on_flags_and_offered(team: Workspace) -> None:
    made = team.predict("tickets", {"text": "refund please"})
    flag = team.flag(made.prediction_id, option="other")
    team.change_labels("tickets", "rename", part="option", name="other", added=("tone of voice",))
    assert team.find_flag(flag.flag_id).option == "tone of voice"
    assert team.flag(made.prediction_id, option="tone of voice", flagger="x").option == "tone of voice"
    assert [each.option for each in team.queue(option="tone of voice")] == ["tone of voice"] * 2


@pytest.mark.parametrize(
    ("change", "given", "said"),
    [
        ("add", {"added": ("refund",)}, "There is a label 'refund' already"),
        ("add", {"added": ("a\nb",)}, "cannot be taken"),
        ("add", {"added": ("x" * 201,)}, "cannot be taken"),
        ("add", {}, "Give one new name"),
        ("rename", {"name": "login"}, "Give one new name"),
        ("rename", {"name": "nope", "added": ("b",)}, "There is no label 'nope'"),
        ("retire", {"name": "login"}, "At least 2 must be left"),
        ("merge", {"name": "login", "names": ("refund",)}, "At least 2 must be left"),
        ("split", {"name": "login", "added": ("b",)}, "at least two labels"),
        ("style", {"name": "login", "color": "red"}, "write it as #rrggbb"),
        ("style", {"name": "login", "key": "j"}, "taken by 'next'"),
        ("style", {"name": "login", "key": "ab"}, "one small letter or digit"),
        ("paint", {"name": "login"}, "There is no change of labels 'paint'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    team: Workspace, change: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        team.change_labels("tickets", change, **given)
    assert team.list_label_changes("tickets") == []


def test_a_name_of_before_is_not_given_to_another_label(team: Workspace) -> None:
    team.change_labels("tickets", "rename", name="login", added=("sign-in",))
    with pytest.raises(InputError, match="'login' was the name of 'sign-in' before"):
        team.change_labels("tickets", "add", added=("login",))


def test_a_change_that_others_stand_on_is_taken_back_after_them(team: Workspace) -> None:
    made = team.change_labels("tickets", "add", added=("spam",), person="ana")
    later = team.change_labels("tickets", "rename", name="spam", added=("junk",), person="bo")
    with pytest.raises(ConflictError, match=r"'spam' was renamed to 'junk' afterwards, by bo"):
        team.undo_labels(made.change_id)
    team.undo_labels(later.change_id)
    team.undo_labels(made.change_id)
    assert team.read_names("tickets").offered == ["login", "refund"]


def test_a_look_is_kept_until_the_label_goes(team: Workspace) -> None:
    team.change_labels("tickets", "style", name="login", color="#aa0000", key="1")
    words = team.find_model("tickets").vocabulary
    assert (words.colors, words.keys) == ({"login": "#aa0000"}, {"login": "1"})
    team.change_labels("tickets", "rename", name="login", added=("sign-in",))
    assert team.find_model("tickets").vocabulary.keys == {"sign-in": "1"}


def test_a_vocabulary_in_the_config_is_an_unknown_key(tiny_folder: Path) -> None:
    path = tiny_folder / "reviewer.toml"
    path.write_text(
        path.read_text("utf-8").replace("[models.shades]", "vocabulary.stamp = 3\n[models.shades]")
    )
    with pytest.raises(ConfigError, match="vocabulary is no key"):
        Workspace(tiny_folder)


def test_a_label_whose_adding_was_undone_is_there_again_once_the_config_lists_it(team: Workspace) -> None:
    added = team.change_labels("tickets", "add", added=("access",))
    flag_and_correct(team, "access")
    team.undo_labels(added.change_id)
    assert len(team.queue(view="needs_label")) == 1
    team.close()
    path = team.folder / "reviewer.toml"
    path.write_text(path.read_text("utf-8").replace('["login", "refund"]', '["login", "refund", "access"]'))
    for _ in range(2):
        with Workspace(team.folder, is_app=True) as app:
            assert app.queue(view="needs_label") == []
            entry = app.list_label_changes("tickets")[-1]
            assert (entry.change.added, entry.change.person) == (("access",), "reviewer.toml")
            assert len(app.list_label_changes("tickets")) == 3
            assert app.list_labels("tickets") == ["login", "refund", "access"]
    with Workspace(team.folder) as beside:
        assert beside.queue(view="needs_label") == []


def test_a_label_that_somebody_retired_stays_so_although_the_config_lists_it(team: Workspace) -> None:
    team.change_labels("tickets", "add", added=("access",))
    team.change_labels("tickets", "retire", name="login")
    team.close()
    with Workspace(team.folder, is_app=True) as app:
        assert app.list_labels("tickets") == ["refund", "access"]
        assert len(app.list_label_changes("tickets")) == 2


# What is made from labels


def test_exports_training_and_verify_follow_the_names_of_today(team: Workspace) -> None:
    team.change_labels("tickets", "rename", name="login", added=("sign-in",))
    for number in range(12):
        flag_and_correct(team, "sign-in" if number % 2 else "refund", f"where is number {number}")
    bundle = team.export("tickets")
    assert bundle.manifest["labels"] == ["sign-in", "refund"]
    made = team.retrain("tickets", bundle=bundle.name)
    summary = team.verify("tickets", made.version.name)
    newest = team.predict("tickets", {"text": "cannot sign in"}, version=made.version.name)
    before = team.predict("tickets", {"text": "cannot sign in"}, version="1")
    assert (newest.predicted_label, before.predicted_label) == ("sign-in", "sign-in")
    assert set(newest.scores or {}) == set(before.scores or {}) == {"sign-in", "refund"}
    assert sum(summary.count().values()) == 12


def test_a_manifest_names_what_became_of_the_labels(team: Workspace) -> None:
    flag_and_correct(team, "login")
    assert "label_names" not in team.export("tickets").manifest
    team.change_labels("tickets", "rename", name="login", added=("sign-in",))
    assert team.export("tickets").manifest["label_names"] == {"login": "sign-in"}


def test_a_vote_for_a_merged_label_is_one_for_the_other(team: Workspace) -> None:
    team.change_labels("tickets", "add", added=("access",))
    flag_and_correct(team, "access", "where is it")
    flag_and_correct(team, "login", "where is it")
    assert team.plan_export("tickets").counts["left_out"]
    team.change_labels("tickets", "merge", name="login", names=("access",))
    assert "conflict" not in team.plan_export("tickets").counts["left_out"]


def test_base_rows_of_a_retired_label_are_left_out(team: Workspace) -> None:
    team.change_labels("tickets", "split", name="login", added=("password", "account"))
    base = read_base(team.folder, team.find_model("tickets"))
    assert {row.right for row in base.rows} == {"refund"}


# Several people and changing names


@pytest.fixture
def pair(tiny_folder: Path) -> Iterator[Workspace]:
    """A workspace in which every answer is given twice."""
    with (tiny_folder / "reviewer.toml").open("a", encoding="utf-8") as file:
        file.write("[team]\nsecond_share = 1\ngold_share = 0.5\n")
    with Workspace(tiny_folder, is_app=True) as workspace:
        workspace.change_labels("tickets", "add", added=("access",))
        yield workspace


def answer_twice(
    workspace: Workspace, first: str, second: str, meanwhile: Callable[[], object] = lambda: None
) -> str:
    """Return a flag that two people answered, something having happened between the answers."""
    made = workspace.predict("tickets", {"text": "refund please"})
    flag = workspace.flag(made.prediction_id, option="other")
    assert flag.predicted_label == "refund"
    workspace.review(flag.flag_id, corrected_label=first, reviewer="ann")
    meanwhile()
    workspace.review(flag.flag_id, corrected_label=second, reviewer="bob")
    return flag.flag_id


def read_answers(workspace: Workspace, flag_id: str) -> tuple[str | None, str, str | None]:
    state = workspace.find_flag(flag_id).state
    with Workspace(workspace.folder) as beside:  # an index that reads everything at once
        assert beside.find_flag(flag_id).state == state
    return state.second_review, state.status, state.corrected_label


def check_all_agree(workspace: Workspace) -> None:
    """The figures need a second flag."""
    answer_twice(workspace, "refund", "refund")
    for each in (workspace.report_agreement("tickets").overall, workspace.score_person("bob").agreement):
        assert each.percent is not None
        assert (each.flags, each.percent.value) == (2, 1)


def test_a_label_renamed_between_two_answers_does_not_make_them_differ(pair: Workspace) -> None:
    flag_id = answer_twice(
        pair,
        "login",
        "sign-in",
        lambda: pair.change_labels("tickets", "rename", name="login", added=("sign-in",)),
    )
    assert read_answers(pair, flag_id) == ("agreed", "resolved", "sign-in")
    check_all_agree(pair)


def test_answers_that_differed_agree_once_the_labels_are_one_and_differ_when_that_is_undone(
    pair: Workspace,
) -> None:
    flag_id = answer_twice(pair, "login", "access")
    assert read_answers(pair, flag_id) == ("disagreed", "disagreement", None)
    merged = pair.change_labels("tickets", "merge", name="login", names=("access",))
    assert read_answers(pair, flag_id) == ("agreed", "resolved", "login")
    assert [each.flag_id for each in pair.queue(view="done")] == [flag_id]
    pair.undo_labels(merged.change_id)
    assert read_answers(pair, flag_id) == ("disagreed", "disagreement", None)
    assert pair.count_facets(Slice()).views["disagreements"] == 1


def test_the_predicted_label_is_the_same_answer_as_one_that_was_merged_into_it(pair: Workspace) -> None:
    flag_id = answer_twice(
        pair,
        "access",
        "refund",
        lambda: pair.change_labels("tickets", "merge", name="refund", names=("access",)),
    )
    assert read_answers(pair, flag_id) == ("agreed", "resolved", "refund")
    check_all_agree(pair)


def test_who_settles_a_disagreement_may_say_a_name_of_before(pair: Workspace) -> None:
    flag_id = answer_twice(pair, "login", "access")
    pair.change_labels("tickets", "rename", name="access", added=("entry",))
    pair.review(flag_id, corrected_label="access", reviewer="cyd")
    assert read_answers(pair, flag_id) == ("adjudicated", "resolved", "entry")
    assert pair.export("tickets").manifest["counts"]["written"] == 1


def test_two_answers_with_a_label_that_was_split_agree_and_need_a_new_one(pair: Workspace) -> None:
    flag_id = answer_twice(pair, "login", "login")
    pair.change_labels("tickets", "split", name="login", added=("password", "account"))
    assert read_answers(pair, flag_id) == ("agreed", "resolved", "login")
    assert [each.flag_id for each in pair.queue(view="needs_label")] == [flag_id]


@pytest.mark.parametrize("said", ["login", "sign-in"])
def test_a_right_answer_to_a_gold_flag_is_right_by_any_name_it_had(pair: Workspace, said: str) -> None:
    flag_id = answer_twice(pair, "login", "login")
    pair.review(flag_id, act="gold", reviewer="ann", is_admin=True)
    pair.change_labels("tickets", "rename", name="login", added=("sign-in",))
    pair.review(flag_id, corrected_label=said, reviewer="eve")
    gold = pair.score_person("eve").gold
    assert (gold.hits, gold.of) == (1, 1)


def test_gold_answers_follow_a_merge_into_the_predicted_label(pair: Workspace) -> None:
    flag_id = answer_twice(pair, "refund", "refund")
    pair.review(flag_id, act="gold", reviewer="ann", is_admin=True)
    pair.review(flag_id, corrected_label="access", reviewer="eve")
    assert pair.score_person("eve").gold.hits == 0
    pair.change_labels("tickets", "merge", name="refund", names=("access",))
    assert pair.score_person("eve").gold.hits == 1


@given(st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_two_answers_are_the_same_to_an_index_whenever_it_was_read(
    tmp_path_factory: Any, chance: random.Random
) -> None:
    work = mix(chance, draw_pairs(chance), draw_history(chance, 10))
    check_index(tmp_path_factory.mktemp("pairs"), work, chance)


def mix(chance: random.Random, work: list[Any], others: list[Any]) -> list[Any]:
    """Return both lists as one, each in its order."""
    marks = [0] * len(work) + [1] * len(others)
    chance.shuffle(marks)
    each_of = iter(work), iter(others)
    return [next(each_of[mark]) for mark in marks]


def draw_pairs(chance: random.Random) -> list[Any]:
    """Return flags that two people answer."""
    work: list[Any] = []
    for _ in range(6):
        flag = make_flag(predicted_label=chance.choice(NAMES))
        first = draw_answer(chance, flag.flag_id, Event.RESOLVE, 1)
        asked = make_review(flag.flag_id, Event.ASK_SECOND, value="requested", reverts=first.action_id)
        work += [flag, first, asked, draw_answer(chance, flag.flag_id, Event.SECOND_REVIEW, 2)]
    return work


def draw_answer(chance: random.Random, flag_id: str, event: str, seq: int) -> Review:
    value = chance.choice([Resolution.LABEL_CORRECTED, Resolution.PREDICTION_CORRECT, Resolution.AMBIGUOUS])
    label = chance.choice(NAMES) if value == Resolution.LABEL_CORRECTED else None
    return make_review(flag_id, event, value=value, corrected_label=label, seq=seq, action_id=new_id())
