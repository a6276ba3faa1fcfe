"""With which code the program ends: one per kind of error, so that scripts can tell them apart.

The rule: an expected error never ends like a mistake in the program, which is 1.
"""

from __future__ import annotations

from reviewer.errors import (
    BusyError,
    ConfigError,
    ConflictError,
    InputError,
    LogError,
    ModelError,
    QueryError,
    ReviewerError,
    StoppedError,
)

FOUND_PROBLEMS = 9
CANCELLED = 130
EXIT_CODES: dict[type[ReviewerError], int] = {
    ConfigError: 3,
    InputError: 3,
    ConflictError: 4,
    LogError: 5,
    ModelError: 6,
    QueryError: 7,
    BusyError: 8,
    StoppedError: CANCELLED,
}
"""Error → exit code; an error without a row has that of its parent."""


def find_exit_code(error: ReviewerError) -> int:
    """Return the exit code of the error's nearest class in `EXIT_CODES`."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)
