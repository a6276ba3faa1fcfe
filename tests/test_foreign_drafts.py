"""The models that an import writes into reviewer.toml, and which model flags are taken to be of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gradio_folders import ERAS, import_folder, make_time, write_folder, write_log
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.config import ModelSpec, load_config
from reviewer.errors import ConfigError, InputError
from reviewer.foreign.drafts import prepare_workspace
from reviewer.foreign.sources import read_sources

LABEL = json.dumps({"label": "dog", "confidences": None})
TIME = make_time(0)


def prepare(tmp_path: Path, *rows: list[str], app: str = "shop", **given: Any) -> dict[str, ModelSpec]:
    """Return the models of a workspace made for these rows."""
    sources = read_sources(write_log(tmp_path / app, rows), given.pop("mapping", None))
    prepare_workspace(tmp_path / "w", sources, **given)
    return dict(load_config(tmp_path / "w").models)


@pytest.mark.parametrize("era", ERAS)
def test_an_empty_folder_becomes_a_workspace_that_loads(tmp_path: Path, era: str) -> None:
    sources = read_sources(write_folder(tmp_path / "shop/flagged", ERAS[era]))
    assert prepare_workspace(tmp_path / "w", sources) == ["shop"]
    spec = load_config(tmp_path / "w").models["shop"]
    assert (spec.kind, spec.task) == ("external", "image-classification")
    assert [each.component for each in spec.inputs.values()] == [
        "textbox",
        "image",
        "number",
        "checkbox_group",
    ]
    assert [each.component for each in spec.outputs.values()] == ["label", "json", "table"]
    assert set(spec.labels) == {"dog", "cat"}


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["hi", LABEL], "text-classification"),
        (["3", LABEL], "tabular-classification"),
        (["3", "4.5"], "tabular-regression"),
        (["hi", "hello"], "text-generation"),
        (["hi", '{"a": 3}'], "generic"),
    ],
)
def test_the_task_follows_from_the_components(tmp_path: Path, cells: list[str], task: str) -> None:
    assert prepare(tmp_path, ["a", "b", "timestamp"], [*cells, TIME])["shop"].task == task


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("input:slider", {"minimum": 1.0, "maximum": 3.0}),
        ("input:radio", {"choices": ("1", "3")}),
        ("input:dropdown", {"choices": ("1", "3")}),
    ],
)
def test_what_a_component_needs_is_told_by_the_cells(
    tmp_path: Path, told: str, expected: dict[str, Any]
) -> None:
    rows = [["x", "timestamp"], ["1", TIME], ["3", TIME], ["1", TIME]]
    spec = prepare(tmp_path, *rows, mapping={"x": told})["shop"].inputs["x"]
    assert {key: getattr(spec, key) for key in expected} == expected


def test_a_date_has_a_time_when_one_was_seen(tmp_path: Path) -> None:
    rows = [["x", "timestamp"], ["2026-01-02 03:04:05", TIME]]
    assert prepare(tmp_path, *rows)["shop"].inputs["x"].include_time  # type: ignore[union-attr]  # a date


def test_an_input_that_was_left_empty_is_not_required(tmp_path: Path) -> None:
    rows = [["x", "y", "Out", "timestamp"], ["a", "", "c", TIME], ["a", "b", "c", TIME]]
    inputs = prepare(tmp_path, *rows)["shop"].inputs
    assert [each.required for each in inputs.values()] == [True, False]


def test_guesses_are_marked_in_the_file(tmp_path: Path) -> None:
    prepare(tmp_path, ["x", "y", "Out", "timestamp"], ["a", "b", "c", TIME])
    lines = (tmp_path / "w/reviewer.toml").read_text(encoding="utf-8").splitlines()
    assert [each for each in lines if "a guess" in each] == [
        'y = { component = "textbox", label = "y" }  # a guess: it may be an output'
    ]


def test_a_reserved_name_is_not_taken(tmp_path: Path) -> None:
    assert list(prepare(tmp_path, ["t", "timestamp"], ["a", TIME], app="reviews")) == ["reviews_2"]
    report = import_folder(tmp_path / "w", tmp_path / "reviews")
    assert report.models == {"reviews_2": 1}


def test_a_model_is_named_after_the_nearest_folder_with_a_name(tmp_path: Path) -> None:
    rows = [["t", "timestamp"], ["a", TIME]]
    assert list(prepare(tmp_path, *rows, app="My App (2)/.gradio/flagged")) == ["my_app_2"]


def test_other_columns_in_the_same_folder_are_another_model(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "shop", [["t", "timestamp"], ["a", TIME]])
    write_log(folder, [["t", "u", "Out", "timestamp"], ["a", "b", "c", TIME]], "dataset2.csv")
    report = import_folder(tmp_path / "w", folder)
    assert report.models == {"shop": 1, "shop_2": 1}
    assert import_folder(tmp_path / "w", folder).skipped == 2


def test_a_folder_with_other_things_is_no_place_for_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w/notes.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        prepare(tmp_path, ["t", "timestamp"], ["a", TIME])


def test_an_existing_config_is_only_added_to_when_asked(tmp_path: Path, tiny_folder: Path) -> None:
    sources = read_sources(write_log(tmp_path / "shop", [["t", "timestamp"], ["a", TIME]]))
    before = (tiny_folder / "reviewer.toml").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\[models\.shop\]"):
        prepare_workspace(tiny_folder, sources)
    assert (tiny_folder / "reviewer.toml").read_text(encoding="utf-8") == before
    assert prepare_workspace(tiny_folder, sources, is_adding=True) == ["shop"]
    after = (tiny_folder / "reviewer.toml").read_text(encoding="utf-8")
    assert after.startswith(before)
    assert list(load_config(tiny_folder).models) == ["tickets", "shades", "shop"]
    assert prepare_workspace(tiny_folder, sources, is_adding=True) == []


def test_several_models_with_the_same_columns_have_to_be_told_apart(tmp_path: Path) -> None:
    rows = [["t", "Out", "timestamp"], ["a", "b", TIME]]
    for app in ("one", "two"):
        write_log(tmp_path / "all" / app, rows)
    sources = read_sources(tmp_path / "all")
    prepare_workspace(tmp_path / "w", sources)
    other = write_log(tmp_path / "three", rows)
    with pytest.raises(InputError, match=r"one, two.*--model"):
        import_folder(tmp_path / "w", other)
    assert import_folder(tmp_path / "w", other, model="two").models == {"two": 1}


def test_labels_that_a_model_does_not_have_speak_against_it(tmp_path: Path, tiny_folder: Path) -> None:
    folder = write_log(tmp_path / "shop", [["text", "Out", "timestamp"], ["a", LABEL, TIME]])
    with pytest.raises(ConfigError, match=r"\[models\.shop\]"):
        import_folder(tiny_folder, folder)


def test_a_new_model_can_be_named(tmp_path: Path) -> None:
    assert list(prepare(tmp_path, ["t", "timestamp"], ["a", TIME], model="pets")) == ["pets"]


@pytest.mark.parametrize("name", ["Bad Name", "flags", "1st"])
def test_a_new_model_cannot_have_a_name_that_the_config_refuses(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=name):
        prepare(tmp_path, ["t", "timestamp"], ["a", TIME], model=name)


@pytest.mark.parametrize("rows", [[], [["timestamp"]]])
def test_files_without_anything_in_them_make_no_workspace(tmp_path: Path, rows: list[list[str]]) -> None:
    folder = write_log(tmp_path / "shop", rows, "log.csv")
    if rows:
        assert import_folder(tmp_path / "w", folder).rows == 0
        return
    with pytest.raises(InputError, match="nothing to import"):
        import_folder(tmp_path / "w", folder)
    assert not (tmp_path / "w").exists()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    headers=st.lists(
        st.text(st.characters(blacklist_categories=["Cs"]), max_size=12), min_size=1, max_size=4
    ),
    cell=st.text(st.characters(blacklist_categories=["Cs"]), max_size=12),
)
def test_whatever_headers_and_cells_hold_the_config_loads(
    tmp_path_factory: pytest.TempPathFactory, headers: list[str], cell: str
) -> None:
    path = tmp_path_factory.mktemp("any")
    rows = [[*headers, "timestamp"], [*([cell] * len(headers)), TIME]]
    assert prepare(path, *rows)["shop"].inputs
