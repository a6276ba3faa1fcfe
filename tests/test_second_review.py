"""Several people on one queue: claims that end, whose turn it is, and answers that nobody may know yet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import append, make_flag, make_review
from fastapi import FastAPI
from fastapi.testclient import TestClient
from folding import fold_logs, read_states

from reviewer.access import Person, Role
from reviewer.api import build_server, identify
from reviewer.errors import InputError, QueryRefusedError
from reviewer.guards import Reach
from reviewer.index.queries import Slice
from reviewer.log import open_logs
from reviewer.records import Event, new_id, utc_now
from reviewer.workspace import Workspace

TEAM = "[team]\nclaim_minutes = 10\nsecond_below_certainty = 3\n"

SAID = "because it says money back"
"""What only the first reviewer wrote."""


@pytest.fixture
def workspace(tiny_folder: Path) -> Iterator[Workspace]:
    with (tiny_folder / "reviewer.toml").open("a", encoding="utf-8") as file:
        file.write(TEAM)
    with Workspace(tiny_folder, is_app=True) as opened:
        yield opened


def add_flags(workspace: Workspace, count: int = 1, **given: Any) -> list[str]:
    flags = [make_flag(model="tickets", predicted_label="login", **given) for _ in range(count)]
    return [each.flag_id for each in workspace.add_flags(flags)]


def answer(workspace: Workspace, flag_id: str, who: str, label: str = "refund", **given: Any) -> Any:
    return workspace.review(flag_id, corrected_label=label, reviewer=who, **given).state


def let_claim_end(workspace: Workspace, flag_id: str, who: str) -> None:
    """Write a claim into the log that ended a minute ago."""
    seq = workspace.find_flag(flag_id).state.seq + 1
    until = (utc_now() - timedelta(minutes=1)).isoformat()
    claim = make_review(flag_id, Event.CLAIM, value=until, reviewer=who, seq=seq)
    append(open_logs(workspace.flagged), claim)


# Claims that end


def test_a_claim_ends_after_the_minutes_of_the_config_unless_it_is_renewed(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace)
    workspace.review(flag_id, act="claim", reviewer="ann")
    first = workspace.find_flag(flag_id).state.claimed_until
    assert first is not None
    assert timedelta(minutes=9) < first - utc_now() <= timedelta(minutes=10)
    renewed = workspace.review(flag_id, act="renew", reviewer="ann").state
    assert renewed.claimed_until is not None
    assert renewed.claimed_until > first
    assert renewed.seq == 1, "a renewal contradicts nobody"


def test_a_claim_that_ended_is_taken_over_and_cannot_be_renewed_by_who_had_it(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace)
    workspace.review(flag_id, act="claim", reviewer="ann")
    with pytest.raises(InputError, match="The flag is with ann; assign it to take it over"):
        workspace.review(flag_id, act="claim", reviewer="bob")
    let_claim_end(workspace, flag_id, "ann")
    assert workspace.review(flag_id, act="claim", reviewer="bob").state.assignee == "bob"
    with pytest.raises(InputError, match="The claim is over; claim the flag again"):
        workspace.review(flag_id, act="renew", reviewer="ann")
    assert read_states(workspace) == fold_logs(workspace.flagged)


# Next for me


def test_next_for_me_hands_out_own_assignments_then_the_order_and_each_flag_once(
    workspace: Workspace,
) -> None:
    old, middle, new = add_flags(workspace, 3)
    workspace.review(old, assignee="ann", reviewer="cyd")
    taken = [workspace.claim_next(reviewer=who, sort="newest") for who in ("ann", "bob", "ann", "bob")]
    assert [each.flag_id if each else None for each in taken] == [old, new, middle, None]
    assert {each.state.assignee for each in taken if each} == {"ann", "bob"}


def test_the_same_action_hands_out_the_same_flag(workspace: Workspace) -> None:
    add_flags(workspace, 2)
    action = new_id()
    handed = [workspace.claim_next(reviewer="ann", action_id=action) for _ in range(2)]
    assert handed[0] is not None
    assert handed[1] is not None
    assert handed[0].flag_id == handed[1].flag_id


def test_next_for_me_keeps_to_the_filters_and_passes_over_flags_that_wait_for_something(
    workspace: Workspace,
) -> None:
    asked, claimed, ended = add_flags(workspace, 3, option="other")
    add_flags(workspace, 1, option="wrong_label")
    workspace.review(asked, status="needs_info", reviewer="cyd")
    workspace.review(claimed, act="claim", reviewer="cyd")
    let_claim_end(workspace, ended, "cyd")
    chosen = Slice(option=("other",))
    first, second = (workspace.claim_next(reviewer="ann", chosen=chosen) for _ in range(2))
    assert (first.flag_id if first else None, second) == (ended, None)


def test_threads_that_ask_at_once_never_get_the_same_flag(workspace: Workspace) -> None:
    ids = add_flags(workspace, 24)
    with ThreadPoolExecutor(6) as threads:
        handed = list(
            threads.map(
                lambda at: workspace.claim_next(reviewer=f"person {at % 6}", sort="oldest"), range(26)
            )
        )
    found = [each.flag_id for each in handed if each]
    assert sorted(found) == sorted(ids)


TAKER = """
import sys
from pathlib import Path
from reviewer.workspace import Workspace
with Workspace(Path(sys.argv[1])) as workspace:
    print("ready", flush=True)
    sys.stdin.readline()
    while flag := workspace.claim_next(reviewer=sys.argv[2], sort="oldest"):
        print(flag.flag_id, flush=True)
