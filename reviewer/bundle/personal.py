"""Personal data in texts: e-mail addresses, phone, card and ID numbers, names of the users.

The rule: a number counts only when its check digits or its grouping say so, since order numbers are numbers
too. What is found is counted and shown; whether it is redacted, dropped or allowed, a person says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from reviewer.log.columns import encode_json
from reviewer.records import JsonValue

_CANDIDATE = r"@|[0-9][0-9 ().\-]{6,}[0-9]|[A-Z]{2}[0-9]{2}[ ]?[A-Z0-9]{4}"
"""What a text must hold to be looked at, as RE2 knows it too; names come on top."""

_SHORTEST_NAME = 4
"""Characters of a user's name that is looked for: `bo` and `ann` are in too many words."""

_COMMON = frozenset({"demo", "admin", "root", "user", "test", "tester", "reviewer", "guest"})

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+")
_DIGITS = re.compile(r"(?<![0-9])(?:[0-9][ -]?){14,15}[0-9](?![0-9])")
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_SSN = re.compile(r"(?<![0-9-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![0-9-])")
_SNILS = re.compile(r"(?<![0-9-])[0-9]{3}-[0-9]{3}-[0-9]{3}[ -][0-9]{2}(?![0-9-])")


class Span(NamedTuple):
    """Personal data in a text."""

    kind: str
    """email, phone, card, id or name."""
    start: int
    end: int


class Checked(NamedTuple):
    """What a text holds of personal data."""

    kinds: tuple[str, ...]
    """Sorted, none when it holds none."""
    redacted: str
    """The text without it."""


def build_name_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds the users' names in a text, None when there is no name worth looking for."""
    joined = _join_names(names)
    # No \b: a name may begin or end with a sign that is no letter.
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.IGNORECASE) if joined else None


def build_candidate(names: Iterable[str]) -> str:
    """Return the pattern, as RE2 knows it, of texts that may hold personal data: it has no look-around."""
    joined = _join_names(names)
    return f"{_CANDIDATE}|(?i:{joined})" if joined else _CANDIDATE


def _join_names(names: Iterable[str]) -> str:
    chosen = {each.strip() for each in names if len(each.strip()) >= _SHORTEST_NAME} - _COMMON
    return "|".join(map(re.escape, sorted(chosen, key=lambda each: (-len(each), each))))


def check_text(text: str, names: re.Pattern[str] | None) -> Checked:
    """Return the kinds of personal data in a text, and the text without it."""
    spans = find_personal(text, names)
    return Checked(tuple(sorted({each.kind for each in spans})), redact(text, spans))


def check_values(text: str, names: re.Pattern[str] | None) -> Checked:
    """Return the same for the texts and numbers inside of JSON; a number that is personal becomes null."""
    try:
        value = json.loads(text) if text.startswith(("{", "[")) else None
    except ValueError:
        value = None
    if value is None:
        return check_text(text, names)
    kinds: set[str] = set()
    redacted = encode_json(_redact_values(value, names, kinds))
    return Checked(tuple(sorted(kinds)), redacted)


def _redact_values(value: JsonValue, names: re.Pattern[str] | None, kinds: set[str]) -> JsonValue:
    if isinstance(value, dict):
        return {key: _redact_values(each, names, kinds) for key, each in value.items()}
    if isinstance(value, list):
        return [_redact_values(each, names, kinds) for each in value]
    if value is None or isinstance(value, bool):
        return value
    found = check_text(str(value), names)
    kinds.update(found.kinds)
    if isinstance(value, str):
        return found.redacted
    return None if found.kinds else value


def find_personal(text: str, names: re.Pattern[str] | None = None) -> list[Span]:
    """Return the personal data in a text, from its start to its end, none overlapping another."""
    found = [
        *_match("email", _EMAIL, text, lambda each: True),
        *_match("card", _DIGITS, text, _is_card),
        *_match("id", _IBAN, text, _is_iban),
        *_match("id", _SSN, text, _is_ssn),
        *_match("id", _SNILS, text, _is_snils),
        *_find_phones(text),
    ]
    if names:
        found += _match("name", names, text, lambda each: True)
    return _drop_overlaps(found)


def redact(text: str, spans: Sequence[Span]) -> str:
    """Return the text with each span replaced by its kind in brackets."""
    parts, end = [], 0
    for span in spans:
        parts += [text[end : span.start], f"[{span.kind}]"]
        end = span.end
    return "".join([*parts, text[end:]])


def _match(kind: str, pattern: re.Pattern[str], text: str, is_valid: Callable[[str], bool]) -> Iterator[Span]:
    return (Span(kind, *each.span()) for each in pattern.finditer(text) if is_valid(each[0]))


def _drop_overlaps(found: Sequence[Span]) -> list[Span]:
    """Keep of two that overlap the one that was looked for first."""
    kept: list[Span] = []
    for span in found:
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda each: each.start)


def _find_phones(text: str) -> Iterator[Span]:
    """Yield phone numbers: international ones, and those grouped as in North America and in Russia."""
    import phonenumbers
    from phonenumbers import Leniency

    for region, leniency in (
        (None, Leniency.VALID),
        ("US", Leniency.STRICT_GROUPING),
        ("RU", Leniency.STRICT_GROUPING),
    ):
        for each in phonenumbers.PhoneNumberMatcher(text, region, leniency):
            if not each.raw_string.isdigit():
                yield Span("phone", each.start, each.end)


def _is_card(text: str) -> bool:
    from stdnum import luhn

    digits = re.sub("[ -]", "", text)
    return digits[0] in "23456" and luhn.is_valid(digits)


def _is_iban(text: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(text))


def _is_ssn(text: str) -> bool:
    from stdnum.us import ssn

    return bool(ssn.is_valid(text))


def _is_snils(text: str) -> bool:
    digits = [int(each) for each in text if each.isdigit()]
    total = sum(digit * weight for digit, weight in zip(digits[:9], range(9, 0, -1), strict=True))
    return total % 101 % 100 == digits[9] * 10 + digits[10]
