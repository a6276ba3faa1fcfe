"""Flaggers who are a pseudonym, or nobody: their names are nowhere, and what is theirs stays theirs."""

from __future__ import annotations

import contextlib
import csv
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from endpoint import as_json, run_endpoint
from fastapi.testclient import TestClient
from people import serve_team, sign_in_client

from reviewer.access import Person, Role
from reviewer.accounts.database import PEOPLE_NAME
from reviewer.batch.mapping import ColumnMap
from reviewer.batch.run import run_batch
from reviewer.batch.start import start_batch
from reviewer.errors import ConfigError, UnknownNameError
from reviewer.ownership import find_own_flag, list_visible_batches
from reviewer.pseudonyms import SECRET_NAME, Pseudonyms
from reviewer.records import Flag, new_id
from reviewer.webhooks import telling
from reviewer.workspace import Workspace

TESS = Person("tess-with-a-name", Role.TESTER)
TOM = Person("tom", Role.TESTER)


def choose(folder: Path, flagger: str) -> Path:
    config = folder / "reviewer.toml"
    config.write_text(f'{config.read_text("utf-8")}\n[privacy]\nflagger = "{flagger}"\n', encoding="utf-8")
    return folder


@pytest.fixture
def hidden(tiny_folder: Path) -> Path:
    return choose(tiny_folder, "pseudonym")


@pytest.fixture
def nameless(tiny_folder: Path) -> Path:
    return choose(tiny_folder, "none")


def flag(workspace: Workspace, name: str = TESS.name, text: str = "money back", **given: Any) -> Flag:
    made = workspace.predict("tickets", {"text": text}, username=name, session_id=given.get("session_id", ""))
    return workspace.flag(made.prediction_id, **{"option": "other", "flagger": name, **given})


# The pseudonym


def test_a_person_has_one_pseudonym_and_two_people_have_two(tmp_path: Path) -> None:
    told = [Pseudonyms(tmp_path, "pseudonym").hide(name) for name in ("ana", "ana", "bo", "")]
    assert told[0] == told[1] != told[2]
    assert (told[0][:7], len(told[0]), told[3]) == ("tester-", 16, "")


def test_another_secret_gives_another_pseudonym(tmp_path: Path) -> None:
    one = Pseudonyms(tmp_path, "pseudonym").hide("ana")
    (tmp_path / SECRET_NAME).unlink()
    assert Pseudonyms(tmp_path, "pseudonym").hide("ana") != one


def test_the_secret_is_its_owners_alone_and_not_among_the_logs(tmp_path: Path) -> None:
    Pseudonyms(tmp_path, "pseudonym").hide("ana")
    assert [each.name for each in tmp_path.iterdir()] == [SECRET_NAME]
    assert (tmp_path / SECRET_NAME).stat().st_mode & 0o777 == 0o600


def test_names_alone_make_no_secret(tmp_path: Path) -> None:
    assert Pseudonyms(tmp_path, "name").hide("ana") == "ana"
    assert Pseudonyms(tmp_path, "name").list_names("ana") == ("ana",)
    assert Pseudonyms(tmp_path, "none").hide("ana") == ""
    assert list(tmp_path.iterdir()) == []


