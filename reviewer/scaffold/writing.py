"""The text of a new `reviewer.toml`: every key with what it means, so that it can be changed by hand."""

from __future__ import annotations

import json
from typing import Any

from reviewer.config import Kind
from reviewer.records import Task
from reviewer.scaffold.drafting import SPLIT, ModelDraft


def write_config(draft: ModelDraft, *, path: str, base: str, trusted: bool) -> str:
    """Return the file's text; `path` and `base` are "" when there is no such file."""
    title = draft.name.replace("_", " ").capitalize()
    lines = [
        "# Made by `reviewer new`: what stands here was guessed; look through it and change what is wrong.",
        "# docs/config.md lists all keys; `reviewer doctor` checks the file.",
        "",
        f"title = {_format(title)}",
        "",
        f"[models.{draft.name}]",
        f"title = {_format(title)}",
        f"task = {_format(draft.task)}",
        *([f"kind = {_format(draft.kind)}"] if draft.kind is not Kind.SKLEARN else []),
        *([f"path = {_format(path)}  # the model; a changed file becomes the next version"] if path else []),
        *(["trusted = true  # loading the model may run code that is in its file"] if trusted else []),
        *([f"labels = {_format(draft.labels)}"] if draft.labels else []),
        *_write_base(draft, base),
        *_write_regression(draft),
        *_write_examples(draft),
        "",
        f"[models.{draft.name}.inputs]",
        *(f"{each.name} = {_format(each.keys)}" for each in draft.inputs),
    ]
    return "\n".join(lines) + "\n"


def _write_base(draft: ModelDraft, base: str) -> list[str]:
    if not base:
        return [
            '# base = "data/examples.csv"  # with right answers the model can be retrained from corrections'
        ]
    held_out = "its column split says what is held out" if SPLIT in draft.rows[0] else "a fifth is held out"
    return [
        f"base = {_format(base)}  # {len(draft.rows):,} rows; {held_out}, to measure versions",
        f"target = {_format(draft.target)}  # its column with the right answer",
    ]


def _write_regression(draft: ModelDraft) -> list[str]:
    if draft.task is not Task.TABULAR_REGRESSION:
        return []
    tolerance = f"tolerance = {_format(draft.tolerance or 1.0)}"
    return [
        f"{tolerance if draft.tolerance else '# ' + tolerance}  # how far off still counts as right; a guess",
        '# unit = "€"',
    ]


def _write_examples(draft: ModelDraft) -> list[str]:
    if not draft.examples:
        return []
    return ["examples = [", *(f"    {_format(each)}," for each in draft.examples), "]"]


def _format(value: Any) -> str:
    """Return a value as TOML, which writes texts as JSON does but for one character."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_format(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_format, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