"""


def test_two_processes_that_ask_at_once_never_get_the_same_flag(workspace: Workspace) -> None:
    ids = add_flags(workspace, 24)
    command = [sys.executable, "-c", TAKER, str(workspace.folder)]
    other = subprocess.Popen([*command, "bob"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin is not None
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    other.stdin.write("go\n")
    other.stdin.flush()
    mine = []
    while flag := workspace.claim_next(reviewer="ann", sort="oldest"):
        mine.append(flag.flag_id)
    theirs = other.communicate(timeout=90)[0].split()
    assert sorted([*mine, *theirs]) == sorted(ids)
    owners = {each.flag_id: each.state.assignee for each in workspace.queue(limit=50)}
    assert owners == dict.fromkeys(mine, "ann") | dict.fromkeys(theirs, "bob")


# Second reviews


def test_two_equal_answers_settle_a_flag_and_keep_both(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace)
    state = answer(workspace, flag_id, "ann", certainty=2)
    assert (state.status, state.resolution, state.corrected_label) == ("second_review", None, None)
    with pytest.raises(InputError, match="You gave the first answer"):
        answer(workspace, flag_id, "ann")
    with pytest.raises(InputError, match="answered already"):
        workspace.review(flag_id, status="open", reviewer="bob")
    state = answer(workspace, flag_id, "bob")
    assert (state.status, state.second_review, state.corrected_label) == ("resolved", "agreed", "refund")
    assert (state.first_reviewer, state.second_reviewer) == ("ann", "bob")
    assert read_states(workspace) == fold_logs(workspace.flagged)


def test_two_different_answers_wait_for_a_third_person_or_an_admin(workspace: Workspace) -> None:
    by_third, by_admin = add_flags(workspace, 2)
    for flag_id in (by_third, by_admin):
        answer(workspace, flag_id, "ann", ask_second=True)
        state = answer(workspace, flag_id, "bob", "login")
        assert (state.status, state.resolution) == ("disagreement", None)
        with pytest.raises(InputError, match="a third person or an admin settles it"):
            answer(workspace, flag_id, "bob", "refund")
    state = answer(workspace, by_third, "cyd")
    assert (state.status, state.second_review, state.reviewer) == ("resolved", "adjudicated", "cyd")
    assert answer(workspace, by_admin, "bob", is_admin=True).corrected_label == "refund"
    events = [each.review.event for each in workspace.find_history(by_third)]
    assert events == ["resolve", "ask_second", "second_review", "adjudicate"]
    assert read_states(workspace) == fold_logs(workspace.flagged)


def test_each_step_of_a_second_review_is_undone_and_redone_by_the_right_person(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace)
    actions = [new_id() for _ in range(3)]
    answer(workspace, flag_id, "ann", ask_second=True, action_id=actions[0])
    answer(workspace, flag_id, "bob", "login", action_id=actions[1])
    answer(workspace, flag_id, "cyd", action_id=actions[2])
    statuses = []
    for action in reversed(actions):
        workspace.undo(action, reviewer="cyd")
        statuses.append(workspace.find_flag(flag_id).state.status)
    assert statuses == ["disagreement", "second_review", "open"]
    workspace.redo(actions[0], reviewer="ann")
    assert workspace.find_flag(flag_id).state.first_reviewer == "ann"
    answer(workspace, flag_id, "bob", "login", action_id=(mine := new_id()))
    workspace.undo(mine, reviewer="bob")
    with pytest.raises(InputError, match="You gave an answer to the flag before"):
        workspace.redo(mine, reviewer="ann")
    workspace.redo(mine, reviewer="dan")
    assert workspace.find_flag(flag_id).state.second_reviewer == "dan"
    assert read_states(workspace) == fold_logs(workspace.flagged)


def test_a_second_review_can_be_asked_for_later_and_is_handed_to_somebody_else(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace)
    answer(workspace, flag_id, "ann")
    workspace.review(flag_id, act="ask_second", reviewer="cyd")
    assert workspace.claim_next(reviewer="ann") is None
    handed = workspace.claim_next(reviewer="bob")
    assert handed is not None
    assert (handed.flag_id, handed.state.status, handed.state.assignee) == (flag_id, "second_review", "bob")
    answer(workspace, flag_id, "bob")
    with pytest.raises(InputError, match="resolved and was reviewed once"):
        workspace.review(flag_id, act="ask_second", reviewer="cyd")


def test_values_that_agree_in_half_a_percent_are_one_answer(tiny_folder: Path) -> None:
    config = '\n[models.price]\ntask = "tabular-regression"\nkind = "external"\ninputs.size = "number"\n'
    with (tiny_folder / "reviewer.toml").open("a", encoding="utf-8") as file:
        file.write(config)
    with Workspace(tiny_folder) as workspace:
        flags = [
            make_flag(model="price", task="tabular-regression", predicted_value=1.0, inputs={"size": at})
            for at in range(2)
        ]
        for flag, second, status in zip(flags, (200.9, 202.0), ("resolved", "disagreement"), strict=True):
            workspace.add_flags([flag])
            workspace.review(flag.flag_id, corrected_value=200, reviewer="ann", ask_second=True)
            state = workspace.review(flag.flag_id, corrected_value=second, reviewer="bob").state
            assert state.status == status
        assert read_states(workspace) == fold_logs(workspace.flagged)


# What the second reviewer may not see


@pytest.fixture
def server(workspace: Workspace) -> FastAPI:
    return build_server(workspace, Reach({"testserver"}))


def sign_in(server: FastAPI, name: str, role: Role = Role.REVIEWER) -> TestClient:
    server.dependency_overrides[identify] = lambda: Person(name, role)
    return TestClient(server)


def post(client: TestClient, path: str, **body: Any) -> Any:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_no_route_tells_the_second_reviewer_the_first_answer_or_who_gave_it(
    workspace: Workspace, server: FastAPI
) -> None:
    (flag_id, twin) = add_flags(workspace, 2, flagger="tess")
    action = new_id()
    workspace.review(flag_id, act="claim", reviewer="ann.first")
    answer(workspace, flag_id, "ann.first", comment=SAID, ask_second=True, action_id=action)
    answer(workspace, twin, "ann.first")
    token = "0.0.0"  # noqa: S105  where the news begin
    client = sign_in(server, "bob")
    told = [
        client.get(path)
        for path in (
            f"/api/flags/{flag_id}",
            f"/api/cards?flag={flag_id}",
            f"/api/flags/{flag_id}/help",
            "/api/queue?view=second_review",
            f"/api/actions/{action}",
        )
    ]
    told.append(client.post("/api/next", json={"action_id": new_id()}))
    told.append(client.post("/api/bulk/preview", json={"flags": [{"flag_id": flag_id}]}))
    stale = {"action_id": new_id(), "flag_id": flag_id, "seq": 0, "corrected_label": "login"}
    told.append(client.post("/api/reviews", json=stale))
    assert [each.status_code for each in told] == [200, 200, 200, 200, 404, 200, 200, 409]
    rows = client.get(f"/api/news?after={token}").json()["flags"]
    told_row = next(each for each in rows if each["flag_id"] == flag_id)
    for said in [*(each.text for each in told), str(told_row)]:
        assert "ann.first" not in said
        assert '"corrected_label":"refund"' not in said
        assert SAID not in said
    card = told[0].json()
    assert (card["resolution"], card["corrected_label"], card["reviewer"]) == (None, None, None)
    assert (card["first_reviewer"], card["action_id"], card["history"]) == (None, None, [])
    own = sign_in(server, "ann.first").get(f"/api/flags/{flag_id}").json()
    assert [each["event"] for each in own["history"]] == [
        "claim",
        "resolve",
        "ask_second",
        "comment",
        "claim",
    ]


def test_after_the_second_answer_both_are_in_the_history(workspace: Workspace, server: FastAPI) -> None:
    (flag_id,) = add_flags(workspace)
    answer(workspace, flag_id, "ann", ask_second=True)
    client = sign_in(server, "bob")
    seq = client.get(f"/api/flags/{flag_id}").json()["seq"]
    card = post(client, "/api/reviews", action_id=new_id(), flag_id=flag_id, seq=seq, corrected_label="login")
    assert (card["status"], card["second_review"]) == ("disagreement", "disagreed")
    answers = [(each["reviewer"], each["event"]) for each in card["history"]]
    assert answers == [("ann", "resolve"), ("ann", "ask_second"), ("bob", "second_review")]
    assert client.get("/api/queue?view=disagreements").json()["total"] == 1


# Gold flags


def make_gold(workspace: Workspace) -> str:
    (flag_id,) = add_flags(workspace)
    answer(workspace, flag_id, "chief", is_admin=True)
    workspace.review(flag_id, act="gold", reviewer="chief", is_admin=True)
    return flag_id


@pytest.fixture
def gold(tiny_folder: Path) -> Iterator[tuple[Workspace, str, FastAPI]]:
    with (tiny_folder / "reviewer.toml").open("a", encoding="utf-8") as file:
        file.write("[team]\ngold_share = 0.5\n")
    with Workspace(tiny_folder, is_app=True) as workspace:
        flag_id = make_gold(workspace)
        yield workspace, flag_id, build_server(workspace, Reach({"testserver"}))


def take_both(client: TestClient, flag_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask for flags until the plain and the gold one were handed out; which comes first follows from ids."""
    found: dict[bool, dict[str, Any]] = {}
    for _ in range(80):
        if card := post(client, "/api/next", action_id=new_id())["flag"]:
            found[card["flag_id"] == flag_id] = card
        if len(found) == 2:
            return found[False], found[True]
    raise AssertionError("the gold flag was never handed out")


