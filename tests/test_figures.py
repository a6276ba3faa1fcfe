"""Figures: what a person would read off them, taken from `fig.data`, axes and annotations."""

from __future__ import annotations

import json
from datetime import date, datetime
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from reviewer.figures import (
    FIGURES,
    WORDS,
    draw_confidence,
    draw_confusion,
    draw_flag_rate,
    draw_options_over_time,
    draw_residuals,
)
from reviewer.figures.confusion import HEAT, MAX_LABELS
from reviewer.figures.stacks import STACK_ORDER
from reviewer.figures.style import DAY_MS, INK, MARK, PALETTE, PAPER, draw_notice, show_text
from reviewer.records import FlagOption, Resolution

COLUMNS = {
    "options": ["day", "option", "flags"],
    "rate": ["day", "version", "predictions", "flagged"],
    "confusion": ["predicted_label", "corrected_label", "flags"],
    "confidence": ["resolution", "bin", "flags"],
    "residuals": ["predicted_value", "corrected_value"],
}

ROWS: dict[str, tuple[object, ...]] = {
    "options": (date(2025, 3, 1), "wrong_label", 2),
    "rate": (date(2025, 3, 1), "1", 40, 3),
    "confusion": ("billing", "refund", 2),
    "confidence": ("label_corrected", 0.5, 2),
    "residuals": (100.0, 120.0),
}

HOSTILE = [
    "<b>x",
    '<a href="//x">y</a>',
    "&lt;i&gt;",
    'it\'s "quoted"',
    "🔥 пожар",
    "%{x}",
    "$x^2$",
    "two\nlines",
]


def make_frame(name: str, *rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=COLUMNS[name])


def read_fill(trace: go.Bar) -> tuple[str, str]:
    return trace.marker.color, trace.marker.pattern.shape


def read_cells(figure: go.Figure) -> dict[tuple[str, str], int]:
    """Return (predicted, corrected) → count, by the names on the axes."""
    columns, rows = figure.layout.xaxis.ticktext, figure.layout.yaxis.ticktext
    return {
        (columns[x], rows[y]): count
        for y, line in enumerate(figure.data[0].z)
        for x, count in enumerate(line)
        if count is not None
    }


def find_nan(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(find_nan, value.values()))
    if isinstance(value, list):
        return any(map(find_nan, value))
    return isinstance(value, float) and not np.isfinite(value)


# Every figure


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("is_dark", [False, True])
def test_a_frame_without_rows_is_said_in_words_without_axes(name: str, is_dark: bool) -> None:
    figure = FIGURES[name](make_frame(name), is_dark=is_dark)
    assert len(figure.data) == 0
    (notice,) = figure.layout.annotations
    assert notice.text.replace("<br>", " ") == WORDS[f"figure.{name}.empty"]
    assert (notice.x, notice.y, notice.xref, notice.yref) == (0.5, 0.5, "paper", "paper")
    assert figure.layout.xaxis.visible is False
    assert figure.layout.yaxis.visible is False


@pytest.mark.parametrize("name", FIGURES)
def test_rows_without_a_place_are_an_empty_figure(name: str) -> None:
    nowhere = make_frame(name, (None,) * len(COLUMNS[name])).assign(flags=3)
    assert len(FIGURES[name](nowhere).data) == 0


@pytest.mark.parametrize("name", ["options", "confusion", "confidence"])
def test_rows_that_count_no_flag_are_an_empty_figure(name: str) -> None:
    none_counted = make_frame(name, ROWS[name]).assign(flags=0)
    assert len(FIGURES[name](none_counted).data) == 0


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_leaves_its_frame_as_it_was(name: str) -> None:
    frame = make_frame(name, ROWS[name])
    before = frame.copy(deep=True)
    FIGURES[name](frame)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("is_dark", [False, True])
def test_a_figure_is_transparent_and_its_text_suits_the_page(name: str, is_dark: bool) -> None:
    for frame in (make_frame(name), make_frame(name, ROWS[name])):
        figure = FIGURES[name](frame, is_dark=is_dark)
        look = figure.layout.template.layout
        assert look.paper_bgcolor == look.plot_bgcolor == "rgba(0, 0, 0, 0)"
        assert look.font.color == INK[is_dark]


