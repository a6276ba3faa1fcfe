"""The HTTP API: every route as its contract says, and nothing to a stranger or another site."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import UNKNOWN_ID
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx2 import Response
from PIL import Image

from reviewer import errors
from reviewer.access import Person, Role, find_owner
from reviewer.api import STATUS_CODES, build_server, identify
from reviewer.errors import ReviewerError
from reviewer.guards import Reach
from reviewer.index.queries import VIEWS
from reviewer.log import columns_of
from reviewer.records import new_id
from reviewer.workspace import Workspace

ROUTES: dict[tuple[str, str], Role] = {
    ("GET", "/api/account"): Role.TESTER,
    ("GET", "/api/account/flags"): Role.TESTER,
    ("GET", "/api/account/tokens"): Role.TESTER,
    ("POST", "/api/account/tokens"): Role.TESTER,
    ("DELETE", "/api/account/tokens/{token_id}"): Role.TESTER,
    ("POST", "/api/account/password"): Role.TESTER,
    ("GET", "/api/models"): Role.TESTER,
    ("POST", "/api/predict"): Role.TESTER,
    ("POST", "/api/flags"): Role.TESTER,
    ("GET", "/api/media/{name}"): Role.TESTER,
    ("GET", "/api/queue"): Role.REVIEWER,
    ("GET", "/api/facets"): Role.REVIEWER,
    ("GET", "/api/flags/{flag_id}"): Role.REVIEWER,
    ("GET", "/api/flags/{flag_id}/help"): Role.REVIEWER,
    ("POST", "/api/reviews"): Role.REVIEWER,
    ("POST", "/api/reviews/many"): Role.REVIEWER,
    ("GET", "/api/cards"): Role.REVIEWER,
    ("POST", "/api/next"): Role.REVIEWER,
    ("GET", "/api/team"): Role.REVIEWER,
    ("GET", "/api/notifications"): Role.TESTER,
    ("GET", "/api/notifications/count"): Role.TESTER,
    ("POST", "/api/notifications/read"): Role.TESTER,
    ("POST", "/api/notifications/off"): Role.TESTER,
    ("GET", "/api/agreement"): Role.REVIEWER,
    ("GET", "/api/people/{name}/score"): Role.TESTER,
    ("POST", "/api/undo"): Role.REVIEWER,
    ("POST", "/api/redo"): Role.REVIEWER,
    ("GET", "/api/actions/{action_id}"): Role.REVIEWER,
    ("GET", "/api/news"): Role.REVIEWER,
    ("GET", "/api/desk"): Role.REVIEWER,
    ("POST", "/api/views"): Role.REVIEWER,
    ("DELETE", "/api/views/{view_id}"): Role.REVIEWER,
    ("POST", "/api/bulk/preview"): Role.REVIEWER,
    ("POST", "/api/bulk"): Role.REVIEWER,
    ("GET", "/api/bulk/{action_id}"): Role.REVIEWER,
    ("POST", "/api/bulk/{action_id}/cancel"): Role.REVIEWER,
    ("POST", "/api/query"): Role.REVIEWER,
    ("GET", "/api/query.csv"): Role.REVIEWER,
    ("POST", "/api/exports/plan"): Role.REVIEWER,
    ("POST", "/api/exports"): Role.REVIEWER,
    ("GET", "/api/exports"): Role.REVIEWER,
    ("GET", "/api/exports/{model}/{name}.zip"): Role.REVIEWER,
    ("GET", "/api/exports/{model}/{name}/files/{file}"): Role.REVIEWER,
    ("POST", "/api/jobs/export"): Role.REVIEWER,
    ("POST", "/api/jobs/retrain"): Role.REVIEWER,
    ("POST", "/api/jobs/verify"): Role.REVIEWER,
    ("GET", "/api/jobs"): Role.REVIEWER,
    ("GET", "/api/jobs/{job_id}"): Role.REVIEWER,
    ("POST", "/api/jobs/{job_id}/cancel"): Role.REVIEWER,
    ("GET", "/api/models/{model}/versions"): Role.TESTER,
    ("GET", "/api/models/{model}/versions/{version}/card"): Role.TESTER,
    ("GET", "/api/models/{model}/versions/{version}/verdicts"): Role.REVIEWER,
    ("GET", "/api/models/{model}/compare"): Role.REVIEWER,
    ("GET", "/api/models/{model}/gate"): Role.REVIEWER,
    ("GET", "/api/models/{model}/promotions"): Role.REVIEWER,
    ("POST", "/api/models/{model}/promote"): Role.ADMIN,
    ("POST", "/api/models/{model}/rollback"): Role.ADMIN,
    ("GET", "/api/audit"): Role.ADMIN,
    ("GET", "/api/audit.csv"): Role.ADMIN,
    ("GET", "/api/audit/verify"): Role.ADMIN,
    ("GET", "/api/models/{model}/labels"): Role.REVIEWER,
    ("POST", "/api/models/{model}/labels"): Role.ADMIN,
    ("POST", "/api/models/{model}/labels/undo"): Role.ADMIN,
    ("GET", "/api/batches"): Role.TESTER,
    ("GET", "/api/batches/{batch_id}"): Role.TESTER,
    ("GET", "/api/batches/{batch_id}/results.csv"): Role.TESTER,
    ("GET", "/api/batches/{batch_id}/rejected.csv"): Role.TESTER,
    ("GET", "/api/quarantine.csv"): Role.REVIEWER,
}
"""Every route of the API and the role it needs."""

NAMES = {"file": "x", "job_id": "x", "version": "1"}
"""What stands at further places of an address."""

STATE = {
    "status", "resolution", "corrected_label", "corrected_value", "verification", "verified_version",
    "reviewer", "reviewed_at", "seq", "comments", "assignee", "claimed_until", "second_review", "mentions",
    "group_id", "group_size", "is_withdrawn", "needs_label",
}  # fmt: skip
ROW = STATE | {
    "flag_id", "flagged_at", "flagger", "source", "model", "model_version", "task", "option", "severity",
    "comment", "suggested_label", "predicted_label", "confidence", "predicted_value", "preview", "thumbnail",
    "priority", "priority_parts",
}  # fmt: skip
CARD = STATE | set(columns_of("flags")) | {
    "corrected_output", "action_id", "is_split", "preview", "thumbnail", "labels", "unit", "history",
    "outputs", "error", "looks", "first_reviewer", "second_reviewer", "gold_by",
}  # fmt: skip
ENTRY = set(columns_of("reviews")) | {"is_applied", "is_undone"}
FACETS = {
    "views",
    "model",
    "version",
    "option",
    "predicted",
    "resolution",
    "verification",
    "source",
    "severity",
    "assignee",
    "confidence",
}


@pytest.fixture
def server(tiny_folder: Path) -> Iterator[FastAPI]:
    with Workspace(tiny_folder, is_app=True) as workspace:
        yield build_server(workspace, Reach({"testserver"}))


@pytest.fixture
def client(server: FastAPI) -> TestClient:
    return TestClient(server)


def make_image(color: int = 255) -> str:
    buffer = io.BytesIO()
    Image.new("L", (2, 2), color).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def predict(client: TestClient, text: str = "refund please") -> dict[str, Any]:
    made: dict[str, Any] = post(client, "/api/predict", model="tickets", inputs={"text": text})
    return made


def flag(client: TestClient, text: str = "refund please", **given: Any) -> dict[str, Any]:
    prediction_id = predict(client, text)["prediction_id"]
    made: dict[str, Any] = post(
        client, "/api/flags", **{"prediction_id": prediction_id, "option": "other", **given}
    )
    return made


def review(client: TestClient, flag_id: str, seq: int = 0, **given: Any) -> Response:
    body = {"action_id": new_id(), "flag_id": flag_id, "seq": seq, **given}
    return client.post("/api/reviews", json=body)


def post(client: TestClient, path: str, **body: Any) -> Any:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def check_refusal(response: Response, status: int, kind: str, sentence: str, field: str = "") -> None:
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) >= {"error", "field", "kind"}
    assert (body["kind"], body["field"]) == (kind, field)
    assert sentence in body["error"]
    assert body["error"].endswith(".")
    assert "Traceback" not in response.text


# Who may


def list_routes(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """Yield the routes, also those of routers that were included."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from list_routes(getattr(getattr(route, "original_router", route), "routes", ()))


