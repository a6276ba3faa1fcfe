"""Near duplicates of texts: the same words in the same order, but for slips and words of little weight.

The rule: `is_same` decides, `band` only proposes. What differs in case, punctuation, greetings, or in
numbers beside enough words, is the same text; what differs in a negation is not, nor is a text with another
word in place of one, or with the same words in another order.
"""

from __future__ import annotations

import heapq
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from reviewer.similar.hashing import BANDS, Hashes, digest, draw, fold, mix
from reviewer.similar.words import FILLERS, LIGHT, TURNING

_MOST_CHARACTERS = 20_000
"""Of a longer text, what follows must be equal."""
_FEWEST_WORDS = 3
"""Texts of fewer words must be equal, and their numbers too."""
_WORDS_A_POINT = 4
_MOST_POINTS = 12

_SHINGLE = 4
"""Characters that are hashed together."""
_ROWS = 4
"""Smallest hashes a band is made of. Of pairs with 70 % of their shingles in common 99.8 % are proposed, of
those with 20 % 4 %, of those with 5 % 0.02 %."""

_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    rf"[^\W\d_{_CJK}]*\d+(?:[.,:/]?[^\W_{_CJK}]*\d+)*[^\W\d_{_CJK}]*"  # a number, an amount, an order's id
    rf"|[{_CJK}]"  # written without spaces: a character counts as a word
    rf"|[^\W\d_{_CJK}]+"
    "|[\u2600-\u27bf\U0001f300-\U0001faff]"
)
_INSIDE_WORD = re.compile(r"(?<=\w)['’ʼ`´‐‑-](?=\w)")
_FILLER = re.compile(rf"(?<!\S)(?:{'|'.join(FILLERS)})(?!\S)")
_DIGIT = re.compile(r"\d").search
_NUMBER = "0"
Words: TypeAlias = Sequence[str]

_FACTORS = draw(2, BANDS * _ROWS) | np.uint64(1)


def normalise(text: str) -> str:
    """Return the words that texts are compared by, one space between them; "" when there are none.

    A number is 0 where words enough stand beside it.
    """
    head, tail = text[:_MOST_CHARACTERS], text[_MOST_CHARACTERS:]
    plain = unicodedata.normalize("NFKC", head.replace("№", " ")).casefold().replace("ё", "е")
    words = _drop_fillers(_TOKEN.findall(_INSIDE_WORD.sub("", plain)))
    numbers = sum(bool(_DIGIT(word)) for word in words)
    if len(words) - numbers >= max(_FEWEST_WORDS, 2 * numbers):
        words = _replace_numbers(words)
    return " ".join([*words, f"#{digest(tail)}"] if tail else words)


def _drop_fillers(words: list[str]) -> list[str]:
    kept = _FILLER.sub(" ", " ".join(words)).split()
    return kept if len(kept) >= _FEWEST_WORDS else words


def _replace_numbers(words: list[str]) -> list[str]:
    """Return the words with one 0 for each run of numbers: a date or phone number is several."""
    plain = [_NUMBER if _DIGIT(word) else word for word in words]
    return [word for at, word in enumerate(plain) if word != _NUMBER or not at or plain[at - 1] != _NUMBER]


# The decision


