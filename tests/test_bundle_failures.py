"""Exports that cannot be: each says why and what to do, and leaves what was there before as it was."""

from __future__ import annotations

import contextlib
import fcntl
import json
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exports import export_flags, ignore, log_flags, open_index, plan_flags
from test_bundle import SPEC, make_reviewed, read_csv, read_rows

from reviewer.bundle import Bundle, read_bundles, read_options, write_bundle
from reviewer.errors import ConfigError, InputError, LogError, ReviewerError, StoppedError
from reviewer.log.media import MediaStore
from reviewer.records import Flag


def list_left(folder: Path) -> set[str]:
    """Return what lies in the folder of exports."""
    return {each.name for each in (folder / "exports/tickets").iterdir()}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "No flag of tickets has been reviewed yet"),
        ([make_reviewed(label=None, resolution="ambiguous")], r"No reviewed flag .* \(ambiguous 1\)"),
    ],
)
def test_an_export_of_nothing_says_what_to_do(tmp_path: Path, flags: list[Flag], words: str) -> None:
    plan = plan_flags(tmp_path, SPEC, flags)
    assert plan.findings[0].is_stop
    with pytest.raises(InputError, match=words):
        export_flags(tmp_path, SPEC)
    assert list_left(tmp_path) == {".lock"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "most"}, "mode is 'most': "),
        ({"policy": "loudest"}, "policy is 'loudest': "),
        ({"shares": {"train": 0.5}}, "shares is .*add up to 0.5; they must add up to 1"),
        ({"shares": {"train": 1, "exam": 0}}, "There is no split 'exam'"),
        ({"shares": {"train": 1.5, "test": -0.5}}, "the share of train is 1.5; use one from 0 to 1"),
        ({"min_agreement": 2}, "min_agreement is '2'"),
        ({"color": "red"}, "color is 'red'"),
    ],
)
def test_an_option_that_cannot_be_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_options(**given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"formats": ["docx"]}, r"There is no format 'docx'.*csv"),
        ({"formats": ["preference"]}, "The format preference is for a text generation model, .*use csv"),
        ({"mode": "merge"}, "tickets has no base CSV to merge into"),
        ({"base": "data/none.csv"}, r"There is no file data/none\.csv"),
    ],
)
def test_a_choice_that_the_model_cannot_have_is_named_before_anything_is_written(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ReviewerError, match=words):
        export_flags(tmp_path, SPEC, [make_reviewed()], **given)
    with pytest.raises(ReviewerError, match=words):
        plan_flags(tmp_path, SPEC, **given)
    assert read_bundles(tmp_path, "tickets") == []


def test_an_input_named_like_a_column_of_the_export_is_refused(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"inputs": {"label": SPEC.inputs["text"]}})
    with pytest.raises(ConfigError, match=r"models\.tickets\.inputs\.label"):
        export_flags(tmp_path, spec, [make_reviewed()])


@contextlib.contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [100, 1500, 4000, 6000])
def test_an_export_to_a_full_disk_leaves_the_earlier_one_whole(tmp_path: Path, size: int) -> None:
    first = export_flags(tmp_path, SPEC, [make_reviewed()])
    before = list_left(tmp_path), (tmp_path / "exports/tickets/splits.csv").read_bytes()
    log_flags(tmp_path, [make_reviewed(f"{number} " + "word " * 100) for number in range(20)])
    with open_index(tmp_path) as cursor, limit_file_size(size), pytest.raises(LogError, match="free space"):
        export_with(cursor, tmp_path)
    assert read_bundles(tmp_path, "tickets") == [first]
    assert (list_left(tmp_path), (tmp_path / "exports/tickets/splits.csv").read_bytes()) == before
    assert len(read_rows(export_flags(tmp_path, SPEC))) == 21


def export_with(cursor: Any, folder: Path, progress: Any = ignore) -> Bundle:
    media = MediaStore(folder / "flagged/media")
    return write_bundle(cursor, folder, SPEC, media, read_options(formats=["csv", "jsonl"]), progress)


