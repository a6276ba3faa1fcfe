"""Groups in the index: what the flags and reviews say, whenever and in whatever parts they arrive."""

from __future__ import annotations

import functools
import json
import logging
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import append, make_flag, make_review, open_small_logs
from complaints import Complaint, alter, list_complaints
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from reviewer.grouping import Grouper, GroupingProgress, job
from reviewer.grouping.process import Comparer, ComparerError
from reviewer.index.grouping import apply_changes, find_changes, list_groups
from reviewer.index.sharing import SHARED_NAME
from reviewer.index.store import MainIndex, SideIndex, delete_index
from reviewer.log import Log
from reviewer.log.media import MediaStore
from reviewer.records import Event, Flag

COMPONENTS = {
    "tickets": {"text": "textbox"},
    "houses": {"rooms": "number", "area": "number", "age": "number", "garden": "number"},
    "digits": {"image": "image"},
}


class Desk:
    """A folder of logs with the index and the grouper that an app has on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs: dict[str, Log] = open_small_logs(folder)
        self.index = MainIndex(folder, self.logs)
        self.grouper = Grouper(self.index, lambda: COMPONENTS, folder / "media")

    def add(self, *records: Any) -> None:
        append(self.logs, *records)

    def say(self, *messages: str) -> list[Flag]:
        """Flag these messages, and return the flags."""
        flags = [make_flag(inputs={"text": each}) for each in messages]
        self.add(*flags)
        return flags

    def read(self) -> list[tuple[str, str | None, int]]:
        """Return each flag's id, group and size, in log order."""
        with self.index.reading() as cursor:
            return cursor.execute(
                "select flag_id::varchar, group_id::varchar, group_size from flags order by position"
            ).fetchall()

    def group(self) -> list[tuple[str, str | None, int]]:
        """Group what waits, and return what is in the index then."""
        self.grouper.run_once()
        return self.read()

    def close(self) -> None:
        self.grouper.stop()
        self.index.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path)
    yield opened
    opened.close()


