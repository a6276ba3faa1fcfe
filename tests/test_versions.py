"""Versions: numbered folders that appear whole, keep what they hold and are served by name."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, LogError, ModelError, UnknownNameError
from reviewer.log.media import MediaStore
from reviewer.models import versions as versions_module
from reviewer.models.kinds import Answer
from reviewer.models.versions import ModelVersions, Version

ADOPT = """
import sys
from pathlib import Path
from reviewer.config import load_config
from reviewer.models.versions import ModelVersions

folder = Path(sys.argv[1])
versions = ModelVersions(folder, load_config(folder).find_model("tickets"))
print("ready", flush=True)
sys.stdin.readline()
"""
READ_ALL = ADOPT + "print(len(versions.read_all()))"
ADD = (
    ADOPT
    + """
def write(folder):
    (folder / "model.skops").write_bytes(b"x" * 100_000)
    return folder / "model.skops"

for turn in range(20):
    print(versions.add(write, {"turn": turn}).name)
"""
)


def make_spec(**given: Any) -> ModelSpec:
    fields = {"name": "model", "task": "generic", "inputs": {"text": "textbox"}, "path": "model.skops"}
    return ModelSpec.model_validate(fields | given)


@pytest.fixture
def versions(tmp_path: Path) -> ModelVersions:
    """The versions of a model whose file holds a few bytes; nothing here loads it."""
    (tmp_path / "model.skops").write_bytes(b"first")
    return ModelVersions(tmp_path, make_spec())


def write(data: bytes) -> Callable[[Path], Path]:
    def write_there(folder: Path) -> Path:
        (folder / "model.skops").write_bytes(data)
        return folder / "model.skops"

    return write_there


def list_names(versions: ModelVersions) -> list[str]:
    return [each.name for each in versions.read_all()]


# The first version


def test_the_file_that_the_config_names_becomes_version_one(versions: ModelVersions, tmp_path: Path) -> None:
    (version,) = versions.read_all()
    assert (version.model, version.name) == ("model", "1")
    assert version.path == tmp_path / "models/model/1/model.skops"
    assert version.path.read_bytes() == b"first"
    assert version.card["source"] == "model.skops"
    assert version.card["created_at"].endswith("Z")
    assert set(version.card["environment"]) >= {"python", "scikit-learn", "skops"}
    assert versions.read_all() == [version]


def settle(path: Path, data: bytes | None = None) -> None:
    """Write the file, or leave it, as if that had been a while ago."""
    if data is not None:
        path.write_bytes(data)
    hour_ago = path.stat().st_mtime - 3600
    os.utime(path, (hour_ago, hour_ago))


def test_a_changed_file_becomes_the_next_version_and_leaves_the_first_as_it_was(
    versions: ModelVersions, tmp_path: Path
) -> None:
    versions.read_all()
    settle(tmp_path / "model.skops", b"second")
    first, second = versions.read_all()
    assert (first.path.read_bytes(), second.path.read_bytes()) == (b"first", b"second")
    assert second.card["sha256"] == hashlib.sha256(b"second").hexdigest()
    assert versions.read_all() == [first, second]


def test_a_file_that_may_still_be_being_written_waits_for_its_turn(
    versions: ModelVersions, tmp_path: Path
) -> None:
    versions.read_all()
    with (tmp_path / "model.skops").open("wb", buffering=0) as file:
        file.write(b"sec")
        settle(tmp_path / "model.skops")
        assert list_names(versions) == ["1"]
        file.write(b"ond")
    assert versions.find("2").path.read_bytes() == b"second"


def test_a_file_changed_just_now_is_the_version_that_answers(versions: ModelVersions, tmp_path: Path) -> None:
    versions.read_all()
    for data in (b"second", b"third.", b"fourth"):
        (tmp_path / "model.skops").write_bytes(data)
        assert versions.find().path.read_bytes() == data


def test_a_file_that_nobody_can_tell_is_whole_waits_until_it_is_old(
    versions: ModelVersions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions.read_all()
    monkeypatch.setattr("sys.platform", "darwin")
    (tmp_path / "model.skops").write_bytes(b"sec")
    assert list_names(versions) == ["1"]
    settle(tmp_path / "model.skops", b"second")
    assert versions.find("2").path.read_bytes() == b"second"


def test_a_file_from_the_future_is_as_good_as_any(versions: ModelVersions, tmp_path: Path) -> None:
    versions.read_all()
    (tmp_path / "model.skops").write_bytes(b"second")
    os.utime(tmp_path / "model.skops", (4e9, 4e9))
    assert list_names(versions) == ["1", "2"]


def test_a_file_that_was_only_touched_or_put_back_is_no_new_version(
    versions: ModelVersions, tmp_path: Path
) -> None:
    versions.read_all()
    for data in (b"first", b"second", b"first", b"second"):
        settle(tmp_path / "model.skops", data)
        versions.read_all()
    assert list_names(versions) == ["1", "2"]
    assert list_names(ModelVersions(tmp_path, make_spec())) == ["1", "2"]


def test_versions_outlive_the_file_that_they_were_copied_from(
    versions: ModelVersions, tmp_path: Path
) -> None:
    versions.read_all()
    (tmp_path / "model.skops").unlink()
    assert versions.find().path.read_bytes() == b"first"
    assert ModelVersions(tmp_path, make_spec()).find().path.read_bytes() == b"first"
    settle(tmp_path / "model.skops", b"second")
    assert versions.find().path.read_bytes() == b"second"


def test_a_folder_that_cannot_be_written_is_no_hindrance_when_nothing_is_new(
    versions: ModelVersions, tmp_path: Path
) -> None:
    versions.read_all()
    (tmp_path / "models/model/.lock").unlink()
    assert ModelVersions(tmp_path, make_spec()).find().name == "1"
    assert not (tmp_path / "models/model/.lock").exists()


def test_a_named_file_that_is_missing_is_said_and_leaves_no_version(tmp_path: Path) -> None:
    versions = ModelVersions(tmp_path, make_spec(path="gone.skops"))
    with pytest.raises(ModelError, match=r"models\.model\.path is 'gone\.skops', but there is no such file"):
        versions.read_all()
    (tmp_path / "gone.skops").write_bytes(b"back")
    assert list_names(versions) == ["1"]


def test_a_model_without_a_file_has_no_version_until_one_is_added(tmp_path: Path) -> None:
    versions = ModelVersions(tmp_path, make_spec(path=""))
    assert versions.read_all() == []
    with pytest.raises(ModelError, match=r"model has no version yet: set models\.model\.path"):
        versions.find()
    assert list(tmp_path.iterdir()) == []
    versions.add(write(b"x"), {})
    assert versions.find().name == "1"


def test_a_python_models_version_holds_its_source(tmp_path: Path) -> None:
    path = tmp_path / f"source_of_{tmp_path.name}.py"
    settle(path, b"def answer(text):\n    return 'first'\n")
    spec = make_spec(kind="python", path=f"{path.stem}:answer", trusted=True)
    versions = ModelVersions(tmp_path, spec)
    first = versions.find()
    assert first.card["source"] == spec.path
    assert versions.answer(first, [{"text": ""}]) == [Answer(output="first")]
    settle(path, b"def answer(text):\n    return 'after'\n")
    second = versions.find()
    assert (second.name, versions.check(second)) == ("2", None)
    assert versions.answer(second, [{"text": ""}]) == [Answer(output="after")]
    assert versions.answer(first, [{"text": ""}]) == [Answer(output="first")]


def test_an_endpoints_version_holds_its_settings(tmp_path: Path) -> None:
    spec = make_spec(kind="http", path="", http={"url": "http://127.0.0.1:9/predict"})
    version = ModelVersions(tmp_path, spec).find()
    assert json.loads(version.path.read_text())["url"] == "http://127.0.0.1:9/predict"
    assert ModelVersions(tmp_path, spec).read_all() == [version]


# Adding


def test_versions_are_numbered_and_listed_in_the_order_of_their_numbers(versions: ModelVersions) -> None:
    versions.read_all()
    added = [versions.add(write(b"%d" % number), {"number": number}) for number in range(2, 12)]
    assert [each.name for each in added] == list_names(versions)[1:] == [str(each) for each in range(2, 12)]
    assert [each.card["number"] for each in added] == list(range(2, 12))
    assert versions.find_newest().name == "11"


def test_what_is_no_version_is_not_listed(versions: ModelVersions, tmp_path: Path) -> None:
    versions.read_all()
    for name in ("notes", ".new-abc", "²", "1.bak"):
        (tmp_path / "models/model" / name).mkdir()
    assert list_names(versions) == ["1"]


def test_an_interrupted_addition_leaves_nothing(versions: ModelVersions, tmp_path: Path) -> None:
    versions.read_all()
    before = sorted((tmp_path / "models/model").iterdir())

    def stop(folder: Path) -> Path:
        write(b"half")(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        versions.add(stop, {})
    assert sorted((tmp_path / "models/model").iterdir()) == before


def test_a_reader_sees_only_whole_versions_while_others_are_added(versions: ModelVersions) -> None:
    versions.read_all()
    is_done = threading.Event()

    def add_many() -> None:
        for _ in range(30):
            versions.add(write(b"x" * 1000), {"is_whole": True})
        is_done.set()

    writer = threading.Thread(target=add_many)
    writer.start()
    seen: list[Version] = []
    while not is_done.is_set():
        seen = versions.read_all()
        assert all(each.path.is_file() for each in seen)
        assert all(each.card["is_whole"] for each in seen[1:])
    writer.join()
    assert len(versions.read_all()) == 31


def run_together(code: str, folder: Path, count: int) -> list[list[str]]:
    """Return what each of several processes printed that start their work at the same moment."""
    command = [sys.executable, "-c", code, str(folder)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    outputs = [each.communicate(timeout=90)[0].split() for each in started]
    assert [each.returncode for each in started] == [0] * count
    return outputs


def test_processes_that_add_at_once_each_get_numbers_of_their_own(tiny_folder: Path) -> None:
    outputs = run_together(ADD, tiny_folder, 2)
    taken = [int(name) for names in outputs for name in names]
    assert len(taken) == 40
    assert sorted(taken) == list(range(1, 41))


def test_processes_that_meet_a_new_model_at_once_adopt_it_once(tiny_folder: Path) -> None:
    assert run_together(READ_ALL, tiny_folder, 3) == [["1"]] * 3


# Serving and finding


def test_the_first_version_is_served_until_another_is_chosen(versions: ModelVersions) -> None:
    versions.read_all()
    versions.add(write(b"second"), {})
    assert versions.find().name == "1"
    assert versions.serve("2").name == "2"
    versions.add(write(b"third"), {})
    assert versions.find().name == "2"
    assert versions.find_newest().name == "3"
    versions.serve("1")
    assert versions.find().name == "1"


def test_as_long_as_nobody_chose_the_version_that_the_config_names_is_served(
    versions: ModelVersions, tmp_path: Path
) -> None:
    versions.read_all()
    versions.add(write(b"retrained"), {"parent": "1"})
    assert versions.find().name == "1"
    settle(tmp_path / "model.skops", b"third")
    assert versions.find().name == "3"
    settle(tmp_path / "model.skops", b"first")
    assert versions.find().name == "1"
    settle(tmp_path / "model.skops", b"retrained")
    assert versions.find().name == "2"
    (tmp_path / "model.skops").unlink()
    assert ModelVersions(tmp_path, make_spec()).find().name == "3"


def test_what_somebody_chose_is_served_whatever_the_config_names(
    versions: ModelVersions, tmp_path: Path
) -> None:
    versions.read_all()
    versions.serve("1")
    settle(tmp_path / "model.skops", b"second")
    assert versions.find().name == "1"
    assert list_names(versions) == ["1", "2"]


def test_another_process_sees_what_is_served(versions: ModelVersions, tmp_path: Path) -> None:
    versions.read_all()
    versions.add(write(b"second"), {})
    versions.serve("2")
    other = ModelVersions(tmp_path, make_spec())
    assert other.find().name == "2"
    versions.serve("1")
    assert other.find().name == "1"


@pytest.mark.parametrize("name", ["3", "01", "../1", "latest"])
def test_an_unknown_version_names_the_known_ones(versions: ModelVersions, name: str) -> None:
    versions.read_all()
    versions.add(write(b"second"), {})
    for use in (versions.find, versions.serve):
        with pytest.raises(UnknownNameError, match=r"There is no version of model .*Known: 1, 2\."):
            use(name)
    assert versions.find().name == "1"


def test_a_served_version_that_was_removed_is_said(versions: ModelVersions, tmp_path: Path) -> None:
    versions.read_all()
    (tmp_path / "models/model/served").write_text("9")
    with pytest.raises(UnknownNameError, match=r"no version of model '9'.*Known: 1"):
        versions.find()


# Care


def test_an_artifact_that_was_changed_is_found(versions: ModelVersions) -> None:
    version = versions.find()
    assert versions.check(version) is None
    version.path.write_bytes(b"tampered")
    assert versions.check(version) == f"{version.path} was changed after it became version 1."


def test_an_artifact_that_is_gone_is_found(versions: ModelVersions) -> None:
    version = versions.find()
    version.path.unlink()
    sentence = versions.check(version)
    assert sentence is not None
    assert "is gone; restore it" in sentence


@pytest.mark.parametrize("card", [None, "", "{", "[]", "{}", "5", '{"artifact": 5}'], ids=str)
def test_a_card_that_is_missing_or_damaged_is_named(
    versions: ModelVersions, tmp_path: Path, card: str | None
) -> None:
    versions.read_all()
    path = tmp_path / "models/model/1/card.json"
    if card is None:
        path.unlink()
    else:
        path.write_text(card)
    with pytest.raises(
        ModelError, match=r"card\.json is missing or damaged .*; remove the folder or restore it"
    ):
        versions.read_all()


def test_a_card_is_json_that_anyone_can_read(versions: ModelVersions, tmp_path: Path) -> None:
    versions.add(write(b"x"), {"note": "Größe"})
    text = (tmp_path / "models/model/1/card.json").read_text(encoding="utf-8")
    assert json.loads(text)["note"] == "Größe"
    assert "Größe" in text


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(b"first")
    (tmp_path / "models").write_text("a file where the folder should be")
    versions = ModelVersions(tmp_path, make_spec())
    with pytest.raises(LogError, match=r"could not be written .*free space or make the folder writable"):
        versions.read_all()


# Answering


@pytest.fixture
def failing(tmp_path: Path) -> ModelVersions:
    """The versions of a Python model that does what its text says."""
    name = f"answers_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("def answer(text):\n    exec(text)\n    return text\n")
    return ModelVersions(tmp_path, make_spec(kind="python", path=f"{name}:answer", trusted=True))


def test_a_version_answers_one_example_after_the_other(failing: ModelVersions) -> None:
    answers = failing.answer(failing.find(), [{"text": "1"}, {"text": "2"}])
    assert answers == [Answer(output="1"), Answer(output="2")]


def test_whatever_a_model_raises_is_a_failure_in_one_line(failing: ModelVersions) -> None:
    with pytest.raises(ModelError) as caught:
        failing.answer(failing.find(), [{"text": "raise KeyError('no\\nsuch ' + 'x' * 5000)"}])
    assert str(caught.value).startswith("model version 1 failed: KeyError: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_version_is_loaded_once(failing: ModelVersions) -> None:
    version = failing.find()
    assert failing.load(version) is failing.load(version)


def test_a_version_that_cannot_be_loaded_is_tried_again(versions: ModelVersions, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ModelError, match="is no readable model file"):
            versions.load(versions.find())


def test_a_model_that_takes_very_long_to_load_is_said_and_goes_on_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"slow_of_{tmp_path.name}.py"
    path.write_text(
        "import test_versions\n\ntest_versions.LOADED.wait(30)\n\ndef answer(text):\n    return 1\n"
    )
    LOADED.clear()
    versions = ModelVersions(tmp_path, make_spec(kind="python", path=f"{path.stem}:answer", trusted=True))
    monkeypatch.setattr(versions_module, "_LOADING_SECONDS", 0.05)
    with pytest.raises(
        ModelError, match=r"model version 1 is still being loaded after 0\.05 s; try again later"
    ):
        versions.load(versions.find())
    LOADED.set()
    monkeypatch.undo()
    assert versions.answer(versions.find(), [{"text": ""}]) == [Answer(output=1)]


LOADED = threading.Event()


@pytest.mark.parametrize("text", ["raise SystemExit(1)", "raise KeyboardInterrupt"])
def test_a_model_that_ends_the_program_while_it_is_loaded_only_fails(tmp_path: Path, text: str) -> None:
    path = tmp_path / f"ending_of_{tmp_path.name}.py"
    path.write_text(text)
    versions = ModelVersions(tmp_path, make_spec(kind="python", path=f"{path.stem}:answer", trusted=True))
    with pytest.raises(ConfigError, match="cannot be imported"):
        versions.load(versions.find())


def test_the_versions_used_last_are_kept_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / f"kept_of_{tmp_path.name}.py"
    versions = ModelVersions(tmp_path, make_spec(kind="python", path=f"{path.stem}:answer", trusted=True))
    for number in range(4):
        settle(path, f"def answer(text):\n    return {number}\n".encode())
        versions.read_all()
    found = versions.read_all()
    loaded = [versions.load(each) for each in found[:3]]
    assert versions.load(found[0]) is loaded[0]
    versions.load(found[3])
    assert versions.load(found[0]) is loaded[0]
    assert versions.load(found[2]) is loaded[2]
    assert versions.load(found[1]) is not loaded[1]
    assert [versions.answer(each, [{"text": ""}])[0].output for each in found] == [0, 1, 2, 3]


def test_a_card_is_read_again_only_when_it_changed(versions: ModelVersions, tmp_path: Path) -> None:
    first = versions.find()
    assert versions.find() is first
    path = tmp_path / "models/model/1/card.json"
    path.write_text(json.dumps({**first.card, "note": "added by hand"}))
    assert versions.find().card["note"] == "added by hand"


def test_a_model_is_asked_so_many_times_at_once_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / f"waiting_of_{tmp_path.name}.py"
    path.write_text(WAITING)
    spec = make_spec(kind="python", path=f"{path.stem}:answer", trusted=True, concurrency=2)
    versions = ModelVersions(tmp_path, spec)
    version = versions.find()
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda number: versions.answer(version, [{"text": ""}]), range(6)))
    assert max(each[0].output for each in found) == 2


WAITING = """
import threading

RUNNING, MUTEX, PAIR = set(), threading.Lock(), threading.Barrier(2)

def answer(text):
    with MUTEX:
        RUNNING.add(threading.get_ident())
        count = len(RUNNING)
    PAIR.wait(30)
    with MUTEX:
        RUNNING.discard(threading.get_ident())
    return count
"""


def test_media_in_answers_are_kept_where_the_caller_says(tmp_path: Path) -> None:
    path = tmp_path / f"drawing_of_{tmp_path.name}.py"
    path.write_text("import numpy as np\n\ndef answer(text):\n    return np.zeros((2, 2, 3), np.uint8)\n")
    outputs = {"picture": "image"}
    spec = make_spec(kind="python", path=f"{path.stem}:answer", trusted=True, outputs=outputs)
    versions, media = ModelVersions(tmp_path, spec), MediaStore(tmp_path / "media")
    (found,) = versions.answer(versions.find(), [{"text": ""}], media.save)
    assert media.find(found.output["media"]).is_file()
