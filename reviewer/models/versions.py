"""Model versions on disk: `models/NAME/VERSION/` with the artifact and its card.

A version is never changed once it is there; which one the app serves is a file beside them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from reviewer.config import Kind, ModelSpec
from reviewer.errors import LogError, ModelError, UnknownNameError
from reviewer.folders import hash_file, list_numbers, take_next_number
from reviewer.log.columns import format_time
from reviewer.models.kinds import Answer, Examples, Predictor, load_predictor
from reviewer.records import JsonValue, utc_now

_SERVED = "served"
_CARD = "card.json"
_PACKAGES = ("flag-reviewer", "scikit-learn", "numpy", "pandas", "skops")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model."""

    model: str
    name: str
    path: Path
    """The artifact; for a Python model the folder, which holds only the card."""
    card: dict[str, JsonValue]


class ModelVersions:
    """The versions of one model."""

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        self.spec = spec
        self._workspace = folder
        self._folder = folder / "models" / spec.name
        self._loaded: dict[str, Predictor] = {}
        self._mutex = threading.Lock()

    def read_all(self) -> list[Version]:
        """Return all versions, oldest first; a model file named in the config becomes the first."""
        with self._mutex:
            if not self._names():
                self._adopt_once()
            return [self._read(name) for name in self._names()]

    def find(self, name: str | None = None) -> Version:
        """Return the version of that name, the served one when None; raises `UnknownNameError`."""
        versions = {each.name: each for each in self.read_all()}
        if not versions:
            raise ModelError(
                f"{self.spec.name} has no version yet: set models.{self.spec.name}.path to its file in"
                " reviewer.toml, or run `reviewer demo --no-serve` in the demo workspace."
            )
        wanted = name or self._read_served() or next(iter(versions))
        if wanted not in versions:
            raise UnknownNameError(f"version of {self.spec.name}", wanted, versions)
        return versions[wanted]

    def find_newest(self) -> Version:
        """Return the newest version, served or not."""
        return self.find(self._names()[-1] if self._names() else None)

    def answer(self, version: Version, examples: Examples) -> list[Answer]:
        """Return the version's answers; raises `ModelError` when the model fails or misbehaves."""
        predictor = self.load(version)
        try:
            answers = predictor(examples)
        except ModelError:
            raise
        except Exception as error:
            # Whatever a model raises is its failure, not the program's.
            first = (str(error).splitlines() or [""])[0][:300]
            raise ModelError(
                f"{version.model} version {version.name} failed: {type(error).__name__}: {first}"
            ) from error
        if len(answers) != len(examples):
            raise ModelError(
                f"{version.model} version {version.name} gave {len(answers)} answers"
                f" to {len(examples)} examples."
            )
        return answers

    def add(self, write: Callable[[Path], Path], card: dict[str, JsonValue]) -> Version:
        """Add the next version and return it.

        `write` gets an empty folder and returns the artifact that it wrote there. The folder gets its
        final name only when everything is in it. Raises `LogError` when the disk refuses.
        """
        with self._writing():
            aside = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
            try:
                artifact = write(aside)
                _write_json(aside / _CARD, {**_describe(artifact), **card})
                aside.chmod(0o755)
                return self._read(take_next_number(aside).name)
            except BaseException:
                shutil.rmtree(aside, ignore_errors=True)
                raise

    def serve(self, name: str) -> Version:
        """Let the app answer with this version from now on; raises `UnknownNameError` or `LogError`."""
        version = self.find(name)
        with self._writing(), self._mutex:
            aside = self._folder / f".{_SERVED}-{os.getpid()}"
            aside.write_text(name, encoding="utf-8")
            aside.replace(self._folder / _SERVED)
        return version

    def check(self, version: Version) -> str | None:
        """Return a sentence when the artifact is not the one its card was written for."""
        if self.spec.kind is Kind.PYTHON:
            return None
        if not version.path.is_file():
            return f"{version.path} is gone; restore it or remove the folder of version {version.name}."
        if hash_file(version.path) != version.card.get("sha256"):
            return f"{version.path} was changed after it became version {version.name}."
        return None

    def load(self, version: Version) -> Predictor:
        """Return the version's function from examples to answers, loaded once."""
        with self._mutex:
            if version.name not in self._loaded:
                self._loaded[version.name] = load_predictor(self.spec, version.path)
            return self._loaded[version.name]

    def _adopt_once(self) -> None:
        """Adopt the first version, unless another process does it in the same moment."""
        if self.spec.kind is not Kind.PYTHON and not self.spec.path:
            return
        with self._writing():
            lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not self._names():
                    self._adopt()
            finally:
                os.close(lock)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Make the model's folder and turn what the disk refuses into a sentence."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise LogError(
                f"{self._folder} could not be written ({error.strerror or error}); free space or make the"
                " folder writable and try again."
            ) from error

    def _adopt(self) -> None:
        """Keep a copy of the model file that the config names as version 1."""
        if self.spec.kind is Kind.PYTHON:
            self.add(lambda aside: aside, {"source": self.spec.path})
        else:
            source = self._workspace / self.spec.path
            if not source.is_file():
                raise ModelError(
                    f"models.{self.spec.name}.path is {self.spec.path!r}, but there is no such file"
                    f" in {self._workspace}."
                )
            self.add(
                lambda aside: Path(shutil.copyfile(source, aside / f"model{source.suffix}")),
                {"source": self.spec.path},
            )

    def _names(self) -> list[str]:
        return [str(number) for number in list_numbers(self._folder)]

    def _read(self, name: str) -> Version:
        folder = self._folder / name
        try:
            card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
            path = folder / card["artifact"] if card["artifact"] else folder
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{folder / _CARD} is missing or damaged ({error}); remove the folder or restore it."
            ) from error
        return Version(self.spec.name, name, path, card)

    def _read_served(self) -> str | None:
        try:
            return (self._folder / _SERVED).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None


def _describe(artifact: Path) -> dict[str, Any]:
    is_file = artifact.is_file()
    return {
        "artifact": artifact.name if is_file else "",
        "sha256": hash_file(artifact) if is_file else "",
        "created_at": format_time(utc_now()),
        "environment": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
    }


def _write_json(path: Path, value: JsonValue) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
