"""What the SQL sandbox answers and refuses, and that no statement leaves a trace or learns a secret."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.errors import QueryError, QueryLimitError, QueryRefusedError, StoppedError
from reviewer.index import sandbox
from reviewer.index.sandbox import (
    CHILD_ENVIRONMENT,
    QueryLimits,
    QueryResult,
    StopSwitch,
    decode_answer,
    run_query,
)
from reviewer.index.store import SideIndex
from reviewer.index.walls import find_landlock_abi
from reviewer.log import open_logs
from reviewer.log.columns import columns_of

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

CANARY = "canary-7f3a91"
QUICK = QueryLimits(seconds=3, memory_mb=256, rows=100, result_mb=4)
BRIEF = QueryLimits(seconds=0.7, memory_mb=256, rows=100, result_mb=4)
DEEP = 50_000
PACKAGE_ROOT = str(Path(sandbox.__file__).parents[2])

REFUSED = r"""
select * from read_text('{secret}')
select * from read_blob('{secret}')
select * from read_csv('{secret}')
select * from read_csv_auto('{secret}')
select * from read_json('{secret}')
select * from read_ndjson_objects('{secret}')
select * from read_parquet('{secret}')
select * from parquet_schema('{secret}')
select * from parquet_metadata('{secret}')
select * from sniff_csv('{secret}')
from '{secret}'
from '{outside}/secret.csv'
select * from read_csv('{log}')
from '{log}'
select * from read_blob('{index}')
select * from read_blob('/proc/self/environ')
select * from read_blob('/proc/self/fd/0')
select * from read_blob('/proc/self/mem')
select * from read_text('/proc/self/maps')
select * from read_blob('/proc/{parent}/environ')
select * from read_text('/dev/stdin')
select * from read_text('/etc/passwd')
select * from read_text('/etc/shadow')
select * from read_text('file://{secret}')
select * from read_text('file:{secret}')
select * from read_text('{flagged}/../outside/secret.txt')
select * from read_text('{flagged}/link.txt')
select * from read_text('{flagged}/linked/secret.txt')
select * from read_text('{flagged}-twin/secret.txt')
select * from read_text('../../../../../../../../etc/passwd')
select * from read_text(['{secret}', '/etc/passwd'])
select * from read_text('{outside}/*')
select * from read_csv('{outside}/**/*.csv', union_by_name = true, filename = true)
select * from glob('{outside}/*')
select * from glob('/etc/*')
select * from glob('~/*')
select * from read_text('~/.bashrc')
select * from read_csv('http://127.0.0.1:{port}/x.csv')
select * from read_parquet('https://127.0.0.1:{port}/x.parquet')
select * from read_csv('s3://bucket/key.csv')
select * from 'hf://datasets/a/b.csv'
copy (select 1) to '{outside}/new.csv'
copy flags to '{outside}/new.csv'
copy flags to '{log}' (use_tmp_file false)
copy (select 1) to '{flagged}' (format parquet, per_thread_output true, overwrite true)
copy (select 1) to '/dev/stdout'
copy flags from '{secret}'
copy from database side to memory
with x as (copy (select 1) to '{outside}/new.csv') select 1
with x as (copy flags to '{log}' (use_tmp_file false)) select * from x
with x as (insert into flags by name select * from flags returning *) select * from x
with x as (delete from flags returning *) select * from x
with x as (update flags set comment = 'gone' returning *) select * from x
explain analyze copy (select 1) to '{outside}/new.csv'
explain analyze delete from flags
explain analyze insert into flags by name select * from flags
explain analyze create table x as select 1
prepare x as copy (select 1) to '{outside}/new.csv'
execute x
deallocate x
select 1; copy (select 1) to '{outside}/new.csv'
commit; delete from flags
export database '{outside}/dump'
import database '{outside}'
attach '{outside}/new.duckdb' as other
attach '{index}' as other
attach ':memory:' as other
attach 'dbname=postgres host=127.0.0.1 port={port}' as other (type postgres)
detach side
use memory
connect 'quack:127.0.0.1:{port}'
install httpfs
force install httpfs from 'http://127.0.0.1:{port}'
load httpfs
load '{outside}/evil.duckdb_extension'
update extensions
select * from duckdb_extensions()
set enable_external_access = true
set allowed_directories = ['/']
set allowed_paths = ['{secret}']
set lock_configuration = false
set global memory_limit = '1TB'
set threads = 64
set max_expression_depth = 1000000
set temp_directory = '{outside}'
set file_search_path = '{outside}'
set home_directory = '{outside}'
set secret_directory = '{outside}'
set log_query_path = '{outside}/queries.log'
set custom_extension_repository = 'http://127.0.0.1:{port}'
set allow_unsigned_extensions = true
set python_enable_replacements = true
set variable x = (select content from read_text('{secret}'))
reset enable_external_access
reset lock_configuration
pragma enable_external_access
pragma enable_profiling = 'json'
pragma profiling_output = '{outside}/profile.json'
pragma log_query_path = '{outside}/queries.log'
pragma force_checkpoint
pragma json_execute_serialized_sql('{{}}')
call enable_logging('QueryLog', storage = 'file', storage_path = '{outside}')
select * from enable_logging('QueryLog', storage := 'file', storage_path := '{outside}')
select * from enable_profiling(save_location := '{outside}/profile.json')
call force_checkpoint()
checkpoint
vacuum
create secret s (type http, bearer_token 'x')
create persistent secret s (type http, bearer_token 'x')
select getenv('CANARY')
select * from query('select * from read_text(''{secret}'')')
select * from query_table('{secret}')
select * from query_table(['flags', '{secret}'])
select * from json_execute_serialized_sql(json_serialize_sql('select * from read_text(''{secret}'')'))
select * from CANARY
select * from sql
select * from limits
create table x as select 1
create or replace table flags as select 1
create temp table x as select * from flags
create view x as select * from read_text('{secret}')
create macro x() as table select * from read_text('{secret}')
create type x as enum ('a')
create sequence x
create index x on flags (flag_id)
alter table flags add column x integer
alter table flags rename to gone
drop table flags
drop view raw_flags
drop schema main cascade
truncate flags
insert into flags (comment) values ('x')
update flags set comment = 'gone'
delete from flags returning *
merge into flags using flags as f on false when not matched then insert (comment) values ('x')
comment on table flags is 'x'
begin transaction read write
commit
rollback
""".strip().splitlines()  # fmt: skip

RUNAWAY = """
select sleep_ms(100000)
with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t
with recursive t(n, s) as (select 1, 'x' union all select n + 1, s || s from t) select max(length(s)) from t
select count(*) from range(1000000) a, range(1000000) b, range(1000000) c
select max(md5(a.range::varchar || b.range::varchar)) from range(1000000) a, range(1000000) b
select a.range from range(1000000) a, range(1000000) b order by a.range * b.range desc
explain analyze select count(*) from range(1000000) a, range(1000000) b, range(1000000) c
select repeat('x', 4000000000)
select repeat('x', 1000000) from range(10000)
select lpad('x', 2000000000, 'y')
select string_agg(repeat('x', 1000)) from range(100000000)
select list(range) from range(3000000000)
select range(3000000000)
select unnest(generate_series(1, 100000000)), range(100000)
select array_agg(range order by hash(range)) from range(200000000)
select range from range(300000000) order by hash(range) limit 5 offset 299000000
select count(distinct md5(range::varchar)) from range(300000000)
select md5(range::varchar) as k, count(*) from range(300000000) group by k order by k
select list_reduce(range(1000000000), lambda x, y: x + y)
select levenshtein(repeat('a', 200000), repeat('b', 200000))
select histogram(random()) from range(1000000000)
select quantile_cont(random(), 0.5) from range(1000000000)
select count(*) from repeat_row(1, 2, num_rows = 9223372036854775807)
select * from range(100000000) tablesample reservoir(99%)
""".strip().splitlines()

BIG = {
    "nested parentheses": f"select {'(' * DEEP}1{')' * DEEP}",
    "nested lists": f"select {'[' * DEEP}1{']' * DEEP}",
    "nested subqueries": f"select {'(select ' * DEEP}1{')' * DEEP}",
    "nested calls": f"select {'abs(' * DEEP}1{')' * DEEP}",
    "chained not": f"select {'not ' * DEEP} true",
    "a long sum": f"select {'+'.join('1' * DEEP)}",
    "many unions": " union all ".join(["select 1"] * DEEP),
    "many columns": f"select {', '.join(f'{at} c{at}' for at in range(DEEP))}",
    "a pivot of 200,000 columns": "pivot (select range as r from range(200000)) on r using count(*)",
}
"""Statements that cost before they run; each is refused or stopped, whichever wall it meets first."""

HARMLESS = """
select 1
explain select * from flags
explain analyze select count(*) from flags
describe flags
summarize flags
show tables
show all tables
select * from duckdb_settings()
select * from duckdb_databases()
select * from duckdb_secrets()
select * from duckdb_logs()
select * from duckdb_temporary_files()
select * from duckdb_external_file_cache()
select write_log('hello', level := 'ERROR')
select current_setting('home_directory'), current_setting('secret_directory')
select getvariable('CANARY')
select setseed(0.5)
select query from query('select 1 as query')
select regexp_matches(repeat('a', 100000), '(a|a)*b')
select try_cast(repeat('[', 1000000) as integer[])
with recursive t(n) as (select 1 union all select n from t) select n from t limit 1
select * from range(9223372036854775807)
select * from repeat('x', 9223372036854775807)
select * from range(100000000) order by random() limit 0
""".strip().splitlines()


@dataclass(frozen=True)
class Aftermath:
    """What every attack came to, and the world before and after all of them."""

    outcomes: dict[str, QueryResult | QueryError]
    files_before: dict[str, str]
    files_after: dict[str, str]
    has_connected: bool


@dataclass(frozen=True)
class Scene:
    """A workspace's log folder, secrets around it, and a port that waits for a caller."""

    root: Path
    listener: socket.socket

    @property
    def flagged(self) -> Path:
        return self.root / "flagged"

    def fill(self, statement: str) -> str:
        return statement.format(
            root=self.root,
            flagged=self.flagged,
            outside=self.root / "outside",
            secret=self.root / "outside" / "secret.txt",
            log=self.flagged / "flags-0001.csv",
            index=self.flagged / ".index" / "side.duckdb",
            parent=os.getpid(),
            port=self.listener.getsockname()[1],
        )

    def hash_files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }

    def has_connected(self) -> bool:
        return bool(select.select([self.listener], [], [], 0)[0])


