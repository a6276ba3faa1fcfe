"""Model versions on disk: `models/NAME/VERSION/` with the artifact and its card.

The rule: a version is identified by the SHA-256 of its artifact and never changed once it is there. What
the config names (a model file, the source of a Python model, the settings of an endpoint) is copied into a
version of its own, and when it changes it becomes the next one. A file `served` beside the versions says
which one the app answers with; as long as nobody has chosen any, it is the one that the config names.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from reviewer.config import Kind, ModelSpec
from reviewer.errors import LogError, ModelError, ReviewerError, UnknownNameError
from reviewer.folders import hash_file, list_numbers, take_next_number
from reviewer.log.columns import format_time
from reviewer.log.media import Keep, name_media
from reviewer.models.calls import Calls, Result
from reviewer.models.kinds import Answer, Examples, Predictor, Source, find_source, load_predictor
from reviewer.models.kinds.external import describe_external
from reviewer.models.kinds.predictor import describe_error, format_details
from reviewer.records import JsonValue, utc_now

_SERVED = "served"
_CARD = "card.json"
_PACKAGES = ("flag-reviewer", "scikit-learn", "numpy", "pandas", "skops", "onnxruntime")

_SETTLED_SECONDS = 2.0
"""A file that changed less than this ago may still be being written, where the system does not tell."""

_TICK_SECONDS = 0.05
"""A file that changes twice in less than this may have the same time both times."""

_LOADING_SECONDS = 300.0
"""How long a caller waits for a model to be loaded."""

_MOST_LOADED = 3
"""Versions of a model that are kept in memory, the last ones used."""

_Stamp = tuple[int, int, int]
"""Inode, time of change in ns, and size of a file."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model."""

    model: str
    name: str
    path: Path
    """The artifact: a model file, the source of a Python model, or the description of an endpoint."""
    card: dict[str, JsonValue]


