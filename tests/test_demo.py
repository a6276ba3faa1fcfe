"""The demo workspace: what it holds, that it is honest, and that preparing it is safe to repeat."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reviewer.demo import DATASETS, ESTIMATORS, prepare_demo
from reviewer.errors import ConfigError
from reviewer.models.components import read_inputs
from reviewer.models.kinds import load_estimator
from reviewer.records import Flag
from reviewer.training import read_base
from reviewer.workspace import Workspace


@pytest.fixture(scope="module")
def prepared(demo_workspace_folder: Path) -> Iterator[Workspace]:
    """The demo workspace itself, for tests that only read."""
    with Workspace(demo_workspace_folder) as workspace:
        yield workspace


def ignore(share: float, doing: str) -> None:
    pass


def list_tree(folder: Path) -> dict[str, bytes]:
    """Return path → content of every file but the index, which is derived."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".index" not in path.parts
    }


def list_demo_flags(workspace: Workspace, model: str) -> list[Flag]:
    return workspace.queue(view="open", model=model, source="demo", limit=500)


def is_mistake(workspace: Workspace, flag: Flag) -> bool:
    if flag.predicted_value is None:
        return flag.predicted_label != flag.suggested_label
    tolerance = workspace.find_model(flag.model).tolerance or 0
    return abs(flag.predicted_value - float(flag.suggested_label or "nan")) > 2 * tolerance


def test_each_model_has_one_version_that_is_good_but_visibly_imperfect(prepared: Workspace) -> None:
    assert set(prepared.spec.models) == set(ESTIMATORS)
    for model in ESTIMATORS:
        (version,) = prepared.list_versions(model)
        held_out = version.card["metrics"]["held_out"]
        assert held_out["rows"] >= 40
        assert 0.7 < held_out["accuracy"] < 0.97 if "accuracy" in held_out else 0.1 < held_out["r2"] < 0.6


def test_models_load_without_trusting_anything(prepared: Workspace) -> None:
    for model in ESTIMATORS:
        spec = prepared.find_model(model)
        assert not spec.trusted
        load_estimator(spec, prepared.find_version(model).path)


def test_flags_are_real_mistakes_on_the_validation_split_and_all_of_them(prepared: Workspace) -> None:
    for model in ESTIMATORS:
        flags = list_demo_flags(prepared, model)
        assert 10 <= len(flags) <= 80
        spec, versions = prepared.find_model(model), prepared.versions_of(model)
        base = read_base(prepared.folder, spec)
        right = {row.example_id: str(row.right).removesuffix(".0") for row in base.select("validation")}
        assert all(right[flag.example_id] == flag.suggested_label for flag in flags)
        assert all(is_mistake(prepared, flag) for flag in flags)
        examples = [read_inputs(spec, flag.inputs, prepared.media) for flag in flags]
        answers = versions.answer(versions.find("1"), examples)
        assert [each.label for each in answers] == [flag.predicted_label for flag in flags]


def test_the_flag_option_follows_from_the_confidence(prepared: Workspace) -> None:
    for model in ESTIMATORS:
        for flag in list_demo_flags(prepared, model):
            confidence = flag.confidence
            expected = (
                "wrong_value" if confidence is None
                else "overconfident" if confidence >= 0.9
                else "low_confidence" if confidence < 0.4
                else "wrong_label"
            )  # fmt: skip
            assert flag.option == expected


def test_the_examples_of_the_config_are_ones_the_models_take(demo_workspace: Workspace) -> None:
    for model, spec in demo_workspace.spec.models.items():
        assert spec.examples
        for example in spec.examples:
            values = dict(example)
            if model == "digits":
                values["image"] = demo_workspace.folder / example["image"]
            assert demo_workspace.predict(model, values).error is None


def test_the_splits_of_a_base_share_no_example(prepared: Workspace) -> None:
    for model in ESTIMATORS:
        base = read_base(prepared.folder, prepared.find_model(model))
        splits: dict[str, set[str]] = {}
        for row in base.rows:
            splits.setdefault(row.example_id, set()).add(row.split)
        assert Counter(map(len, splits.values())).keys() == {1}


def test_the_cards_state_the_numbers_of_rows(demo_workspace_folder: Path) -> None:
    for model in ("digits", "tickets", "wine"):
        spec = Workspace(demo_workspace_folder).find_model(model)
        rows = read_base(demo_workspace_folder, spec).rows
        card = (demo_workspace_folder / "data" / f"{model}.md").read_text(encoding="utf-8")
        for label in spec.labels:
            counts = Counter(row.split for row in rows if row.right == label)
            cells = [counts["train"], counts["validation"], counts["test"], counts.total()]
            assert f"| `{label}` | {' | '.join(map(str, cells))} |" in card


def test_preparing_again_changes_nothing_and_loads_neither_scikit_learn_nor_duckdb(
    demo_workspace_folder: Path,
) -> None:
    before = list_tree(demo_workspace_folder)
    program = (
        "import sys; from pathlib import Path; from reviewer.demo import prepare_demo;"
        "prepare_demo(Path(sys.argv[1]), print); print('sklearn' in sys.modules, 'duckdb' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(demo_workspace_folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "False False\n"
    assert list_tree(demo_workspace_folder) == before


def interrupt_at(share: float) -> Callable[[float, str], None]:
    def progress(done: float, doing: str) -> None:
        if done >= share:
            raise KeyboardInterrupt

    return progress


def test_an_interrupted_preparation_goes_on_where_it_stopped(
    demo_workspace_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(
        demo_workspace_folder, tmp_path / "demo", ignore=shutil.ignore_patterns("flagged", "wine*")
    )
    for share in (0.0, 0.4, 0.8):
        with pytest.raises(KeyboardInterrupt):
            prepare_demo(folder, interrupt_at(share))
    kept = {name: data for name, data in list_tree(folder).items() if not name.startswith("flagged/")}
    prepare_demo(folder, ignore)
    assert kept.items() <= list_tree(folder).items()
    assert count_flags(folder) == count_flags(demo_workspace_folder)


def count_flags(folder: Path) -> Counter[tuple[str, str]]:
    with Workspace(folder) as workspace:
        return Counter((flag.model, flag.option) for flag in workspace.queue(view="all", limit=500))


def test_flags_that_were_made_before_an_interruption_are_not_made_twice(
    demo_workspace_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(demo_workspace_folder, tmp_path / "demo")
    (folder / "flagged/.demo").write_text("")
    prepare_demo(folder, ignore)
    assert count_flags(folder) == count_flags(demo_workspace_folder)


def test_a_workspace_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "reviewer.toml").write_text("[models.mine]\n")
    with pytest.raises(ConfigError, match=r"is another workspace: .* `reviewer serve`"):
        prepare_demo(tmp_path, ignore)
    assert list_tree(tmp_path) == {"reviewer.toml": b"[models.mine]\n"}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"could not be written to .*file"):
        prepare_demo(tmp_path / "file", ignore)


def test_an_installation_without_the_demo_files_says_so(tmp_path: Path) -> None:
    package = tmp_path / "site-packages"
    shutil.copytree(Path(__file__).parents[1] / "reviewer", package / "reviewer")
    program = (
        "from pathlib import Path; from reviewer.demo import prepare_demo; prepare_demo(Path('demo'), print)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
    )
    assert "ConfigError: This installation has no demo files" in ran.stderr
    assert not (tmp_path / "demo").exists()


def test_every_dataset_made_here_belongs_to_a_model() -> None:
    assert set(DATASETS) == set(ESTIMATORS) - {"tickets"}
