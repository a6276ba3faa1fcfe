"""The SQL of the index, one statement or script a file, read once.

Values reach a statement as `$name` parameters only.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def load_sql(name: str) -> str:
    """Return the text of `NAME.sql` in this folder."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
