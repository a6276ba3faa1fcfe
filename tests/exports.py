"""Exports of flags that a test makes up: they go through real logs and a real index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builders import append, make_review
from duckdb import DuckDBPyConnection

from reviewer.bundle import Bundle, Plan, plan_bundle, read_options, write_bundle
from reviewer.config import ModelSpec
from reviewer.index.store import SideIndex
from reviewer.log import open_logs
from reviewer.log.media import MediaStore
from reviewer.records import Flag, Review


def ignore(share: float, doing: str) -> None:
    """Take no notice of progress."""


def log_flags(folder: Path, flags: Sequence[Flag]) -> None:
    """Append the flags, and for each that has a resolution the decision that gave it."""
    append(open_logs(folder / "flagged"), *flags, *(each for flag in flags for each in list_decisions(flag)))


def list_decisions(flag: Flag) -> Iterator[Review]:
    """Yield the events that bring a new flag to its state."""
    state = flag.state
    given: dict[str, Any] = {
        "reviewer": state.reviewer or "",
        "reviewed_at": state.reviewed_at or flag.flagged_at,
    }
    if state.resolution:
        yield make_review(
            flag.flag_id,
            seq=1,
            value=str(state.resolution),
            corrected_label=state.corrected_label,
            corrected_value=state.corrected_value,
            corrected_output=state.corrected_output,
            **given,
        )
    if state.is_withdrawn:
        yield make_review(flag.flag_id, "revert", seq=2, reverts=flag.flag_id, **given)


@contextmanager
def open_index(folder: Path) -> Iterator[DuckDBPyConnection]:
    """Yield a connection to the index of the folder's logs."""
    with SideIndex(folder / "flagged").reading() as cursor:
        yield cursor


def export_flags(folder: Path, spec: ModelSpec, flags: Sequence[Flag] = (), **options: Any) -> Bundle:
    """Log the flags and return their export."""
    log_flags(folder, flags)
    with open_index(folder) as cursor:
        return write_bundle(
            cursor, folder, spec, MediaStore(folder / "flagged/media"), read_options(**options), ignore
        )


def plan_flags(folder: Path, spec: ModelSpec, flags: Sequence[Flag] = (), **options: Any) -> Plan:
    """Log the flags and return the plan of their export."""
    log_flags(folder, flags)
    with open_index(folder) as cursor:
        return plan_bundle(
            cursor, folder, spec, MediaStore(folder / "flagged/media"), read_options(**options), ignore
        )