def find_roles(route: APIRoute) -> list[Role]:
    calls = [getattr(each.call, "role", None) for each in route.dependant.dependencies]
    return [each for each in calls if each is not None]


def test_every_route_names_the_role_it_needs(server: FastAPI) -> None:
    found = {
        (method, f"/api{route.path}"): find_roles(route)
        for route in list_routes(server.routes)
        if not route.path.startswith("/docs")  # the page that describes the routes holds nothing else
        for method in route.methods or ()
    }
    assert found == {route: [role] for route, role in ROUTES.items()}


def test_the_description_lists_exactly_the_routes(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(ROUTES)
    assert all(each["description"] for methods in paths.values() for each in methods.values())


@pytest.mark.parametrize(("method", "path"), [each for each, role in ROUTES.items() if role > Role.TESTER])
def test_a_tester_is_refused_what_needs_a_reviewer(server: FastAPI, method: str, path: str) -> None:
    server.dependency_overrides[identify] = lambda: Person("guest", Role.TESTER)
    address = path.format(
        flag_id=new_id(), model="tickets", name="1", action_id=new_id(), view_id=new_id(), **NAMES
    )
    response = TestClient(server).request(
        method,
        address,
        params={"model": "tickets", "sql": "select 1"},
        json=make_body(path) if method == "POST" else None,
    )
    needed = ROUTES[method, path].name.lower()
    check_refusal(response, 403, "ForbiddenError", f"This needs the role {needed}; guest is tester.")


def make_body(path: str) -> dict[str, Any]:
    """Return a body that the route takes."""
    bodies: dict[str, dict[str, Any]] = {
        "/api/reviews": {"action_id": new_id(), "flag_id": new_id(), "seq": 0, "comment": "x"},
        "/api/reviews/many": {
            "reviews": [{"action_id": new_id(), "flag_id": new_id(), "seq": 0, "comment": "x"}]
        },
        "/api/next": {"action_id": new_id()},
        "/api/undo": {"action_id": new_id(), "reverts": new_id()},
        "/api/redo": {"action_id": new_id(), "repeats": new_id()},
        "/api/views": {"name": "mine", "query": "view=mine"},
        "/api/bulk/preview": {"flags": []},
        "/api/bulk": {"action_id": new_id(), "flags": [], "resolution": "bad_input"},
        "/api/bulk/{action_id}/cancel": {},
        "/api/query": {"sql": "select 1"},
        "/api/exports": {"model": "tickets"},
        "/api/exports/plan": {"model": "tickets"},
        "/api/jobs/export": {"model": "tickets"},
        "/api/jobs/retrain": {"model": "tickets"},
        "/api/jobs/verify": {"model": "tickets", "version": "1"},
        "/api/models/{model}/promote": {"version": "1"},
        "/api/models/{model}/rollback": {},
        "/api/models/{model}/labels": {"change_id": new_id(), "change": "add", "added": ["x"]},
        "/api/models/{model}/labels/undo": {"change_id": new_id()},
        "/api/jobs/{job_id}/cancel": {},
    }
    return bodies[path]


def test_a_tester_may_predict_and_flag(server: FastAPI) -> None:
    server.dependency_overrides[identify] = lambda: Person("guest", Role.TESTER)
    assert flag(TestClient(server))["flagger"] == "guest"


FOREIGN = [
    "http://evil.example",
    "null",
    "http://[",
    "http://testserver:81",
    "http://testserver.evil.example",
    "x",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_page_of_another_site_is_refused_and_learns_nothing(
    client: TestClient, method: str, origin: str
) -> None:
    response = client.request(method, "/api/models", headers={"Origin": origin})
    check_refusal(response, 403, "ForbiddenError", f"Requests from {origin} are not taken")
    assert not [name for name in response.headers if name.startswith("access-control-")]


def test_a_preflight_of_another_site_is_not_allowed(client: TestClient) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    response = client.options("/api/flags", headers=headers)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers
    assert "access-control-allow-credentials" not in response.headers


def test_the_own_pages_may_ask(client: TestClient) -> None:
    assert client.get("/api/models", headers={"Origin": "http://testserver"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "127.0.0.1", ""])
def test_another_name_of_the_host_is_refused(client: TestClient, host: str) -> None:
    response = client.get("/api/models", headers={"Host": host})
    assert response.status_code == 400
    assert "tickets" not in response.text


# What comes in


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"model": "tickets", "inputs": {"text": "refund"}}', "text/plain"),
        (b'{"model": "tickets", "inputs": {"text": "refund"}}', "application/x-www-form-urlencoded"),
        (b"{", "application/json"),
        (b"", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'"tickets"', "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(client: TestClient, body: bytes, kind: str) -> None:
    response = client.post("/api/predict", content=body, headers={"Content-Type": kind})
    check_refusal(
        response, 422, "InputError", "The body is no JSON object; send one with the header Content-Type"
    )
    assert client.get("/api/queue").json()["total"] == 0


def test_a_body_that_is_nested_without_end_is_refused(client: TestClient) -> None:
    body = '{"model": "tickets", "inputs": ' + "[" * 100_000
    response = client.post("/api/predict", content=body, headers={"Content-Type": "application/json"})
    check_refusal(response, 400, "InputError", "parsing the body")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/predict", {"model": "tickets"}, "inputs"),
        ("/api/predict", {"model": 5, "inputs": {}}, "model"),
        ("/api/predict", {"model": "tickets", "inputs": {"text": "x"}, "username": "root"}, "username"),
        ("/api/flags", {"prediction_id": "x"}, "option"),
        ("/api/flags", {"prediction_id": "x", "option": "other", "flagger": "root"}, "flagger"),
        (
            "/api/flags",
            {"prediction_id": "x", "option": "other", "predicted_label": "forged"},
            "predicted_label",
        ),
        ("/api/flags", {"prediction_id": "x", "option": "other", "comment": "x" * 100_001}, "comment"),
        ("/api/reviews", {"action_id": new_id(), "flag_id": new_id()}, "seq"),
        (
            "/api/reviews",
            {"action_id": new_id(), "flag_id": new_id(), "seq": 0, "reviewer": "root"},
            "reviewer",
        ),
        ("/api/reviews", {"action_id": new_id(), "flag_id": new_id(), "seq": 0, "certainty": 6}, "certainty"),
        ("/api/reviews", {"action_id": new_id(), "flag_id": new_id(), "seq": 0, "seconds": -1}, "seconds"),
        ("/api/undo", {"action_id": new_id()}, "reverts"),
        ("/api/query", {"sql": "x" * 1_000_001}, "sql"),
        ("/api/exports", {"model": "tickets", "path": "/etc"}, "path"),
    ],
)
def test_a_field_that_is_missing_wrong_or_not_expected_is_named(
    client: TestClient, path: str, body: dict[str, Any], field: str
) -> None:
    check_refusal(client.post(path, json=body), 422, "InputError", f"{field}: ", field)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(client: TestClient, number: str) -> None:
    flag_id = flag(client)["flag_id"]
    body = f'{{"action_id": "{new_id()}", "flag_id": "{flag_id}", "seq": 0, "corrected_value": {number}}}'
    response = client.post("/api/reviews", content=body, headers={"Content-Type": "application/json"})
    check_refusal(response, 422, "InputError", "finite number", "corrected_value")


