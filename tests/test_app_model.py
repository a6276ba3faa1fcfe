from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import pytest
from gradio.components import Component

from reviewer.config import Kind, ModelSpec, load_config
from reviewer.errors import ConfigError
from reviewer.records import Task
from reviewer.ui.apps.model import AppModel, prepare_model
from reviewer.ui.apps.wire import list_inputs, list_outputs


def prepare(
    folder: Path,
    inputs: list[Component],
    outputs: list[Component],
    *,
    model: str | None = None,
    title: str = "My app",
) -> AppModel:
    return prepare_model(folder, model, title, list_inputs(inputs), list_outputs(outputs))


def prepare_text(folder: Path, label: str = "Text", **named: str) -> ModelSpec:
    return prepare(folder, [gr.Textbox(label=label)], [gr.Label(label="Label")], **named).spec


def test_a_missing_folder_becomes_a_workspace_with_the_app_as_a_model(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "flags"
    made = prepare(
        folder,
        [gr.Image(label="Photo"), gr.Dropdown(["a", '"quoted" \\ \x7f é'], label="Mode")],
        [gr.Label(label="Kind"), gr.JSON(label="Details")],
    )
    spec = load_config(folder).find_model("my_app")
    assert spec == made.spec
    assert (spec.kind, spec.task, spec.title) == (Kind.EXTERNAL, Task.IMAGE_CLASSIFICATION, "My app")
    assert {name: each.component for name, each in spec.inputs.items()} == {
        "photo": "image",
        "mode": "dropdown",
    }
    assert {name: each.component for name, each in spec.answers.items()} == {
        "kind": "label",
        "details": "json",
    }
    assert not any(each.required for each in spec.inputs.values())
    assert "# " in (folder / "reviewer.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("inputs", "outputs", "task"),
    [
        ([gr.Textbox()], [gr.Label()], Task.TEXT_CLASSIFICATION),
        ([gr.Number()], [gr.Label(), gr.Plot()], Task.TABULAR_CLASSIFICATION),
        ([gr.Sketchpad()], [gr.Label()], Task.IMAGE_CLASSIFICATION),
        ([gr.Number(), gr.Slider()], [gr.Number()], Task.TABULAR_REGRESSION),
        ([gr.Textbox()], [gr.Markdown()], Task.TEXT_GENERATION),
        ([gr.Image()], [gr.Image()], Task.GENERIC),
        ([], [gr.Textbox()], Task.GENERIC),
    ],
)
def test_the_task_follows_from_the_components(
    inputs: list[Component], outputs: list[Component], task: Task, tmp_path: Path
) -> None:
    assert prepare(tmp_path, inputs, outputs).spec.task is task


def test_an_app_that_starts_again_finds_its_model_and_writes_nothing(tmp_path: Path) -> None:
    prepare_text(tmp_path)
    before = (tmp_path / "reviewer.toml").read_bytes()
    assert prepare_text(tmp_path).name == prepare_text(tmp_path, model="my_app").name == "my_app"
    assert (tmp_path / "reviewer.toml").read_bytes() == before


def test_a_second_app_is_added_behind_everything_that_stands_there(tiny_folder: Path) -> None:
    path = tiny_folder / "reviewer.toml"
    path.write_text("# mine\n" + path.read_text(encoding="utf-8") + "\n\n# the end", encoding="utf-8")
    path.chmod(0o640)
    before = path.read_text(encoding="utf-8")
    assert prepare_text(tiny_folder).name == "my_app"
    assert path.read_text(encoding="utf-8").startswith(before)
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(load_config(tiny_folder).models) == ["tickets", "shades", "my_app"]


def test_a_config_behind_a_link_is_written_where_it_lies(tmp_path: Path) -> None:
    prepare_text(tmp_path / "real")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "reviewer.toml").symlink_to(tmp_path / "real" / "reviewer.toml")
    prepare_text(tmp_path / "workspace", label="Other", title="Other")
    assert (tmp_path / "workspace" / "reviewer.toml").is_symlink()
    assert list(load_config(tmp_path / "real").models) == ["my_app", "other"]


def test_another_app_of_the_same_name_gets_a_number(tmp_path: Path) -> None:
    names = [prepare_text(tmp_path, label=label).name for label in ("One", "Two", "One", "Two")]
    assert names == ["my_app", "my_app_2", "my_app", "my_app_2"]
    assert prepare(tmp_path, [gr.Number(label="One")], [gr.Label()]).spec.name == "my_app_3"
    assert prepare(tmp_path, [gr.Textbox(label="One")], [gr.Number()]).spec.name == "my_app_4"


def test_a_named_model_with_other_inputs_is_refused_with_both_sides(tmp_path: Path) -> None:
    prepare(tmp_path, [gr.Number(label="Age"), gr.Number(label="Size")], [gr.Number()], model="price")
    with pytest.raises(ConfigError, match=r"price has the inputs age \(number\), size .* the app has text"):
        prepare(tmp_path, [gr.Textbox(label="Text")], [gr.Number()], model="price")


def test_a_model_that_runs_here_can_be_tested_in_another_app_too(tiny_folder: Path) -> None:
    found = prepare(tiny_folder, [gr.Textbox(label="Message")], [gr.Label()], model="tickets")
    assert [each.name for each in found.inputs] == ["text"]
    assert [each.name for each in found.outputs] == ["label"]


@pytest.mark.parametrize("name", ["Big", "two words", "flags", "../x", "ü"])
def test_a_model_name_that_cannot_be_a_table_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="small letters, digits and _ are needed"):
        prepare_text(tmp_path, model=name)


def test_a_broken_config_stops_the_app_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "reviewer.toml").write_text("title = 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1: title is 3"):
        prepare_text(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made: Not a directory"):
        prepare_text(tmp_path / "file" / "workspace")


def test_an_app_whose_labels_are_in_another_script_keeps_them(tmp_path: Path) -> None:
    spec = prepare(tmp_path, [gr.Textbox(label="Текст")], [gr.Textbox(label="Ответ")], title="Модель").spec
    assert (spec.name, spec.title) == ("app", "Модель")
    assert [(name, each.label) for name, each in spec.inputs.items()] == [("input", "Текст")]


def test_apps_that_start_at_once_all_find_their_models(tmp_path: Path) -> None:
    def start(label: str) -> str:
        inputs: list[Component] = [gr.Textbox(label=label), gr.Number(label="n")]
        return prepare(tmp_path, inputs, [gr.Number()], title=label).spec.name

    # Each takes the lock on its own, as another process does.
    with ThreadPoolExecutor(6) as pool:
        names = list(pool.map(start, [f"App {number}" for number in range(6)]))
    assert names == [f"app_{number}" for number in range(6)]
    assert sorted(load_config(tmp_path).models) == names
    assert [each.name for each in tmp_path.iterdir()] == ["reviewer.toml"]
