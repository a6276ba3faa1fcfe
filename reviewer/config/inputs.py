"""Input components as `reviewer.toml` declares them: one spec each, found by name in `INPUT_SPECS`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, StrictBool, model_validator

from reviewer.config.fields import Spec, Texts, check_different

ColumnType = Literal["text", "number", "boolean"]


class _InputSpec(Spec):
    label: str = ""
    info: str = ""
    """A sentence of help under the label."""
    required: StrictBool = True
    """Without it the field may stay empty, and the model gets None."""

    has_media: ClassVar[bool] = False
    """Whether the stored form names a file among the media."""


class TextboxSpec(_InputSpec):
    """A text of one or more lines."""

    component: Literal["textbox"]
    placeholder: str = ""
    value: str = ""
    lines: int = Field(4, ge=1, le=40)
    max_length: int = Field(100_000, ge=1)
    """Characters; a longer text is refused before the model runs."""


class NumberSpec(_InputSpec):
    """A number typed in."""

    component: Literal["number"]
    value: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _check_bounds(self) -> NumberSpec:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum must not be above maximum")
        return self


class SliderSpec(_InputSpec):
    """A number between two bounds."""

    component: Literal["slider"]
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


class DropdownSpec(_InputSpec):
    """One of a few texts."""

    component: Literal["dropdown", "radio"]
    choices: Texts = Field(min_length=1)
    value: str | None = None
    """The choice at the start; none when left out."""

    @model_validator(mode="after")
    def _check_value(self) -> DropdownSpec:
        if self.value is not None and self.value not in self.choices:
            raise ValueError(f"value {self.value!r} must be one of the choices")
        return self


class CheckboxSpec(_InputSpec):
    """Yes or no."""

    component: Literal["checkbox"]
    value: StrictBool = False


class CheckboxGroupSpec(_InputSpec):
    """Any number of a few texts; the model gets a list in the order of `choices`."""

    component: Literal["checkbox_group"]
    choices: Texts = Field(min_length=1)
    value: Texts = ()

    @model_validator(mode="after")
    def _check_value(self) -> CheckboxGroupSpec:
        if unknown := [each for each in self.value if each not in self.choices]:
            raise ValueError(f"value {unknown[0]!r} must be one of the choices")
        return self


class DateSpec(_InputSpec):
    """A day, or a day and time; the model gets a `date` or a `datetime` without zone."""

    component: Literal["date"]
    include_time: StrictBool = False
    earliest: date | None = None
    latest: date | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> DateSpec:
        if self.earliest and self.latest and self.earliest > self.latest:
            raise ValueError("earliest must not be after latest")
        return self


class FileSpec(_InputSpec):
    """A file of any kind, or of the `types` (endings) named; the model gets its path."""

    component: Literal["file"]
    types: Texts = ()
    max_bytes: int = Field(10_000_000, ge=1)

    has_media: ClassVar[bool] = True


class ImageSpec(_InputSpec):
    """A picture, uploaded or (`sketch`) drawn, scaled to `width` × `height` pixels of `mode`."""

    component: Literal["image", "sketch"]
    width: int | None = Field(None, ge=1, le=4096)
    height: int | None = Field(None, ge=1, le=4096)
    """Both, or neither to leave the picture as it is."""
    mode: Literal["L", "RGB"] = "RGB"
    crop_to_ink: StrictBool = False
    """Cut away the empty border of a drawing first, so that a small drawing fills the picture."""
    max_bytes: int = Field(10_000_000, ge=1)

    has_media: ClassVar[bool] = True

    @model_validator(mode="after")
    def _check_size(self) -> ImageSpec:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together; give both or neither")
        return self


class AudioSpec(_InputSpec):
    """A recording, spoken or uploaded; the model gets (samples per second, array from -1 to 1)."""

    component: Literal["audio"]
    rate: int | None = Field(None, ge=1000, le=192_000)
    """Samples per second that the model expects; None leaves the recording's own."""
    mono: StrictBool = True
    max_seconds: float = Field(60, gt=0)
    max_bytes: int = Field(20_000_000, ge=1)

    has_media: ClassVar[bool] = True


class TableSpec(_InputSpec):
    """Rows and columns typed or pasted; the model gets a `pandas.DataFrame`."""

    component: Literal["table"]
    columns: Annotated[
        dict[str, ColumnType],
        BeforeValidator(lambda value: dict.fromkeys(value, "text") if isinstance(value, list) else value),
    ] = Field(min_length=1)
    """Column → its type, or a list of names of text columns."""
    max_rows: int = Field(1000, ge=1)

    @model_validator(mode="after")
    def _check_columns(self) -> TableSpec:
        check_different(tuple(self.columns))
        return self


INPUT_SPECS: dict[str, type[_InputSpec]] = {
    "textbox": TextboxSpec,
    "number": NumberSpec,
    "slider": SliderSpec,
    "dropdown": DropdownSpec,
    "radio": DropdownSpec,
    "checkbox": CheckboxSpec,
    "checkbox_group": CheckboxGroupSpec,
    "date": DateSpec,
    "file": FileSpec,
    "image": ImageSpec,
    "sketch": ImageSpec,
    "audio": AudioSpec,
    "table": TableSpec,
}
"""Component name → the keys its table may have."""

GRADIO_NAMES = {
    "checkboxgroup": "checkbox_group",
    "datetime": "date",
    "sketchpad": "sketch",
    "dataframe": "table",
    "highlightedtext": "highlighted_text",
}
"""Gradio's own names, which are understood too."""


def expand(value: Any) -> Any:
    """Return the full form of a component: a bare name is a table with that component."""
    if isinstance(value, str):
        value = {"component": value}
    if isinstance(value, dict) and isinstance(value.get("component"), str):
        return {**value, "component": GRADIO_NAMES.get(value["component"], value["component"])}
    return value


InputSpec = Annotated[
    TextboxSpec
    | NumberSpec
    | SliderSpec
    | DropdownSpec
    | CheckboxSpec
    | CheckboxGroupSpec
    | DateSpec
    | FileSpec
    | ImageSpec
    | AudioSpec
    | TableSpec,
    Field(discriminator="component"),
    BeforeValidator(expand),
]
"""Short form `text = "textbox"` or full form `text = {component = "textbox", label = …}`."""
