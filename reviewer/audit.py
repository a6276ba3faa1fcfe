"""Who did what, when, from where: what people did beside reviewing, read together with the reviews.

The rule: what stands in the audit log is for admins; it is read from its log and never put into the index,
which analysts can query.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reviewer.errors import InputError
from reviewer.index.queries.fetching import fetch
from reviewer.index.sql import load_sql
from reviewer.log import Log, Position, columns_of
from reviewer.records import AuditEntry, utc_now

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

PAGE = 1_000

AUDIT_COLUMNS = columns_of("audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSlice:
    """Which entries are looked at; None lets everything through."""

    person: str | None = None
    action: str | None = None
    subject: str | None = None
    since: str | None = None
    """An ISO time; earlier ones are left out."""
    until: str | None = None
    """An ISO time; this and later ones are left out."""


def list_page(
    cursor: DuckDBPyConnection, log: Log, chosen: AuditSlice, after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Return up to `limit` entries and review events, newest first, and the cursor of the next page.

    Raises `InputError` for a time or cursor that is none.
    """
    import duckdb

    after_at, _, after_id = (after or "").partition("|")
    values = {
        "person": chosen.person, "action": chosen.action, "subject": chosen.subject,
        "since": chosen.since, "until": chosen.until,
        "after_at": after_at or None, "after_id": after_id, "limit": limit + 1,
    }  # fmt: skip
    cursor.register("audit_rows", _read_all(log))
    try:
        rows = fetch(cursor, load_sql("audit_page"), values)
    except duckdb.ConversionException as error:
        raise InputError(f"A time is none: {str(error).splitlines()[0]}.") from None
    finally:
        cursor.unregister("audit_rows")
    page = rows[:limit]
    return page, f"{page[-1]['noted_at']}|{page[-1]['entry_id']}" if len(rows) > limit else None


def _read_all(log: Log) -> pa.Table:
    import pyarrow as pa

    position, tables = Position(), []
    while (tail := log.tail(position)).position != position:
        tables.append(tail.rows)
        position = tail.position
    return pa.concat_tables([*tables, tail.rows])


def list_all(cursor: DuckDBPyConnection, log: Log, chosen: AuditSlice) -> Iterator[list[dict[str, Any]]]:
    """Yield every entry that fits, newest first, part by part."""
    after = None
    while True:
        page, after = list_page(cursor, log, chosen, after, PAGE)
        yield page
        if after is None:
            return


def build_entry(entry_id: str, person: str, action: str, **given: str) -> AuditEntry:
    """Return an entry of this moment."""
    cut = {name: value[:MOST_CELL] for name, value in given.items()}
    return AuditEntry(entry_id=entry_id, noted_at=utc_now(), person=person, action=action, **cut)


MOST_CELL = 2_000
"""Characters of a subject or of details; the rest is cut off."""
