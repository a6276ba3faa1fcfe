"""`reviewer.toml` as typed specs; every mistake in it is reported with its line and what would work.

The rule: nothing else in the program reads the file, and no spec holds a value that was not checked.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from reviewer.errors import ConfigError, UnknownNameError
from reviewer.records import FLAG_OPTIONS, FlagOption, Task

CONFIG_NAME = "reviewer.toml"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A model or input: it names a folder, a SQL view or a column, so letters, digits and _ only."""

RESERVED_NAMES = frozenset({"flags", "reviews", "predictions", "raw_flags", "raw_reviews"})
"""Tables of the index, which a model's view must not hide."""


class Kind(StrEnum):
    """Where a model's answers come from."""

    SKLEARN = "sklearn"
    PYTHON = "python"


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
        return self


class DropdownSpec(_Spec):
    """One of a few texts."""

    component: Literal["dropdown", "radio"]
    label: str = ""
    choices: tuple[str, ...] = Field(min_length=1)


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
    crop_to_ink: bool = False
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

    name: Name
    task: Task
    kind: Kind = Kind.SKLEARN
    title: str = ""
    path: str = ""
    """The model file, or `module:function` for a Python model; "" when `models/NAME/` holds versions."""
    trusted: bool = False
    """Loading may run code: needed for joblib files and Python models."""
    labels: tuple[str, ...] = ()
    inputs: dict[Name, InputSpec] = Field(min_length=1)
    flag_options: tuple[FlagOption, ...] = ()
    base: str = ""
    """CSV of base training data: the inputs' columns, `target` and `split`."""
    target: str = "label"
    """Column of the right answer in `base`."""
    unit: str = ""
    tolerance: float | None = Field(None, ge=0)
    """Regression: how far from the corrected value an answer still counts as right."""
    examples: tuple[dict[str, Any], ...] = ()

    @model_validator(mode="after")
    def _check_labels(self) -> ModelSpec:
        if self.task.is_classification and len(set(self.labels)) < 2:
            raise ValueError("a classification model needs at least two different labels")
        if len(set(self.labels)) != len(self.labels) or "" in self.labels:
            raise ValueError("labels must be different and not empty")
        return self

    @model_validator(mode="after")
    def _check_names(self) -> ModelSpec:
        if self.name in RESERVED_NAMES:
            raise ValueError(f"the name {self.name!r} is taken by a table; choose another")
        if unknown := [name for row in self.examples for name in row if name not in self.inputs]:
            raise ValueError(f"examples name the input {unknown[0]!r}, which the model does not have")
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
    models: dict[Name, ModelSpec] = Field(min_length=1)

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
        name: {**table, "name": name} if isinstance(table, Mapping) else table
        for name, table in models.items()
    }
    return {**values, "models": named}


def _describe_mistakes(path: Path, text: str, error: ValidationError) -> str:
    return "\n".join(
        f"{path}, line {_find_line(text, each['loc'])}: {_describe_mistake(each)}"
        for each in error.errors(include_url=False)
    )


def _describe_mistake(mistake: Any) -> str:
    key = ".".join(str(part) for part in _written_keys(mistake["loc"])) or "the file"
    given = mistake["input"]
    shown = "" if isinstance(given, (dict, BaseModel)) else f" (is {given!r})"
    match mistake["type"]:
        case "missing":
            return f"{key} is missing."
        case "extra_forbidden":
            return f"{key} is not a known key{_known_keys(mistake['loc'])}."
        case "union_tag_invalid":
            return f"{key} is {mistake['ctx']['tag']!r}; use one of {mistake['ctx']['expected_tags']}."
        case "string_pattern_mismatch":
            return f"{key}{shown} must be small letters, digits and _ only, a letter first."
    message = mistake["msg"].removeprefix("Value error, ").replace("Input should", "should")
    return f"{key}{shown}: {message}."


_TAGS = ("textbox", "number", "slider", "dropdown", "radio", "checkbox", "image")


def _written_keys(loc: tuple[int | str, ...]) -> list[int | str]:
    """Return the keys as they stand in the file, without the parts that pydantic adds."""
    return [part for i, part in enumerate(loc) if part != "[key]" and not (part in _TAGS and i == 4)]


def _known_keys(loc: tuple[int | str, ...]) -> str:
    specs: dict[int, type[BaseModel]] = {1: WorkspaceSpec, 3: ModelSpec}
    spec = specs.get(len(loc))
    if spec is None:
        return ""
    return "; known keys: " + ", ".join(name for name in spec.model_fields if name != "name")


def _find_line(text: str, loc: tuple[int | str, ...]) -> int:
    """Return the 1-based line of the deepest key of `loc` that the text names."""
    keys = [str(part) for part in _written_keys(loc) if not isinstance(part, int)]
    lines = text.splitlines()
    found, start = 1, 0
    for depth in range(len(keys)):
        header = re.compile(r"^\s*\[+\s*" + r"\s*\.\s*".join(map(_key_pattern, keys[: depth + 1])) + r"\s*\]")
        assignment = re.compile(r"^\s*(\w+\s*\.\s*)*" + _key_pattern(keys[depth]) + r"\s*[.=]")
        for number in range(start, len(lines)):
            if header.match(lines[number]) or assignment.match(lines[number]):
                found, start = number + 1, number
                break
    return found


def _key_pattern(key: str) -> str:
    return r"[\"']?" + re.escape(key) + r"[\"']?"
