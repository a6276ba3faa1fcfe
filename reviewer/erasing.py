"""Erasing a person or an example from the logs, with an entry on record that says so.

The rule: a segment is written aside and renamed, so a crash leaves each as it was or as it will be, and the
same erasure again ends what was begun. What becomes of a review is on the chain before it happens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from reviewer.chain import Chain, digest_row
from reviewer.errors import InputError
from reviewer.log import Log, Position, columns_of
from reviewer.log.columns import format_line
from reviewer.log.media import MediaStore

ERASED = "erased"
"""What stands for the name of a person who was erased."""

_PIECE = 10_000
"""Rows that are in memory at a time."""

_MEDIA = re.compile(r'"media":"([0-9a-f]{64}\.[a-z0-9]+)"')
"""People may type whatever looks like the name of a file elsewhere."""

Cells = dict[str, str]
Change = Callable[[Cells], Cells | None]
"""A row → the row as it will be, None when it goes."""

_NAMES = {
    "flags": ("flagger",),
    "reviews": ("reviewer",),
    "predictions": ("username",),
    "labels": ("person",),
    "audit": ("person", "subject"),
}
"""Stream → its columns that hold a person's name."""


@dataclass
class Erasure:
    """What an erasure takes away, or would."""

    changed: dict[str, int] = field(default_factory=dict)
    """Stream → rows that lose a name or words."""
    removed: dict[str, int] = field(default_factory=dict)
    """Stream → rows that go."""
    media: list[str] = field(default_factory=list)
    """Files that nothing refers to any more."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to erase."""
        return not (any(self.changed.values()) or any(self.removed.values()) or self.media)

    def describe(self) -> str:
        """Return how much goes from where, in a line."""
        counts = [
            f"{count:,} of {stream} {what}"
            for what, found in (("removed", self.removed), ("changed", self.changed))
            for stream, count in found.items()
            if count
        ]
        return ", ".join([*counts, *([f"{len(self.media):,} files removed"] if self.media else [])])


def build_person_changes(person: str, names: Collection[str]) -> dict[str, Change]:
    """Return stream → what becomes of its rows when a person is erased: the decisions stay, the name goes.

    `names` are all that the person is called in the logs.
    """
    if not person.strip() or person == ERASED:
        raise InputError(f"{person[:80]!r} is no person who can be erased.")

    return {stream: partial(_drop_name, names, stream) for stream in _NAMES}


def _drop_name(names: Collection[str], stream: str, cells: Cells) -> Cells:
    """Return the row without the person's name, and without the words that the person wrote."""
    named = {name: ERASED for name in _NAMES[stream] if cells[name] in names}
    if named and stream == "flags":
        named["comment"] = ""
    if stream == "reviews":
        if named and cells["event"] == "comment":
            named["value"] = ""
        if cells["event"] == "assign" and cells["value"] in names:
            named["value"] = ERASED
    return {**cells, **named}


def build_example_changes(example_id: str, flag_ids: set[str]) -> dict[str, Change]:
    """Return stream → what becomes of its rows when an example and its flags are erased: they go."""
    if not re.fullmatch("[0-9a-f]{32}", example_id):
        raise InputError(f"{example_id[:80]!r} is no example id: 32 hex digits are needed.")

    def drop_example(cells: Cells) -> Cells | None:
        return None if cells["example_id"] == example_id else cells

    def drop_review(cells: Cells) -> Cells | None:
        return None if cells["flag_id"] in flag_ids else cells

    # Reviews first: a crash then leaves flags without decisions, and the same erasure again finds the flags.
    return {"reviews": drop_review, "flags": drop_example, "predictions": drop_example}


def look(
    logs: Mapping[str, Log], changes: Mapping[str, Change]
) -> tuple[Erasure, dict[tuple[str, str], str]]:
    """Return what the changes would do, and what becomes of reviews: (event id, digest) → digest."""
    found, becomes = Erasure(), {}
    gone, kept = set[str](), set[str]()
    for stream, change in changes.items():
        found.changed[stream] = found.removed[stream] = 0
        for cells in list_rows(logs[stream]):
            after = change(cells)
            (gone if after is None else kept).update(find_media(cells))
            if after == cells:
                continue
            (found.removed if after is None else found.changed)[stream] += 1
            if stream == "reviews":
                key = (cells["event_id"], digest_cells(cells))
                becomes[key] = "" if after is None else digest_cells(after)
    found.media = sorted(gone - kept)
    return found, becomes


def erase(logs: Mapping[str, Log], chain: Chain, media: MediaStore, changes: Mapping[str, Change]) -> Erasure:
    """Make the changes, delete the files that only what goes refers to, and return what was done.

    Raises `LogError` when a log cannot be written.
    """
    found = rewrite(logs, chain, changes)
    for name in found.media:
        media.remove(name)
    return found


def rewrite(logs: Mapping[str, Log], chain: Chain, changes: Mapping[str, Change]) -> Erasure:
    """Make the changes to the logs in their order and return what was done; raises as `erase` does."""
    chain.seal()
    found, becomes = look(logs, changes)
    chain.record_erasures(becomes)
    for stream, change in changes.items():
        if found.changed[stream] or found.removed[stream]:
            logs[stream].rewrite(_on_cells(stream, change))
    chain.seal()
    return found


def _on_cells(stream: str, change: Change) -> Callable[[tuple[str, ...]], tuple[str, ...] | None]:
    columns = columns_of(stream)

    def change_row(row: tuple[str, ...]) -> tuple[str, ...] | None:
        after = change(dict(zip(columns, row, strict=True)))
        return None if after is None else tuple(after.values())

    return change_row


def list_rows(log: Log) -> Iterator[Cells]:
    """Yield every row, piece by piece: a log may hold more than there is memory for."""
    position = Position()
    while (tail := log.tail(position)).position != position:
        for piece in tail.rows.to_batches(_PIECE):
            yield from piece.to_pylist()
        position = tail.position


def find_media(cells: Cells) -> list[str]:
    """Return the names of the files that a row refers to."""
    return _MEDIA.findall("".join(cells.values()))


def digest_cells(cells: Cells) -> str:
    """Return the digest of a row as the chain has it."""
    return digest_row(format_line(cells.values()))