@pytest.mark.parametrize(
    ("query", "status", "kind", "sentence", "field"),
    [
        ("limit=0", 422, "InputError", "greater than or equal to 1", "limit"),
        ("limit=501", 422, "InputError", "less than or equal to 500", "limit"),
        ("limit=many", 422, "InputError", "valid integer", "limit"),
        ("confidence_min=low", 422, "InputError", "valid number", "confidence_min"),
        (
            "sort=older",
            404,
            "UnknownNameError",
            "no order 'older'. Did you mean 'oldest'? Known: newest, oldest",
            "",
        ),
        ("view=opne", 404, "UnknownNameError", "no view 'opne'. Did you mean 'open'?", ""),
        ("after=garbage", 422, "InputError", "The cursor 'garbage' is none of ours", ""),
    ],
)
def test_a_queue_that_cannot_be_is_refused(
    client: TestClient, query: str, status: int, kind: str, sentence: str, field: str
) -> None:
    check_refusal(client.get(f"/api/queue?{query}"), status, kind, sentence, field)


def test_every_error_that_an_asker_can_cause_has_a_status_code_of_its_own() -> None:
    every = {
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, ReviewerError)
    }
    others = {
        each
        for each in every
        if next(kind for kind in STATUS_CODES if issubclass(each, kind)) is ReviewerError
    }
    assert others == {ReviewerError, errors.ConfigError, errors.QueryError, errors.StoppedError}


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/nothing"), ("DELETE", "/api/models")])
def test_an_address_that_does_not_exist_is_said_like_any_other_error(
    client: TestClient, method: str, path: str
) -> None:
    response = client.request(method, path)
    check_refusal(response, response.status_code, "InputError", f"{method} {path}; /docs lists what there is")
    assert response.status_code in (404, 405)


