"""Every format reads back equal with the reader that it is for, also what readers like to change."""

from __future__ import annotations

import csv
import json
import runpy
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import NOON, make_flag, make_wav
from exports import export_flags
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.bundle import FORMATS, Bundle, list_formats
from reviewer.config import ModelSpec
from reviewer.datasets import LooseMedia
from reviewer.log.media import MediaStore
from reviewer.models.components import check_inputs, parse_cells
from reviewer.records import Flag, FlagState, Inputs, JsonValue

HARD = (
    "007", "None", "NA", "null", "nan", "=x", "-7.5", "true", "1e5", '"', "'", ",", "a,b", " lead", "trail ",
    "two\nlines", "lone\rreturn", "both\r\nends", "tab\there", "🙈 emoji", "שלום עולם", "مرحبا",
    "{\"a\": 1}", "[1]", "\\N", "\ufeffmark", "#", "%20", "a\u2028b", "\x0b", "ends with \\", "''", "ünïcode",
)  # fmt: skip
FORM = ModelSpec.model_validate(
    {
        "name": "form",
        "task": "tabular-classification",
        "labels": ["007", "None", "NA", "null", "=x", "-7.5", "true", " a b ", "Да, \"нет\""],
        "inputs": {
            "text": "textbox",
            "note": {"component": "textbox", "required": False},
            "amount": {"component": "number", "required": False},
            "level": {"component": "slider", "minimum": 0, "maximum": 9, "required": False},
            "size": {"component": "radio", "choices": ["007", "NA"], "required": False},
            "is_new": {"component": "checkbox", "required": False},
            "extras": {"component": "checkbox_group", "choices": ["NA", "a,b", "null"], "required": False},
            "day": {"component": "date", "required": False},
            "moment": {"component": "date", "include_time": True, "required": False},
            "parts": {
                "component": "table",
                "columns": {"name": "text", "price": "number"},
                "required": False,
            },
        },
    }
)  # fmt: skip
TICKETS = ModelSpec.model_validate(
    {**FORM.model_dump(), "name": "tickets", "task": "text-classification", "inputs": {"text": "textbox"}}
)
WRITER = ModelSpec.model_validate(
    {"name": "writer", "task": "text-generation", "kind": "python", "inputs": {"text": "textbox"}}
)
PHOTOS = ModelSpec.model_validate(
    {
        "name": "photos",
        "kind": "python",
        "task": "image-classification",
        "labels": ["NA", "007"],
        "inputs": {
            "photo": "image",
            "caption": {"component": "textbox", "required": False},
            "paper": {"component": "file", "required": False},
            "sound": {"component": "audio", "required": False},
        },
    }
)
EMPTY: Inputs = dict.fromkeys(FORM.inputs)

Rows = list[dict[str, Any]]


def make_row(spec: ModelSpec, inputs: Inputs, answer: str, said: str = "billing") -> Flag:
    """Return a flag that was corrected to the answer."""
    is_text = spec.task == "text-generation"
    given: dict[str, Any] = {"corrected_output": answer} if is_text else {"corrected_label": answer}
    state = FlagState(
        status="resolved", resolution="label_corrected", reviewer="ann", reviewed_at=NOON,
        **given,
    )  # fmt: skip
    told: dict[str, Any] = {"predicted_label": None, "output": said} if is_text else {"predicted_label": said}
    return make_flag(model=spec.name, task=spec.task, inputs=inputs, state=state, **told)


def list_hard_rows() -> list[Flag]:
    """Return a flag per hard text, with a little of everything beside it."""
    sides: list[Inputs] = [
        {},
        {"note": "NA", "amount": 0.1 + 0.2, "level": 3, "size": "007", "is_new": True},
        {"amount": 1e22, "is_new": False, "extras": ["null"], "moment": "2026-03-01T23:59:59"},
        {"extras": ["NA", "a,b"], "day": "0004-02-29"},
        {"amount": -5e-324, "parts": {"columns": ["name", "price"], "rows": [["007", None], ['"\n', -7.5]]}},
        {"amount": 9007199254740991, "day": "9999-12-31", "note": "null"},
    ]  # fmt: skip
    return [
        make_row(FORM, {**EMPTY, **sides[number % 6], "text": text}, FORM.labels[number % 9], said=text)
        for number, text in enumerate(HARD)
    ]


