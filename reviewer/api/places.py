"""Tokens of the API: up to where the logs were read, as one text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reviewer.errors import InputError

_TOKEN = re.compile(r"\d{1,15}\.\d{1,15}\.\d{1,15}")


def write_token(place: Iterable[int]) -> str:
    """Return the token of a place, three counts of rows."""
    return ".".join(map(str, place))


def read_token(text: str, field: str) -> tuple[int, int, int]:
    """Return the three counts of a token; raises `InputError`, which names the field that it was given in."""
    if not _TOKEN.fullmatch(text):
        raise InputError(f"The token {text[:40]!r} is none of ours; take the one of the last answer.", field)
    first, second, third = map(int, text.split("."))
    return first, second, third
