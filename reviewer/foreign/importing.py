"""All rows of flag files into the log: each becomes a flag, was one before, or is quarantined with a reason.

The rule: rows in = imported + quarantined + skipped, and doing it again adds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reviewer.config import ModelSpec, WorkspaceSpec
from reviewer.errors import ConfigError, InputError
from reviewer.foreign.columns import Role, fit_columns
from reviewer.foreign.dialect import Row
from reviewer.foreign.drafts import find_model
from reviewer.foreign.rows import RowReader
from reviewer.foreign.sources import Source
from reviewer.log import Log, Position, encode_row
from reviewer.log.columns import format_time
from reviewer.log.csv_log import CsvLog
from reviewer.log.media import MediaStore
from reviewer.records import Progress, derive_id, utc_now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK_ROWS = 1000
"""So many flags are made durable at once: a sync costs as much for one as for all."""

QUARANTINE_COLUMNS = ("quarantine_id", "quarantined_at", "file", "row", "line", "reason", "raw")

_CHUNK_CHARACTERS = 32_000_000
_MOST_CHARACTERS = 10_000_000
"""Of a flag as the log writes it: in any alphabet that stays below what the log takes for one row."""
_MOST_RAW = 1_000_000
"""Characters of a damaged row that are kept; the rest is in its file."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that is no flag as it stands."""

    file: str
    row: int
    """1 for the first behind the header."""
    line: int
    """1-based line of the file at which it starts."""
    reason: str


@dataclass(slots=True)
class ImportReport:
    """What became of the rows."""

    imported: int = 0
    skipped: int = 0
    """Rows that are flags already, from an import before this one."""
    quarantined: list[Quarantined] = field(default_factory=list)
    models: dict[str, int] = field(default_factory=dict)
    """Model → how many flags it got."""

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return self.imported + self.skipped + len(self.quarantined)

    def count(self) -> dict[str, int]:
        """Return how many rows were imported, quarantined and skipped."""
        return {
            "imported": self.imported,
            "quarantined": len(self.quarantined),
            "skipped": self.skipped,
        }

    def list_quarantined(self) -> list[dict[str, str | int]]:
        """Return the quarantined rows as plain values."""
        return [asdict(each) for each in self.quarantined]


@dataclass(frozen=True, slots=True)
class Destination:
    """The parts of a workspace that an import writes to."""

    spec: WorkspaceSpec
    folder: Path
    """`flagged/`."""
    log: Log
    """Of flags."""
    media: MediaStore
    reading: Callable[[], AbstractContextManager[DuckDBPyConnection]]
    """Opens the synced index."""
    hide: Callable[[str], str]
    """Returns what is stored of a flagger's name."""


def import_flags(
    sources: Sequence[Source],
    destination: Destination,
    *,
    model: str | None = None,
    timezone: str = "UTC",
    progress: Progress = lambda share, doing: None,
) -> ImportReport:
    """Append every row that is a flag and is not in the log yet; returns what became of each.

    `timezone` is the zone of the machine that wrote the times, which they do not say. Stopped half-way, by
    `progress` raising, it keeps what it has appended, and the next import goes on from there. Raises
    `ConfigError` when no model has the columns of a file.
    """
    zone = _find_zone(timezone)
    chosen = [_choose_model(each, destination.spec, model) for each in sources]
    work = _Import(destination, progress, _count_bytes(sources))
    for source, spec in zip(sources, chosen, strict=True):
        columns = fit_columns(source.columns, spec, is_chosen=model is not None) if spec else None
        reader = RowReader(source, spec, columns, destination.media.save, zone) if spec and columns else None
        for at in range(len(source.files)):
            work.read_file(source, at, reader)
    work.flush()
    progress(1.0, "imported")
    return work.report


def _find_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError(f"There is no time zone {name!r}; use UTC or a name like Europe/Zurich.") from None


def _choose_model(source: Source, spec: WorkspaceSpec, model: str | None) -> ModelSpec | None:
    """Return the source's model; None for files without any column that could be an input."""
    if not any(each.role == Role.INPUT for each in source.columns):
        return None
    if model is not None:
        spec.find_model(model)
    found = find_model(source, spec.models, model)
    if found is None:
        raise ConfigError(
            f"No model has the columns of {source.shown[0]}; `reviewer import PATH --add-model` adds one to"
            " reviewer.toml, or name one with --model."
        )
    return found


def _count_bytes(sources: Sequence[Source]) -> int:
    return sum(file.stat().st_size for each in sources for file in each.files)


