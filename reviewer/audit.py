"""Who did what, when, from where: what people did beside reviewing, read together with the reviews.

The rule: what stands in the audit log is for admins; it is read from its log and never put into the index,
which analysts can query.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.access import find_whereabouts
from reviewer.errors import InputError
from reviewer.index.queries.fetching import fetch
from reviewer.index.sql import load_sql
from reviewer.log import Log, Position, columns_of, encode_row, open_logs
from reviewer.records import AuditEntry, new_id, utc_now

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

PAGE = 1_000

AUDIT_COLUMNS = columns_of("audit")

MOST_CELL = 2_000
"""Characters of a subject or of details; the rest is cut off."""


class Action(StrEnum):
    """What is put on record beside the review events."""

    SIGN_IN = "sign_in"
    LOCK_OUT = "lock_out"
    """So many wrong passwords that the next try has to wait."""
    SIGN_OUT_EVERYWHERE = "sign_out_everywhere"
    ADD_USER = "add_user"
    BIND_USER = "bind_user"
    """An identity provider vouches for somebody who was added by name."""
    CHANGE_ROLE = "change_role"
    REMOVE_USER = "remove_user"
    RESET_PASSWORD = "reset_password"  # noqa: S105  the name of an action
    SET_PASSWORD = "set_password"  # noqa: S105  the name of an action
    MAKE_TOKEN = "make_token"  # noqa: S105  the name of an action
    REVOKE_TOKEN = "revoke_token"  # noqa: S105  the name of an action
    CHANGE_LABELS = "change_labels"
    UNDO_LABELS = "undo_labels"
    SERVE = "serve"
    PROMOTE = "promote"
    OVERRIDE = "override"
    """A version was promoted although it does not pass the gate."""
    ROLL_BACK = "roll_back"
    EXPORT = "export"
    DOWNLOAD_AUDIT = "download_audit"
    TRY_WEBHOOK = "try_webhook"
    ERASE = "erase"
    RESTART_CHAIN = "restart_chain"


class AuditLog:
    """The log in which it stands who did what; each process that does something may have one."""

    def __init__(self, log: Log) -> None:
        self.log = log

    @classmethod
    def of_workspace(cls, folder: Path) -> AuditLog:
        """Return the log of the workspace in the folder, which need not be open."""
        return cls(open_logs(folder / "flagged")["audit"])

    def record(self, action: str, subject: str = "", *, person: str = "", details: str = "") -> AuditEntry:
        """Put on record what a person did; who asks, and from where, is known by itself."""
        who = find_whereabouts(person)
        made = AuditEntry(
            entry_id=new_id(), noted_at=utc_now(), person=who.person, action=action,
            subject=subject[:MOST_CELL], details=details[:MOST_CELL], address=who.address, agent=who.agent,
        )  # fmt: skip
        self.log.append([encode_row("audit", made)])
        return made


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

    def __str__(self) -> str:
        return ", ".join(
            f"{each.name}={value}" for each in fields(self) if (value := getattr(self, each.name))
        )


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
