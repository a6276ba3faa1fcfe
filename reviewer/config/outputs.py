"""Output components as `reviewer.toml` declares them: how each part of a model's answer is read and shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from reviewer.config.fields import Spec
from reviewer.config.inputs import expand
from reviewer.records import Task


class _OutputSpec(Spec):
    label: str = ""


class LabelOutputSpec(_OutputSpec):
    """A label, or labels with their probabilities."""

    component: Literal["label"]
    top: Annotated[int, Field(ge=1)] = 10
    """How many of the most probable labels are shown."""


class TextOutputSpec(_OutputSpec):
    """A text of any length."""

    component: Literal["text"]


class NumberOutputSpec(_OutputSpec):
    """A finite number."""

    component: Literal["number"]


class TableOutputSpec(_OutputSpec):
    """Rows and columns: a `pandas.DataFrame`, a list of dicts, or `{"columns": …, "rows": …}`."""

    component: Literal["table"]


class ImageOutputSpec(_OutputSpec):
    """A picture: an array, a PIL image, a data URL or a file's bytes."""

    component: Literal["image"]


class PlotOutputSpec(_OutputSpec):
    """A Plotly figure, or a Matplotlib one, which is kept as a picture."""

    component: Literal["plot"]


class JsonOutputSpec(_OutputSpec):
    """Any value that JSON holds."""

    component: Literal["json"]


class HighlightedTextOutputSpec(_OutputSpec):
    """A text in pieces, each with a label, a score or nothing: `[["Bern", "city"], [" is nice", null]]`."""

    component: Literal["highlighted_text"]


OUTPUT_SPECS: dict[str, type[_OutputSpec]] = {
    "label": LabelOutputSpec,
    "text": TextOutputSpec,
    "number": NumberOutputSpec,
    "table": TableOutputSpec,
    "image": ImageOutputSpec,
    "plot": PlotOutputSpec,
    "json": JsonOutputSpec,
    "highlighted_text": HighlightedTextOutputSpec,
}
"""Component name → the keys its table may have."""

OutputSpec = Annotated[
    LabelOutputSpec
    | TextOutputSpec
    | NumberOutputSpec
    | TableOutputSpec
    | ImageOutputSpec
    | PlotOutputSpec
    | JsonOutputSpec
    | HighlightedTextOutputSpec,
    Field(discriminator="component"),
    BeforeValidator(expand),
]

TASK_OUTPUTS: dict[Task, dict[str, OutputSpec]] = {
    Task.TEXT_CLASSIFICATION: {"label": LabelOutputSpec(component="label")},
    Task.IMAGE_CLASSIFICATION: {"label": LabelOutputSpec(component="label")},
    Task.TABULAR_CLASSIFICATION: {"label": LabelOutputSpec(component="label")},
    Task.TABULAR_REGRESSION: {"value": NumberOutputSpec(component="number")},
    Task.TEXT_GENERATION: {"text": TextOutputSpec(component="text")},
    Task.GENERIC: {"output": JsonOutputSpec(component="json")},
}
"""What a model answers when its table names no outputs."""