def read_splits(bundle: Bundle, read: Callable[[str], Rows]) -> Rows:
    return [row for split in bundle.counts["splits"] for row in read(split)]


# What each reader gives, a dict per row


def read_with_load_py(bundle: Bundle) -> Rows:
    frames = runpy.run_path(str(bundle.path / "load.py"))["load"]()
    return [row for frame in frames.values() for row in frame.to_dict("records")]


def read_with_csv(bundle: Bundle) -> Rows:
    def read(split: str) -> Rows:
        with (bundle.path / f"{split}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, strict=True))

    return read_splits(bundle, read)


def read_csv_with_polars(bundle: Bundle) -> Rows:
    import polars as pl

    def read(split: str) -> Rows:
        return pl.read_csv(
            bundle.path / f"{split}.csv", infer_schema=False, empty_string_is_null=False
        ).to_dicts()

    return read_splits(bundle, read)


def read_csv_with_duckdb(bundle: Bundle) -> Rows:
    return query(bundle, "read_csv('{}.csv', all_varchar = true, header = true, delim = ',', quote = '\"')")


def query(bundle: Bundle, table: str) -> Rows:
    def read(split: str) -> Rows:
        found = duckdb.sql(f"from {table.format(bundle.path / split)}")
        assert found is not None
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    return read_splits(bundle, read)


def read_jsonl(bundle: Bundle) -> Rows:
    def read(split: str) -> Rows:
        lines = (bundle.path / f"{split}.jsonl").read_text("utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    return read_splits(bundle, read)


def read_parquet_with_pandas(bundle: Bundle) -> Rows:
    import pyarrow.parquet as pq

    return read_splits(bundle, lambda split: pq.read_table(bundle.path / f"{split}.parquet").to_pylist())


def read_parquet_with_polars(bundle: Bundle) -> Rows:
    import polars as pl

    return read_splits(bundle, lambda split: pl.read_parquet(bundle.path / f"{split}.parquet").to_dicts())


def read_parquet_with_duckdb(bundle: Bundle) -> Rows:
    return query(bundle, "'{}.parquet'")


def read_with_datasets(bundle: Bundle) -> Rows:
    from datasets import load_dataset

    found = load_dataset(str(bundle.path / "huggingface"))
    return [row for split in found.values() for row in split]


def read_with_croissant(bundle: Bundle) -> Rows:
    import mlcroissant

    dataset = mlcroissant.Dataset(str(bundle.path / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors

    def read(split: str) -> Rows:
        return [
            {name.removeprefix(f"{split}/"): tell(value) for name, value in row.items()}
            for row in dataset.records(split)
        ]

    return read_splits(bundle, read)


def tell(value: Any) -> Any:
    """Return what mlcroissant means: it gives texts as bytes, and NaN for what is missing."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [tell(each) for each in value]
    return None if value is None or value != value else value


def read_label_studio(bundle: Bundle) -> Rows:
    def read(split: str) -> Rows:
        tasks = json.loads((bundle.path / "labelstudio" / f"{split}.json").read_text("utf-8"))
        return [{**task["data"], **task["meta"], "label": list_choices(task)} for task in tasks]

    return read_splits(bundle, read)


def list_choices(task: dict[str, Any]) -> str:
    ((answer,),) = (each["value"]["choices"] for each in task["annotations"][0]["result"])
    return str(answer)


def read_spreadsheet(bundle: Bundle) -> Rows:
    path = bundle.path / "spreadsheet/NOT-FOR-TRAINING.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    return [{name: cell[1:] if is_guarded(cell) else cell for name, cell in row.items()} for row in rows]


def is_guarded(cell: str) -> bool:
    return cell[:1] == "'" and cell[1:2] in tuple("=+-@\t\r")


# What a value is


def as_stored(spec: ModelSpec, row: dict[str, Any], name: str) -> JsonValue:
    """Return the stored form of an input that a reader gave as a text or as a value of its type."""
    value = row[name]
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, str) and spec.inputs[name].component != "textbox":
        value = parse_cells(spec, {name: value}, Path())[name]
    if isinstance(value, (date, datetime)):
        value = value.isoformat()
    single = spec.model_copy(update={"inputs": {name: spec.inputs[name]}})
    return check_inputs(single, {name: value}, LooseMedia().save)[name]


def read_inputs(spec: ModelSpec, rows: Rows) -> dict[str, Inputs]:
    """Return flag → its stored inputs, as a reader's rows have them."""
    return {row["flag_id"]: {name: as_stored(spec, row, name) for name in spec.inputs} for row in rows}


def list_inputs(flags: list[Flag]) -> dict[str, Inputs]:
    return {flag.flag_id: flag.inputs for flag in flags}


READERS: dict[str, tuple[Callable[[Bundle], Rows], ...]] = {
    "csv": (read_with_load_py, read_with_csv, read_csv_with_polars, read_csv_with_duckdb),
    "jsonl": (read_jsonl,),
    "parquet": (
        read_parquet_with_pandas, read_parquet_with_polars, read_parquet_with_duckdb, read_with_croissant,
    ),
    "huggingface": (read_with_datasets,),
    "labelstudio": (read_label_studio,),
    "spreadsheet": (read_spreadsheet,),
}  # fmt: skip
"""Format that has whole rows → what reads it."""

SLOW = (read_with_datasets, read_with_croissant, read_with_load_py)
QUICK = [read for readers in READERS.values() for read in readers if read not in SLOW]


@pytest.fixture(scope="module")
def hard_flags() -> list[Flag]:
    return list_hard_rows()


@pytest.fixture(scope="module")
def hard_bundle(tmp_path_factory: pytest.TempPathFactory, hard_flags: list[Flag]) -> Bundle:
    return export_flags(tmp_path_factory.mktemp("hard"), FORM, hard_flags, formats=list_formats(FORM))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let `datasets` and mlcroissant reach nothing and cache in this test's folder."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache/datasets"))
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path / "cache/croissant"))


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # rdflib's
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index:DeprecationWarning")
@pytest.mark.parametrize("read", [each for readers in READERS.values() for each in readers])
def test_every_reader_gets_the_hard_values_as_they_are(
    hard_bundle: Bundle, hard_flags: list[Flag], read: Callable[[Bundle], Rows]
) -> None:
    rows = read(hard_bundle)
    labels = {flag.flag_id: flag.state.corrected_label for flag in hard_flags}
    assert read_inputs(FORM, rows) == list_inputs(hard_flags)
    assert {row["flag_id"]: name_label(row["label"]) for row in rows} == labels
    assert all(row.get("sample_weight", 1) in (1, "1.0") for row in rows)


def name_label(label: str | int) -> str:
    """Return the label; a class label of `datasets` is its number."""
    return FORM.labels[label] if isinstance(label, int) else label


def test_every_format_is_read_by_a_test() -> None:
    single = {"sklearn", "fasttext", "preference", "completion"}
    assert set(FORMATS) == {*READERS, *single}


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
CELL = st.none() | TEXT | st.sampled_from(HARD)
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
INPUTS = st.fixed_dictionaries(
    {
        "text": TEXT,
        "note": CELL,
        "amount": NUMBER,
        "level": st.none() | st.floats(0, 9),
        "size": st.sampled_from([None, "007", "NA"]),
        "is_new": st.none() | st.booleans(),
        "extras": st.none() | st.lists(st.sampled_from(["NA", "a,b", "null"]), unique=True, min_size=1),
        "day": st.none() | st.dates().map(date.isoformat),
        "moment": st.none() | st.datetimes().map(lambda each: each.replace(microsecond=0).isoformat()),
        "parts": st.none()
        | st.lists(st.tuples(TEXT, NUMBER), min_size=1, max_size=3).map(
            lambda rows: {"columns": ["name", "price"], "rows": [list(row) for row in rows]}
        ),
    }
)


@settings(max_examples=10, suppress_health_check=list(HealthCheck), deadline=None)
@given(drawn=st.lists(INPUTS, min_size=1, max_size=20, unique_by=lambda each: str(each["text"])))
def test_every_quick_reader_gets_any_values_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Inputs]
) -> None:
    flags = [
        make_row(FORM, check_inputs(FORM, each, LooseMedia().save), FORM.labels[number % 9])
        for number, each in enumerate(drawn)
    ]
    formats = [name for name in READERS if name != "huggingface"]
    bundle = export_flags(tmp_path_factory.mktemp("any"), FORM, flags, formats=formats, personal="allow")
    for read in QUICK:
        assert read_inputs(FORM, read(bundle)) == list_inputs(flags)


