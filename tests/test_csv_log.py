"""The CSV log: exact, durable, and no worse after a crash, a full disk or a stranger's file."""

from __future__ import annotations

import csv
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from builders import list_cells, read_all
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.errors import LogError
from reviewer.log import LogRewrittenError, Position
from reviewer.log.csv_log import CsvLog
from reviewer.log.segments import CHUNK_BYTES, find_last_boundary
from reviewer.records import new_id

COLUMNS = ("key", "text")
HEADER = b"key,text\n"

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
HARD_TEXTS = TEXTS | st.text("\",\r\n'=-+ \té🔥", max_size=12)


def open_log(folder: Path, segment_bytes: int = 1 << 28) -> CsvLog:
    return CsvLog(folder, "flags", COLUMNS, segment_bytes)


def read_bytes(folder: Path, number: int = 1) -> bytes:
    return (folder / f"flags-{number:04}.csv").read_bytes()


def write_bytes(folder: Path, data: bytes, number: int = 1) -> None:
    (folder / f"flags-{number:04}.csv").write_bytes(data)


def make_rows(count: int, text: str = "x") -> list[tuple[str, str]]:
    return [(new_id(), text) for _ in range(count)]


def run_python(code: str, *arguments: object) -> str:
    """Run code in a process of its own and return what it printed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Exactness


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(HARD_TEXTS, HARD_TEXTS), min_size=1, max_size=4), max_size=4))
def test_any_texts_come_back_equal_and_in_order(batches: list[list[tuple[str, str]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = open_log(Path(folder))
        for batch in batches:
            log.append(batch)
        assert read_all(log) == [row for batch in batches for row in batch]


@settings(deadline=None)
@given(st.lists(st.tuples(HARD_TEXTS, HARD_TEXTS), min_size=1, max_size=5))
def test_any_csv_reader_reads_the_same_texts(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        open_log(Path(folder)).append(rows)
        with (Path(folder) / "flags-0001.csv").open(newline="", encoding="utf-8") as file:
            assert [tuple(each) for each in csv.reader(file)] == [COLUMNS, *rows]


def test_the_bytes_are_plain_csv_with_quotes_only_where_needed(tmp_path: Path) -> None:
    open_log(tmp_path).append([("a", "=1+1"), ("b", 'say "hi"'), ("c", "two\nlines"), ("d", ""), ("e", " x")])
    assert read_bytes(tmp_path) == HEADER + b'a,=1+1\nb,"say ""hi"""\nc,"two\nlines"\nd,\ne," x"\n'


