"""Flags as stacked bars: by option over time, by resolution over confidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import pandas as pd
import plotly.graph_objects as go

from reviewer.figures.style import DAY_MS, PALETTE, draw_notice, show_text, span_days, start_figure
from reviewer.figures.words import WORDS
from reviewer.records import FlagOption, Resolution

STACK_ORDER: dict[str, tuple[str, ...]] = {
    "option": (
        FlagOption.WRONG_LABEL,
        FlagOption.LOW_CONFIDENCE,
        FlagOption.OVERCONFIDENT,
        FlagOption.BAD_INPUT,
        FlagOption.OUT_OF_SCOPE,
        FlagOption.SLOW_OR_ERROR,
        FlagOption.HALLUCINATION,
        FlagOption.OTHER,
        FlagOption.PRIVACY,
        FlagOption.WRONG_VALUE,
        FlagOption.INCOMPLETE,
        FlagOption.OFFENSIVE_OR_UNSAFE,
        FlagOption.BIAS,
        FlagOption.UI_BUG,
        FlagOption.INCONSISTENT,
        FlagOption.GOOD_EXAMPLE,
    ),
    "resolution": (
        Resolution.LABEL_CORRECTED,
        Resolution.BAD_INPUT,
        Resolution.PREDICTION_CORRECT,
        Resolution.APP_BUG,
        Resolution.AMBIGUOUS,
        Resolution.OUT_OF_SCOPE,
        Resolution.DUPLICATE,
        "none",
        Resolution.NOT_REPRODUCIBLE,
        Resolution.WONT_FIX,
    ),
}
"""Column → its known values from the bottom of a stack to the top.

The place also decides the colour, so that options which one task offers together differ in hue.
"""

PATTERNS = ("", "/", ".", "x")
"""Fills of a bar: the first two serve the known values, the last two those that a config adds."""

BINS = 20


def draw_options_over_time(
    frame: pd.DataFrame, *, words: Mapping[str, str] = WORDS, is_dark: bool = False
) -> go.Figure:
    """Return the flags of each day as stacked bars, one trace an option.

    `frame` has `day` (date or timestamp in UTC), `option` and `flags` (count), in any order. An
    option keeps its place and colour whichever others are there.
    """
    counts = frame[frame["flags"] > 0].dropna(subset=["day"])
    if counts.empty:
        return draw_notice(words["figure.options.empty"], is_dark=is_dark)
    days = pd.to_datetime(counts["day"]).dt.strftime("%Y-%m-%d")
    counts = counts.assign(x=days, place=days)
    figure = _stack_bars(counts, "option", words["figure.axis.day"], words, is_dark)
    figure.update_traces(width=0.8 * DAY_MS)
    figure.update_xaxes(span_days(days))
    return figure


def draw_confidence(
    frame: pd.DataFrame, *, words: Mapping[str, str] = WORDS, is_dark: bool = False
) -> go.Figure:
    """Return a histogram of confidence, stacked by resolution.

    `frame` has `resolution` (missing: still open), `bin` (left edge of one of `BINS` equal bins of
    0 to 1; a confidence of exactly 1 belongs to the last) and `flags` (count).
    """
    counts = frame[frame["flags"] > 0].dropna(subset=["bin"])
    if counts.empty:
        return draw_notice(words["figure.confidence.empty"], is_dark=is_dark)
    bins = (counts["bin"].astype(float) * BINS).round().clip(0, BINS - 1)
    places = [f"{each / BINS:.2f}–{(each + 1) / BINS:.2f}" for each in bins]
    counts = counts.assign(x=(bins + 0.5) / BINS, place=places)
    figure = _stack_bars(counts, "resolution", words["figure.axis.confidence"], words, is_dark)
    figure.update_traces(width=0.9 / BINS)
    figure.update_xaxes(range=[0, 1], dtick=0.1)
    return figure


def _stack_bars(
    counts: pd.DataFrame, column: str, axis: str, words: Mapping[str, str], is_dark: bool
) -> go.Figure:
    """Return stacked bars of `flags` over `x`, one trace per value of `column`."""
    values = ["none" if pd.isna(each) or each == "" else str(each) for each in counts[column]]
    sums = counts.assign(value=values).groupby(["value", "x", "place"])["flags"].sum().reset_index()
    figure = start_figure(is_dark)
    for value in sorted(set(values), key=lambda each: _rank(each, STACK_ORDER[column])):
        rows = sums[sums["value"] == value]
        figure.add_bar(
            name=show_text(words.get(f"{column}.{value}", value), words, 32),
            x=rows["x"].tolist(),
            y=rows["flags"].tolist(),
            customdata=rows["place"].tolist(),
            hovertemplate=(
                f"%{{fullData.name}}<br>{axis}: %{{customdata}}<br>"
                f"{words['figure.axis.flags']}: %{{y:,d}}<extra></extra>"
            ),
            marker=_choose_fill(value, STACK_ORDER[column]),
        )
    _lay_out_stack(figure, sums.groupby("x")["flags"].sum().max())
    figure.update_xaxes(title_text=axis)
    figure.update_yaxes(title_text=words["figure.axis.flags"])
    return figure


def _lay_out_stack(figure: go.Figure, top: int) -> None:
    figure.update_layout(
        barmode="stack",
        height=340 + 7 * len(figure.data),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
    )
    figure.update_xaxes(showgrid=False, showline=True)
    figure.update_yaxes(tickformat=",d", rangemode="tozero", dtick=1 if top <= 5 else None)


def _rank(value: str, known: tuple[str, ...]) -> tuple[int, str]:
    return (known.index(value) if value in known else len(known), value)


def _choose_fill(value: str, known: tuple[str, ...]) -> dict[str, Any]:
    """Return the bar fill of `value`, which depends on nothing but its name."""
    fills = len(PALETTE) * len(PATTERNS) // 2
    place = known.index(value) if value in known else fills + crc32(value.encode()) % fills
    pattern, colour = divmod(place, len(PALETTE))
    fill = {"shape": PATTERNS[pattern], "fillmode": "overlay", "size": 6, "solidity": 0.3}
    return {"color": PALETTE[colour], "pattern": fill, "line": {"width": 0}}
