"""The DuckDB files of the index and who may have them open.

DuckDB lets only one process open a file that is open for writing. So the app keeps `main.duckdb` open for
itself, and every other process opens `side.duckdb` for a moment under a lock. Both are made by the same code
and can be deleted at any time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import duckdb

from reviewer.errors import BusyError, LogError
from reviewer.index.sharing import SHARED_NAME, share_groups, take_groups
from reviewer.index.sql import load_sql
from reviewer.index.sync import create_tables, sync_index, transaction
from reviewer.log import Log, open_logs

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY_LIMIT = "1GB"
"""What DuckDB keeps in memory of an index, however large it is; the rest waits on the disk."""
PAGE_ROWS = 1000
"""Up to this many rows of a sorted page are fetched by position once chosen, instead of reading whole
columns: a page by confidence at 1 M flags takes 12 ms, not 74."""
LEAVING_SECONDS = 5.0
"""How long a killed process may take until its files are closed."""

WAIT_SECONDS = 30.0
"""How long a process waits for the side index: longer than a sandboxed query may run."""


class Index(Protocol):
    """Answers queries on the folded logs."""

    restarts: int
    """How often it was read anew, because a log was rewritten, since it was opened."""

    def reading(self) -> contextlib.AbstractContextManager[DuckDBPyConnection]:
        """Yield a connection of the caller's own to an index that holds all that was acknowledged."""

    def close(self) -> None:
        """Give the files back."""


class MainIndex:
    """The app's own index, open from start to end; a second app on the workspace is refused."""

    def __init__(self, folder: Path, logs: dict[str, Log]) -> None:
        self._logs, self._folder = logs, folder
        self._stamp: frozenset[tuple[str, int, int, int]] | None = None
        self.restarts = 0
        self._mutex = threading.Lock()
        lock = _open_lock(folder, "main")
        if not _try_lock(lock, fcntl.LOCK_EX):
            os.close(lock)
            raise BusyError(
                f"Another app already serves the workspace of {folder}; stop it, or use that one."
            )
        self._path = _index_folder(folder) / "main.duckdb"
        try:
            self._connection = _open_file(self._path)
        except BaseException:
            os.close(lock)
            raise
        self._lock: int | None = lock

    @contextlib.contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Yield a cursor on the synced index; threads may hold one each."""
        with _explaining(self._path):
            with self._mutex, self._connection.cursor() as cursor:
                self._sync(cursor)
            with self._connection.cursor() as cursor:
                yield cursor

    @contextlib.contextmanager
    def writing(self) -> Iterator[DuckDBPyConnection]:
        """Yield a cursor for a change of derived columns, synced, in one transaction; readers of news wait.

        Keep it short: a page is read only after a sync, which waits for this.
        """
        with _explaining(self._path), self._mutex, self._connection.cursor() as cursor:
            self._sync(cursor)
            with transaction(cursor):
                yield cursor

    def _sync(self, cursor: DuckDBPyConnection) -> None:
        """Read what the logs gained; when no file changed, that takes a look at them and nothing else."""
        stamp = _stamp(self._folder)
        if stamp != self._stamp:
            self.restarts += sync_index(cursor, self._logs)
            self._stamp = stamp

    def share_groups(self) -> None:
        """Let the indexes of all other processes have the groups as they are now."""
        with self.reading() as cursor:
            share_groups(cursor, self._path.parent)

    def close(self) -> None:
        """Close the file and let another app have it."""
        self._connection.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


class SideIndex:
    """The index of all other processes, opened for each use under a lock."""

    def __init__(self, folder: Path, logs: dict[str, Log] | None = None) -> None:
        self._folder = folder
        self._logs = logs or open_logs(folder)
        self.restarts = 0
        self._mutex = threading.Lock()

    @contextlib.contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Yield a connection to the synced index; one caller at a time."""
        with self._mutex, self._locked(fcntl.LOCK_EX), self._open() as connection:
            self._sync(connection)
            yield connection

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[tuple[Path, float]]:
        """Yield the index's file, closed and held against writers, and its age in seconds.

        The age is 0 when it could be synced now; when a long query holds the file, it is used as it is.
        """
        path = self._path()
        with self._mutex, self._lock_file() as lock:
            is_synced = self._try_sync(lock)
            _wait_lock(lock, fcntl.LOCK_SH)
            while not path.exists():  # whoever held the lock was deleting the file, or never made it
                is_synced = self._try_sync(lock)
                _wait_lock(lock, fcntl.LOCK_SH)
            yield path, 0.0 if is_synced else max(0.0, time.time() - path.stat().st_mtime)

    def _try_sync(self, lock: int) -> bool:
        """Sync the file unless another process holds it; returns whether it was synced."""
        if not _try_lock(lock, fcntl.LOCK_EX):
            return False
        with self._open() as connection:
            self._sync(connection)
        self._path().touch()
        return True

    def _sync(self, connection: DuckDBPyConnection) -> None:
        self.restarts += sync_index(connection, self._logs)
        take_groups(connection, _index_folder(self._folder))

    def close(self) -> None:
        """Nothing stays open between uses."""

    def _path(self) -> Path:
        return _index_folder(self._folder) / "side.duckdb"

    @contextlib.contextmanager
    def _open(self) -> Iterator[DuckDBPyConnection]:
        with _explaining(self._path()):
            connection = _open_file(self._path())
            try:
                yield connection
            finally:
                connection.close()

    @contextlib.contextmanager
    def _lock_file(self) -> Iterator[int]:
        lock = _open_lock(self._folder, "side")
        try:
            yield lock
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        with self._lock_file() as lock:
            _wait_lock(lock, kind)
            yield


