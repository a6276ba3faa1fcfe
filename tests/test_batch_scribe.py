"""A long batch is written by a process of its own, and nobody can tell by what it leaves."""

from __future__ import annotations

import csv
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_batch_run import KILL, LOGIN, SCORED, list_many, read_everything, stop_at, write_rows

from reviewer.batch.run import run_batch
from reviewer.batch.scribe import Scribe, start_scribe
from reviewer.batch.start import start_batch
from reviewer.batch.state import Batch, Status, find_batch
from reviewer.errors import LogError, StoppedError
from reviewer.workspace import Workspace

LONG = 6000


@pytest.fixture
def long_batches(tiny_folder: Path) -> tuple[Path, Path]:
    """Two folders with the same long batch, begun and not yet run."""
    with Workspace(tiny_folder) as workspace:
        path = write_rows(tiny_folder / "given.csv", list_many(LONG))
        start_batch(workspace, "tickets", path, SCORED, username="ana")
    return tiny_folder, shutil.copytree(tiny_folder, tiny_folder.with_name("other"))


@pytest.fixture(autouse=True)
def _waiting_for_the_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record nothing here, however long the other process takes to be there."""
    has_started = Scribe.has_started

    def wait(scribe: Scribe) -> bool:
        assert scribe._child.stdout
        select.select([scribe._child.stdout], [], [])
        return has_started(scribe)

    monkeypatch.setattr(Scribe, "has_started", wait)


def read_logs(folder: Path) -> list[dict[str, str]]:
    """Return the rows of both logs without what depends on the clock."""
    rows = []
    for name in ("predictions", "flags"):
        with (folder / f"flagged/{name}-0001.csv").open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    clock = ("predicted_at", "flagged_at", "latency_ms")
    return [{name: cell for name, cell in row.items() if name not in clock} for row in rows]


def run_to_end(folder: Path) -> None:
    with Workspace(folder) as workspace:
        run_batch(workspace, "1")


def test_a_batch_is_the_same_whoever_writes_it(long_batches: tuple[Path, Path]) -> None:
    """What only a share is logged of is written by the process that chooses, and this share is all."""
    aside, here = long_batches
    config = here / "reviewer.toml"
    text = config.read_text(encoding="utf-8")
    share = "[models.tickets]\nledger = 0.9999999999\n"
    config.write_text(text.replace("[models.tickets]\n", share), encoding="utf-8")
    run_to_end(aside)
    run_to_end(here)
    found = read_everything(aside)
    assert found == read_everything(here)
    assert read_logs(aside) == read_logs(here)
    assert found["rows"]["predictions"] == LONG - 2
    assert found["counts"].flagged == len(found["flags"]) == LONG // 10


def test_a_long_batch_that_was_stopped_goes_on_to_the_very_same_results(
    long_batches: tuple[Path, Path],
) -> None:
    whole, stopped = long_batches
    run_to_end(whole)
    with Workspace(stopped) as workspace, pytest.raises(StoppedError):
        run_batch(workspace, "1", stop_at(1))
    assert 1 <= find_batch(stopped, "1").counts.done < LONG
    run_to_end(stopped)
    assert read_everything(stopped) == read_everything(whole)


@pytest.mark.parametrize(("moment", "saves"), [("before", 2), ("after", 4)])
def test_a_killed_long_batch_goes_on_to_the_very_same_results(
    long_batches: tuple[Path, Path], moment: str, saves: int
) -> None:
    whole, killed = long_batches
    run_to_end(whole)
    command = [sys.executable, "-c", KILL, str(killed), moment, str(saves)]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    assert find_batch(killed, "1").status is Status.STOPPED
    run_to_end(killed)
    assert read_everything(killed) == read_everything(whole)


@pytest.mark.parametrize("name", ["predictions", "flags"])
def test_a_log_that_cannot_be_written_fails_the_batch_which_goes_on_later(
    tiny_folder: Path, name: str
) -> None:
    obstacle = tiny_folder / "flagged" / f"{name}-0001.csv"

    def hinder(share: float, doing: str) -> None:
        obstacle.mkdir(parents=True, exist_ok=True)

    with Workspace(tiny_folder) as workspace:
        path = write_rows(tiny_folder / "given.csv", list_many(LONG))
        start_batch(workspace, "tickets", path, SCORED)
        with pytest.raises(LogError, match=rf"{name} log .* could not be written"):
            run_batch(workspace, "1", hinder)
        assert find_batch(tiny_folder, "1").status is Status.FAILED
        obstacle.rmdir()
        assert run_batch(workspace, "1").counts.done == LONG
        assert len(workspace.queue(limit=LONG)) == LONG // 10


@pytest.fixture
def batch(tiny_workspace: Workspace) -> Batch:
    path = write_rows(tiny_workspace.folder / "given.csv", [(LOGIN, "login")])
    return start_batch(tiny_workspace, "tickets", path, SCORED)


def test_a_process_that_ends_by_itself_is_told(
    batch: Batch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with start_scribe(tmp_path, batch) as scribe:
        assert scribe.take() == b""
        scribe.give("no piece", {})
        with pytest.raises(LogError, match="ended with code 1; run the batch again"):
            scribe.take()
        with pytest.raises(LogError, match="ended with code 1"):
            scribe.give("x" * 10_000_000, {})
    assert "Traceback" in capfd.readouterr().err


def test_a_process_that_is_not_needed_any_more_ends_without_a_word(
    batch: Batch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with start_scribe(tmp_path, batch):
        pass
    assert capfd.readouterr().err == ""