@pytest.mark.parametrize("name", FIGURES)
def test_every_word_of_a_figure_comes_from_the_words(name: str) -> None:
    words = {key: f"«{key}» {{shown}}/{{total}}" for key in WORDS}
    figure = FIGURES[name](make_frame(name, ROWS[name]), words=words)
    assert figure.layout.xaxis.title.text.startswith("«figure.axis.")
    assert figure.layout.yaxis.title.text.startswith("«figure.axis.")
    assert all(trace.name.startswith("«") for trace in figure.data if trace.name)
    drawn = figure.to_json()
    assert not [key for key in WORDS if WORDS[key] in drawn and " " in WORDS[key]]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_json_without_nan(name: str) -> None:
    assert not find_nan(json.loads(FIGURES[name](make_frame(name, ROWS[name])).to_json()))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_heading_and_an_empty_sentence(name: str) -> None:
    assert WORDS[f"figure.{name}.title"]
    assert WORDS[f"figure.{name}.empty"].endswith(".")


@pytest.mark.parametrize(("column", "values"), [("option", FlagOption), ("resolution", Resolution)])
def test_every_known_value_has_a_place_and_a_name(
    column: str, values: type[FlagOption] | type[Resolution]
) -> None:
    known = [str(each) for each in values]
    assert sorted({*STACK_ORDER[column], "none"}) == sorted([*known, "none"])
    assert {f"{column}.{each}" for each in [*known, "none"]} <= WORDS.keys()


# Texts of other people


@pytest.mark.parametrize("text", HOSTILE)
def test_an_option_is_shown_as_it_was_typed(text: str) -> None:
    (trace,) = draw_options_over_time(make_frame("options", (date(2025, 3, 1), text, 1))).data
    assert "<" not in trace.name
    assert decode_as_plotly(trace.name) == " ".join(text.split())
    assert text not in trace.hovertemplate


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_is_shown_as_it_was_typed(text: str) -> None:
    figure = draw_confusion(make_frame("confusion", (text, "plain", 1)))
    tick = next(each for each in figure.layout.xaxis.ticktext if each != "plain")
    (hover,) = [each for line in figure.data[0].hovertext for each in line if each]
    assert "<" not in tick
    assert decode_as_plotly(hover.split("<br>")[0]) == f"Predicted label: {' '.join(text.split())}"
    assert len(hover.split("<")) == 3
    assert figure.data[0].texttemplate == "%{text}"
    assert figure.data[0].hovertemplate is None


def decode_as_plotly(text: str) -> str:
    """Return what Plotly draws for a text without tags; it knows few entities, `&quot;` not."""
    known = {"&lt;": "<", "&gt;": ">", "&#36;": "$"}
    for entity, sign in known.items():
        text = text.replace(entity, sign)
    return text.replace("&amp;", "&")


def test_a_dollar_never_reaches_plotly_as_tex() -> None:
    assert "$" not in show_text("$x^2$", WORDS)


def test_a_display_name_is_escaped_too() -> None:
    words = {**WORDS, "option.odd": "<b>Odd</b>"}
    frame = make_frame("options", (date(2025, 3, 1), "odd", 1))
    (trace,) = draw_options_over_time(frame, words=words).data
    assert trace.name == "&lt;b&gt;Odd&lt;/b&gt;"


def test_a_notice_is_escaped_and_wrapped() -> None:
    (notice,) = draw_notice("No <b>flags</b> & nothing " + "else " * 20).layout.annotations
    assert notice.text.startswith("No &lt;b&gt;flags&lt;/b&gt; &amp; nothing")
    assert max(map(len, notice.text.split("<br>"))) < 70


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    text = show_text("customer asks about the invoice of March", WORDS)
    assert text == "customer asks a…of March"
    assert len(text) == 24


def test_a_text_is_cut_before_it_is_escaped() -> None:
    assert show_text("<" * 30, WORDS, 4) == "&lt;&lt;…&lt;"


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_a_blank_text_is_named(text: str) -> None:
    assert show_text(text, WORDS) == "(blank)"


# Options over time


