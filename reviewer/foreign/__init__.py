"""Flags that other programs wrote: Gradio's flag folders of every version, read into a workspace.

    dialect.py    bytes → rows, also out of torn files
    folder.py     which files are flag files; which file a cell names
    cells.py      cell → value, by component
    columns.py    what each column is, guessed, told by hand or taken from a model
    sources.py    the files of one app with the same columns, looked at once
    drafts.py     a model's table of reviewer.toml for flags that fit no model
    rows.py       row → flag
    importing.py  all rows into the log or into quarantine
    archive.py    what was given or uploaded, as a folder or file

The rule: nothing outside the imported folder is ever read, and no row is lost without a word.
"""

from __future__ import annotations

from reviewer.foreign.archive import open_given, open_upload
from reviewer.foreign.columns import Column, parse_mapping
from reviewer.foreign.drafts import prepare_workspace
from reviewer.foreign.importing import (
    QUARANTINE_COLUMNS,
    Destination,
    ImportReport,
    Quarantined,
    import_flags,
    read_quarantine,
)
from reviewer.foreign.sources import Source, read_sources

__all__ = [
    "QUARANTINE_COLUMNS",
    "Column",
    "Destination",
    "ImportReport",
    "Quarantined",
    "Source",
    "import_flags",
    "open_given",
    "open_upload",
    "parse_mapping",
    "prepare_workspace",
    "read_quarantine",
    "read_sources",
]
