"""Letting go what is old: by the ages of the config, never more; a crash on the way loses nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import append, make_flag, make_prediction, make_review, open_small_logs

from reviewer.audit import AuditSlice
from reviewer.cli import main
from reviewer.errors import ConfigError, InputError
from reviewer.log.columns import format_time
from reviewer.records import AuditEntry, Delivery, Event, Flag, Review, new_id, utc_now
from reviewer.workspace import Workspace

ALL = """
prediction_days = 90
closed_flag_days = 90
answered_flag_days = 90
open_flag_days = 90
review_name_days = 90
audit_days = 90
delivery_days = 90
"""


def days_ago(days: float) -> datetime:
    return utc_now() - timedelta(days=days)


def keep(folder: Path, lines: str) -> Path:
    config = folder / "reviewer.toml"
    config.write_text(f"{config.read_text('utf-8')}\n[retention]\n{lines}\n", encoding="utf-8")
    return folder


def write(folder: Path, *records: Any) -> None:
    append(open_small_logs(folder / "flagged"), *records)


def old_flag(days: float = 100, **given: Any) -> Flag:
    return make_flag(flagged_at=days_ago(days), flagger="ana", **given)


def decide(flag: Flag, value: str = "bad_input", days: float = 100, **given: Any) -> Review:
    fields = {"seq": 1, "reviewer": "bo", **given}
    return make_review(flag.flag_id, value=value, reviewed_at=days_ago(days), **fields)


def correct(flag: Flag, days: float = 100) -> Review:
    return decide(flag, "label_corrected", days, corrected_label="login")


@pytest.fixture
def opened(tiny_folder: Path) -> Iterator[Callable[..., Workspace]]:
    """Opens the workspace with these ages and records."""
    made: list[Workspace] = []

    def open_with(lines: str, *records: Any) -> Workspace:
        write(keep(tiny_folder, lines), *records)
        made.append(Workspace(tiny_folder, is_app=True))
        return made[0]

    yield open_with
    for each in made:
        each.close()


def list_flags(workspace: Workspace) -> set[str]:
    with workspace.reading() as cursor:
        return {flag_id for (flag_id,) in cursor.execute("select flag_id::varchar from flags").fetchall()}


# What goes


def test_old_predictions_go_and_young_ones_stay(opened: Callable[..., Workspace]) -> None:
    young = make_prediction(predicted_at=days_ago(89))
    workspace = opened("prediction_days = 90", make_prediction(predicted_at=days_ago(91)), young)
    assert workspace.retain().removed["predictions"] == 1
    assert workspace.find_prediction(young.prediction_id).prediction_id == young.prediction_id
    assert workspace.count_rows()["predictions"] == 1


FLAGS: dict[str, tuple[Callable[[Flag], list[Review]], str]] = {
    "open": (lambda flag: [], "open_flag_days"),
    "claimed": (lambda flag: [decide(flag, format_time(utc_now()), event=Event.CLAIM)], "open_flag_days"),
    "in need of a second opinion": (
        lambda flag: [
            decide(flag, "ambiguous", action_id=flag.flag_id),
            decide(flag, "requested", event=Event.ASK_SECOND, reverts=flag.flag_id, seq=0),
        ],
        "open_flag_days",
    ),
    "closed": (lambda flag: [decide(flag)], "closed_flag_days"),
    "taken back": (
        lambda flag: [decide(flag, "", event=Event.REVERT, reverts=flag.flag_id)],
        "closed_flag_days",
    ),
    "corrected": (lambda flag: [correct(flag)], "answered_flag_days"),
    "a guard": (lambda flag: [decide(flag, "prediction_correct")], "answered_flag_days"),
    "corrected and reopened": (
        lambda flag: [correct(flag), decide(flag, "open", event=Event.STATUS, seq=2)],
        "answered_flag_days",
    ),
    "gold": (
        lambda flag: [decide(flag), decide(flag, "", event=Event.GOLD, seq=0)],
        "answered_flag_days",
    ),
}
"""Kind of flag → its events, and the only age by which it goes."""

AGES = ("open_flag_days", "closed_flag_days", "answered_flag_days")


@pytest.mark.parametrize("kind", FLAGS)
@pytest.mark.parametrize("age", AGES)
def test_a_flag_goes_by_the_age_of_its_kind_alone(
    opened: Callable[..., Workspace], kind: str, age: str
) -> None:
    build, own = FLAGS[kind]
    flag, other = old_flag(), old_flag(50)
    events = build(flag)
    workspace = opened(f"{age} = 90", flag, other, *events)
    found = workspace.retain()
    is_gone = age == own
    assert (found.removed["flags"], found.removed["reviews"]) == (is_gone, is_gone * len(events))
    assert list_flags(workspace) == {other.flag_id} | (
        {flag.flag_id} - ({flag.flag_id} if is_gone else set())
    )
    workspace.chain.seal()
    assert workspace.verify_audit().problem is None


def test_a_flag_is_as_old_as_the_last_thing_that_people_did(opened: Callable[..., Workspace]) -> None:
    late, verified = old_flag(), old_flag()
    workspace = opened(
        "closed_flag_days = 90", late, verified, decide(late), decide(late, "hm", 3, event=Event.COMMENT),
        decide(verified), decide(verified, "fixed", 3, event=Event.VERIFY, reviewer="", seq=0),
    )  # fmt: skip
    workspace.retain()
    assert list_flags(workspace) == {late.flag_id}


def test_names_and_comments_go_from_old_reviews_of_settled_flags(opened: Callable[..., Workspace]) -> None:
    settled, waiting, gold = old_flag(), old_flag(), old_flag()
    said = [
        decide(each, f"words {n}", event=Event.COMMENT, seq=0) for n, each in enumerate((settled, waiting))
    ]
    workspace = opened(
        "review_name_days = 90", settled, waiting, gold, *said, correct(settled), correct(gold),
        decide(gold, "", event=Event.GOLD, seq=0),
        decide(waiting, "cy", event=Event.ASSIGN),
        decide(settled, "young", 3, event=Event.COMMENT, seq=0),
    )  # fmt: skip
    kept = str(workspace.chain.seal())
    assert workspace.retain().changed["reviews"] == 2
    state = workspace.find_flag(settled.flag_id).state
    assert (state.reviewer, state.corrected_label, state.status) == ("erased", "login", "resolved")
    assert [each.review.value for each in workspace.find_history(settled.flag_id)] == [
        None, "label_corrected", "young",
    ]  # fmt: skip
    assert workspace.find_history(waiting.flag_id)[0].review.value == "words 1"
    assert workspace.find_flag(gold.flag_id).state.reviewer == "bo"
    assert (workspace.verify_audit(kept).problem, workspace.verify_audit(kept).erased) == (None, 2)


def test_old_entries_of_audit_and_deliveries_go(opened: Callable[..., Workspace]) -> None:
    entries = [
        AuditEntry(entry_id=new_id(), noted_at=days_ago(days), person="ana", action="export", address="::1")
        for days in (100, 3)
    ]
    sent = [
        Delivery(
            attempt_id=new_id(), delivery_id=new_id(), sent_at=days_ago(days), webhook="chat",
            events="flag_made", count=1, attempt=1, status=200,
        )
        for days in (100, 3)
    ]  # fmt: skip
    workspace = opened("audit_days = 90\ndelivery_days = 90", *entries, *sent)
    workspace.retain()
    listed, _ = workspace.read_audit(AuditSlice())
    assert [each["action"] for each in listed] == ["retain", "export"]
    assert listed[0]["details"] == "1 of audit removed, 1 of deliveries removed"
    assert [each["attempt_id"] for each in workspace.list_deliveries()] == [sent[1].attempt_id]


def test_without_an_age_everything_stays(opened: Callable[..., Workspace]) -> None:
    flag = old_flag(5_000)
    workspace = opened("", flag, make_prediction(predicted_at=days_ago(5_000)))
    with pytest.raises(InputError, match=r"names no age in \[retention\], such as prediction_days = 90"):
        workspace.retain()
    assert list_flags(workspace) == {flag.flag_id}


def test_a_time_that_is_none_is_not_taken_for_an_old_one(opened: Callable[..., Workspace]) -> None:
    workspace = opened("prediction_days = 90")
    made = workspace.predict("tickets", {"text": "money back"})
    workspace.close()
    path = workspace.flagged / "predictions-0001.csv"
    path.write_text(path.read_text("utf-8").replace(format_time(made.predicted_at), "long ago"), "utf-8")
    with Workspace(workspace.folder) as again:
        assert again.retain().is_empty


# Files


def save_old(workspace: Workspace, data: bytes, days: float = 100) -> str:
    name = workspace.media.save(data, "bin")
    moment = days_ago(days).timestamp()
    os.utime(workspace.media.find(name), (moment, moment))
    return name


def hold(name: str) -> dict[str, Any]:
    return {"inputs": {"file": {"media": name}}}


def has_file(workspace: Workspace, name: str) -> bool:
    return (workspace.flagged / "media" / name[:2] / name).exists()


def test_a_file_goes_with_the_last_row_that_refers_to_it(opened: Callable[..., Workspace]) -> None:
    workspace = opened("prediction_days = 90")
    gone, flagged, young = (save_old(workspace, each) for each in (b"1", b"2", b"3"))
    write(
        workspace.folder, old_flag(**hold(flagged)),
        *(make_prediction(predicted_at=days_ago(100), **hold(each)) for each in (gone, flagged, young)),
        make_prediction(predicted_at=days_ago(10), **hold(young)),
    )  # fmt: skip
    assert workspace.retain(is_tried=True).media == [gone]
    assert workspace.retain().media == [gone]
    assert [has_file(workspace, each) for each in (gone, flagged, young)] == [False, True, True]


def test_a_file_that_somebody_gave_again_is_theirs(opened: Callable[..., Workspace]) -> None:
    workspace = opened("prediction_days = 90")
    name = save_old(workspace, b"1")
    write(workspace.folder, make_prediction(predicted_at=days_ago(100), **hold(name)))
    workspace.media.save(b"1", "bin")  # for a prediction that is not written yet
    workspace.retain()
    assert has_file(workspace, name)


# Safely


def test_trying_changes_nothing_and_says_what_would_go(opened: Callable[..., Workspace]) -> None:
    flag = old_flag()
    workspace = opened(ALL, flag, decide(flag), make_prediction(predicted_at=days_ago(100)))
    workspace.count_rows()
    before = {path: path.read_bytes() for path in workspace.flagged.glob("*.csv")}
    tried = workspace.retain(is_tried=True)
    assert {path: path.read_bytes() for path in workspace.flagged.glob("*.csv")} == before
    assert workspace.retain().removed == tried.removed
    assert workspace.retain().is_empty
    assert len(workspace.read_audit(AuditSlice(action="retain"))[0]) == 1


CRASH = """
import os, sys
from reviewer.log.csv_log import CsvLog
from reviewer.workspace import Workspace

