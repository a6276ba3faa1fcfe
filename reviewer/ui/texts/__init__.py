"""Every text of the interface, one file a language; both have the same keys.

A text stands beside its component as a key; the browser or the request's language decides which file answers.
The sentences of the layers below have no keys: `reviewer.sentences` tells them again.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import gradio as gr
from gradio.i18n import I18nData

from reviewer.sentences import LANGUAGES as LANGUAGES
from reviewer.sentences import pick_language as pick_language
from reviewer.sentences import retell


@cache
def load_texts(language: str) -> dict[str, str]:
    """Return key → text of one of `LANGUAGES`."""
    path = Path(__file__).parent / f"{language}.json"
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


@cache
def build_translations() -> gr.I18n:
    """Return the texts for Gradio, which chooses by the browser's language."""
    return gr.I18n(**{language: load_texts(language) for language in LANGUAGES})


def translate(key: str) -> I18nData:
    """Return a text for a component; the browser fills it in."""
    return build_translations()(key)


def find_language(request: gr.Request | None) -> str:
    """Return the language of the person asking; English when nobody does."""
    return pick_language(request.headers.get("accept-language") if request else None)


def say(request: gr.Request, key: str, **values: object) -> str:
    """Return a text in the language of the person asking, with `{name}` places filled."""
    return load_texts(find_language(request))[key].format(**values)


def say_option(request: gr.Request, option: str) -> str:
    """Return what people call a flag option; one that an admin added is called by its name."""
    return load_texts(find_language(request)).get(f"option.{option}", option)


def say_sentence(request: gr.Request | None, sentence: str) -> str:
    """Return a sentence of the layers below in the language of the person asking."""
    return retell(sentence, find_language(request))


def say_number(request: gr.Request, number: float, form: str = ",") -> str:
    """Return a number as the person asking writes it; `form` is a format of Python's."""
    return format(number, form).translate(_MARKS[find_language(request)])


_MARKS = {"en": {}, "ru": str.maketrans(",.", "\u00a0,")}
"""Language → what it writes instead of the marks in a number."""
