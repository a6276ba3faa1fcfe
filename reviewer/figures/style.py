"""How every figure looks: its colours, its axes and legend, and how text of others is shown.

Plotly renders a small HTML subset in every text, so values pass through `show_text`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

ACCENT = "#3b5bdb"
PALETTE = (
    ACCENT,
    "#fa9a07",
    "#0dd096",
    "#96351d",
    "#b4a1fc",
    "#b37108",
    "#70577e",
    "#868e96",
)
"""Eight colours that stay apart in the common kinds of colour blindness, on white and on dark."""

PAPER = {False: "#ffffff", True: "#1b2027"}
"""The page behind a figure by `is_dark`; only the hover box is painted with it."""

INK = {False: "#1b2027", True: "#e6e9ef"}
"""Text colour by `is_dark`; no single grey has a contrast of 4.5 with both papers."""

MARK = {False: ACCENT, True: "#91a7ff"}
"""Colour of points by `is_dark`."""

GRID = "rgba(134, 142, 150, 0.25)"
LINE = "rgba(134, 142, 150, 0.7)"
CLEAR = "rgba(0, 0, 0, 0)"

DAY_MS = 86_400_000

LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
"""A legend that leaves the figure its width."""


def start_figure(is_dark: bool) -> go.Figure:
    """Return an empty figure in the look that all share."""
    ink = INK[is_dark]
    axis = {
        "automargin": True,
        "gridcolor": GRID,
        "linecolor": LINE,
        "zeroline": False,
        "title": {"standoff": 12},
    }
    look = {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"color": ink, "family": "system-ui, sans-serif", "size": 13},
        "hoverlabel": {
            "align": "left",
            "bgcolor": PAPER[is_dark],
            "bordercolor": LINE,
            "font": {"color": ink, "size": 13},
        },
        "modebar": {
            "bgcolor": CLEAR,
            "color": LINE,
            "activecolor": ink,
            "orientation": "v",
            "remove": ["zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale"],
        },
        "xaxis": axis,
        "yaxis": axis,
    }
    margin = {"l": 56, "r": 40, "t": 32, "b": 48}
    return go.Figure(layout={"template": {"layout": look}, "margin": margin, "height": 380})


def draw_notice(sentence: str, *, is_dark: bool = False) -> go.Figure:
    """Return a figure that says only `sentence`, in its middle, without axes."""
    figure = start_figure(is_dark)
    lines = textwrap.wrap(sentence, 44)
    figure.add_annotation(
        text="<br>".join(escape(line, quote=False) for line in lines),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 14},
    )
    figure.update_layout(height=220, margin={"l": 24, "r": 24, "t": 24, "b": 24})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def show_text(value: str, words: Mapping[str, str], width: int = 24) -> str:
    """Return `value` as literal text for Plotly: on one line, at most `width` characters, escaped.

    A longer one loses its middle, since names that share a beginning often differ at the end.
    Quotes stay, as Plotly does not decode `&quot;`; dollars go, as `$x$` would be TeX.
    """
    text = " ".join(value.split()) or words["figure.blank"]
    if len(text) > width:
        tail = width // 3
        text = f"{text[: width - tail - 1]}…{text[-tail:]}"
    return escape(text, quote=False).replace("$", "&#36;")


def span_days(days: pd.Series[str]) -> dict[str, Any]:
    """Return the x axis that shows all days, at least a week, with ticks on whole days only."""
    first, last = pd.Timestamp(days.min()), pd.Timestamp(days.max())
    span = (last - first).days + 1
    padding = pd.Timedelta(days=max(0.6, (8 - span) / 2))
    return {
        "type": "date",
        "range": [str(first - padding), str(last + padding)],
        "tick0": str(first),
        "dtick": -(-span // 8) * DAY_MS,
        "tickformat": "%Y-%m-%d",
    }


def order_naturally(label: str) -> tuple[list[str | int], str]:
    """Return what sorts `label` as people count, "2" before "10"."""
    # At most 18 digits a piece: Python refuses to read numbers of thousands of digits.
    pieces = re.split(r"(\d{1,18})", label.casefold())
    return [int(piece) if at % 2 else piece for at, piece in enumerate(pieces)], label
