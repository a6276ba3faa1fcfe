"""The columns of an export: what an input, an answer and its origin are in SQL, as text and typed.

The rule: the text form of an input is what `parse_cells` reads back to the same stored value. Names stand in
statements quoted; the config has checked them (small letters, digits, _).
"""

from __future__ import annotations

import json

from reviewer.config import DateSpec, InputSpec, ModelSpec, TableSpec, TextboxSpec
from reviewer.errors import ConfigError
from reviewer.records import Task

_PREDICTED = "coalesce(predicted_label, predicted_value::varchar, output ->> '$')"

PROVENANCE: dict[str, str] = {
    "example_id": "exported.example_id",
    "duplicate_group": "group_key",
    "flag_id": "flags.flag_id::varchar",
    "model_version": "model_version",
    "predicted": _PREDICTED,
    "option": "option",
    "source": "source",
    "resolution": "resolution",
    "reviewer": "reviewer",
    "reviewed_at": "strftime(reviewed_at, '%Y-%m-%dT%H:%M:%S.%fZ')",
    "reviewer_votes": "votes",
    "reviewer_agreement": "round(agreement, 6)",
}
"""Columns behind the weight: where a row came from → how it is read."""

_TYPED = {
    "number": "try_cast(inputs ->> '{path}' as double)",
    "slider": "try_cast(inputs ->> '{path}' as double)",
    "checkbox": "try_cast(inputs ->> '{path}' as boolean)",
    "checkbox_group": "try_cast(inputs -> '{path}' as varchar[])",
}
"""Component → its column where that has a type of its own."""

_KINDS = {
    "number": ("BIGINT", "UBIGINT", "DOUBLE"),
    "slider": ("BIGINT", "UBIGINT", "DOUBLE"),
    "checkbox": ("BOOLEAN",),
    "checkbox_group": ("ARRAY",),
    "table": ("OBJECT",),
}
"""Component → the kinds of JSON that it stores, when that is no text and no file."""

_MEDIA = "'media/' || (inputs ->> '{path}.media')"
_FILE = (
    "case when inputs ->> '{path}.media' is not null then"
    " json_object('path', 'media/' || (inputs ->> '{path}.media'), 'name', inputs ->> '{path}.name')::varchar"
    " end"
)


def name_target(spec: ModelSpec) -> str:
    """Return the column of the right answer."""
    return "label" if spec.task.is_classification else "target"


def check_columns(spec: ModelSpec) -> None:
    """Raise `ConfigError` when an input is named like a column that every export has."""
    taken = {name_target(spec), "split", "sample_weight", "label_distribution", *PROVENANCE}
    if clash := [name for name in spec.inputs if name in taken]:
        raise ConfigError(
            f"models.{spec.name}.inputs.{clash[0]} has the name of a column that exports need;"
            " give the input another name in reviewer.toml."
        )


def list_media(spec: ModelSpec) -> list[str]:
    """Return the inputs that name a file."""
    return [name for name, each in spec.inputs.items() if each.has_media]


def find_file(cell: str | None) -> str | None:
    """Return the name of the stored file that a cell of the row names."""
    if cell is None:
        return None
    path = json.loads(cell)["path"] if cell.startswith("{") else cell
    return str(path).removeprefix("media/")


def list_texts(spec: ModelSpec) -> dict[str, str]:
    """Return the columns in which people or models write freely, each with what reads it."""
    inputs = {
        name: read_text(name, each)
        for name, each in spec.inputs.items()
        if isinstance(each, (TextboxSpec, TableSpec))
    }
    if spec.task.is_classification or spec.task is Task.TABULAR_REGRESSION:
        return inputs
    return {**inputs, name_target(spec): "answer", "predicted": _PREDICTED}


def list_structured(spec: ModelSpec) -> set[str]:
    """Return the columns of `list_texts` that may hold JSON."""
    answers = {name_target(spec), "predicted"} if spec.task is Task.GENERIC else set()
    return answers | {name for name, each in spec.inputs.items() if isinstance(each, TableSpec)}


def fits_kind(name: str, spec: InputSpec) -> str:
    """Return the condition that an input's stored value is empty, or of the kind that it takes."""
    kinds = ("OBJECT",) if spec.has_media else _KINDS.get(spec.component, ("VARCHAR",))
    listed = ", ".join(f"'{each}'" for each in ("NULL", *kinds))
    fits = f"json_type(inputs, '$.{name}') in ({listed})"
    if not isinstance(spec, DateSpec):
        return fits
    return f"({fits} and (inputs ->> '$.{name}' is null or {read_typed(name, spec)} is not null))"


def read_text(name: str, spec: InputSpec) -> str:
    """Return what reads an input as the text of a CSV cell."""
    if spec.component == "file":
        return _FILE.format(path=f"$.{name}")
    if spec.has_media:
        return _MEDIA.format(path=f"$.{name}")
    return f"inputs ->> '$.{name}'"


def read_typed(name: str, spec: InputSpec) -> str:
    """Return what reads an input as a value of its own type."""
    if isinstance(spec, DateSpec):
        kind = "timestamp" if spec.include_time else "date"
        return f"try_cast(inputs ->> '$.{name}' as {kind})"
    known = _TYPED.get(spec.component)
    return known.format(path=f"$.{name}") if known else read_text(name, spec)


def build_columns(spec: ModelSpec, *, is_typed: bool, has_distribution: bool) -> dict[str, str]:
    """Return each column of an export's rows, in order, with what reads it from `exported` and `flags`."""
    read = read_typed if is_typed else read_text
    is_number = is_typed and spec.task is Task.TABULAR_REGRESSION
    return {
        **{name: read(name, each) for name, each in spec.inputs.items()},
        name_target(spec): "try_cast(answer as double)" if is_number else "answer",
        **({"label_distribution": "distribution::varchar"} if has_distribution else {}),
        "split": "split",
        "sample_weight": "weight",
        **PROVENANCE,
    }
