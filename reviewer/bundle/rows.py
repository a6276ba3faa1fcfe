"""The rows of an export as the formats read them: a statement to copy, or dicts in a stream.

The rule: every format gets the same rows in the same order, that of the log, with personal data already
redacted where that was chosen. Nothing holds all rows at once.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from reviewer.bundle.columns import build_columns, list_media, list_texts
from reviewer.bundle.options import ExportOptions
from reviewer.bundle.selecting import Source, quote_path
from reviewer.config import ModelSpec

PART_ROWS = 122_880
"""Flags of the log whose rows are read at once; the row group of a Parquet file."""

_FETCHED = 10_000


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

    def list_parts(self, *, is_typed: bool) -> Iterator[str]:
        """Yield the statements that give the rows in log order, part by part, each with its `part_split`.

        DuckDB's joins keep no order when they have several threads, and sorting all rows would take as long
        as writing them; a part is sorted in no time.
        """
        columns = self.list_columns(is_typed=is_typed)
        chosen = ", ".join(f'{expression} as "{name}"' for name, expression in columns.items())
        joined = f"exported join flags using (position){self._join_redacted()}"
        ((end,),) = self.source.cursor.execute(
            "select coalesce(max(position), 0) + 1 from exported"
        ).fetchall()
        for first in range(0, end, PART_ROWS):
            part = f"between {first} and {first + PART_ROWS - 1}"
            yield (
                f"select split as part_split, {chosen} from {joined}"  # noqa: S608  own names and numbers
                f" where exported.position {part} and flags.position {part} order by exported.position"
            )

    def copy(self, paths: Mapping[str, Path], how: str, *, is_typed: bool, has_header: bool = False) -> None:
        """Write the rows of splits with DuckDB; `paths` are split → file, `how` the options of its COPY."""
        with contextlib.ExitStack() as stack:
            files = {split: stack.enter_context(path.open("wb")) for split, path in paths.items()}
            for number, select in enumerate(self.list_parts(is_typed=is_typed)):
                # All splits from one reading: what a part takes is unpacking the columns of its flags.
                self.source.cursor.execute(f"create or replace temp table part as {select}")
                header = f", header {str(number == 0).lower()}" if has_header else ""
                for split, file in files.items():
                    self._copy_part(split, file, f"{how}{header}")
        self.source.cursor.execute("drop table if exists part")

    def _copy_part(self, split: str, file: IO[bytes], how: str) -> None:
        aside = Path(f"{file.name}.part")
        chosen = f"select * exclude (part_split) from part where part_split = '{split}'"  # noqa: S608
        self.source.cursor.execute(f"copy ({chosen}) to '{quote_path(aside)}' ({how})")
        with aside.open("rb") as part:
            shutil.copyfileobj(part, file, 1 << 20)
        aside.unlink()

    def stream(self, split: str, *, is_typed: bool = True) -> Iterator[dict[str, Any]]:
        """Yield the rows of a split, column → value; the connection does nothing else meanwhile."""
        for select in self.list_parts(is_typed=is_typed):
            chosen = f"select * exclude (part_split) from ({select}) where part_split = '{split}'"  # noqa: S608
            cursor = self.source.cursor.execute(chosen)
            names = [each[0] for each in cursor.description or ()]
            while part := cursor.fetchmany(_FETCHED):
                yield from (dict(zip(names, row, strict=True)) for row in part)

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
