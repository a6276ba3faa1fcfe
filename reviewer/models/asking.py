"""Asking a version about stored examples: its answers, and predictions as records, ready for the ledger.

The rule: whatever goes wrong inside a model becomes part of the record of the examples at fault; only what
keeps the model from being asked at all is raised.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from reviewer.config import DisagreementSpec, RuleSpec
from reviewer.errors import ConfigError, InputError, ModelBusyError, ModelError
from reviewer.log.media import MediaStore, name_media
from reviewer.models.components import read_many_inputs
from reviewer.models.outputs import Answer
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Inputs, JsonValue, Prediction, hash_examples, utc_now

_LOG = logging.getLogger(__name__)

_PATIENCE = 2
"""So many timeouts a batch may take until a failing model is no longer asked again in halves."""


class Answered(NamedTuple):
    """What a version answered to stored examples, column by column, so that it costs little to hand on."""

    model: str
    version: str
    task: str
    predicted_at: datetime
    latency_ms: float
    """What one example took, on average."""
    inputs: Sequence[Inputs]
    labels: Sequence[str | None]
    confidences: Sequence[float | None]
    scores: Sequence[dict[str, float] | None]
    values: Sequence[float | None]
    outputs: Sequence[JsonValue]
    errors: Sequence[str | None]
    """Per example a sentence, and below an empty line the traceback, where the model failed."""

    def pick(self, places: Sequence[int]) -> Answered:
        """Return the answers at these places alone."""
        columns = ([column[place] for place in places] for column in self[5:])
        return Answered._make([*self[:5], *columns])


def ask_version(
    versions: ModelVersions,
    version: Version,
    stored: Sequence[Inputs],
    media: MediaStore,
    *,
    is_brief: bool = False,
) -> Answered:
    """Return what the version answers to stored examples.

    With `is_brief`, scores may be left out, and pictures among the answers are named but not stored.
    Where the model fails, it is asked again in halves, so that only the examples at fault carry an error.
    Raises `ModelError` when it cannot be loaded, or is too busy to be asked: that says nothing of the
    examples, so nothing is answered.
    """
    spec = versions.spec
    versions.load(version)
    started = time.perf_counter()
    ask = partial(versions.answer, version, keep=name_media if is_brief else media.save, is_brief=is_brief)
    read = partial(read_many_inputs, spec, media=media)
    answers, errors = _answer(lambda part: ask(read(part)), stored, started + _PATIENCE * spec.timeout)
    latency_ms = round((time.perf_counter() - started) * 1000 / max(len(stored), 1), 3)
    columns = list(zip(*answers, strict=True)) or [()] * len(Answer._fields)
    asked = spec.name, version.name, spec.task, utc_now(), latency_ms, stored
    return Answered._make([*asked, *columns, errors])


def list_columns(answered: Answered, ids: Sequence[str], **asked_by: str) -> dict[str, Sequence[Any]]:
    """Return each field of the predictions under these ids → its values.

    `asked_by` are `session_id`, `username` and `source`.
    """
    constant = {
        "predicted_at": answered.predicted_at,
        "model": answered.model,
        "model_version": answered.version,
        "task": answered.task,
        "latency_ms": answered.latency_ms,
        **asked_by,
    }
    return {
        "prediction_id": ids,
        "example_id": hash_examples(answered.inputs),
        "inputs": answered.inputs,
        "predicted_label": answered.labels,
        "confidence": answered.confidences,
        "scores": answered.scores,
        "predicted_value": answered.values,
        "output": answered.outputs,
        "error": answered.errors,
        **{name: [value] * len(ids) for name, value in constant.items()},
    }


def build_predictions(answered: Answered, ids: Sequence[str], **asked_by: str) -> list[Prediction]:
    """Return the answers as records under these ids; see `list_columns`."""
    columns = list_columns(answered, ids, **asked_by)
    return [
        Prediction(**dict(zip(columns, values, strict=True)))
        for values in zip(*columns.values(), strict=True)
    ]


def _answer(
    ask: Callable[[Sequence[Inputs]], list[Answer]], stored: Sequence[Inputs], deadline: float
) -> tuple[list[Answer], list[str | None]]:
    """Return the answers, and why there is none; past the deadline nothing is asked again."""
    try:
        return ask(stored), [None] * len(stored)
    except ModelBusyError:
        raise
    except ModelError as error:
        if len(stored) < 2 or time.perf_counter() > deadline:
            return [Answer()] * len(stored), [describe_failure(error)] * len(stored)
    half = len(stored) // 2
    answers, errors = _answer(ask, stored[:half], deadline)
    others, other_errors = _answer(ask, stored[half:], deadline)
    return answers + others, errors + other_errors


def describe_failure(error: ModelError) -> str:
    """Return what the record of a failed prediction says: the sentence, and below it the traceback if any.

    What no CSV can hold is escaped, since a model's own words are in it.
    """
    text = f"{error}\n\n{error.details}" if error.details else str(error)
    return text.replace("\0", "\\0").encode(errors="backslashreplace").decode()


def compare_answers(
    models: Mapping[str, ModelVersions], version: Version, made: Sequence[Prediction], media: MediaStore
) -> list[dict[RuleSpec, Prediction]]:
    """Return per prediction what the other versions and models answer that its model's rules compare with.

    A version that cannot be asked is not compared with, and the program's log says so: the answer that was
    asked for stands without it.
    """
    compared: list[dict[RuleSpec, Prediction]] = [{} for _ in made]
    for rule in models[version.model].spec.rules:
        if isinstance(rule, DisagreementSpec):
            for others, answer in zip(compared, _ask_other(models, version, rule, made, media), strict=False):
                others[rule] = answer
    return compared


def _ask_other(
    models: Mapping[str, ModelVersions],
    version: Version,
    rule: DisagreementSpec,
    made: Sequence[Prediction],
    media: MediaStore,
) -> list[Prediction]:
    """Return what the rule's other version answers to the same examples, nothing when it cannot be asked."""
    try:
        other = _find_other(models, version, rule)
        if other is None:
            return []
        versions = models[other.model]
        inputs = [{name: each.inputs[name] for name in versions.spec.inputs} for each in made]
        answered = ask_version(versions, other, inputs, media)
        return build_predictions(answered, [each.prediction_id for each in made])
    except (ModelError, InputError, ConfigError) as error:
        _LOG.warning("%s answered, and was not compared with another: %s", version.model, error)
        return []


def _find_other(
    models: Mapping[str, ModelVersions], version: Version, rule: DisagreementSpec
) -> Version | None:
    """Return the version that a rule compares with, None when it is the one that answered."""
    if rule.model is not None:
        return models[rule.model].find()
    versions, name = models[version.model], rule.version
    if name == "previous":
        names = [each.name for each in versions.read_all()]
        name = names[max(names.index(version.name) - 1, 0)]
    return None if name == version.name else versions.find(name)
