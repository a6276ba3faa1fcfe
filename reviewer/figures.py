"""The figures of the insights pane, each a plain function of a frame that returns a Plotly figure.

The rule: nothing here knows a user interface, a database or a file, and no value of the frame
reaches Plotly as markup or inside a template. Plotly renders a small HTML subset in every text, so
values pass through `show_text`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from reviewer.records import FlagOption, Resolution

WORDS: dict[str, str] = {
    "figure.options.title": "Flags by option over time",
    "figure.options.empty": "No flags yet. Flag a prediction, and its day appears here.",
    "figure.rate.title": "Share of predictions that people flagged",
    "figure.rate.empty": "No predictions logged yet. Test the model, and the day appears here.",
    "figure.confusion.title": "Predicted against corrected label",
    "figure.confusion.empty": (
        "No reviewed labels yet. Correct or confirm a predicted label, and the pair appears here."
    ),
    "figure.confusion.capped": "the {shown} most flagged of {total} labels",
    "figure.confidence.title": "Confidence by resolution",
    "figure.confidence.empty": "No flag with a confidence yet.",
    "figure.residuals.title": "Residuals by predicted value",
    "figure.residuals.empty": (
        "No reviewed values yet. Correct a predicted value, and its residual appears here."
    ),
    "figure.agreement.title": "How far first and second answers agree",
    "figure.agreement.empty": (
        "No flag was reviewed twice yet. A second opinion, and the agreement appears here."
    ),
    "figure.agreement.percent": "Equal answers",
    "figure.agreement.kappa": "Cohen’s κ",
    "figure.agreement.alpha": "Krippendorff’s α",
    "figure.done.title": "Answered per day and person",
    "figure.done.empty": "Nobody has answered a flag in the last 30 days.",
    "figure.axis.agreement": "Agreement",
    "figure.axis.day": "Day (UTC)",
    "figure.axis.flags": "Flags",
    "figure.axis.predictions": "Predictions",
    "figure.axis.rate": "Flagged, % of predictions",
    "figure.axis.version": "Version",
    "figure.axis.predicted_label": "Predicted label",
    "figure.axis.corrected_label": "Corrected label",
    "figure.axis.confidence": "Confidence",
    "figure.axis.predicted_value": "Predicted value",
    "figure.axis.corrected_value": "Corrected value",
    "figure.axis.residual": "Residual (corrected − predicted)",
    "figure.blank": "(blank)",
    "option.wrong_label": "Wrong label",
    "option.wrong_value": "Wrong value",
    "option.low_confidence": "Low confidence",
    "option.overconfident": "Overconfident",
    "option.inconsistent": "Inconsistent",
    "option.incomplete": "Incomplete",
    "option.hallucination": "Hallucination",
    "option.offensive_or_unsafe": "Offensive or unsafe",
    "option.bias": "Bias",
    "option.privacy": "Privacy",
    "option.bad_input": "Bad input",
    "option.out_of_scope": "Out of scope",
    "option.slow_or_error": "Slow or error",
    "option.ui_bug": "Interface bug",
    "option.good_example": "Good example",
    "option.other": "Other",
    "option.none": "No option",
    "resolution.label_corrected": "Label corrected",
    "resolution.prediction_correct": "Prediction correct",
    "resolution.ambiguous": "Ambiguous",
    "resolution.bad_input": "Bad input",
    "resolution.out_of_scope": "Out of scope",
    "resolution.duplicate": "Duplicate",
    "resolution.not_reproducible": "Not reproducible",
    "resolution.app_bug": "App bug",
    "resolution.wont_fix": "Won’t fix",
    "resolution.none": "Not resolved yet",
}
"""The English texts, and the keys that `words` has in every language.

