"""What every Gradio handler goes through: the role check, and errors as one sentence.

The rule: each handler is marked with the role it needs; a test walks them and fails on an unmarked one.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from html import escape
from typing import Any, TypeVar

import gradio as gr

from reviewer.access import Role, check_role, find_owner
from reviewer.errors import ReviewerError

Handler = TypeVar("Handler", bound=Callable[..., Any])

ROLE_MARK = "needed_role"


def needs(role: Role) -> Callable[[Handler], Handler]:
    """Return a decorator that lets only people with this role run the handler.

    A `ReviewerError` becomes a message on the page; what was typed stays there.
    """

    def decorate(handler: Handler) -> Handler:
        wrapped = (
            _wrap_generator(handler, role) if inspect.isgeneratorfunction(handler) else _wrap(handler, role)
        )
        setattr(wrapped, ROLE_MARK, role)
        return wrapped  # type: ignore[return-value]  # the wrapper has the handler's own signature

    return decorate


def _wrap(handler: Callable[..., Any], role: Role) -> Callable[..., Any]:
    @functools.wraps(handler)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            check_role(find_owner(), role)
            return handler(*args, **kwargs)
        except ReviewerError as error:
            raise show_error(error) from None

    return run


def _wrap_generator(handler: Callable[..., Any], role: Role) -> Callable[..., Any]:
    @functools.wraps(handler)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            check_role(find_owner(), role)
            yield from handler(*args, **kwargs)
        except ReviewerError as error:
            raise show_error(error) from None

    return run


def show_error(error: ReviewerError) -> gr.Error:
    """Return the error as a message; Gradio renders it as HTML, so it is escaped."""
    return gr.Error(escape(str(error)), title="", print_exception=False)
