"""The SQL pane: an editor, what can be queried, the result and its download."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

import gradio as gr

from reviewer.access import Role
from reviewer.index.catalog import HIDDEN_COLUMNS, TABLES, name_column
from reviewer.log.columns import encode_json
from reviewer.ui.handlers import needs
from reviewer.ui.stops import Stops
from reviewer.ui.texts import say, translate
from reviewer.workspace import Workspace

SHOWN_ROWS = 500
"""Rows in the grid; the download has them all."""

_FIRST_QUERY = """select model, option, status, count(*) as flags
from flags
group by all
order by flags desc"""


@dataclass(frozen=True, slots=True)
class SqlPane:
    """The pane's components."""

    editor: gr.Code
    run: gr.Button
    stop: gr.Button
    facts: gr.HTML
    grid: gr.Dataframe
    tables: gr.HTML


def build_sql(workspace: Workspace) -> SqlPane:
    """Lay the pane out and wire it."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=420):
            editor = gr.Code(_FIRST_QUERY, language="sql", label="SQL", lines=7, elem_id="sql-editor")
            with gr.Row(elem_classes="pane-bar"):
                run = gr.Button(translate("sql.run"), variant="primary", elem_id="sql-run")
                stop = gr.Button(translate("sql.stop"))
            facts = gr.HTML(elem_id="sql-facts")
            grid = gr.Dataframe(
                label=translate("sql.result"),
                visible=False,  # until there is a result: Gradio shows three columns of nothing
                interactive=False,
                wrap=True,
                elem_id="sql-grid",
                max_height=520,
            )
        with gr.Column(scale=1, min_width=260, elem_classes="box"):
            gr.Markdown(translate("sql.tables"), elem_classes="box-title")
            tables = gr.HTML()
    pane = SqlPane(editor, run, stop, facts, grid, tables)
    _wire(workspace, pane)
    return pane


def wire_sql(workspace: Workspace, pane: SqlPane, tab: gr.Tab) -> None:
    """Say what can be queried when the pane is opened."""

    @needs(Role.REVIEWER)
    def describe(request: gr.Request) -> str:
        return describe_tables(workspace, request)

    tab.select(describe, None, pane.tables, api_visibility="private", show_progress="hidden", queue=False)


def _wire(workspace: Workspace, pane: SqlPane) -> None:
    stops = Stops()

    @needs(Role.REVIEWER)
    def expect(request: gr.Request) -> None:
        stops.expect(request)

    @needs(Role.REVIEWER)
    def run(request: gr.Request, sql: str) -> tuple[str, Any]:
        """Return what there is to say of the result, as HTML, and its first rows."""
        result = workspace.run_query(sql, switch=stops.find_switch(request))
        rows = result.list_rows()
        facts = say(request, "sql.rows", rows=len(rows))
        if result.is_truncated:
            facts = say(request, "sql.truncated", rows=len(rows))
        if len(rows) > SHOWN_ROWS:
            facts += " " + say(request, "sql.cut", shown=SHOWN_ROWS)
        if result.index_age_seconds:
            facts += " " + say(request, "sql.age", seconds=round(result.index_age_seconds))
        link = f'<a href="api/query.csv?sql={quote(sql)}" download>{escape(say(request, "sql.download"))}</a>'
        return (
            f'<p class="dim" role="status">{escape(facts)} {link}</p>',
            gr.Dataframe(
                {"headers": list(result.columns), "data": _show_rows(rows[:SHOWN_ROWS])}, visible=True
            ),
        )

    @needs(Role.REVIEWER)
    def stop(request: gr.Request) -> None:
        stops.stop(request)

    @needs(Role.REVIEWER)
    def clear() -> tuple[str, Any]:
        return "", gr.Dataframe(visible=False)

    shown = [pane.facts, pane.grid]
    asked = pane.run.click(expect, None, None, api_visibility="private", queue=False)
    ran = asked.then(run, pane.editor, shown, api_visibility="private", show_progress="minimal")
    ran.failure(clear, None, shown, api_visibility="private", show_progress="hidden")
    pane.stop.click(stop, None, None, api_visibility="private", queue=False)


def _show_rows(rows: list[list[Any]]) -> list[list[Any]]:
    """Return the rows as texts, so that the grid shows each value as it is; nested ones as JSON."""
    return [[_show_value(value) for value in row] for row in rows]


def _show_value(value: Any) -> str:
    if value is None:
        return "NULL"
    return value if isinstance(value, str) else encode_json(value)


def describe_tables(workspace: Workspace, request: gr.Request) -> str:
    """Return what can be queried, as HTML: tables, views and a sentence per column."""
    tables = [
        _describe_table(request, name, say(request, f"table.{name}"), columns)
        for name, columns in _list_columns(workspace).items()
    ]
    views = [
        _describe_table(
            request, f'"{model}"', say(request, "table.view", model=model), list(map(name_column, inputs))
        )
        for model, inputs in workspace.list_views().items()
    ]
    return f'<div class="sql-tables">{"".join([*tables, *views])}</div>'


def _list_columns(workspace: Workspace) -> dict[str, list[str]]:
    statement = "select column_name from (describe from query_table($name))"
    with workspace.reading() as cursor:
        return {
            name: [
                column
                for (column,) in cursor.execute(statement, {"name": name}).fetchall()
                if column not in HIDDEN_COLUMNS
            ]
            for name in TABLES
        }


def _describe_table(request: gr.Request, name: str, sentence: str, columns: list[str]) -> str:
    items = "".join(_describe_column(request, column) for column in columns)
    summary = f"<summary><code>{escape(name)}</code> {escape(sentence)}</summary>"
    return f"<details>{summary}<dl>{items}</dl></details>"


def _describe_column(request: gr.Request, column: str) -> str:
    sentence = "" if column.startswith('"') else say(request, f"column.{column}")
    return f"<dt><code>{escape(column)}</code></dt><dd>{escape(sentence)}</dd>"
