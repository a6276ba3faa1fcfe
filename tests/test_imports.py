"""What is loaded when: a name costs nothing before it is used. `make lint` checks the directions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "gradio",
    "plotly",
    "scipy",
    "sklearn",
    "skops",
    "duckdb",
    "pandas",
    "pyarrow",
    "fastapi",
    "pydantic",
    "PIL",
    "numpy",
}

LIST_LOADED = "import json, sys; print(json.dumps(sorted({each.split('.')[0] for each in sys.modules})))"


def list_heavy(statement: str) -> set[str]:
    """Return which heavy packages a fresh interpreter has loaded after the statement."""
    run = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{LIST_LOADED}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return HEAVY & set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "module", ["reviewer", "reviewer.errors", "reviewer.records", "reviewer.access", "reviewer.log.media"]
)
def test_what_everything_imports_loads_nothing_heavy(module: str) -> None:
    assert list_heavy(f"import {module}") == set()


def test_a_config_is_read_without_anything_that_reads_data() -> None:
    assert list_heavy("import reviewer.config") == {"pydantic"}


@pytest.mark.parametrize(
    "module", ["reviewer.models.components", "reviewer.models.kinds", "reviewer.models.versions"]
)
def test_models_load_what_they_need_only_when_one_is_used(module: str) -> None:
    assert list_heavy(f"import {module}") <= {"pydantic"}


def test_a_workspace_that_only_flags_and_reviews_loads_neither_gradio_nor_models(tiny_folder: Path) -> None:
    statement = f"from reviewer import Workspace\nWorkspace.open({str(tiny_folder)!r}).queue()"
    assert not list_heavy(statement) & {"gradio", "plotly", "sklearn", "skops", "fastapi", "PIL"}


def test_the_api_loads_neither_gradio_nor_models() -> None:
    assert not list_heavy("import reviewer.api") & {"gradio", "plotly", "sklearn", "skops", "pandas"}