# Models, predictions, flags


def test_the_models_are_listed_with_all_that_a_form_needs(client: TestClient) -> None:
    body = client.get("/api/models").json()
    assert body["title"] == "Flag reviewer"
    tickets, shades = body["models"]
    assert set(tickets) == {
        "name", "title", "task", "labels", "unit", "tolerance", "versions", "served", "flag_options",
        "inputs", "outputs",
    }  # fmt: skip
    assert (tickets["name"], tickets["labels"]) == ("tickets", ["login", "refund"])
    assert (tickets["versions"], tickets["served"]) == (["1"], "1")
    assert tickets["inputs"]["text"]["component"] == "textbox"
    assert (shades["inputs"]["image"]["width"], shades["inputs"]["image"]["mode"]) == (2, "L")


def test_a_prediction_is_answered_as_it_is_logged(client: TestClient) -> None:
    made = predict(client)
    assert set(made) == set(columns_of("predictions"))
    assert made["predicted_label"] == "refund"
    assert made["predicted_at"].endswith("Z")
    assert (made["source"], made["username"]) == ("api", find_owner().name)


@pytest.mark.parametrize(
    ("body", "status", "kind", "sentence", "field"),
    [
        ({"model": "ticket", "inputs": {}}, 404, "UnknownNameError", "Did you mean 'tickets'", ""),
        ({"model": "tickets", "inputs": {}}, 422, "InputError", "text is missing", "text"),
        ({"model": "tickets", "inputs": {"text": "x", "y": 1}}, 422, "InputError", "has no input 'y'", "y"),
        (
            {"model": "tickets", "inputs": {"text": "x" * 5_000_000}},
            422,
            "InputError",
            "5,000,000 characters",
            "text",
        ),
        (
            {"model": "tickets", "inputs": {"text": "x"}, "version": "9"},
            404,
            "UnknownNameError",
            "Known: 1",
            "",
        ),
        (
            {"model": "shades", "inputs": {"image": "/etc/passwd"}},
            422,
            "InputError",
            "give a data URL",
            "image",
        ),
        (
            {"model": "shades", "inputs": {"image": {"media": "../../reviewer.toml"}}},
            422,
            "InputError",
            "is the stored image '../../reviewer.toml', which does not exist",
            "image",
        ),
    ],
)
def test_an_example_that_cannot_be_is_refused(
    client: TestClient, body: dict[str, Any], status: int, kind: str, sentence: str, field: str
) -> None:
    check_refusal(client.post("/api/predict", json=body), status, kind, sentence, field)


