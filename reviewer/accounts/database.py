"""The file in which accounts are kept: one SQLite database, readable by its owner alone.

The rule: a change is durable and whole when `changing` ends, whichever process makes it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reviewer.errors import LogError

PEOPLE_NAME = "people.sqlite"

_SCHEMA = """
create table if not exists people (
    key text primary key,           -- the name as it is compared: case and spelling variants are one person
    name text not null,
    role text not null,
    password text,                  -- a hash of argon2, null until somebody has chosen one
    subject text unique,            -- "issuer subject" of an identity provider
    added_at real not null
);
create table if not exists sessions (
    hash blob primary key, key text not null references people on delete cascade,
    started_at real not null, seen_at real not null
);
create table if not exists tokens (
    token_id text primary key, hash blob not null unique,
    key text not null references people on delete cascade,
    title text not null, scope text not null, made_at real not null, ends_at real
);
create table if not exists links (
    hash blob primary key, key text not null references people on delete cascade, ends_at real not null
);
"""


class Database:
    """The open file; any thread may use it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PEOPLE_NAME
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for questions; raises `LogError` when the file cannot be read."""
        with self._lock:
            try:
                yield self._connect()
            except (OSError, sqlite3.Error) as error:
                raise self._explain(error) from error

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside a transaction that no other process can be in too."""
        with self.reading() as connection:
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")

    def close(self) -> None:
        """Give the file back; a later call opens it again."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _connect(self) -> sqlite3.Connection:
        if self._open is None:
            # SQLite itself would make the file readable for all.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._path.chmod(0o600)
            self._open = sqlite3.connect(
                self._path, timeout=10, isolation_level=None, check_same_thread=False
            )
            self._open.row_factory = sqlite3.Row
            self._open.execute("pragma foreign_keys = on")
            self._open.executescript(_SCHEMA)
        return self._open

    def _explain(self, error: Exception) -> LogError:
        reason = getattr(error, "strerror", None) or error
        return LogError(
            f"{self._path} cannot be used ({reason}); free space, make it writable, or put a copy back."
        )