def test_bars_stack_the_flags_of_a_day_in_a_fixed_order() -> None:
    first, second = date(2025, 3, 1), date(2025, 3, 3)
    figure = draw_options_over_time(
        make_frame(
            "options",
            (second, "other", 4),
            (first, "zebra", 5),
            (second, "wrong_label", 3),
            (first, "wrong_label", 2),
            (first, "ant", 1),
        )
    )
    assert figure.layout.barmode == "stack"
    assert [trace.name for trace in figure.data] == ["Wrong label", "Other", "ant", "zebra"]
    assert list(figure.data[0].x) == ["2025-03-01", "2025-03-03"]
    assert list(figure.data[0].y) == [2, 3]
    assert list(figure.data[1].x) == ["2025-03-03"]
    assert list(figure.data[1].y) == [4]


def test_the_order_of_rows_does_not_change_the_figure() -> None:
    frame = make_frame(
        "options",
        *[(date(2025, 3, day), option, day) for day in (1, 2, 3) for option in ("bias", "b", "a")],
    )
    assert draw_options_over_time(frame) == draw_options_over_time(frame.iloc[::-1])


def test_a_colour_stays_when_other_options_disappear() -> None:
    options = [*FlagOption, "mine", "<b>yours"]
    rows = {option: (date(2025, 3, 1), str(option), 1) for option in options}
    together = draw_options_over_time(make_frame("options", *rows.values()))
    fills = {trace.name: read_fill(trace) for trace in together.data}
    assert len(fills) == len(options)
    for row in rows.values():
        (alone,) = draw_options_over_time(make_frame("options", row)).data
        assert read_fill(alone) == fills[alone.name]


def test_the_colour_of_an_option_of_a_config_is_the_same_in_every_run() -> None:
    (trace,) = draw_options_over_time(make_frame("options", (date(2025, 3, 1), "mine", 1))).data
    assert read_fill(trace) == ("#96351d", ".")


@pytest.mark.parametrize("column", STACK_ORDER)
def test_no_two_known_values_look_the_same(column: str) -> None:
    known = STACK_ORDER[column]
    if column == "option":
        rows = [(date(2025, 3, 1), str(value), 1) for value in known]
        figure = draw_options_over_time(make_frame("options", *rows))
    else:
        figure = draw_confidence(make_frame("confidence", *[(str(v), 0.5, 1) for v in known]))
    assert len({read_fill(trace) for trace in figure.data}) == len(known)


def test_an_option_of_a_config_never_looks_like_a_known_one() -> None:
    rows = [(date(2025, 3, 1), option, 1) for option in [*FlagOption, *map(str, range(200))]]
    figure = draw_options_over_time(make_frame("options", *rows))
    fills = [read_fill(trace) for trace in figure.data]
    assert not set(fills[: len(FlagOption)]) & set(fills[len(FlagOption) :])


@pytest.mark.parametrize("missing", [None, "", np.nan])
def test_a_flag_without_option_is_counted_and_named(missing: object) -> None:
    frame = make_frame("options", (date(2025, 3, 1), missing, 2), (date(2025, 3, 1), "bias", 1))
    names = [trace.name for trace in draw_options_over_time(frame).data]
    assert names == ["Bias", "No option"]


@pytest.mark.parametrize(
    "day",
    [
        date(2025, 3, 1),
        datetime(2025, 3, 1, 23, 59),  # noqa: DTZ001 - times are naive UTC in the index
        pd.Timestamp("2025-03-01 23:59", tz="UTC"),
        np.datetime64("2025-03-01"),
        "2025-03-01",
    ],
)
def test_a_day_may_be_a_date_or_a_time(day: object) -> None:
    (trace,) = draw_options_over_time(make_frame("options", (day, "bias", 2))).data
    assert list(trace.x) == ["2025-03-01"]


def test_times_of_one_day_are_one_bar() -> None:
    times = [pd.Timestamp("2025-03-01 01:00"), pd.Timestamp("2025-03-01 02:00")]
    figure = draw_options_over_time(make_frame("options", *[(each, "bias", 2) for each in times]))
    assert list(figure.data[0].y) == [4]


def test_a_row_without_day_is_left_out() -> None:
    frame = make_frame("options", (pd.NaT, "bias", 2), (pd.Timestamp("2025-03-01"), "bias", 1))
    assert list(draw_options_over_time(frame).data[0].y) == [1]


