"""The import pane's handlers: what is shown of an upload, what can be chosen, and what an import says."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio_folders import ERAS, make_time, write_folder, write_log
from starlette.requests import Request

from reviewer.access import Person, Role
from reviewer.api import build_server
from reviewer.errors import InputError
from reviewer.foreign import ImportReport, Quarantined, importing, read_sources
from reviewer.guards import Reach
from reviewer.ui import import_pane
from reviewer.ui.handlers import ROLE_MARK
from reviewer.ui.import_pane import ImportPane, build_import, wire_import
from reviewer.ui.import_plan import (
    BY_COLUMNS,
    NEW,
    SHOWN_COLUMNS,
    Choice,
    build_columns,
    draft_tables,
    guess_choice,
    read_mapping,
)
from reviewer.ui.import_report import SHOWN_ROWS, describe_files, describe_plan, describe_report
from reviewer.workspace import Workspace

HOSTILE = "<img src=x onerror=alert(1)>"
LABEL = json.dumps({"label": "refund", "confidences": None})


@pytest.fixture
def request_() -> gr.Request:
    return gr.Request(Request({"type": "http", "headers": [(b"accept-language", b"en")]}))


def build(workspace: Workspace) -> tuple[gr.Blocks, ImportPane]:
    with gr.Blocks() as app, gr.Tabs(), gr.Tab("Import") as tab:
        pane = build_import()
        wire_import(workspace, pane, tab)
    return app, pane


def call(app: gr.Blocks, name: str, *values: Any) -> Any:
    """Call the handler of that name as the page would."""
    handler = next(each.fn for each in app.fns.values() if each.fn and each.fn.__name__ == name)
    return handler(*values)


def zip_rows(folder: Path, *rows: list[str], app: str = "shop") -> str:
    """Return an archive of a flag folder with these rows."""
    write_log(folder / app / "flagged", rows)
    return shutil.make_archive(str(folder / app), "zip", folder / app)


def zip_texts(folder: Path, app: str = "shop") -> str:
    """Return an archive with flags that fit the model `tickets` but for the name of its input."""
    rows = [["Message", "Answer", "timestamp"], ["money back", LABEL, make_time(0)]]
    return zip_rows(folder, *rows, app=app)


def look_at(workspace: Workspace, request: gr.Request, path: str) -> dict[str, Any]:
    """Return what the page shows of an upload, by the names of the pane's components."""
    app, _ = build(workspace)
    names = ("confirm", "files", "model", "name", "columns", "plan", "run")
    return dict(zip(names, call(app, "look", request, path), strict=True))


def change(shown: dict[str, Any], header: str, told: str) -> dict[str, Any]:
    """Return the table of columns as the page sends it after a choice."""
    rows = [{**each, "told": told} if each["header"] == header else each for each in shown["rows"]]
    return {**shown, "rows": rows}


def list_told(shown: dict[str, Any]) -> dict[str, str]:
    return {each["header"]: each["told"] for each in shown["rows"]}


def test_every_handler_of_the_pane_names_the_role_it_needs(tiny_workspace: Workspace) -> None:
    app, _ = build(tiny_workspace)
    handlers = [each.fn for each in app.fns.values() if each.fn is not None]
    assert len(handlers) > 6
    assert {getattr(each, ROLE_MARK, None) for each in handlers} == {Role.REVIEWER}
    assert {each.api_visibility for each in app.fns.values()} == {"private"}


# Looking


