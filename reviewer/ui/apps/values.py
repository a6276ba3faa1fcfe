"""What a browser sends of a component, read into its stored form; `wire.py` says which function reads which.

The rule: a text is stored as it was typed. A function takes (what was sent, keep) and raises `InputError` or
`ModelError`, with the end of a sentence, for what has no stored form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reviewer.config import DateSpec
from reviewer.errors import InputError, ModelError
from reviewer.log.columns import encode_json
from reviewer.log.media import Keep
from reviewer.models.outputs import OUTPUTS
from reviewer.models.scalars import check_date, parse_number
from reviewer.records import JsonValue
from reviewer.ui.apps.uploads import copy_value


def read_text(value: Any, keep: Keep) -> str:
    """Return the text; what is no text becomes one as JSON."""
    return value if isinstance(value, str) else encode_json(copy_value(value, keep))


def read_typed_text(value: Any, keep: Keep) -> str | None:
    """Return the text of an input, None for an empty one."""
    return read_text(value, keep) or None


def read_number(value: Any, keep: Keep) -> float | int:
    """Return the number of an input in its one form."""
    return parse_number(value)


def read_yes_no(value: Any, keep: Keep) -> bool:
    """Return whether the box is ticked."""
    if not isinstance(value, bool):
        raise InputError(f"is {str(value)[:80]!r}; true or false is needed.")
    return value


def read_choice(value: Any, keep: Keep) -> str | None:
    """Return the value of the choice as a text, None for none; an app may have added choices since."""
    if not isinstance(value, (str, int, float)):
        raise InputError(f"is {str(value)[:80]!r}; one of the choices is needed.")
    return str(value) or None


def read_choices(choices: Sequence[str], value: Any, keep: Keep) -> list[str]:
    """Return what was chosen in the order of the choices, and behind them what the app has added since."""
    if not isinstance(value, list):
        raise InputError(f"is {str(value)[:80]!r}; a list of choices is needed.")
    chosen = dict.fromkeys(str(each) for each in value)
    return [each for each in choices if each in chosen] + [each for each in chosen if each not in choices]


def read_date(value: Any, keep: Keep) -> JsonValue:
    """Return the day, or the day and time when the text is longer than a day's; None for an empty field."""
    if value == "":
        return None
    has_time = isinstance(value, str) and len(value) > len("2026-03-01")
    return check_date(DateSpec(component="date", include_time=has_time), value, keep)


def read_table(value: Any, keep: Keep) -> JsonValue:
    """Return columns and rows as they are in the grid, None for one that nobody filled in."""
    headers, rows = _split_table(value)
    while rows and all(cell is None or cell == "" for cell in rows[-1]):
        rows.pop()
    columns = [str(each) for each in headers]
    return {"columns": columns, "rows": [copy_value(row, None) for row in rows]} if rows else None


def _split_table(value: Any) -> tuple[list[Any], list[list[Any]]]:
    headers, rows = (value.get("headers"), value.get("data")) if isinstance(value, Mapping) else (None, None)
    if not isinstance(headers, list) or not isinstance(rows, list):
        raise InputError("is no table.")
    if any(not isinstance(row, list) or len(row) != len(headers) for row in rows if row != []):
        raise InputError(f"is no table: a row has not the {len(headers)} cells of its columns.")
    return headers, [row for row in rows if row]


def read_label(value: Any, keep: Keep) -> JsonValue:
    """Return label → probability, or the label alone; None when there is none."""
    if not isinstance(value, Mapping) or (value.get("label") is None and not value.get("confidences")):
        return None
    return OUTPUTS["label"](value.get("confidences") or value["label"], keep)


def read_bare_label(value: Any) -> str | None:
    """Return the label without its scores, in characters that any log can hold; None when there is none."""
    label = value.get("label") if isinstance(value, Mapping) else None
    if not isinstance(label, (str, int, float)):
        return None
    return str(label).replace("\0", "\\0").encode(errors="backslashreplace").decode()


def read_highlights(value: Any, keep: Keep) -> JsonValue:
    """Return pairs of a piece of text and its mark."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise ModelError("what is no highlighted text.")
    pairs = [[each.get("token"), each.get("class_or_confidence")] for each in value]
    return OUTPUTS["highlighted_text"](pairs, keep)


def read_plot(value: Any, keep: Keep) -> JsonValue:
    """Return a Plotly figure, or the picture that Gradio made of a Matplotlib one."""
    kind, plot = (value.get("type"), value.get("plot")) if isinstance(value, Mapping) else (None, None)
    if kind == "matplotlib":
        return OUTPUTS["image"](plot, keep)
    if kind != "plotly" or not isinstance(plot, str):
        raise ModelError(f"a plot of the kind {str(kind)[:80]!r}; Plotly and Matplotlib ones are kept.")
    try:
        return OUTPUTS["plot"](json.loads(plot), keep)
    except (ValueError, RecursionError):
        raise ModelError("a Plotly figure that is not JSON.") from None


def read_json(value: Any, keep: Keep) -> JsonValue:
    """Return the value as it is; what looks like a file in it is a person's own JSON."""
    return copy_value(value, None)