def is_same(one: str, other: str) -> bool:
    """Return whether two normalised texts differ so little that they are the same complaint.

    Each difference has points: 1 for a slip of the keyboard, a missing space, a light word or a number
    more or less; 2 for another letter, or any other word more. A text may differ by a point
    per four words.
    """
    left, right = one.split(), other.split()
    count = min(len(left), len(right))
    if count < _FEWEST_WORDS:
        return left == right
    most = min(max(count // _WORDS_A_POINT, 1), _MOST_POINTS)
    return abs(len(left) - len(right)) <= most and _is_within(*_trim(left, right), most)


def _trim(left: Words, right: Words) -> tuple[Words, Words]:
    """Return what is left of both without their common start and end."""
    start, shortest = 0, min(len(left), len(right))
    while start < shortest and left[start] == right[start]:
        start += 1
    end = 0
    while end < shortest - start and left[-1 - end] == right[-1 - end]:
        end += 1
    return left[start : len(left) - end], right[start : len(right) - end]


def _is_within(left: Words, right: Words, most: int) -> bool:
    """Return whether changes of at most so many points lead from one to the other: the cheapest way first."""
    ways, seen = [(0, 0, 0)], set()
    while ways:
        points, i, j = heapq.heappop(ways)
        while i < len(left) and j < len(right) and left[i] == right[j]:
            i, j = i + 1, j + 1
        if i == len(left) and j == len(right):
            return True
        if (i, j) not in seen:
            seen.add((i, j))
            for cost, di, dj in _list_steps(left, i, right, j):
                if points + cost <= most:
                    heapq.heappush(ways, (points + cost, i + di, j + dj))
    return False


def _list_steps(left: Words, i: int, right: Words, j: int) -> Iterator[tuple[int, int, int]]:
    """Yield (points, words of the left, words of the right) of each change that may come next."""
    if i < len(left) and (cost := _weigh_extra(left[i], left, right)):
        yield cost, 1, 0
    if j < len(right) and (cost := _weigh_extra(right[j], right, left)):
        yield cost, 0, 1
    if i < len(left) and j < len(right):
        if cost := _weigh_typo(left[i], right[j]):
            yield cost, 1, 1
        if "".join(left[i : i + 2]) == right[j]:
            yield 1, 2, 1
        if left[i] == "".join(right[j : j + 2]):
            yield 1, 1, 2


def _weigh_extra(word: str, words: Words, others: Words) -> int:
    """Return the points of leaving a word out, 0 when it must stay.

    A word that the others have as often must: it was moved. So must a word of weight in the text that is not
    the longer one: there it stands in place of another.
    """
    if word in TURNING or word[0] == "#" or words.count(word) <= others.count(word):
        return 0
    if word in LIGHT or word == _NUMBER:
        return 1
    return 2 if len(words) > len(others) else 0


def _weigh_typo(one: str, other: str) -> int:
    """Return the points of a typing mistake that makes one word the other, 0 when they are two words."""
    if abs(len(one) - len(other)) > 2 or one in TURNING or other in TURNING:
        return 0
    if not one.isalpha() or not other.isalpha():  # numbers, signs, the hash of what follows
        return 0
    a, b = _trim(one, other)
    longest = max(len(one), len(other))
    if len(a) + len(b) == 1:
        return 1 if longest >= 4 else 0
    if len(a) == 2 and a == b[::-1]:
        return 1 if longest >= 3 else 0
    if len(a) == len(b) == 1:
        return 2 if longest >= 4 else 0
    # Two letters in a long word, but not at its start: possible and impossible are two words.
    is_close = max(len(a), len(b)) <= 2 and longest >= 8 and one[0] == other[0]
    return 2 if is_close else 0


# The proposal


def band(texts: Sequence[str]) -> Hashes:
    """Return the band hashes of normalised texts, texts × `BANDS`: minima of hashes of their shingles."""
    padded = [f" {text} ".ljust(_SHINGLE) for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    ends = np.cumsum([len(text) for text in padded])
    starts = np.concatenate(([0], ends[:-1]))
    shingles = fold(np.lib.stride_tricks.sliding_window_view(codes, _SHINGLE))
    across = (ends[:-1, None] - np.arange(1, _SHINGLE)).ravel()  # begin in one text and end in the next
    smallest = np.empty((len(texts), BANDS * _ROWS), dtype=np.uint64)
    for at, factor in enumerate(_FACTORS):
        hashed = shingles * factor
        hashed[across] = np.iinfo(np.uint64).max
        smallest[:, at] = np.minimum.reduceat(hashed, starts)
    return fold(mix(smallest).reshape(len(texts), BANDS, _ROWS))
