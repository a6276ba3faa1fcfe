"""Panes that draw themselves: places for front ends of their own, which talk to `/api` themselves.

The rule: what a person may do is decided by the routes; a pane that is in sight shows no more than they tell.
"""

from __future__ import annotations

import gradio as gr

_START = """
import(new URL("ui/team/{name}.js", document.baseURI)).then((pane) => pane.mount(element));
"""


def build_scripted_pane(name: str) -> gr.HTML:
    """Place a pane that `static/team/NAME.js` fills."""
    return gr.HTML(
        elem_id=f"{name}-pane", elem_classes="team", html_template="", js_on_load=_START.format(name=name)
    )
