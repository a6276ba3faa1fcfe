"""The chain over the log of reviews: whatever is altered, removed or put in is named."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import append, make_review, open_small_logs
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.chain import Chain
from reviewer.errors import InputError, LogError
from reviewer.records import new_id

Lines = list[list[str]]


def open_chain(folder: Path) -> Chain:
    logs = open_small_logs(folder)
    return Chain(folder, logs["reviews"], logs["chain"])


def add_reviews(folder: Path, count: int) -> list[str]:
    made = [make_review(new_id(), value="bad_input", reviewer="ana\nb") for _ in range(count)]
    append(open_small_logs(folder), *made)
    return [each.event_id for each in made]


def edit(folder: Path, change: Callable[[Lines], object]) -> None:
    """Rewrite the log as somebody with an editor would."""
    path = folder / "reviews-0001.csv"
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    change(rows)
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def test_a_log_that_nobody_touched_is_as_it_was_sealed(tmp_path: Path) -> None:
    add_reviews(tmp_path, 3)
    open_chain(tmp_path).seal()
    add_reviews(tmp_path, 2)
    checked = open_chain(tmp_path).verify()
    assert (checked.sealed, checked.unsealed, checked.problem) == (3, 2, None)


def test_sealing_again_adds_nothing_and_goes_on_where_another_process_stopped(tmp_path: Path) -> None:
    add_reviews(tmp_path, 3)
    one, other = open_chain(tmp_path), open_chain(tmp_path)
    assert one.seal() == one.seal() == other.seal()
    add_reviews(tmp_path, 1)
    assert other.seal() == one.seal()
    assert one.verify().sealed == 4


def test_a_workspace_without_reviews_has_nothing_to_seal(tmp_path: Path) -> None:
    assert open_chain(tmp_path).seal().links == 0
    assert open_chain(tmp_path).verify().problem is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[2].__setitem__(5, "someone else"), "line 4: the row {1} was altered."),
        (lambda rows: rows.pop(2), "line 4: the row {1} was removed before it."),
        (lambda rows: rows.insert(2, [new_id(), *rows[2][1:]]), "was put in."),
        (lambda rows: rows.pop(), "The row {3} was removed from the end of the log."),
        (lambda rows: rows.insert(1, rows.pop(2)), "line 2: the row {0} was removed before it."),
    ],
)
def test_the_first_row_that_is_not_as_it_was_is_named(
    tmp_path: Path, change: Callable[[Lines], object], said: str
) -> None:
    ids = add_reviews(tmp_path, 4)
    open_chain(tmp_path).seal()
    edit(tmp_path, change)
    problem = open_chain(tmp_path).verify().problem
    assert problem is not None
    assert said.format(*ids) in problem
    assert "reviews-0001.csv" in problem or "end of the log" in problem


@given(st.randoms(use_true_random=False), st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_any_single_edit_of_a_sealed_row_is_found(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, count: int
) -> None:
    folder = tmp_path_factory.mktemp("chain")
    add_reviews(folder, count)
    open_chain(folder).seal()
    at, cell = chance.randint(1, count), chance.randint(1, 14)
    edit(folder, lambda rows: rows[at].__setitem__(cell, rows[at][cell] + "x"))
    problem = open_chain(folder).verify().problem
    assert problem is not None
    assert f"line {2 * at}" in problem  # each row has a line feed of its own in it


def test_an_altered_log_is_not_sealed_again(tmp_path: Path) -> None:
    add_reviews(tmp_path, 4)
    open_chain(tmp_path).seal()
    edit(tmp_path, lambda rows: rows.pop(2))
    with pytest.raises(LogError, match="not as it was sealed"):
        open_chain(tmp_path).seal()


def test_a_chain_that_was_written_anew_is_found_by_a_head_kept_elsewhere(tmp_path: Path) -> None:
    add_reviews(tmp_path, 4)
    kept = str(open_chain(tmp_path).seal())
    assert open_chain(tmp_path).verify(kept).problem is None
    edit(tmp_path, lambda rows: rows[1].__setitem__(5, "bad"))
    (tmp_path / "chain-0001.csv").unlink()
    open_chain(tmp_path).seal()
    assert open_chain(tmp_path).verify().problem is None
    assert "was written anew" in str(open_chain(tmp_path).verify(kept).problem)


def test_a_chain_that_was_cut_is_found_by_a_head_kept_elsewhere(tmp_path: Path) -> None:
    add_reviews(tmp_path, 2)
    open_chain(tmp_path).seal()
    before = (tmp_path / "chain-0001.csv").read_bytes()
    add_reviews(tmp_path, 2)
    kept = str(open_chain(tmp_path).seal())
    (tmp_path / "chain-0001.csv").write_bytes(before)
    assert "it was cut" in str(open_chain(tmp_path).verify(kept).problem)


def test_a_chain_that_was_altered_is_found(tmp_path: Path) -> None:
    add_reviews(tmp_path, 2)
    open_chain(tmp_path).seal()
    path = tmp_path / "chain-0001.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2], lines[1], *lines[3:]]) + "\n")
    assert "The chain itself was altered" in str(open_chain(tmp_path).verify().problem)


@pytest.mark.parametrize("head", ["", "x", "3:abc", "-1:" + "0" * 64])
def test_what_is_no_head_is_refused(tmp_path: Path, head: str) -> None:
    with pytest.raises(InputError, match="is none"):
        open_chain(tmp_path).verify(head)


def alter(folder: Path) -> None:
    edit(folder, lambda rows: rows[2].__setitem__(5, "someone else"))


def test_a_new_chain_vouches_for_a_log_that_was_mended_on_purpose(tmp_path: Path) -> None:
    add_reviews(tmp_path, 4)
    running = open_chain(tmp_path)
    head = str(running.seal())
    alter(tmp_path)
    assert "line 4: the row" in open_chain(tmp_path).restart(" ana mended\n a name ")
    checked = open_chain(tmp_path).verify(head)
    assert (checked.sealed, checked.problem, checked.restarted) == (4, None, "ana mended a name")
    add_reviews(tmp_path, 1)
    assert running.seal() == open_chain(tmp_path).verify().head
    edit(tmp_path, lambda rows: rows[2].__setitem__(5, "a third one"))
    assert "line 4: the row" in (open_chain(tmp_path).verify().problem or "")


def test_a_new_chain_follows_on_one_that_was_altered_itself(tmp_path: Path) -> None:
    add_reviews(tmp_path, 2)
    open_chain(tmp_path).seal()
    path = tmp_path / "chain-0001.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], *lines[2:]]))
    assert "The chain itself was altered" in open_chain(tmp_path).restart("a bad disk")
    assert open_chain(tmp_path).verify().problem is None


def test_a_new_chain_can_be_begun_more_than_once(tmp_path: Path) -> None:
    add_reviews(tmp_path, 4)
    open_chain(tmp_path).seal()
    for name, reason in (("b", "first"), ("c", "second")):
        edit(tmp_path, lambda rows, name=name: rows[1].__setitem__(5, name))  # type: ignore[misc]
        open_chain(tmp_path).restart(reason)
    checked = open_chain(tmp_path).verify()
    assert (checked.sealed, checked.restarted) == (4, "second")


def test_nobody_begins_a_new_chain_without_need_or_reason(tmp_path: Path) -> None:
    add_reviews(tmp_path, 4)
    open_chain(tmp_path).seal()
    with pytest.raises(InputError, match="nothing to begin anew"):
        open_chain(tmp_path).restart("just so")
    alter(tmp_path)
    with pytest.raises(InputError, match="needs a reason"):
        open_chain(tmp_path).restart("  ")
