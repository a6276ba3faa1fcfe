"""Checks whether the index is what the logs say."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.doctor.findings import Area, Finding, Level, report_problem
from reviewer.doctor.logs import read_logged_ids
from reviewer.errors import ReviewerError
from reviewer.index.store import SideIndex
from reviewer.log import open_logs
from reviewer.workspace import Workspace

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHOWN = 5
"""Rejected rows that are listed one by one."""

_KEYS = {"flags": "flag_id", "reviews": "event_id", "predictions": "prediction_id", "labels": "change_id"}
"""Stream that the index has → the column that names its rows."""

_WORDS = {"labels": "changes of labels"}
"""Stream → what its rows are called, where that is another word."""


def check_index(workspace: Workspace) -> Iterator[Finding]:
    """Yield whether the index is what the logs say: the same ids, and the same as one built anew."""
    folder = workspace.folder / "flagged"
    try:
        earlier = _read_ids(workspace)
        logged = {stream: read_logged_ids(folder, stream) for stream in _KEYS}
        later = _read_ids(workspace)
        rejected = workspace.list_rejected()
        is_fold = _is_fold(workspace)
    except (ReviewerError, OSError) as error:
        yield report_problem(Area.INDEX, str(error))
        return
    yield from _report_rejected(rejected)
    wrong = []
    for stream in _KEYS:
        left_out = sum(each.startswith(f"{stream}: ") for each in rejected)
        wrong.append(_compare_ids(stream, logged[stream], earlier[stream], later[stream], left_out))
    if not is_fold:
        wrong.append("The index is another one than the logs give; run `reviewer reindex`.")
    yield from (report_problem(Area.INDEX, each) for each in wrong if each)
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