def test_an_upload_shows_its_columns_and_the_model_it_would_add(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    write_folder(tmp_path / "pets/flagged", ERAS["6.31"])
    shown = look_at(
        tiny_workspace, request_, shutil.make_archive(str(tmp_path / "pets"), "zip", tmp_path / "pets")
    )
    assert shown["confirm"].visible
    assert "flagged/dataset1.csv" in shown["files"]
    assert (shown["model"].value, shown["name"].value, shown["name"].visible) == (NEW, "pets", True)
    assert list_told(shown["columns"]) == {
        "Text": "input:textbox",
        "Photo": "input:image",
        "Size": "input:number",
        "Group": "input:checkbox_group",
        "Prediction": "output:label",
        "Details": "output:json",
        "Table": "output:table",
        "flag": "option",
        "timestamp": "flagged_at",
    }
    assert [each["header"] for each in shown["columns"]["rows"] if not each["is_sure"]] == [
        "Photo",
        "Size",
        "Group",
    ]
    assert "[models.pets]" in shown["plan"]
    assert shown["run"].interactive


def test_a_model_that_fits_is_chosen_and_nothing_is_added(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    rows = [["text", "label", "timestamp"], ["money back", LABEL, make_time(0)]]
    shown = look_at(tiny_workspace, request_, zip_rows(tmp_path, *rows))
    assert (shown["model"].value, shown["name"].visible, shown["plan"]) == ("tickets", False, "")
    assert list_told(shown["columns"])["text"] == "input::text"


def test_a_column_can_be_told_to_be_an_input_of_a_model(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    path = zip_texts(tmp_path)
    shown = call(app, "choose", request_, path, "tickets", "")
    columns, plan, button = shown[4:]
    assert "does not give every input of tickets" in plan
    assert not button.interactive
    assert list_told(columns)["Message"] == ""
    assert ("input::text", "Input: text") in columns["choices"]
    assert not any(value.startswith("input:t") for value, _ in columns["choices"])

    changed = change(columns, "Message", "input::text")
    plan, button = call(app, "edit", request_, path, "tickets", "", changed)
    assert (plan, button.interactive) == ("", True)
    assert "<dd>1</dd>" in call(app, "run", request_, path, "tickets", "", changed, "UTC")
    assert [each.inputs for each in tiny_workspace.queue()] == [{"text": "money back"}]


def test_a_change_is_seen_in_the_table_that_would_be_added(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    path = zip_texts(tmp_path)
    columns = look_at(tiny_workspace, request_, path)["columns"]
    plan, _ = call(app, "edit", request_, path, NEW, "mail", change(columns, "Answer", "output:text"))
    assert "[models.mail.outputs]" in plan
    assert "answer = { component = &quot;text&quot;" in plan


def test_without_an_input_nothing_can_be_imported(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    path = zip_texts(tmp_path)
    columns = change(look_at(tiny_workspace, request_, path)["columns"], "Message", "ignore")
    plan, button = call(app, "edit", request_, path, NEW, "mail", columns)
    assert "No column is taken for an input" in plan
    assert not button.interactive


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tickets", "There is a model tickets already"),
        ("", "Give the new model a name"),
        ("Mail 2", "cannot name a model"),
        ("flags", "cannot name a model"),
    ],
)
def test_a_name_that_cannot_be_is_told(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path, name: str, sentence: str
) -> None:
    app, _ = build(tiny_workspace)
    path = zip_texts(tmp_path)
    plan, button = call(app, "edit", request_, path, NEW, name, {})
    assert sentence in plan
    assert not button.interactive
    with pytest.raises(gr.Error, match=sentence):
        call(app, "run", request_, path, NEW, name, {}, "UTC")


def test_files_with_other_columns_each_have_a_model(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    write_log(tmp_path / "all/mail", [["Message", "timestamp"], ["x", make_time(0)]])
    write_log(tmp_path / "all/web", [["Words", "timestamp"], ["y", make_time(0)]])
    shown = look_at(
        tiny_workspace, request_, shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path / "all")
    )
    assert shown["model"].value == BY_COLUMNS
    assert list(list_told(shown["columns"])) == ["Message", "timestamp", "Words"]
    assert "[models.mail]" in shown["plan"]
    assert "[models.web]" in shown["plan"]


def test_several_models_that_fit_leave_the_choice_to_the_person(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    config = tiny_workspace.folder / "reviewer.toml"
    table = 'kind = "external"\ntask = "generic"\ninputs.message = "textbox"\noutputs.answer = "label"\n'
    with config.open("a", encoding="utf-8") as file:
        file.write(f"\n[models.a]\n{table}\n[models.b]\n{table}")
    assert tiny_workspace.reload() == ["a", "b"]
    shown = look_at(tiny_workspace, request_, zip_texts(tmp_path))
    assert shown["model"].value == BY_COLUMNS
    assert "may be of several models; choose one" in shown["plan"]
    assert not shown["run"].interactive


def test_an_upload_that_cannot_be_read_is_told_in_its_own_words(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    (tmp_path / "a.zip").write_bytes(b"no archive")
    with pytest.raises(gr.Error, match=r"a\.zip is no zip archive"):
        call(app, "look", request_, str(tmp_path / "a.zip"))


def test_without_an_upload_nothing_is_shown(tiny_workspace: Workspace, request_: gr.Request) -> None:
    app, pane = build(tiny_workspace)
    hidden = call(app, "look", request_, None)
    assert len(hidden) == len(pane.confirmed)
    assert not hidden[0].visible
    assert "Nothing imported yet" in call(app, "greet", request_, "")
    with pytest.raises(gr.Error, match="Upload a file first"):
        call(app, "run", request_, None, NEW, "a", {}, "UTC")


def test_more_columns_than_a_page_can_hold_are_counted(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    header = [f"c{number}" for number in range(SHOWN_COLUMNS + 100)]
    write_log(tmp_path / "a", [[*header, "timestamp"], [*header, make_time(0)]])
    shown = build_columns(request_, read_sources(tmp_path / "a"), tiny_workspace.spec, Choice(NEW, "a"))
    assert len(shown["rows"]) == SHOWN_COLUMNS
    assert shown["more"] == "101 more columns are taken as guessed."


@pytest.mark.parametrize("sent", [None, "x", {}, {"rows": None}, {"rows": [1, {}, {"told": ""}]}])
def test_a_table_of_columns_that_makes_no_sense_changes_nothing(sent: Any) -> None:
    assert read_mapping(sent) == {}


@pytest.mark.parametrize("told", ["nonsense", "input:rocket", "input:textbox:../x"])
def test_a_choice_that_the_page_does_not_offer_is_refused(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path, told: str
) -> None:
    app, _ = build(tiny_workspace)
    sent = {"rows": [{"header": "Message", "told": told, "guess": ""}]}
    with pytest.raises(gr.Error):
        call(app, "edit", request_, zip_texts(tmp_path), NEW, "mail", sent)


# Importing


def test_an_import_adds_the_model_and_its_flags_without_a_restart(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    path = zip_texts(tmp_path)
    said = call(app, "run", request_, path, NEW, "mail", {}, "Europe/Zurich")
    assert "Added to reviewer.toml: mail" in said
    assert "?tab=review&amp;view=all&amp;source=import&amp;model=mail" in said
    assert tiny_workspace.find_model("mail").kind == "external"
    assert tiny_workspace.list_versions("mail") == []
    flag = tiny_workspace.queue(model="mail")[0]
    assert (flag.inputs, flag.predicted_label, flag.flagged_at.hour) == (
        {"message": "money back"},
        "refund",
        11,
    )
    with Workspace(tiny_workspace.folder) as opened_later:
        assert opened_later.spec.models == tiny_workspace.spec.models


def test_importing_again_adds_nothing_and_says_so(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    path = zip_texts(tmp_path)
    call(app, "run", request_, path, NEW, "mail", {}, "UTC")
    said = call(app, "run", request_, path, "mail", "", {}, "UTC")
    assert "<dt>Imported before</dt><dd>1</dd>" in said
    assert "are not imported again" in said
    assert len(tiny_workspace.queue()) == 1


def test_an_archive_and_its_folder_are_the_same_import(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    call(app, "run", request_, zip_texts(tmp_path), NEW, "mail", {}, "UTC")
    report = tiny_workspace.import_flags(tmp_path / "shop", model="mail")
    assert report.count() == {"imported": 0, "quarantined": 0, "skipped": 1}


def test_a_stopped_import_keeps_what_it_had_and_goes_on(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 1)
    app, _ = build(tiny_workspace)
    rows = [[f"text {number}", LABEL, make_time(number)] for number in range(3)]
    path = zip_rows(tmp_path, ["Message", "Answer", "timestamp"], *rows)

    def press_stop(*steps: Any, **options: Any) -> None:
        call(app, "stop", request_)

    call(app, "expect", request_)
    said = call(app, "run", request_, path, NEW, "mail", {}, "UTC", press_stop)
    assert "import again to go on" in said
    assert len(tiny_workspace.queue()) == 2
    call(app, "expect", request_)
    said = call(app, "run", request_, path, "mail", "", {}, "UTC")
    assert "<dt>Imported</dt><dd>1</dd>" in said


def test_an_import_of_nothing_leads_nowhere(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    path = zip_rows(tmp_path, ["Message", "timestamp"])
    assert "href" not in call(app, "run", request_, path, NEW, "mail", {}, "UTC")


def test_a_new_model_is_offered_a_name_that_is_free(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    shown = look_at(tiny_workspace, request_, zip_texts(tmp_path, app="tickets"))
    assert (shown["model"].value, shown["name"].value) == (NEW, "tickets_2")
    assert shown["run"].interactive


def test_only_an_admin_adds_a_model(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = build(tiny_workspace)
    before = (tiny_workspace.folder / "reviewer.toml").read_bytes()
    monkeypatch.setattr(import_pane, "find_asker", lambda: Person("rea", Role.REVIEWER))
    with pytest.raises(gr.Error, match="needs the role admin; rea is reviewer"):
        call(app, "run", request_, zip_texts(tmp_path), NEW, "mail", {}, "UTC")
    assert (tiny_workspace.folder / "reviewer.toml").read_bytes() == before


def test_an_unknown_time_zone_is_named(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    with pytest.raises(gr.Error, match="There is no time zone"):
        call(app, "run", request_, zip_texts(tmp_path), NEW, "mail", {}, "Mars/Base")


def test_rows_set_aside_are_listed_and_can_be_downloaded(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    rows = [
        ["Message", "Photo", "timestamp"],
        ["a", "flagged/Photo/" + "0" * 20 + f"/{HOSTILE.replace('/', '')}.png", make_time(0)],
        ["b", "", make_time(1)],
    ]
    said = call(app, "run", request_, zip_rows(tmp_path, *rows), NEW, "mail", {}, "UTC")
    assert "<dt>Set aside</dt><dd>1</dd>" in said
    assert "which is not in the folder" in said
    assert "&lt;img" in said
    assert "<img" not in said
    assert 'href="api/quarantine.csv" download' in said
    with TestClient(build_server(tiny_workspace, Reach.of_loopback()), base_url="http://127.0.0.1") as client:
        answer = client.get("/api/quarantine.csv")
    listed = list(csv.DictReader(answer.text.splitlines(keepends=True)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert [(each["file"], each["row"]) for each in listed] == [("flagged/dataset1.csv", "1")]


def test_the_download_of_a_workspace_without_quarantine_is_a_header(tiny_workspace: Workspace) -> None:
    with TestClient(build_server(tiny_workspace, Reach.of_loopback()), base_url="http://127.0.0.1") as client:
        assert client.get("/api/quarantine.csv").text.startswith("quarantine_id,")


# What is said


def test_no_more_rows_than_a_page_can_hold_are_listed(request_: gr.Request) -> None:
    reasons = [Quarantined("a.csv", number, number + 1, "The row is torn.") for number in range(1000)]
    said = describe_report(request_, ImportReport(quarantined=reasons), [])
    assert said.count("The row is torn.") == SHOWN_ROWS
    assert f"Rows set aside, {SHOWN_ROWS} of 1,000" in said


def test_names_and_labels_of_strangers_are_escaped(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    label = json.dumps({"label": HOSTILE, "confidences": None})
    write_log(tmp_path / "<b>x" / "flagged", [["T", HOSTILE, "timestamp"], ["a", label, make_time(0)]])
    sources = read_sources(tmp_path / "<b>x")
    assert guess_choice(sources, tiny_workspace.spec).model == NEW
    said = describe_plan(request_, draft_tables(request_, sources, tiny_workspace.spec, Choice(NEW, "a")))
    assert HOSTILE not in said
    assert "&lt;img" in said
    assert "<b>" not in describe_files(request_, sources)


def test_a_reload_leaves_known_models_as_they_are(tiny_workspace: Workspace) -> None:
    config = tiny_workspace.folder / "reviewer.toml"
    config.write_text(config.read_text("utf-8").replace("[models.tickets]", '[models.tickets]\ntitle = "T"'))
    assert tiny_workspace.reload() == []
    assert tiny_workspace.find_model("tickets").shown_name == "tickets"


def test_a_config_broken_meanwhile_is_told_before_anything_is_added(
    tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path
) -> None:
    app, _ = build(tiny_workspace)
    (tiny_workspace.folder / "reviewer.toml").write_text("[models", encoding="utf-8")
    with pytest.raises(gr.Error, match=r"reviewer\.toml"):
        call(app, "run", request_, zip_texts(tmp_path), NEW, "mail", {}, "UTC")
    assert tiny_workspace.queue() == []


def test_an_unknown_model_is_named(tiny_workspace: Workspace, request_: gr.Request, tmp_path: Path) -> None:
    sources = read_sources(write_log(tmp_path / "a", [["T", "timestamp"], ["a", make_time(0)]]))
    with pytest.raises(InputError, match=r"There is no model 'tikets'\. Did you mean 'tickets'"):
        draft_tables(request_, sources, tiny_workspace.spec, Choice("tikets"))


def test_what_became_of_one_file_does_not_stand_beside_the_next(tiny_workspace: Workspace) -> None:
    app, pane = build(tiny_workspace)
    (cleared,) = [each for each in app.fns.values() if (pane.file._id, "upload") in each.targets]
    assert (cleared.outputs, call(app, str(cleared.name))) == ([pane.report], "")
