"""What the import pane says before and after an import, as HTML.

The rule: every value of a file is escaped here, and no more of it than a page can hold is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

import gradio as gr

from reviewer.foreign import ImportReport, Source
from reviewer.ui.import_plan import SHOWN_FILES
from reviewer.ui.markup import draw_dim, draw_table
from reviewer.ui.texts import say, say_number, say_sentence

SHOWN_ROWS = 100


def describe_files(request: gr.Request, sources: Sequence[Source]) -> str:
    """Return which flag files were found."""
    files = [name for each in sources for name in each.shown]
    more = say(request, "import.files.more", count=len(files) - SHOWN_FILES)
    listed = ", ".join(files[:SHOWN_FILES]) + (f" {more}" if len(files) > SHOWN_FILES else "")
    return draw_dim(say(request, "import.files", files=listed))


def describe_plan(request: gr.Request, tables: Mapping[str, str]) -> str:
    """Return the tables that would be added to reviewer.toml, nothing when all models are there."""
    if not tables:
        return ""
    text = "\n".join(tables.values())
    return (
        f'{draw_dim(say(request, "import.adds"))}<pre class="import-table" tabindex="0">{escape(text)}</pre>'
    )


def describe_problem(sentence: str) -> str:
    """Return why an import cannot be started yet."""
    return f'<p class="error" role="alert">{escape(sentence)}</p>'


def describe_report(request: gr.Request, report: ImportReport, added: Sequence[str]) -> str:
    """Return what became of the rows, where the flags are, and the first rows that are none."""
    counts = "".join(
        f"<div><dt>{escape(say(request, f'import.count.{name}'))}</dt><dd>{shown}</dd></div>"
        for name, shown in ((name, say_number(request, count)) for name, count in report.count().items())
    )
    return "".join(
        (
            draw_dim(say(request, "import.added", models=", ".join(added))) if added else "",
            f'<dl class="batch-facts" role="status">{counts}</dl>',
            draw_dim(say(request, "import.again")) if report.skipped else "",
            _describe_links(request, report),
            _describe_quarantined(request, report),
        )
    )


def describe_stopped(request: gr.Request) -> str:
    """Return what an import leaves that was stopped half-way."""
    return f'<p class="dim" role="status">{escape(say(request, "import.stopped"))}</p>'


def _describe_links(request: gr.Request, report: ImportReport) -> str:
    """Return the way to the flags, of one model when there is only one, and to the rows set aside."""
    models = report.models if len(report.models) == 1 else ()
    place = urlencode(
        [("tab", "review"), ("view", "all"), ("source", "import"), *(("model", each) for each in models)]
    )
    links = []
    if report.imported or report.skipped:
        links.append((f"?{place}", say(request, "import.review"), ""))
    if report.quarantined:
        links.append(("api/quarantine.csv", say(request, "import.download"), " download"))
    anchors = (f'<a href="{escape(link)}"{how}>{escape(text)}</a>' for link, text, how in links)
    return f'<p class="batch-links">{" ".join(anchors)}</p>'


def _describe_quarantined(request: gr.Request, report: ImportReport) -> str:
    if not report.quarantined:
        return ""
    shown = report.quarantined[:SHOWN_ROWS]
    head = [say(request, f"import.row.{name}") for name in ("file", "number", "reason")]
    rows = [(each.file, say_number(request, each.row), say_sentence(request, each.reason)) for each in shown]
    title = say(
        request, "import.quarantined", shown=len(shown), total=say_number(request, len(report.quarantined))
    )
    return f'{draw_dim(title)}<div class="import-rows">{draw_table(head, rows)}</div>'
