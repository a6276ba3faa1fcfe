"""The review desk: a place in the page for the desk's own front end.

Everything the desk shows and does is in `static/desk`; it talks to `/api` itself, since Gradio's events
lose fast key presses. Nothing of a flag passes through Gradio.
"""

from __future__ import annotations

import gradio as gr

_START = """
import(new URL("ui/desk/desk.js", document.baseURI)).then((desk) => desk.mountDesk(element));
"""


def build_desk() -> gr.HTML:
    """Place the desk; the app must serve `static` as `/ui`, `/texts/{language}.json` and `/api` beside it."""
    return gr.HTML(elem_id="desk", html_template="", js_on_load=_START, apply_default_css=False)