def wait_until(is_so: Callable[[], Any]) -> Any:
    """Return the first answer that is true; fail after a minute."""
    deadline = time.monotonic() + 60
    while not (answer := is_so()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return answer


SAME = ("Where is my parcel?", "where is my PARCEL", "Hello, where is my pracel?")
OTHER = "I want my money back for the lamp"


def test_flags_of_the_same_complaint_are_named_by_the_oldest(desk: Desk) -> None:
    first, second, alone, third = desk.say(*SAME[:2], OTHER, SAME[2])
    assert desk.group() == [
        (first.flag_id, first.flag_id, 3),
        (second.flag_id, first.flag_id, 3),
        (alone.flag_id, None, 1),
        (third.flag_id, first.flag_id, 3),
    ]


def test_flags_on_one_example_are_a_group_whatever_it_is(desk: Desk) -> None:
    inputs = {"image": {"media": f"{'0' * 64}.png"}}  # the file is gone
    flags = [make_flag(model="digits", inputs=inputs) for _ in range(2)]
    desk.add(*flags)
    assert [row[1:] for row in desk.group()] == [(flags[0].flag_id, 2)] * 2


def test_flags_of_two_models_are_in_two_groups(desk: Desk) -> None:
    desk.add(*(make_flag(model=each, inputs={"text": SAME[0]}) for each in ("tickets", "mails")))
    assert [row[1:] for row in desk.group()] == [(None, 1)] * 2


def test_flags_that_arrive_later_join_the_group_and_change_its_size(desk: Desk) -> None:
    (first,) = desk.say(SAME[0])
    assert desk.group() == [(first.flag_id, None, 1)]
    (second,) = desk.say(SAME[1])
    assert desk.group() == [(first.flag_id, first.flag_id, 2), (second.flag_id, first.flag_id, 2)]
    assert desk.grouper.progress == GroupingProgress(done=2, total=2)


def test_there_is_nothing_to_do_until_something_arrives(desk: Desk) -> None:
    desk.grouper.run_once()
    assert not desk.grouper.run_once()
    desk.say(SAME[0])
    assert desk.grouper.run_once()
    assert not desk.grouper.run_once()


def test_pictures_are_read_from_the_media(desk: Desk) -> None:
    media = MediaStore(desk.folder / "media")
    chance = random.Random(3)
    image = Image.new("RGB", (300, 200))
    image.putdata([(chance.randrange(256), x % 256, 90) for x in range(300 * 200)])
    names = []
    for number, each in enumerate((image, image.resize((150, 100)), image.rotate(180))):
        path = desk.folder / f"{number}.png"
        each.save(path)
        names.append(media.save(path.read_bytes(), "png"))
    desk.add(*(make_flag(model="digits", inputs={"image": {"media": name}}) for name in names))
    assert [size for _, _, size in desk.group()] == [2, 2, 1]


# Splitting and withdrawing


def test_a_flag_that_was_split_off_stays_alone(desk: Desk) -> None:
    first, second, third = desk.say(*SAME)
    desk.group()
    desk.add(make_review(second.flag_id, Event.SPLIT))
    left = [(first.flag_id, first.flag_id, 2), (second.flag_id, None, 1), (third.flag_id, first.flag_id, 2)]
    assert desk.group() == left
    fourth = desk.say(SAME[0])[0]
    assert desk.group() == [
        (first.flag_id, first.flag_id, 3),
        (second.flag_id, None, 1),
        (third.flag_id, first.flag_id, 3),
        (fourth.flag_id, first.flag_id, 3),
    ]


def test_a_group_without_its_oldest_flag_is_named_by_the_next(desk: Desk) -> None:
    first, second, third = desk.say(*SAME)
    desk.group()
    desk.add(make_review(first.flag_id, Event.SPLIT))
    assert desk.group() == [
        (first.flag_id, None, 1),
        (second.flag_id, second.flag_id, 2),
        (third.flag_id, second.flag_id, 2),
    ]


def test_a_group_of_two_is_none_when_one_is_split_off(desk: Desk) -> None:
    first, second = desk.say(*SAME[:2])
    desk.group()
    desk.add(make_review(first.flag_id, Event.SPLIT))
    assert [row[1:] for row in desk.group()] == [(None, 1), (None, 1)]
    assert second


def test_a_split_that_was_undone_puts_the_flag_back(desk: Desk) -> None:
    first, second = desk.say(*SAME[:2])
    split = make_review(second.flag_id, Event.SPLIT)
    desk.add(split)
    assert [row[1:] for row in desk.group()] == [(None, 1), (None, 1)]
    desk.add(make_review(second.flag_id, Event.REVERT, reverts=split.event_id, seq=1))
    assert [row[1:] for row in desk.group()] == [(first.flag_id, 2)] * 2


def test_a_withdrawn_flag_does_not_count(desk: Desk) -> None:
    first, second, third = desk.say(*SAME)
    desk.group()
    desk.add(make_review(second.flag_id, Event.REVERT, reverts=second.flag_id, seq=1))
    assert desk.group() == [
        (first.flag_id, first.flag_id, 2),
        (second.flag_id, None, 1),
        (third.flag_id, first.flag_id, 2),
    ]


def test_a_flag_that_is_split_off_while_its_group_is_written_stays_alone(desk: Desk) -> None:
    first, second, third = desk.say(*SAME)
    desk.group()
    desk.say(SAME[0])
    with desk.index.writing() as cursor:
        cursor.execute("update flags set group_id = null, group_size = 1")
        changes = find_changes(cursor, list_groups(cursor))
    desk.add(make_review(second.flag_id, Event.SPLIT))
    with desk.index.writing() as cursor:
        apply_changes(cursor, changes)
    assert [row[1:] for row in desk.read()[:3]] == [(first.flag_id, 3), (None, 1), (first.flag_id, 3)]
    assert [row[2] for row in desk.group()] == [3, 1, 3, 3]
    assert third


# Whatever the order of events


def make_history(seed: int) -> list[Flag]:
    """Return flags on texts and rows of numbers, near duplicates among them."""
    chance = random.Random(seed)
    said: list[Complaint] = list(list_complaints(chance, 40))
    said += [alter(chance.choice(said), chance) for _ in range(40)]
    flags = [make_flag(inputs={"text": each.text}) for each in said]
    houses = [
        {
            "rooms": chance.randint(1, 9),
            "area": chance.uniform(30, 300),
            "age": chance.uniform(0, 90),
            "garden": 0.0,
        }
        for _ in range(40)
    ]
    houses += [{name: round(value, 1) for name, value in chance.choice(houses).items()} for _ in range(20)]
    flags += [make_flag(model="houses", inputs=each) for each in houses]
    chance.shuffle(flags)
    return flags


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**6), st.lists(st.integers(10, 70), min_size=1, max_size=4), st.booleans())
def test_flags_grouped_as_they_arrive_are_grouped_as_all_at_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int, sizes: list[int], has_restart: bool
) -> None:
    flags = make_history(seed)
    at_once, in_parts = (Desk(tmp_path_factory.mktemp(name)) for name in ("at-once", "in-parts"))
    at_once.add(*flags)
    expected = at_once.group()
    at_once.close()
    at = 0
    while at < len(flags):
        size = sizes[at % len(sizes)]
        in_parts.add(*flags[at : at + size])
        in_parts.grouper.run_once()
        at += size
        if has_restart and at == size:
            in_parts.close()
            in_parts = Desk(in_parts.folder)
    found = in_parts.group()
    in_parts.close()
    assert found == expected
    assert sum(size > 1 for _, _, size in found) > 20


