"""What a batch flags: every answer that the file says is wrong, once per example.

The rule: an example that stands flagged for the same mistake of the same version is not flagged again, so the
same file can be run twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reviewer.batch.piece import Flags, NewFlag, Piece, choose_option, name_flags, name_predictions
from reviewer.batch.state import Batch
from reviewer.config import ModelSpec
from reviewer.decisions import check_suggestion
from reviewer.models.asking import Answered
from reviewer.records import Prediction, hash_examples
from reviewer.workspace import Workspace

_STANDING = (
    "select example_id, suggested_label, flag_id, is_withdrawn from flags where model = $model"
    " and model_version = $version and option = $option order by position desc"
)
_RULED = (
    "select prediction_id, flag_id from flags where prediction_id in (select unnest($predictions::uuid[]))"
    " and not is_withdrawn order by position desc"
)


class Standing(NamedTuple):
    """Flags of a version's mistakes, from before the run and of it."""

    by_mistake: dict[tuple[str, str | None], str]
    """Example id and suggested label → the flag that says so."""
    withdrawn: frozenset[str]
    """Flags that were taken back before the run, which is no reason to make them anew."""


def judge(spec: ModelSpec, answered: Answered, truths: Sequence[str | float | None]) -> list[bool | None]:
    """Return whether each answer is wrong; None without a right one, and for a value without a tolerance."""
    answers = zip(truths, answered.labels, answered.values, answered.errors, strict=True)
    return [
        None if truth is None or error else _is_wrong(spec, label, value, truth)
        for truth, label, value, error in answers
    ]


def _is_wrong(spec: ModelSpec, label: str | None, value: float | None, truth: str | float) -> bool | None:
    if isinstance(truth, str):
        return label is None or spec.vocabulary.follow(label) != truth
    if spec.tolerance is None or value is None:
        return None
    return abs(value - truth) > spec.tolerance


def flag_mistakes(spec: ModelSpec, batch: Batch, piece: Piece, standing: Standing, room: int) -> Flags:
    """Return the flags that stand on the piece's mistakes; at most `room` are made, and added to `standing`.

    They follow without asking the index again: whatever the batch made before it was interrupted,
    `standing` knows.
    """
    known = standing.by_mistake
    fresh: list[NewFlag] = []
    flags = Flags({}, 0, fresh)
    for place, example_id, prediction_id, own_id in _list_mistakes(batch, piece):
        suggested = check_suggestion(spec, str(piece.truths[place]))
        key = (example_id, suggested)
        if key not in known and flags.made < room:
            if own_id not in standing.withdrawn:
                fresh.append(NewFlag(place, own_id, suggested))
            known[key] = own_id
        if key in known:
            flags.by_prediction[prediction_id] = known[key]
            # A piece done again finds its own flags standing, and they are as new as the first time.
            flags = flags._replace(made=flags.made + (known[key] == own_id))
    return flags


def _list_mistakes(batch: Batch, piece: Piece) -> Iterator[tuple[int, str, str, str]]:
    """Yield place, example id, prediction id and own flag id of each wrong answer."""
    places = [place for place, is_wrong in enumerate(piece.wrong) if is_wrong]
    numbers = [piece.numbers[place] for place in places]
    examples = hash_examples([piece.answered.inputs[place] for place in places])
    return zip(places, examples, name_predictions(batch, numbers), name_flags(batch, numbers), strict=True)


def find_standing(workspace: Workspace, batch: Batch) -> Standing:
    """Return the flags that stand on mistakes of the batch's version, the oldest of each.

    It is asked once a run: reading the index brings it up to date, which costs more than the model does.
    """
    option = choose_option(workspace.find_model(batch.model).task)
    values = {"model": batch.model, "version": batch.version, "option": str(option)}
    with workspace.reading() as cursor:
        rows = cursor.execute(_STANDING, values).fetchall()
    return Standing(
        {(example_id, suggested): str(flag_id) for example_id, suggested, flag_id, gone in rows if not gone},
        frozenset(str(flag_id) for *_, flag_id, gone in rows if gone),
    )


def find_ruled(workspace: Workspace, made: Sequence[Prediction]) -> Flags:
    """Return the first flag that the model's rules made of each prediction."""
    with workspace.reading() as cursor:
        rows = cursor.execute(_RULED, {"predictions": [each.prediction_id for each in made]}).fetchall()
    flags = {str(prediction_id): str(flag_id) for prediction_id, flag_id in rows}
    return Flags(flags, len(flags))
