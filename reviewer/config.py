"""`reviewer.toml` as typed specs; every mistake in it is reported with its line and what would work.

The rule: nothing else in the program reads the file, and no spec holds a value that was not checked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from reviewer.errors import ConfigError, UnknownNameError
from reviewer.records import FLAG_OPTIONS, FlagOption, Task

CONFIG_NAME = "reviewer.toml"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A model or input: it names a folder, a SQL view or a column, so letters, digits and _ only."""

RESERVED_NAMES = frozenset(
    {
        "flags", "reviews", "predictions", "raw_flags", "raw_reviews", "read_positions", "rejected_rows",
        "index_version",
    }
)  # fmt: skip
"""Tables of the index, which a model's view must not hide."""


def _check_free(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError(f"the name {name!r} is taken by a table; choose another")
    return name


def _check_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if "" in names:
        raise ValueError("an empty text cannot be chosen; leave it out")
    if doubles := [name for i, name in enumerate(names) if name in names[:i]]:
        raise ValueError(f"{str(doubles[0])!r} stands there twice; name it once")
    return names


Texts = Annotated[tuple[str, ...], AfterValidator(_check_different)]
"""Texts to choose from: different ones, none empty."""


class Kind(StrEnum):
    """Where a model's answers come from."""

    SKLEARN = "sklearn"
    PYTHON = "python"


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TextboxSpec(_Spec):
    """A text of one or more lines."""

    component: Literal["textbox"]
    label: str = ""
    placeholder: str = ""
    lines: int = Field(4, ge=1, le=40)
    max_length: int = Field(100_000, ge=1)
    """Characters; a longer text is refused before the model runs."""


class NumberSpec(_Spec):
    """A number typed in."""

    component: Literal["number"]
    label: str = ""
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> NumberSpec:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum must not be above maximum")
        return self


class SliderSpec(_Spec):
    """A number between two bounds."""

    component: Literal["slider"]
    label: str = ""
    minimum: float
    maximum: float
    step: float | None = Field(None, gt=0)
    value: float | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> SliderSpec:
        if self.minimum >= self.maximum:
            raise ValueError("minimum must be below maximum")
        if self.value is not None and not self.minimum <= self.value <= self.maximum:
            raise ValueError("value must be from minimum to maximum")
        return self


class DropdownSpec(_Spec):
    """One of a few texts."""

    component: Literal["dropdown", "radio"]
    label: str = ""
    choices: Texts = Field(min_length=1)


class CheckboxSpec(_Spec):
    """Yes or no."""

    component: Literal["checkbox"]
    label: str = ""


class ImageSpec(_Spec):
    """A picture, drawn or uploaded, scaled for the model to `width` × `height` pixels of `mode`."""

    component: Literal["image"]
    label: str = ""
    width: int = Field(ge=1, le=4096)
    height: int = Field(ge=1, le=4096)
    mode: Literal["L", "RGB"] = "RGB"
    crop_to_ink: StrictBool = False
    """Cut away the empty border of a drawing first, so that a small drawing fills the picture."""
    max_bytes: int = Field(10_000_000, ge=1)


InputSpec = Annotated[
    TextboxSpec | NumberSpec | SliderSpec | DropdownSpec | CheckboxSpec | ImageSpec,
    Field(discriminator="component"),
    BeforeValidator(lambda value: {"component": value} if isinstance(value, str) else value),
]
"""Short form `text = "textbox"` or full form `text = {component = "textbox", label = …}`."""


class ModelSpec(_Spec):
    """One model under test."""

    name: str
    """The key of its table, filled in on reading."""
    task: Task
    kind: Kind = Kind.SKLEARN
    title: str = ""
    path: str = ""
    """The model file, or `module:function` for a Python model; "" when `models/NAME/` holds versions."""
    trusted: StrictBool = False
    """Loading may run code: needed for joblib files and Python models."""
    labels: Texts = ()
    inputs: dict[Name, InputSpec] = Field(min_length=1)
    flag_options: Annotated[tuple[FlagOption, ...], AfterValidator(_check_different)] = ()
    base: str = ""
    """CSV of base training data: the inputs' columns, `target` and `split`."""
    target: str = "label"
    """Column of the right answer in `base`."""
    unit: str = ""
    tolerance: float | None = Field(None, ge=0)
    """Regression: how far from the corrected value an answer still counts as right."""
    examples: tuple[dict[str, Any], ...] = ()

    @field_validator("examples")
    @classmethod
    def _check_examples(
        cls, examples: tuple[dict[str, Any], ...], info: ValidationInfo
    ) -> tuple[dict[str, Any], ...]:
        inputs = info.data.get("inputs")
        if inputs and (unknown := [name for row in examples for name in row if name not in inputs]):
            raise ValueError(str(UnknownNameError("input", unknown[0], inputs)).removesuffix("."))
        return examples

    @model_validator(mode="after")
    def _check_labels(self) -> ModelSpec:
        if self.task.is_classification and len(self.labels) < 2:
            raise ValueError("a classification model needs at least two labels; list them in labels")
        return self

    @property
    def options(self) -> tuple[FlagOption, ...]:
        """The flag options offered, the task's own when none are named."""
        return self.flag_options or FLAG_OPTIONS[self.task]

    @property
    def shown_name(self) -> str:
        """The title, or the name when there is none."""
        return self.title or self.name


class WorkspaceSpec(_Spec):
    """A whole `reviewer.toml`."""

    title: str = "Flag reviewer"
    models: dict[Annotated[Name, AfterValidator(_check_free)], ModelSpec] = Field(min_length=1)

    @field_validator("models")
    @classmethod
    def _check_names(cls, models: dict[str, ModelSpec]) -> dict[str, ModelSpec]:
        if other := [key for key, spec in models.items() if spec.name != key]:
            raise ValueError(f"models.{other[0]} is named by its table; leave its key name out")
        return models

    def find_model(self, name: str) -> ModelSpec:
        """Return the model's spec; raises `UnknownNameError` with the known names."""
        if name not in self.models:
            raise UnknownNameError("model", name, self.models)
        return self.models[name]


def load_config(folder: Path) -> WorkspaceSpec:
    """Return the specs of the folder's `reviewer.toml`.

    Raises `ConfigError` with one line per mistake: file, line, key, what is wrong, what would work.
    """
    path = folder / CONFIG_NAME
    text = _read_text(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None
    except RecursionError:
        raise ConfigError(f"{path} is not valid TOML: it is nested too deeply.") from None
    try:
        return WorkspaceSpec.model_validate(_name_models(values))
    except ValidationError as error:
        raise ConfigError(_describe_mistakes(path, text, error)) from None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path.parent} is not a workspace: it has no {CONFIG_NAME}."
            " Run `reviewer demo --no-serve --workspace DIR` to make one that works."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from None


def _name_models(values: dict[str, Any]) -> dict[str, Any]:
    """Copy each `[models.NAME]` key into its table, where the spec keeps it."""
    models = values.get("models")
    if not isinstance(models, Mapping):
        return values
    named = {
        name: {"name": name, **table} if isinstance(table, Mapping) else table
        for name, table in models.items()
    }
    return {**values, "models": named}


def _describe_mistakes(path: Path, text: str, error: ValidationError) -> str:
    found = [
        (_find_line(text, _written_keys(each["loc"])), _describe_mistake(each))
        for each in error.errors(include_url=False)
    ]
    return "\n".join(f"{path}, line {line}: {mistake}" for line, mistake in sorted(found))


_COMPONENT_SPECS: dict[str, type[_Spec]] = {
    "textbox": TextboxSpec,
    "number": NumberSpec,
    "slider": SliderSpec,
    "dropdown": DropdownSpec,
    "radio": DropdownSpec,
    "checkbox": CheckboxSpec,
    "image": ImageSpec,
}

_TABLE_NEEDED = "a table is needed"
_SENTENCES = {
    "dict_type": _TABLE_NEEDED,
    "model_type": _TABLE_NEEDED,
    "model_attributes_type": "the name of a component, or a table with the key component, is needed",
    "tuple_type": "a list is needed",
    "too_short": "at least one entry is needed",
    "union_tag_not_found": f"the key component is missing; use one of {', '.join(_COMPONENT_SPECS)}",
    "string_pattern_mismatch": "small letters, digits and _ only are needed, a letter first",
}
"""Pydantic's type of mistake → what it means in the file, where its own message is in Python's words."""


def _describe_mistake(mistake: Any) -> str:
    keys = _written_keys(mistake["loc"])
    key = ".".join(map(str, keys)) or "The file"
    match mistake["type"]:
        case "missing":
            hint = "; add a table [models.NAME] with task and inputs" if key == "models" else ""
            return f"{key} is missing{hint}."
        case "extra_forbidden":
            return f"{key}: {UnknownNameError('key', keys[-1], _list_keys(mistake['loc']))}"
        case "union_tag_invalid":
            component = UnknownNameError("component", mistake["ctx"]["tag"][:80], _COMPONENT_SPECS)
            return f"{key}: {component}"
    given = mistake["input"]
    shown = "" if isinstance(given, (dict, BaseModel)) else f" is {repr(given)[:80]}"
    wanted = _SENTENCES.get(mistake["type"]) or mistake["msg"].removeprefix("Value error, ")
    return f"{key}{shown}: {wanted.replace('Input should', 'it should')}."


def _written_keys(loc: tuple[int | str, ...]) -> list[int | str]:
    """Return the keys as they stand in the file, without the parts that pydantic adds."""
    return [
        part for i, part in enumerate(loc) if part != "[key]" and not (i == 4 and part in _COMPONENT_SPECS)
    ]


def _list_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that may stand where the unknown one stands."""
    specs: dict[int, type[_Spec]] = {1: WorkspaceSpec, 3: ModelSpec}
    spec = specs.get(len(loc)) or _COMPONENT_SPECS[str(loc[4])]
    return [name for name in spec.model_fields if name != "name"]


def _find_line(text: str, keys: list[int | str]) -> int:
    """Return the 1-based line of the first statement that holds the most of the keys."""
    best, found = 0, 1
    for line, values in _list_statements(text):
        depth = _count_held(values, keys)
        if depth > best:
            best, found = depth, line
    return found


def _list_statements(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the first line of each header or assignment and its values, in the table they belong to."""
    header, statement, first = "", "", 1
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        try:
            values = tomllib.loads(header + statement)
        except tomllib.TOMLDecodeError:
            continue  # the statement goes on in the next line
        if statement.lstrip().startswith("["):
            header, values = statement, tomllib.loads(statement)
        yield first, values
        statement, first = "", number + 1


def _count_held(values: Any, keys: list[int | str]) -> int:
    """Return how many of the keys, from the first on, lead into the values."""
    for depth, key in enumerate(keys):
        if not isinstance(values, dict) or key not in values:
            return depth
        values = values[key]
    return len(keys)
