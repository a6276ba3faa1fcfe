"""Bundles: what is in, what is out, and that the bytes are exact."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import resource
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import NOON, make_flag
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.analysis import assign_split
from reviewer.bundle import Bundle, read_bundles, stream_archive, write_bundle
from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, InputError, LogError
from reviewer.log.media import MediaStore
from reviewer.records import Flag, FlagState, Resolution, hash_example

SPEC = ModelSpec.model_validate(
    {
        "name": "tickets",
        "task": "text-classification",
        "labels": ["billing", "refund", "login"],
        "inputs": {"text": "textbox"},
    }
)
CAR = ModelSpec.model_validate(
    {
        "name": "car",
        "task": "tabular-regression",
        "inputs": {
            "power": "number",
            "is_new": "checkbox",
            "photo": {"component": "image", "width": 1, "height": 1},
        },
    }
)


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def make_reviewed(text: str = "hi", label: str | None = "refund", **state: Any) -> Flag:
    fields: dict[str, Any] = {
        "status": "resolved",
        "resolution": Resolution.LABEL_CORRECTED,
        "corrected_label": label,
        "reviewer": "ann",
        "reviewed_at": NOON,
    }
    return make_flag(inputs={"text": text}, state=FlagState(**fields | state))


def read_rows(bundle: Bundle) -> list[dict[str, str]]:
    with (bundle.path / "train.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_the_rows_are_the_inputs_the_answer_the_split_and_where_they_come_from(
    tmp_path: Path, media: MediaStore
) -> None:
    flag = replace(
        make_reviewed('He said "no",\r\nthen left'), flag_id="0193-a", model_version="3", source="manual"
    )
    bundle = write_bundle(tmp_path, SPEC, [flag], media)
    split = assign_split(flag.example_id)
    assert (bundle.path / "train.csv").read_bytes().decode() == (
        "text,label,split,example_id,flag_id,model_version,predicted,option,source,reviewer,reviewed_at\n"
        f'"He said ""no"",\r\nthen left",refund,{split},{flag.example_id},'
        "0193-a,3,billing,wrong_label,manual,ann,2026-03-01T12:00:00.000000Z\n"
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_text_reads_back_as_it_was_with_both_common_readers(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("exact")
    bundle = write_bundle(folder, SPEC, [make_reviewed(text)], MediaStore(folder))
    frame = pd.read_csv(bundle.path / "train.csv", dtype=str, keep_default_na=False)
    assert [read_rows(bundle)[0]["text"], frame["text"][0]] == [text, text]


def test_a_regression_bundle_has_exact_numbers_and_its_pictures(tmp_path: Path, media: MediaStore) -> None:
    picture = media.save(b"not looked into here", "png")
    inputs = {"power": 0.1 + 0.2, "is_new": True, "photo": {"media": picture}}
    state = FlagState(
        status="resolved", resolution=Resolution.LABEL_CORRECTED, corrected_value=1e22, reviewed_at=NOON
    )
    flag = make_flag(
        model="car", inputs=inputs, predicted_label=None, predicted_value=1 / 3, option="wrong_value",
        state=state,
    )  # fmt: skip
    bundle = write_bundle(tmp_path, CAR, [flag], media)
    (row,) = read_rows(bundle)
    assert row["power"] == "0.30000000000000004"
    assert row["is_new"] == "true"
    assert row["target"] == "1e+22"
    assert row["predicted"] == "0.3333333333333333"
    assert (bundle.path / row["photo"]).read_bytes() == b"not looked into here"


def test_every_flag_is_a_row_or_is_left_out_for_a_stated_reason(tmp_path: Path, media: MediaStore) -> None:
    later = NOON + timedelta(minutes=1)
    flags = {
        "kept": make_reviewed("a"),
        "older": make_reviewed("b"),
        "newer": make_reviewed("b", reviewed_at=later),
        "refund": make_reviewed("c", "refund"),
        "login": make_reviewed("c", "login"),
        "unsure": make_reviewed("d", None, resolution=Resolution.AMBIGUOUS),
        "right": make_reviewed("e", None, resolution=Resolution.PREDICTION_CORRECT),
        "empty": make_reviewed("f", None),
        "taken back": make_reviewed("g", is_withdrawn=True),
        "old inputs": replace(make_reviewed(), inputs={"subject": "x"}, example_id="other"),
        "lost": replace(make_reviewed(), inputs={"text": {"media": "0" * 64 + ".png"}}, example_id="lost"),
    }
    bundle = write_bundle(tmp_path, SPEC, list(flags.values()), media)
    names = {flag.flag_id: name for name, flag in flags.items()}
    assert {names[row["flag_id"]] for row in read_rows(bundle)} == {"kept", "newer"}
    assert {names[each["flag_id"]]: each["reason"] for each in bundle.manifest["left_out"]} == {
        "older": "double",
        "refund": "conflict",
        "login": "conflict",
        "unsure": "ambiguous",
        "right": "prediction_correct",
        "empty": "no_correction",
        "taken back": "withdrawn",
        "old inputs": "other_inputs",
        "lost": "missing_media",
    }
    counts = bundle.counts
    assert counts["considered"] == counts["written"] + sum(counts["left_out"].values()) == len(flags)
    assert sum(counts["splits"].values()) == sum(counts["labels"].values()) == counts["written"]


def test_the_manifest_has_the_hash_of_every_other_file(tmp_path: Path, media: MediaStore) -> None:
    picture = media.save(b"a picture", "png")
    spec = SPEC.model_copy(update={"inputs": CAR.inputs | SPEC.inputs})
    inputs = {"text": "x", "power": 1.0, "is_new": False, "photo": {"media": picture}}
    bundle = write_bundle(tmp_path, spec, [replace(make_reviewed(), inputs=inputs)], media)
    assert json.loads((bundle.path / "manifest.json").read_text()) == bundle.manifest
    found = {
        path.relative_to(bundle.path).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in bundle.path.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert bundle.manifest["files"] == found
    assert len(found) == 2


def test_the_same_flags_in_any_order_give_the_same_bytes(tmp_path: Path, media: MediaStore) -> None:
    flags = [make_reviewed(text, label) for text, label in (("a", "login"), ("b", "refund"), ("b", "refund"))]
    first = write_bundle(tmp_path / "one", SPEC, flags, media)
    second = write_bundle(tmp_path / "two", SPEC, flags[::-1], media)
    assert (first.path / "train.csv").read_bytes() == (second.path / "train.csv").read_bytes()
    different = {key for key in first.manifest if first.manifest[key] != second.manifest[key]}
    assert different == {"created_at"}


def test_exporting_the_same_flags_again_adds_nothing(tmp_path: Path, media: MediaStore) -> None:
    flags = [make_reviewed("a", "login"), make_reviewed("b", "refund")]
    first = write_bundle(tmp_path, SPEC, flags, media)
    assert write_bundle(tmp_path, SPEC, flags, media) == first
    assert write_bundle(tmp_path, SPEC, flags[:1], media).name == "2"
    assert [each.name for each in (tmp_path / "exports/tickets").iterdir() if each.name.startswith(".")] == []


def test_bundles_are_numbered_and_read_back_oldest_first(tmp_path: Path, media: MediaStore) -> None:
    assert read_bundles(tmp_path, "tickets") == []
    made = [write_bundle(tmp_path, SPEC, [make_reviewed()], media) for _ in range(11)]
    assert [each.name for each in made] == [str(number) for number in range(1, 12)]
    assert read_bundles(tmp_path, "tickets") == made


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "No flag of tickets has been reviewed yet"),
        (
            [make_reviewed(label=None, resolution="ambiguous")],
            r"None of the 1 reviewed flags .* \(ambiguous 1\)",
        ),
    ],
)
def test_an_export_of_nothing_says_what_to_do(
    tmp_path: Path, media: MediaStore, flags: list[Flag], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        write_bundle(tmp_path, SPEC, flags, media)
    assert not (tmp_path / "exports").exists()


@contextlib.contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_export_to_a_full_disk_leaves_the_earlier_one_whole(tmp_path: Path, media: MediaStore) -> None:
    first = write_bundle(tmp_path, SPEC, [make_reviewed()], media)
    with limit_file_size(100), pytest.raises(LogError, match=r"could not be written .* free space"):
        write_bundle(tmp_path, SPEC, [make_reviewed("word " * 100)], media)
    assert [each.name for each in (tmp_path / "exports" / "tickets").iterdir()] == ["1"]
    assert read_bundles(tmp_path, "tickets") == [first]
    assert read_rows(first)[0]["text"] == "hi"


def test_a_damaged_manifest_is_named(tmp_path: Path, media: MediaStore) -> None:
    bundle = write_bundle(tmp_path, SPEC, [make_reviewed()], media)
    (bundle.path / "manifest.json").write_text("{")
    with pytest.raises(LogError, match=r"tickets/1/manifest\.json is damaged"):
        read_bundles(tmp_path, "tickets")


def test_an_input_named_like_a_column_of_the_export_is_refused(tmp_path: Path, media: MediaStore) -> None:
    spec = SPEC.model_copy(update={"inputs": {"label": SPEC.inputs["text"]}})
    with pytest.raises(ConfigError, match=r"models\.tickets\.inputs\.label"):
        write_bundle(tmp_path, spec, [], media)


def test_the_archive_holds_the_same_bytes_and_comes_in_pieces(tmp_path: Path, media: MediaStore) -> None:
    picture = media.save(bytes(range(256)) * 4096, "png")
    spec = SPEC.model_copy(update={"inputs": {"text": CAR.inputs["photo"]}})
    flag = replace(make_reviewed(), inputs={"text": {"media": picture}}, example_id=hash_example({}))
    bundle = write_bundle(tmp_path, spec, [flag], media)
    pieces = list(stream_archive(bundle))
    assert len(pieces) > 3
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == {
        f"tickets-1/{path.relative_to(bundle.path).as_posix()}": path.read_bytes()
        for path in bundle.path.rglob("*")
        if path.is_file()
    }
    assert b"".join(stream_archive(bundle)) == b"".join(pieces)
