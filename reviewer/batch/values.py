"""Typed values of Parquet and JSON as the cells that a CSV file would have."""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any

from reviewer.batch.sources import Attachment, Cell


def write_cell(value: Any) -> Cell:
    """Return the cell: "" for a missing value, a whole number without `.0`, lists and objects as JSON.

    Bytes, and the objects with `bytes` and `path` that image datasets have, are files.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return Attachment("", lambda: value)
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        return Attachment(str(value.get("path") or ""), lambda: value["bytes"])
    return _write_text(value)


def _write_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (bool, dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