def test_half_a_character_is_refused_wherever_it_stands(client: TestClient) -> None:
    body = r'{"model": "tickets", "inputs": {"text": "\ud83d"}}'
    response = client.post("/api/predict", content=body, headers={"Content-Type": "application/json"})
    check_refusal(response, 422, "InputError", "half a character", "text")
    body = r'{"model": "\ud83d", "inputs": {}}'
    response = client.post("/api/predict", content=body, headers={"Content-Type": "application/json"})
    check_refusal(response, 404, "UnknownNameError", r"no model '\ud83d'")


def test_a_flag_is_answered_with_the_server_s_snapshot(client: TestClient) -> None:
    made = flag(client, option="wrong_label", suggested_label="login", comment="=1+1", severity="high")
    derived = {"corrected_output", "action_id", "is_split", "preview", "thumbnail"}
    derived |= {"first_reviewer", "second_reviewer", "gold_by"}
    assert set(made) == set(columns_of("flags")) | STATE | derived
    assert (made["predicted_label"], made["suggested_label"], made["comment"]) == ("refund", "login", "=1+1")
    assert (made["flagger"], made["source"]) == (find_owner().name, "api")
    check_refusal(
        client.post("/api/flags", json={"prediction_id": made["prediction_id"], "option": "nice"}),
        404, "UnknownNameError", "no flag option 'nice'",
    )  # fmt: skip


