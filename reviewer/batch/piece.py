"""A piece of a batch: rows that the model answered, as the records and lines that are made of them.

The rule: everything follows from the batch and the piece, so one that is done again, or by another process,
gives the very same ids and lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from reviewer.batch.state import Batch, encode_lines
from reviewer.decisions import build_flag
from reviewer.models.asking import Answered, build_predictions
from reviewer.payloads import build_cell
from reviewer.records import Flag, FlagOption, Source, Task, derive_ids

_SHOWN_CORRECT = {None: "", True: "false", False: "true"}
"""Whether an answer is wrong → the cell of `is_correct`."""


class Piece(NamedTuple):
    """Rows that were read at once."""

    numbers: Sequence[int]
    cells: Sequence[Sequence[str]]
    """The column of each input, as the results show it."""
    truths: Sequence[str | float | None]
    wrong: Sequence[bool | None]
    """Whether the answer is wrong, None when nobody knows."""
    answered: Answered
    bad: Sequence[tuple[int, str]]
    """Number of each further row, and why nothing came of it."""


class NewFlag(NamedTuple):
    """A flag on a mistake that is still to be written."""

    place: int
    """Of the row in its piece."""
    flag_id: str
    suggested: str | None
    """What is right."""


class Flags(NamedTuple):
    """The flags of a piece."""

    by_prediction: dict[str, str]
    """Prediction id → flag id."""
    made: int = 0
    """How many of them are the batch's own."""
    fresh: Sequence[NewFlag] = ()
    """Those of them that are still to be written."""


def name_predictions(batch: Batch, numbers: Iterable[int]) -> list[str]:
    """Return the ids of the rows' predictions, always the same ones."""
    return _name_rows(batch, "prediction", numbers)


def name_flags(batch: Batch, numbers: Iterable[int]) -> list[str]:
    """Return the ids of the flags on the rows' mistakes, always the same ones."""
    return _name_rows(batch, "flag", numbers)


def _name_rows(batch: Batch, kind: str, rows: Iterable[int]) -> list[str]:
    return derive_ids(batch.started_at, (kind, batch.batch_id, batch.sha256), map(str, rows))


def name_asker(batch: Batch) -> dict[str, str]:
    """Return what the batch's predictions say about who asked."""
    return {
        "session_id": f"batch-{batch.batch_id}",
        "username": batch.started_by,
        "source": Source.BATCH,
    }


def name_place(batch: Batch) -> str:
    """Return the words that the comment of the batch's every flag begins with, for looking them up."""
    return f"Batch {batch.batch_id}, row"


def choose_option(task: str) -> FlagOption:
    """Return what is wrong with a mistake of a model for that task."""
    return FlagOption.WRONG_LABEL if Task(task).is_classification else FlagOption.WRONG_VALUE


def build_flags(batch: Batch, piece: Piece, fresh: Sequence[NewFlag]) -> list[Flag]:
    """Return the flags as they are written."""
    places = [each.place for each in fresh]
    numbers = [piece.numbers[place] for place in places]
    ids = name_predictions(batch, numbers)
    marked = build_predictions(piece.answered.pick(places), ids, **name_asker(batch))
    return [
        build_flag(
            prediction,
            option=choose_option(prediction.task),
            suggested_label=each.suggested,
            comment=f"{name_place(batch)} {number:,}",
            flagger=batch.started_by,
            source=Source.BATCH,
            tags=(f"batch:{batch.batch_id}",),
            flag_id=each.flag_id,
        )
        for each, number, prediction in zip(fresh, numbers, marked, strict=True)
    ]


def list_failures(piece: Piece) -> list[str]:
    """Return the first line of what went wrong in each row, "" when nothing did; the log has the rest."""
    return [(each or "").partition("\n")[0] for each in piece.answered.errors]


def format_results(piece: Piece, ids: Sequence[str], flags: Mapping[str, str]) -> bytes:
    """Return the piece's lines of the results; `ids` are its predictions', `flags` prediction → flag."""
    answered = piece.answered
    columns: list[Iterable[str]] = [
        map(str, piece.numbers),
        *piece.cells,
        [each or "" for each in answered.labels],
        map(_show_number, answered.confidences),
        map(_show_number, answered.values),
        map(build_cell, answered.outputs),
        [each if isinstance(each, str) else _show_number(each) for each in piece.truths],
        [_SHOWN_CORRECT[each] for each in piece.wrong],
        ids,
        [flags.get(each, "") for each in ids],
        list_failures(piece),
    ]
    return encode_lines(list(zip(*columns, strict=True)))


def _show_number(number: float | None) -> str:
    return "" if number is None else repr(number)
