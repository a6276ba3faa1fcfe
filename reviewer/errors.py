"""Every error that a caller of the program can meet, and nothing else.

A message is one sentence or two: it names the bad value, then what would work. Front ends show it as
it is, so it never holds a traceback.

    ReviewerError
    ├── ConfigError          reviewer.toml is missing, broken or asks for what does not exist
    ├── InputError           a value that a person or program handed in cannot be used
    │   └── UnknownNameError no model, flag, label, option … of that name
    ├── ConflictError        somebody else changed the flag first
    ├── LogError             a log file cannot be read, or a row could not be written
    ├── ModelError           a model cannot be loaded, or failed on an example
    │   ├── UntrustedModelError  loading it would run code that nobody trusted
    │   └── ModelBusyError   it was not asked, since it is still at work on earlier examples
    ├── QueryError           an analyst's SQL
    │   ├── QueryRefusedError    the statement is not allowed, or is wrong
    │   └── QueryLimitError      it took more time, memory or rows than it may
    ├── BusyError            another process holds what this one needs
    └── StoppedError         the person stopped the work
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ReviewerError(Exception):
    """Base of every error raised on purpose."""


class ConfigError(ReviewerError):
    """`reviewer.toml` is missing, broken or asks for what does not exist."""


class InputError(ReviewerError):
    """A value that a person or program handed in cannot be used.

    `field` is the input component it belongs to, "" when it belongs to none.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class UnknownNameError(InputError):
    """No model, version, flag, label or option of that name; the message lists the known ones."""

    def __init__(self, what: str, name: object, known: Iterable[object] = ()) -> None:
        super().__init__(f"There is no {what} {str(name)!r}.{_known_names(str(name), known)}")


class ConflictError(ReviewerError):
    """Somebody else changed the flag after the caller last saw it; nothing was overwritten."""

    def __init__(self, message: str, flag_id: str = "") -> None:
        super().__init__(message)
        self.flag_id = flag_id


class LogError(ReviewerError):
    """A log file cannot be read, or a row could not be written (and so was not acknowledged)."""


class ModelError(ReviewerError):
    """A model cannot be loaded, or failed on an example.

    `details` is for the record, never for a page: the traceback of the model's own code, "" without one.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class ModelBusyError(ModelError):
    """The model was not asked, since its earlier calls still run; this says nothing of the example."""


class UntrustedModelError(ModelError):
    """Loading the model file would run code that nobody has trusted."""


class QueryError(ReviewerError):
    """An analyst's SQL could not be answered."""


class QueryRefusedError(QueryError):
    """The statement is not allowed here, or DuckDB finds it wrong."""


class QueryLimitError(QueryError):
    """The statement took more time, memory or rows than it may and was stopped."""


class BusyError(ReviewerError):
    """Another process holds what this one needs."""


class StoppedError(ReviewerError):
    """The person stopped the work; what it had written aside was removed."""


def _known_names(name: str, known: Iterable[object]) -> str:
    names = [str(each) for each in known]
    if not names:
        return ""
    listed = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    close = get_close_matches(name, names, 1)
    return f" Did you mean {close[0]!r}? Known: {listed}." if close else f" Known: {listed}."