# Queue and cards


def test_the_queue_is_paged_and_counted(client: TestClient) -> None:
    made = [flag(client, text)["flag_id"] for text in ("refund", "login", "money back")]
    first = client.get("/api/queue?limit=2").json()
    assert set(first) == {"flags", "next", "total", "skipped", "token", "labels"}
    assert all(set(each) == ROW for each in first["flags"])
    second = client.get("/api/queue", params={"limit": 2, "after": first["next"]}).json()
    assert [each["flag_id"] for each in first["flags"] + second["flags"]] == made[::-1]
    assert (first["total"], second["total"], second["next"]) == (3, 3, None)
    assert first["flags"][0]["preview"] == "money back"


def test_a_filter_that_is_repeated_lets_any_of_its_values_through(client: TestClient) -> None:
    for option in ("wrong_label", "other", "bad_input"):
        flag(client, option=option)
    found = client.get("/api/queue?option=other&option=bad_input&model=tickets&view=open").json()
    assert [each["option"] for each in found["flags"]] == ["bad_input", "other"]
    assert found["total"] == 2


def test_facets_count_the_values_of_the_slice(client: TestClient) -> None:
    flag(client, "refund", option="other")
    review(client, flag(client, "login", option="wrong_label")["flag_id"], resolution="ambiguous")
    facets = client.get("/api/facets?view=open").json()
    assert set(facets) == FACETS
    assert {name: flags for name, flags in facets["views"].items() if flags} == {
        "open": 1,
        "done": 1,
        "all": 2,
    }
    assert facets["views"].keys() == VIEWS.keys()
    assert facets["option"] == [{"value": "other", "flags": 1}]
    assert len(facets["confidence"]) == 10
    assert sum(facets["confidence"]) == 1


def test_a_card_shows_all_of_a_flag(client: TestClient) -> None:
    made = flag(client)
    review(client, made["flag_id"], corrected_label="login", comment="sure", seconds=1.5)
    card = client.get(f"/api/flags/{made['flag_id']}").json()
    assert set(card) == CARD
    assert card["labels"] == ["refund", "login"]
    assert (card["status"], card["corrected_label"], card["comments"]) == ("resolved", "login", 1)
    assert [(each["event"], each["is_applied"], each["is_undone"]) for each in card["history"]] == [
        ("resolve", True, False),
        ("comment", True, False),
    ]
    assert all(set(each) == ENTRY for each in card["history"])
    assert card["history"][0]["seconds"] == 1.5


@pytest.mark.parametrize("flag_id", ["x", "1", UNKNOWN_ID, "%27%3B--"])
def test_an_unknown_flag_has_no_card(client: TestClient, flag_id: str) -> None:
    check_refusal(client.get(f"/api/flags/{flag_id}"), 404, "UnknownNameError", "There is no flag")


# Reviews


@pytest.mark.parametrize(
    ("decision", "field", "value"),
    [
        ({"corrected_label": "login"}, "corrected_label", "login"),
        ({"resolution": "out_of_scope"}, "resolution", "out_of_scope"),
        ({"status": "needs_info"}, "status", "needs_info"),
        ({"comment": "hm"}, "comments", 1),
    ],
)
def test_a_review_is_answered_with_the_card_as_it_is_then(
    client: TestClient, decision: dict[str, Any], field: str, value: Any
) -> None:
    flag_id = flag(client)["flag_id"]
    response = review(client, flag_id, **decision)
    assert response.status_code == 200
    assert response.json()[field] == value
    assert response.json() == client.get(f"/api/flags/{flag_id}").json()
    assert response.json()["history"][0]["reviewer"] == find_owner().name


def test_the_same_action_again_gets_the_same_answer_and_acts_once(client: TestClient) -> None:
    flag_id, action = flag(client)["flag_id"], new_id()
    first = review(client, flag_id, corrected_label="login", action_id=action)
    again = review(client, flag_id, corrected_label="login", action_id=action)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert len(again.json()["history"]) == 1


