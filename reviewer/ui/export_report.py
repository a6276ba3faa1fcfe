"""What the export pane says of a plan and of earlier exports, as HTML.

The rule: every text of a flag is escaped here, and no more of an export than a page can hold is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

import gradio as gr

from reviewer.bundle import Bundle, Finding, Plan
from reviewer.records import JsonValue
from reviewer.ui.markup import Html, draw_dim, draw_facts, draw_table
from reviewer.ui.texts import load_texts, say, say_number, say_sentence

SHOWN_EXPORTS = 30
_SHOWN_COLUMNS = 10
_SHOWN_ROWS = 6
_SHOWN_FLAGS = 5
_LONGEST_CELL = 120
_LONGEST_CHANGES = 4000


def describe_plan(request: gr.Request, plan: Plan) -> str:
    """Return what an export would hold, what should be known before, and its first rows."""
    parts = [
        _describe_counts(request, plan.counts),
        "".join(_describe_finding(request, each) for each in plan.findings),
        _describe_left_out(request, plan.counts),
    ]
    if plan.sample:
        parts += [f"<h4>{escape(say(request, 'export.sample'))}</h4>", _describe_sample(plan)]
    return "".join(parts)


def _describe_counts(request: gr.Request, counts: Mapping[str, JsonValue]) -> str:
    facts = [("considered", counts["considered"]), ("written", counts["written"])]
    told = [(say(request, f"export.{name}"), say_number(request, count)) for name, count in facts]
    splits = [
        (say(request, f"export.split.{name}"), say_number(request, count))
        for name, count in counts["splits"].items()
    ]
    return draw_facts([*told, *splits])


def _describe_finding(request: gr.Request, finding: Finding) -> str:
    words = escape(say_sentence(request, finding.sentence))
    tone, role = ("stops", "alert") if finding.is_stop else ("warns", "note")
    return f'<div class="finding {tone}" role="{role}"><p>{words}</p>{_link_flags(request, finding)}</div>'


def _link_flags(request: gr.Request, finding: Finding) -> str:
    links = "".join(
        f' <a href="?tab=review&amp;view=all&amp;flag={quote(each)}" target="_blank">{number}</a>'
        for number, each in enumerate(finding.flag_ids[:_SHOWN_FLAGS], 1)
    )
    return f'<p class="dim">{escape(say(request, "export.flags"))}{links}</p>' if links else ""


def _describe_left_out(request: gr.Request, counts: Mapping[str, JsonValue]) -> str:
    if not counts["left_out"]:
        return ""
    rows = [(name_reason(request, name), say_number(request, n)) for name, n in counts["left_out"].items()]
    return f"<h4>{escape(say(request, 'export.left_out'))}</h4>{draw_table([], rows)}"


def name_reason(request: gr.Request, reason: str) -> str:
    """Return why a flag is no row: its resolution, or a reason of its own."""
    key = f"resolution.{reason}"
    return say(request, key if key in load_texts("en") else f"export.reason.{reason}")


def _describe_sample(plan: Plan) -> str:
    """Return the first rows with their inputs, answers and weights; ids say nothing to a person."""
    names = [name for name in plan.sample[0] if not name.endswith("_id") and name != "duplicate_group"]
    columns = names[:_SHOWN_COLUMNS]
    rows = [[_cut(row[name]) for name in columns] for row in plan.sample[:_SHOWN_ROWS]]
    return f'<div class="export-sample">{draw_table(columns, rows)}</div>'


def _cut(value: Any) -> str:
    line = " ".join(("" if value is None else str(value))[: 4 * _LONGEST_CELL].split())
    return line if len(line) <= _LONGEST_CELL else line[: _LONGEST_CELL - 1] + "…"


# Earlier exports


def describe_exports(request: gr.Request, bundles: list[Bundle]) -> str:
    """Return the newest exports with their counts, changes and downloads."""
    if not bundles:
        return draw_dim(say(request, "export.none"))
    head = [say(request, f"export.head.{name}") for name in ("name", "as_of", "mode", "rows", "files")]
    rows = [list(_list_cells(request, each)) for each in reversed(bundles[-SHOWN_EXPORTS:])]
    return f'<div class="batch-list">{draw_table(head, rows)}</div>'


def _list_cells(request: gr.Request, bundle: Bundle) -> Iterator[str]:
    yield bundle.name
    yield (bundle.manifest.get("as_of") or "")[:16].replace("T", " ")
    yield say(request, f"export.mode.{bundle.manifest.get('options', {}).get('mode', 'full')}")
    yield say_number(request, bundle.counts["written"])
    yield Html(_describe_files(request, bundle))


def _describe_files(request: gr.Request, bundle: Bundle) -> str:
    base = f"api/exports/{quote(bundle.model)}/{quote(bundle.name)}"
    links = [f'<a href="{base}.zip" download>{escape(say(request, "export.download"))}</a>']
    links += [
        f'<a href="{base}/files/{name}" target="_blank">{escape(say(request, f"export.file.{key}"))}</a>'
        for key, name in (("card", "README.md"), ("left_out", "left_out.csv"))
        if name in bundle.manifest["files"]
    ]
    return f'<span class="batch-links">{"".join(links)}</span>{_describe_changes(request, bundle)}'


def _describe_changes(request: gr.Request, bundle: Bundle) -> str:
    path = bundle.path / "CHANGES.md"
    if bundle.manifest.get("parent") is None or not path.is_file():
        return ""
    with path.open(encoding="utf-8") as file:
        text = file.read(_LONGEST_CHANGES).removeprefix("# Changes").strip()
    title = escape(say(request, "export.changes", name=bundle.manifest["parent"]))
    return f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>"
