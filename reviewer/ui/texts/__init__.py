"""Every text of the interface, one file a language; both have the same keys.

A text stands beside its component as a key; the browser or the request's language decides which file answers.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import gradio as gr
from gradio.i18n import I18nData

LANGUAGES = ("en", "ru")


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


def pick_language(accepted: str | None) -> str:
    """Return the best of `LANGUAGES` for an `Accept-Language` header, English when none fits."""
    for part in (accepted or "").split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def say(request: gr.Request, key: str, **values: object) -> str:
    """Return a text in the language of the person asking, with `{name}` places filled."""
    texts = load_texts(pick_language(request.headers.get("accept-language")))
    return texts[key].format(**values)