class _Import:
    """One run: what is known, what waits to be appended, and the report."""

    def __init__(self, destination: Destination, progress: Progress, size: int) -> None:
        self.report = ImportReport()
        self._destination = destination
        self._progress = progress
        self._size, self._done = max(size, 1), 0
        self._known = _find_known(destination)
        self._seen: dict[str, tuple[str, int]] = {}
        """Id of each row of this run → its file and number."""
        self._quarantine = _open_quarantine(destination.folder)
        self._quarantined = {row[0] for rows in read_quarantine(destination.folder) for row in rows}
        self._damages: Counter[str] = Counter()
        """Id of what a damaged row of this run says → how often it came."""
        self._waiting = 0
        """Characters of the rows that are not durable yet."""
        self._flags: list[tuple[str, ...]] = []
        self._damaged: list[tuple[str, ...]] = []

    def read_file(self, source: Source, at: int, reader: RowReader | None) -> None:
        """Take over every row of one file."""
        counts: dict[str, int] = {}
        changed_at = datetime.fromtimestamp(source.files[at].stat().st_mtime, UTC)
        for row in source.read(at):
            reason = self._take(row, counts, source.shown[at], reader, changed_at)
            if reason:
                self._set_aside(source, at, row, reason)
            self._done += len(row.raw)
            self._waiting += len(row.raw)
            if row.number % CHUNK_ROWS == 0 or self._waiting >= _CHUNK_CHARACTERS:
                self.flush()
                self._progress(min(self._done / self._size, 1.0), source.shown[at])

    def _take(
        self, row: Row, counts: dict[str, int], shown: str, reader: RowReader | None, changed_at: datetime
    ) -> str:
        """Take over a row; returns why it cannot be, "" when it could."""
        if row.cells is None:
            return f"The row {row.reason}"
        if reader is None:
            return "The file has no column that could be an input"
        flag_id = _identify(reader, row.cells, counts)
        if flag_id in self._seen:
            file, number = self._seen[flag_id]
            return f"The row is the same as row {number} of {file}"
        self._seen[flag_id] = shown, row.number
        if flag_id in self._known:
            self.report.skipped += 1
            return ""
        try:
            flag = reader.build_flag(flag_id, row.cells, shown, row.number, changed_at)
            flag = replace(flag, flagger=self._destination.hide(flag.flagger))
            self._flags.append(_check_size(encode_row("flags", flag)))
        except (ValueError, OverflowError, InputError) as error:
            return str(error).removesuffix(".")
        self.report.imported += 1
        self.report.models[flag.model] = self.report.models.get(flag.model, 0) + 1
        return ""

    def _set_aside(self, source: Source, at: int, row: Row, reason: str) -> None:
        """Report the row and keep it, unless it was kept before.

        Its id is made of what it says and of how often that came, not of where it lies: a folder, its
        archive and a file out of it hold the same rows.
        """
        shown, reason = source.shown[at], reason + "."
        self.report.quarantined.append(Quarantined(shown, row.number, row.line, reason))
        raw = row.raw[:_MOST_RAW].replace("\0", "\\0")
        said = derive_id(_EPOCH, *(source.header or ()), "", raw.rstrip("\r\n"))
        self._damages[said] += 1
        key = derive_id(_EPOCH, said, str(self._damages[said]))
        if key not in self._quarantined:
            self._quarantined.add(key)
            now = format_time(utc_now())
            self._damaged.append((key, now, shown, str(row.number), str(row.line), reason, raw))

    def flush(self) -> None:
        """Make what waits durable."""
        self._destination.log.append(self._flags)
        self._quarantine.append(self._damaged)
        self._flags, self._damaged, self._waiting = [], [], 0


def _identify(reader: RowReader, cells: Sequence[str], counts: dict[str, int]) -> str:
    """Return the id of the next flag of one file with these cells; `counts` has those before it."""
    first = reader.identify(cells, 1)
    counts[first] = counts.get(first, 0) + 1
    return first if counts[first] == 1 else reader.identify(cells, counts[first])


def _check_size(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Return the cells; raises `ValueError` when they are more than the log should hold in one row."""
    if sum(map(len, cells)) > _MOST_CHARACTERS:
        raise ValueError(f"The row is longer than {_MOST_CHARACTERS:,} characters")
    return cells


def _find_known(destination: Destination) -> set[str]:
    with destination.reading() as cursor:
        rows = cursor.execute("select flag_id::varchar from flags where source = 'import'").fetchall()
    return {flag_id for (flag_id,) in rows}


def read_quarantine(flagged: Path) -> Iterator[list[tuple[str, ...]]]:
    """Yield all rows that were ever set aside, in parts, with the cells of `QUARANTINE_COLUMNS`.

    Each is there once, also when two imports set it aside at the same time.
    """
    log, position = _open_quarantine(flagged), Position()
    seen: set[str] = set()
    while (tail := log.tail(position)).position != position:
        rows = zip(*(column.to_pylist() for column in tail.rows.columns), strict=True)
        fresh = {row[0]: row for row in rows if row[0] not in seen}
        seen.update(fresh)
        yield list(fresh.values())
        position = tail.position


def _open_quarantine(flagged: Path) -> CsvLog:
    return CsvLog(flagged / "quarantine", "rows", QUARANTINE_COLUMNS)
