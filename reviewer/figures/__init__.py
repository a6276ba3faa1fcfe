"""The figures of insights, team and reports, each a plain function of a frame that returns a Plotly figure.

The rule: nothing here knows a user interface, a database or a file, and no value of the frame
reaches Plotly as markup or inside a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pandas as pd
import plotly.graph_objects as go

from reviewer.figures.confusion import draw_confusion
from reviewer.figures.rates import draw_flag_rate
from reviewer.figures.residuals import draw_residuals
from reviewer.figures.stacks import draw_confidence, draw_options_over_time
from reviewer.figures.team import draw_agreement, draw_done
from reviewer.figures.words import WORDS

__all__ = [
    "FIGURES",
    "WORDS",
    "DrawFigure",
    "draw_agreement",
    "draw_confidence",
    "draw_confusion",
    "draw_done",
    "draw_flag_rate",
    "draw_options_over_time",
    "draw_residuals",
]


class DrawFigure(Protocol):
    """What every entry of `FIGURES` is."""

    def __call__(
        self, frame: pd.DataFrame, *, words: Mapping[str, str] = WORDS, is_dark: bool = False
    ) -> go.Figure:
        """Return the figure of `frame`."""


FIGURES: dict[str, DrawFigure] = {
    "options": draw_options_over_time,
    "rate": draw_flag_rate,
    "confusion": draw_confusion,
    "confidence": draw_confidence,
    "residuals": draw_residuals,
}
"""Figure name → its function; `figure.NAME.title` and `figure.NAME.empty` are its words."""