class ModelVersions:
    """The versions of one model."""

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        self.spec = spec
        self._workspace = folder
        self._folder = folder / "models" / spec.name
        self._calls = Calls(spec)
        self._loaded: OrderedDict[str, Future[Predictor]] = OrderedDict()
        self._loading = threading.Lock()
        self._cards: dict[str, tuple[_Stamp, Version]] = {}
        self._source: Source | None = None
        self._seen: tuple[_Stamp | None, str] | None = None
        """Stamp and SHA-256 of what the config names, as last looked at."""
        self._mutex = threading.RLock()

    @property
    def folder(self) -> Path:
        """Where the versions lie."""
        return self._folder

    def read_all(self) -> list[Version]:
        """Return all versions, oldest first; what the config names is among them.

        Raises `ModelError` or `ConfigError` when there is none and what the config names does not exist.
        """
        with self._mutex:
            self._follow_source()
            return [self._read(name) for name in self._names()]

    def find(self, name: str | None = None) -> Version:
        """Return the version of that name, the served one when None; raises `UnknownNameError`."""
        versions = {each.name: each for each in self.read_all()}
        if self.spec.kind is Kind.EXTERNAL:
            raise ModelError(describe_external(self.spec))
        if not versions:
            raise ModelError(
                f"{self.spec.name} has no version yet: set models.{self.spec.name}.path to its file in"
                " reviewer.toml, or run `reviewer demo --no-serve` in the demo workspace."
            )
        wanted = name or self._read_served() or self._find_named(list(versions.values())).name
        if wanted not in versions:
            raise UnknownNameError(f"version of {self.spec.name}", wanted, versions)
        return versions[wanted]

    def find_newest(self) -> Version:
        """Return the newest version, served or not."""
        self.read_all()
        return self.find(self._names()[-1] if self._names() else None)

    def answer(
        self, version: Version, examples: Examples, keep: Keep = name_media, *, is_brief: bool = False
    ) -> list[Answer]:
        """Return the version's answers, in order; `keep` stores the pictures among them.

        With `is_brief`, a model that answers faster without its scores leaves them out. Many examples go into
        several calls of the model, each of which may take the timeout of the config.
        Raises `ModelError` with the traceback as details when the model fails, hangs or misbehaves.
        """
        predictor = self.load(version)
        answers: list[Answer] = []
        for start in range(0, len(examples), predictor.call_size):
            part = examples[start : start + predictor.call_size]
            answers += self._ask(version, part, partial(predictor, part, keep, is_brief=is_brief))
        return answers

    def run(self, work: Callable[[], Result]) -> Result:
        """Return what the work with a version's insides returns, or raise what it raises.

        It counts as a call of the model: raises `ModelError` when it takes longer than the timeout of the
        config, or when too many calls run.
        """
        return self._calls.run(work)

    def _ask(self, version: Version, examples: Examples, predict: Callable[[], list[Answer]]) -> list[Answer]:
        who = f"{version.model} version {version.name}"
        try:
            answers = self._calls.run(predict)
        except ReviewerError:
            raise
        except Exception as error:
            # Whatever a model raises is its failure, not the program's.
            raise ModelError(f"{who} failed: {describe_error(error)}", format_details(error)) from error
        if len(answers) != len(examples):
            raise ModelError(f"{who} gave {len(answers)} answers to {len(examples)} examples.")
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
        if not version.path.is_file():
            return f"{version.path} is gone; restore it or remove the folder of version {version.name}."
        if hash_file(version.path) != version.card.get("sha256"):
            return f"{version.path} was changed after it became version {version.name}."
        return None

    def load(self, version: Version) -> Predictor:
        """Return the loaded version; it is kept, and with it the last few that were used.

        Raises `ModelError` or `ConfigError` when it cannot be loaded, and `ModelError` when that takes very
        long; loading goes on then, so that a later call finds it done.
        """
        with self._loading:
            loaded = self._loaded.get(version.name)
            if loaded is None or (loaded.done() and loaded.exception()):
                loaded = self._loaded[version.name] = self._start_loading(version)
            self._loaded.move_to_end(version.name)
            if len(self._loaded) > _MOST_LOADED:
                self._loaded.popitem(last=False)
        try:
            return loaded.result(_LOADING_SECONDS)
        except TimeoutError:
            raise ModelError(
                f"{version.model} version {version.name} is still being loaded after {_LOADING_SECONDS:g} s;"
                " try again later."
            ) from None

    def _start_loading(self, version: Version) -> Future[Predictor]:
        loaded: Future[Predictor] = Future()

        def work() -> None:
            try:
                loaded.set_result(self._load(version))
            except ReviewerError as error:
                loaded.set_exception(error)

        threading.Thread(target=work, name=f"loading {version.model}", daemon=True).start()
        return loaded

    def _load(self, version: Version) -> Predictor:
        try:
            return load_predictor(self.spec, version.path, self._workspace)
        except ReviewerError:
            raise
        except BaseException as error:
            # What a model runs while it is loaded can raise anything, even SystemExit.
            raise ModelError(
                f"{version.model} version {version.name} cannot be loaded: {describe_error(error)}",
                format_details(error),
            ) from error

    # What the config names

    def _follow_source(self) -> None:
        """Adopt what the config names as the next version unless one holds it already.

        A file that is still being written waits until it is whole, and the version before it answers.
        """
        has_versions = bool(self._names())
        try:
            source, stamp = self._look_at_source()
        except ReviewerError:
            if has_versions:
                return  # versions outlive the file they were copied from
            raise
        is_new = source and (self._seen is None or self._seen[0] != stamp)
        if source and is_new and (not has_versions or _is_whole(source.path, stamp)):
            # One that may change again without looking changed is looked at anew.
            self._seen = None if _is_fresh(stamp, _TICK_SECONDS) else stamp, self._adopt(source)

    def _look_at_source(self) -> tuple[Source | None, _Stamp | None]:
        """Return what the config names, looked for once, and how its file stands now."""
        if self._source and self._source.path and not _read_stamp(self._source.path):
            self._source = None
        if self._source is None:
            self._source = find_source(self.spec, self._workspace)
        path = self._source.path if self._source else None
        return self._source, _read_stamp(path) if path else None

    def _adopt(self, source: Source) -> str:
        """Return the SHA-256 of the source, which a version holds now, whichever process adds it."""
        sha256 = source.hash()
        if sha256 in self._list_hashes():
            return sha256
        with self._locked():
            if sha256 in self._list_hashes():
                return sha256
            return str(self.add(source.copy_into, {"source": source.said}).card["sha256"])

    def _list_hashes(self) -> list[JsonValue]:
        return [self._read(name).card.get("sha256") for name in self._names()]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from adopting in the same moment."""
        with self._writing():
            lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    def _find_named(self, versions: list[Version]) -> Version:
        """Return the version that the config names, else the last one it named, else the first."""
        sha256 = self._seen[1] if self._seen else None
        same = [each for each in versions if each.card.get("sha256") == sha256]
        named = [each for each in versions if "source" in each.card]
        # A Python model may be retrained without a change of its source, but is not served by itself.
        same_named = [each for each in same if each in named]
        return (same_named or same or named or versions[:1])[-1]

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

    def _names(self) -> list[str]:
        return [str(number) for number in list_numbers(self._folder)]

    def _read(self, name: str) -> Version:
        folder = self._folder / name
        stamp = _read_stamp(folder / _CARD)
        known = self._cards.get(name)
        if known and known[0] == stamp:
            return known[1]
        try:
            card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
            version = Version(self.spec.name, name, folder / card["artifact"], card)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{folder / _CARD} is missing or damaged ({error}); remove the folder or restore it."
            ) from error
        if stamp:
            self._cards[name] = stamp, version
        return version

    def _read_served(self) -> str | None:
        try:
            return (self._folder / _SERVED).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None


def _read_stamp(path: Path) -> _Stamp | None:
    """Return what changes when a file does, None when it is gone."""
    try:
        found = os.stat(path)  # noqa: PTH116  a third faster than Path.stat, before every prediction
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _is_fresh(stamp: _Stamp | None, seconds: float) -> bool:
    return stamp is not None and 0 <= time.time() - stamp[1] / 1e9 < seconds


def _is_whole(path: Path | None, stamp: _Stamp | None) -> bool:
    """Return whether nobody is writing the file, as far as can be told."""
    is_written = _is_being_written(path) if path else False
    return not _is_fresh(stamp, _SETTLED_SECONDS) if is_written is None else not is_written


def _is_being_written(path: Path) -> bool | None:
    """Return whether any process has the file open for writing, None where the system does not tell.

    Linux grants a lease for reading only while there is no writer. Should one come before the lease is given
    back, it waits for that, and the signal that this process then gets has no effect.
    """
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError), path.open("rb") as file:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except BlockingIOError:
            return True
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False
    return None


def _describe(artifact: Path) -> dict[str, Any]:
    return {
        "artifact": artifact.name,
        "sha256": hash_file(artifact),
        "created_at": format_time(utc_now()),
        "environment": {"python": platform.python_version(), **dict(_list_packages())},
    }


def _list_packages() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


def _write_json(path: Path, value: JsonValue) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
