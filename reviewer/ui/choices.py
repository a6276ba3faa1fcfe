"""What a flagger chooses from, as it is now: an admin may change options and labels while pages are open.

The rule: a page is told when it opens the tab and after an answer, and only when something was changed; until
then what it offers still means what it meant, since a name of before leads to the one of today.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from reviewer.config import ModelSpec
from reviewer.ui.flag_box import FlagBox, Row, build_options
from reviewer.ui.outputs import list_suggestions
from reviewer.ui.panel import Panel
from reviewer.ui.texts import find_language, load_texts
from reviewer.workspace import Workspace


def list_choices(panels: Sequence[Panel]) -> list[gr.components.Component]:
    """Return the components that `renew_choices` fills, but for the state with what the page has seen."""
    return [part for _, box in _list_boxes(panels) for part in (box.options, box.suggestion)]


def renew_choices(
    workspace: Workspace, request: gr.Request, panels: Sequence[Panel], seen: str | None
) -> Row:
    """Return what fills `list_choices`, and the state; nothing is changed on a page that has seen it all."""
    language = find_language(request)
    stamp = f"{language} {workspace.read_labels_stamp()}"
    if seen == stamp:
        return [gr.skip() for _ in (*list_choices(panels), stamp)]
    filled: Row = []
    for spec, box in _list_boxes(panels):
        now = workspace.find_model(spec.name)
        filled += [build_options(now, load_texts(language)), _renew_suggestion(workspace, now, box)]
    return [*filled, stamp]


def _list_boxes(panels: Sequence[Panel]) -> list[tuple[ModelSpec, FlagBox]]:
    return [(each.spec, each.flagging) for each in panels if each.flagging]


def _renew_suggestion(workspace: Workspace, spec: ModelSpec, box: FlagBox) -> Any:
    """Return the labels for a field that offers some; what a person has chosen in it stays."""
    if not isinstance(box.suggestion, gr.Dropdown):
        return gr.skip()
    return gr.Dropdown(choices=list_suggestions(workspace.list_labels(spec.name)))