@settings(deadline=None)
@given(st.lists(st.tuples(HARD_TEXTS, HARD_TEXTS), min_size=1, max_size=4))
def test_many_rows_at_once_give_the_bytes_of_one_after_the_other(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        log = open_log(Path(one))
        for row in rows * 10:
            log.append([row])
        open_log(Path(other)).append(rows * 10)
        assert read_bytes(Path(one)) == read_bytes(Path(other))


def test_a_log_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    tail = open_log(tmp_path / "new").tail(Position())
    assert tail.rows.num_rows == 0
    assert tail.position == Position()


def test_appending_nothing_writes_nothing(tmp_path: Path) -> None:
    open_log(tmp_path / "new").append([])
    assert not (tmp_path / "new").exists()


def test_a_tail_starts_where_the_last_one_ended(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.append([("a", "1"), ("b", "2")])
    first = log.tail(Position())
    assert log.tail(first.position).position == first.position
    log.append([("c", "3")])
    assert list_cells(log.tail(first.position).rows) == [("c", "3")]


@pytest.mark.parametrize("size", [5_000_000, 20_000_000])
def test_a_row_longer_than_a_parse_block_is_read_whole(tmp_path: Path, size: int) -> None:
    rows = [("a", "small"), ("b", 'wide "text",\n' * (size // 13)), ("c", "small")]
    log = open_log(tmp_path)
    log.append(rows)
    assert read_all(log) == rows


def test_more_than_a_chunk_of_rows_is_read_in_several_tails(tmp_path: Path) -> None:
    rows = [(str(number), "y" * 9_000_000) for number in range(9)]
    log = open_log(tmp_path)
    log.append(rows)
    assert log.tail(Position()).rows.num_rows < 9
    assert read_all(log) == rows
    assert [key for key, _ in read_all(open_log(tmp_path))] == [key for key, _ in rows]


def test_a_row_too_long_to_read_again_is_refused_before_it_is_written(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    with pytest.raises(
        LogError, match=r"A row of 67,108,8\d\d bytes is too long .* 66,060,288 bytes is the most"
    ):
        log.append([("a", "fits"), ("b", "z" * CHUNK_BYTES)])
    assert read_all(log) == []


# Several writers


def test_threads_lose_nothing_and_keep_their_order(tmp_path: Path) -> None:
    log = open_log(tmp_path, segment_bytes=4000)

    def write(thread: int) -> None:
        for number in range(60):
            log.append([(f"{thread}", f"{number}"), (f"{thread}", f"{number}b")])

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(write, range(12)))
    rows = read_all(log)
    for thread in range(12):
        mine = [text for key, text in rows if key == str(thread)]
        assert mine == [f"{number}{each}" for number in range(60) for each in ("", "b")]


def test_a_reader_beside_a_writer_sees_a_growing_prefix(tmp_path: Path) -> None:
    log, other = open_log(tmp_path, segment_bytes=20_000), open_log(tmp_path, segment_bytes=20_000)
    rows = [(str(number), 'long "text"\n' * (number % 50)) for number in range(400)]

    def write() -> None:
        for row in rows:
            log.append([row])

    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(write)
        seen: list[tuple[str, ...]] = []
        position = Position()
        while not writing.done():
            tail = other.tail(position)
            seen += list_cells(tail.rows)
            position = tail.position
            assert seen == rows[: len(seen)]
        writing.result()
    assert read_all(other) == rows


def test_two_logs_of_one_folder_take_turns(tmp_path: Path) -> None:
    one, other = open_log(tmp_path, 100), open_log(tmp_path, 100)
    for number in range(20):
        (one if number % 3 else other).append([(str(number), "text")])
    assert [key for key, _ in read_all(one)] == [str(number) for number in range(20)]
    assert read_all(one) == read_all(other)


FORK = """
import os, sys
from pathlib import Path
from reviewer.log.csv_log import CsvLog
log = CsvLog(Path(sys.argv[1]), "flags", ("key", "text"), 20_000)
log.append([("first", "x")])
children = []
for number in range(4):
    child = os.fork()
    if not child:
        for each in range(100):
            log.append([(f"{number}-{each}", "some, text\\n" * (each % 40))])
        os._exit(0)
    children.append(child)
for each in range(100):
    log.append([(f"parent-{each}", "x")])
sys.exit(sum(os.waitpid(child, 0)[1] for child in children))
"""


def test_a_forked_child_takes_turns_with_its_parent(tmp_path: Path) -> None:
    run_python(FORK, tmp_path)
    keys = [key for key, _ in read_all(open_log(tmp_path))]
    writers = ["parent", "0", "1", "2", "3"]
    assert sorted(keys) == sorted(["first", *(f"{who}-{each}" for who in writers for each in range(100))])
    for who in writers:
        assert [key for key in keys if key.startswith(f"{who}-")] == [f"{who}-{each}" for each in range(100)]
    assert not (tmp_path / "torn").exists()


FORK_ONCE = """
import os, sys
from pathlib import Path
from reviewer.log.csv_log import CsvLog
log = CsvLog(Path(sys.argv[1]), "flags", ("key", "text"))
log.append([("parent", "x")])
names = {int(each): os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")}
[kept] = [each for each, name in names.items() if name.endswith("flags-0001.csv")]
before = os.lseek(kept, 0, os.SEEK_CUR)
child = os.fork()
if not child:
    log.append([("child", "x")])
    os._exit(0)
os.waitpid(child, 0)
print(os.lseek(kept, 0, os.SEEK_CUR) - before)
"""


def test_a_forked_child_opens_a_lock_of_its_own(tmp_path: Path) -> None:
    """One that is shared lets both in at once; a shared descriptor moves when the child writes."""
    assert run_python(FORK_ONCE, tmp_path) == "0\n"
    assert [key for key, _ in read_all(open_log(tmp_path))] == ["parent", "child"]


APPEND_FOR_EVER = """
import sys
from pathlib import Path
from reviewer.log.csv_log import CsvLog
log = CsvLog(Path(sys.argv[1]), "flags", ("key", "text"), 300_000)
number = 0
while True:
    keys = [f"{sys.argv[2]}-{number}-{each}" for each in range(3)]
    log.append([(key, 'some "text"\\n' * 300) for key in keys])
    print(*keys, sep="\\n", flush=True)
    number += 1
"""


def test_nothing_that_was_acknowledged_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", APPEND_FOR_EVER, str(tmp_path)]
    acknowledged: list[str] = []
    for turn in range(4):
        writers = [
            subprocess.Popen([*command, f"{turn}.{each}"], stdout=subprocess.PIPE, text=True)
            for each in range(3)
        ]
        for number, writer in enumerate(writers):
            assert writer.stdout
            acknowledged += [writer.stdout.readline() for _ in range(7 + 10 * number)]
            writer.kill()
        for writer in writers:
            acknowledged += [
                each for each in writer.communicate()[0].splitlines(keepends=True) if "\n" in each
            ]
    open_log(tmp_path, 300_000).append([("last", "row")])
    rows = read_all(open_log(tmp_path))
    assert {each.strip() for each in acknowledged} <= {key for key, _ in rows}
    assert {text for _, text in rows} == {'some "text"\n' * 300, "row"}


INTERRUPT = """
import signal, sys, threading
from pathlib import Path
from reviewer.errors import LogError
from reviewer.log.csv_log import CsvLog

class Interrupted(BaseException):
    pass

def interrupt(*_):
    raise Interrupted

log = CsvLog(Path(sys.argv[1]), "flags", ("key", "text"))
log.append([("main", "first")])
def write():
    number = 0
    while number < 1000:
        try:
            log.append([(f"thread-{number}", "x")])
            number += 1
        except LogError as error:
            assert "was interrupted; try again" in str(error)
thread = threading.Thread(target=write)
signal.signal(signal.SIGALRM, interrupt)
thread.start()
interrupts = 0
while thread.is_alive():
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0004)
        while True:
            log.append([("main", "x")])
    except Interrupted:
        interrupts += 1
signal.setitimer(signal.ITIMER_REAL, 0)
log.append([("main", "last")])
print(interrupts)
"""


def test_an_interrupted_append_stops_nobody_else(tmp_path: Path) -> None:
    assert int(run_python(INTERRUPT, tmp_path)) > 0
    rows = read_all(open_log(tmp_path))
    assert {key for key, _ in rows} == {"main", *(f"thread-{number}" for number in range(1000))}
    assert rows[-1] == ("main", "last")


# Segments


def test_a_full_segment_is_closed_and_the_next_one_has_its_own_header(tmp_path: Path) -> None:
    log = open_log(tmp_path, segment_bytes=60)
    rows = make_rows(5)
    for row in rows:
        log.append([row])
    names = sorted(each.name for each in tmp_path.glob("*.csv"))
    assert names == ["flags-0001.csv", "flags-0002.csv", "flags-0003.csv"]
    assert all((tmp_path / name).read_bytes().startswith(HEADER) for name in names)
    assert read_all(log) == rows


def test_a_batch_is_never_split_between_segments(tmp_path: Path) -> None:
    log = open_log(tmp_path, segment_bytes=10)
    for _ in range(3):
        log.append(make_rows(10))
    assert [read_bytes(tmp_path, number).count(b"\n") for number in (1, 2, 3)] == [11, 11, 11]


def test_other_files_in_the_folder_are_no_segments(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.append([("a", "1")])
    for name in ("flags-0002.csv.bak", "reviews-0009.csv", "flags-2.csv", "flags.csv", "xflags-0003.csv"):
        (tmp_path / name).write_bytes(b"something else\n")
    log.append([("b", "2")])
    assert read_all(log) == [("a", "1"), ("b", "2")]


def test_a_segment_left_empty_by_a_killed_writer_is_used(tmp_path: Path) -> None:
    log = open_log(tmp_path, segment_bytes=20)
    log.append([("a", "1" * 20)])
    write_bytes(tmp_path, b"", 2)
    assert read_all(log) == [("a", "1" * 20)]
    open_log(tmp_path, segment_bytes=20).append([("b", "2")])
    assert read_bytes(tmp_path, 2) == HEADER + b"b,2\n"


# Torn ends


def list_torn(folder: Path) -> list[bytes]:
    return [each.read_bytes() for each in (folder / "torn").glob("*")]


ROW = 'id,"say ""hi"",\r\n\nПривет 🔥 ""x"""\n'.encode()


@pytest.mark.parametrize("cut", range(1, len(ROW)))
def test_half_a_row_is_read_by_nobody_and_moved_aside_by_the_next_writer(tmp_path: Path, cut: int) -> None:
    good = HEADER + b'a,"x\ny"\n'
    write_bytes(tmp_path, good + ROW[:cut])
    assert read_all(open_log(tmp_path)) == [("a", "x\ny")]
    log = open_log(tmp_path)
    log.append([("b", "2")])
    assert read_bytes(tmp_path) == good + b"b,2\n"
    assert list_torn(tmp_path) == [ROW[:cut]]
    assert read_all(log) == [("a", "x\ny"), ("b", "2")]


def test_a_whole_last_row_stays(tmp_path: Path) -> None:
    write_bytes(tmp_path, HEADER + ROW)
    open_log(tmp_path).append([("b", "2")])
    assert read_bytes(tmp_path) == HEADER + ROW + b"b,2\n"
    assert not (tmp_path / "torn").exists()


@pytest.mark.parametrize("cut", range(1, len(HEADER)))
def test_half_a_header_is_moved_aside(tmp_path: Path, cut: int) -> None:
    write_bytes(tmp_path, HEADER[:cut])
    assert read_all(open_log(tmp_path)) == []
    open_log(tmp_path).append([("a", "1")])
    assert read_bytes(tmp_path) == HEADER + b"a,1\n"
    assert list_torn(tmp_path) == [HEADER[:cut]]


def test_nul_bytes_at_the_end_are_moved_aside(tmp_path: Path) -> None:
    write_bytes(tmp_path, HEADER + b"a,1\nb,\0\0\0\0")
    open_log(tmp_path).append([("c", "3")])
    assert read_bytes(tmp_path) == HEADER + b"a,1\nc,3\n"
    assert list_torn(tmp_path) == [b"b,\0\0\0\0"]


def test_an_end_torn_after_this_process_last_looked_is_moved_aside(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.append([("a", "1")])
    with (tmp_path / "flags-0001.csv").open("ab") as file:
        file.write(b'b,2\nc,"half')
    log.append([("d", "4")])
    assert read_all(log) == [("a", "1"), ("b", "2"), ("d", "4")]
    assert list_torn(tmp_path) == [b'c,"half']


def test_every_torn_end_is_kept(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    for number in range(3):
        log.append([(str(number), "x")])
        with (tmp_path / "flags-0001.csv").open("ab") as file:
            file.write(f'half {number},"'.encode())
    log.append([("last", "x")])
    assert sorted(list_torn(tmp_path)) == [b'half 0,"', b'half 1,"', b'half 2,"']
    assert [key for key, _ in read_all(log)] == ["0", "1", "2", "last"]


def test_a_torn_end_of_megabytes_is_moved_aside(tmp_path: Path) -> None:
    torn = b'b,"' + b"line,\n" * 1_500_000
    write_bytes(tmp_path, HEADER + b"a,1\n" + torn)
    log = open_log(tmp_path)
    log.append([("c", "3")])
    assert read_all(log) == [("a", "1"), ("c", "3")]
    assert list_torn(tmp_path) == [torn]


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(HARD_TEXTS.filter(bool), HARD_TEXTS), min_size=1, max_size=4),
    share=st.floats(0, 1),
)
def test_a_log_cut_anywhere_keeps_every_whole_row(rows: list[tuple[str, str]], share: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ends = []
        log = open_log(folder)
        for row in rows:
            log.append([row])
            ends.append(len(read_bytes(folder)))
        data = read_bytes(folder)
        cut = int(len(data) * share)
        write_bytes(folder, data[:cut])
        whole = [row for row, end in zip(rows, ends, strict=True) if end <= cut]
        assert read_all(log) == whole
        log.append([("new", "row")])
        assert read_all(log) == [*whole, ("new", "row")]


# Damage


def damage(rows: Sequence[tuple[str, str]], middle: bytes) -> bytes:
    lines = [f"{key},{text}\n".encode() for key, text in rows]
    return HEADER + lines[0] + middle + b"".join(lines[1:])


@pytest.mark.parametrize("middle", [b'x,"open quote\n', b"x,\0\0\0\n", b'"\n'])
def test_damage_with_rows_behind_it_is_refused_and_left_as_it_is(tmp_path: Path, middle: bytes) -> None:
    rows = make_rows(4)
    data = damage(rows, middle)
    write_bytes(tmp_path, data)
    log = open_log(tmp_path)
    at = len(HEADER) + len(rows[0][0]) + 3
    with pytest.raises(
        LogError, match=f"flags-0001.csv is damaged after byte {at}, with more rows behind it; restore"
    ):
        log.append([("new", "row")])
    assert read_bytes(tmp_path) == data
    assert read_all(log)[:1] == rows[:1]


def test_text_that_is_no_utf8_is_refused_with_its_place(tmp_path: Path) -> None:
    write_bytes(tmp_path, HEADER + b"a,\xff\xfe\n")
    with pytest.raises(LogError, match=r"flags-0001.csv is damaged: byte 11 is no UTF-8; restore"):
        open_log(tmp_path).tail(Position())


@pytest.mark.parametrize("line", [b"one\n", b"a,b,c\n", b'a,"b\nb",c,d\n', b",,\n"])
def test_a_row_of_another_width_is_named_and_the_rest_is_read(tmp_path: Path, line: bytes) -> None:
    write_bytes(tmp_path, HEADER + b"a,1\n" + line + b"b,2\n")
    tail = open_log(tmp_path).tail(Position())
    assert list_cells(tail.rows) == [("a", "1"), ("b", "2")]
    assert len(tail.rejected) == 1
    assert re.match(r"flags-0001\.csv has a row of \d cells instead of 2: ", tail.rejected[0])


@pytest.mark.parametrize(
    "data",
    [b"id,name\n1,x\n", b"key,text,more\n", b"\xef\xbb\xbfkey,text\na,1\n", b"key,text\r\na,1\r\n", b"\n"],
)
def test_a_foreign_file_is_neither_read_nor_written(tmp_path: Path, data: bytes) -> None:
    write_bytes(tmp_path, data)
    log = open_log(tmp_path)
    sentence = "which is not the header of a flags log; move the file out of the folder"
    with pytest.raises(LogError, match=sentence):
        log.tail(Position())
    with pytest.raises(LogError, match=sentence):
        log.append([("a", "1")])
    assert read_bytes(tmp_path) == data


# Files that others change


@pytest.fixture
def read_log(tmp_path: Path) -> tuple[CsvLog, Position]:
    log = open_log(tmp_path)
    log.append([("a", "1"), ("b", "2"), ("c", "3")])
    return log, log.tail(Position()).position


def test_a_shortened_segment_is_noticed(tmp_path: Path, read_log: tuple[CsvLog, Position]) -> None:
    log, position = read_log
    os.truncate(tmp_path / "flags-0001.csv", len(HEADER) + 4)
    with pytest.raises(LogRewrittenError, match="was replaced or shortened"):
        log.tail(position)


def test_a_replaced_segment_is_noticed(tmp_path: Path, read_log: tuple[CsvLog, Position]) -> None:
    log, position = read_log
    write_bytes(tmp_path, read_bytes(tmp_path), 9)
    (tmp_path / "flags-0009.csv").replace(tmp_path / "flags-0001.csv")
    with pytest.raises(LogRewrittenError, match="was replaced or shortened"):
        log.tail(position)


def test_a_segment_written_anew_in_place_is_noticed(
    tmp_path: Path, read_log: tuple[CsvLog, Position]
) -> None:
    log, position = read_log
    write_bytes(tmp_path, HEADER + b"b,2\nc,3\nd,4\ne,5\n")
    with pytest.raises(LogRewrittenError, match="was replaced or shortened"):
        log.tail(position)


def test_a_deleted_segment_is_noticed(tmp_path: Path, read_log: tuple[CsvLog, Position]) -> None:
    log, position = read_log
    (tmp_path / "flags-0001.csv").unlink()
    with pytest.raises(LogRewrittenError, match="is gone"):
        log.tail(position)


def test_a_writer_looks_again_at_a_file_that_was_written_anew(
    tmp_path: Path, read_log: tuple[CsvLog, Position]
) -> None:
    log, position = read_log
    write_bytes(tmp_path, HEADER + b'longer,"row\nof two lines"\n' * 3)
    assert len(read_bytes(tmp_path)) > position.offset
    log.append([("d", "4")])
    assert read_bytes(tmp_path).endswith(b'of two lines"\nd,4\n')
    assert not (tmp_path / "torn").exists()


def test_a_writer_begins_again_in_a_folder_that_was_removed(tmp_path: Path) -> None:
    log = open_log(tmp_path / "flagged")
    log.append([("a", "1")])
    shutil.rmtree(tmp_path / "flagged")
    log.append([("b", "2")])
    assert read_bytes(tmp_path / "flagged") == HEADER + b"b,2\n"


def test_a_writer_leaves_a_folder_that_was_moved_away(tmp_path: Path) -> None:
    log = open_log(tmp_path / "flagged")
    log.append([("a", "1")])
    (tmp_path / "flagged").rename(tmp_path / "old")
    open_log(tmp_path / "flagged").append([("b", "2")])
    log.append([("c", "3")])
    assert read_bytes(tmp_path / "old") == HEADER + b"a,1\n"
    assert read_bytes(tmp_path / "flagged") == HEADER + b"b,2\nc,3\n"


def test_a_writer_follows_a_segment_that_was_replaced(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.append([("a", "1")])
    (tmp_path / "restored").write_bytes(HEADER + b'z,"from a\nbackup"\nhalf')
    (tmp_path / "restored").replace(tmp_path / "flags-0001.csv")
    log.append([("b", "2")])
    assert read_bytes(tmp_path) == HEADER + b'z,"from a\nbackup"\nb,2\n'
    assert list_torn(tmp_path) == [b"half"]


def test_a_writer_follows_another_into_the_next_segment(tmp_path: Path) -> None:
    log, other = open_log(tmp_path), open_log(tmp_path, segment_bytes=20)
    log.append([("a", "1" * 20)])
    other.append([("b", "2")])
    log.append([("c", "3")])
    assert read_bytes(tmp_path, 2) == HEADER + b"b,2\nc,3\n"
    assert [key for key, _ in read_all(log)] == ["a", "b", "c"]


def test_a_writer_looks_again_at_a_file_that_was_shortened(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.append([("a", "1"), ("b", "2")])
    os.truncate(tmp_path / "flags-0001.csv", len(HEADER) + 6)
    log.append([("c", "3")])
    assert read_bytes(tmp_path) == HEADER + b"a,1\nc,3\n"


def test_reading_leaves_no_file_behind(tmp_path: Path) -> None:
    open_log(tmp_path / "new").tail(Position())
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_is_no_longer_used_closes_its_file(tmp_path: Path) -> None:
    def list_open() -> list[str]:
        names = Path("/proc/self/fd").iterdir()
        return [target for each in names if (target := os.path.realpath(each)).startswith(str(tmp_path))]

    log = open_log(tmp_path)
    log.append([("a", "1")])
    assert list_open() == [str(tmp_path / "flags-0001.csv")]
    del log
    assert list_open() == []


# Disks that refuse

FILL = """
import resource, signal, sys
from pathlib import Path
from reviewer.errors import LogError
from reviewer.log.csv_log import CsvLog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
log = CsvLog(Path(sys.argv[1]), "flags", ("key", "text"))
for number in range(1000):
    try:
        log.append([(f"{number}-{each}", "x,\\n" * 30) for each in range(3)])
    except LogError as error:
        print(number, error)
        break
log_error = None
try:
    log.append([("again", "")] * 60)
except LogError as error:
    log_error = error
print(type(log_error).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append([("room", "again")])
"""


@pytest.mark.parametrize("limit", [5, len(HEADER), 11, 200, 5000, 5001, 5002, 9999])
def test_a_full_disk_is_said_and_leaves_whole_rows_only(tmp_path: Path, limit: int) -> None:
    said = run_python(FILL, tmp_path, limit).splitlines()
    appended, sentence = said[0].split(" ", 1)
    assert re.match(
        r"The flags log in .* could not be written \(.*\); free space or make the folder", sentence
    )
    assert said[1] == "LogError"
    rows = read_all(open_log(tmp_path))
    expected = [f"{number}-{each}" for number in range(int(appended)) for each in range(3)]
    assert [key for key, _ in rows] == [*expected, "room"]
    assert not (tmp_path / "torn").exists()


FORBID = """
import os, sys
from pathlib import Path
from reviewer.errors import LogError
from reviewer.log.csv_log import CsvLog
if os.geteuid() == 0:
    os.setuid(65534)
try:
    CsvLog(Path(sys.argv[1]), "flags", ("key", "text")).append([("a", "1")])
except LogError as error:
    print(error)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["", "new"])
def test_a_folder_that_may_not_be_written_is_said(open_folder: Path, name: str) -> None:
    open_folder.chmod(0o555)
    said = run_python(FORBID, open_folder / name)
    assert re.match(
        r"The flags log in .* could not be written \(Permission denied\); .*make the folder writable", said
    )


def test_a_file_that_may_not_be_written_is_said_and_left_alone(open_folder: Path) -> None:
    open_log(open_folder).append([("a", "1")])
    for each in open_folder.iterdir():
        each.chmod(0o444)
    data = read_bytes(open_folder)
    assert "could not be written (Permission denied)" in run_python(FORBID, open_folder)
    assert read_bytes(open_folder) == data


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "flagged").write_bytes(b"")
    log = open_log(tmp_path / "flagged")
    with pytest.raises(LogError, match="could not be written"):
        log.append([("a", "1")])
    with pytest.raises(LogError, match="cannot be read"):
        log.tail(Position())


# Boundaries


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"", 0),
        (b"a", 0),
        (b"a\n", 2),
        (b"a\nb", 2),
        (b'a\n"b\n', 2),
        (b'a\n"b\n"\n', 7),
        (b'a\n"b""\n', 2),
        (b'"a\nb\nc', 0),
        (b"a\nb\0\nc\n", 2),
        (b"\n\n", 2),
    ],
)
def test_whole_rows_end_at_a_newline_outside_quotes(data: bytes, whole: int) -> None:
    assert find_last_boundary(data) == whole


@given(st.text('a",\n', max_size=40).map(str.encode))
def test_the_last_boundary_is_the_last_newline_after_an_even_number_of_quotes(data: bytes) -> None:
    ends = [
        at + 1 for at in range(len(data)) if data[at : at + 1] == b"\n" and data[:at].count(b'"') % 2 == 0
    ]
    assert find_last_boundary(data) == max(ends, default=0)


def test_finding_a_boundary_in_a_long_open_quote_is_quick() -> None:
    data = b"a,1\n" + b'b,"' + b"\n" * 2_000_000
    assert find_last_boundary(data) == 4


def test_the_end_of_a_log_is_found_whatever_chunk_it_falls_in(tmp_path: Path) -> None:
    shuffled = random.Random(7)
    rows = [(new_id(), "z" * shuffled.randrange(1, 3_000_000)) for _ in range(60)]
    log = open_log(tmp_path)
    log.append(rows[:30])
    log.append(rows[30:])
    with (tmp_path / "flags-0001.csv").open("ab") as file:
        file.write(b'torn,"')
    other = open_log(tmp_path)
    other.append([("last", "row")])
    assert read_all(other) == [*rows, ("last", "row")]