def test_a_restart_goes_on_where_it_was(desk: Desk, tmp_path: Path) -> None:
    first, _ = desk.say(*SAME[:2])
    expected = desk.group()
    desk.close()
    again = Desk(tmp_path)
    assert again.read() == expected
    (third,) = again.say(SAME[2])
    assert again.group()[2] == (third.flag_id, first.flag_id, 3)
    again.close()


def test_groups_that_were_kept_but_not_written_are_written_at_the_next_start(
    desk: Desk, tmp_path: Path
) -> None:
    first, second = desk.say(*SAME[:2])
    expected = desk.group()
    with desk.index.writing() as cursor:
        cursor.execute("update flags set group_id = null, group_size = 1")
    desk.close()
    again = Desk(tmp_path)
    assert again.group() == expected
    again.close()
    assert first
    assert second


def test_a_deleted_index_loses_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.add(*make_history(11))
    expected = desk.group()
    desk.close()
    delete_index(tmp_path)
    again = Desk(tmp_path)
    assert again.group() == expected
    again.close()


def test_flags_that_were_read_anew_are_grouped_anew(desk: Desk) -> None:
    desk.say(*SAME, OTHER)
    expected = desk.group()
    (log,) = desk.folder.glob("flags-*.csv")
    aside = log.with_suffix(".copy")
    aside.write_bytes(log.read_bytes())
    aside.rename(log)  # another inode: the index begins anew
    assert [size for _, _, size in desk.read()] == [1, 1, 1, 1]
    assert desk.group() == expected


def test_what_was_found_for_flags_that_are_gone_is_not_kept(desk: Desk) -> None:
    desk.say(*SAME)
    desk.group()
    (log,) = desk.folder.glob("flags-*.csv")
    lines = log.read_bytes().splitlines(keepends=True)
    aside = log.with_suffix(".copy")
    aside.write_bytes(b"".join([lines[0], *lines[2:]]))
    aside.rename(log)
    second, third = desk.group()
    assert (second[1:], third[1:]) == ((second[0], 2), (second[0], 2))


def test_more_flags_than_are_handed_out_at_once_are_all_grouped(desk: Desk) -> None:
    desk.add(*(make_flag(inputs={"text": f"Order {number} never arrived here"}) for number in range(2500)))
    assert {row[2] for row in desk.group()} == {2500}


def test_long_inputs_are_handed_out_a_few_at_a_time(desk: Desk) -> None:
    long = "the parcel never came " * 100_000
    desk.add(*(make_flag(inputs={"text": f"{number} {long}"}) for number in range(4)))
    assert [row[2] for row in desk.group()] == [4, 4, 4, 4]


# In the background


def test_flags_are_grouped_while_they_arrive(desk: Desk) -> None:
    desk.grouper.start()
    desk.say(*SAME[:2])
    wait_until(lambda: [row[2] for row in desk.read()] == [2, 2])
    desk.say(SAME[2])
    wait_until(lambda: [row[2] for row in desk.read()] == [3, 3, 3])
    assert desk.grouper.progress == GroupingProgress(3, 3)


def test_who_asks_is_told_which_flags_were_put_in_another_group(desk: Desk) -> None:
    first, second, other = desk.say(*SAME[:2], OTHER)
    before = desk.grouper.regrouped.total
    desk.grouper.run_once()
    told = desk.grouper.regrouped
    assert list(told.list_since(before)) == [first.flag_id, second.flag_id]
    assert other.flag_id not in told.flag_ids
    assert told.list_since(told.total) == ()
    assert told.list_since(told.total - 1) == (second.flag_id,)
    assert told.list_since(told.total + 9) == told.flag_ids  # a number from before a new start


def has_sizes(desk: Desk, sizes: list[int]) -> bool:
    return [row[2] for row in desk.read()] == sizes


