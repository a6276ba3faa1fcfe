"""The desk's routes: decisions about many, news, help, keys and kept views, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import UNKNOWN_ID, make_flag
from fastapi.testclient import TestClient

from reviewer.access import Person, Role
from reviewer.api import build_server, identify
from reviewer.guards import Reach
from reviewer.index.queries import MOST_NEWS, Slice
from reviewer.records import new_id
from reviewer.workspace import Workspace


@pytest.fixture
def workspace(tiny_folder: Path) -> Iterator[Workspace]:
    with Workspace(tiny_folder, is_app=True) as opened:
        yield opened


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    server = build_server(workspace, Reach({"testserver"}))
    server.dependency_overrides[identify] = lambda: Person("ann", Role.REVIEWER)
    return TestClient(server)


def add_flags(workspace: Workspace, count: int, **given: Any) -> list[str]:
    flags = [make_flag(model="tickets", predicted_label="login", **given) for _ in range(count)]
    return [each.flag_id for each in workspace.add_flags(flags)]


def post(client: TestClient, path: str, status: int = 200, **body: Any) -> Any:
    response = client.post(path, json=body)
    assert response.status_code == status, response.text
    return response.json()


def wait_for(client: TestClient, action_id: str) -> dict[str, Any]:
    """Return the job once it has ended."""
    while (job := client.get(f"/api/bulk/{action_id}").json())["state"] == "running":
        pass
    return dict(job)


# Many at once


def test_a_selection_is_previewed_decided_and_undone(client: TestClient, workspace: Workspace) -> None:
    ids = add_flags(workspace, 7)
    preview = post(client, "/api/bulk/preview", flags=[{"flag_id": each} for each in ids])
    assert (preview["count"], preview["statuses"], preview["models"]) == (7, {"open": 7}, {"tickets": 7})
    assert [each["flag_id"] for each in preview["sample"]] == ids[:1:-1]
    action = new_id()
    chosen = [{"flag_id": each, "seq": 0} for each in ids]
    post(client, "/api/bulk", action_id=action, flags=chosen, resolution="bad_input")
    job = wait_for(client, action)
    assert (job["state"], job["done"], job["total"], job["changed"], job["skipped"]) == ("done", 7, 7, 7, 0)
    assert client.get("/api/facets").json()["views"]["done"] == 7
    undone = post(client, "/api/undo", action_id=new_id(), reverts=action)
    assert undone["count"] == 7
    assert {each["status"] for each in undone["flags"]} == {"open"}


def test_all_that_filters_match_up_to_the_preview_are_decided(
    client: TestClient, workspace: Workspace
) -> None:
    add_flags(workspace, 4, option="other")
    filters = {"view": "open", "option": ["other"]}
    preview = post(client, "/api/bulk/preview", filters=filters)
    (late,) = add_flags(workspace, 1, option="other")
    action = new_id()
    body = {"filters": filters, "head": preview["head"], "assignee": "bob"}
    post(client, "/api/bulk", action_id=action, **body)
    assert wait_for(client, action)["changed"] == preview["count"] == 4
    assert client.get(f"/api/flags/{late}").json()["assignee"] is None
    assert client.get("/api/facets").json()["assignee"] == [{"value": "bob", "flags": 4}]


def test_a_preview_names_the_flags_that_the_decision_would_leave_out(
    client: TestClient, workspace: Workspace
) -> None:
    changed, good = add_flags(workspace, 2)
    workspace.review(changed, resolution="ambiguous", reviewer="bob")
    chosen = [{"flag_id": changed, "seq": 0}, {"flag_id": good, "seq": 0}]
    preview = post(client, "/api/bulk/preview", flags=chosen, corrected_label="refund")
    assert (preview["count"], preview["checked"], preview["skipped"]) == (2, 2, 1)
    assert preview["reasons"][0]["flag_id"] == changed
    assert preview["reasons"][0]["reason"].startswith("The flag was changed by bob at ")
    filtered = post(client, "/api/bulk/preview", filters={"view": "all"}, act="claim")
    assert (filtered["count"], filtered["checked"], filtered["skipped"]) == (2, 2, 1)
    assert filtered["reasons"][0]["reason"].startswith("The flag is resolved")
    undecided = post(client, "/api/bulk/preview", flags=chosen)
    assert (undecided["count"], undecided["checked"], undecided["skipped"]) == (2, 0, 0)
    assert client.get(f"/api/flags/{good}").json()["seq"] == 0


def test_the_same_action_twice_acts_once(client: TestClient, workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    action, chosen = new_id(), [{"flag_id": flag_id, "seq": 0}]
    for _ in range(3):
        post(client, "/api/bulk", action_id=action, flags=chosen, comment="why?")
        wait_for(client, action)
    assert client.get(f"/api/flags/{flag_id}").json()["comments"] == 1


def test_flags_that_were_left_alone_are_named_with_the_reason(
    client: TestClient, workspace: Workspace
) -> None:
    changed, good = add_flags(workspace, 2)
    workspace.review(changed, resolution="ambiguous", reviewer="bob")
    action = new_id()
    chosen = [{"flag_id": changed, "seq": 0}, {"flag_id": good, "seq": 0}]
    post(client, "/api/bulk", action_id=action, flags=chosen, corrected_label="refund")
    job = wait_for(client, action)
    assert (job["changed"], job["skipped"]) == (1, 1)
    assert job["reasons"][0]["flag_id"] == changed
    assert job["reasons"][0]["reason"].startswith("The flag was changed by bob at ")
    russian = client.get(f"/api/bulk/{action}", headers={"Accept-Language": "ru"}).json()
    assert "bob" in russian["reasons"][0]["reason"]
    assert russian["reasons"][0]["reason"] != job["reasons"][0]["reason"]


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/api/bulk/preview", {}, "Name the flags, or give filters: one of the two."),
        ("/api/bulk/preview", {"flags": [], "filters": {}}, "one of the two"),
        ("/api/bulk", {"action_id": UNKNOWN_ID, "filters": {}}, "needs the head of its preview"),
        ("/api/bulk", {"action_id": "x", "flags": []}, "action_id is 'x'; a UUID is needed."),
        ("/api/bulk/preview", {"filters": {"colour": "red"}}, "filters.colour"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(
    client: TestClient, path: str, body: dict[str, Any], sentence: str
) -> None:
    assert sentence in post(client, path, 422, **body)["error"]


def test_an_unknown_job_is_said(client: TestClient) -> None:
    response = client.get(f"/api/bulk/{UNKNOWN_ID}")
    assert (response.status_code, response.json()["kind"]) == (404, "UnknownNameError")


# One flag


def test_a_conflict_tells_which_decision_came_first(client: TestClient, workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    workspace.review(flag_id, corrected_label="refund", reviewer="bob")
    body: dict[str, Any] = {"flag_id": flag_id, "resolution": "ambiguous"}
    refusal = post(client, "/api/reviews", 409, **body, seq=0, action_id=new_id())
    conflict = refusal["conflict"]
    assert (conflict["event"], conflict["reviewer"], conflict["corrected_label"]) == (
        "resolve",
        "bob",
        "refund",
    )
    assert refusal["flag"]["seq"] == 1
    again = post(client, "/api/reviews", **body, seq=refusal["flag"]["seq"], action_id=new_id())
    assert again["resolution"] == "ambiguous"


def test_decisions_that_are_sent_together_are_answered_one_by_one(
    client: TestClient, workspace: Workspace
) -> None:
    taken, free, done = add_flags(workspace, 3)
    workspace.review(taken, corrected_label="refund", reviewer="bob")
    action = new_id()
    workspace.review(done, resolution="ambiguous", reviewer="ann", action_id=action)
    size = workspace.count_facets(Slice()).views["done"]
    reviews = [
        {"action_id": new_id(), "flag_id": taken, "seq": 0, "resolution": "bad_input"},
        {"action_id": new_id(), "flag_id": free, "seq": 0, "corrected_label": "refund"},
        {"action_id": action, "flag_id": done, "seq": 0, "resolution": "ambiguous"},
        {"action_id": new_id(), "flag_id": UNKNOWN_ID, "seq": 0, "comment": "x"},
        {"action_id": "x", "flag_id": free, "seq": 0, "comment": "x"},
    ]
    conflict, decided, again, unknown, nameless = post(client, "/api/reviews/many", reviews=reviews)[
        "answers"
    ]
    assert (conflict["status"], conflict["refusal"]["kind"]) == (409, "ConflictError")
    assert conflict["refusal"]["flag"]["corrected_label"] == "refund"
    assert conflict["refusal"]["conflict"]["reviewer"] == "bob"
    assert (decided["card"]["corrected_label"], decided["card"]["reviewer"]) == ("refund", "ann")
    assert [each["event"] for each in decided["card"]["history"]] == ["resolve"]
    assert (again["card"]["flag_id"], again["card"]["seq"]) == (done, 1)
    assert (unknown["status"], nameless["status"]) == (404, 422)
    assert nameless["refusal"]["error"] == "action_id is 'x'; a UUID is needed."
    assert workspace.count_facets(Slice()).views["done"] == size + 1


def test_the_cards_of_several_flags_are_those_of_each(client: TestClient, workspace: Workspace) -> None:
    ids = add_flags(workspace, 3)
    workspace.review(ids[1], resolution="ambiguous", comment="both fit")
    cards = client.get("/api/cards", params={"flag": [*ids, UNKNOWN_ID, "x"]}).json()["cards"]
    assert cards == [client.get(f"/api/flags/{each}").json() for each in ids]


def test_only_what_needs_a_scan_is_left_uncounted(client: TestClient, workspace: Workspace) -> None:
    add_flags(workspace, 3)
    totals = {
        (text, counted): client.get("/api/queue", params={"text": text, "counted": counted}).json()["total"]
        for text in ("", "e")
        for counted in (True, False)
    }
    assert totals == {("", True): 3, ("", False): 3, ("e", True): 3, ("e", False): None}


def test_labels_are_ranked_by_probability_and_none_is_offered_that_would_be_refused(
    client: TestClient, workspace: Workspace
) -> None:
    (flag_id,) = add_flags(workspace, 1, scores={"login": 0.2, "gone": 0.3, "refund": 0.5})
    assert client.get(f"/api/flags/{flag_id}").json()["labels"] == ["refund", "login"]


def test_a_flag_is_claimed_and_shown_as_mine(client: TestClient, workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    claimed = post(client, "/api/reviews", action_id=new_id(), flag_id=flag_id, seq=0, act="claim")
    assert claimed["assignee"] == "ann"
    assert [each["flag_id"] for each in client.get("/api/queue?view=mine").json()["flags"]] == [flag_id]
    assert client.get("/api/facets").json()["views"]["mine"] == 1


def test_an_action_says_what_undo_meets_and_is_done_again(client: TestClient, workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    action = new_id()
    workspace.review(flag_id, corrected_label="refund", reviewer="ann", action_id=action)
    workspace.review(flag_id, resolution="ambiguous", reviewer="bob")
    met = client.get(f"/api/actions/{action}").json()
    assert (met["event"], met["corrected_label"], met["flags"]) == ("resolve", "refund", 1)
    assert (met["is_undone"], met["later_count"], met["verdicts"]) == (False, 1, 0)
    assert (met["later"][0]["reviewer"], met["later"][0]["resolution"]) == ("bob", "ambiguous")
    post(client, "/api/undo", action_id=new_id(), reverts=action)
    assert client.get(f"/api/actions/{action}").json()["is_undone"]
    refusal = post(client, "/api/redo", 409, action_id=new_id(), repeats=action)
    assert refusal["kind"] == "ConflictError"


def test_help_names_the_suggestion_and_what_similar_flags_became(
    client: TestClient, workspace: Workspace
) -> None:
    given = {"suggested_label": "refund", "flagger": "tia", "inputs": {"text": "money back"}}
    first, second = add_flags(workspace, 2, **given)
    workspace.review(first, corrected_label="refund")
    help_ = client.get(f"/api/flags/{second}/help").json()
    assert help_["suggestion"] == {"label": "refund", "by": "tia"}
    assert (help_["similar"]["count"], help_["similar"]["reviewed"]) == (1, 1)
    assert [(each["answer"], each["flags"]) for each in help_["similar"]["corrections"]] == [("refund", 1)]


# Queue and news


def test_news_begin_where_the_queue_ended(client: TestClient, workspace: Workspace) -> None:
    (old,) = add_flags(workspace, 1)
    token = client.get("/api/queue").json()["token"]
    about = {"views": "", "labels": 0, "present": {}}
    nothing = {"token": token, "flags": [], "is_more": False, "unread": 0, **about}
    assert client.get(f"/api/news?after={token}").json() == nothing
    (new,) = add_flags(workspace, 1)
    workspace.review(old, resolution="ambiguous")
    news = client.get(f"/api/news?after={token}").json()
    assert [each["flag_id"] for each in news["flags"]] == [new, old]
    assert client.get(f"/api/news?after={news['token']}").json()["flags"] == []
    assert client.get("/api/news").json()["token"] == news["token"]


def test_a_token_of_elsewhere_is_refused_and_the_right_one_named(client: TestClient) -> None:
    refused = client.get("/api/news?after=yesterday")
    assert (refused.status_code, refused.json()["field"]) == (422, "after")
    sentence = "The token 'yesterday' is none of ours; take the one of the last answer."
    assert refused.json()["error"] == sentence


def test_a_page_around_a_flag_says_how_many_stand_before_it(client: TestClient, workspace: Workspace) -> None:
    ids = add_flags(workspace, 30)[::-1]
    page = client.get("/api/queue", params={"around": ids[20], "limit": 10}).json()
    assert page["skipped"] == 15
    assert [each["flag_id"] for each in page["flags"]] == ids[15:25]
    top = client.get("/api/queue", params={"around": ids[2], "limit": 10}).json()
    assert (top["skipped"], top["flags"][0]["flag_id"]) == (0, ids[0])
    for unknown in (UNKNOWN_ID, "'; drop table flags"):
        assert client.get("/api/queue", params={"around": unknown}).json()["skipped"] == 0


def test_flags_that_are_found_to_be_alike_are_news(client: TestClient, workspace: Workspace) -> None:
    with workspace.grouping():
        token = client.get("/api/queue").json()["token"]
        ids = set(add_flags(workspace, 2, inputs={"text": "where is my parcel"}))
        alike, deadline = set[str](), time.monotonic() + 60
        while alike != ids:
            assert time.monotonic() < deadline
            news = client.get(f"/api/news?after={token}").json()
            alike |= {each["flag_id"] for each in news["flags"] if each["group_size"] == 2}
            token = news["token"]
        split = post(client, "/api/reviews", action_id=new_id(), flag_id=min(ids), seq=0, act="split")
        assert split["group_size"] == 1


def test_news_say_when_somebody_saved_a_view(client: TestClient, workspace: Workspace) -> None:
    seen = [client.get("/api/news").json()["views"]]
    view = workspace.saved_views.save("bob", "Ours", "view=open", is_shared=True)
    seen.append(client.get("/api/news").json()["views"])
    workspace.saved_views.delete("bob", view.view_id)
    seen.append(client.get("/api/news").json()["views"])
    assert len(set(seen)) == 3
    assert client.get("/api/desk").json()["views_stamp"] == seen[-1]


def test_more_news_than_are_told_are_announced(client: TestClient, workspace: Workspace) -> None:
    token = client.get("/api/news").json()["token"]
    add_flags(workspace, MOST_NEWS + 1)
    news = client.get(f"/api/news?after={token}").json()
    assert (len(news["flags"]), news["is_more"]) == (MOST_NEWS, True)


@pytest.mark.parametrize("token", ["x", "1", "1.2", "1.2.3.4", "-1.0.0", "9" * 40 + ".0.0"])
def test_a_token_of_somebody_else_is_refused(client: TestClient, token: str) -> None:
    response = client.get("/api/news", params={"after": token})
    assert (response.status_code, response.json()["kind"]) == (422, "InputError")


def test_priority_comes_with_the_parts_that_add_up_to_it(client: TestClient, workspace: Workspace) -> None:
    add_flags(workspace, 1, severity="low", confidence=0.2, option="wrong_label")
    (urgent,) = add_flags(workspace, 1, severity="high", confidence=0.9, option="wrong_label")
    rows = client.get("/api/queue?sort=priority").json()["flags"]
    assert rows[0]["flag_id"] == urgent
    parts = {each["name"]: each["points"] for each in rows[0]["priority_parts"]}
    assert parts == {"severity": 35.0, "reports": 0.0, "wrong": 12.5, "confidence": 13.5}
    assert rows[0]["priority"] == sum(parts.values())


# The desk itself


def test_the_desk_knows_who_sits_at_it_and_its_keys(client: TestClient, workspace: Workspace) -> None:
    (flag_id,) = add_flags(workspace, 1)
    workspace.review(flag_id, assignee="bob", reviewer="cid")
    desk = client.get("/api/desk").json()
    assert (desk["person"], desk["people"]) == ("ann", ["ann", "bob", "cid"])
    assert desk["keys"]["next"] == ["j", "ArrowDown"]
    assert desk["views"] == []


def test_a_view_is_kept_changed_and_deleted(client: TestClient) -> None:
    made = post(client, "/api/views", name="Mine", query="view=mine")
    assert client.get("/api/desk").json()["views"] == [made]
    assert (made["owner"], made["is_shared"]) == ("ann", False)
    changed = post(client, "/api/views", **{**body_of(made), "is_shared": True})
    assert client.get("/api/desk").json()["views"] == [changed]
    assert client.delete(f"/api/views/{made['view_id']}").json() == {}
    assert client.get("/api/desk").json()["views"] == []
    assert client.delete(f"/api/views/{made['view_id']}").status_code == 404


def body_of(view: dict[str, Any]) -> dict[str, Any]:
    return {name: view[name] for name in ("view_id", "name", "query", "is_shared")}


def test_another_s_shared_view_cannot_be_changed(client: TestClient, workspace: Workspace) -> None:
    shared = workspace.saved_views.save("bob", "Ours", "view=open", is_shared=True)
    refusal = post(client, "/api/views", 403, view_id=shared.view_id, name="Mine", query="")
    assert refusal["error"] == "The view 'Ours' is bob's; save it under another name."