def test_a_stale_decision_is_a_conflict_with_the_card_as_it_is(client: TestClient) -> None:
    flag_id = flag(client)["flag_id"]
    review(client, flag_id, corrected_label="login")
    response = review(client, flag_id, resolution="ambiguous")
    check_refusal(response, 409, "ConflictError", f"The flag was changed by {find_owner().name} at ")
    assert response.json()["flag"] == client.get(f"/api/flags/{flag_id}").json()
    assert response.json()["flag"]["corrected_label"] == "login"


def test_errors_are_told_in_the_language_of_the_browser(client: TestClient) -> None:
    flag_id = flag(client)["flag_id"]
    client.headers["Accept-Language"] = "ru-RU,ru;q=0.9"
    check_refusal(client.get("/api/flags/none"), 404, "UnknownNameError", "Не существует: отметка 'none'.")
    response = client.post("/api/predict", json={"model": "tickets", "inputs": {}})
    check_refusal(response, 422, "InputError", "text: не заполнено.", "text")
    check_refusal(
        client.get("/api/nothing"), 404, "InputError", "Not Found: GET /api/nothing; что есть, пере"
    )
    review(client, flag_id, corrected_label="login")
    response = review(client, flag_id, resolution="ambiguous")
    check_refusal(response, 409, "ConflictError", f"Отметку изменил {find_owner().name} в ")


