"""The groups that the app found, handed to the index of all other processes in a file between the two.

The rule: the file is replaced as a whole, so who takes it has all groups as they were at one moment. It can
be deleted at any time; the app writes it again when a group changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from reviewer.index.sql import load_sql
from reviewer.index.sync import transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHARED_NAME = "groups.arrow"


def share_groups(cursor: DuckDBPyConnection, folder: Path) -> None:
    """Write group and size of every flag that has a group into the folder of the indexes."""
    table = cursor.sql(
        "select flag_id::varchar as flag_id, group_id::varchar as group_id, group_size"
        " from flags where group_id is not null"
    ).to_arrow_table()
    aside = folder / f".{SHARED_NAME}"
    with pa.OSFile(str(aside), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    aside.replace(folder / SHARED_NAME)


def take_groups(connection: DuckDBPyConnection, folder: Path) -> None:
    """Write the groups of the file into the flags, unless they were taken from this very file before."""
    try:
        with pa.OSFile(str(folder / SHARED_NAME)) as file:
            stamp = _read_stamp(folder)
            if connection.execute(load_sql("group_taken"), stamp).fetchone():
                return
            shared = pa.ipc.open_file(file).read_all()
    except (FileNotFoundError, pa.ArrowInvalid):  # never written, or damaged: the next one counts
        return
    connection.register("shared", shared)
    with transaction(connection):
        connection.execute(load_sql("group_take"))
        connection.execute("delete from read_positions where stream = 'shared groups'")
        connection.execute(load_sql("group_note_taken"), stamp)
    connection.unregister("shared")


def _read_stamp(folder: Path) -> dict[str, int]:
    found = (folder / SHARED_NAME).stat()
    return {"inode": found.st_ino, "moment": found.st_mtime_ns}
