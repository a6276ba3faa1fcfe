"""Up to where each person has read what they are told, and what they switched off, in `notifications.json`.

The rule: nothing that happened stands here, so the file can be deleted: then all is new to everybody again.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from reviewer.errors import LogError
from reviewer.folders import hold_lock

READERS_NAME = "notifications.json"


class Place(NamedTuple):
    """Rows of the logs of flags, reviews and deliveries."""

    flags: int = 0
    reviews: int = 0
    deliveries: int = 0

    def clip(self, end: Place) -> Place:
        """Return the place, or the end of each log that is shorter: one that was written anew."""
        return Place(*map(min, self, end))


BEGINNING = Place()


@dataclass(frozen=True, slots=True)
class Reader:
    """What is kept about one person."""

    place: Place = BEGINNING
    off: tuple[str, ...] = ()


class Readers:
    """What is kept about the people of one workspace."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / READERS_NAME
        self._mutex = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, Reader] = {}

    def find(self, name: str) -> Reader:
        """Return what is kept about a person; who has never read has everything before them."""
        return self._read().get(name, Reader())

    def move(self, name: str, place: Place, end: Place) -> None:
        """Note that somebody has read up to a place, never back; `end` is where the logs end."""
        with self._changing() as readers:
            known = readers.get(name, Reader())
            furthest = Place(*map(max, known.place.clip(end), place))
            readers[name] = replace(known, place=furthest)

    def switch_off(self, name: str, kinds: tuple[str, ...]) -> None:
        """Keep what somebody does not want to be told."""
        with self._changing() as readers:
            readers[name] = replace(readers.get(name, Reader()), off=kinds)

    def forget(self, name: str) -> None:
        """Keep nothing about somebody."""
        if name in self._read():
            with self._changing() as readers:
                readers.pop(name, None)

    def _read(self) -> dict[str, Reader]:
        """Return what is kept by name, from the file only when that is another one by now."""
        with self._mutex:
            try:
                found = self._path.stat()
                if (stamp := (found.st_ino, found.st_mtime_ns)) != self._stamp:
                    self._known, self._stamp = _parse(self._path.read_text(encoding="utf-8")), stamp
            except FileNotFoundError:
                self._known, self._stamp = {}, None
            except (OSError, ValueError, TypeError, AttributeError) as error:
                raise LogError(f"{self._path} cannot be read ({error}); mend or delete it.") from error
            return self._known

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Reader]]:
        """Yield what is kept under a lock of all processes, and write what became of it."""
        try:
            with hold_lock(self._path.with_name(f".{READERS_NAME}.lock")):
                readers = dict(self._read())
                yield readers
                self._write(readers)
        except OSError as error:
            raise LogError(f"{self._path} cannot be written: {error.strerror}.") from error

    def _write(self, readers: dict[str, Reader]) -> None:
        """Replace the file without waiting for the disk: after a crash, what was read may be new again."""
        aside = self._path.with_name(f".{READERS_NAME}.new")
        aside.write_text(json.dumps({name: asdict(each) for name, each in readers.items()}), encoding="utf-8")
        aside.replace(self._path)


def _parse(text: str) -> dict[str, Reader]:
    return {
        name: Reader(Place(*map(int, each["place"])), tuple(map(str, each["off"])))
        for name, each in json.loads(text).items()
    }
