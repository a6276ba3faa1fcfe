"""Checks a workspace from environment to models and says what is wrong and what to do.

The rule: a check reports and repairs nothing, and one broken part does not keep the others from being looked
at.
"""

from __future__ import annotations

import contextlib
import csv
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from uuid import UUID

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from reviewer.chain import Chain
from reviewer.config import CONFIG_NAME, Kind
from reviewer.errors import ReviewerError
from reviewer.index.store import SideIndex
from reviewer.index.walls import find_landlock_abi
from reviewer.log import STREAMS, columns_of, open_logs
from reviewer.workspace import Workspace

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DISTRIBUTION = "flag-reviewer"
LOW_SPACE = 1 << 30
NO_SPACE = 50 << 20
"""Bytes; below this a full disk is a matter of hours."""

_SHOWN = 5
"""Rejected rows that are listed one by one."""
_ROW_START = re.compile(r"\n[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12},")
_KEYS = {"flags": "flag_id", "reviews": "event_id", "predictions": "prediction_id", "labels": "change_id"}
"""Stream that the index has → the column that names its rows."""

_WORDS = {"labels": "changes of labels"}
"""Stream → what its rows are called, where that is another word."""


class Area(StrEnum):
    """What was looked at."""

    ENVIRONMENT = "environment"
    CONFIG = "config"
    LOGS = "logs"
    INDEX = "index"
    MODELS = "models"


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found."""

    area: Area
    level: Level
    sentence: str
    """What was found and, unless all is well, what to do."""


def check_folder(folder: Path, *, has_models: bool = True) -> list[Finding]:
    """Return the findings on a folder, also when it is no workspace or its config is broken.

    `has_models` loads each served model.
    """
    try:
        workspace = Workspace(folder)
    except ReviewerError as error:
        mistakes = [_report_problem(Area.CONFIG, line) for line in str(error).splitlines()]
        flagged = folder / "flagged"
        return [*check_environment(folder), *mistakes, *check_logs(flagged), *check_chain(flagged)]
    with workspace:
        return check_workspace(workspace, has_models=has_models)


def check_workspace(workspace: Workspace, *, has_models: bool = True) -> list[Finding]:
    """Return the findings on an open workspace; `has_models` loads each served model."""
    return [
        *check_environment(workspace.folder),
        *check_config(workspace),
        *check_logs(workspace.flagged),
        *check_chain(workspace.flagged),
        *check_index(workspace),
        *check_models(workspace, has_models=has_models),
    ]


# Environment


def check_environment(folder: Path) -> Iterator[Finding]:
    """Yield what is found about Python, the packages, the disk and the kernel."""
    yield from _check_packages()
    yield from _check_disk(folder)
    if find_landlock_abi():
        yield Finding(Area.ENVIRONMENT, Level.OK, "The kernel has Landlock, a wall around analysts' SQL.")
    else:
        yield Finding(
            Area.ENVIRONMENT,
            Level.WARNING,
            "The kernel has no Landlock: analysts' SQL is held by DuckDB's own limits and rlimits alone."
            " Let only people you trust use the SQL pane, or run on Linux 5.13 or newer with Landlock on.",
        )


def _check_packages() -> Iterator[Finding]:
    try:
        about = metadata.metadata(DISTRIBUTION)
        required = [Requirement(each) for each in metadata.requires(DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:
        yield Finding(
            Area.ENVIRONMENT,
            Level.WARNING,
            f"{DISTRIBUTION} is not installed, so its requirements cannot be compared; run `pip install .`.",
        )
        return
    if platform.python_version() not in SpecifierSet(about["Requires-Python"] or "", prereleases=True):
        yield _report_problem(
            Area.ENVIRONMENT,
            f"Python is {platform.python_version()}; {about['Requires-Python']} is needed.",
        )
    wrong = [sentence for each in required if (sentence := _check_package(each))]
    yield from (_report_problem(Area.ENVIRONMENT, each) for each in wrong)
    if not wrong:
        yield Finding(
            Area.ENVIRONMENT,
            Level.OK,
            f"Python {platform.python_version()} on {sys.platform} with every package that is needed.",
        )


def _check_package(required: Requirement) -> str | None:
    if required.marker and not required.marker.evaluate({"extra": ""}):
        return None
    try:
        found = metadata.version(required.name)
    except metadata.PackageNotFoundError:
        return f"The package {required.name} is missing; run `pip install '{required}'`."
    if required.specifier.contains(found, prereleases=True):
        return None
    return f"The package {required.name} is {found}; run `pip install '{required}'`."


def _check_disk(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield _report_problem(Area.ENVIRONMENT, f"The folder {folder} does not exist.")
        return
    for each in (folder, folder / "flagged"):
        if each.exists() and not os.access(each, os.W_OK | os.X_OK):
            yield _report_problem(
                Area.ENVIRONMENT, f"{each} is not writable: no flag can be stored; make it writable."
            )
    free = shutil.disk_usage(folder).free
    level = Level.PROBLEM if free < NO_SPACE else Level.WARNING if free < LOW_SPACE else Level.OK
    advice = "" if level is Level.OK else " Make room before flags are refused."
    yield Finding(Area.ENVIRONMENT, level, f"{free / 1e9:,.1f} GB are free for {folder}.{advice}")


# Config


def check_config(workspace: Workspace) -> Iterator[Finding]:
    """Yield what the config, valid in itself, names and the folder lacks."""
    for model in workspace.spec.models.values():
        if model.base and not (workspace.folder / model.base).is_file():
            yield _report_problem(
                Area.CONFIG,
                f"models.{model.name}.base is {model.base!r}, but there is no such file in"
                f" {workspace.folder}; {model.name} cannot be retrained without it.",
            )
    names = ", ".join(workspace.spec.models)
    yield Finding(Area.CONFIG, Level.OK, f"{CONFIG_NAME} is valid; its models: {names}.")


# Logs


def check_logs(folder: Path) -> Iterator[Finding]:
    """Yield what is found in the log files, read without the code that the program reads them with."""
    for stream in STREAMS:
        yield from (_check_segment(stream, path) for path in _list_segments(folder, stream))
    torn = sorted(each.name for each in folder.glob("torn/*"))
    if torn:
        yield Finding(
            Area.LOGS,
            Level.WARNING,
            f"Killed writers left {len(torn)} torn rows in {folder / 'torn'}, the first in {torn[0]}; none"
            " was acknowledged. Delete the files once you have looked at them.",
        )


def _check_segment(stream: str, path: Path) -> Finding:
    try:
        segment = _read_segment(stream, path)
    except (OSError, csv.Error) as error:
        return _report_problem(Area.LOGS, f"{path} cannot be read ({error}); restore it from a backup.")
    if segment.is_foreign:
        return _report_problem(
            Area.LOGS, f"{path} has not the header of a {stream} log; move the file out of the folder."
        )
    if segment.is_damaged:
        return _report_problem(
            Area.LOGS,
            f"{path} is damaged after its row {segment.rows:,}, with more rows behind it; restore it from a"
            " backup, or close the open quote there by hand.",
        )
    if segment.torn:
        return Finding(
            Area.LOGS,
            Level.WARNING,
            f"{path} ends in half a row, as a killed writer leaves it; it was never acknowledged, and the"
            f" next row written moves it to {path.parent / 'torn'}.",
        )
    return Finding(Area.LOGS, Level.OK, f"{path.name} has {segment.rows:,} rows.")


@dataclass(slots=True)
class _Segment:
    """What one log file holds, read as any CSV reader would."""

    ids: set[str] = field(default_factory=set)
    rows: int = 0
    torn: str = ""
    """What stands behind the last whole row."""
    is_foreign: bool = False

    @property
    def is_damaged(self) -> bool:
        """Whether more rows stand behind one that does not end."""
        return bool(_ROW_START.search(self.torn))


def _list_segments(folder: Path, stream: str) -> list[Path]:
    return sorted(folder.glob(f"{stream}-[0-9]*.csv"))


def _read_segment(stream: str, path: Path) -> _Segment:
    segment = _Segment()
    whole_lines = 0
    csv.field_size_limit(sys.maxsize)
    with _open_lines(path) as lines:
        reader = csv.reader((line for line in lines if line.endswith("\n")), strict=True)
        # The end of a torn row raises; what stands there is read again below.
        with contextlib.suppress(csv.Error):
            for row in reader:
                _add_row(segment, stream, row, is_header=whole_lines == 0)
                whole_lines = reader.line_num
    with _open_lines(path) as lines:
        segment.torn = "".join(islice(lines, whole_lines, None))
    return segment


def _open_lines(path: Path) -> TextIO:
    return path.open(encoding="utf-8", errors="replace", newline="\n")


def _add_row(segment: _Segment, stream: str, row: list[str], *, is_header: bool) -> None:
    if is_header:
        segment.is_foreign = tuple(row) != columns_of(stream)
        return
    segment.rows += 1
    if len(row) == len(columns_of(stream)) and _is_uuid(row[0]):
        segment.ids.add(row[0])


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


# Chain


def check_chain(folder: Path) -> Iterator[Finding]:
    """Yield whether each review is as it was sealed, and the first that is not."""
    if not _list_segments(folder, "chain"):
        return
    logs = open_logs(folder)
    try:
        checked = Chain(folder, logs["reviews"], logs["chain"]).verify()
    except (ReviewerError, OSError) as error:
        yield _report_problem(Area.LOGS, f"The reviews cannot be compared with their seals: {error}")
        return
    if checked.problem:
        yield _report_problem(
            Area.LOGS,
            f"{checked.problem} Restore the log from a backup; if somebody mended it on purpose,"
            " `reviewer audit restart REASON` seals it as it is now.",
        )
        return
    since = f" since the chain was begun anew ({checked.restarted})" if checked.restarted else ""
    yield Finding(Area.LOGS, Level.OK, f"{checked.sealed:,} reviews are as they were sealed{since}.")


# Index


def check_index(workspace: Workspace) -> Iterator[Finding]:
    """Yield whether the index is what the logs say: the same ids, and the same as one built anew."""
    folder = workspace.folder / "flagged"
    try:
        earlier = _read_ids(workspace)
        logged = {stream: _read_logged_ids(folder, stream) for stream in _KEYS}
        later = _read_ids(workspace)
        rejected = workspace.list_rejected()
        is_fold = _is_fold(workspace)
    except (ReviewerError, OSError) as error:
        yield _report_problem(Area.INDEX, str(error))
        return
    yield from _report_rejected(rejected)
    wrong = []
    for stream in _KEYS:
        left_out = sum(each.startswith(f"{stream}: ") for each in rejected)
        wrong.append(_compare_ids(stream, logged[stream], earlier[stream], later[stream], left_out))
    if not is_fold:
        wrong.append("The index is another one than the logs give; run `reviewer reindex`.")
    yield from (_report_problem(Area.INDEX, each) for each in wrong if each)
    if not any(wrong):
        shown = [stream for stream in _KEYS if later[stream] or stream not in _WORDS]
        counts = ", ".join(f"{len(later[stream]):,} {_WORDS.get(stream, stream)}" for stream in shown)
        yield Finding(Area.INDEX, Level.OK, f"The index holds what the logs hold: {counts}.")


def _report_rejected(rejected: Sequence[str]) -> Iterator[Finding]:
    for sentence in rejected[:_SHOWN]:
        yield Finding(
            Area.LOGS, Level.WARNING, f"{sentence}. The row is left out; mend it by hand or leave it."
        )
    if len(rejected) > _SHOWN:
        yield Finding(
            Area.LOGS, Level.WARNING, f"{len(rejected) - _SHOWN:,} more rows of the logs cannot be read."
        )


def _read_logged_ids(folder: Path, stream: str) -> set[str]:
    return set().union(*(_read_segment(stream, path).ids for path in _list_segments(folder, stream)))


def _read_ids(workspace: Workspace) -> dict[str, set[str]]:
    """Return stream → the ids that the index has."""
    with workspace.reading() as cursor:
        return {
            stream: {str(row[0]) for row in cursor.execute(f"select {key} from {stream}").fetchall()}  # noqa: S608  names from a dict here
            for stream, key in _KEYS.items()
        }


def _compare_ids(
    stream: str, logged: set[str], earlier: set[str], later: set[str], left_out: int
) -> str | None:
    """Return a sentence when a log has other ids than the index, which was read before and after it.

    The app may write meanwhile, so the earlier index may lack ids and the later one have more.
    """
    missing, extra = logged - later, earlier - logged
    if not extra and len(missing) <= left_out:
        return None
    return (
        f"The index lacks {len(missing):,} of the {stream} in the log and has {len(extra):,} that are not in"
        " it; run `reviewer reindex`."
    )


def _is_fold(workspace: Workspace) -> bool:
    """Whether the index equals one built anew from the logs, true as well when they grew meanwhile."""
    before = _hash_index(workspace)
    with tempfile.TemporaryDirectory() as aside:
        anew = SideIndex(Path(aside), open_logs(workspace.folder / "flagged"))
        with anew.reading() as cursor:
            built = _hash_tables(cursor)
    return built == before or before != _hash_index(workspace)


def _hash_index(workspace: Workspace) -> tuple[object, ...]:
    with workspace.reading() as cursor:
        return _hash_tables(cursor)


def _hash_tables(cursor: DuckDBPyConnection) -> tuple[object, ...]:
    """Return the number of rows and a hash of all of them, per table."""
    return tuple(
        cursor.execute(f"select count(*), bit_xor(hash(each)) from {stream} as each").fetchone()  # noqa: S608  names of streams
        for stream in _KEYS
    )


# Models


def check_models(workspace: Workspace, *, has_models: bool = True) -> Iterator[Finding]:
    """Yield whether each model's files are those of their cards, and whether the served version loads."""
    for name in workspace.spec.models:
        yield from _check_model(workspace, name, has_models)


def _check_model(workspace: Workspace, name: str, has_models: bool) -> Iterator[Finding]:
    versions = workspace.versions_of(name)
    if versions.spec.kind is Kind.EXTERNAL:
        yield Finding(Area.MODELS, Level.OK, f"{name} is run by another program.")
        return
    try:
        for sentence in filter(None, map(versions.check, versions.read_all())):
            yield _report_problem(
                Area.MODELS, f"{sentence} Restore the file, or remove the version's folder."
            )
        served = versions.find()
        if has_models:
            versions.load(served)
    except (ReviewerError, OSError) as error:
        yield _report_problem(Area.MODELS, f"{name}: {error}")
        return
    done = "loads and is served" if has_models else "is served"
    yield Finding(Area.MODELS, Level.OK, f"{name} version {served.name} {done}.")


def _report_problem(area: Area, sentence: str) -> Finding:
    return Finding(area, Level.PROBLEM, sentence)
