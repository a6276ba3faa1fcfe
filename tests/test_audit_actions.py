"""Whatever changes who may do what, or what is served, leaves one line in the audit, and no secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from endpoint import as_json, run_endpoint
from fastapi.testclient import TestClient
from people import OWN, open_team, sign_in_client

from reviewer.access import ForbiddenError, Person, Role
from reviewer.accounts import Accounts
from reviewer.accounts.throttle import FREE_BY_NAME
from reviewer.audit import Action, AuditSlice
from reviewer.cli import main
from reviewer.guards import Reach
from reviewer.records import new_id
from reviewer.sign_in import SignIn
from reviewer.ui.app import build_site
from reviewer.workspace import Workspace

PASSWORD = "correct horse battery"  # noqa: S105  of nobody
HOOK = '[[webhooks]]\nname = "chat"\nurl = "http://127.0.0.1:1/hook"\nevents = ["flag_made"]\n'


@pytest.fixture
def folder(tiny_folder: Path) -> Path:
    config = tiny_folder / "reviewer.toml"
    config.write_text(config.read_text("utf-8") + HOOK, encoding="utf-8")
    return tiny_folder


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace(folder) as opened:
        yield opened


@pytest.fixture
def accounts(folder: Path) -> Iterator[Accounts]:
    with open_team(folder) as sign_in:
        sign_in.accounts.people.set_password("bob", PASSWORD)
        yield sign_in.accounts


def list_new(workspace: Workspace, act: Callable[[], object]) -> list[dict[str, Any]]:
    """Return the entries beside review events that an act leaves, oldest first."""
    before = {each["entry_id"] for each in list_entries(workspace)}
    act()
    return [each for each in reversed(list_entries(workspace)) if each["entry_id"] not in before]


def list_entries(workspace: Workspace) -> list[dict[str, Any]]:
    entries, _ = workspace.read_audit(AuditSlice(), limit=500)
    return [each for each in entries if each["action"] in list(Action)]


def lock_out(accounts: Accounts) -> None:
    for _ in range(FREE_BY_NAME + 3):
        with suppress(ForbiddenError):
            accounts.check_password("bob", "wrong", "10.0.0.9")


def revoke(accounts: Accounts) -> Callable[[], object]:
    _, made = accounts.tokens.make(Person("bob", Role.REVIEWER), "ci", "test")
    return lambda: accounts.tokens.revoke(made.token_id)


def use_link(accounts: Accounts) -> Callable[[], object]:
    secret = accounts.links.make("carl")
    return lambda: accounts.links.use(secret, PASSWORD)


Act = Callable[[Accounts], Callable[[], object]]

ACCOUNT_ACTIONS: dict[Action, tuple[Act, str, str]] = {
    Action.SIGN_IN: (lambda it: lambda: it.sessions.start("bob"), "", ""),
    Action.LOCK_OUT: (lambda it: lambda: lock_out(it), "bob", "30 seconds"),
    Action.SIGN_OUT_EVERYWHERE: (lambda it: lambda: it.sessions.end_all("bob"), "bob", "0 sessions"),
    Action.ADD_USER: (lambda it: lambda: it.people.add("zoe", Role.TESTER), "zoe", "tester"),
    Action.BIND_USER: (lambda it: lambda: it.people.bind("carl", "issuer 7"), "carl", "issuer 7"),
    Action.CHANGE_ROLE: (
        lambda it: lambda: it.people.set_role("bob", Role.ADMIN), "bob", "reviewer → admin",
    ),
    Action.REMOVE_USER: (lambda it: lambda: it.people.remove("bob"), "bob", ""),
    Action.RESET_PASSWORD: (lambda it: lambda: it.people.forget_password("bob"), "bob", ""),
    Action.SET_PASSWORD: (use_link, "carl", ""),
    Action.MAKE_TOKEN: (
        lambda it: lambda: it.tokens.make(Person("bob", Role.REVIEWER), "nightly", "test"),
        "bob",
        "test nightly",
    ),
    Action.REVOKE_TOKEN: (revoke, "bob", ""),
}  # fmt: skip
"""Action → what does it, and what its line says."""


@pytest.mark.parametrize("action", ACCOUNT_ACTIONS)
def test_a_change_of_accounts_leaves_exactly_one_line(
    workspace: Workspace, accounts: Accounts, action: Action
) -> None:
    prepare, subject, details = ACCOUNT_ACTIONS[action]
    (entry,) = list_new(workspace, prepare(accounts))
    assert (entry["action"], entry["subject"]) == (action, subject)
    assert details in entry["details"]


def resolve(workspace: Workspace) -> None:
    made = workspace.predict("tickets", {"text": "refund please"})
    flag_id = workspace.flag(made.prediction_id, option="other", flagger="tess").flag_id
    workspace.review(flag_id, corrected_label="login", reviewer="bob")


def undo_labels(workspace: Workspace) -> Callable[[], object]:
    made = workspace.change_labels("tickets", "add", added=("spam",))
    return lambda: workspace.undo_labels(made.change_id)


def export(workspace: Workspace) -> Callable[[], object]:
    resolve(workspace)
    return lambda: workspace.export("tickets")


def promote(workspace: Workspace, override: str | None) -> Callable[[], object]:
    resolve(workspace)
    made = workspace.retrain("tickets").version.name
    if override is None:
        workspace.verify("tickets", made)
    else:
        # A guard that was never run keeps a version from passing.
        other = workspace.predict("tickets", {"text": "login fails"})
        flag_id = workspace.flag(other.prediction_id, option="other", flagger="tess").flag_id
        workspace.review(flag_id, resolution="prediction_correct", reviewer="bob")
    return lambda: workspace.promote("tickets", made, who="ann", override=override)


def roll_back(workspace: Workspace) -> Callable[[], object]:
    promote(workspace, None)()
    return lambda: workspace.roll_back("tickets", who="ann", reason="too slow")


def erase(workspace: Workspace) -> Callable[[], object]:
    resolve(workspace)
    return lambda: workspace.erase(person="tess")


def restart(workspace: Workspace) -> Callable[[], object]:
    resolve(workspace)
    workspace.chain.seal()
    path = workspace.flagged / "reviews-0001.csv"
    path.write_bytes(path.read_bytes().replace(b",bob,", b",rob,"))
    return lambda: workspace.restart_chain("the name was misspelt")


WORKSPACE_ACTIONS: dict[Action, tuple[Callable[[Workspace], Callable[[], object]], str, str]] = {
    Action.CHANGE_LABELS: (
        lambda it: lambda: it.change_labels("tickets", "add", added=("spam",)), "tickets", "'spam' was added",
    ),
    Action.UNDO_LABELS: (undo_labels, "tickets", ""),
    Action.SERVE: (lambda it: lambda: it.serve_version("tickets", "1"), "tickets 1", ""),
    Action.PROMOTE: (lambda it: promote(it, None), "tickets 2", ""),
    Action.OVERRIDE: (lambda it: promote(it, "we need it"), "tickets 2", "we need it"),
    Action.ROLL_BACK: (roll_back, "tickets 1", "too slow"),
    Action.EXPORT: (export, "tickets 1", ""),
    Action.DOWNLOAD_AUDIT: (
        lambda it: lambda: list(it.download_audit(AuditSlice(person="ana", until="2026-01-01"))),
        "",
        "person=ana, until=2026-01-01",
    ),
    Action.TRY_WEBHOOK: (lambda it: lambda: it.try_webhook("chat"), "chat", "no answer"),
    Action.ERASE: (erase, "a person, sha256 ", ""),
    Action.RESTART_CHAIN: (restart, "", "the name was misspelt (reviews-0001.csv, line 2: the row "),
}  # fmt: skip


@pytest.mark.parametrize("action", WORKSPACE_ACTIONS)
def test_a_change_of_the_workspace_leaves_exactly_one_line(workspace: Workspace, action: Action) -> None:
    prepare, subject, details = WORKSPACE_ACTIONS[action]
    (entry,) = list_new(workspace, prepare(workspace))
    assert entry["action"] == action
    assert entry["subject"].startswith(subject)
    assert details in entry["details"]


def test_every_action_is_in_a_table() -> None:
    assert {*ACCOUNT_ACTIONS, *WORKSPACE_ACTIONS} == set(Action)


@pytest.fixture
def sign_in(folder: Path) -> Iterator[SignIn]:
    with open_team(folder) as opened:
        opened.accounts.people.set_password("bob", PASSWORD)
        yield opened


def test_what_comes_over_http_says_who_and_from_where(folder: Path, sign_in: SignIn) -> None:
    with Workspace(folder, is_app=True) as workspace:
        site = build_site(workspace, Reach({"testserver"}), sign_in=sign_in)
        client = TestClient(site, headers={**OWN, "user-agent": "a browser"}, follow_redirects=False)
        form = {"name": "bob", "password": PASSWORD}
        (entry,) = list_new(workspace, lambda: client.post("/sign-in", data=form))
        assert tell(entry) == ("sign_in", "bob", "testclient", "a browser")
        token = {"title": "ci", "scope": "review"}
        (entry,) = list_new(workspace, lambda: client.post("/api/account/tokens", json=token))
        assert tell(entry) == ("make_token", "bob", "testclient", "a browser")
        (entry,) = list_new(workspace, lambda: client.post("/sign-out", data={"everywhere": "1"}))
        assert tell(entry) == ("sign_out_everywhere", "bob", "testclient", "a browser")
        admin = sign_in_client(site, sign_in, "ann")
        (entry,) = list_new(workspace, lambda: admin.get("/api/audit.csv"))
        assert tell(entry)[:3] == ("download_audit", "ann", "testclient")


def tell(entry: dict[str, Any]) -> tuple[str, str, str, str]:
    return entry["action"], entry["person"], entry["address"], entry["agent"]


def test_a_job_that_somebody_began_says_who_and_from_where(folder: Path, sign_in: SignIn) -> None:
    with Workspace(folder, is_app=True) as workspace:
        resolve(workspace)
        client = sign_in_client(build_site(workspace, Reach({"testserver"}), sign_in=sign_in), sign_in, "bob")
        job = client.post("/api/jobs/export", json={"model": "tickets"}).json()
        while client.get(f"/api/jobs/{job['job_id']}").json()["state"] == "running":
            pass
        entry = next(each for each in list_entries(workspace) if each["action"] == "export")
        assert tell(entry)[:3] == ("export", "bob", "testclient")


def test_somebody_whom_a_proxy_names_for_the_first_time_is_on_record(folder: Path) -> None:
    from people import build_spec

    spec = build_spec(proxy_header="X-Who", trusted_proxies=["127.0.0.1"], default_role="tester")
    with Workspace(folder, is_app=True) as workspace, open_team(folder, spec) as sign_in:
        site = build_site(workspace, Reach({"testserver"}), sign_in=sign_in)
        client = TestClient(site, headers={"X-Who": "zoe"}, client=("127.0.0.1", 50_000))
        (entry,) = list_new(workspace, lambda: client.get("/api/account"))
        assert tell(entry)[:3] == ("add_user", "", "127.0.0.1")
        assert (entry["subject"], entry["details"]) == ("zoe", "tester")


def test_a_name_that_is_nobodys_is_not_on_record_since_it_may_be_a_password(
    workspace: Workspace, accounts: Accounts
) -> None:
    def guess() -> None:
        for _ in range(FREE_BY_NAME):
            with suppress(ForbiddenError):
                accounts.check_password("hunter2 hunter2", "x", "10.0.0.9")

    (entry,) = list_new(workspace, guess)
    assert (entry["action"], entry["subject"]) == ("lock_out", "")


def test_no_secret_stands_in_the_audit(folder: Path, accounts: Accounts) -> None:
    accounts.change_password(Person("bob", Role.REVIEWER), PASSWORD, "another good one", "")
    secrets = [
        PASSWORD, "another good one", accounts.sessions.start("bob"), accounts.links.make("bob"),
        accounts.tokens.make(Person("bob", Role.REVIEWER), "ci", "test")[0],
    ]  # fmt: skip
    logged = (folder / "flagged" / "audit-0001.csv").read_text("utf-8")
    assert "make_token" in logged
    assert [each for each in secrets if each in logged] == []


@pytest.mark.parametrize(
    ("words", "action"),
    [
        (("users", "add", "zoe"), Action.ADD_USER),
        (("users", "role", "bob", "admin"), Action.CHANGE_ROLE),
        (("users", "reset", "bob"), Action.RESET_PASSWORD),
        (("users", "remove", "bob"), Action.REMOVE_USER),
        (("tokens", "add", "ci", "--user", "bob"), Action.MAKE_TOKEN),
    ],
)
def test_the_command_line_leaves_one_line_each(
    workspace: Workspace, accounts: Accounts, words: tuple[str, ...], action: Action
) -> None:
    (entry,) = list_new(workspace, lambda: main([*words, "--workspace", str(workspace.folder)]))
    assert (entry["action"], entry["address"]) == (action, "")
    assert entry["person"] != ""


def test_a_webhook_that_takes_it_is_on_record_with_its_answer(workspace: Workspace) -> None:
    with run_endpoint(lambda request: as_json({})) as endpoint:
        hook = workspace.spec.webhooks[0].model_copy(update={"url": endpoint.url})
        workspace.spec = workspace.spec.model_copy(update={"webhooks": (hook,)})
        (entry,) = list_new(workspace, lambda: workspace.try_webhook("chat"))
    assert entry["details"] == "answered 200"


def test_a_change_that_is_asked_for_again_is_on_record_once(workspace: Workspace) -> None:
    change_id = new_id()
    for _ in range(2):
        workspace.change_labels("tickets", "add", added=("spam",), change_id=change_id)
    for _ in range(2):
        workspace.undo_labels(change_id)
    assert [each["action"] for each in reversed(list_entries(workspace))] == ["change_labels", "undo_labels"]
