"""Inputs of one value: texts, numbers, choices, yes or no, days and times.

The rule: a value has one stored form, however it was written, and a value that would change on the way is
refused.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from numbers import Integral
from typing import Any

from reviewer.config import (
    CheckboxGroupSpec,
    CheckboxSpec,
    DateSpec,
    DropdownSpec,
    NumberSpec,
    SliderSpec,
    TextboxSpec,
)
from reviewer.errors import InputError
from reviewer.log.media import Keep, MediaStore
from reviewer.records import JsonValue, utc_now

_MAX_EXACT = 2**53
"""Up to here every whole number is a float of its own."""

_HARMLESS_CONTROLS = frozenset("\t\n\r")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?")

_FURTHEST_ZONE = timedelta(hours=14)
"""How far a local day can be ahead of UTC."""

WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
"""What a cell says for yes and no, in small letters."""


def show(value: Any) -> str:
    """Return a refused value in quotes, cut; one that cannot be written is named by its type."""
    try:
        return repr(str(value)[:80])
    except Exception:
        # A whole number of thousands of digits, or somebody else's class.
        return f"a value of the type {type(value).__name__}"


# Texts


def check_text(spec: TextboxSpec, value: Any, keep: Keep) -> str:
    """Return the text as it was typed; raises `InputError`."""
    if not isinstance(value, str):
        raise InputError(f"must be a text, not {type(value).__name__}.")
    if len(value) > spec.max_length:
        raise InputError(f"is {len(value):,} characters long; at most {spec.max_length:,} are taken.")
    return check_characters(value)


def are_plain_texts(spec: TextboxSpec, values: Sequence[Any]) -> bool:
    """Return whether `check_text` is sure to take each of the values, none of which is empty."""
    if not set(map(type, values)) <= {str} or max(map(len, values), default=0) > spec.max_length:
        return False
    try:
        "".join(values).encode()
    except UnicodeEncodeError:
        return False
    return all(values)


def check_characters(text: str) -> str:
    """Return the text; raises `InputError` when UTF-8 cannot write it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"holds half a character at position {error.start}, which UTF-8 cannot write; remove it."
        ) from None
    return text


def find_text_oddity(spec: TextboxSpec, stored: str, media: MediaStore) -> str:
    """Return what is odd about a text that is allowed, "" when nothing is."""
    if not stored.strip():
        return "holds nothing but spaces."
    if stored.isascii() and stored.isprintable():
        return ""
    for position, each in enumerate(stored, 1):
        if unicodedata.category(each) == "Cc" and each not in _HARMLESS_CONTROLS:
            return f"holds the invisible control character U+{ord(each):04X} at position {position:,}."
        if each == "\ufffd":
            return f"holds � at position {position:,}, the sign of a text read in a wrong encoding."
    return ""


# Numbers


def check_number(spec: NumberSpec | SliderSpec, value: Any, keep: Keep) -> float | int:
    """Return the number; a whole one without its `.0`, since forms and CSV files write it differently."""
    number = parse_number(value)
    low = -math.inf if spec.minimum is None else spec.minimum
    high = math.inf if spec.maximum is None else spec.maximum
    if not low <= number <= high:
        raise InputError(f"is {number:g}; it must be from {low:g} to {high:g}.")
    return number


def parse_number(value: Any) -> float | int:
    """Return a finite number, or the text of one, in its one form; raises `InputError`."""
    if isinstance(value, bool):
        raise InputError(f"is {value}; a number is needed.")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or (isinstance(value, str) and "_" in value):
        raise InputError(f"is {show(value)}; a number is needed.")
    if not math.isfinite(number):
        raise InputError(f"is {number}; a finite number is needed.")
    if abs(number) >= _MAX_EXACT and not _is_exact(value, number):
        raise InputError(
            f"is {str(value)[:80]}, which would be rounded; whole numbers are exact up to {_MAX_EXACT:,}."
        )
    return int(number) if number.is_integer() and abs(number) <= _MAX_EXACT else number


def _is_exact(value: Any, number: float) -> bool:
    """Whether a whole number written out in digits is still the same as a float."""
    try:
        return int(value) == int(number) if isinstance(value, (Integral, str)) else True
    except ValueError:
        return True  # not written out, such as 1e300


