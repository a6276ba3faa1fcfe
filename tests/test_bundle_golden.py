"""The bytes of a bundle, as they are for one small fixed set, and that two runs give the same ones."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from builders import append, make_flag, make_review
from exports import ignore, open_index

from reviewer.bundle import Bundle, list_formats, read_options, write_bundle
from reviewer.config import ModelSpec
from reviewer.log import open_logs
from reviewer.log.media import MediaStore

GOLDEN = Path(__file__).parent / "golden/bundle"
"""Made by `UPDATE_GOLDEN=1 pytest tests/test_bundle_golden.py`; read the difference before you commit it."""

SPEC = ModelSpec.model_validate(
    {
        "name": "tickets",
        "task": "text-classification",
        "labels": ["billing", "refund", "login", "007"],
        "inputs": {"text": "textbox"},
    }
)
TEXTS = ("=x", "NA", '"two"\nlines', "sign in, please", "ask bob@x.example", "больше нет", "007", " a ")
BINARY = {".parquet"}
ENDING = ".golden"
"""Of the files here, so that no tool takes `load.py` for one of the tests."""


def make_id(number: int) -> str:
    return f"01939c5a-0000-7000-8000-{number:012x}"


def write_logs(folder: Path) -> None:
    """Append the fixed set: eight flags, of which one was answered by two people."""
    logs = open_logs(folder / "flagged")
    labels = [SPEC.labels[number % 4] for number in range(len(TEXTS))]
    for number, (text, label) in enumerate(zip(TEXTS, labels, strict=True)):
        flag = make_flag(inputs={"text": text}, predicted_label="billing" if number else "login")
        review = make_review(
            make_id(number), seq=1, value="label_corrected", corrected_label=label, reviewer="ann",
            certainty=number % 5 + 1,
        )  # fmt: skip
        ids: dict[str, Any] = {"prediction_id": make_id(100 + number), "flag_id": make_id(number)}
        given: dict[str, Any] = {"event_id": make_id(200 + number), "action_id": make_id(300 + number)}
        append(logs, replace(flag, **ids), replace(review, **given))
    again = make_review(make_id(3), seq=2, value="label_corrected", corrected_label="login", reviewer="ben")
    append(logs, replace(again, event_id=make_id(400), action_id=make_id(401)))
    rejected = make_flag(inputs={"text": "spam"})
    append(logs, replace(rejected, flag_id=make_id(50), prediction_id=make_id(150)))
    said = make_review(make_id(50), seq=1, value="out_of_scope", reviewer="ann")
    append(logs, replace(said, event_id=make_id(250), action_id=make_id(350)))


def export(folder: Path, threads: int = 1, **options: Any) -> Bundle:
    given = {"formats": list_formats(SPEC), "personal": "redact", "policy": "soft", **options}
    with open_index(folder) as cursor:
        cursor.execute(f"set threads = {threads}")
        return write_bundle(
            cursor, folder, SPEC, MediaStore(folder / "flagged/media"), read_options(**given), ignore
        )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("golden")
    write_logs(folder)
    return export(folder)


def read_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_bytes_of_every_file_that_people_read_are_these(
    bundle: Bundle, request: pytest.FixtureRequest
) -> None:
    found = {name: data for name, data in read_files(bundle.path).items() if Path(name).suffix not in BINARY}
    # Hashes of Parquet files change with the version of the library that writes them.
    found = {name: hide_hashes(bundle.path, data) for name, data in found.items()}
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(GOLDEN, ignore_errors=True)
        for name, data in found.items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / f"{name}{ENDING}").write_bytes(data)
    expected = {name.removesuffix(ENDING): data for name, data in read_files(GOLDEN).items()}
    assert found.keys() == expected.keys()
    for name, data in found.items():
        assert data.decode() == expected[name].decode(), name


def hide_hashes(folder: Path, data: bytes) -> bytes:
    hashed = [path for path in folder.rglob("*") if path.is_file() and depends_on_parquet(path)]
    for path in hashed:
        data = data.replace(hashlib.sha256(path.read_bytes()).hexdigest().encode(), path.name.encode())
    return data


def depends_on_parquet(path: Path) -> bool:
    return path.suffix in BINARY or path.name == "croissant.json"


def test_rows_that_are_read_in_many_parts_are_the_same_files(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviewer.bundle.rows.PART_ROWS", 2)
    shutil.copytree(bundle.path.parents[2] / "flagged", tmp_path / "flagged")
    parts = export(tmp_path)
    assert read_tables(parts) == read_tables(bundle)
    others = [name for name in read_files(bundle.path) if not depends_on_parquet(Path(name))]
    for name in sorted({*others} - {"manifest.json", "SHA256SUMS"}):
        assert (parts.path / name).read_bytes() == (bundle.path / name).read_bytes(), name


def read_tables(bundle: Bundle) -> dict[str, list[dict[str, Any]]]:
    paths = bundle.path.rglob("*.parquet")
    return {path.relative_to(bundle.path).as_posix(): pq.read_table(path).to_pylist() for path in paths}


def test_two_folders_with_the_same_logs_and_choices_give_the_same_bytes(
    bundle: Bundle, tmp_path: Path
) -> None:
    shutil.copytree(bundle.path.parents[2] / "flagged", tmp_path / "flagged")
    shutil.rmtree(tmp_path / "flagged/.index")
    assert read_files(export(tmp_path, threads=4).path) == read_files(bundle.path)


def test_an_index_that_was_read_in_steps_gives_the_same_rows(bundle: Bundle, tmp_path: Path) -> None:
    write_logs(tmp_path)
    first = export(tmp_path, weights="none")
    second = export(tmp_path)
    assert first.name == "1"
    names = ["train.csv", "train.parquet", "verify.parquet", "train.jsonl", "README.md"]
    for name in names:
        assert (second.path / name).read_bytes() == (bundle.path / name).read_bytes()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_many_rows_and_several_threads_give_the_same_bytes(many: dict[int, Bundle], ending: str) -> None:
    one, four = ((many[threads].path / f"train.{ending}").read_bytes() for threads in (1, 4))
    assert hashlib.sha256(one).hexdigest() == hashlib.sha256(four).hexdigest()
    assert many[1].counts["splits"]["train"] > 122_880


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Bundle]:
    """Exports of rows that fill several chunks and row groups, by threads; the index is made up in SQL."""
    import duckdb

    from reviewer.index.sync import create_tables

    made = {}
    for threads in (1, 4):
        folder = tmp_path_factory.mktemp(f"many{threads}")
        with duckdb.connect() as connection:
            connection.execute(f"set threads = {threads}")
            create_tables(connection)
            connection.execute(MANY)
            options = read_options(formats=["csv", "jsonl", "parquet"], personal="allow")
            made[threads] = write_bundle(
                connection, folder, SPEC, MediaStore(folder / "media"), options, ignore
            )
    return made


MANY = """
insert into flags by name
select
    i as position, ('01939c5a-0000-7000-8000-' || lpad(i::varchar, 12, '0'))::uuid as flag_id,
    'tickets' as model, 'v' || i % 3 as model_version, md5(i::varchar) as example_id,
    json_object('text', 'text ' || i % 5000) as inputs, 'billing' as predicted_label, 'other' as option,
    'manual' as source, 'resolved' as status, 'label_corrected' as resolution,
    ['refund', 'login'][1 + i % 2] as corrected_label, 'ann' as reviewer,
    timestamp '2026-03-01 12:00:00' + to_seconds(i) as reviewed_at,
    timestamp '2026-03-01 12:00:00' as flagged_at, false as is_withdrawn
from range(160000) as r(i)
"""
