"""Training with code of the user's own, in a process that may crash, hang or be ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tickets import BASE, TICKETS, ignore, label_of, write_base, write_export

from reviewer.bundle import Bundle
from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, InputError, ModelError, ReviewerError, UntrustedModelError
from reviewer.models.versions import ModelVersions
from reviewer.records import Progress
from reviewer.training import retrain
from reviewer.training.choosing import Export
from reviewer.training.work import Order

SOURCE = """
import json
from pathlib import Path

class Words:
    def __init__(self, folder):
        path = Path(folder) / "words.json"
        self.words = json.loads(path.read_text()) if path.is_file() else {}

    def predict(self, text):
        return next((self.words[word] for word in text.split() if word in self.words), "login")
"""

TRAINER = """
import csv, json, os, signal, sys, time
from pathlib import Path

ANSWERING = "class Words:\\n    def predict(self, text):\\n        return {}\\n"

def train(bundle, out):
    print("learning words")
    words = {}
    for path in sorted(Path(bundle).rglob("train.csv")):
        for row in csv.DictReader(path.open(encoding="utf-8", newline="")):
            words |= {word: row["label"] for word in row["text"].split()}
    (Path(out) / "words.json").write_text(json.dumps(words))

def crash(bundle, out):
    os.kill(os.getpid(), signal.SIGSEGV)

def die(bundle, out):
    os.kill(os.getpid(), signal.SIGKILL)

def leave(bundle, out):
    print("the last words", flush=True)
    sys.exit(3)

def fail(bundle, out):
    raise KeyError("no such column")

def hang(bundle, out):
    (Path(bundle).parents[1] / "training" / "pid").write_text(str(os.getpid()))
    while True:
        time.sleep(60)

def nothing(bundle, out):
    pass

def broken(bundle, out):
    (Path(out) / "source.py").write_text(ANSWERING.format("1 / 0"))

def unloadable(bundle, out):
    (Path(out) / "source.py").write_text("import nowhere_to_be_found\\n")

def strange(bundle, out):
    (Path(out) / "source.py").write_text(ANSWERING.format("'spam'"))

def list_all(bundle, out):
    found = sorted(path.relative_to(bundle).as_posix() for path in Path(bundle).rglob("*") if path.is_file())
    (Path(out) / "words.json").write_text(json.dumps({"found": found}))

if __name__ == "__main__":
    train(sys.argv[1], sys.argv[2])
"""


@pytest.fixture
def names(tmp_path: Path) -> tuple[str, str]:
    """The modules of a model and of its trainer, whose names no other test has."""
    return f"words_of_{tmp_path.name}", f"trainer_of_{tmp_path.name}"


@pytest.fixture
def make(tmp_path: Path, names: tuple[str, str]) -> Callable[..., ModelVersions]:
    """Makes a Python model with version 1 that knows no words, and the training that a test wants."""
    module, trainer = names
    (tmp_path / f"{module}.py").write_text(SOURCE)
    (tmp_path / f"{trainer}.py").write_text(TRAINER)
    write_base(tmp_path, TICKETS, BASE)

    def make_versions(train: str = "", *, trusted: bool = True, **training: Any) -> ModelVersions:
        told = {"train": f"{trainer}:{train}"} if train else {}
        changes = {
            "kind": "python", "path": f"{module}:Words", "trusted": trusted, "training": told | training,
        }  # fmt: skip
        return ModelVersions(tmp_path, ModelSpec.model_validate(TICKETS.model_dump() | changes))

    return make_versions


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_export(
        tmp_path,
        train=[("voucher", "refund", 2, "")],
        validation=[("looked at", "login", 1, "")],
        test=[("never seen", "refund", 1, "")],
        verify=[("kept aside", "refund", 1, "")],
    )


def list_left(folder: Path) -> list[str]:
    """Return what is in the model's folder, with the number of logs."""
    inside = sorted(each.name for each in (folder / "models/tickets").iterdir() if each.name[0] != ".")
    return [f"{len(list_logs(folder))} logs" if name == "training" else name for name in inside]


