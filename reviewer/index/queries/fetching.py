"""Running a statement and taking its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def fetch(cursor: DuckDBPyConnection, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statement's rows, column name → value."""
    cursor.execute(statement, dict(values))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def is_uuid(text: str) -> bool:
    """Return whether the text is a UUID as it is written."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