def write_flags(folder: Path, *comments: str) -> None:
    rows = []
    for at, comment in enumerate(comments):
        cells = {
            "flag_id": str(UUID(int=at + 1)),
            "flagged_at": "2026-11-23T10:00:00.250000Z",
            "model": "digits",
            "inputs": json.dumps({"text": f"example {at}"}),
            "confidence": repr(at / 8),
            "option": "wrong_label",
            "comment": comment,
        }
        rows.append([cells.get(name, "") for name in columns_of("flags")])
    open_logs(folder)["flags"].append(rows)


@pytest.fixture(scope="module")
def flagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log folder with three flags."""
    folder = tmp_path_factory.mktemp("workspace") / "flagged"
    write_flags(folder, "plain", 'with "quotes", and\na line', "ünïcode 🙂")
    return folder


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("scene")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Scene(root, listener)
        write_flags(made.flagged, "plain", "also plain")
        for folder in ("outside", "flagged-twin"):
            (root / folder).mkdir()
            (root / folder / "secret.txt").write_text(CANARY)
        (root / "outside" / "secret.csv").write_text(f"a,b\n{CANARY},1\n")
        (root / "outside" / "evil.duckdb_extension").write_bytes(b"\x7fELF")
        (made.flagged / "link.txt").symlink_to(root / "outside" / "secret.txt")
        (made.flagged / "linked").symlink_to(root / "outside")
        run_query(made.flagged, "select 1")
        yield made


SERVE = """
import json, os, sys
import duckdb
from pathlib import Path
from reviewer.index.sandbox import QueryLimits
from reviewer.index.sandbox_child import answer_query, connect, open_index
from reviewer.index.walls import raise_walls

