"""The few pieces of HTML that several panes draw.

The rule: every text is escaped here; only what was already made into `Html` is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


def draw_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; without a head it has none."""
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = "".join(f"<tr>{''.join(map(_draw_cell, row))}</tr>" for row in rows)
    return f'<table class="plain-table">{f"<tr>{titles}</tr>" if head else ""}{lines}</table>'


def _draw_cell(text: str) -> str:
    return f"<td>{text if isinstance(text, Html) else escape(text)}</td>"


def draw_dim(text: str) -> str:
    """Return a paragraph of lesser weight."""
    return f'<p class="dim">{escape(text)}</p>'


def draw_facts(facts: Iterable[tuple[str, str]]) -> str:
    """Return names and values side by side."""
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f'<dl class="batch-facts">{cells}</dl>'
