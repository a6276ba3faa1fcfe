"""Filters and orders of the queue that people keep under a name, in `views.json` of the workspace.

The rule: only its owner changes a view; one that is shared is seen by everybody.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from reviewer.access import ForbiddenError
from reviewer.errors import InputError, LogError, UnknownNameError
from reviewer.folders import hold_lock, sync_folder
from reviewer.records import new_id

VIEWS_NAME = "views.json"

MOST_NAME, MOST_QUERY, MOST_VIEWS = 100, 4_000, 1_000
"""Characters of a name and of a query, and views of one workspace."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """One kept question to the queue."""

    view_id: str
    name: str
    query: str
    """Filters and order as in the address of the desk."""
    owner: str
    is_shared: bool = False


class SavedViews:
    """The kept views of one workspace."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / VIEWS_NAME

    def list_for(self, person: str) -> list[SavedView]:
        """Return the person's own views and the shared ones, by name."""
        seen = [each for each in self._read() if each.is_shared or each.owner == person]
        return sorted(seen, key=lambda each: each.name.casefold())

    def read_stamp(self) -> str:
        """Return a text that is another one once a view was saved, changed or deleted."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return ""
        return f"{found.st_ino}-{found.st_mtime_ns}"

    def save(
        self, person: str, name: str, query: str, *, is_shared: bool = False, view_id: str | None = None
    ) -> SavedView:
        """Keep a view, or change the person's own one with this id; returns it once it is durable.

        Raises `InputError`, `UnknownNameError` or `ForbiddenError`.
        """
        name = _check_name(name)
        if len(query) > MOST_QUERY:
            raise InputError(f"The view has {len(query):,} characters; {MOST_QUERY:,} can be kept.")
        with self._changing() as views:
            if view_id is None and len(views) >= MOST_VIEWS:
                raise InputError(f"There are {len(views):,} saved views; delete one first.")
            if view_id is not None:
                _find_own(views, person, view_id)
            made = SavedView(view_id or new_id(), name, query, person, is_shared)
            views[made.view_id] = made
        return made

    def delete(self, person: str, view_id: str) -> None:
        """Forget the person's own view; raises `UnknownNameError` or `ForbiddenError`."""
        with self._changing() as views:
            del views[_find_own(views, person, view_id).view_id]

    def _read(self) -> list[SavedView]:
        try:
            return [SavedView(**each) for each in json.loads(self._path.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            raise LogError(f"{self._path} cannot be read ({error}); mend or delete it.") from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, SavedView]]:
        """Yield the views by id under a lock of all processes, and write what became of them."""
        try:
            with hold_lock(self._path.with_name(f".{VIEWS_NAME}.lock")):
                views = {each.view_id: each for each in self._read()}
                yield views
                self._write(list(views.values()))
        except OSError as error:
            raise LogError(f"{self._path} cannot be written: {error.strerror}.") from error

    def _write(self, views: list[SavedView]) -> None:
        aside = self._path.with_name(f".{VIEWS_NAME}.new")
        with aside.open("w", encoding="utf-8") as file:
            json.dump([asdict(each) for each in views], file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        sync_folder(self._path.parent)


def _check_name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= MOST_NAME:
        raise InputError(f"The view's name has {len(name)} characters; 1 to {MOST_NAME} are needed.")
    return name


def _find_own(views: dict[str, SavedView], person: str, view_id: str) -> SavedView:
    found = views.get(view_id)
    if found is None or not (found.is_shared or found.owner == person):
        raise UnknownNameError("saved view", view_id)
    if found.owner != person:
        raise ForbiddenError(f"The view {found.name!r} is {found.owner}'s; save it under another name.")
    return found