task = json.load(sys.stdin)
limits = QueryLimits(**task["limits"])

def run(statement):
    empty = connect(":memory:", limits)
    if task["defence"] in ("all", "guards"):
        index = open_index(Path(task["index"]), limits, {})
    else:
        index = duckdb.connect(task["index"], config={"threads": 1, "async_threads": 0})
    if task["defence"] in ("all", "walls"):
        raise_walls(limits.seconds, limits.memory_mb)
    if task["defence"] == "all":
        return answer_query(index, empty, statement, limits)
    try:
        return repr(index.execute(statement).fetchall()).encode()
    except BaseException as error:
        return str(error).encode()

answers = []
for statement in task["statements"]:
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, run(statement))
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        answers.append(pipe.read().decode("latin-1"))
    os.wait()
print(json.dumps(answers))
"""
"""Runs each statement in its own process, behind all defences, DuckDB's guards alone or the walls alone."""


def run_script(script: str, *arguments: str, given_input: str = "") -> str:
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        input=given_input,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=CHILD_ENVIRONMENT | {"PYTHONPATH": PACKAGE_ROOT, "CANARY": CANARY},
    )
    return finished.stdout


def serve(scene: Scene, statements: Sequence[str], defence: str) -> list[bytes]:
    """Return what comes back for each statement; "all" is what `run_query` starts, without the start."""
    task = {
        "index": scene.fill("{index}"),
        "statements": [scene.fill(each) for each in statements],
        "limits": asdict(QUICK),
        "defence": defence,
    }
    answers = json.loads(run_script(SERVE, given_input=json.dumps(task)))
    return [answer.encode("latin-1") for answer in answers]


def attempt(folder: Path, sql: str, limits: QueryLimits = QUICK) -> QueryResult | QueryError:
    try:
        return run_query(folder, sql, limits)
    except QueryError as error:
        return error


def try_decoding(answer: bytes) -> QueryResult | QueryError:
    try:
        return decode_answer(answer, 0, QUICK)
    except QueryError as error:
        return error


@pytest.fixture(scope="module")
def aftermath(scene: Scene) -> Aftermath:
    """Every statement has been tried by the time the first test looks."""
    files_before = scene.hash_files()
    cheap = REFUSED + HARMLESS
    costly = [*RUNAWAY, *BIG.values()]
    outcomes = dict(zip(cheap, map(try_decoding, serve(scene, cheap, "all")), strict=True))
    with ThreadPoolExecutor(2) as pool:
        tried = pool.map(lambda statement: attempt(scene.flagged, statement, BRIEF), costly)
        outcomes |= dict(zip(costly, tried, strict=True))
    return Aftermath(outcomes, files_before, scene.hash_files(), scene.has_connected())


@pytest.mark.parametrize("statement", REFUSED)
def test_a_hostile_statement_is_refused(aftermath: Aftermath, statement: str) -> None:
    outcome = aftermath.outcomes[statement]
    assert isinstance(outcome, QueryRefusedError), outcome
    assert CANARY not in str(outcome)


@pytest.mark.parametrize("statement", RUNAWAY)
def test_a_runaway_statement_is_stopped_at_its_limit(aftermath: Aftermath, statement: str) -> None:
    assert isinstance(aftermath.outcomes[statement], QueryLimitError), aftermath.outcomes[statement]


