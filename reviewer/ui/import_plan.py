"""What an import would do with uploaded flags: the model they are of, what each column is, what is added.

The rule: looking changes nothing, and what cannot be decided without the person is said in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from reviewer.config import RESERVED_NAMES, ModelSpec, WorkspaceSpec
from reviewer.errors import InputError
from reviewer.foreign import Column, Source
from reviewer.foreign.cells import READERS
from reviewer.foreign.columns import Role, fit_columns, make_key
from reviewer.foreign.drafts import draft_models, find_model
from reviewer.ui.texts import say

BY_COLUMNS, NEW = "", "+"
"""What can be chosen beside a model: that each file's columns decide, and a new model."""

SHOWN_COLUMNS = 200
SHOWN_FILES = 8
_SHOWN_CELLS = 3
_LONGEST_CELL = 60
_ROLES = (Role.OPTION, Role.FLAGGER, Role.FLAGGED_AT, Role.IGNORE)
"""Roles of columns that are neither input nor output."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person says of the flags."""

    model: str
    """`BY_COLUMNS`, `NEW` or a model."""
    name: str = ""
    """Of the new model."""

    @property
    def wanted(self) -> str | None:
        """The model that all flags are of, None when their columns decide."""
        return (self.name if self.model == NEW else self.model) or None


def guess_choice(sources: Sequence[Source], spec: WorkspaceSpec) -> Choice:
    """Return the model that the flags seem to be of; files with other columns each have their own."""
    name = name_model(sources, spec)
    if len(sources) > 1:
        return Choice(BY_COLUMNS, name)
    try:
        found = find_model(sources[0], spec.models)
    except InputError:
        return Choice(BY_COLUMNS, name)
    return Choice(found.name if found else NEW, name)


def name_model(sources: Sequence[Source], spec: WorkspaceSpec) -> str:
    """Return a free name for a new model, after the app that wrote the flags."""
    return make_key(sources[0].app, "model", {*spec.models, *RESERVED_NAMES})


def draft_tables(
    request: gr.Request, sources: Sequence[Source], spec: WorkspaceSpec, choice: Choice
) -> dict[str, str]:
    """Return name → table of the models that an import would add to reviewer.toml.

    Raises `InputError` with what the person has to choose or change first.
    """
    usable = [each for each in sources if any(column.role == Role.INPUT for column in each.columns)]
    if not usable:
        raise InputError(say(request, "import.no_input"))
    if choice.model == NEW:
        if choice.name in spec.models or not choice.name:
            raise InputError(
                say(request, "import.name.taken" if choice.name else "import.name.missing", name=choice.name)
            )
    elif choice.model == BY_COLUMNS:
        for each in usable:
            _check_single(request, each, spec)
    else:
        chosen = spec.find_model(choice.model)
        for each in usable:
            _check_fit(request, each, chosen)
    return draft_models(sources, spec, choice.wanted)


def _check_single(request: gr.Request, source: Source, spec: WorkspaceSpec) -> None:
    try:
        find_model(source, spec.models)
    except InputError:
        raise InputError(say(request, "import.ambiguous", file=source.shown[0])) from None


def _check_fit(request: gr.Request, source: Source, spec: ModelSpec) -> None:
    if fit_columns(source.columns, spec, is_chosen=True) is None:
        inputs = ", ".join(each.label or name for name, each in spec.inputs.items())
        raise InputError(
            say(request, "import.unfit", file=source.shown[0], model=spec.shown_name, inputs=inputs)
        )


# The table of columns


def build_columns(
    request: gr.Request, sources: Sequence[Source], spec: WorkspaceSpec, choice: Choice
) -> dict[str, Any]:
    """Return the columns, each with some cells and what it is taken for, and what it can be.

    A column's `told` is `ROLE[:COMPONENT[:NAME]]`, "" when it has to be chosen.
    """
    model = spec.models.get(choice.model)
    columns = list(_list_columns(sources, model))
    left = len(columns) - SHOWN_COLUMNS
    return {
        "rows": [_build_row(*each, model) for each in columns[:SHOWN_COLUMNS]],
        "choices": _list_choices(request, model),
        "heads": [say(request, f"import.columns.{name}") for name in ("name", "cells", "told")],
        "words": {name: say(request, f"import.columns.{name}") for name in ("unsure", "choose")},
        "more": say(request, "import.columns.more", count=left) if left > 0 else "",
    }


def _list_columns(
    sources: Sequence[Source], model: ModelSpec | None
) -> Iterator[tuple[Source, Column, Column]]:
    """Yield each column once by its header, as it was guessed and as the model takes it."""
    seen: set[str] = set()
    for source in sources:
        fitted = fit_columns(source.columns, model, is_chosen=True) if model else None
        for column, taken in zip(source.columns, fitted or source.columns, strict=True):
            if column.header not in seen:
                seen.add(column.header)
                yield source, column, taken


def _build_row(source: Source, column: Column, taken: Column, model: ModelSpec | None) -> dict[str, Any]:
    told = _tell(taken, model)
    cells = [" ".join(each[: 4 * _LONGEST_CELL].split()) for each in source.list_cells(column) if each]
    return {
        "header": column.header,
        "cells": [_cut(each) for each in list(dict.fromkeys(cells))[:_SHOWN_CELLS]],
        "told": told,
        "guess": told,
        "is_sure": taken.is_sure,
    }


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"


def _tell(column: Column, model: ModelSpec | None) -> str:
    if not column.is_value:
        return str(column.role)
    if model and column.name in _list_keys(column.role, model):
        return f"{column.role}::{column.name}"
    is_free = model is None or column.role == Role.OUTPUT
    return f"{column.role}:{column.component}" if is_free else ""


def _list_keys(role: str, model: ModelSpec) -> Mapping[str, Any]:
    return model.inputs if role == Role.INPUT else model.answers


def _list_choices(request: gr.Request, model: ModelSpec | None) -> list[tuple[str, str]]:
    """Return what a column can be, with its words: of a model its own inputs and outputs come first."""
    own = [
        (f"{role}::{key}", say(request, f"import.as.{role}", name=each.label or key))
        for role in (Role.INPUT, Role.OUTPUT)
        for key, each in (_list_keys(role, model).items() if model else ())
    ]
    free = [
        (f"{role}:{each}", say(request, f"import.as.{role}", name=say(request, f"import.component.{each}")))
        for role in ([Role.OUTPUT] if model else [Role.INPUT, Role.OUTPUT])
        for each in READERS[role]
    ]
    return [*own, *free, *((str(role), say(request, f"import.role.{role}")) for role in _ROLES)]


def read_mapping(shown: Any) -> dict[str, str]:
    """Return header → `ROLE[:COMPONENT[:NAME]]` of the columns that the person changed in the table."""
    rows = shown.get("rows") if isinstance(shown, dict) else None
    return {
        str(each.get("header")): str(each.get("told"))
        for each in (rows if isinstance(rows, list) else [])
        if isinstance(each, dict) and each.get("told") and each.get("told") != each.get("guess")
    }
