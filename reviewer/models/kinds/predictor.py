"""What all model kinds share: a loaded model, where it comes from, and how a failure of it is told."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from reviewer.config import ModelSpec
from reviewer.errors import ModelError
from reviewer.folders import hash_file
from reviewer.log.media import Keep, name_media
from reviewer.models.outputs import Answer

Examples = Sequence[dict[str, Any]]
"""What models get: per example one value per input, as `read_inputs` gives them."""

CALL_SIZE = 1000
"""Most examples in one call of a model that takes many at once; the timeout is for one call."""

_MOST_DETAILS = 20_000
"""Characters of a traceback that are recorded."""


_OWN = f"{Path(__file__).parents[1]}/"
"""Where the program's code that calls models stands."""


@dataclass(frozen=True, slots=True)
class Predictor:
    """A loaded model; called with examples, it answers each of them, in order."""

    answer: Callable[[Examples, Keep], list[Answer]]
    call_size: int = CALL_SIZE
    """Most examples that one call of the model takes; who has more calls again."""
    answer_briefly: Callable[[Examples, Keep], list[Answer]] | None = None
    """As `answer`, but may leave out what takes time and is not the answer itself: the scores."""

    def __call__(
        self, examples: Examples, keep: Keep = name_media, *, is_brief: bool = False
    ) -> list[Answer]:
        """Return one answer per example; `keep` stores the pictures among them."""
        answer = (self.answer_briefly if is_brief else None) or self.answer
        return answer(examples, keep)


@dataclass(frozen=True, slots=True)
class Source:
    """What a version is made of: a file, or a text that describes what is elsewhere."""

    said: str
    """What the config says."""
    name: str
    """File name of the artifact in the version's folder."""
    path: Path | None = None
    text: str = ""

    def hash(self) -> str:
        """Return the SHA-256 that identifies the version made of it."""
        return hash_file(self.path) if self.path else hashlib.sha256(self.text.encode()).hexdigest()

    def copy_into(self, folder: Path) -> Path:
        """Write the artifact into the folder and return it."""
        artifact = folder / self.name
        if self.path:
            return Path(shutil.copyfile(self.path, artifact))
        artifact.write_text(self.text, encoding="utf-8")
        return artifact


@dataclass(frozen=True, slots=True)
class ModelKind:
    """How one kind of model is found and loaded."""

    find_source: Callable[[ModelSpec, Path], Source | None]
    """(spec, workspace folder) → what the config names; runs no code of the model."""
    load: Callable[[ModelSpec, Path, Path], Predictor]
    """(spec, artifact, workspace folder) → the loaded model."""


def find_file(spec: ModelSpec, workspace: Path) -> Source | None:
    """Return the model file that the config names, None when it names none; raises `ModelError`."""
    if not spec.path:
        return None
    path = workspace / spec.path
    if not path.is_file():
        raise ModelError(
            f"models.{spec.name}.path is {spec.path!r}, but there is no such file in {workspace}."
        )
    return Source(spec.path, f"model{path.suffix}", path)


def simplify_name(name: str) -> str:
    """Return a name as a config may spell it: `Sepal length (cm)` is `sepal_length_cm`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def describe_error(error: BaseException) -> str:
    """Return an exception's class and the first line of its message."""
    try:
        lines = str(error).splitlines()
    except Exception:
        # The message of somebody else's exception can fail like anything of theirs.
        lines = []
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def format_details(error: BaseException) -> str:
    """Return the traceback from the first frame that is not the program's own, its end when it is long."""
    text = "".join(traceback.format_exception(type(error), error, _skip_own(error.__traceback__)))
    return text if len(text) <= _MOST_DETAILS else f"[…]\n{text[-_MOST_DETAILS + 4 :]}"


def format_stack(thread_id: int | None) -> str:
    """Return where a running thread is now, from the first frame that is not the program's own."""
    entries = traceback.extract_stack(sys._current_frames().get(thread_id or 0))
    own = [number for number, each in enumerate(entries) if each.filename.startswith(_OWN)]
    lines = traceback.format_list(entries[own[-1] + 1 :] if own else entries)
    return "".join(["Still running:\n", *lines])[-_MOST_DETAILS:]


def _skip_own(frames: TracebackType | None) -> TracebackType | None:
    while frames and frames.tb_frame.f_code.co_filename.startswith(_OWN):
        frames = frames.tb_next
    return frames


def describe_timeout(spec: ModelSpec) -> str:
    """Return the start of the sentence about a call that took too long."""
    return f"{spec.name} took longer than its timeout of {spec.timeout:g} s"