def test_a_gold_flag_is_handed_out_like_any_other_and_its_answer_changes_nothing(
    gold: tuple[Workspace, str, FastAPI],
) -> None:
    workspace, flag_id, server = gold
    add_flags(workspace, 1)
    client = sign_in(server, "bob")
    plain, card = take_both(client, flag_id)
    for name in ("status", "assignee", "resolution", "reviewer", "second_review", "gold_by", "is_withdrawn"):
        assert card[name] == plain[name]
    assert [each["event"] for each in card["history"]] == ["claim"]
    body = {"action_id": new_id(), "flag_id": flag_id, "seq": card["seq"], "resolution": "ambiguous"}
    answered = post(client, "/api/reviews", **body)
    assert (answered["status"], answered["resolution"]) == ("resolved", "ambiguous")
    assert [each["event"] for each in answered["history"]] == ["claim", "resolve"]
    assert workspace.find_flag(flag_id).state.corrected_label == "refund"
    listed = client.get("/api/queue?view=all&limit=50").json()["flags"]
    assert flag_id not in [each["flag_id"] for each in listed]
    assert client.get("/api/queue?view=gold").status_code == 403
    assert "gold" not in client.get("/api/facets").json()["views"]
    chief = sign_in(server, "chief", Role.ADMIN)
    assert chief.get("/api/queue?view=gold").json()["total"] == 1
    assert chief.get(f"/api/flags/{flag_id}").json()["gold_by"] == "chief"
    assert read_states(workspace) == fold_logs(workspace.flagged)


