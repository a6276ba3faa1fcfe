"""The look: one accent, system fonts, light and dark."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

CSS = Path(__file__).parent / "static" / "app.css"


def build_theme() -> gr.themes.Base:
    """Return Gradio's theme in the project's colours; system fonts, so nothing is fetched."""
    fonts = ["Inter", "system-ui", "Segoe UI", "sans-serif"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
        font=fonts,
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    ).set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#14171c",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1b2027",
        button_primary_background_fill="#3b5bdb",
        button_primary_background_fill_hover="#3350c4",
        button_primary_background_fill_dark="#4c6ef5",
        button_primary_text_color="#ffffff",
        block_border_width="1px",
    )
