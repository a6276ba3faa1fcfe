"""What the batch tab says of a file and of a batch, as HTML.

The rule: every value of a file is escaped here, and no more of a batch than a page can hold is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from reviewer.batch.describe import read_metrics
from reviewer.batch.piece import name_place
from reviewer.batch.start import Preview
from reviewer.batch.state import Batch, Status, list_rejected
from reviewer.config import ModelSpec
from reviewer.records import Task
from reviewer.ui.markup import Html, draw_dim, draw_facts, draw_table
from reviewer.ui.texts import find_language, load_texts, say, say_number, say_sentence

SHOWN_REJECTED = 100
SHOWN_COLUMNS = 12
SHOWN_CLASSES = 60
_LONGEST_CELL = 80


def describe_preview(request: gr.Request, preview: Preview) -> str:
    """Return the first columns and rows of a file."""
    columns = preview.columns[:SHOWN_COLUMNS]
    rows = [[_cut(cell) for cell in row[:SHOWN_COLUMNS]] for row in preview.rows]
    table = draw_table([_cut(each) for each in columns], rows)
    if len(preview.columns) > SHOWN_COLUMNS:
        more = say(
            request, "batch.columns.more", count=say_number(request, len(preview.columns) - SHOWN_COLUMNS)
        )
        return table + draw_dim(more)
    return table


def _cut(text: str) -> str:
    line = " ".join(text[: 4 * _LONGEST_CELL].split())
    return line if len(line) <= _LONGEST_CELL else line[: _LONGEST_CELL - 1] + "…"


def describe_batch(request: gr.Request, spec: ModelSpec, batch: Batch) -> str:
    """Return where the batch stands, its counts, what came of its mistakes, and its downloads."""
    counts = batch.counts
    head = say(request, "batch.head", name=batch.batch_id, file=batch.file, model=spec.shown_name,
               version=batch.version)  # fmt: skip
    facts = [
        ("rows", batch.rows), ("answered", counts.answered), ("rejected", counts.rejected),
        ("failed", counts.failed),
        *([("wrong", counts.wrong)] if batch.truth is not None else []),
        *([("flagged", counts.flagged)] if batch.has_flags else []),
    ]  # fmt: skip
    told = [(say(request, f"batch.count.{name}"), say_number(request, count)) for name, count in facts]
    parts = [
        f'<p class="batch-head">{escape(head)}</p>',
        _describe_progress(request, batch),
        draw_facts(told),
        _describe_notes(request, spec, batch),
        _describe_links(request, batch),
    ]
    return "".join(parts)


def _describe_progress(request: gr.Request, batch: Batch) -> str:
    done = batch.counts.done
    numbers = {"done": say_number(request, done), "rows": say_number(request, batch.rows)}
    words = say(request, f"batch.status.{batch.status}", **numbers)
    bar = f'<progress max="{batch.rows}" value="{done}" aria-label="{escape(words)}"></progress>'
    kind = {Status.DONE: "good", Status.FAILED: "error"}.get(batch.status, "dim")
    error = (
        f'<p class="error" role="alert">{escape(say_sentence(request, batch.error))}</p>'
        if batch.error
        else ""
    )
    return f'{bar}<p class="{kind}" role="status">{escape(words)}</p>{error}'


def _describe_notes(request: gr.Request, spec: ModelSpec, batch: Batch) -> str:
    return "".join(draw_dim(say(request, f"batch.note.{name}")) for name in _list_notes(spec, batch))


def _list_notes(spec: ModelSpec, batch: Batch) -> list[str]:
    """Return what a person would wonder about: why so few flags, or none."""
    counts = batch.counts
    if spec.flagging == "never":
        return ["never"]
    if batch.truth is not None and spec.task is Task.TABULAR_REGRESSION and spec.tolerance is None:
        return ["no_tolerance"]
    if batch.truth is None and not spec.rules and spec.flagging != "auto":
        return ["no_rules"]
    if batch.has_flags and counts.made >= batch.max_flags:
        return ["capped"]
    return ["flagged_before"] if counts.flagged > counts.made else []


def _describe_links(request: gr.Request, batch: Batch) -> str:
    links = [
        (f"api/batches/{batch.batch_id}/{name}.csv", say(request, f"batch.download.{name}"), " download")
        for name in ("results", "rejected")
    ]
    if batch.counts.flagged:
        links.append((_find_flags(batch), say(request, "batch.flags"), ""))
    anchors = (f'<a href="{escape(link)}"{how}>{escape(text)}</a>' for link, text, how in links)
    return f'<p class="batch-links">{" ".join(anchors)}</p>'


def _find_flags(batch: Batch) -> str:
    """Return the address of the review tab with the batch's own flags, else with all of the version."""
    own = {"text": name_place(batch)} if batch.truth is not None and batch.counts.made else {}
    return "?" + urlencode({"tab": "review", "model": batch.model, "version": batch.version, **own})