def test_a_flag_comes_back_to_its_group_as_soon_as_that_is_called_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_SHORTEST_WAIT", "_LONGEST_WAIT"):
        monkeypatch.setattr(job, name, 3600.0)
    flags = desk.say(*SAME)
    desk.grouper.start()
    split = make_review(flags[1].flag_id, Event.SPLIT)
    for sizes, events in (
        ([3, 3, 3], []),
        ([2, 1, 2], [split]),
        ([3, 3, 3], [make_review(flags[1].flag_id, Event.REVERT, reverts=split.event_id, seq=1)]),
    ):
        desk.add(*events)
        desk.grouper.look_soon()
        wait_until(functools.partial(has_sizes, desk, sizes))


def read_beside(desk: Desk) -> list[tuple[str, str | None, int]]:
    """Return each flag's id, group and size as all other processes see them."""
    with SideIndex(desk.folder, desk.logs).reading() as cursor:
        return cursor.execute(
            "select flag_id::varchar, group_id::varchar, group_size from flags order by position"
        ).fetchall()


def test_other_processes_have_the_groups_that_the_app_shared(desk: Desk) -> None:
    flags = desk.say(*SAME, OTHER)
    assert {row[1:] for row in read_beside(desk)} == {(None, 1)}
    found = desk.group()
    desk.index.share_groups()
    assert read_beside(desk) == found
    desk.add(make_review(flags[1].flag_id, Event.SPLIT))
    assert read_beside(desk)[1][1:] == (None, 1)
    found = desk.group()
    desk.index.share_groups()
    assert read_beside(desk) == found
    assert [row[2] for row in found] == [2, 1, 2, 1]


def test_groups_that_cannot_be_read_are_none_and_the_next_ones_count(desk: Desk) -> None:
    desk.say(*SAME)
    found = desk.group()
    (desk.folder / ".index" / SHARED_NAME).write_bytes(b"ARROW1 and then nothing")
    assert {row[1:] for row in read_beside(desk)} == {(None, 1)}
    desk.index.share_groups()
    assert read_beside(desk) == found


def test_groups_are_shared_in_the_background(desk: Desk) -> None:
    desk.grouper.start()
    desk.say(*SAME)
    wait_until(lambda: [row[2] for row in read_beside(desk)] == [3, 3, 3])


def test_a_grouper_that_never_started_can_be_stopped(desk: Desk) -> None:
    desk.grouper.stop()


def test_a_grouper_is_stopped_in_the_middle_of_its_work(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.add(*(make_flag(inputs={"text": each.text}) for each in list_complaints(random.Random(8), 3000)))
    desk.grouper.start()
    wait_until(lambda: desk.grouper.progress.done)
    desk.grouper.stop()
    assert not caplog.records


def test_a_failure_is_said_and_the_app_goes_on(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> dict[str, dict[str, str]]:
        raise RuntimeError("the config is gone")

    desk.say(SAME[0])
    grouper = Grouper(desk.index, fail, desk.folder / "media")
    grouper.start()
    (record,) = wait_until(lambda: list(caplog.records))
    assert record.levelno == logging.WARNING
    assert "the config is gone" in record.getMessage()
    grouper.stop()
    assert [row[2] for row in desk.read()] == [1]


def test_a_process_that_was_killed_is_started_again(desk: Desk) -> None:
    desk.say(SAME[0])
    desk.grouper.run_once()
    comparer = desk.grouper._comparer
    assert comparer
    comparer.kill()
    desk.say(SAME[1])
    with pytest.raises(ComparerError):
        desk.grouper.run_once()
    assert [row[2] for row in desk.group()] == [2, 2]


def test_the_process_says_what_went_wrong_and_goes_on(tmp_path: Path) -> None:
    comparer = Comparer(tmp_path)
    for _ in range(2):
        with pytest.raises(ComparerError, match="Traceback"):
            comparer.ask("describe", [])
    comparer.close()


def test_the_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, os, signal, pathlib, pyarrow\n"
        "from reviewer.grouping.process import Comparer\n"
        "comparer = Comparer(pathlib.Path(sys.argv[1]))\n"
        "print(comparer._child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    child = int(run.stdout)

    def is_gone() -> bool:
        try:
            state = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        return state == "Z"

    wait_until(is_gone)


def test_loading_the_grouper_loads_nothing_that_compares() -> None:
    script = "import sys, json, reviewer.grouping\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True, timeout=60
    )
    loaded = {each.partition(".")[0] for each in json.loads(run.stdout)}
    assert not loaded & {"pandas", "PIL", "sklearn", "gradio"}
    assert not any(each.startswith("reviewer.similar") for each in json.loads(run.stdout))