def list_logs(folder: Path) -> list[Path]:
    return sorted((folder / "models/tickets/training").glob("*.log"))


def test_a_function_trains_a_version_of_its_own(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle
) -> None:
    versions = make("train")
    told: list[str] = []
    made = retrain(tmp_path, versions, bundle, lambda share, doing: told.append(doing))
    assert (label_of(versions, versions.find("1"), "voucher"), made.version.name) == ("login", "2")
    assert label_of(versions, made.version, "voucher") == "refund"
    assert (made.before["accuracy"], made.after["accuracy"]) == (0.5, 1.0)
    assert versions.find().name == "1"
    assert "learning words" in made.log.read_text()
    assert made.version.card["log"] == made.log.name
    assert "Training on 6 examples" in told
    assert list_left(tmp_path) == ["1", "2", "1 logs"]


def test_a_program_trains_as_well(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle, names: tuple[str, str]
) -> None:
    versions = make(command=f"python {names[1]}.py {{bundle}} '{{out}}'")
    made = retrain(tmp_path, versions, bundle, ignore)
    assert label_of(versions, made.version, "voucher") == "refund"


def test_a_trainer_sees_nothing_that_is_held_out(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle
) -> None:
    made = retrain(tmp_path, make("list_all"), bundle, ignore)
    words = json.loads((made.version.path.parent / "words.json").read_text())
    assert words["found"] == ["base/train.csv", "train.csv", "validation.csv"]


def test_a_model_without_base_data_is_measured_on_the_corrections_that_are_held_out(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle
) -> None:
    spec = make("train").spec.model_copy(update={"base": ""})
    made = retrain(tmp_path, ModelVersions(tmp_path, spec), bundle, ignore)
    assert (made.before["rows"], made.counts) == (2, {"base": 0, "corrections": 2})


@pytest.mark.parametrize(
    ("train", "error", "words"),
    [
        ("crash", ModelError, r"crashed with SIGSEGV; what it printed is in .*\.log"),
        ("die", ModelError, "was killed, most often because it took all memory"),
        ("leave", ModelError, "ended with the code 3 before it had a model"),
        ("fail", ModelError, r"trainer_of_\w+:fail failed while it trained tickets: KeyError: 'no such col"),
        ("nothing", ModelError, r"wrote no model; it should write source\.py"),
        ("broken", ModelError, "failed on its held-out data: ZeroDivisionError: division by zero"),
        ("unloadable", ConfigError, r"cannot be imported \(ModuleNotFoundError: No module named 'nowhere"),
        ("strange", ModelError, "tickets answered .*'spam'"),
        ("missing", ConfigError, "cannot be imported .*write module:function"),
    ],
)
def test_a_training_that_goes_wrong_is_said_in_a_sentence_and_leaves_only_its_log(
    tmp_path: Path,
    make: Callable[..., ModelVersions],
    bundle: Bundle,
    train: str,
    error: type[ReviewerError],
    words: str,
) -> None:
    versions = make(train)
    before = sorted(path.read_bytes() for path in bundle.path.rglob("*.csv"))
    with pytest.raises(error, match=words) as caught:
        retrain(tmp_path, versions, bundle, ignore)
    assert "\n" not in str(caught.value)
    assert list_left(tmp_path) == ["1", "1 logs"]
    assert not list((tmp_path / "models/tickets").glob(".training-*"))
    assert sorted(path.read_bytes() for path in bundle.path.rglob("*.csv")) == before