def describe_rejected(request: gr.Request, batch: Batch) -> str:
    """Return the first rows that could not be used or failed, with their reasons."""
    total = batch.counts.rejected + batch.counts.failed
    if not total:
        return ""
    rows = [
        (say_number(request, number), say_sentence(request, reason))
        for number, reason in list_rejected(batch, SHOWN_REJECTED)
    ]
    head = [say(request, "batch.row"), say(request, "batch.reason")]
    numbers = {"shown": say_number(request, len(rows)), "total": say_number(request, total)}
    title = say(request, "batch.rejected", **numbers)
    return f'{draw_dim(title)}<div class="batch-rejected">{draw_table(head, rows)}</div>'


def describe_metrics(request: gr.Request, batch: Batch) -> str:
    """Return the metrics of a finished batch with a truth column, and those of each label."""
    found = read_metrics(batch)
    if not found:
        return ""
    left_out = found["left_out"]
    rows = [(say(request, "batch.counted"), say_number(request, found["counted"]))]
    rows += [
        (say(request, f"batch.left_out.{name}"), say_number(request, count))
        for name, count in left_out.items()
        if count
    ]
    rows += [
        (say(request, f"metric.{name}"), say_number(request, value, ".4g"))
        for name, value in found.get("metrics", {}).items()
    ]
    return draw_table([], rows) + _describe_classes(request, found.get("classes", []))


def _describe_classes(request: gr.Request, classes: Sequence[Mapping[str, Any]]) -> str:
    if not classes:
        return ""
    names = ("label", "precision", "recall", "f1", "rows")
    rows = [
        [
            _cut(each["label"]),
            *(say_number(request, each[name], ".3f") for name in names[1:4]),
            say_number(request, each["rows"]),
        ]
        for each in classes[:SHOWN_CLASSES]
    ]
    table = draw_table([say(request, f"batch.class.{name}") for name in names], rows)
    return f"<details><summary>{escape(say(request, 'batch.classes'))}</summary>{table}</details>"


def draw_metrics(request: gr.Request, batch: Batch, *, is_dark: bool) -> Any:
    """Return the figure of a finished batch: predicted against right, None when there is none."""
    import pandas as pd

    from reviewer.figures import draw_confusion, draw_residuals

    words = load_texts(find_language(request))
    own = {name: words[f"batch.{name}"] for name in _OWN_WORDS}
    found = read_metrics(batch)
    if "confusion" in found:
        names = {"predicted": "predicted_label", "truth": "corrected_label", "rows": "flags"}
        frame = pd.DataFrame(found["confusion"]).rename(columns=names)
        return draw_confusion(frame, words=words | own, is_dark=is_dark)
    if "points" in found:
        frame = pd.DataFrame(found["points"])
        names = {"predicted": "predicted_value", "truth": "corrected_value"}
        return draw_residuals(frame.rename(columns=names), words=words | own, is_dark=is_dark)
    return None


_OWN_WORDS = (
    "figure.axis.corrected_label", "figure.axis.corrected_value", "figure.axis.flags", "figure.axis.residual",
    "figure.confusion.capped",
)  # fmt: skip
"""Words of a figure that are others here: a file says what is right, and rows are counted, not flags."""


def describe_list(request: gr.Request, batches: Sequence[Batch]) -> str:
    """Return the batches with their downloads, newest first."""
    if not batches:
        return draw_dim(say(request, "batch.none"))
    head = [
        say(request, f"batch.list.{name}") for name in ("name", "file", "model", "rows", "status", "files")
    ]
    rows = [
        [
            each.batch_id, _cut(each.file), f"{each.model} {each.version}", say_number(request, each.rows),
            say(request, f"batch.short.{each.status}"), Html(_describe_links(request, each)),
        ]
        for each in batches
    ]  # fmt: skip
    return f'<div class="batch-list">{draw_table(head, rows)}</div>'
