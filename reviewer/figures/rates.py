"""The share of predictions that people flagged, over time and by version."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from reviewer.figures.style import PALETTE, draw_notice, order_naturally, show_text, span_days, start_figure
from reviewer.figures.words import WORDS


def draw_flag_rate(
    frame: pd.DataFrame, *, words: Mapping[str, str] = WORDS, is_dark: bool = False
) -> go.Figure:
    """Return the share of each day's predictions that people flagged, one line a version.

    `frame` has `day` (date or timestamp in UTC), `version`, `predictions` and `flagged` (counts).
    """
    counts = frame.dropna(subset=["day", "version", "predictions"])
    counts = counts[counts["predictions"] > 0]
    if counts.empty:
        return draw_notice(words["figure.rate.empty"], is_dark=is_dark)
    days = pd.to_datetime(counts["day"]).dt.strftime("%Y-%m-%d")
    counts = counts.assign(x=days, version=counts["version"].astype(str)).sort_values("x")
    figure = start_figure(is_dark)
    versions = sorted(counts["version"].unique(), key=order_naturally)
    for place, version in enumerate(versions):
        _add_rate(figure, counts[counts["version"] == version], PALETTE[place % len(PALETTE)], words)
    figure.update_xaxes(title_text=words["figure.axis.day"], showgrid=False, **span_days(days))
    figure.update_yaxes(title_text=words["figure.axis.rate"], rangemode="tozero", ticksuffix=" %")
    figure.update_layout(showlegend=len(versions) > 1)
    return figure


def _add_rate(figure: go.Figure, counts: pd.DataFrame, color: str, words: Mapping[str, str]) -> None:
    version = show_text(str(counts["version"].iloc[0]), words)
    figure.add_scatter(
        x=counts["x"].tolist(),
        y=(100 * counts["flagged"] / counts["predictions"]).tolist(),
        customdata=counts["predictions"].tolist(),
        name=f"{words['figure.axis.version']} {version}",
        mode="lines+markers",
        marker={"color": color, "size": 8},
        line={"color": color},
        hovertemplate=(
            f"%{{x|%Y-%m-%d}}<br>{words['figure.axis.rate']}: %{{y:.3~g}}<br>"
            f"{words['figure.axis.predictions']}: %{{customdata:,}}"
        ),
    )