# Formats of a text and its label


@pytest.fixture(scope="module")
def ticket_flags() -> list[Flag]:
    return [make_row(TICKETS, {"text": text}, TICKETS.labels[number % 9]) for number, text in enumerate(HARD)]


@pytest.fixture(scope="module")
def ticket_bundle(tmp_path_factory: pytest.TempPathFactory, ticket_flags: list[Flag]) -> Bundle:
    folder = tmp_path_factory.mktemp("tickets")
    return export_flags(folder, TICKETS, ticket_flags, formats=["sklearn", "fasttext"])


def read_names(folder: Path) -> dict[str, str]:
    names: dict[str, str] = json.loads((folder / "labels.json").read_text("utf-8"))
    return names


def test_scikit_learn_loads_the_folders_with_every_text_and_label(
    ticket_bundle: Bundle, ticket_flags: list[Flag]
) -> None:
    from sklearn.datasets import load_files

    names = read_names(ticket_bundle.path / "sklearn")
    found = {}
    for split in ticket_bundle.counts["splits"]:
        loaded = load_files(ticket_bundle.path / "sklearn" / split)
        for path, data, target in zip(loaded.filenames, loaded.data, loaded.target, strict=True):
            folder = loaded.target_names[target]
            found[Path(path).stem] = (data.decode(), names.get(folder, folder))
    assert found == {flag.flag_id: (flag.inputs["text"], flag.state.corrected_label) for flag in ticket_flags}