left, rewrite = int(sys.argv[2]), CsvLog.rewrite

def rewrite_or_die(self, change):
    global left
    if left == 0:
        os._exit(9)
    left -= 1
    rewrite(self, change)

CsvLog.rewrite = rewrite_or_die
with Workspace.open(sys.argv[1]) as workspace:
    workspace.retain()
"""


@pytest.mark.parametrize("rewritten", range(5))
def test_a_crash_between_two_logs_loses_nothing_else_and_the_next_time_ends_it(
    tiny_folder: Path, rewritten: int
) -> None:
    closed, corrected, open_ = old_flag(), old_flag(), old_flag()
    keep(tiny_folder, "prediction_days = 90\nclosed_flag_days = 90\nreview_name_days = 90\naudit_days = 90")
    write(
        tiny_folder, closed, corrected, open_, decide(closed), correct(corrected),
        make_prediction(predicted_at=days_ago(100)),
        AuditEntry(entry_id=new_id(), noted_at=days_ago(100), person="ana", action="export"),
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", CRASH, str(tiny_folder), str(rewritten)], check=False)
    assert done.returncode == (9 if rewritten < 4 else 0)
    with Workspace(tiny_folder, is_app=True) as workspace:
        assert workspace.verify_audit().problem is None
        # A flag whose decision went first would be open again.
        assert [each.flag_id for each in workspace.queue(view="open")] == [open_.flag_id]
        assert workspace.find_flag(corrected.flag_id).state.corrected_label == "login"
        workspace.retain()
        assert list_flags(workspace) == {corrected.flag_id, open_.flag_id}
        with workspace.reading() as cursor:
            assert cursor.execute("select distinct flag_id::varchar from reviews").fetchall() == [
                (corrected.flag_id,)
            ]
        assert workspace.find_flag(corrected.flag_id).state.reviewer == "erased"
        assert workspace.count_rows()["predictions"] == 0
        assert workspace.verify_audit().problem is None
        assert workspace.retain().is_empty


def test_a_review_of_a_flag_that_cannot_be_read_is_not_taken_for_one_that_goes(
    opened: Callable[..., Workspace],
) -> None:
    flag = old_flag()
    workspace = opened("closed_flag_days = 90", flag, correct(flag))
    path = workspace.flagged / "flags-0001.csv"
    path.write_text(path.read_text("utf-8").replace(format_time(flag.flagged_at), "no time"), "utf-8")
    assert workspace.retain().is_empty
    assert flag.flag_id in (workspace.flagged / "reviews-0001.csv").read_text("utf-8")


def test_people_go_on_flagging_and_deciding_meanwhile(opened: Callable[..., Workspace]) -> None:
    olds = [old_flag() for _ in range(50)]
    workspace = opened(ALL, *olds, *(decide(each) for each in olds))
    stop = threading.Event()
    made: list[str] = []

    def work() -> None:
        while not stop.is_set():
            prediction = workspace.predict("tickets", {"text": f"number {len(made)}"})
            flag_id = workspace.flag(prediction.prediction_id, option="other").flag_id
            workspace.review(flag_id, resolution="bad_input", reviewer="bo")
            made.append(flag_id)

    worker = threading.Thread(target=work)
    worker.start()
    for _ in range(3):
        workspace.retain()
    stop.set()
    worker.join()
    assert list_flags(workspace) == set(made)
    assert {each.state.status for each in workspace.queue(view="all", limit=10_000)} <= {"resolved"}
    workspace.chain.seal()
    assert workspace.verify_audit().problem is None


# When


def test_the_app_does_it_once_a_day_when_the_config_says_so(opened: Callable[..., Workspace]) -> None:
    workspace = opened("daily = true\nclosed_flag_days = 90", *(pair := make_closed()))
    with workspace.watching():
        wait_for(lambda: not list_flags(workspace))
    write(workspace.folder, *make_closed())
    assert workspace.retain_daily() is None
    tried = workspace.flagged / ".index" / "retained"
    os.utime(tried, (0, 0))
    found = workspace.retain_daily()
    assert found is not None
    assert found.removed["flags"] == len(pair) // 2


def make_closed() -> tuple[Flag, Review]:
    flag = old_flag()
    return flag, decide(flag)


def test_the_app_leaves_everything_alone_unless_the_config_says_so(opened: Callable[..., Workspace]) -> None:
    workspace = opened("closed_flag_days = 90", *make_closed())
    sealed = workspace.chain.verify().sealed
    with workspace.watching():
        wait_for(lambda: workspace.chain.verify().sealed > sealed)
    assert len(list_flags(workspace)) == 1
    assert not (workspace.flagged / ".index" / "retained").exists()


def wait_for(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(1_000):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it did not happen in twenty seconds")


def test_a_desk_reads_all_flags_again_after_some_went(opened: Callable[..., Workspace]) -> None:
    workspace = opened("closed_flag_days = 90", *make_closed())
    workspace.count_rows()
    before = workspace.read_labels_stamp()
    assert workspace.read_labels_stamp() == before
    workspace.retain()
    workspace.count_rows()
    assert workspace.read_labels_stamp() > before


def test_the_command_line_does_it_and_says_what_it_would_do(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(keep(tiny_folder, "closed_flag_days = 90"), *make_closed())
    words = ["retain", "--workspace", str(tiny_folder)]
    assert main([*words, "--dry-run"]) == 0
    assert "without --dry-run" in capsys.readouterr().err
    assert main(words) == 0
    assert '"flags": 1' in capsys.readouterr().out
    assert main(words) == 0
    assert "Nothing is old enough" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["prediction_days = 0", "prediction_days = 1.5", 'daily = "yes"', "flags = 3"]
)
def test_what_is_no_age_is_told(tiny_folder: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"retention\."):
        Workspace(keep(tiny_folder, line))
