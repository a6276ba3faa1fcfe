"""Bundles: what is in, what is out, in which form, and that nothing is written twice."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from builders import NOON, make_flag
from exports import export_flags, log_flags, open_index, plan_flags

from reviewer.bundle import Bundle, read_bundles, stream_archive
from reviewer.config import ModelSpec
from reviewer.log.media import MediaStore
from reviewer.records import Flag, FlagState, Resolution

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


def make_reviewed(text: str = "hi", label: str | None = "refund", **state: Any) -> Flag:
    fields: dict[str, Any] = {
        "status": "resolved",
        "resolution": Resolution.LABEL_CORRECTED,
        "corrected_label": label,
        "reviewer": "ann",
        "reviewed_at": NOON,
    }
    return make_flag(inputs={"text": text}, state=FlagState(**fields | state))


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def read_rows(bundle: Bundle) -> list[dict[str, str]]:
    """Return the rows of every split."""
    return [row for split in bundle.counts["splits"] for row in read_csv(bundle.path / f"{split}.csv")]


def test_the_rows_are_the_inputs_the_answer_the_split_the_weight_and_where_they_come_from(
    tmp_path: Path,
) -> None:
    flag_id = "01939c5a-0000-7000-8000-000000000001"
    flag = replace(make_reviewed('He said "no",\r\nthen left'), flag_id=flag_id, model_version="3")
    bundle = export_flags(tmp_path, SPEC, [flag])
    assert (bundle.path / "train.csv").read_bytes().decode() == (
        "text,label,split,sample_weight,example_id,duplicate_group,flag_id,model_version,predicted,option,source,"
        "resolution,reviewer,reviewed_at,reviewer_votes,reviewer_agreement\n"
        f'"He said ""no"",\r\nthen left",refund,train,1.0,{flag.example_id},{flag.example_id},{flag_id},3,'
        "billing,wrong_label,manual,label_corrected,ann,2026-03-01T12:00:00.000000Z,1,1.0\n"
    )


def test_a_regression_bundle_has_exact_numbers_and_its_pictures(tmp_path: Path) -> None:
    picture = MediaStore(tmp_path / "flagged/media").save(b"not looked into here", "png")
    inputs = {"power": 0.1 + 0.2, "is_new": True, "photo": {"media": picture}}
    state = FlagState(
        status="resolved", resolution=Resolution.LABEL_CORRECTED, corrected_value=1e22, reviewed_at=NOON
    )
    flag = make_flag(
        model="car", inputs=inputs, predicted_label=None, predicted_value=1 / 3, option="wrong_value",
        state=state,
    )  # fmt: skip
    bundle = export_flags(tmp_path, CAR, [flag])
    (row,) = read_rows(bundle)
    assert row["power"] == "0.30000000000000004"
    assert row["is_new"] == "true"
    assert float(row["target"]) == 1e22
    assert row["predicted"] == "0.3333333333333333"
    assert (bundle.path / row["photo"]).read_bytes() == b"not looked into here"


def make_one_of_each() -> dict[str, Flag]:
    """Return flags by what becomes of them."""
    later = NOON + timedelta(minutes=1)
    return {
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
        "old kind": replace(make_reviewed(), inputs={"text": 7}, example_id="kind"),
        "old label": make_reviewed("h", "shipping"),
    }


def test_every_flag_is_a_row_or_is_left_out_for_a_stated_reason(tmp_path: Path) -> None:
    flags = make_one_of_each()
    bundle = export_flags(tmp_path, SPEC, list(flags.values()), policy="leave_out")
    names = {flag.flag_id: name for name, flag in flags.items()}
    assert {names[row["flag_id"]] for row in read_rows(bundle)} == {"kept", "newer"}
    left_out = read_csv(bundle.path / "left_out.csv")
    assert {names[each["flag_id"]]: each["reason"] for each in left_out} == {
        "older": "double",
        "refund": "conflict",
        "login": "conflict",
        "unsure": "ambiguous",
        "right": "prediction_correct",
        "empty": "no_correction",
        "taken back": "withdrawn",
        "old inputs": "other_inputs",
        "old kind": "other_inputs",
        "old label": "retired_label",
    }
    counts = bundle.counts
    assert counts["considered"] == counts["written"] + sum(counts["left_out"].values()) == len(flags)
    assert sum(counts["splits"].values()) == sum(counts["labels"].values()) == counts["written"]


def test_a_plan_counts_the_same_and_writes_nothing(tmp_path: Path) -> None:
    flags = list(make_one_of_each().values())
    plan = plan_flags(tmp_path, SPEC, flags, policy="leave_out")
    assert not (tmp_path / "exports").exists()
    assert plan.counts == export_flags(tmp_path, SPEC, policy="leave_out").counts
    assert {row["text"] for row in plan.sample} == {"a", "b"}


def test_guards_are_confirmed_predictions_and_rejects_are_what_should_not_have_come(tmp_path: Path) -> None:
    flags = [
        make_reviewed("right", None, resolution="prediction_correct"),
        make_reviewed("odd", None, resolution="bad_input"),
        make_reviewed("other", None, resolution="out_of_scope"),
        make_reviewed("wrong"),
    ]
    guard = export_flags(tmp_path, SPEC, flags, mode="guard")
    rejects = export_flags(tmp_path, SPEC, mode="rejects")
    assert [(row["text"], row["label"], row["split"]) for row in read_rows(guard)] == [
        ("right", "billing", "guard")
    ]
    assert [(row["text"], row["label"], row["split"]) for row in read_rows(rejects)] == [
        ("odd", "", "rejects"),
        ("other", "", "rejects"),
    ]


def test_a_prediction_that_others_corrected_is_no_guard(tmp_path: Path) -> None:
    flags = [make_reviewed("a", None, resolution="prediction_correct"), make_reviewed("a", "login")]
    flags.append(make_reviewed("b", None, resolution="prediction_correct"))
    bundle = export_flags(tmp_path, SPEC, flags, mode="guard", policy="latest")
    assert [row["text"] for row in read_rows(bundle)] == ["b"]
    assert bundle.counts["left_out"] == {"label_corrected": 1, "outvoted": 1}


def test_the_exports_between_two_of_corrections_change_neither_their_splits_nor_their_delta(
    tmp_path: Path,
) -> None:
    first = export_flags(tmp_path, SPEC, [make_reviewed(str(n)) for n in range(10)])
    splits = (tmp_path / "exports/tickets/splits.csv").read_bytes()
    right = make_reviewed("right", None, resolution="prediction_correct")
    export_flags(tmp_path, SPEC, [right, make_reviewed("new", "login")], mode="guard")
    assert (tmp_path / "exports/tickets/splits.csv").read_bytes() == splits
    delta = export_flags(tmp_path, SPEC, mode="delta")
    assert [row["text"] for row in read_rows(delta)] == ["new"]
    assert delta.manifest["parent"] == first.name


def test_a_delta_brings_an_example_again_whose_answer_another_flag_changed(tmp_path: Path) -> None:
    late = make_reviewed("a", "login", reviewed_at=NOON + timedelta(minutes=1))
    export_flags(tmp_path, SPEC, [make_reviewed("a", "refund"), make_reviewed("b")])
    delta = export_flags(tmp_path, SPEC, [late], mode="delta", policy="majority")
    assert [(row["text"], row["label"], row["reviewer_votes"]) for row in read_rows(delta)] == [
        ("a", "login", "1")
    ]
    assert delta.counts["left_out"] == {"outvoted": 1, "exported_before": 1}


def test_the_manifest_has_the_hash_of_every_other_file_and_the_checksums_can_be_checked(
    tmp_path: Path,
) -> None:
    picture = MediaStore(tmp_path / "flagged/media").save(b"a picture", "png")
    spec = SPEC.model_copy(update={"inputs": CAR.inputs | SPEC.inputs})
    inputs = {"text": "x", "power": 1.0, "is_new": False, "photo": {"media": picture}}
    bundle = export_flags(tmp_path, spec, [replace(make_reviewed(), inputs=inputs)], formats=["jsonl"])
    assert json.loads((bundle.path / "manifest.json").read_text("utf-8")) == bundle.manifest
    found = {
        path.relative_to(bundle.path).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in bundle.path.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "SHA256SUMS")
    }
    assert bundle.manifest["files"] == found
    lines = (bundle.path / "SHA256SUMS").read_text("utf-8").splitlines()
    assert {name: digest for digest, name in (line.split("  ") for line in lines)} == found
    assert {"train.csv", "train.parquet", "train.jsonl", f"media/{picture}", "croissant.json"} <= set(found)


def test_exporting_the_same_flags_again_adds_nothing(tmp_path: Path) -> None:
    first = export_flags(tmp_path, SPEC, [make_reviewed("a", "login"), make_reviewed("b", "refund")])
    assert export_flags(tmp_path, SPEC) == first
    assert export_flags(tmp_path, SPEC, weights="none").name == "2"
    names = {each.name for each in (tmp_path / "exports/tickets").iterdir()}
    assert names == {"1", "2", "splits.csv", ".lock"}


def test_bundles_are_numbered_and_read_back_oldest_first(tmp_path: Path) -> None:
    assert read_bundles(tmp_path, "tickets") == []
    made = [export_flags(tmp_path, SPEC, [make_reviewed(str(number))]) for number in range(11)]
    assert [each.name for each in made] == [str(number) for number in range(1, 12)]
    assert read_bundles(tmp_path, "tickets") == made


def test_changes_are_told_against_the_export_before(tmp_path: Path) -> None:
    flag, gone = make_reviewed("a", "login"), make_reviewed("b", "login")
    export_flags(tmp_path, SPEC, [flag, gone, make_reviewed("c", "login")])
    again = [make_reviewed("a", "refund"), make_reviewed("b", None, resolution="ambiguous")]
    spec = SPEC
    bundle = export_flags(tmp_path, spec, [*again, make_reviewed("d", "login")], policy="latest")
    text = (bundle.path / "CHANGES.md").read_text("utf-8")
    assert "Against export 1:" in text
    assert "- added: 1\n" in text
    assert "- answered otherwise: 1\n" in text
    assert "login → refund" in text
    assert "- not in this export: 0\n" in text


def test_the_archive_holds_the_same_bytes_and_comes_in_pieces(tmp_path: Path) -> None:
    picture = MediaStore(tmp_path / "flagged/media").save(bytes(range(256)) * 4096, "png")
    spec = SPEC.model_copy(update={"inputs": {"text": CAR.inputs["photo"]}})
    flag = replace(make_reviewed(), inputs={"text": {"media": picture}})
    bundle = export_flags(tmp_path, spec, [flag])
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


def test_nothing_is_left_behind_in_the_index(tmp_path: Path) -> None:
    log_flags(tmp_path, [make_reviewed("a"), make_reviewed("b")])
    with open_index(tmp_path) as cursor:
        before = cursor.execute("show all tables").fetchall()
    export_flags(tmp_path, SPEC)
    with open_index(tmp_path) as cursor:
        assert cursor.execute("show all tables").fetchall() == before
