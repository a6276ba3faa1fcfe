"""The look: one accent, system fonts, light and dark; or one of Gradio's themes, which the desk then follows.

The rule: no theme fetches a font, so the page asks nobody but its own server.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from reviewer.errors import UnknownNameError

_STATIC = Path(__file__).parent / "static"
_FONTS = ["Inter", "system-ui", "Segoe UI", "sans-serif"]
_MONO = ["ui-monospace", "Menlo", "Consolas", "monospace"]


def build_look(theme: str | gr.themes.Base | None = None) -> tuple[gr.themes.Base, str]:
    """Return the theme and the style sheet of the page, the program's own when None.

    Raises `UnknownNameError` for a name that is not in `THEMES`.
    """
    css = (_STATIC / "app.css").read_text(encoding="utf-8")
    if theme is None or theme == OWN_THEME:
        return _build_own(), css
    follow = (_STATIC / "follow_theme.css").read_text(encoding="utf-8")
    return find_theme(theme), f"{css}\n{follow}"


def find_theme(theme: str | gr.themes.Base) -> gr.themes.Base:
    """Return a theme by its name in `THEMES`, or the theme itself."""
    if not isinstance(theme, str):
        return theme
    if theme.lower() not in THEMES:
        raise UnknownNameError("theme", theme, THEMES)
    return THEMES[theme.lower()](font=_FONTS, font_mono=_MONO)


def _build_own(**fonts: Any) -> gr.themes.Base:
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
        font=_FONTS,
        font_mono=_MONO,
    ).set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#14171c",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1b2027",
        button_primary_background_fill="#3b5bdb",
        button_primary_background_fill_hover="#3350c4",
        button_primary_background_fill_dark="#4263eb",
        button_primary_text_color="#ffffff",
        # Gradio's own greys and links stand out too little from what is behind them (WCAG AA: 4.5 to 1).
        body_text_color_subdued="#5a6578",
        body_text_color_subdued_dark="#9aa6b8",
        input_placeholder_color="*body_text_color_subdued",
        input_placeholder_color_dark="*body_text_color_subdued",
        link_text_color_dark="#8ea8ff",
        block_border_width="1px",
    )


OWN_THEME = "reviewer"
THEMES: dict[str, Callable[..., gr.themes.Base]] = {
    OWN_THEME: _build_own,
    "default": gr.themes.Default,
    "soft": gr.themes.Soft,
    "glass": gr.themes.Glass,
    "monochrome": gr.themes.Monochrome,
    "origin": gr.themes.Origin,
    "citrus": gr.themes.Citrus,
    "ocean": gr.themes.Ocean,
    "base": gr.themes.Base,
    "ember": gr.themes.Ember,
    "neon": gr.themes.Neon,
    "cyberpunk": gr.themes.Cyberpunk,
    "mario": gr.themes.Mario,
}
"""Name for `--theme` → what builds it, given the fonts."""
