"""The figures of the team pane: how far people agree, and how much each has done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from reviewer.figures.style import (
    DAY_MS,
    LEGEND_ABOVE,
    PALETTE,
    draw_notice,
    show_text,
    span_days,
    start_figure,
)
from reviewer.figures.words import WORDS

COEFFICIENTS = ("percent", "kappa", "alpha")
"""The figures of an agreement, as they are drawn from left to right."""


def draw_agreement(
    rows: Sequence[Mapping[str, Any]], *, words: Mapping[str, str] = WORDS, is_dark: bool = False
) -> go.Figure:
    """Return how far people agree, one point a coefficient with its interval, beside each other by group.

    Each row has `of`, `flags` and `percent`, `kappa` and `alpha`, each None or an object with `value`, `low`
    and `high`; it stands in the given order.
    """
    told = [row for row in rows if any(row[name] for name in COEFFICIENTS)]
    if not told:
        return draw_notice(words["figure.agreement.empty"], is_dark=is_dark)
    figure = start_figure(is_dark)
    names = [show_text(row["of"], words) for row in told]
    for place, name in enumerate(COEFFICIENTS):
        _add_coefficient(figure, name, told, PALETTE[place], words, (place - 1) * 0.2)
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, showgrid=False)
    figure.update_yaxes(range=[-0.55, 1.05], title_text=words["figure.axis.agreement"])
    figure.update_layout(legend=LEGEND_ABOVE)
    return figure


def _add_coefficient(
    figure: go.Figure,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    color: str,
    words: Mapping[str, str],
    shift: float,
) -> None:
    points = [(at + shift, row[name], row) for at, row in enumerate(rows) if row[name]]
    figure.add_scatter(
        x=[x for x, *_ in points],
        y=[found["value"] for _, found, _ in points],
        error_y={
            "array": [found["high"] - found["value"] for _, found, _ in points],
            "arrayminus": [found["value"] - found["low"] for _, found, _ in points],
            "thickness": 1.5,
        },
        mode="markers",
        marker={"color": color, "size": 9},
        name=words[f"figure.agreement.{name}"],
        hovertext=[
            f"{show_text(row['of'], words)}<br>{words[f'figure.agreement.{name}']}: {found['value']:.2f}"
            f" ({found['low']:.2f} … {found['high']:.2f})<br>{words['figure.axis.flags']}: {row['flags']:,}"
            for _, found, row in points
        ],
        hoverinfo="text",
    )


def draw_done(frame: pd.DataFrame, *, words: Mapping[str, str] = WORDS, is_dark: bool = False) -> go.Figure:
    """Return the flags that people answered each day as stacked bars, one trace a person.

    `frame` has `day` (text), `name` and `flags` (count).
    """
    if frame.empty:
        return draw_notice(words["figure.done.empty"], is_dark=is_dark)
    figure = start_figure(is_dark)
    for place, (name, counts) in enumerate(frame.groupby("name")):
        figure.add_bar(
            x=counts["day"],
            y=counts["flags"],
            width=0.8 * DAY_MS,
            name=show_text(str(name), words),
            marker={"color": PALETTE[place % len(PALETTE)]},
        )
    figure.update_layout(barmode="stack", legend=LEGEND_ABOVE)
    figure.update_xaxes(title_text=words["figure.axis.day"], showgrid=False, **span_days(frame["day"]))
    figure.update_yaxes(title_text=words["figure.axis.flags"], rangemode="tozero")
    return figure