@pytest.mark.parametrize("name", BIG)
def test_an_oversized_statement_is_refused_or_stopped(aftermath: Aftermath, name: str) -> None:
    assert isinstance(aftermath.outcomes[BIG[name]], QueryRefusedError | QueryLimitError)


@pytest.mark.parametrize("statement", HARMLESS)
def test_a_probing_statement_learns_no_secret(aftermath: Aftermath, statement: str) -> None:
    outcome = aftermath.outcomes[statement]
    assert isinstance(outcome, QueryResult), outcome
    assert CANARY not in repr(outcome.list_rows())


def test_after_all_attacks_the_files_are_as_before_and_nobody_called(aftermath: Aftermath) -> None:
    assert aftermath.files_after == aftermath.files_before
    assert not aftermath.has_connected
    assert len(aftermath.outcomes) >= 100


def knows_a_secret(answer: bytes) -> bool:
    return CANARY.encode() in answer or b"root:" in answer


@pytest.mark.parametrize("defence", ["guards", pytest.param("walls", marks=on_linux)])
def test_each_line_of_defence_holds_without_the_other(scene: Scene, defence: str) -> None:
    # DuckDB itself lets a query read the file that is attached; only the walls stop that.
    statements = [each for each in REFUSED if defence == "walls" or "{index}" not in each]
    before = scene.hash_files()
    answers = serve(scene, statements, defence)
    learnt = [each for each in zip(statements, answers, strict=True) if knows_a_secret(each[1])]
    assert learnt == []
    assert scene.hash_files() == before
    assert not scene.has_connected()


def test_no_setting_of_the_index_can_be_changed(scene: Scene) -> None:
    statements = [each for each in REFUSED if each.startswith(("set ", "reset ")) and "variable" not in each]
    answers = serve(scene, statements, "guards")
    assert [each for each in answers if b"the configuration has been locked" not in each] == []


def test_without_any_defence_the_same_statements_would_read_and_write(scene: Scene) -> None:
    statements = ["select * from read_text('{secret}')", "copy (select 1) to '{root}/written.csv'"]
    read, _ = serve(scene, statements, "none")
    written = scene.root / "written.csv"
    assert knows_a_secret(read)
    assert written.exists()
    written.unlink()


WALLED_IN = """
import json, os, socket, sys
from reviewer.index import walls

own = open(sys.argv[1], "r+b")
answer = os.dup(1)
pid = os.getppid()
if sys.argv[2] == "all":
    walls.raise_walls(5, 64)
else:
    walls.deny_by_landlock(walls.find_landlock_abi())

def connect():
    with socket.socket() as caller:
        caller.connect(("127.0.0.1", int(sys.argv[3])))

def write_own_file():
    own.write(b"changed")
    own.flush()

attempts = {
    "read a file": lambda: open(sys.argv[1]).read(),
    "list a folder": lambda: os.listdir("/"),
    "make a file": lambda: open(sys.argv[1] + ".new", "w"),
    "delete a file": lambda: os.unlink(sys.argv[1]),
    "cut a file": lambda: os.truncate(sys.argv[1], 0),
    "run a program": lambda: os.execv("/bin/true", ["true"]),
    "call a port": connect,
    "send a datagram": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
    "signal the parent": lambda: os.kill(pid, 0),
    "write to an open file": write_own_file,
    "take much memory": lambda: bytearray(200 * 2**20),
    "take some memory": lambda: bytearray(20 * 2**20),
    "lift a limit": lambda: __import__("resource").setrlimit(7, (64, 64)) or open(sys.argv[1]).read(),
}
done = {}
for name, attempt in attempts.items():
    try:
        attempt()
        done[name] = True
    except (OSError, MemoryError, ValueError):
        done[name] = False
os.write(answer, json.dumps(done).encode())
os._exit(0)
"""


def try_behind_walls(tmp_path: Path, which: str) -> dict[str, bool]:
    """Return which attempts succeeded."""
    own = tmp_path / "own.txt"
    own.write_text("as it was")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done: dict[str, bool] = json.loads(run_script(WALLED_IN, str(own), which, str(port)))
    assert which != "all" or own.read_text() == "as it was"
    return done


@on_linux
def test_behind_the_walls_nothing_works_but_a_little_memory(tmp_path: Path) -> None:
    done = try_behind_walls(tmp_path, "all")
    if find_landlock_abi() < 6:
        del done["signal the parent"]
    assert [name for name, has_worked in done.items() if has_worked] == ["take some memory"]


@pytest.mark.skipif(find_landlock_abi() < 6, reason="the kernel's Landlock is older, or there is none")
def test_landlock_alone_keeps_files_ports_and_other_processes_out_of_reach(tmp_path: Path) -> None:
    done = try_behind_walls(tmp_path, "landlock")
    assert [name for name, has_worked in done.items() if has_worked] == [
        "send a datagram",
        "write to an open file",
        "take much memory",
        "take some memory",
    ]


@on_linux
def test_walls_are_not_raised_around_a_second_thread() -> None:
    said = run_script(
        """
        import threading
        from reviewer.index.walls import raise_walls

        held = threading.Event()
        threading.Thread(target=held.wait).start()
        try:
            raise_walls(5, 64)
        except RuntimeError as error:
            print(error)
        held.set()
        """
    )
    assert said == "2 threads are running: the walls would bind only one of them\n"