def test_a_gold_flag_is_handed_to_nobody_twice_and_not_to_who_made_it(
    gold: tuple[Workspace, str, FastAPI],
) -> None:
    workspace, flag_id, _ = gold
    handed = [workspace.claim_next(reviewer="bob") for _ in range(40)]
    assert [each.flag_id for each in handed if each] == [flag_id]
    assert [each for each in (workspace.claim_next(reviewer="chief") for _ in range(40)) if each] == []


def test_only_a_resolved_flag_becomes_gold_and_undo_makes_it_one_of_many(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace)
    with pytest.raises(InputError, match="Only a resolved flag has a known answer"):
        workspace.review(flag_id, act="gold", reviewer="ann")
    answer(workspace, flag_id, "ann")
    workspace.review(flag_id, act="gold", reviewer="ann", action_id=(action := new_id()))
    assert workspace.queue(view="done") == []
    workspace.undo(action)
    assert [each.flag_id for each in workspace.queue(view="done")] == [flag_id]


# Mentions and presence


def test_a_mention_stands_until_who_is_named_does_something(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace)
    workspace.review(flag_id, comment="@bob, @ann.lee: mail me at x@example.org", reviewer="ann.lee")
    assert [each.flag_id for each in workspace.queue(view="mentions", me="bob")] == [flag_id]
    assert workspace.count_facets(Slice(me="bob")).views["mentions"] == 1
    assert workspace.queue(view="mentions", me="cyd") == []
    workspace.review(flag_id, comment="done", reviewer="bob")
    assert workspace.queue(view="mentions", me="bob") == []
    assert read_states(workspace) == fold_logs(workspace.flagged)


