"""The statements of an export, on an index without a flag and on one with some."""

from __future__ import annotations

from pathlib import Path

import pytest
from exports import export_flags, plan_flags
from test_bundle import SPEC, make_one_of_each, make_reviewed

from reviewer.bundle import changes as changes_module
from reviewer.bundle import selecting
from reviewer.index import sql

FILES = sorted(path.stem for path in Path(sql.__file__).parent.glob("export_*.sql"))


def note_names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the set into which goes the name of every statement that is read."""
    used: set[str] = set()

    def load(name: str) -> str:
        used.add(name)
        return sql.load_sql(name)

    monkeypatch.setattr(selecting, "load_sql", load)
    monkeypatch.setattr(changes_module, "load_sql", load)
    return used


@pytest.mark.parametrize("mode", ["full", "delta", "guard", "rejects"])
def test_every_statement_of_a_selection_runs_on_an_empty_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    used = note_names(monkeypatch)
    assert plan_flags(tmp_path, SPEC, mode=mode).counts["considered"] == 0
    assert used == {name for name in FILES if name not in ("export_before", "export_changes")}


def test_every_statement_runs_on_a_filled_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_flags(tmp_path, SPEC, [make_reviewed("first"), make_reviewed("second")])
    used = note_names(monkeypatch)
    export_flags(tmp_path, SPEC, list(make_one_of_each().values()), policy="majority")
    assert sorted(used) == FILES


def test_every_statement_says_what_a_row_is() -> None:
    for name in FILES:
        assert sql.load_sql(name).startswith("-- "), name
