"""What every Gradio handler goes through: the role check, and errors as one sentence.

The rule: each handler is marked with the role it needs; a test walks them and fails on an unmarked one.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from html import escape
from typing import Any, TypeVar

import gradio as gr
from gradio.context import LocalContext

from reviewer.access import (
    ASKED,
    ForbiddenError,
    Person,
    Role,
    SignInNeededError,
    Whereabouts,
    check_role,
    find_owner,
    log_refusal,
)
from reviewer.api import find_origin
from reviewer.errors import ReviewerError, StoppedError
from reviewer.sign_in import PAGES, find_person
from reviewer.ui.texts import find_language, load_texts, say_sentence

Handler = TypeVar("Handler", bound=Callable[..., Any])

ROLE_MARK = "needed_role"

_LOG = logging.getLogger(__name__)


def needs(role: Role, *, is_shown: bool = True) -> Callable[[Handler], Handler]:
    """Return a decorator that lets only people with this role run the handler.

    A `ReviewerError` becomes a message on the page; what was typed stays there. Programs get the message
    of a handler that is not `is_shown` as it is.
    """

    def decorate(handler: Handler) -> Handler:
        wrapped = _wrap(handler, role, show_error if is_shown else tell_error)
        setattr(wrapped, ROLE_MARK, role)
        return wrapped  # type: ignore[return-value]  # the wrapper has the handler's own signature

    return decorate


def _wrap(handler: Callable[..., Any], role: Role, tell: Callable[[str], gr.Error]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def run(*args: Any, **kwargs: Any) -> Any:
        """Return the handler's answer, or raise what went wrong as one sentence."""
        person = None
        token = ASKED.set(_find_whereabouts())
        try:
            person = find_asker()
            check_role(person, role)
            return handler(*args, **kwargs)
        except StoppedError as error:
            gr.Info(escape(say_sentence(_find_request(args), str(error))), title="")
            return gr.skip()
        except ReviewerError as error:
            if isinstance(error, ForbiddenError):
                log_refusal(person.name if person else "", handler.__qualname__, error)
            raise tell(say_sentence(_find_request(args), str(error))) from None
        except Exception:
            # A mistake in the program: the traceback is for the log, the sentence for the person.
            _LOG.exception("handler %s failed", handler.__qualname__)
            raise tell(load_texts(find_language(_find_request(args)))["error.unexpected"]) from None
        finally:
            ASKED.reset(token)

    return run


def _find_whereabouts() -> Callable[[], Whereabouts] | None:
    """Return how whoever an event comes from is found, None outside one."""
    asked = LocalContext.request.get(None)
    request = asked.request if asked else None
    return (lambda: find_origin(request.scope)) if request else None


def find_asker() -> Person:
    """Return who an event comes from; outside one that is the owner of this computer.

    Raises `SignInNeededError` when the app has sign-in and nobody is known.
    """
    asked = LocalContext.request.get(None)
    if asked is None:
        return find_owner()
    if asked.request is None:
        raise SignInNeededError("The event does not say who it comes from; load the page again.")
    # Gradio's own attribute would copy the scope by way of JSON.
    scope = asked.request.scope
    person = find_person(scope)
    if asked.session_hash and PAGES in scope:
        scope[PAGES].claim(asked.session_hash, person.name)
    return person


def _find_request(args: tuple[Any, ...]) -> gr.Request | None:
    """Return who asks, also of a handler that does not take the request; None outside an event."""
    own = next((each for each in args if isinstance(each, gr.Request)), None)
    return own or LocalContext.request.get(None)


def show_error(sentence: str) -> gr.Error:
    """Return the sentence as a message; Gradio renders it as HTML, so it is escaped."""
    return tell_error(escape(sentence))


def tell_error(sentence: str) -> gr.Error:
    """Return the sentence as the answer to a program, which shows it in its own way."""
    return gr.Error(sentence, title="", print_exception=False)