def test_the_lines_of_fasttext_have_every_label_and_the_words_of_every_text(
    ticket_bundle: Bundle, ticket_flags: list[Flag]
) -> None:
    folder = ticket_bundle.path / "fasttext"
    names = read_names(folder)
    found = []
    for split in ticket_bundle.counts["splits"]:
        for line in (folder / f"{split}.txt").read_text("utf-8").removesuffix("\n").split("\n"):
            word, text = line.split(" ", 1)
            label = word.removeprefix("__label__")
            found.append((names.get(label, label), text))
    assert sorted(found) == sorted(
        (flag.state.corrected_label or "", " ".join(flag.inputs["text"].split())) for flag in ticket_flags
    )


@pytest.mark.parametrize("label", [".", "..", "a/b", "x" * 300, "ы" * 80, "CON:", "a\tb", "%41", "é"])
def test_any_label_has_a_folder_and_a_word_of_its_own(tmp_path: Path, label: str) -> None:
    others = ["A", "ы" * 79 + "ъ", "x" * 299]
    spec = TICKETS.model_copy(update={"labels": (*others, label)})
    flags = [make_row(spec, {"text": f"{each} {n}"}, each) for n, each in enumerate((*others, label))]
    shares = {"train": 1}
    bundle = export_flags(tmp_path, spec, flags, formats=["sklearn", "fasttext"], shares=shares)
    folders = [path.name for path in (bundle.path / "sklearn/train").iterdir()]
    names = read_names(bundle.path / "sklearn")
    assert sorted(names.get(each, each) for each in folders) == sorted((*others, label))
    lines = (bundle.path / "fasttext/train.txt").read_text("utf-8").split("\n")[:-1]
    words = [line.split(" ")[0].removeprefix("__label__") for line in lines]
    names = read_names(bundle.path / "fasttext") if (bundle.path / "fasttext/labels.json").exists() else {}
    assert [names.get(each, each) for each in words] == [*others, label]


# Texts that a model wrote


def test_pairs_have_the_prompt_what_was_right_and_what_the_model_said(tmp_path: Path) -> None:
    flags = [make_row(WRITER, {"text": text}, f"right {text}", said=text) for text in HARD]
    flags.append(make_row(WRITER, {"text": "same"}, "same", said="same"))
    formats = ["preference", "completion"]
    bundle = export_flags(tmp_path, WRITER, flags, formats=formats, shares={"train": 1})
    assert read_lines(bundle.path / "preference/train.jsonl") == [
        {"prompt": text, "chosen": f"right {text}", "rejected": text} for text in HARD
    ]
    expected = [
        {"prompt": text, "completion": completion, "label": is_right}
        for text in HARD
        for completion, is_right in ((f"right {text}", True), (text, False))
    ]
    expected.append({"prompt": "same", "completion": "same", "label": True})
    assert read_lines(bundle.path / "completion/train.jsonl") == expected