def test_a_walled_process_that_nobody_stops_ends_by_itself() -> None:
    with pytest.raises(subprocess.CalledProcessError) as end:
        run_script(
            "import time; from reviewer.index.walls import raise_walls; raise_walls(0, 64); time.sleep(60)"
        )
    assert end.value.returncode == -signal.SIGALRM


def wait_until(is_so: Callable[[], Any]) -> Any:
    """Return the first true answer."""
    until = time.monotonic() + 30
    while not (answer := is_so()):
        assert time.monotonic() < until
        time.sleep(0.005)
    return answer


def list_processes(folder: Path) -> list[Path]:
    """Return the /proc folders of the processes of queries on a folder, oldest first."""
    found = []
    for each in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        with contextlib.suppress(OSError):
            command = (each / "cmdline").read_bytes()
            if b"sandbox_child" in command and os.fsencode(folder.resolve()) in command:
                found.append(each)
    return found


def has_walls(process: Path) -> bool:
    with contextlib.suppress(OSError):
        limits = (process / "limits").read_text().splitlines()
        return next(line for line in limits if "open files" in line).split()[3] == "0"
    return False


@on_linux
def test_the_process_behind_the_walls_holds_one_thread_its_pipes_and_the_index(
    flagged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", CANARY)
    with ThreadPoolExecutor(1) as pool, (flagged / "flags-0001.csv").open() as held:
        os.set_inheritable(held.fileno(), True)
        asked = pool.submit(attempt, flagged, "select sleep_ms(100000)", QueryLimits(seconds=60))
        child = wait_until(lambda: next(filter(has_walls, list_processes(flagged)), None))
        status = (child / "status").read_text()
        targets = sorted(str(each.readlink()).split(":")[0] for each in (child / "fd").iterdir())
        environment = (child / "environ").read_bytes()
        os.kill(int(child.name), signal.SIGKILL)
    assert "Threads:\t1\n" in status
    index = str((flagged / ".index" / "side.duckdb").resolve())
    assert targets == sorted(["pipe", "pipe", "/dev/null", "socket", index])
    assert {each.split(b"=")[0].decode() for each in environment.split(b"\0") if each} == set(
        CHILD_ENVIRONMENT
    )
    assert "ended without an answer" in str(asked.result())


@on_linux
def test_a_stopped_query_leaves_no_process_behind(flagged: Path) -> None:
    limits = QueryLimits(seconds=0.2)
    assert isinstance(attempt(flagged, "select sleep_ms(100000)", limits), QueryLimitError)
    wait_until(lambda: not list_processes(flagged))


@on_linux
def test_a_killed_app_takes_its_query_with_it(flagged: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from reviewer.index.sandbox import *;"
        "run_query(Path(sys.argv[1]), 'select sleep_ms(100000)', QueryLimits(seconds=100))"
    )
    app = subprocess.Popen(
        [sys.executable, "-c", script, flagged], env=os.environ | {"PYTHONPATH": PACKAGE_ROOT}
    )
    with app:
        wait_until(lambda: any(map(has_walls, list_processes(flagged))))
        app.kill()
    wait_until(lambda: not list_processes(flagged))


def test_values_arrive_exactly_as_they_lie_in_the_index(flagged: Path) -> None:
    result = run_query(
        flagged,
        "select flag_id, flagged_at, model, confidence, comment, severity from flags order by flag_id",
    )
    assert result.columns == ("flag_id", "flagged_at", "model", "confidence", "comment", "severity")
    assert result.types == ("UUID", "TIMESTAMP", "VARCHAR", "DOUBLE", "VARCHAR", "VARCHAR")
    at = datetime(2026, 11, 23, 10, 0, 0, 250_000)  # noqa: DTZ001  the index keeps UTC without a zone
    assert [list(row.values()) for row in result.table.to_pylist()] == [
        [str(UUID(int=1)), at, "digits", 0.0, "plain", None],
        [str(UUID(int=2)), at, "digits", 0.125, 'with "quotes", and\na line', None],
        [str(UUID(int=3)), at, "digits", 0.25, "ünïcode 🙂", None],
    ]
    assert not result.is_truncated
    assert result.index_age_seconds == 0


VALUES: list[tuple[str, str, object, object]] = [
    ("null", '"NULL"', None, None),
    ("true", "BOOLEAN", True, True),
    ("(-128)::tinyint", "TINYINT", -128, -128),
    ("9223372036854775807", "BIGINT", 2**63 - 1, "9223372036854775807"),
    ("18446744073709551615::ubigint", "UBIGINT", 2**64 - 1, "18446744073709551615"),
    ("sum(3) over ()", "HUGEINT", 3, 3),
    ("-(2::hugeint ** 53)::hugeint", "HUGEINT", -(2**53), -(2**53)),
    (f"{2**127 - 1}::hugeint", "HUGEINT", Decimal(2**127 - 1), str(2**127 - 1)),
    (f"{2**128 - 1}::uhugeint", "UHUGEINT", str(2**128 - 1), str(2**128 - 1)),
    ("'1.50'::decimal(9, 2)", "DECIMAL(9,2)", Decimal("1.50"), "1.50"),
    ("0.1::double", "DOUBLE", 0.1, 0.1),
    ("'inf'::double", "DOUBLE", float("inf"), "inf"),
    ("'-inf'::float", "FLOAT", float("-inf"), "-inf"),
    ("chr(0) || '🙂'", "VARCHAR", "\0🙂", "\0🙂"),
    ("''", "VARCHAR", "", ""),
    (r"'a\x00\xFF'::blob", "BLOB", b"a\x00\xff", "6100ff"),
    ("date '2024-02-29'", "DATE", date(2024, 2, 29), "2024-02-29"),
    (
        "timestamp '2024-02-29 01:02:03.000004'",
        "TIMESTAMP",
        datetime(2024, 2, 29, 1, 2, 3, 4),  # noqa: DTZ001  a TIMESTAMP has no zone
        "2024-02-29T01:02:03.000004",
    ),
    (
        "timestamptz '2024-02-29 01:02:03+02'",
        "TIMESTAMP WITH TIME ZONE",
        datetime(2024, 2, 28, 23, 2, 3, tzinfo=UTC),
        "2024-02-28T23:02:03+00:00",
    ),
    (
        "timestamp_ns '2024-02-29 01:02:03.000000004'",
        "TIMESTAMP_NS",
        pd.Timestamp("2024-02-29 01:02:03.000000004"),
        "2024-02-29T01:02:03.000000004",
    ),
    ("interval '1 month 2 days 3.5 seconds'", "INTERVAL",
     "1 month 2 days 00:00:03.5", "1 month 2 days 00:00:03.5"),
    ("'0101'::bit", "BIT", "0101", "0101"),
    ("uuid '0190e5f0-0000-7000-8000-000000000001'", "UUID",
     "0190e5f0-0000-7000-8000-000000000001", "0190e5f0-0000-7000-8000-000000000001"),
    ("'y'::enum('x', 'y')", "ENUM('x', 'y')", "y", "y"),
    ("""'{"a": 1}'::json""", "JSON", '{"a": 1}', '{"a": 1}'),
    ("[1, null, 3]", "INTEGER[]", [1, None, 3], [1, None, 3]),
    ("[1.5::double, 'nan'::double][:1]", "DOUBLE[]", [1.5], [1.5]),
    ("{'a': 1, 'b': [date '2024-01-01']}", "STRUCT(a INTEGER, b DATE[])",
     {"a": 1, "b": [date(2024, 1, 1)]}, {"a": 1, "b": ["2024-01-01"]}),
    ("map {'k': 1}", "MAP(VARCHAR, INTEGER)", [("k", 1)], [["k", 1]]),
    ("[interval 1 day]", "INTERVAL[]", "[1 day]", "[1 day]"),
    ("union_value(num := 2)", "UNION(num INTEGER)", "2", "2"),
]  # fmt: skip


@pytest.fixture(scope="module")
def valued(flagged: Path) -> QueryResult:
    """One row with a column for each value of the table."""
    return run_query(flagged, f"select {', '.join(sql for sql, *_ in VALUES)}")


@pytest.mark.parametrize("at", range(len(VALUES)), ids=[sql for sql, *_ in VALUES])
def test_a_value_keeps_its_type_and_is_exact_in_json(valued: QueryResult, at: int) -> None:
    _, duckdb_type, python_value, json_value = VALUES[at]
    assert valued.types[at] == duckdb_type
    assert valued.table.column(at).to_pylist() == [python_value]
    (row,) = valued.list_rows()
    assert json.loads(json.dumps(row[at], allow_nan=False)) == json_value


def test_nan_is_no_null(flagged: Path) -> None:
    result = run_query(flagged, "select 'nan'::double, null::double")
    assert result.list_rows() == [["nan", None]]


def test_columns_of_one_name_stay_apart(flagged: Path) -> None:
    result = run_query(flagged, """select 1 as a, 'x' as a, 2.5::double as "b ""c", true as a""")
    assert result.columns == ("a", "a", 'b "c', "a")
    assert result.list_rows() == [[1, "x", 2.5, True]]
    assert [str(each) for each in result.to_frame().dtypes] == ["Int32", "str", "float64", "boolean"]


def test_a_frame_has_types_to_calculate_with(flagged: Path) -> None:
    frame = run_query(
        flagged,
        "select confidence, flagged_at, flagged_at::date as day, sum(7) over () as total,"
        " nullif(seq, 0) as none, comment from flags order by 1",
    ).to_frame()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "confidence": "float64",
        "flagged_at": "datetime64[us]",
        "day": "datetime64[ms]",
        "total": "Int64",
        "none": "Int32",
        "comment": "str",
    }
    assert frame["total"].tolist() == [21, 21, 21]
    assert frame["none"].isna().all()


