from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from readme_tables import CONFIG, PAGES, README, fill_tables

from reviewer.config import WorkspaceSpec

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")
DOCS = {page.name: page.read_text(encoding="utf-8") for page in (README, *sorted(CONFIG.parent.glob("*.md")))}


def find_blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def find_commands(program: str) -> list[str]:
    lines = [line for block in find_blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(program + " ")]


def run(command: list[str] | str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "REVIEWER_WORKSPACE": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        command, shell=isinstance(command, str), cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def folder(demo_workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(demo_workspace_folder, tmp_path_factory.mktemp("readme") / "demo")


@pytest.mark.parametrize("command", find_commands("reviewer"))
def test_every_reviewer_command_of_the_readme_works(command: str, folder: Path) -> None:
    done = run(command, folder)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert done.stdout + done.stderr


@pytest.mark.parametrize("command", find_commands("make"))
def test_every_make_command_of_the_readme_is_a_target(command: str) -> None:
    make = shutil.which("make") or "make"
    done = subprocess.run([make, "-n", *command.split()[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_python_example_of_the_readme_runs(folder: Path) -> None:
    done = run([sys.executable, "-c", find_blocks("python")[0]], folder)
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout
    assert "resolved" in done.stdout


ANY_MODEL = {"m": {"task": "generic", "path": "m:say", "kind": "python", "inputs": {"text": "textbox"}}}
"""What stands beside a part of a config that the docs show by itself."""


@pytest.mark.parametrize("block", [each for text in DOCS.values() for each in find_blocks("toml", text)])
def test_every_config_of_the_docs_is_valid(block: str) -> None:
    values = tomllib.loads(block)
    models = {name: {**table, "name": name} for name, table in values.get("models", ANY_MODEL).items()}
    assert WorkspaceSpec.model_validate({**values, "models": models}).models


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_the_docs_are_those_of_the_program(page: Path) -> None:
    assert fill_tables(page) == page.read_text(encoding="utf-8"), "run: python tests/readme_tables.py"


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", TEXT))
def test_every_file_that_the_readme_links_is_there(link: str) -> None:
    assert (ROOT / link).is_file()
