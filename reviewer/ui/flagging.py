"""`flagging`: the buttons with which the testers of somebody's own Blocks app flag what it answered.

The rule: nothing here decides what a flag is; the buttons hand the page to a `FlagLogger`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from gradio.context import Context

from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, UnknownNameError
from reviewer.records import FlagOption
from reviewer.ui.flag_logger import FlagLogger, report_failure
from reviewer.ui.texts import LANGUAGES, find_language, load_texts

if TYPE_CHECKING:
    from reviewer.workspace import Workspace

Option = tuple[str, str]
"""What stands on a button, "" for our own word, and the flag option or the app's word for one."""


@dataclass(frozen=True, slots=True)
class FlagButtons:
    """The components that `flagging` adds."""

    title: gr.Markdown
    options: dict[str, gr.Button]
    suggestion: gr.Dropdown | gr.Textbox
    comment: gr.Textbox


def flagging(
    inputs: Component | Sequence[Component],
    outputs: Component | Sequence[Component],
    *,
    workspace: str | Path | Workspace,
    model: str | None = None,
    options: Sequence[str | Option] | None = None,
    version: str = "app",
    language: str | None = None,
) -> FlagButtons:
    """Add flag buttons for these components to the Blocks app that is being made, and return them.

    The workspace, `model` and `version` are those of `FlagLogger`. `options` are flag options, the app's own
    words, or pairs of a button's text and either; by default they are the model's. The texts are in the
    browser's language, or in `language` (en, ru). Raises `ConfigError`, also outside `with gr.Blocks():`.
    """
    root = Context.root_block
    if root is None:
        raise ConfigError("reviewer.flagging adds buttons to an app; call it inside `with gr.Blocks():`.")
    if language is not None and language not in LANGUAGES:
        raise UnknownNameError("language", language, LANGUAGES)
    given, answered = _list_components(inputs), _list_components(outputs)
    logger = FlagLogger(workspace, model, version=version)
    spec = logger.prepare(given, answered, title=_find_title(root))
    chosen = _list_options(options if options is not None else list(spec.options))
    buttons = _draw(spec, chosen, load_texts(language or LANGUAGES[0]))
    for text, word in chosen:
        handler = _build_handler(logger, text, word, language)
        _wire(buttons.options[word], handler, [*given, *answered], buttons)
    if language is None:
        _follow_browser(root, buttons, chosen)
    return buttons


def _find_title(root: gr.Blocks) -> str:
    """Return the app's title, "" when it has Gradio's own."""
    return root.title if isinstance(root.title, str) and root.title != "Gradio" else ""


def _list_components(components: Component | Sequence[Component]) -> list[Component]:
    return [components] if isinstance(components, Component) else list(components)


def _list_options(options: Sequence[str | Option]) -> list[Option]:
    """Return each option with what stands on its button."""
    if not options:
        raise ConfigError("There is no flag option to draw a button for; leave options out for the model's.")
    return [each if isinstance(each, tuple) else (_name_own(each), str(each)) for each in options]


def _name_own(option: str) -> str:
    return "" if option in list(FlagOption) else option


def _draw(spec: ModelSpec, options: Sequence[Option], texts: dict[str, str]) -> FlagButtons:
    with gr.Column(elem_classes="reviewer-flagging"):
        title = gr.Markdown(texts["flagging.title"])
        with gr.Row():
            suggestion = _draw_suggestion(spec, texts["test.suggestion"])
            comment = gr.Textbox(
                label=texts["test.comment"], placeholder=texts["test.comment.hint"], max_lines=4
            )
        with gr.Row():
            drawn = {word: gr.Button(_say_option(text, word, texts), size="sm") for text, word in options}
    return FlagButtons(title, drawn, suggestion, comment)


def _draw_suggestion(spec: ModelSpec, label: str) -> gr.Dropdown | gr.Textbox:
    if spec.labels:
        return gr.Dropdown(["", *spec.labels], value="", label=label)
    return gr.Textbox(label=label, max_lines=4)


def _say_option(text: str, word: str, texts: dict[str, str]) -> str:
    return text or texts[f"option.{word}"]


def _wire(
    button: gr.Button, handler: Callable[..., Any], page: Sequence[Component], buttons: FlagButtons
) -> None:
    button.click(
        handler,
        [*page, buttons.suggestion, buttons.comment],
        [buttons.suggestion, buttons.comment],
        preprocess=False,
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )


def _build_handler(logger: FlagLogger, text: str, word: str, language: str | None) -> Callable[..., Any]:
    def flag(request: gr.Request, *values: Any) -> tuple[str, str]:
        """Log the page as a flag and say so; what was typed stays when that fails, and is emptied after."""
        *page, suggested, comment = values
        try:
            logger.log_flag(
                page,
                word,
                flagger=request.username or "",
                comment=comment or "",
                suggested_label=suggested,
            )
        except Exception as error:
            raise report_failure(error, language) from None
        texts = _pick_texts(request, language)
        said = texts["flagging.flagged"].format(option=_say_option(text, word, texts))
        gr.Info(escape(said), title="")
        return "", ""

    return flag


def _pick_texts(request: gr.Request, language: str | None = None) -> dict[str, str]:
    return load_texts(language or find_language(request))


def _follow_browser(root: gr.Blocks, buttons: FlagButtons, options: Sequence[Option]) -> None:
    """Let each page have the texts in the language of its browser."""

    def translate(request: gr.Request) -> list[Any]:
        return _translate(_pick_texts(request), options)

    drawn = [buttons.title, *buttons.options.values(), buttons.suggestion, buttons.comment]
    root.load(translate, None, drawn, show_progress="hidden", api_visibility="private")


def _translate(texts: dict[str, str], options: Sequence[Option]) -> list[Any]:
    names = [gr.Button(_say_option(text, word, texts)) for text, word in options]
    suggestion = gr.update(label=texts["test.suggestion"])
    comment = gr.Textbox(label=texts["test.comment"], placeholder=texts["test.comment.hint"])
    return [texts["flagging.title"], *names, suggestion, comment]