def test_many_who_start_at_once_share_one_secret(tmp_path: Path) -> None:
    told: list[str] = []
    start = threading.Barrier(8)

    def ask() -> None:
        own = Pseudonyms(tmp_path, "pseudonym")
        start.wait()
        told.append(own.hide("ana"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(told) == 8
    assert len(set(told)) == 1
    assert [each.name for each in tmp_path.iterdir()] == [SECRET_NAME]


@pytest.mark.parametrize("text", ["", "abc", "z" * 64, "0" * 65, "é" * 64])
def test_a_damaged_secret_is_told_and_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / SECRET_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="64 hex digits; restore it from a backup"):
        Pseudonyms(tmp_path, "pseudonym").hide("ana")
    assert (tmp_path / SECRET_NAME).read_text("utf-8") == text


def test_whoever_takes_a_pseudonym_as_a_name_is_not_the_one_it_stands_for(hidden: Path) -> None:
    with Workspace(hidden) as workspace:
        made = flag(workspace)
        thief = Person(made.flagger, Role.TESTER)
        assert not workspace.is_flagger(thief.name, made)
        with pytest.raises(UnknownNameError):
            find_own_flag(workspace, thief, made.flag_id)


# What is stored


def list_holding(folder: Path, name: str) -> list[str]:
    """Return the files of the workspace, but the accounts, whose bytes or names hold the name."""
    files = [each for each in folder.rglob("*") if each.is_file() and not each.name.startswith(PEOPLE_NAME)]
    return [
        str(each.relative_to(folder))
        for each in files
        if name.encode() in each.read_bytes() or name in each.name
    ]


def write_gradio_log(folder: Path) -> Path:
    path = folder / "gradio" / "log.csv"
    path.parent.mkdir()
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = [
            ("text", "output", "flag", "username", "timestamp"),
            ("give it back", "refund", "", TESS.name, "2024-05-01 10:00:00.000000"),
        ]
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.parametrize("how", ["pseudonym", "none"])
def test_the_name_of_a_tester_is_in_no_file(tiny_folder: Path, tmp_path: Path, how: str) -> None:
    choose(tiny_folder, how)
    foreign = write_gradio_log(tmp_path)
    with Workspace(tiny_folder, is_app=True) as workspace:
        first = flag(workspace, comment="not mine")
        flag(workspace, comment="other words")
        workspace.undo(flag(workspace, text="taken back").flag_id, reviewer=TESS.name)
        workspace.review(first.flag_id, corrected_label="login", reviewer="bob")
        workspace.import_flags(foreign, model="tickets")
        batch = start_batch(
            workspace, "tickets", tiny_folder / "data/tickets.csv", ColumnMap({"text": "text"}, "label"),
            username=TESS.name,
        )  # fmt: skip
        run_batch(workspace, batch.batch_id)
        workspace.export("tickets")
        assert workspace.count_rows()["flags"] == 4
        workspace.chain.seal()
    assert list_holding(tiny_folder, TESS.name) == []


@pytest.mark.parametrize("how", ["pseudonym", "none"])
def test_the_name_of_a_tester_leaves_by_no_route_and_no_webhook(tiny_folder: Path, how: str) -> None:
    choose(tiny_folder, how)
    with run_endpoint(lambda request: as_json({})) as endpoint, serve(tiny_folder) as (server, clients):
        hook = {"name": "chat", "url": endpoint.url, "events": ["flag_made", "flag_resolved"]}
        with telling([server.build_webhook(hook, seconds=0.01)]):
            made = post(clients["tess"], "predict", model="tickets", inputs={"text": "money back"})
            flagged = post(clients["tess"], "flags", prediction_id=made["prediction_id"], option="other")
            body = {"action_id": new_id(), "flag_id": flagged["flag_id"], "seq": 0}
            post(clients["bob"], "reviews", **body, corrected_label="login")
            wait_for_event(endpoint, "flag_resolved")
        sent = "".join(str(each.payload) for each in endpoint.requests)
        read = [clients[who].get(path).text for who, path in ROUTES]
        read.append(read_audit_of_flags(clients["ann"]))
    assert flagged["flag_id"] in sent
    assert all(flagged["flag_id"] in text for text in read[:2])
    assert "tess" not in sent + "".join(read)


ROUTES = [
    ("bob", "/api/queue?view=all"),
    ("bob", "/api/query.csv?sql=select+*+from+raw_flags"),
    ("bob", "/api/team"),
]


def read_audit_of_flags(admin: TestClient) -> str:
    """Return what the audit says beside who was added and who signed in, which is about accounts."""
    rows = csv.DictReader(io.StringIO(admin.get("/api/audit.csv").text))
    return "".join(str(each) for each in rows if each["action"] not in ("add_user", "sign_in"))


def wait_for_event(endpoint: Any, event: str) -> None:
    """Return once the endpoint was told of it, alone or together with others."""
    pause = threading.Event()
    for _ in range(6_000):
        if event in "".join(str(each.payload) for each in endpoint.requests):
            return
        pause.wait(0.01)
    raise AssertionError(f"{event} was not told in a minute")


def post(client: TestClient, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[tuple[Workspace, dict[str, TestClient]]]:
    with serve_team(folder) as (server, sign_in), Workspace(folder) as beside:
        yield beside, {name: sign_in_client(server, sign_in, name) for name in ("tess", "tom", "bob", "ann")}


def test_what_was_written_before_stays_and_stays_ones_own(tiny_folder: Path) -> None:
    with Workspace(tiny_folder) as workspace:
        before = flag(workspace)
    choose(tiny_folder, "pseudonym")
    with Workspace(tiny_folder) as workspace:
        after = flag(workspace, text="another one")
        assert workspace.find_flag(before.flag_id).flagger == TESS.name
        names = workspace.pseudonyms.list_names(TESS.name)
        own = workspace.queue(view="all", flagger=names)
        assert {each.flag_id for each in own} == {before.flag_id, after.flag_id}
        assert all(find_own_flag(workspace, TESS, each.flag_id) for each in own)


# What is one's own


def test_own_flags_precision_and_erasing_work_by_the_pseudonym(hidden: Path) -> None:
    with Workspace(hidden, is_app=True) as workspace:
        right, wrong = flag(workspace), flag(workspace, text="cannot sign in")
        flag(workspace, TOM.name, "i want a refund")
        assert flag(workspace, TOM.name, "login fails").flagger != right.flagger == wrong.flagger
        workspace.review(right.flag_id, corrected_label="login", reviewer="bob")
        workspace.review(wrong.flag_id, resolution="prediction_correct", reviewer="bob")
        score = workspace.score_person(TESS.name).flags
        assert (score.hits, score.of) == (1, 2)
        assert workspace.erase(person=TESS.name).changed["flags"] == 2
        assert [each.flagger for each in workspace.queue(view="all", flagger="erased")] == ["erased"] * 2
        assert workspace.pseudonyms.hide(TESS.name) not in str(workspace.queue(view="all"))


def test_the_same_flag_twice_is_one_and_other_words_replace_it(hidden: Path) -> None:
    with Workspace(hidden, is_app=True) as workspace:
        made = workspace.predict("tickets", {"text": "money back"}, username=TESS.name)
        given: dict[str, Any] = {"option": "other", "flagger": TESS.name}
        first = workspace.flag(made.prediction_id, **given)
        assert workspace.flag(made.prediction_id, **given).flag_id == first.flag_id
        second = workspace.flag(made.prediction_id, **given, comment="clearer")
        assert [each.flag_id for each in workspace.queue(view="open")] == [second.flag_id]


def test_a_tester_who_is_a_pseudonym_has_all_that_a_tester_has(hidden: Path) -> None:
    with serve(hidden) as (_, clients):
        check_own(clients, {"total": 1, "naming": "tester-"})


def test_a_tester_without_a_name_may_flag_what_was_predicted_for_them_alone(nameless: Path) -> None:
    with serve(nameless) as (_, clients):
        check_own(clients, {"total": 0, "naming": ""})


def check_own(clients: dict[str, TestClient], expected: dict[str, Any]) -> None:
    made = post(clients["tess"], "predict", model="tickets", inputs={"text": "money back"})
    body = {"prediction_id": made["prediction_id"], "option": "other"}
    assert clients["tom"].post("/api/flags", json=body).status_code == 404
    post(clients["tess"], "flags", **body)
    assert clients["tess"].get("/api/account/flags").json()["total"] == expected["total"]
    assert clients["tom"].get("/api/account/flags").json()["total"] == 0
    assert clients["tess"].get("/api/account").json()["flagger"][:7] == expected["naming"]
    assert clients["tess"].get("/api/people/tess/score").status_code == 200


def test_without_names_nobody_takes_anothers_flag_for_their_own(nameless: Path) -> None:
    with Workspace(nameless, is_app=True) as workspace:
        made = workspace.predict("tickets", {"text": "money back"}, username=TESS.name)
        first = workspace.flag(made.prediction_id, option="other", flagger=TESS.name)
        second = workspace.flag(made.prediction_id, option="other", flagger="bob", comment="and why")
        assert {each.flag_id for each in workspace.queue(view="open")} == {first.flag_id, second.flag_id}
        assert find_own_flag(workspace, TESS, first.flag_id).flagger == ""
        with pytest.raises(UnknownNameError):
            find_own_flag(workspace, TOM, first.flag_id, "another-session")


def test_without_names_the_session_still_knows_its_flags_after_a_restart(nameless: Path) -> None:
    with Workspace(nameless) as workspace:
        made = flag(workspace, session_id="s1")
    with Workspace(nameless) as workspace:
        assert find_own_flag(workspace, TESS, made.flag_id, "s1").flag_id == made.flag_id
        for session_id in ("", "s2"):
            with pytest.raises(UnknownNameError):
                find_own_flag(workspace, TESS, made.flag_id, session_id)


@pytest.mark.parametrize(("how", "seen"), [("pseudonym", (1, 0)), ("none", (1, 0))])
def test_a_batch_is_seen_by_who_began_it(tiny_folder: Path, how: str, seen: tuple[int, int]) -> None:
    choose(tiny_folder, how)
    with Workspace(tiny_folder) as workspace:
        made = start_batch(
            workspace, "tickets", tiny_folder / "data/tickets.csv", ColumnMap({"text": "text"}, None),
            username=TESS.name,
        )  # fmt: skip
        assert TESS.name not in made.started_by
        assert tuple(len(list_visible_batches(workspace, each)) for each in (TESS, TOM)) == seen


def test_a_picture_stays_readable_for_who_is_a_pseudonym(hidden: Path) -> None:
    with Workspace(hidden) as workspace:
        name = workspace.media.save(b"any bytes", "bin")
        made = workspace.predict("tickets", {"text": f'{{"media":"{name}"}}'}, username=TESS.name)
        assert workspace.has_media(TESS.name, name)
        assert not workspace.has_media(TOM.name, name)
        workspace.flag(made.prediction_id, option="other", flagger=TESS.name)
    with Workspace(hidden) as other:
        assert other.has_media(TESS.name, name)
        assert not other.has_media(TOM.name, name)


def test_an_unknown_way_to_call_flaggers_is_told(tiny_folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"privacy.flagger.*'name', 'pseudonym' or 'none'"):
        Workspace(choose(tiny_folder, "initials"))
