"""What people give, held against what the model and the log know."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from reviewer.config import ModelSpec
from reviewer.errors import InputError, UnknownNameError
from reviewer.records import Task


def check_known(what: str, name: str, known: Iterable[object]) -> None:
    """Raise `UnknownNameError` when the name is none of the known ones."""
    names = [str(each) for each in known]
    if name not in names:
        raise UnknownNameError(what, name, names)


def check_id(what: str, text: str) -> str:
    """Return the id as the log writes it; raises `InputError` when it is no UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise InputError(f"{what} is {text[:80]!r}; a UUID is needed.") from None


def check_suggestion(spec: ModelSpec, suggested: str | None) -> str | None:
    """Return the suggestion as text; a label must be one of the model's, a value a number."""
    if suggested is None or str(suggested).strip() == "":
        return None
    if has_output(spec, "label"):
        return check_label(spec, str(suggested))
    if spec.task is Task.TABULAR_REGRESSION:
        return f"{check_value(suggested)!r}".removesuffix(".0")
    return str(suggested)


def has_output(spec: ModelSpec, component: str) -> bool:
    """Return whether a component is among what the model answers with."""
    return any(each.component == component for each in spec.answers.values())


def check_label(spec: ModelSpec, label: str) -> str:
    """Return the label, by its name of today; raises when it is none of the model's.

    Whoever chose one while an admin renamed it means it all the same. A model without a list may know any.
    """
    now = spec.vocabulary.follow(label)
    if spec.labels:
        check_known("label", label if now in spec.vocabulary.ended else now, spec.labels)
    return now


def check_value(value: Any) -> float:
    """Return the right value as a number; raises when it is no finite one."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"The right value is {str(value)[:80]!r}; a number is needed.") from None
    if not math.isfinite(number):
        raise InputError(f"The right value is {value}; a finite number is needed.")
    return number