def read_number(spec: NumberSpec | SliderSpec, stored: JsonValue, media: MediaStore) -> float:
    """Return the number as the models take it."""
    return float(stored)


def find_number_oddity(spec: NumberSpec | SliderSpec, stored: float, media: MediaStore) -> str:
    """Return that the number is between two steps, "" when it is not."""
    if spec.step is None:
        return ""
    steps = (stored - (spec.minimum or 0)) / spec.step
    if abs(steps - round(steps)) <= 1e-9 * max(1, abs(steps)):
        return ""
    step = f"{spec.step:g} from {spec.minimum:g}" if spec.minimum else f"{spec.step:g}"
    return f"is {stored:g}, which is not a multiple of the step {step}."


# Choices


def check_choice(spec: DropdownSpec, value: Any, keep: Keep) -> str:
    """Return the choice; raises `InputError`."""
    if not isinstance(value, str) or value not in spec.choices:
        raise _refuse_choice(value, spec.choices)
    return value


def check_choices(spec: CheckboxGroupSpec, value: Any, keep: Keep) -> list[str]:
    """Return what was chosen in the order of the config, each choice once; raises `InputError`."""
    if not isinstance(value, (list, tuple)):
        raise InputError(f"is {show(value)}; a list of {', '.join(spec.choices[:20])} is needed.")
    for each in value:
        if not isinstance(each, str) or each not in spec.choices:
            raise _refuse_choice(each, spec.choices)
    return [each for each in spec.choices if each in value]


def _refuse_choice(value: Any, choices: Iterable[str]) -> InputError:
    return InputError(f"is {show(value)}; choose one of {', '.join(list(choices)[:20])}.")


def parse_choices(cell: str) -> Any:
    """Return what a cell chooses: a JSON list, or choices with semicolons between them."""
    try:
        chosen = json.loads(cell)
    except (ValueError, RecursionError):
        chosen = None
    return chosen if isinstance(chosen, list) else [each.strip() for each in cell.split(";")]


def check_yes_no(spec: CheckboxSpec, value: Any, keep: Keep) -> bool:
    """Return the answer; raises `InputError`."""
    if not isinstance(value, bool):
        raise InputError(f"is {show(value)}; true or false is needed.")
    return value


def parse_yes_no(cell: str) -> bool | str:
    """Return what a cell says, the cell itself when it is neither yes nor no."""
    return WORDS.get(cell.lower(), cell)


# Days and times


def check_date(spec: DateSpec, value: Any, keep: Keep) -> str:
    """Return the day as 2026-03-01, or with the time as 2026-03-01T12:30:00; raises `InputError`."""
    moment = _parse_moment(spec, value)
    if spec.earliest and moment.date() < spec.earliest:
        raise InputError(f"is {moment.date()}; it must not be before {spec.earliest}.")
    if spec.latest and moment.date() > spec.latest:
        raise InputError(f"is {moment.date()}; it must not be after {spec.latest}.")
    return moment.isoformat() if spec.include_time else moment.date().isoformat()


def _parse_moment(spec: DateSpec, value: Any) -> datetime:
    form, wanted = (_DAY_AND_TIME, "2026-03-01T12:30:00") if spec.include_time else (_DAY, "2026-03-01")
    try:
        text = _write_moment(value)
        if not form.fullmatch(text) and not (not spec.include_time and text.endswith("T00:00:00")):
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        what = "a day and time" if spec.include_time else "a day"
        raise InputError(f"is {show(value)}; {what} like {wanted} is needed.") from None


def _write_moment(value: Any) -> str:
    """Return a date or time as ISO 8601; a zone or parts of a second stay in it and are refused later."""
    if isinstance(value, str):
        return value
    return str(value.isoformat()) if isinstance(value, date) else ""


def read_date(spec: DateSpec, stored: str, media: MediaStore) -> date:
    """Return a `date`, or a `datetime` without zone when the config asks for the time."""
    moment = datetime.fromisoformat(stored)
    return moment if spec.include_time else moment.date()


def find_date_oddity(spec: DateSpec, stored: str, media: MediaStore) -> str:
    """Return that the day has not come yet anywhere, "" when it has."""
    today = (utc_now() + _FURTHEST_ZONE).date()
    return f"is {stored}, which is in the future." if date.fromisoformat(stored[:10]) > today else ""