`figure.NAME.title` is the heading a caller puts above the figure NAME, `figure.NAME.empty` the
sentence drawn when there is nothing to show. `option.VALUE` and `resolution.VALUE` are display
names, `none` standing for a missing value; a value without a display name is shown as it is.
"""

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

PATTERNS = ("", "/", ".", "x")
"""Fills of a bar: the first two serve the known values, the last two those that a config adds."""

PAPER = {False: "#ffffff", True: "#1b2027"}
"""The page behind a figure by `is_dark`; only the hover box is painted with it."""

INK = {False: "#1b2027", True: "#e6e9ef"}
"""Text colour by `is_dark`; no single grey has a contrast of 4.5 with both papers."""

MARK = {False: ACCENT, True: "#91a7ff"}
"""Colour of points by `is_dark`."""

HEAT = {False: ("#e4eaff", "#6f89ef"), True: ("#28345f", ACCENT)}
"""Cell colours of the fewest and the most flags by `is_dark`; `INK` is legible on all between."""

GRID = "rgba(134, 142, 150, 0.25)"
LINE = "rgba(134, 142, 150, 0.7)"
CLEAR = "rgba(0, 0, 0, 0)"

DAY_MS = 86_400_000
BINS = 20
MAX_LABELS = 60
CROWD = 16
"""With more labels than this, names and counts are set smaller and thousands become "1k"."""


class DrawFigure(Protocol):
    """What every entry of `FIGURES` is."""

    def __call__(
        self, frame: pd.DataFrame, *, words: Mapping[str, str] = WORDS, is_dark: bool = False
    ) -> go.Figure:
        """Return the figure of `frame`."""


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
    figure.update_xaxes(_span_days(days))
    return figure


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
    figure = _start_figure(is_dark)
    versions = sorted(counts["version"].unique(), key=_order_naturally)
    for place, version in enumerate(versions):
        _add_rate(figure, counts[counts["version"] == version], PALETTE[place % len(PALETTE)], words)
    figure.update_xaxes(title_text=words["figure.axis.day"], showgrid=False, **_span_days(days))
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


def draw_confusion(
    frame: pd.DataFrame, *, words: Mapping[str, str] = WORDS, is_dark: bool = False
) -> go.Figure:
    """Return a heatmap of corrected labels (rows) by predicted labels (columns), counts as text.

    `frame` has `predicted_label`, `corrected_label` and `flags` (count). Both axes carry the same
    labels in natural order ("2" before "10"), so the diagonal holds the confirmed predictions;
    only the `MAX_LABELS` labels with the most flags are drawn, and then the axis says so.
    """
    counts = frame[frame["flags"] > 0].dropna(subset=["predicted_label", "corrected_label"])
    if counts.empty:
        return draw_notice(words["figure.confusion.empty"], is_dark=is_dark)
    counts = counts.astype({"predicted_label": str, "corrected_label": str})
    labels, total = _choose_labels(counts)
    matrix = counts.pivot_table(
        index="corrected_label", columns="predicted_label", values="flags", aggfunc="sum"
    ).reindex(index=labels, columns=labels)
    title = words["figure.axis.predicted_label"]
    if len(labels) < total:
        title += "<br>" + words["figure.confusion.capped"].format(shown=len(labels), total=total)
    figure = _start_figure(is_dark)
    figure.add_trace(_make_heatmap(matrix, words, is_dark))
    _lay_out_matrix(figure, [show_text(label, words) for label in labels])
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(title_text=words["figure.axis.corrected_label"])
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
    figure = _start_figure(is_dark)
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


FIGURES: dict[str, DrawFigure] = {
    "options": draw_options_over_time,
    "rate": draw_flag_rate,
    "confusion": draw_confusion,
    "confidence": draw_confidence,
    "residuals": draw_residuals,
}
"""Figure name → its function; `figure.NAME.title` and `figure.NAME.empty` are its words."""


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
    figure = _start_figure(is_dark)
    names = [show_text(row["of"], words) for row in told]
    for place, name in enumerate(COEFFICIENTS):
        _add_coefficient(figure, name, told, PALETTE[place], words, (place - 1) * 0.2)
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, showgrid=False)
    figure.update_yaxes(range=[-0.55, 1.05], title_text=words["figure.axis.agreement"])
    figure.update_layout(legend=_ABOVE)
    return figure


_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
"""A legend that leaves the figure its width."""

COEFFICIENTS = ("percent", "kappa", "alpha")
"""The figures of an agreement, as they are drawn from left to right."""


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
    figure = _start_figure(is_dark)
    for place, (name, counts) in enumerate(frame.groupby("name")):
        figure.add_bar(
            x=counts["day"],
            y=counts["flags"],
            width=0.8 * DAY_MS,
            name=show_text(str(name), words),
            marker={"color": PALETTE[place % len(PALETTE)]},
        )
    figure.update_layout(barmode="stack", legend=_ABOVE)
    figure.update_xaxes(title_text=words["figure.axis.day"], showgrid=False, **_span_days(frame["day"]))
    figure.update_yaxes(title_text=words["figure.axis.flags"], rangemode="tozero")
    return figure


def draw_notice(sentence: str, *, is_dark: bool = False) -> go.Figure:
    """Return a figure that says only `sentence`, in its middle, without axes."""
    figure = _start_figure(is_dark)
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


def _start_figure(is_dark: bool) -> go.Figure:
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


def _stack_bars(
    counts: pd.DataFrame, column: str, axis: str, words: Mapping[str, str], is_dark: bool
) -> go.Figure:
    """Return stacked bars of `flags` over `x`, one trace per value of `column`."""
    values = ["none" if pd.isna(each) or each == "" else str(each) for each in counts[column]]
    sums = counts.assign(value=values).groupby(["value", "x", "place"])["flags"].sum().reset_index()
    figure = _start_figure(is_dark)
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


def _span_days(days: pd.Series[str]) -> dict[str, Any]:
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


def _choose_labels(counts: pd.DataFrame) -> tuple[list[str], int]:
    """Return the labels to draw in natural order, and how many there are in all."""
    sides = pd.concat([counts.set_index(side)["flags"] for side in ("predicted_label", "corrected_label")])
    flags = sides.groupby(level=0).sum()
    labels = sorted(flags.index, key=_order_naturally)
    most = sorted(labels, key=lambda label: -flags[label])[:MAX_LABELS]
    return sorted(most, key=_order_naturally), len(labels)


def _order_naturally(label: str) -> tuple[list[str | int], str]:
    # At most 18 digits a piece: Python refuses to read numbers of thousands of digits.
    pieces = re.split(r"(\d{1,18})", label.casefold())
    return [int(piece) if at % 2 else piece for at, piece in enumerate(pieces)], label


def _make_heatmap(matrix: pd.DataFrame, words: Mapping[str, str], is_dark: bool) -> go.Heatmap:
    """Return the cells at whole-number places, as labels like "007" or "2024-01-01" must not
    become numbers or dates."""
    names = [show_text(label, words, 80) for label in matrix.columns]
    predicted, corrected, flags = (
        words[f"figure.axis.{name}"] for name in ("predicted_label", "corrected_label", "flags")
    )
    places = range(len(names))
    cells = [[None if pd.isna(each) else int(each) for each in row] for row in matrix.to_numpy().tolist()]
    hover = [
        [
            f"{predicted}: {names[column]}<br>{corrected}: {names[row]}<br>{flags}: {count:,}"
            if count
            else ""
            for column, count in enumerate(cells[row])
        ]
        for row in places
    ]
    return go.Heatmap(
        x=list(places),
        y=list(places),
        z=cells,
        hovertext=hover,
        hoverinfo="text",
        hoverongaps=False,
        text=[[_abbreviate(each, names) for each in row] for row in cells],
        texttemplate="%{text}",
        textfont={"color": INK[is_dark], "size": 10 if len(names) > CROWD else 13},
        colorscale=HEAT[is_dark],
        showscale=False,
        xgap=1,
        ygap=1,
    )


def _abbreviate(count: int | None, names: list[str]) -> str:
    """Return the text of a cell, at most four characters wide in a crowd below a billion flags."""
    if count is None:
        return ""
    if len(names) <= CROWD or count < 1_000:
        return str(count)
    return f"{count // 1_000}k" if count < 1_000_000 else f"{count // 1_000_000}M"


def _lay_out_matrix(figure: go.Figure, names: list[str]) -> None:
    """Set square axes with the diagonal marked, high enough for every label to be read."""
    places, edge = list(range(len(names))), len(names) - 0.5
    longest = max(map(len, names))
    can_touch = longest * len(names) > 36
    row = min(56, max(20, 420 // len(names)))
    axis = {"tickvals": places, "ticktext": names, "showgrid": False}
    if len(names) > CROWD:
        axis["tickfont"] = {"size": 10}
    figure.update_xaxes(axis, side="top", range=[-0.5, edge], autotickangles=[0, -90])
    figure.update_yaxes(axis, range=[edge, -0.5])
    # The page turns the names above the columns when they touch, as on a phone, and then they need the room.
    head = 8 * longest if can_touch else 16
    figure.update_layout(height=row * len(names) + head + 84, margin={"t": 40, "b": 16})
    figure.add_shape(
        type="line",
        x0=-0.5,
        y0=-0.5,
        x1=edge,
        y1=edge,
        layer="below",
        line={"color": LINE, "width": 1, "dash": "dot"},
    )
