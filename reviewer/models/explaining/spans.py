"""Where the n-grams of a scikit-learn vectoriser stand in the text as it was written.

The rule: positions are those of the original text, counted in characters, whatever the vectoriser makes of
case, accents and white space; when its n-grams cannot be found again exactly, nothing is shown.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from reviewer.models.explaining.features import UnexplainedError

Span = tuple[int, int]
"""First character and the one behind the last."""

_LONGEST = 5000
"""Characters of a text whose n-grams are looked for; those of more take a tenth of a second and longer."""

_ONE_BY_ONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Letters of languages that put no space between words; each is a piece."""

_LETTER = rf"[^\W{_ONE_BY_ONE}]"

_PIECE = re.compile(rf"[{_ONE_BY_ONE}]|{_LETTER}+(?:[^\w\s]+{_LETTER}+)*|[^\w\s]+")


def find_pieces(text: str) -> list[Span]:
    """Return where the words stand, with signs inside them (`don't`), and runs of signs between them."""
    return [each.span() for each in _PIECE.finditer(text)]


def find_units(vectoriser: Any, text: str) -> dict[str, list[Span]]:
    """Return n-gram → the words it is made of, or its characters; one that occurs twice has them twice.

    White space is no unit. Raises `UnexplainedError` for a vectoriser with code of its own, and when the
    n-grams found are not the ones that the vectoriser finds itself.
    """
    lister = _LISTERS.get(vectoriser.analyzer) if isinstance(vectoriser.analyzer, str) else None
    has_own_code = callable(vectoriser.preprocessor) or callable(vectoriser.tokenizer)
    if lister is None or has_own_code or vectoriser.input != "content" or len(text) > _LONGEST:
        raise UnexplainedError
    prepared, places = _prepare(vectoriser, text)
    units: dict[str, list[Span]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for ngram, spans in lister(vectoriser, prepared):
        counts[ngram] += 1
        units[ngram] += [(places[start], places[end - 1] + 1) for start, end in spans if start < end]
    if counts != Counter(vectoriser.build_analyzer()(text)):
        raise UnexplainedError
    return units


def _prepare(vectoriser: Any, text: str) -> tuple[str, Sequence[int]]:
    """Return the text as the vectoriser cuts it up, and for each of its characters where it came from."""
    prepare = vectoriser.build_preprocessor()
    prepared = str(prepare(text))
    if text.isascii():
        return prepared, range(len(text))
    places = [place for place, letter in enumerate(text) for _ in prepare(letter)]
    if len(places) != len(prepared):
        raise UnexplainedError
    return prepared, places


def _list_words(vectoriser: Any, text: str) -> Iterator[tuple[str, list[Span]]]:
    pattern = re.compile(vectoriser.token_pattern)
    stop_words = vectoriser.get_stop_words() or ()
    found = [(each[pattern.groups], each.span(pattern.groups)) for each in pattern.finditer(text)]
    tokens = [each for each in found if each[0] not in stop_words]
    for words in _list_windows(vectoriser, tokens):
        yield " ".join(word for word, _ in words), [span for _, span in words]


def _list_characters(vectoriser: Any, text: str) -> Iterator[tuple[str, list[Span]]]:
    return map(_join, _list_windows(vectoriser, _fold_spaces(text)))


def _list_characters_in_words(vectoriser: Any, text: str) -> Iterator[tuple[str, list[Span]]]:
    """Yield the n-grams of each word with a space before and behind it; a short word counts once."""
    shortest, _ = vectoriser.ngram_range
    for word in re.finditer(r"\S+", text):
        letters = [(" ", 0), *((text[place], place) for place in range(*word.span())), (" ", 0)]
        yield from map(_join, _list_windows(vectoriser, letters))
        if len(letters) < shortest:
            yield _join(letters)


def _list_windows(vectoriser: Any, parts: Sequence[Any]) -> Iterator[Sequence[Any]]:
    shortest, longest = vectoriser.ngram_range
    for length in range(shortest, min(longest, len(parts)) + 1):
        for start in range(len(parts) - length + 1):
            yield parts[start : start + length]


def _fold_spaces(text: str) -> list[tuple[str, int]]:
    """Return the characters with their places, several white ones in a row as one space."""
    found = re.finditer(r"\s\s+|.", text, re.DOTALL)
    return [(each[0] if len(each[0]) == 1 else " ", each.start()) for each in found]


def _join(letters: Iterable[tuple[str, int]]) -> tuple[str, list[Span]]:
    letters = list(letters)
    spans = [(place, place + 1) for letter, place in letters if not letter.isspace()]
    return "".join(letter for letter, _ in letters), spans


_LISTERS: dict[str, Callable[[Any, str], Iterator[tuple[str, list[Span]]]]] = {
    "word": _list_words,
    "char": _list_characters,
    "char_wb": _list_characters_in_words,
}
"""Analyzer of a vectoriser → its n-grams with the spans of their words or characters."""


def gather_pieces(text: str, effects: Iterable[tuple[Span, float]]) -> dict[Span, float]:
    """Return piece of the text → the sum of the effects of the words and characters in it."""
    pieces = find_pieces(text)
    owners: list[int | None] = [None] * len(text)
    for number, (start, end) in enumerate(pieces):
        owners[start:end] = [number] * (end - start)
    sums: dict[Span, float] = defaultdict(float)
    for (start, end), effect in effects:
        [(owner, _)] = Counter(owners[start:end]).most_common(1)
        sums[(start, end) if owner is None else pieces[owner]] += effect
    return dict(sums)
