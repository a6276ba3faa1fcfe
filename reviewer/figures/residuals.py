"""How far predicted values are from corrected ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from reviewer.figures.style import INK, MARK, draw_notice, start_figure
from reviewer.figures.words import WORDS


def draw_residuals(
    frame: pd.DataFrame, *, words: Mapping[str, str] = WORDS, is_dark: bool = False
) -> go.Figure:
    """Return the residual (corrected − predicted) of each flag over its predicted value.

    `frame` has `predicted_value` and `corrected_value`, one row a flag; rows where one of them is
    missing or infinite are left out.
    """
    values = frame[["predicted_value", "corrected_value"]].astype(float)
    values = values.where(values.abs() < np.inf).dropna()
    if values.empty:
        return draw_notice(words["figure.residuals.empty"], is_dark=is_dark)
    predicted, corrected = values["predicted_value"], values["corrected_value"]
    figure = start_figure(is_dark)
    figure.add_scatter(
        x=predicted.tolist(),
        y=(corrected - predicted).tolist(),
        customdata=corrected.tolist(),
        mode="markers",
        marker={"color": MARK[is_dark], "size": 6, "opacity": 0.5},
        hovertemplate=(
            f"{words['figure.axis.predicted_value']}: %{{x:.6~g}}<br>"
            f"{words['figure.axis.corrected_value']}: %{{customdata:.6~g}}<br>"
            f"{words['figure.axis.residual']}: %{{y:.6~g}}<extra></extra>"
        ),
    )
    figure.update_xaxes(title_text=words["figure.axis.predicted_value"])
    figure.update_yaxes(
        title_text=words["figure.axis.residual"],
        rangemode="tozero",
        zeroline=True,
        zerolinecolor=INK[is_dark],
        zerolinewidth=1.5,
        zerolinelayer="above traces",
    )
    return figure