@pytest.mark.parametrize("count", [1, 2, 7, 40, 400])
def test_all_days_are_in_sight_and_ticks_fall_on_whole_days(count: int) -> None:
    days = pd.date_range("2025-03-01", periods=count)
    figure = draw_options_over_time(make_frame("options", *[(day, "bias", 1) for day in days]))
    axis = figure.layout.xaxis
    left, right = map(pd.Timestamp, axis.range)
    assert left < days[0]
    assert right > days[-1]
    assert right - left >= pd.Timedelta(days=7)
    assert axis.dtick % DAY_MS == 0
    assert 1 <= count * DAY_MS / axis.dtick <= 8


def test_few_flags_get_no_ticks_between_whole_numbers() -> None:
    few = draw_options_over_time(make_frame("options", (date(2025, 3, 1), "bias", 2)))
    many = draw_options_over_time(make_frame("options", (date(2025, 3, 1), "bias", 2_000)))
    assert few.layout.yaxis.dtick == 1
    assert many.layout.yaxis.dtick is None


# Confusion


def test_a_cell_counts_a_pair_of_labels() -> None:
    figure = draw_confusion(
        make_frame(
            "confusion",
            ("billing", "refund", 3),
            ("refund", "billing", 1),
            ("billing", "refund", 2),
            ("login", "login", 7),
        )
    )
    assert read_cells(figure) == {
        ("billing", "refund"): 5,
        ("refund", "billing"): 1,
        ("login", "login"): 7,
    }
    assert figure.layout.xaxis.title.text == "Predicted label"
    assert figure.layout.yaxis.title.text == "Corrected label"


def test_both_axes_carry_the_same_labels_in_natural_order() -> None:
    frame = make_frame("confusion", ("10", "9", 1), ("2", "007", 1), ("B", "a", 1))
    layout = draw_confusion(frame).layout
    assert list(layout.xaxis.ticktext) == ["2", "007", "9", "10", "a", "B"]
    assert layout.xaxis.ticktext == layout.yaxis.ticktext
    assert layout.xaxis.tickvals == layout.yaxis.tickvals == (0, 1, 2, 3, 4, 5)


def test_the_diagonal_runs_from_the_upper_left() -> None:
    figure = draw_confusion(make_frame("confusion", ("a", "a", 1), ("b", "b", 2)))
    assert [list(line) for line in figure.data[0].z] == [[1, None], [None, 2]]
    assert figure.layout.xaxis.range == (-0.5, 1.5)
    assert figure.layout.yaxis.range == (1.5, -0.5)
    (line,) = figure.layout.shapes
    assert (line.x0, line.y0, line.x1, line.y1) == (-0.5, -0.5, 1.5, 1.5)


def test_labels_that_look_alike_when_shortened_stay_apart() -> None:
    labels = [f"customer asks about the {what} of the last month" for what in ("bill", "plan")]
    figure = draw_confusion(make_frame("confusion", (labels[0], labels[1], 1)))
    assert [list(line) for line in figure.data[0].z] == [[None, None], [1, None]]
    assert figure.data[0].hovertext[1][0] == (
        f"Predicted label: {labels[0]}<br>Corrected label: {labels[1]}<br>Flags: 1"
    )


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_pair_without_one_of_its_labels_is_left_out(missing: object) -> None:
    frame = make_frame("confusion", ("a", missing, 2), (missing, "b", 3), ("c", "d", 4))
    assert read_cells(draw_confusion(frame)) == {("c", "d"): 4}


def test_words_that_mean_missing_elsewhere_are_labels() -> None:
    figure = draw_confusion(make_frame("confusion", ("None", "nan", 1), ("NA", "", 2)))
    assert read_cells(figure) == {("None", "nan"): 1, ("NA", "(blank)"): 2}


def test_labels_may_be_numbers() -> None:
    assert read_cells(draw_confusion(make_frame("confusion", (3, 8, 2)))) == {("3", "8"): 2}


def test_a_label_of_thousands_of_digits_is_sorted_like_any_other() -> None:
    figure = draw_confusion(make_frame("confusion", ("9" * 6_000, "1", 1)))
    assert figure.layout.xaxis.ticktext[0] == "1"