def delete_index(folder: Path) -> None:
    """Delete the index files, so that the next use builds them from the logs again.

    Raises `BusyError` while the app or a query has one of them open.
    """
    for name in ("main", "side"):
        lock = _open_lock(folder, name)
        try:
            if not _try_lock(lock, fcntl.LOCK_EX):
                raise BusyError(f"The {name} index of {folder} is in use; stop the app or query first.")
            _remove_file(_index_folder(folder) / f"{name}.duckdb")
        finally:
            os.close(lock)
    (_index_folder(folder) / SHARED_NAME).unlink(missing_ok=True)


def _stamp(folder: Path) -> frozenset[tuple[str, int, int, int]]:
    """Return name, inode, size and time of change of each file of the logs."""
    with os.scandir(folder) as entries:
        found = [(each.name, each.stat()) for each in entries if each.name.endswith(".csv")]
    return frozenset((name, each.st_ino, each.st_size, each.st_mtime_ns) for name, each in found)


def _index_folder(folder: Path) -> Path:
    return folder / ".index"


def _open_lock(folder: Path, name: str) -> int:
    path = _index_folder(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        return os.open(path / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LogError(
            f"The index in {path} cannot be written ({error.strerror}); make the folder writable."
        ) from error


def _try_lock(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_lock(lock: int, kind: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not _try_lock(lock, kind):
        if time.monotonic() > deadline:
            raise BusyError(f"The index was in use for {WAIT_SECONDS:.0f} seconds; try again.")
        time.sleep(0.005)


@contextlib.contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Say in a sentence that the file cannot be used; a damaged one is removed, so that it is built again."""
    try:
        yield
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        if "Corrupt" in said or "invalidated" in said:
            _remove_file(path)
            raise LogError(
                f"The index {path} was damaged. Nothing is lost: try again, or start the app again,"
                " and it is built anew from the logs."
            ) from error
        if isinstance(error, duckdb.IOException):
            raise LogError(
                f"The index {path} cannot be used ({said}); free space or make the folder writable."
            ) from error
        raise


def _open_file(path: Path) -> DuckDBPyConnection:
    """Open the index; a file of another version, or a damaged one, is replaced by an empty index."""
    with contextlib.suppress(duckdb.Error):
        connection = _connect_when_free(path)
        if _read_version(connection) == _version():
            return connection
        connection.close()
    _remove_file(path)
    return _create_file(path)


def _connect_when_free(path: Path) -> DuckDBPyConnection:
    """Open the file; raises `BusyError` when another program keeps it open.

    A query that was killed has given back our lock before the system has closed its files.
    """
    deadline = time.monotonic() + LEAVING_SECONDS
    while True:
        try:
            return _connect(path)
        except duckdb.Error as error:
            if "lock on file" not in str(error):
                raise
            if time.monotonic() > deadline:
                raise BusyError(f"{path} is open in another program; close it there.") from error
            time.sleep(0.02)


def _connect(path: Path) -> DuckDBPyConnection:
    return duckdb.connect(
        path,
        config={
            "memory_limit": MEMORY_LIMIT,
            "late_materialization_max_rows": PAGE_ROWS,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        },
    )


def _create_file(path: Path) -> DuckDBPyConnection:
    try:
        connection = _connect(path)
    except duckdb.Error as error:
        raise LogError(
            f"The index {path} cannot be made ({str(error).splitlines()[0]}); free space or make the"
            " folder writable."
        ) from error
    create_tables(connection)
    connection.execute("create table index_version as select $version as version", {"version": _version()})
    return connection


def _read_version(connection: DuckDBPyConnection) -> str | None:
    found = connection.execute("select 1 from duckdb_tables() where table_name = 'index_version'").fetchone()
    if found is None:
        return None
    row = connection.execute("select version from index_version").fetchone()
    return row[0] if row else None


def _version() -> str:
    """Identify how rows are folded: an index made by other SQL is made again."""
    folded = "".join(load_sql(path.stem) for path in sorted((Path(__file__).parent / "sql").glob("*.sql")))
    return hashlib.sha256(folded.encode()).hexdigest()[:16]


def _remove_file(path: Path) -> None:
    for each in (path, path.with_name(path.name + ".wal")):
        each.unlink(missing_ok=True)