@pytest.mark.parametrize(
    ("decision", "status", "kind", "sentence"),
    [
        ({}, 422, "InputError", "Nothing was decided"),
        ({"corrected_label": "spam"}, 404, "UnknownNameError", "no label 'spam'. Known: login, refund"),
        (
            {"status": "open", "resolution": "ambiguous"},
            422,
            "InputError",
            "cannot get the status 'open' and",
        ),
        ({"resolution": "ambiguous", "action_id": "mine"}, 422, "InputError", "action_id is 'mine'; a UUID"),
        ({"resolution": "ambiguous", "flag_id": new_id()}, 404, "UnknownNameError", "There is no flag"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(
    client: TestClient, decision: dict[str, Any], status: int, kind: str, sentence: str
) -> None:
    body = {"flag_id": flag(client)["flag_id"], **decision}
    check_refusal(review(client, **body), status, kind, sentence)


def test_an_action_is_taken_back_once(client: TestClient) -> None:
    flag_id, action, own = flag(client)["flag_id"], new_id(), new_id()
    review(client, flag_id, corrected_label="login", action_id=action)
    first = post(client, "/api/undo", action_id=own, reverts=action)
    (card,) = first["flags"]
    assert (card["status"], card["corrected_label"], card["history"][0]["is_undone"]) == ("open", None, True)
    assert post(client, "/api/undo", action_id=own, reverts=action) == first
    assert post(client, "/api/undo", action_id=new_id(), reverts=action) == first


def test_a_flag_is_taken_back_by_its_id_and_cannot_be_decided_then(client: TestClient) -> None:
    flag_id = flag(client)["flag_id"]
    post(client, "/api/undo", action_id=new_id(), reverts=flag_id)
    assert client.get("/api/queue").json()["total"] == 0
    response = review(client, flag_id, seq=1, resolution="ambiguous")
    check_refusal(response, 409, "ConflictError", "was taken back by its flagger")
    assert response.json()["flag"]["is_withdrawn"]


@pytest.mark.parametrize("reverts", ["x", UNKNOWN_ID])
def test_an_unknown_action_cannot_be_taken_back(client: TestClient, reverts: str) -> None:
    response = client.post("/api/undo", json={"action_id": new_id(), "reverts": reverts})
    check_refusal(response, 404, "UnknownNameError", "There is no action")


# Media


def test_an_image_is_shown_from_the_queue_and_the_card(client: TestClient) -> None:
    made = post(client, "/api/predict", model="shades", inputs={"image": make_image()})
    assert made["predicted_label"] == "white"
    flag_id = post(client, "/api/flags", prediction_id=made["prediction_id"], option="other")["flag_id"]
    (row,) = client.get("/api/queue").json()["flags"]
    card = client.get(f"/api/flags/{flag_id}").json()
    assert (
        row["thumbnail"] == card["inputs"]["image"]["url"] == f"/api/media/{made['inputs']['image']['media']}"
    )
    response = client.get(row["thumbnail"])
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert Image.open(io.BytesIO(response.content)).getpixel((0, 0)) == 255


def test_a_text_that_looks_like_an_image_has_no_thumbnail(client: TestClient) -> None:
    flag(client, '{"media":"x"}')
    (row,) = client.get("/api/queue").json()["flags"]
    assert row["thumbnail"] is None


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2freviewer.toml", "%2e%2e/x", "0" * 64 + ".png", "a.svg", "x%00", "%2fetc%2fpasswd", ".."],
)
def test_what_is_no_stored_image_cannot_be_read(client: TestClient, name: str) -> None:
    response = client.get(f"/api/media/{name}")
    assert response.status_code == 404
    assert set(response.json()) == {"error", "field", "kind"}


# SQL and exports


def test_a_statement_is_answered_with_columns_and_rows(client: TestClient) -> None:
    flag(client)
    body = post(client, "/api/query", sql="select predicted_label, confidence > 0.5 as sure from flags")
    assert set(body) == {"columns", "types", "rows", "is_truncated", "index_age_seconds"}
    assert (body["columns"], body["types"]) == (["predicted_label", "sure"], ["VARCHAR", "BOOLEAN"])
    assert body["rows"] == [["refund", True]]
    assert body["is_truncated"] is False


def test_a_statement_is_downloaded_as_csv(client: TestClient) -> None:
    response = client.get("/api/query.csv", params={"sql": "select 1 as a, 'x,y' as b"})
    assert response.headers["content-disposition"] == 'attachment; filename="query.csv"'
    assert response.text == 'a,b\n1,"x,y"\n'


@pytest.mark.parametrize("sql", ["selct 1", "delete from flags", "copy flags to '/tmp/x.csv'", ""])
def test_a_statement_that_is_wrong_or_writes_is_refused(client: TestClient, sql: str) -> None:
    response = client.post("/api/query", json={"sql": sql})
    assert response.status_code == 400, response.text
    assert response.json()["kind"] == "QueryRefusedError"


def test_reviewed_flags_are_exported_listed_and_downloaded(client: TestClient) -> None:
    check_refusal(
        client.post("/api/exports", json={"model": "tickets"}), 422, "InputError", "No flag of tickets"
    )
    assert client.get("/api/exports?model=tickets").json() == []
    review(client, flag(client)["flag_id"], corrected_label="login")
    manifest = post(client, "/api/exports", model="tickets")
    assert manifest["counts"]["written"] == 1
    assert client.get("/api/exports?model=tickets").json() == [manifest]
    response = client.get("/api/exports/tickets/1.zip")
    assert response.headers["content-type"] == "application/zip"
    assert response.content.startswith(b"PK")


def test_an_export_is_planned_before_it_is_written(client: TestClient) -> None:
    review(client, flag(client)["flag_id"], corrected_label="login")
    plan = post(client, "/api/exports/plan", model="tickets", options={"shares": {"train": 1}})
    assert plan["counts"]["splits"] == {"train": 1}
    assert [each["kind"] for each in plan["findings"]] == ["one_class", "small_class"]
    assert plan["sample"][0]["label"] == "login"
    assert client.get("/api/exports?model=tickets").json() == []
    body = {"model": "tickets", "options": {"formats": ["docx"]}}
    check_refusal(client.post("/api/exports/plan", json=body), 404, "UnknownNameError", "no format 'docx'")


def test_the_files_of_an_export_are_read_one_by_one(client: TestClient) -> None:
    review(client, flag(client)["flag_id"], corrected_label="login")
    post(client, "/api/exports", model="tickets")
    card = client.get("/api/exports/tickets/1/files/README.md")
    assert "not a random sample" in card.text
    assert card.headers["content-type"] == "text/plain; charset=utf-8"
    for path in ("manifest.json", "../../../reviewer.toml", "..%2f..%2f..%2freviewer.toml"):
        assert client.get(f"/api/exports/tickets/1/files/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["tickets/2", "tickets/..", "ticket/1", "../models/1", "tickets/..%2f..%2freviewer"]
)
def test_what_is_no_export_cannot_be_downloaded(client: TestClient, path: str) -> None:
    response = client.get(f"/api/exports/{path}.zip")
    assert response.status_code == 404
    assert set(response.json()) == {"error", "field", "kind"}
