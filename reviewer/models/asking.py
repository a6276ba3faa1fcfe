"""Asking a version about stored examples: predictions as records, ready for the ledger.

The rule: whatever goes wrong inside a model becomes part of the record of the examples at fault; only what
keeps the model from being asked at all is raised.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from reviewer.config import DisagreementSpec, RuleSpec
from reviewer.errors import ConfigError, InputError, ModelBusyError, ModelError
from reviewer.log.media import MediaStore
from reviewer.models.components import read_inputs
from reviewer.models.outputs import Answer
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Inputs, Prediction, hash_example, utc_now

_LOG = logging.getLogger(__name__)

_PATIENCE = 2
"""So many timeouts a batch may take until a failing model is no longer asked again in halves."""


def ask_version(
    versions: ModelVersions,
    version: Version,
    stored: Sequence[Inputs],
    ids: Sequence[str],
    media: MediaStore,
    **asked_by: str,
) -> list[Prediction]:
    """Return what the version answers to stored examples, under the ids given.

    `asked_by` are their `session_id`, `username` and `source`. Where the model fails, it is asked again in
    halves, so that only the examples at fault carry an `error`: a sentence, and below an empty line the
    traceback. Raises `ModelError` when it cannot be loaded, or is too busy to be asked: that says
    nothing of the examples, so no record is made of it.
    """
    spec = versions.spec
    versions.load(version)
    started = time.perf_counter()
    answers = _answer(versions, version, stored, media, started + _PATIENCE * spec.timeout)
    latency_ms = round((time.perf_counter() - started) * 1000 / max(len(stored), 1), 3)
    predicted_at = utc_now()
    return [
        Prediction(
            prediction_id=prediction_id,
            predicted_at=predicted_at,
            model=spec.name,
            model_version=version.name,
            task=spec.task,
            example_id=hash_example(inputs),
            inputs=inputs,
            predicted_label=answer.label,
            confidence=answer.confidence,
            scores=answer.scores,
            predicted_value=answer.value,
            output=answer.output,
            latency_ms=latency_ms,
            error=error,
            **asked_by,
        )
        for prediction_id, inputs, (answer, error) in zip(ids, stored, answers, strict=True)
    ]


def _answer(
    versions: ModelVersions, version: Version, stored: Sequence[Inputs], media: MediaStore, deadline: float
) -> list[tuple[Answer, str | None]]:
    """Return each example's answer, or why there is none; past the deadline nothing is asked again."""
    try:
        examples = [read_inputs(versions.spec, each, media) for each in stored]
        return [(each, None) for each in versions.answer(version, examples, media.save)]
    except ModelBusyError:
        raise
    except ModelError as error:
        if len(stored) < 2 or time.perf_counter() > deadline:
            return [(Answer(), describe_failure(error))] * len(stored)
    half = len(stored) // 2
    first = _answer(versions, version, stored[:half], media, deadline)
    return first + _answer(versions, version, stored[half:], media, deadline)


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
        return ask_version(versions, other, inputs, [each.prediction_id for each in made], media)
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