def test_the_end_of_the_log_goes_with_the_error(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle
) -> None:
    with pytest.raises(ModelError) as caught:
        retrain(tmp_path, make("leave"), bundle, ignore)
    assert "the last words" in caught.value.details
    with pytest.raises(ModelError) as caught:
        retrain(tmp_path, make("fail"), bundle, ignore)
    assert 'raise KeyError("no such column")' in caught.value.details


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        (
            "no-such-program {bundle}",
            ConfigError,
            r"command cannot be run: no-such-program: No such",
        ),
        ("python -c 'raise SystemExit(7)'", ModelError, "python failed while it trained tickets: .* code 7"),
    ],
)
def test_a_program_that_goes_wrong_is_said(
    tmp_path: Path,
    make: Callable[..., ModelVersions],
    bundle: Bundle,
    command: str,
    error: type[ReviewerError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        retrain(tmp_path, make(command=command), bundle, ignore)


def test_code_that_nobody_trusts_is_not_run(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle
) -> None:
    versions = make("train", trusted=False)
    with pytest.raises(UntrustedModelError, match=r"training runs code of yours; .*set trusted = true"):
        retrain(tmp_path, versions, bundle, ignore)


def test_a_training_that_hangs_is_ended_after_its_time(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle
) -> None:
    waiting = _Waiting(tmp_path)
    with pytest.raises(ModelError, match="took longer than 6 s and was stopped; give it more with"):
        retrain(tmp_path, make("hang"), bundle, waiting.progress, timeout=6)
    assert waiting.has_hung()
    assert not is_running(waiting.pid)


class _Waiting:
    """A progress that sees when the training hangs, and may end it then."""

    def __init__(self, folder: Path, stop: BaseException | None = None) -> None:
        self._path, self._stop = folder / "models/tickets/training/pid", stop
        self.calls = 0

    def has_hung(self) -> bool:
        return self._path.is_file() and bool(self._path.read_text())

    @property
    def pid(self) -> int:
        return int(self._path.read_text())

    def progress(self, share: float, doing: str) -> None:
        assert 0 <= share <= 1
        self.calls += 1
        if self._stop and self.has_hung():
            raise self._stop


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_cancelled_training_is_ended_in_the_middle_of_its_work(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle
) -> None:
    waiting = _Waiting(tmp_path, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        retrain(tmp_path, make("hang"), bundle, waiting.progress)
    assert not is_running(waiting.pid)
    (tmp_path / "models/tickets/training/pid").unlink()
    assert list_left(tmp_path) == ["1", "1 logs"]
    assert not list((tmp_path / "models/tickets").glob(".training-*"))


def cancel_at(text: str) -> Progress:
    def progress(share: float, doing: str) -> None:
        if doing.startswith(text):
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize(
    "step",
    [
        "Starting",
        "Reading the base",
        "Reading the corr",
        "Handing",
        "Training",
        "Measuring the new",
        "Adding",
    ],
)
def test_a_training_can_be_cancelled_at_any_step(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle, step: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        retrain(tmp_path, make("train"), bundle, cancel_at(step))
    assert list_left(tmp_path) == ["1", "1 logs"]


def test_nothing_is_trained_when_there_is_no_correction(
    tmp_path: Path, make: Callable[..., ModelVersions]
) -> None:
    bundle = write_export(tmp_path, verify=[("kept aside", "refund", 1, "")])
    with pytest.raises(InputError, match=r"None of the 1 corrections .*\(in_verify_split 1\)"):
        retrain(tmp_path, make("train"), bundle, ignore)


def test_the_process_ends_with_the_one_that_started_it(
    tmp_path: Path, make: Callable[..., ModelVersions], bundle: Bundle
) -> None:
    """The other end of its stdin is closed when the program that started it is killed."""
    versions = make("hang")
    (tmp_path / "models/tickets/training").mkdir(parents=True)
    (tmp_path / "models/tickets/.training-x").mkdir()
    export = Export(bundle.model, bundle.name, bundle.path)
    order = Order(
        tmp_path, versions.spec, versions.find().path, export, tmp_path / "models/tickets/.training-x"
    )
    reading, writing = os.pipe()
    words = [sys.executable, "-m", "reviewer.training.child", str(order.write()), str(writing)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, pass_fds=[writing], start_new_session=True) as child:
        os.close(writing)
        with os.fdopen(reading) as told:
            assert any("Training on" in line for line in told)
            assert child.stdin is not None
            child.stdin.close()
            assert child.wait(30) == -signal.SIGKILL
