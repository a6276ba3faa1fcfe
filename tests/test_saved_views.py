"""Saved views: kept durably, shown to whom they are for, changed by their owner alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from builders import UNKNOWN_ID

from reviewer.access import ForbiddenError
from reviewer.errors import InputError, LogError, UnknownNameError
from reviewer.saved_views import VIEWS_NAME, SavedViews


@pytest.fixture
def views(tmp_path: Path) -> SavedViews:
    return SavedViews(tmp_path)


def test_a_view_is_there_for_the_next_process(views: SavedViews, tmp_path: Path) -> None:
    made = views.save("ann", "  my   queue ", "view=mine&sort=priority")
    assert (made.name, made.query, made.owner, made.is_shared) == (
        "my queue",
        "view=mine&sort=priority",
        "ann",
        False,
    )
    assert SavedViews(tmp_path).list_for("ann") == [made]


def test_an_own_view_is_seen_by_its_owner_and_a_shared_one_by_all(views: SavedViews) -> None:
    own = views.save("ann", "own", "view=open")
    shared = views.save("ann", "Shared", "view=done", is_shared=True)
    assert views.list_for("ann") == [own, shared]
    assert views.list_for("bob") == [shared]


def test_an_own_view_is_changed_and_deleted(views: SavedViews) -> None:
    made = views.save("ann", "own", "view=open")
    changed = views.save("ann", "ours", "view=done", is_shared=True, view_id=made.view_id)
    assert views.list_for("ann") == [changed]
    views.delete("ann", made.view_id)
    assert views.list_for("ann") == []


def test_nobody_changes_another_s_view(views: SavedViews) -> None:
    shared = views.save("ann", "ours", "view=open", is_shared=True)
    with pytest.raises(ForbiddenError, match="The view 'ours' is ann's"):
        views.save("bob", "mine", "view=done", view_id=shared.view_id)
    with pytest.raises(ForbiddenError):
        views.delete("bob", shared.view_id)
    assert views.list_for("bob") == [shared]


def test_another_s_own_view_is_as_good_as_unknown(views: SavedViews) -> None:
    own = views.save("ann", "own", "view=open")
    for view_id in (own.view_id, UNKNOWN_ID):
        with pytest.raises(UnknownNameError, match="There is no saved view"):
            views.delete("bob", view_id)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": " "}, "The view's name has 0 characters; 1 to 100 are needed"),
        ({"name": "x" * 101}, "The view's name has 101 characters"),
        ({"query": "x" * 4_001}, "The view has 4,001 characters; 4,000 can be kept"),
    ],
)
def test_a_view_that_cannot_be_kept_is_refused(
    views: SavedViews, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        views.save("ann", **{"name": "own", "query": "", **given})
    assert views.list_for("ann") == []


def test_views_of_several_threads_are_all_kept(views: SavedViews) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: views.save("ann", f"view {number}", ""), range(24)))
    assert len(views.list_for("ann")) == 24


def test_a_damaged_file_is_named_and_left_as_it_is(views: SavedViews, tmp_path: Path) -> None:
    (tmp_path / VIEWS_NAME).write_text('[{"name": ')
    with pytest.raises(LogError, match=r"views.json cannot be read"):
        views.save("ann", "own", "")
    assert (tmp_path / VIEWS_NAME).read_text() == '[{"name": '