def test_an_empty_result_keeps_its_columns(flagged: Path) -> None:
    result = run_query(flagged, "select flag_id, confidence from flags where false")
    assert (result.columns, result.types) == (("flag_id", "confidence"), ("UUID", "DOUBLE"))
    assert result.list_rows() == []
    assert result.to_frame().shape == (0, 2)


@pytest.mark.parametrize(
    ("statement", "first_row"),
    [
        ("describe flags", "position"),
        ("pivot flags on option using count(*) group by model", "digits"),
        ("from flags select count(*)", 3),
        ("values (1, 2)", 1),
        ("with x as (select 5 as n) select n from x;", 5),
        ("-- a comment\nselect 6 /* another */", 6),
    ],
)
def test_every_way_to_read_works(flagged: Path, statement: str, first_row: object) -> None:
    assert run_query(flagged, statement).list_rows()[0][0] == first_row


def test_rows_past_the_limit_are_cut_off_and_the_result_says_so(flagged: Path) -> None:
    limits = QueryLimits(rows=1000)
    exact = run_query(flagged, "select range from range(1000) order by range desc", limits)
    assert (exact.table.num_rows, exact.is_truncated) == (1000, False)
    over = run_query(flagged, "select range from range(1001) order by range desc", limits)
    assert (over.table.num_rows, over.is_truncated) == (1000, True)
    assert over.list_rows()[0] == [1000]


