"""How a route says that something was refused.

The rule: a refusal is one sentence in the asker's language, with its kind and the field it is about.
"""

from __future__ import annotations

from typing import Any

from reviewer.access import ForbiddenError, SignInNeededError
from reviewer.accounts import TooManyTriesError
from reviewer.errors import (
    BusyError,
    ConflictError,
    InputError,
    LogError,
    ModelError,
    QueryLimitError,
    QueryRefusedError,
    ReviewerError,
    UnknownNameError,
)
from reviewer.sentences import retell

STATUS_CODES: dict[type[ReviewerError], int] = {
    SignInNeededError: 401,
    TooManyTriesError: 429,
    ForbiddenError: 403,
    UnknownNameError: 404,
    InputError: 422,
    ConflictError: 409,
    QueryLimitError: 408,
    QueryRefusedError: 400,
    ModelError: 502,
    LogError: 507,
    BusyError: 503,
    ReviewerError: 500,
}
"""Error → status code; the first row whose class fits counts."""


def find_status(error: ReviewerError) -> int:
    """Return the status code of an error."""
    return next(code for kind, code in STATUS_CODES.items() if isinstance(error, kind))


def build_refusal(error: ReviewerError, language: str) -> dict[str, Any]:
    """Return the body that says why something was refused."""
    sentence = retell(str(error), language)
    return {"error": sentence, "field": getattr(error, "field", ""), "kind": type(error).__name__}
