"""Errors: one tree, and messages that name the bad value and what would work."""

from __future__ import annotations

import inspect

import pytest

from reviewer import errors
from reviewer.errors import ConflictError, InputError, ReviewerError, UnknownNameError

EVERY_ERROR = [
    each for _, each in inspect.getmembers(errors, inspect.isclass) if each.__module__ == errors.__name__
]


@pytest.mark.parametrize("error", EVERY_ERROR)
def test_every_error_is_in_the_tree_that_the_module_draws(error: type[Exception]) -> None:
    assert issubclass(error, ReviewerError)
    assert error.__name__ in (errors.__doc__ or "")
    assert error.__doc__


def test_an_unknown_name_is_answered_with_the_closest_and_the_known_ones() -> None:
    error = UnknownNameError("model", "tickts", ["digits", "tickets"])
    assert str(error) == "There is no model 'tickts'. Did you mean 'tickets'? Known: digits, tickets."


def test_an_unknown_name_that_is_close_to_none_is_answered_with_the_known_ones() -> None:
    assert str(UnknownNameError("view", "zzz", ["open"])) == "There is no view 'zzz'. Known: open."


def test_an_unknown_name_among_none_stands_alone() -> None:
    assert str(UnknownNameError("flag", "x")) == "There is no flag 'x'."


def test_at_most_twenty_known_names_are_listed() -> None:
    message = str(UnknownNameError("label", "?", [f"label{each:02}" for each in range(30)]))
    assert "label19 …" in message
    assert "label20" not in message


def test_the_known_names_may_be_a_generator() -> None:
    error = UnknownNameError("model", "tickts", (each for each in ["digits", "tickets"]))
    assert "Did you mean 'tickets'? Known: digits, tickets." in str(error)


def test_a_hostile_name_is_quoted() -> None:
    assert str(UnknownNameError("model", "a\n'b\"")) == "There is no model 'a\\n\\'b\"'."


def test_an_input_error_names_its_field() -> None:
    assert InputError("Too long.", "text").field == "text"
    assert InputError("Too long.").field == ""


def test_a_conflict_names_its_flag() -> None:
    assert ConflictError("Changed.", "f1").flag_id == "f1"