def test_a_result_under_the_byte_limit_arrives_and_one_over_it_is_refused(flagged: Path) -> None:
    limits = QueryLimits(result_mb=2)
    assert run_query(flagged, "select repeat('x', 1900000)", limits).table.nbytes > 1_900_000
    with pytest.raises(QueryLimitError, match="larger than 2 MB"):
        run_query(flagged, "select repeat('x', 2100000)", limits)


def test_what_other_processes_append_is_in_the_next_result(tmp_path: Path) -> None:
    folder = tmp_path / "flagged"
    write_flags(folder, "first")
    assert run_query(folder, "select count(*) from flags").list_rows() == [[1]]
    write_flags(folder, "first", "second")
    assert run_query(folder, "select count(*) from flags").list_rows() == [[2]]


def test_while_another_reader_holds_the_index_the_result_says_how_old_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "flagged"
    write_flags(folder, "first")
    with SideIndex(folder).snapshot():
        write_flags(folder, "first", "second")
        result = run_query(folder, "select count(*) from flags")
    assert result.list_rows() == [[1]]
    assert result.index_age_seconds > 0


def test_each_model_has_a_view_with_its_inputs_as_columns(flagged: Path) -> None:
    views = {"digits": {"text": "textbox", "size": "number"}, "wine": {"text": "textbox"}}
    result = run_query(flagged, "select text, size from digits order by text", views=views)
    assert result.list_rows() == [["example 0", None], ["example 1", None], ["example 2", None]]
    assert result.types == ("VARCHAR", "DOUBLE")
    assert run_query(flagged, "select text from wine", views=views).list_rows() == []
    with pytest.raises(QueryRefusedError, match="digits does not exist"):
        run_query(flagged, "select text from digits")


def test_an_empty_workspace_can_be_queried(tmp_path: Path) -> None:
    assert run_query(tmp_path / "flagged", "select count(*) from flags").list_rows() == [[0]]


def test_queries_of_many_threads_each_get_their_own_answer(
    flagged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "QUEUE_SECONDS", 60)
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda at: run_query(flagged, f"select {at}"), range(6)))
    assert [result.list_rows() for result in results] == [[[at]] for at in range(6)]


def test_a_third_query_at_once_is_told_to_come_back(flagged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "QUEUE_SECONDS", 0.05)
    with sandbox._SLOTS, sandbox._SLOTS, pytest.raises(QueryLimitError, match="Two other queries"):
        run_query(flagged, "select 1")
    assert run_query(flagged, "select 1").list_rows() == [[1]]


SENTENCES = {
    "": "There is no statement to run; write one, such as SELECT * FROM flags.",
    "  ;; -- nothing\n": "There is no statement to run; write one, such as SELECT * FROM flags.",
    "select 1; select 2": "These are 2 statements; run one at a time.",
    "drop table flags": "DROP is not allowed here:"
    " run one SELECT, WITH, PIVOT, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN.",
    "update extensions": "This statement is not allowed here:"
    " run one SELECT, WITH, PIVOT, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN.",
    "selct 1": 'Parser Error: syntax error at or near "selct"\nLINE 1: selct 1\n        ^^^^^',
    "from nowhere": "Catalog Error: Table with name nowhere does not exist!",
    "select model + 1 from flags": "Binder Error: No function matches the given name and argument types"
    " '+(VARCHAR, INTEGER_LITERAL)'. You might need to add explicit type casts.",
    "select modell from flags": 'Binder Error: Referenced column "modell" not found in FROM clause!',
    "select error('boom')": "Invalid Input Error: boom",
    "select '\ud800'": r"The statement holds '\ud800', half of a character.",
    "select date 'infinity' as d": "Column 'd' holds a time outside the years 1 to 9999; cast it to VARCHAR.",
    "select [timestamp '-infinity'] as d": "Column 'd' holds a time outside the years 1 to 9999;"
    " cast it to VARCHAR.",
}


@pytest.mark.parametrize("statement", SENTENCES)
def test_a_refusal_says_what_is_wrong(flagged: Path, statement: str) -> None:
    with pytest.raises(QueryRefusedError) as refusal:
        run_query(flagged, statement)
    assert str(refusal.value).startswith(SENTENCES[statement])


