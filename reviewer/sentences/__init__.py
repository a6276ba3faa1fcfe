"""What the program says to people, told again in their language.

Errors, oddities and reasons are English sentences, in memory as in the logs, where anyone can read them years
later. So a face does not get a key but the sentence, and recognises it by its words: `LANGUAGE.json` beside
this file has a row per sentence, its values numbered in both languages. `{1!r}` is a value in quotes;
`{1:said}` in a translation is one that is told again itself, as one of the parts or as a sentence. The rule:
only faces tell sentences again, and one that nobody has translated is shown as it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter

LANGUAGES = ("en", "ru")

SENTENCES, PARTS = "sentences", "parts"
"""The tables of a file: what is said by itself, and what stands at a place of a sentence."""

_LONGEST_VALUE = 1000
"""A longer value is not told again, so that no sentence can be nested without end."""


def pick_language(accepted: str | None) -> str:
    """Return the best of `LANGUAGES` for an `Accept-Language` header, English when none fits."""
    for part in (accepted or "").split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def retell(sentence: str, language: str) -> str:
    """Return a sentence of the program in one of `LANGUAGES`, as it is when nobody has translated it."""
    return _retell(sentence, language, SENTENCES)


def retell_first(text: str, language: str) -> str:
    """Return a text whose first paragraph is a sentence, with that one told again; a traceback may follow."""
    sentence, gap, rest = text.partition("\n\n")
    return retell(sentence, language) + gap + rest


@lru_cache(maxsize=1024)
def _retell(text: str, language: str, *tables: str) -> str:
    for pattern, translation in _build_patterns(language, *tables):
        if match := pattern.fullmatch(text):
            return translation.format(*(_Value(each, language) for each in match.groups()))
    return text


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of a sentence."""

    text: str
    language: str

    def __format__(self, how: str) -> str:
        """Return the value, told again when the translation asks for it."""
        is_told = how == "said" and len(self.text) <= _LONGEST_VALUE
        return _retell(self.text, self.language, SENTENCES, PARTS) if is_told else self.text


def load_translations(language: str, table: str) -> dict[str, str]:
    """Return the rows of `SENTENCES` or `PARTS`, none for English: English → the other language."""
    if language == LANGUAGES[0]:
        return {}
    path = Path(__file__).parent / f"{language}.json"
    tables: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return tables[table]


@cache
def _build_patterns(language: str, *tables: str) -> list[tuple[re.Pattern[str], str]]:
    """Return how each row is recognised, and how it is told; the one with the most words of its own first."""
    rows = [row for table in tables for row in load_translations(language, table).items()]
    rows.sort(key=lambda row: _count_own(row[0]), reverse=True)
    return [(_build_pattern(sentence), translation) for sentence, translation in rows]


def _count_own(sentence: str) -> int:
    return sum(len(words) for words, _, _, _ in Formatter().parse(sentence))


def _build_pattern(sentence: str) -> re.Pattern[str]:
    """Return what finds the values of a sentence, each as short as can be.

    The groups are atomic, so that the time it takes grows with the length of a text and no faster, whatever
    others have written into it.
    """
    words: list[str] = []
    behind = ""
    for text, _, _, conversion in Formatter().parse(sentence + "\n"):
        words.append(behind + re.escape(text.removesuffix("\n")) + ("(?=['\"])" if conversion else ""))
        behind = "(?<=['\"])" if conversion else ""
    first, *between = words
    last = f"(.*){between.pop()}" if between else ""
    return re.compile(first + "".join(f"(?>(.*?){each})" for each in between) + last, re.DOTALL)