def read_lines(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


# Files


@pytest.fixture
def photo_bundle(tmp_path: Path) -> tuple[Bundle, list[Flag]]:
    media = MediaStore(tmp_path / "flagged/media")
    paper, sound = media.save(b"a paper", "pdf"), media.save(make_wav(b"\1\0" * 800), "wav")
    flags = [
        make_row(
            PHOTOS,
            {
                "photo": {"media": media.save(make_png(number), "png")},
                "caption": caption,
                "paper": {"media": paper, "name": 'a "paper", 007.pdf'} if number else None,
                "sound": {"media": sound} if number else None,
            },
            PHOTOS.labels[number % 2],
        )
        for number, caption in enumerate(("NA", None, "007"))
    ]
    return export_flags(tmp_path, PHOTOS, flags, formats=list_formats(PHOTOS), shares={"train": 1}), flags


def make_png(shade: int) -> bytes:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (2, 2), shade).save(file, "PNG")
    return file.getvalue()


def test_the_cells_of_files_lead_to_them_with_their_names(photo_bundle: tuple[Bundle, list[Flag]]) -> None:
    bundle, flags = photo_bundle
    for read in (read_with_csv, read_jsonl, read_parquet_with_duckdb, read_label_studio):
        for row, flag in zip(read(bundle), flags, strict=True):
            assert row["photo"] == f"media/{flag.inputs['photo']['media']}"
            assert (bundle.path / row["photo"]).is_file()
            if flag.inputs["paper"]:
                path = f"media/{flag.inputs['paper']['media']}"
                assert json.loads(row["paper"]) == {"path": path, "name": 'a "paper", 007.pdf'}
                assert (bundle.path / path).read_bytes() == b"a paper"
            else:
                assert not row["paper"]


def test_datasets_opens_the_pictures_and_keeps_captions_labels_and_paths(
    photo_bundle: tuple[Bundle, list[Flag]],
) -> None:
    from datasets import load_dataset

    bundle, _flags = photo_bundle
    found = load_dataset(str(bundle.path / "huggingface"))["train"]
    assert found.features["label"].names == ["NA", "007"]
    rows = list(found)
    assert [row["photo"].getpixel((0, 0)) for row in rows] == [0, 1, 2]
    assert [row["caption"] for row in rows] == ["NA", None, "007"]
    assert [row["label"] for row in rows] == [0, 1, 0]
    papers = [json.loads(row["paper"])["path"] for row in rows[1:]]
    assert {(bundle.path / "huggingface" / path).read_bytes() for path in papers} == {b"a paper"}
    assert rows[0]["paper"] is None


def test_an_audiofolder_names_the_recordings_beside_what_was_said_of_them(tmp_path: Path) -> None:
    """Read with Arrow: `datasets` needs torch for the very reading of a path to a recording."""
    import pyarrow.parquet as pq

    spec = ModelSpec.model_validate(
        {
            "name": "calls",
            "kind": "python",
            "task": "generic",
            "labels": ["calm", "angry"],
            "inputs": {"sound": "audio", "caption": {"component": "textbox", "required": False}},
            "outputs": {"label": "label"},
        }
    )
    media = MediaStore(tmp_path / "flagged/media")
    sounds = [make_wav(bytes([number, 0]) * 800) for number in range(2)]
    flags = [
        make_row(spec, {"sound": {"media": media.save(sound, "wav")}, "caption": caption}, "angry", "calm")
        for sound, caption in zip(sounds, ("007", None), strict=True)
    ]
    bundle = export_flags(tmp_path, spec, flags, formats=["huggingface"], shares={"train": 1})
    folder = bundle.path / "huggingface/data/train"
    rows = pq.read_table(folder / "metadata.parquet").to_pylist()
    assert [(folder / row["sound_file_name"]).read_bytes() for row in rows] == sounds
    assert [(row["caption"], row["target"]) for row in rows] == [("007", "angry"), (None, "angry")]
    assert "dtype: audio" in (bundle.path / "huggingface/README.md").read_text("utf-8")