def test_an_expensive_query_is_told_which_limit_it_met(flagged: Path) -> None:
    with pytest.raises(QueryLimitError, match=r"stopped after 0\.5 seconds, the most one may take"):
        run_query(flagged, "select sleep_ms(100000)", QueryLimits(seconds=0.5))
    with pytest.raises(QueryLimitError, match="more than 100 MB of memory, the most one may use"):
        run_query(flagged, "select list(range) from range(100000000)", QueryLimits(memory_mb=100))


def test_a_statement_of_a_megabyte_runs_and_a_longer_one_is_refused(flagged: Path) -> None:
    longest = "select 1 --".ljust(sandbox.MOST_SQL_BYTES, "x")
    assert run_query(flagged, longest).list_rows() == [[1]]
    with pytest.raises(QueryRefusedError, match="1,000,001 bytes long; at most 1,000,000"):
        run_query(flagged, longest + "x")


def test_a_log_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "flagged"
    folder.mkdir()
    (folder / "flags-0001.csv").write_text("another,header\n1,2\n")
    with pytest.raises(QueryError, match=r"flags-0001\.csv"):
        run_query(folder, "select 1")


def test_the_child_ignores_the_paths_and_settings_of_its_parent(
    flagged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("duckdb.py", "sitecustomize.py", "usercustomize.py", "json.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')")
    (tmp_path / ".duckdbrc").write_text(".output was_run")
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.chdir(tmp_path)
    result = run_query(flagged, "select current_setting('timezone'), timestamptz '2024-01-01 00:00:00'")
    assert result.list_rows() == [["UTC", "2024-01-01T00:00:00+00:00"]]
    assert not (tmp_path / "was_run").exists()


def pack_answer(table: pa.Table, types: list[str]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return json.dumps({"types": types}).encode() + b"\n" + bytes(sink.getvalue())


ANSWER = pack_answer(
    pa.table({"a": [1, None, 3], "b": ["x", "yy", None], "c": [[1.5], [], None], "d": ["1", "2", "3"]}),
    ["INTEGER", "VARCHAR", "DOUBLE[]", "HUGEINT"],
)


def test_an_answer_in_order_is_read() -> None:
    result = decode_answer(ANSWER, 1.5, QueryLimits(rows=2))
    assert result.list_rows() == [[1, "x", [1.5], 1], [None, "yy", [], 2]]
    assert (result.is_truncated, result.index_age_seconds) == (True, 1.5)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(ANSWER) - 1), st.integers(0, 255)), max_size=4), st.booleans())
def test_a_damaged_answer_is_refused_or_a_result(changes: list[tuple[int, int]], is_cut: bool) -> None:
    answer = bytearray(ANSWER)
    for at, byte in changes:
        answer[at] = byte
    if is_cut:
        del answer[changes[0][0] if changes else 0 :]
    with contextlib.suppress(QueryError):
        result = decode_answer(bytes(answer), 0, QueryLimits(rows=2))
        assert result.table.num_rows <= 2


def test_an_answer_whose_texts_reach_outside_of_it_is_refused() -> None:
    offsets, wild = struct.pack("<4i", 0, 1, 3, 3), struct.pack("<4i", 0, 1, 1 << 30, 1 << 30)
    assert ANSWER.count(offsets) == 1
    with pytest.raises(QueryRefusedError, match="an answer that cannot be read"):
        decode_answer(ANSWER.replace(offsets, wild), 0, QueryLimits())


@pytest.mark.parametrize(
    "answer",
    [
        b"\n",
        b"not json\n",
        b"[]\n",
        b"{}\n",
        b"[" * 100_000,
        b'{"types": []}\n',
        b'{"types": ["INTEGER"]}\nnot arrow',
        pack_answer(pa.table({"a": [1]}), ["INTEGER", "INTEGER"]),
        pack_answer(pa.table({"a": ["x"]}), ["HUGEINT"]),
    ],
)
def test_an_answer_of_another_shape_is_refused(answer: bytes) -> None:
    with pytest.raises(QueryRefusedError, match="an answer that cannot be read"):
        decode_answer(answer, 0, QueryLimits())


def test_a_thrown_switch_ends_the_query_at_once(flagged: Path) -> None:
    switch = StopSwitch()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            run_query, flagged, "select sleep_ms(60000)", QueryLimits(seconds=60), None, switch
        )
        switch.throw()
        with pytest.raises(StoppedError, match="was stopped"):
            running.result(timeout=30)


def test_a_switch_that_was_not_thrown_changes_nothing(flagged: Path) -> None:
    assert run_query(flagged, "select 1 as one", switch=StopSwitch()).list_rows() == [[1]]


def test_a_long_result_comes_in_parts_that_hold_every_row(flagged: Path) -> None:
    result = run_query(flagged, "select range as n from range(25000)", QueryLimits(rows=30_000))
    parts = list(result.stream_rows())
    assert [len(part) for part in parts] == [10_000, 10_000, 5_000]
    assert [row for part in parts for row in part] == result.list_rows() == [[n] for n in range(25_000)]


def test_a_query_of_several_seconds_is_answered(flagged: Path) -> None:
    result = run_query(flagged, "select sleep_ms(2300), 7 as answer")
    assert result.list_rows() == [[None, 7]]