def test_counts_are_written_into_the_cells() -> None:
    figure = draw_confusion(make_frame("confusion", ("a", "b", 1_234), ("b", "b", 2)))
    assert [list(line) for line in figure.data[0].text] == [["", ""], ["1234", "2"]]


def test_a_crowd_of_labels_shortens_thousands_but_not_their_hover_text() -> None:
    diagonal = [(f"label {each}", f"label {each}", 5) for each in range(60)]
    figure = draw_confusion(
        make_frame(
            "confusion",
            ("label 0", "label 1", 999),
            ("label 0", "label 2", 1_999),
            ("label 0", "label 3", 4_200_000),
            *diagonal,
        )
    )
    heat = figure.data[0]
    assert [line[0] for line in heat.text][:4] == ["5", "999", "1k", "4M"]
    assert heat.hovertext[2][0].endswith("Flags: 1,999")


@pytest.mark.parametrize("count", [2, 10, 30, 60])
def test_every_label_has_a_readable_row(count: int) -> None:
    labels = [f"a label with a rather long name {each}" for each in range(count)]
    layout = draw_confusion(make_frame("confusion", *[(e, e, 1) for e in labels])).layout
    assert len(layout.yaxis.ticktext) == count
    assert layout.height >= 20 * count
    assert layout.template.layout.yaxis.automargin


def test_labels_that_can_touch_may_stand_upright_and_have_room_above_the_cells() -> None:
    short = draw_confusion(make_frame("confusion", ("a", "b", 1), ("c", "d", 1))).layout
    names = [f"a label with a rather long name {each}" for each in "abcd"]
    long = draw_confusion(make_frame("confusion", (*names[:2], 1), (*names[2:], 1))).layout
    assert {each.xaxis.autotickangles for each in (short, long)} == {(0, -90)}
    assert (short.xaxis.tickangle, long.xaxis.tickangle) == (None, None)
    assert long.height >= short.height + 24 * 7


def test_too_many_labels_leave_those_with_the_most_flags_and_say_so() -> None:
    rows = [(f"label {each}", f"label {each}", 1 + (each >= 40)) for each in range(100)]
    layout = draw_confusion(make_frame("confusion", *rows)).layout
    assert list(layout.xaxis.ticktext) == [f"label {each}" for each in range(40, 100)]
    assert layout.xaxis.title.text == (f"Predicted label<br>the {MAX_LABELS} most flagged of 100 labels")


# Confidence


def test_a_bar_counts_the_flags_of_a_bin_by_resolution() -> None:
    figure = draw_confidence(
        make_frame(
            "confidence",
            (None, 0.95, 3),
            ("label_corrected", 0.95, 2),
            ("label_corrected", 0.0, 1),
            ("label_corrected", 0.95, 2),
        )
    )
    corrected, still_open = figure.data
    assert (corrected.name, still_open.name) == ("Label corrected", "Not resolved yet")
    assert list(corrected.x) == pytest.approx([0.025, 0.975])
    assert list(corrected.y) == [1, 4]
    assert list(corrected.customdata) == ["0.00–0.05", "0.95–1.00"]
    assert list(still_open.y) == [3]
    assert list(figure.layout.xaxis.range) == [0, 1]


def test_full_confidence_is_counted_in_the_last_bin() -> None:
    (trace,) = draw_confidence(make_frame("confidence", (None, 1.0, 2), (None, 0.95, 1))).data
    assert list(trace.y) == [3]
    assert list(trace.customdata) == ["0.95–1.00"]


def test_an_edge_that_is_a_hair_off_falls_into_its_bin() -> None:
    frame = make_frame("confidence", (None, 0.1 + 0.05, 1), ("bad_input", 0.15, 1))
    one, other = draw_confidence(frame).data
    assert list(one.x) == list(other.x)


def test_a_flag_without_confidence_is_left_out() -> None:
    (trace,) = draw_confidence(make_frame("confidence", (None, None, 9), (None, 0.5, 1))).data
    assert list(trace.y) == [1]


def test_an_unknown_resolution_is_shown_as_it_is() -> None:
    (trace,) = draw_confidence(make_frame("confidence", ("<i>new", 0.5, 1))).data
    assert trace.name == "&lt;i&gt;new"


