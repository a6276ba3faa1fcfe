"""Help for a person who decides about a flag: what the flagger, other reviews and the newest version say.

The rule: advice is worked out from what is there and never applied by itself; nothing of it is logged, and
what cannot be found out is left empty instead of holding up the card.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.config import Kind, ModelSpec
from reviewer.errors import ReviewerError, UnknownNameError
from reviewer.index.sql import load_sql
from reviewer.log.media import MediaStore, name_media
from reviewer.models.asking import ask_version
from reviewer.models.components import check_inputs, check_media, read_inputs
from reviewer.models.explaining import Case, Features, explain
from reviewer.models.kinds import Examples
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Flag, Inputs, JsonValue
from reviewer.training import read_base

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MOST_BASE_BYTES = 2_000_000
"""The largest file of base data that is read to see what inputs usually are; it takes a third of a second."""

_MOST_BACKGROUND = 500
"""Examples of the base data that are compared with."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the flagger thinks is right, and who that is."""

    label: str
    by: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A right answer that reviews gave, and to how many flags."""

    answer: str | float
    flags: int


@dataclass(frozen=True, slots=True)
class Similar:
    """The other flags of the same group or on the same example."""

    count: int
    reviewed: int
    corrections: list[Correction]
    """Most given first; a confirmed prediction counts as an answer."""


@dataclass(frozen=True, slots=True)
class NewestAnswer:
    """What the newest version answers to the flagged example now."""

    version: str
    is_served: bool
    label: str | None = None
    confidence: float | None = None
    value: float | None = None
    output: JsonValue = None
    error: str | None = None
    """Why there is no answer, in one sentence."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Everything that may help to decide about one flag; None for what there is nothing of."""

    suggestion: Suggestion | None = None
    similar: Similar | None = None
    newest: NewestAnswer | None = None
    features: Features | None = None


def advise(
    folder: Path, versions: ModelVersions | None, media: MediaStore, cursor: DuckDBPyConnection, flag: Flag
) -> Advice:
    """Return what helps to decide about the flag.

    `folder` is the workspace; `versions` are None when its config has no such model any more. The model may
    take its timeout to answer.
    """
    suggestion = Suggestion(flag.suggested_label, flag.flagger) if flag.suggested_label else None
    similar = find_similar(cursor, flag)
    if versions is None or versions.spec.kind is Kind.EXTERNAL:
        return Advice(suggestion, similar)
    return Advice(
        suggestion,
        similar,
        ask_newest(versions, media, flag),
        find_features(folder, versions, media, flag),
    )


def find_similar(cursor: DuckDBPyConnection, flag: Flag) -> Similar | None:
    """Return what other flags of the group or example were corrected to; None when there are none."""
    values = {
        "flag_id": flag.flag_id,
        "group_id": flag.state.group_id,
        "model": flag.model,
        "example_id": flag.example_id,
    }
    rows = cursor.execute(load_sql("similar_reviewed"), values).fetchall()
    count = sum(flags for _, _, flags, _ in rows)
    if not count:
        return None
    answers = [(label if label is not None else value, flags) for label, value, flags, _ in rows]
    return Similar(
        count,
        sum(reviewed for *_, reviewed in rows),
        [Correction(answer, flags) for answer, flags in answers if answer is not None],
    )


def ask_newest(versions: ModelVersions, media: MediaStore, flag: Flag) -> NewestAnswer | None:
    """Return what the newest version answers to the flag's inputs; None when that is the flag's own."""
    with contextlib.suppress(ReviewerError):
        newest = versions.find_newest()
        if newest.name != flag.model_version:
            return _ask(versions, newest, media, flag)
    return None


def _ask(versions: ModelVersions, version: Version, media: MediaStore, flag: Flag) -> NewestAnswer:
    is_served = _is_served(versions, version)
    try:
        stored = _check_stored(versions.spec, flag, media)
        answered = ask_version(versions, version, [stored], media)
    except (ReviewerError, OSError) as error:
        return NewestAnswer(version.name, is_served, error=str(error))
    [failure] = answered.errors
    return NewestAnswer(
        version.name,
        is_served,
        versions.spec.vocabulary.follow_all(answered.labels)[0],
        answered.confidences[0],
        answered.values[0],
        answered.outputs[0],
        failure.partition("\n\n")[0] if failure else None,
    )


def _is_served(versions: ModelVersions, version: Version) -> bool:
    try:
        return versions.find().name == version.name
    except UnknownNameError:
        return False


def _check_stored(spec: ModelSpec, flag: Flag, media: MediaStore) -> Inputs:
    """Return the flag's inputs as the config takes them today; raises `InputError` when it does not."""
    stored = check_inputs(spec, flag.inputs, name_media)
    check_media(spec, stored, media)
    return stored


def find_features(folder: Path, versions: ModelVersions, media: MediaStore, flag: Flag) -> Features | None:
    """Return what drove the flagged answer; None when its version is gone or cannot be explained."""
    spec = versions.spec
    with contextlib.suppress(ReviewerError, OSError):
        own = [each for each in versions.read_all() if each.name == flag.model_version]
        if own:
            stored = _check_stored(spec, flag, media)
            case = Case(stored, read_inputs(spec, stored, media), _list_background(folder, spec))
            return explain(versions, own[0], flag, case)
    return None


def _list_background(folder: Path, spec: ModelSpec) -> Examples:
    """Return examples of the base data, none when they cannot be read or that takes long."""
    inputs = spec.inputs.values()
    if any(each.has_media for each in inputs) or all(each.component == "textbox" for each in inputs):
        return ()
    try:
        found = (folder / spec.base).stat()
        if not spec.base or found.st_size > _MOST_BASE_BYTES:
            return ()
        return _read_background(_BaseFile(folder, spec.base, found.st_mtime_ns, found.st_size, spec))
    except (ReviewerError, OSError):
        return ()


@dataclass(frozen=True, slots=True)
class _BaseFile:
    """A file of base data as it stands."""

    folder: Path
    name: str
    changed_at: int
    size: int
    spec: ModelSpec = field(compare=False)


@lru_cache(maxsize=8)
def _read_background(file: _BaseFile) -> Examples:
    rows: Sequence[dict[str, object]] = [row.example for row in read_base(file.folder, file.spec).rows]
    return rows[:: -(-len(rows) // _MOST_BACKGROUND) or 1]
