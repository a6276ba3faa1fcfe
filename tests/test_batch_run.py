from __future__ import annotations

import csv
import gc
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from test_batch_sources import write, write_zip

from reviewer.batch.background import Background
from reviewer.batch.describe import SUMMARY_COLUMNS, read_metrics, summarize
from reviewer.batch.mapping import ColumnMap
from reviewer.batch.run import run_batch
from reviewer.batch.start import preview_file, start_batch
from reviewer.batch.state import (
    Batch,
    Status,
    find_batch,
    list_batches,
    list_rejected,
    lock_batch,
    stream_file,
)
from reviewer.errors import BusyError, InputError, LogError, ModelError, StoppedError, UnknownNameError
from reviewer.workspace import Workspace

REFUND, LOGIN = "money back now", "cannot sign in"
TEXT = ColumnMap({"text": "text"}, None)
SCORED = ColumnMap({"text": "text"}, "label")

Rows = Sequence[tuple[str, ...]]

FRAGILE = """
from pathlib import Path

class Model:
    def predict(self, text):
        if "boom" in text or Path(__file__).with_name("broken").exists():
            raise ValueError("cannot read " + text)
        return {"yes": 0.9, "no": 0.1} if "y" in text else {"yes": 0.2, "no": 0.8}
"""
FRAGILE_CONFIG = """
[models.fragile]
task = "text-classification"
kind = "python"
path = "fragile_model:Model"
trusted = true
labels = ["yes", "no"]
inputs.text = "textbox"
rules = [{ rule = "low_confidence", below = 0.85 }]
"""


