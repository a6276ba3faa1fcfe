"""The rows of an export as the formats read them: part by part, as a statement, as dicts or as a table.

The rule: every format gets the same rows in the same order, that of the log, with personal data already
redacted where that was chosen. Flags are read once for all formats, and nothing holds all rows at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.bundle.columns import build_columns, list_media, list_texts
from reviewer.bundle.options import ExportOptions
from reviewer.bundle.selecting import Source, quote_path
from reviewer.config import ModelSpec
from reviewer.records import Progress

if TYPE_CHECKING:
    import pyarrow as pa

PART_ROWS = 2 * 122_880
"""Flags of the log whose rows are read at once: DuckDB gives each row group of 122,880 a thread."""

_FETCHED = 10_000

_EXPORTED = "exported join flags using (position)"


@dataclass(frozen=True, slots=True)
class Rows:
    """The selected rows of one export."""

    source: Source
    options: ExportOptions

    @property
    def spec(self) -> ModelSpec:
        """The model's spec."""
        return self.source.spec

    def list_splits(self) -> list[str]:
        """Return the splits that have rows, from the least held out to the most."""
        found = {
            name for (name,) in self.source.cursor.execute("select distinct split from exported").fetchall()
        }
        return [each for each in self.options.splits if each in found]

    def list_columns(self, *, is_typed: bool) -> dict[str, str]:
        """Return column → what reads it; personal data is already taken out where that was chosen."""
        has_distribution = self.options.policy == "soft"
        columns = build_columns(self.spec, is_typed=is_typed, has_distribution=has_distribution)
        for name in self._list_redacted():
            columns[name] = f'coalesce("redacted_{name}".redacted, {columns[name]})'
        return columns

    def list_first(self, count: int) -> list[dict[str, Any]]:
        """Return the first rows of the least held out splits, column → text."""
        columns = _select(self.list_columns(is_typed=False))
        cursor = self.source.cursor.execute(
            f"select {columns} from {_EXPORTED}{self._join_redacted()}"  # noqa: S608  own names
            " order by list_position($splits, split), exported.position limit $count",
            {"splits": self.options.splits, "count": count},
        )
        names = [each[0] for each in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def list_parts(self, progress: Progress) -> Iterator[Part]:
        """Lay out the rows in log order, part by part; a part is gone once the next one is asked for.

        DuckDB's joins keep no order when they have several threads, and sorting all rows would take as long
        as writing them; a part is sorted in no time.
        """
        text, typed = (self.list_columns(is_typed=is_typed) for is_typed in (False, True))
        own_types = {name for name in typed if typed[name] != text[name]}
        columns = _select({**text, **{_name_typed(name): typed[name] for name in typed if name in own_types}})
        ((end,),) = self.source.cursor.execute(
            "select coalesce(max(position), 0) + 1 from exported"
        ).fetchall()
        for first in range(0, end, PART_ROWS):
            progress(first / end, "Writing the rows")
            part = f"between {first} and {first + PART_ROWS - 1}"
            self.source.cursor.execute(
                f'create or replace temp table part as select split as "part split", {columns}'  # noqa: S608
                f" from {_EXPORTED}{self._join_redacted()}"
                f" where exported.position {part} and flags.position {part} order by exported.position"
            )
            yield Part(self, tuple(typed), frozenset(own_types), is_first=first == 0)
        self.source.cursor.execute("drop table if exists part")

    def list_media(self) -> list[str]:
        """Return the names of the files that the rows name, each once."""
        names: set[str] = set()
        for each in list_media(self.spec):
            found = self.source.cursor.execute(
                f"select distinct inputs ->> '$.{each}.media' from exported join flags using (position)"  # noqa: S608
            ).fetchall()
            names.update(name for (name,) in found if name)
        return sorted(names)

    def copy_media(self, name: str, path: Path) -> None:
        """Write a copy of a stored file."""
        shutil.copyfile(self.source.media.find(name), path)

    def _list_redacted(self) -> list[str]:
        if self.options.personal != "redact":
            return []
        found = self.source.cursor.execute("select distinct column_name from personal").fetchall()
        return [name for name in list_texts(self.spec) if (name,) in found]

    def _join_redacted(self) -> str:
        """Return the joins with the redacted texts, one per column that has any."""
        texts = list_texts(self.spec)
        return "".join(
            f" left join (select distinct text, redacted from personal where column_name = '{name}')"  # noqa: S608
            f' as "redacted_{name}" on "redacted_{name}".text = {texts[name]}'
            for name in self._list_redacted()
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are laid out in the table `part`, in log order.

    A column whose typed form differs stands there twice; names of inputs have no spaces, so no name clashes.
    """

    rows: Rows
    columns: tuple[str, ...]
    own_types: frozenset[str]
    """Columns that are no text."""
    is_first: bool
    """Whether nothing was written before."""

    def select(self, split: str | None, *, is_typed: bool) -> str:
        """Return the statement that gives the rows of a split, of all for None."""
        chosen = ", ".join(
            f'"{_name_typed(name)}" as "{name}"' if is_typed and name in self.own_types else f'"{name}"'
            for name in self.columns
        )
        own = f" where \"part split\" = '{split}'" if split else ""
        return f"select {chosen} from part{own}"  # noqa: S608  own names

    def copy(self, split: str, path: Path, how: str, *, is_typed: bool) -> None:
        """Append the rows of a split to a file; `how` are the options of DuckDB's COPY."""
        aside = path.with_name(f"{path.name}.part")
        select = self.select(split, is_typed=is_typed)
        self.rows.source.cursor.execute(f"copy ({select}) to '{quote_path(aside)}' ({how})")
        with aside.open("rb") as part, path.open("ab") as file:
            shutil.copyfileobj(part, file, 1 << 20)
        aside.unlink()

    def read_table(self, split: str, columns: str = "*") -> pa.Table:
        """Return the rows of a split with the columns, each of its own type; `columns` may compute."""
        select = self.select(split, is_typed=True)
        return self.rows.source.cursor.sql(f"select {columns} from ({select})").to_arrow_table()  # noqa: S608

    def stream(self, split: str | None, *, is_typed: bool = True) -> Iterator[dict[str, Any]]:
        """Yield the rows of a split, of all for None; the connection does nothing else meanwhile."""
        cursor = self.rows.source.cursor.execute(self.select(split, is_typed=is_typed))
        while part := cursor.fetchmany(_FETCHED):
            yield from (dict(zip(self.columns, row, strict=True)) for row in part)


AddPart = Callable[[Part], None]
"""Appends a part to the files of a format."""


def _select(columns: dict[str, str]) -> str:
    return ", ".join(f'{expression} as "{name}"' for name, expression in columns.items())


def _name_typed(name: str) -> str:
    return f"typed {name}"