@pytest.mark.parametrize("last", range(1, 8))
def test_a_cancelled_export_leaves_nothing(
    tmp_path: Path, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviewer.bundle.rows.PART_ROWS", 1)
    log_flags(tmp_path, [make_reviewed("a"), make_reviewed("b")])
    calls = iter(range(1, last))

    def cancel(share: float, doing: str) -> None:
        if next(calls, None) is None:
            raise StoppedError("Stopped.")

    with open_index(tmp_path) as cursor:
        with pytest.raises(StoppedError):
            export_with(cursor, tmp_path, cancel)
        assert list_left(tmp_path) == {".lock"}
        assert export_with(cursor, tmp_path).counts["written"] == 2


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    bundle = export_flags(tmp_path, SPEC, [make_reviewed()])
    for text in ("{", "[]", "{}"):
        (bundle.path / "manifest.json").write_text(text)
        with pytest.raises(LogError, match=r"tickets/1/manifest\.json is damaged"):
            read_bundles(tmp_path, "tickets")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", '"never closed'])
def test_a_damaged_list_of_splits_is_named_and_nothing_is_dealt_anew(tmp_path: Path, text: str) -> None:
    export_flags(tmp_path, SPEC, [make_reviewed()])
    path = tmp_path / "exports/tickets/splits.csv"
    path.write_text(text)
    with pytest.raises(LogError, match=r"splits\.csv is damaged .* put back a copy"):
        export_flags(tmp_path, SPEC, [make_reviewed("new")])
    assert path.read_text() == text


def test_a_bundle_of_an_older_version_is_a_parent_from_which_a_delta_takes_all(tmp_path: Path) -> None:
    bundle = export_flags(tmp_path, SPEC, [make_reviewed("a")])
    old = {name: bundle.manifest[name] for name in ("name", "model", "counts")}
    (bundle.path / "manifest.json").write_text(json.dumps(old))
    delta = export_flags(tmp_path, SPEC, [make_reviewed("b")], mode="delta")
    assert [row["text"] for row in read_rows(delta)] == ["a", "b"]
    assert delta.manifest["parent"] == "1"


def test_an_index_that_is_broken_is_told_as_a_sentence(tmp_path: Path) -> None:
    log_flags(tmp_path, [make_reviewed()])
    with open_index(tmp_path) as cursor:
        cursor.execute("create temp table flags as select 1 as position")
        with pytest.raises(LogError, match=r"The index could not work the export out .* reindex"):
            export_with(cursor, tmp_path)
        cursor.execute("drop table temp.flags")


def test_exports_by_several_threads_are_one_bundle(tmp_path: Path) -> None:
    log_flags(tmp_path, [make_reviewed(str(number)) for number in range(30)])
    made: list[Bundle] = []
    with open_index(tmp_path) as connection:

        def work() -> None:
            with connection.cursor() as cursor:
                made.append(export_with(cursor, tmp_path))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert [each.name for each in made] == ["1"] * 4
    assert list_left(tmp_path) == {"1", "splits.csv", ".lock"}


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from exports import export_flags
from test_bundle import SPEC
export_flags(Path({folder!r}), SPEC, weights=sys.argv[1])
"""


def test_exports_by_several_processes_give_every_example_one_split(tmp_path: Path) -> None:
    log_flags(tmp_path, [make_reviewed(str(number)) for number in range(30)])
    program = PROGRAM.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    workers = [subprocess.Popen([sys.executable, "-c", program, weights]) for weights in ("none", "evidence")]
    assert [each.wait() for each in workers] == [0, 0]
    bundles = read_bundles(tmp_path, "tickets")
    assert len(bundles) == 2
    known = {row["example_id"]: row["split"] for row in read_csv(tmp_path / "exports/tickets/splits.csv")}
    for bundle in bundles:
        assert {row["example_id"]: row["split"] for row in read_rows(bundle)} == known


def test_an_export_that_waits_for_another_one_can_be_stopped(tmp_path: Path) -> None:
    log_flags(tmp_path, [make_reviewed()])
    (tmp_path / "exports/tickets").mkdir(parents=True)
    seen: list[str] = []

    def stop(share: float, doing: str) -> None:
        seen.append(doing)
        raise StoppedError("The work was stopped.")

    with (tmp_path / "exports/tickets/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open_index(tmp_path) as cursor, pytest.raises(StoppedError):
            export_with(cursor, tmp_path, stop)
    assert seen == ["Waiting for another export of the model"]
    assert export_flags(tmp_path, SPEC).counts["written"] == 1