def write_rows(path: Path, rows: Rows, header: tuple[str, ...] = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def read_results(batch: Batch) -> list[dict[str, str]]:
    text = b"".join(stream_file(batch, "results.csv")).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def run_rows(workspace: Workspace, rows: Rows, mapping: ColumnMap = SCORED, **given: Any) -> Batch:
    path = write_rows(workspace.folder / "given.csv", rows)
    made = start_batch(workspace, "tickets", path, mapping, username="ana", **given)
    return run_batch(workspace, made.batch_id)


@pytest.fixture
def fragile(tiny_folder: Path) -> Workspace:
    """The tiny workspace with a Python model that fails on texts with "boom", or on all on demand."""
    (tiny_folder / "fragile_model.py").write_text(FRAGILE, encoding="utf-8")
    with (tiny_folder / "reviewer.toml").open("a", encoding="utf-8") as file:
        file.write(FRAGILE_CONFIG)
    return Workspace(tiny_folder)


# Results


def test_a_batch_with_truth_is_scored_and_its_mistakes_flagged(tiny_workspace: Workspace) -> None:
    rows = [
        (REFUND, "refund"),
        (LOGIN, "login"),
        (LOGIN, "refund"),
        ("", "login"),
        (REFUND, ""),
        (LOGIN, "other"),
    ]
    batch = run_rows(tiny_workspace, rows)
    assert (batch.status, batch.rows, batch.counts.done) == (Status.DONE, 6, 6)
    assert (batch.counts.answered, batch.counts.rejected, batch.counts.scored) == (4, 2, 3)
    results = read_results(batch)
    assert [row["row"] for row in results] == ["1", "2", "3", "5"]
    assert [row["text"] for row in results] == [REFUND, LOGIN, LOGIN, REFUND]
    assert [row["predicted_label"] for row in results] == ["refund", "login", "login", "refund"]
    assert [row["is_correct"] for row in results] == ["true", "true", "false", ""]
    assert [number for number, _ in list_rejected(batch, 10)] == [4, 6]
    assert "no label of tickets" in list_rejected(batch, 10)[1][1]
    (flag,) = tiny_workspace.queue(source="batch")
    assert [row["flag_id"] for row in results] == ["", "", flag.flag_id, ""]
    assert (flag.option, flag.suggested_label, flag.predicted_label) == ("wrong_label", "refund", "login")
    assert (flag.flagger, flag.comment, flag.tags) == ("ana", "Batch 1, row 3", ("batch:1",))
    assert flag.prediction_id == results[2]["prediction_id"]


def test_metrics_count_each_scored_row_once(tiny_workspace: Workspace) -> None:
    rows = (
        [(REFUND, "refund")] * 3 + [(LOGIN, "refund")] + [(LOGIN, "login")] * 4 + [("", "login"), (LOGIN, "")]
    )
    metrics = read_metrics(run_rows(tiny_workspace, rows))
    assert metrics["counted"] == 8
    assert metrics["left_out"] == {"rejected": 1, "failed": 0, "without_truth": 1}
    assert metrics["metrics"]["accuracy"] == pytest.approx(7 / 8)
    assert metrics["metrics"]["balanced_accuracy"] == pytest.approx((1 + 3 / 4) / 2)
    assert metrics["metrics"]["macro_f1"] == pytest.approx((8 / 9 + 6 / 7) / 2)
    assert metrics["confusion"] == [
        {"truth": "login", "predicted": "login", "rows": 4},
        {"truth": "refund", "predicted": "login", "rows": 1},
        {"truth": "refund", "predicted": "refund", "rows": 3},
    ]
    assert metrics["classes"][0] == {
        "label": "login", "precision": 0.8, "recall": 1.0, "f1": pytest.approx(8 / 9), "rows": 4,
    }  # fmt: skip


def test_without_a_single_right_answer_there_are_no_metrics(tiny_workspace: Workspace) -> None:
    batch = run_rows(tiny_workspace, [(REFUND, "")])
    assert read_metrics(batch) == {"counted": 0, "left_out": {"rejected": 0, "failed": 0, "without_truth": 1}}


def test_predictions_are_logged_under_the_ids_of_the_results(tiny_workspace: Workspace) -> None:
    batch = run_rows(tiny_workspace, [(REFUND, "refund"), (LOGIN, "login")])
    found = tiny_workspace.query(
        "select prediction_id::text as id, source, username, session_id from predictions"
    )
    assert set(found["id"]) == {row["prediction_id"] for row in read_results(batch)}
    assert set(found["source"]) == {"batch"}
    assert set(found["username"]) == {"ana"}
    assert set(found["session_id"]) == {"batch-1"}


def test_texts_of_any_kind_come_back_exactly(tiny_workspace: Workspace) -> None:
    texts = [
        "=cmd()",
        "'quoted",
        ' "a", b\nc\r\nd ',
        "ñ 🙂 \u202e שלום",
        "007",
        "1e5",
        "x" * 50_000,
        "NaN",
        "None",
    ]
    batch = run_rows(tiny_workspace, [(text, "") for text in texts])
    assert [row["text"] for row in read_results(batch)] == texts


def test_pictures_of_an_archive_are_scored_by_their_folder(tiny_workspace: Workspace) -> None:
    def draw(shade: int) -> bytes:
        buffer = io.BytesIO()
        Image.new("L", (4, 4), shade).save(buffer, "PNG")
        return buffer.getvalue()

    files = {
        "black/1.png": draw(0),
        "white/2.png": draw(255),
        "white/3.png": draw(1),
        "black/4.png": b"no picture",
    }
    path = write_zip(tiny_workspace.folder / "a.zip", files)
    mapping = preview_file(tiny_workspace.find_model("shades"), path).mapping
    made = start_batch(tiny_workspace, "shades", path, mapping)
    batch = run_batch(tiny_workspace, made.batch_id)
    results = read_results(batch)
    assert [(row["input_image"] if "input_image" in row else row["image"]) for row in results] == list(files)[
        :3
    ]
    assert [row["is_correct"] for row in results] == ["true", "true", "false"]
    assert [number for number, _ in list_rejected(batch, 9)] == [4]
    (flag,) = tiny_workspace.queue(model="shades")
    assert tiny_workspace.media.read(flag.inputs["image"]["media"]) == files["white/3.png"]


def test_a_regression_is_wrong_beyond_its_tolerance(demo_workspace: Workspace) -> None:
    path = demo_workspace.folder / "data/diabetes.csv"
    mapping = preview_file(demo_workspace.find_model("diabetes"), path).mapping
    assert mapping.truth == "progression"
    before = len(demo_workspace.queue(model="diabetes", limit=1000))
    made = start_batch(demo_workspace, "diabetes", path, mapping)
    batch = run_batch(demo_workspace, made.batch_id)
    metrics = read_metrics(batch)
    assert set(metrics["metrics"]) == {"mae", "rmse", "r2"}
    assert metrics["counted"] == batch.counts.answered == len(metrics["points"])
    wrong = [
        row for row in read_results(batch) if abs(float(row["predicted_value"]) - float(row["truth"])) > 50
    ]
    assert len(wrong) == batch.counts.wrong == batch.counts.flagged
    assert all(row["is_correct"] == "false" and row["flag_id"] for row in wrong)
    assert len(demo_workspace.queue(model="diabetes", limit=1000)) == before + batch.counts.made


# Flags


def test_the_same_mistake_is_flagged_once_however_often_it_is_run(tiny_workspace: Workspace) -> None:
    rows = [(LOGIN, "refund"), (LOGIN, "refund"), (REFUND, "login")]
    first, second = run_rows(tiny_workspace, rows), run_rows(tiny_workspace, rows)
    assert (first.counts.flagged, first.counts.made) == (3, 2)
    assert (second.counts.flagged, second.counts.made) == (3, 0)
    assert [row["flag_id"] for row in read_results(first)] == [row["flag_id"] for row in read_results(second)]
    assert len(tiny_workspace.queue()) == 2


def test_a_flag_taken_back_while_a_batch_stood_still_is_not_made_anew(tiny_folder: Path) -> None:
    """The batch is killed after its piece was flagged, so its rows are done again."""
    path = write_rows(tiny_folder / "given.csv", [(LOGIN, "refund"), (REFUND, "login")])
    with Workspace(tiny_folder) as workspace:
        start_batch(workspace, "tickets", path, SCORED, username="ana")
    command = [sys.executable, "-c", KILL, str(tiny_folder), "before", "2"]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    with Workspace(tiny_folder) as workspace:
        taken, kept = workspace.queue()
        workspace.undo(taken.flag_id)
        run_batch(workspace, "1")
        assert [each.flag_id for each in workspace.queue()] == [kept.flag_id]
    log = (tiny_folder / "flagged" / "flags-0001.csv").read_text(encoding="utf-8")
    assert log.count(f"\n{taken.flag_id},") == 1


def test_objects_are_collected_as_before_once_a_batch_has_ended(tiny_workspace: Workspace) -> None:
    usual = gc.get_threshold()
    run_rows(tiny_workspace, [(LOGIN, "login")])
    assert gc.get_threshold() == usual


def test_nothing_is_flagged_when_nobody_wants_it(tiny_workspace: Workspace) -> None:
    batch = run_rows(tiny_workspace, [(LOGIN, "refund")], has_flags=False)
    assert (batch.counts.wrong, batch.counts.flagged) == (1, 0)
    assert tiny_workspace.queue() == []


def test_a_batch_makes_no_more_flags_than_it_may(tiny_workspace: Workspace) -> None:
    rows = [(f"{LOGIN} {number}", "refund") for number in range(5)]
    batch = run_rows(tiny_workspace, rows, max_flags=2)
    assert (batch.counts.wrong, batch.counts.made) == (5, 2)
    assert len(tiny_workspace.queue()) == 2


def test_without_truth_the_models_rules_flag(fragile: Workspace) -> None:
    path = write_rows(fragile.folder / "a.csv", [("sunny day", ""), ("no", "")])
    made = start_batch(fragile, "fragile", path, TEXT)
    batch = run_batch(fragile, made.batch_id)
    (flag,) = fragile.queue()
    assert (flag.option, flag.source, flag.flagger) == ("low_confidence", "auto", "rule:low_confidence")
    assert [row["flag_id"] for row in read_results(batch)] == ["", flag.flag_id]
    assert batch.counts.flagged == 1


def test_with_truth_the_rules_are_silent(fragile: Workspace) -> None:
    path = write_rows(fragile.folder / "a.csv", [("no", "no")])
    run_batch(fragile, start_batch(fragile, "fragile", path, SCORED).batch_id)
    assert fragile.queue() == []


# Failures


def test_rows_on_which_the_model_fails_do_not_stop_the_rest(fragile: Workspace) -> None:
    rows = [("yes", "yes"), ("boom", "yes"), ("no", "yes"), ("boom boom", "no"), ("yay", "yes")]
    made = start_batch(fragile, "fragile", write_rows(fragile.folder / "a.csv", rows), SCORED)
    batch = run_batch(fragile, made.batch_id)
    assert (batch.counts.answered, batch.counts.failed, batch.counts.wrong) == (3, 2, 1)
    errors = [row["error"] for row in read_results(batch)]
    assert [bool(error) for error in errors] == [False, True, False, True, False]
    assert list_rejected(batch, 9) == [(2, errors[1]), (4, errors[3])]
    assert "Traceback" not in errors[1]
    assert "cannot read boom" in errors[1]


def test_a_broken_model_ends_the_batch_which_goes_on_once_it_is_mended(fragile: Workspace) -> None:
    rows = [(f"yes {number}", "yes") for number in range(400)]
    made = start_batch(fragile, "fragile", write_rows(fragile.folder / "a.csv", rows), SCORED)
    broken = write(fragile.folder / "broken", b"")
    with pytest.raises(ModelError, match="one after the other"):
        run_batch(fragile, made.batch_id)
    failed = find_batch(fragile.folder, made.batch_id)
    assert failed.status is Status.FAILED
    assert "fragile failed on" in failed.error
    assert 100 <= failed.counts.failed < 400
    broken.unlink()
    batch = run_batch(fragile, made.batch_id)
    assert (batch.status, batch.error) == (Status.DONE, "")
    assert batch.counts.answered == 400 - failed.counts.failed


def test_a_changed_file_is_not_gone_on_with(tiny_workspace: Workspace) -> None:
    path = write_rows(tiny_workspace.folder / "given.csv", [(LOGIN, "login")])
    made = start_batch(tiny_workspace, "tickets", path, SCORED)
    with (made.folder / made.source).open("a") as file:
        file.write("one more,login\n")
    with pytest.raises(InputError, match="is not the file the batch began with"):
        run_batch(tiny_workspace, made.batch_id)


def test_shortened_results_are_not_gone_on_with(tiny_workspace: Workspace) -> None:
    path = write_rows(tiny_workspace.folder / "given.csv", [(LOGIN, "login")])
    made = start_batch(tiny_workspace, "tickets", path, SCORED)
    (made.folder / "results.csv").write_bytes(b"row")
    with pytest.raises(LogError, match="is shorter than"):
        run_batch(tiny_workspace, made.batch_id)


@pytest.mark.parametrize("data", [b"text,label\n", b"text,label\n\n\n"])
def test_a_file_without_rows_makes_no_batch(tiny_workspace: Workspace, data: bytes) -> None:
    path = write(tiny_workspace.folder / "a.csv", data)
    with pytest.raises(InputError, match="has no rows"):
        start_batch(tiny_workspace, "tickets", path, SCORED)
    assert list_batches(tiny_workspace.folder) == []


def test_a_damaged_file_leaves_no_folder_behind(tiny_workspace: Workspace) -> None:
    path = write(tiny_workspace.folder / "a.csv", b"text\n" + b"fine\n" * 5000 + b"\xff\n")
    with pytest.raises(InputError, match="no text in UTF-8"):
        start_batch(tiny_workspace, "tickets", path, TEXT)
    assert not (tiny_workspace.folder / "batches").exists()


def test_an_unknown_batch_is_answered_with_the_known_ones(tiny_workspace: Workspace) -> None:
    run_rows(tiny_workspace, [(LOGIN, "login")])
    for name in ("2", "../1", ""):
        with pytest.raises(UnknownNameError, match="Known: 1"):
            find_batch(tiny_workspace.folder, name)


def test_a_batch_with_a_damaged_state_is_left_out_of_the_list(tiny_workspace: Workspace) -> None:
    run_rows(tiny_workspace, [(LOGIN, "login")])
    damaged = run_rows(tiny_workspace, [(LOGIN, "login")])
    (damaged.folder / "batch.json").write_text("{", encoding="utf-8")
    assert [each.batch_id for each in list_batches(tiny_workspace.folder)] == ["1"]
    with pytest.raises(LogError, match="missing or damaged"):
        find_batch(tiny_workspace.folder, "2")


# Stopping and going on


def stop_at(rows: int) -> Callable[[float, str], None]:
    def advance(share: float, doing: str) -> None:
        if int(doing.split()[0].replace(",", "")) >= rows:
            raise StoppedError("enough")

    return advance


def list_many(count: int = 2000) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for number in range(count):
        text, label = ((REFUND, "refund"), (LOGIN, "login"))[number % 2]
        rows.append((f"{text} {number}", "refund" if number % 10 == 1 else label))
    rows[7], rows[-3] = ("", "login"), ("what", "nonsense")
    return rows


def start_twice(folder: Path) -> tuple[Path, Path]:
    """Return two folders with the same batch, begun and not yet run."""
    with Workspace(folder) as workspace:
        path = write_rows(folder / "given.csv", list_many())
        start_batch(workspace, "tickets", path, SCORED, username="ana")
    return folder, shutil.copytree(folder, folder.with_name("other"))


def read_everything(folder: Path) -> dict[str, Any]:
    with Workspace(folder) as workspace:
        flags = {each.flag_id: each.comment for each in workspace.queue(limit=5000)}
        counts = workspace.count_rows()
        batch = find_batch(folder, "1")
    names = ("results.csv", "rejected.csv", "metrics.json")
    files = {name: (batch.folder / name).read_bytes() for name in names}
    return {**files, "flags": flags, "rows": counts, "counts": batch.counts, "status": batch.status}


def test_a_stopped_batch_goes_on_to_the_very_same_results(tiny_folder: Path) -> None:
    whole, stopped = start_twice(tiny_folder)
    with Workspace(whole) as workspace:
        run_batch(workspace, "1")
    with Workspace(stopped) as workspace:
        for rows in (1, 60, 120):  # a piece is at most four times as long as the one before
            with pytest.raises(StoppedError):
                run_batch(workspace, "1", stop_at(rows))
            batch = find_batch(stopped, "1")
            assert batch.status is Status.STOPPED
            assert rows <= batch.counts.done < 2000
        run_batch(workspace, "1")
    assert read_everything(stopped) == read_everything(whole)


KILL = """
import os, signal, sys
from pathlib import Path
from reviewer.batch import run, state
from reviewer.workspace import Workspace

before = sys.argv[2] == "before"
left = int(sys.argv[3])
save = run.save_batch

def save_or_die(batch):
    global left
    left -= 1
    if left == 0 and before:
        os.kill(os.getpid(), signal.SIGKILL)
    save(batch)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

run.save_batch = save_or_die
with Workspace(Path(sys.argv[1])) as workspace:
    run.run_batch(workspace, "1")
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_batch_goes_on_to_the_very_same_results(tiny_folder: Path, moment: str) -> None:
    """It is killed with a piece predicted, flagged and written, before or after its state says so."""
    whole, killed = start_twice(tiny_folder)
    with Workspace(whole) as workspace:
        run_batch(workspace, "1")
    for saves in (2, 3):
        command = [sys.executable, "-c", KILL, str(killed), moment, str(saves)]
        assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
        assert find_batch(killed, "1").status is Status.STOPPED
    with Workspace(killed) as workspace:
        run_batch(workspace, "1")
    assert read_everything(killed) == read_everything(whole)


def test_ctrl_c_stops_a_batch_like_a_button(tiny_workspace: Workspace) -> None:
    def interrupt(share: float, doing: str) -> None:
        raise KeyboardInterrupt

    path = write_rows(tiny_workspace.folder / "given.csv", [(LOGIN, "login")])
    made = start_batch(tiny_workspace, "tickets", path, SCORED)
    with pytest.raises(KeyboardInterrupt):
        run_batch(tiny_workspace, made.batch_id, interrupt)
    assert find_batch(tiny_workspace.folder, made.batch_id).status is Status.STOPPED


def test_a_batch_runs_in_one_place_at_a_time(tiny_workspace: Workspace) -> None:
    path = write_rows(tiny_workspace.folder / "given.csv", [(LOGIN, "login")])
    made = start_batch(tiny_workspace, "tickets", path, SCORED)
    with lock_batch(made), pytest.raises(BusyError, match="Batch 1 is running already"):
        run_batch(tiny_workspace, made.batch_id)
    assert run_batch(tiny_workspace, made.batch_id).status is Status.DONE


def test_a_done_batch_is_not_run_again(tiny_workspace: Workspace) -> None:
    batch = run_rows(tiny_workspace, [(LOGIN, "login")])
    assert run_batch(tiny_workspace, batch.batch_id, stop_at(0)) == batch


def test_a_version_served_later_does_not_change_a_batch_that_began(tiny_workspace: Workspace) -> None:
    path = write_rows(tiny_workspace.folder / "given.csv", [(LOGIN, "login")])
    made = start_batch(tiny_workspace, "tickets", path, SCORED)
    versions = tiny_workspace.versions_of("tickets")
    artifact = versions.find("1").path
    versions.add(lambda folder: Path(shutil.copy(artifact, folder / artifact.name)), {})
    versions.serve("2")
    run_batch(tiny_workspace, made.batch_id)
    assert set(tiny_workspace.query("select model_version from predictions")["model_version"]) == {"1"}


def test_progress_ends_at_one_and_never_falls(tiny_workspace: Workspace) -> None:
    shares: list[float] = []
    path = write_rows(tiny_workspace.folder / "given.csv", list_many(300))
    made = start_batch(tiny_workspace, "tickets", path, SCORED)
    run_batch(tiny_workspace, made.batch_id, lambda share, doing: shares.append(share))
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


# In the background


def wait_for_end(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(60)


def test_a_batch_in_the_background_runs_to_its_end(tiny_workspace: Workspace) -> None:
    path = write_rows(tiny_workspace.folder / "given.csv", list_many(300))
    made = start_batch(tiny_workspace, "tickets", path, SCORED)
    background = Background(tiny_workspace)
    background.start(made.batch_id)
    background.start(made.batch_id)
    wait_for_end("batch-1")
    assert find_batch(tiny_workspace.folder, made.batch_id).status is Status.DONE
    assert not background.is_running(made.batch_id)


def test_a_batch_in_the_background_can_be_stopped_and_started_again(tiny_workspace: Workspace) -> None:
    path = write_rows(tiny_workspace.folder / "given.csv", list_many())
    made = start_batch(tiny_workspace, "tickets", path, SCORED)
    background = Background(tiny_workspace)
    background.start(made.batch_id)
    background.stop(made.batch_id)
    wait_for_end("batch-1")
    assert find_batch(tiny_workspace.folder, made.batch_id).status is Status.STOPPED
    background.start(made.batch_id)
    wait_for_end("batch-1")
    assert find_batch(tiny_workspace.folder, made.batch_id).counts.done == 2000


# Summaries


def test_a_summary_has_the_columns_that_are_promised(tiny_workspace: Workspace) -> None:
    summary = summarize(run_rows(tiny_workspace, [(LOGIN, "login")]))
    assert tuple(summary) == SUMMARY_COLUMNS
    assert (summary["status"], summary["done"], summary["metrics"]["accuracy"]) == ("done", 1, 1.0)


def test_what_lies_behind_the_counted_bytes_is_not_shown(tiny_workspace: Workspace) -> None:
    batch = run_rows(tiny_workspace, [(LOGIN, "login")])
    size = os.path.getsize(batch.folder / "results.csv")  # noqa: PTH202
    with (batch.folder / "results.csv").open("ab") as file:
        file.write(b"half a ro")
    assert len(b"".join(stream_file(batch, "results.csv"))) == size
    assert json.loads((batch.folder / "batch.json").read_text())["results_bytes"] == size
