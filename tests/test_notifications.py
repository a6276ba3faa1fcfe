"""What the bell tells whom: true at the moment, new until it is read, and nothing that must not be known."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import append, make_flag, make_review, open_small_logs
from fastapi.testclient import TestClient
from people import serve_team, sign_in_client

from reviewer.access import Person, Role, find_owner
from reviewer.api import build_server
from reviewer.errors import InputError, LogError, UnknownNameError
from reviewer.guards import Reach
from reviewer.notifications import MOST_TOLD, NEEDED, Kind, Notification, Place
from reviewer.notifications.failing import FAILURES
from reviewer.notifications.readers import READERS_NAME
from reviewer.records import Delivery, new_id, utc_now
from reviewer.workspace import Workspace

CONFIG = """
[team]
queue_above = 2

[[webhooks]]
name = "chat"
url = "http://127.0.0.1:1/"
events = ["flag_made"]

[models.mail]
task = "text-classification"
kind = "external"
labels = ["spam", "ham"]
inputs.text = "textbox"
"""

ANN, BOB, CARL, TESS, TOM = (
    Person("ann", Role.ADMIN), Person("bob", Role.REVIEWER), Person("carl", Role.REVIEWER),
    Person("tess", Role.TESTER), Person("tom", Role.TESTER),
)  # fmt: skip
EVERYBODY = (ANN, BOB, CARL, TESS, TOM)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace(folder, is_app=True) as opened:
        yield opened


def flag(workspace: Workspace, flagger: str = "tess") -> str:
    made = make_flag(model="mail", predicted_label="spam", flagger=flagger)
    workspace.add_flags([made])
    return made.flag_id


def told(workspace: Workspace, person: Person, kind: str | None = None) -> list[Notification]:
    found = workspace.notifications.list_for(person).notifications
    return [each for each in found if kind in (None, each.kind)]


def who_hears(workspace: Workspace, kind: Kind) -> set[str]:
    return {each.name for each in EVERYBODY if told(workspace, each, kind)}


def read(workspace: Workspace, person: Person) -> None:
    workspace.notifications.mark_read(person, workspace.notifications.list_for(person).place)


def correct(workspace: Workspace, flag_id: str, reviewer: str = "bob", **given: Any) -> str:
    decided = workspace.review(flag_id, **{"corrected_label": "ham", "reviewer": reviewer, **given})
    return decided.state.action_id or ""


def verify(workspace: Workspace, flag_id: str, version: str, value: str = "fixed") -> None:
    made = make_review(flag_id, "verify", value=value, model_version=version, reviewed_at=utc_now())
    append(open_small_logs(workspace.flagged), made)


# Each kind


def test_a_flagger_hears_that_the_own_flag_is_resolved_and_nobody_else_does(workspace: Workspace) -> None:
    flag_id = flag(workspace)
    correct(workspace, flag_id)
    [heard] = told(workspace, TESS)
    assert (heard.kind, heard.flag_id, heard.is_new) == ("resolved", flag_id, True)
    assert (heard.resolution, heard.corrected_label, heard.person) == ("label_corrected", "ham", None)
    assert who_hears(workspace, Kind.RESOLVED) == {"tess"}


def test_what_was_undone_or_decided_anew_is_told_as_it_is_now(workspace: Workspace) -> None:
    flag_id = flag(workspace)
    action_id = correct(workspace, flag_id)
    workspace.undo(action_id, reviewer="bob")
    assert told(workspace, TESS) == []
    correct(workspace, flag_id, corrected_label=None, resolution="bad_input")
    assert [each.resolution for each in told(workspace, TESS)] == ["bad_input"]


def test_what_one_does_oneself_is_no_news(workspace: Workspace) -> None:
    flag_id = flag(workspace, "bob")
    correct(workspace, flag_id, reviewer="carl")
    assert told(workspace, BOB, Kind.RESOLVED)
    workspace.review(flag_id, status="open", reviewer="bob")
    correct(workspace, flag_id)
    assert told(workspace, BOB) == []


def test_one_action_on_many_flags_is_one_line_with_their_number(workspace: Workspace) -> None:
    flags = [flag(workspace) for _ in range(3)]
    workspace.review_many(workspace.find_targets(choose(flags)), reviewer="bob", resolution="bad_input")
    [heard] = told(workspace, TESS)
    assert (heard.flags, heard.flag_id) == (3, flags[-1])
    assert workspace.notifications.count_unread(TESS) == 1


def choose(flags: list[str]) -> Any:
    from reviewer.index.queries import ChosenFlags

    return ChosenFlags(flag_ids=tuple(flags))


def test_a_flagger_hears_which_version_fixed_the_flag_while_it_does(workspace: Workspace) -> None:
    flag_id = flag(workspace)
    correct(workspace, flag_id)
    verify(workspace, flag_id, "3")
    assert [each.version for each in told(workspace, TESS, Kind.FIXED)] == ["3"]
    assert who_hears(workspace, Kind.FIXED) == {"tess"}
    verify(workspace, flag_id, "4", "still_failing")
    assert told(workspace, TESS, Kind.FIXED) == []


def test_who_is_mentioned_hears_who_did_it(workspace: Workspace) -> None:
    flag_id = flag(workspace)
    workspace.review(flag_id, comment="look, @carl and @bob-2", reviewer="bob")
    assert [(each.person, each.flag_id) for each in told(workspace, CARL)] == [("bob", flag_id)]
    assert who_hears(workspace, Kind.MENTION) == {"carl"}


def test_a_tester_who_is_mentioned_or_assigned_hears_nothing(workspace: Workspace) -> None:
    flag_id = flag(workspace, "tom")
    workspace.review(flag_id, comment="@tess", assignee="tess", reviewer="bob")
    assert told(workspace, TESS) == told(workspace, TOM) == []


def test_an_assignment_is_told_while_it_stands(workspace: Workspace) -> None:
    flag_id = flag(workspace)
    workspace.review(flag_id, assignee="carl", reviewer="bob")
    assert [each.person for each in told(workspace, CARL, Kind.ASSIGNED)] == ["bob"]
    assert who_hears(workspace, Kind.ASSIGNED) == {"carl"}
    workspace.review(flag_id, assignee="bob", reviewer="ann")
    assert who_hears(workspace, Kind.ASSIGNED) == {"bob"}


def test_a_second_answer_is_asked_of_those_who_may_give_it(workspace: Workspace) -> None:
    flag_id = flag(workspace)
    correct(workspace, flag_id, ask_second=True)
    assert who_hears(workspace, Kind.SECOND_REVIEW) == {"ann", "carl"}
    workspace.review(flag_id, assignee="carl", reviewer="ann")
    assert who_hears(workspace, Kind.SECOND_REVIEW) == {"carl"}
    correct(workspace, flag_id, reviewer="carl")
    assert who_hears(workspace, Kind.SECOND_REVIEW) == set()
    assert who_hears(workspace, Kind.RESOLVED) == {"tess"}


def disagree(workspace: Workspace, flag_id: str) -> None:
    correct(workspace, flag_id, ask_second=True)
    correct(workspace, flag_id, reviewer="carl", corrected_label=None, resolution="bad_input")


def test_admins_hear_of_a_disagreement_until_it_is_settled(workspace: Workspace) -> None:
    flag_id = flag(workspace)
    disagree(workspace, flag_id)
    assert who_hears(workspace, Kind.DISAGREEMENT) == {"ann"}
    assert who_hears(workspace, Kind.RESOLVED) == set()
    correct(workspace, flag_id, reviewer="ann", is_admin=True)
    assert who_hears(workspace, Kind.DISAGREEMENT) == set()
    assert who_hears(workspace, Kind.RESOLVED) == {"tess"}


def test_admins_hear_of_a_queue_above_its_size_once(workspace: Workspace) -> None:
    flags = [flag(workspace) for _ in range(2)]
    assert who_hears(workspace, Kind.QUEUE_ABOVE) == set()
    flags.append(flag(workspace))
    assert who_hears(workspace, Kind.QUEUE_ABOVE) == {"ann"}
    read(workspace, ANN)
    flags.append(flag(workspace))
    assert [each.is_new for each in told(workspace, ANN)] == [False]
    for each in flags[:2]:
        correct(workspace, each)
    assert told(workspace, ANN, Kind.QUEUE_ABOVE) == []
    flag(workspace)
    assert [(each.is_new, each.size) for each in told(workspace, ANN)] == [(True, 2)]


def note_delivery(workspace: Workspace, status: int, webhook: str = "chat") -> None:
    made = Delivery(
        attempt_id=new_id(), delivery_id=new_id(), sent_at=utc_now(), webhook=webhook, events="flag_made",
        count=1, attempt=1, status=status,
    )  # fmt: skip
    append(open_small_logs(workspace.flagged), made)


def test_admins_hear_of_a_webhook_that_keeps_failing_until_it_is_reached(workspace: Workspace) -> None:
    for _ in range(FAILURES - 1):
        note_delivery(workspace, 500)
    note_delivery(workspace, 500, "one that is gone")
    assert who_hears(workspace, Kind.WEBHOOK_FAILING) == set()
    note_delivery(workspace, 0)
    assert who_hears(workspace, Kind.WEBHOOK_FAILING) == {"ann"}
    assert [each.webhook for each in told(workspace, ANN)] == ["chat"]
    assert workspace.notifications.count_unread(ANN) == 1
    read(workspace, ANN)
    assert workspace.notifications.count_unread(ANN) == 0
    note_delivery(workspace, 204)
    assert who_hears(workspace, Kind.WEBHOOK_FAILING) == set()


def test_a_size_that_only_a_webhook_has_is_told_of_too(folder: Path) -> None:
    config = CONFIG.replace("queue_above = 2", "").replace(
        '["flag_made"]', '["queue_above"]\nqueue_above = 0'
    )
    (folder / "reviewer.toml").write_text(config, encoding="utf-8")
    with Workspace(folder) as workspace:
        flag(workspace)
        assert [each.size for each in told(workspace, ANN)] == [0]


# What must not be known


def test_a_second_reviewer_is_told_nothing_of_the_first(workspace: Workspace) -> None:
    flag_id = flag(workspace, "carl")
    workspace.review(flag_id, comment="@carl please", corrected_label="ham", ask_second=True, reviewer="bob")
    heard = told(workspace, CARL)
    assert {each.kind for each in heard} == {"mention", "second_review"}
    assert [each for each in heard if each.person or each.resolution or each.corrected_label] == []
    workspace.review(flag_id, assignee="carl", reviewer="bob")
    assert [each for each in told(workspace, CARL) if each.person] == []


def test_a_gold_flag_is_in_no_reviewers_list(workspace: Workspace) -> None:
    flag_id = flag(workspace, "carl")
    workspace.review(flag_id, comment="@carl", corrected_label="ham", reviewer="bob")
    assert {each.kind for each in told(workspace, CARL)} == {"mention", "resolved"}
    workspace.review(flag_id, act="gold", reviewer="ann", is_admin=True)
    assert told(workspace, CARL) == []
    assert workspace.notifications.count_unread(CARL) == 0


def test_a_flag_that_its_flagger_took_back_is_told_to_nobody(workspace: Workspace) -> None:
    flag_id = flag(workspace)
    workspace.review(flag_id, comment="@carl", reviewer="bob")
    workspace.undo(flag_id, reviewer="tess")
    assert told(workspace, CARL) == []


# Reading


def test_what_was_read_is_new_no_more_and_what_came_meanwhile_is(workspace: Workspace) -> None:
    correct(workspace, flag(workspace))
    place = workspace.notifications.list_for(TESS).place
    correct(workspace, flag(workspace))
    assert workspace.notifications.count_unread(TESS) == 2
    workspace.notifications.mark_read(TESS, place)
    assert workspace.notifications.count_unread(TESS) == 1
    assert [each.is_new for each in told(workspace, TESS)] == [True, False]
    workspace.notifications.mark_read(TESS, Place())
    assert workspace.notifications.count_unread(TESS) == 1


def test_reading_is_kept_for_the_next_start(folder: Path) -> None:
    with Workspace(folder) as workspace:
        correct(workspace, flag(workspace))
        read(workspace, TESS)
    with Workspace(folder) as workspace:
        assert workspace.notifications.count_unread(TESS) == 0
        assert workspace.notifications.count_unread(TOM) == 0
        (folder / READERS_NAME).unlink()
        assert workspace.notifications.count_unread(TESS) == 1


def test_a_file_that_cannot_be_read_is_named(workspace: Workspace, folder: Path) -> None:
    (folder / READERS_NAME).write_text("[1]")
    with pytest.raises(LogError, match=r"notifications\.json cannot be read"):
        workspace.notifications.list_for(TESS)


def test_a_place_behind_the_end_counts_as_the_end(workspace: Workspace) -> None:
    workspace.notifications.mark_read(TESS, Place(10**9, 10**9, 10**9))
    correct(workspace, flag(workspace))
    assert workspace.notifications.count_unread(TESS) == 1


def test_a_kind_that_is_switched_off_is_neither_told_nor_counted(workspace: Workspace) -> None:
    correct(workspace, flag(workspace))
    workspace.notifications.switch_off(TESS, ["resolved"])
    assert (told(workspace, TESS), workspace.notifications.count_unread(TESS)) == ([], 0)
    workspace.notifications.switch_off(TESS, [])
    assert workspace.notifications.count_unread(TESS) == 1
    with pytest.raises(UnknownNameError, match="There is no kind of notification 'x'"):
        workspace.notifications.switch_off(TESS, ["x"])


def test_nothing_is_kept_of_somebody_who_is_erased(workspace: Workspace, folder: Path) -> None:
    correct(workspace, flag(workspace))
    read(workspace, TESS)
    workspace.erase(person="tess")
    assert "tess" not in (folder / READERS_NAME).read_text()


ACTS: list[Callable[[Workspace, str], object]] = [
    lambda it, flag_id: correct(it, flag_id),
    lambda it, flag_id: it.review(flag_id, comment="@carl @ann", reviewer="bob"),
    lambda it, flag_id: it.review(flag_id, assignee="carl", reviewer="ann"),
    lambda it, flag_id: it.review(flag_id, act="ask_second", reviewer="bob"),
    lambda it, flag_id: it.review(flag_id, resolution="bad_input", reviewer="carl"),
    lambda it, flag_id: it.undo(it.find_history(flag_id)[-1].review.action_id, reviewer="bob"),
    lambda it, flag_id: it.review(flag_id, status="open", reviewer="ann"),
    lambda it, flag_id: it.review(flag_id, act="gold", reviewer="ann", is_admin=True),
    lambda it, flag_id: it.review(flag_id, assignee="", reviewer="ann"),
]


def test_the_number_is_that_of_the_list_after_each_of_many_acts(workspace: Workspace) -> None:
    """The number is carried on while nothing concerns a person, so it is compared with one counted anew."""
    flags = [flag(workspace), flag(workspace, "carl")]
    for first, second in itertools.permutations(ACTS, 2):
        for act in (first, second):
            try:
                act(workspace, flags[0])
                act(workspace, flags[1])
            except InputError:  # not everything can follow on everything
                continue
            finally:
                for person in EVERYBODY:
                    new = [each for each in told(workspace, person) if each.is_new]
                    assert workspace.notifications.count_unread(person) == min(len(new), MOST_TOLD)


# Faces


def test_everybody_is_told_their_own_over_http(folder: Path) -> None:
    with serve_team(folder) as (server, sign_in):
        clients = {each.name: sign_in_client(server, sign_in, each.name) for each in EVERYBODY}
        with_news = clients["bob"].get("/api/news").json()
        assert with_news["unread"] == 0
        answer = clients["tess"].get("/api/notifications").json()
        assert answer["kinds"] == ["resolved", "fixed"]
        assert (answer["notifications"], answer["off"], answer["token"]) == ([], [], "0.0.0")
        assert clients["ann"].get("/api/notifications").json()["kinds"] == list(NEEDED)
        refused = clients["tess"].post("/api/notifications/read", json={"token": "x"})
        assert (refused.status_code, refused.json()["field"]) == (422, "token")
        refused = clients["tess"].post("/api/notifications/off", json={"off": ["x"]})
        assert refused.status_code == 404
        assert clients["tess"].post("/api/notifications/off", json={"off": ["fixed"]}).json() == {"unread": 0}
        assert clients["tess"].get("/api/notifications").json()["off"] == ["fixed"]
        assert clients["tom"].get("/api/notifications").json()["off"] == []


def test_the_owner_of_a_laptop_is_told_without_sign_in(workspace: Workspace) -> None:
    client = TestClient(build_server(workspace, Reach({"testserver"})))
    flag_id = flag(workspace, find_owner().name)
    correct(workspace, flag_id, reviewer="somebody else")
    token = client.get("/api/news").json()["token"]
    assert client.get("/api/news", params={"after": token}).json()["unread"] == 1
    assert client.get("/api/notifications/count").json() == {"unread": 1}
    told_now = client.get("/api/notifications").json()
    assert told_now["notifications"][0]["flag_id"] == flag_id
    answer = client.post("/api/notifications/read", json={"token": told_now["token"]})
    assert answer.json() == {"unread": 0}
    assert client.get("/api/news", params={"after": token}).json()["unread"] == 0


def test_a_flagger_under_a_pseudonym_hears_of_the_own_flags(folder: Path) -> None:
    (folder / "reviewer.toml").write_text(CONFIG + '\n[privacy]\nflagger = "pseudonym"\n', encoding="utf-8")
    with Workspace(folder) as workspace:
        correct(workspace, flag(workspace, workspace.pseudonyms.hide("tess")))
        assert who_hears(workspace, Kind.RESOLVED) == {"tess"}