# Residuals


def test_a_point_shows_corrected_minus_predicted_over_predicted() -> None:
    figure = draw_residuals(make_frame("residuals", (100.0, 120.0), (50.0, 20.0)))
    (points,) = figure.data
    assert list(points.x) == [100.0, 50.0]
    assert list(points.y) == [20.0, -30.0]
    assert list(points.customdata) == [120.0, 20.0]
    assert "%{x" in points.hovertemplate
    assert "%{customdata" in points.hovertemplate


def test_the_zero_line_is_in_sight_even_when_all_residuals_are_positive() -> None:
    axis = draw_residuals(make_frame("residuals", (1.0, 2.0), (2.0, 4.0))).layout.yaxis
    assert axis.zeroline
    assert axis.rangemode == "tozero"


@pytest.mark.parametrize("missing", [None, np.nan, np.inf, -np.inf])
def test_a_point_without_a_finite_value_is_left_out(missing: object) -> None:
    frame = make_frame("residuals", (1.0, missing), (missing, 2.0), (3.0, 5.0))
    (points,) = draw_residuals(frame).data
    assert list(points.x) == [3.0]


def test_whole_numbers_and_nullable_columns_are_values() -> None:
    frame = make_frame("residuals", (1, None), (3, 5)).astype("Int64")
    assert list(draw_residuals(frame).data[0].y) == [2.0]


# Colours


def read_rgb(colour: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return linear red, green and blue, 0 to 1 (IEC 61966-2-1)."""
    value = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def measure_contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2, 1 to 21."""
    light = sorted(float(read_rgb(each) @ [0.2126, 0.7152, 0.0722]) + 0.05 for each in (one, other))
    return light[1] / light[0]


@pytest.mark.parametrize("is_dark", [False, True])
def test_text_has_contrast_on_the_page_and_on_every_cell(is_dark: bool) -> None:
    for ground in (PAPER[is_dark], *HEAT[is_dark]):
        assert measure_contrast(INK[is_dark], ground) >= 4.5


@pytest.mark.parametrize("is_dark", [False, True])
def test_points_and_bars_stand_out_from_the_page(is_dark: bool) -> None:
    assert measure_contrast(MARK[is_dark], PAPER[is_dark]) >= 3
    assert min(measure_contrast(each, PAPER[is_dark]) for each in PALETTE) >= 2


# Linear RGB as people without one kind of cone see it (Machado, Oliveira, Fernandes 2009).
SIGHT = {
    "full": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def read_oklab(rgb: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, Any]:
    """Return the OKLab coordinates of linear RGB (Ottosson 2020)."""
    cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    axes = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    seen: np.ndarray[Any, Any] = np.array(axes) @ np.cbrt(np.array(cones) @ rgb.clip(0, None))
    return seen


@pytest.mark.parametrize("sight", SIGHT)
def test_the_colours_of_the_palette_stay_apart(sight: str) -> None:
    seen = [read_oklab(np.array(SIGHT[sight]) @ read_rgb(colour)) for colour in PALETTE]
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 0.1


# Share of predictions that people flagged


def test_the_share_flagged_is_a_line_per_version_in_the_order_of_the_days() -> None:
    rows = [(date(2025, 3, 2), "10", 50, 5), (date(2025, 3, 1), "10", 10, 0), (date(2025, 3, 1), "2", 4, 1)]
    figure = draw_flag_rate(make_frame("rate", *rows))
    assert [each.name for each in figure.data] == ["Version 2", "Version 10"]
    assert [list(each.x) for each in figure.data] == [["2025-03-01"], ["2025-03-01", "2025-03-02"]]
    assert [list(each.y) for each in figure.data] == [[25.0], [0.0, 10.0]]
    assert list(figure.data[1].customdata) == [10, 50]


def test_days_without_a_prediction_have_no_share() -> None:
    rows = [(date(2025, 3, 1), "1", 0, 0), (date(2025, 3, 2), "1", 2, 1)]
    (line,) = draw_flag_rate(make_frame("rate", *rows)).data
    assert (list(line.x), list(line.y)) == (["2025-03-02"], [50.0])