def test_news_say_who_else_looks_at_which_flag(workspace: Workspace, server: FastAPI) -> None:
    (flag_id,) = add_flags(workspace)
    assert sign_in(server, "ann").get(f"/api/news?at={flag_id}").json()["present"] == {}
    assert sign_in(server, "bob").get("/api/news").json()["present"] == {flag_id: ["ann"]}
    sign_in(server, "ann").get("/api/news")
    assert sign_in(server, "bob").get("/api/news").json()["present"] == {}


# SQL


@pytest.mark.parametrize(
    "sql",
    [
        "select * from reviews",
        "select * from raw_reviews",
        "from flags",
        "from tickets",
        "from side.main.reviews",
        "from side.raw_reviews",
        "from query('from side.main.reviews')",
        "from query_table('si' || 'de.main.reviews')",
        "pivot side.main.reviews on value",
        "with x as (from main.reviews) select * from (pivot x on reviewer)",
        "summarize side.main.flags",
        "from pragma_storage_info('side.main.reviews')",
        "select * from (select (select max(reviewer) from side.main.reviews))",
    ],
)
def test_no_statement_tells_an_answer_before_the_second_one_or_a_gold_flag(
    workspace: Workspace, sql: str
) -> None:
    make_gold(workspace)
    (flag_id,) = add_flags(workspace)
    answer(workspace, flag_id, "ann.first", certainty=1, seconds=77.5, comment=SAID)
    try:
        said = str(workspace.run_query(sql).list_rows())
    except QueryRefusedError as error:
        said = str(error)
    assert "ann.first" not in said
    assert "77.5" not in said
    assert SAID not in said
    assert "gold" not in said


def test_both_answers_can_be_queried_once_they_are_given(workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace)
    answer(workspace, flag_id, "ann", ask_second=True)
    answer(workspace, flag_id, "bob", "login")
    for table in ("reviews", "raw_reviews"):
        rows = workspace.run_query(f"select reviewer from {table} where event <> 'ask_second'").list_rows()  # noqa: S608
        assert rows == [["ann"], ["bob"]]
