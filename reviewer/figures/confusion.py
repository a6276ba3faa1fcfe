"""Predicted against corrected labels as a heatmap."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from reviewer.figures.style import ACCENT, INK, LINE, draw_notice, order_naturally, show_text, start_figure
from reviewer.figures.words import WORDS

HEAT = {False: ("#e4eaff", "#6f89ef"), True: ("#28345f", ACCENT)}
"""Cell colours of the fewest and the most flags by `is_dark`; `INK` is legible on all between."""

MAX_LABELS = 60
CROWD = 16
"""With more labels than this, names and counts are set smaller and thousands become "1k"."""


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
    figure = start_figure(is_dark)
    figure.add_trace(_make_heatmap(matrix, words, is_dark))
    _lay_out_matrix(figure, [show_text(label, words) for label in labels])
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(title_text=words["figure.axis.corrected_label"])
    return figure


def _choose_labels(counts: pd.DataFrame) -> tuple[list[str], int]:
    """Return the labels to draw in natural order, and how many there are in all."""
    sides = pd.concat([counts.set_index(side)["flags"] for side in ("predicted_label", "corrected_label")])
    flags = sides.groupby(level=0).sum()
    labels = sorted(flags.index, key=order_naturally)
    most = sorted(labels, key=lambda label: -flags[label])[:MAX_LABELS]
    return sorted(most, key=order_naturally), len(labels)


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
