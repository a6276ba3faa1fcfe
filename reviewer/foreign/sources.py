"""The files of one app that have the same columns, looked at once before their rows are read.

The rule: looking changes nothing; whatever is decided about the columns is decided here, for all files alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from reviewer.errors import InputError, UnknownNameError
from reviewer.foreign.cells import Habits, find_habits, read_label
from reviewer.foreign.columns import CHAT_HEADER, Column, Role, guess_columns, make_key, map_columns
from reviewer.foreign.dialect import TIME_COLUMN, Row, read_rows
from reviewer.foreign.folder import FlagFolder, find_flag_files

SAMPLE_ROWS = 1000
"""So many rows of a file are looked at to see what its columns are."""

_PLAIN_FOLDERS = {"flagged", "gradio", "flags", "logs", "log", "data", ""}
"""Folder names that name no app."""


@dataclass(frozen=True, slots=True)
class Source:
    """Files in one folder with the same header."""

    files: tuple[Path, ...]
    shown: tuple[str, ...]
    """The files as people are told of them: relative to the path that they gave."""
    folder: FlagFolder
    header: tuple[str, ...] | None
    """None when the files have none."""
    sample: tuple[tuple[str, ...], ...]
    columns: tuple[Column, ...]
    options: frozenset[str]
    """Flag options seen in rows that are whole, by which a ragged row is put right."""
    flaggers: frozenset[str]
    habits: Habits
    app: str
    """A name for the model, after the app's folder."""

    @property
    def width(self) -> int:
        """How many cells a row has that is not damaged."""
        return len(self.columns)

    def list_cells(self, column: Column) -> list[str]:
        """Return the column's cells in the rows that were looked at."""
        at = self.columns.index(column)
        return [row[at] for row in self.sample if len(row) == self.width]

    def describe(self) -> list[dict[str, str | bool]]:
        """Return what each column is taken for, as plain values."""
        return [
            {
                "file": self.shown[0],
                "column": each.header,
                "role": str(each.role),
                "component": each.component,
                "name": each.name,
                "is_sure": each.is_sure,
            }
            for each in self.columns
        ]

    def list_labels(self) -> list[str]:
        """Return the labels of the first label output, the most frequent answers first."""
        column = next((each for each in self.columns if each.component == "label"), None)
        counts: dict[str, int] = {}
        for cell in self.list_cells(column) if column else ():
            for at, label in enumerate(_list_labels(cell, self.folder)):
                counts[label] = counts.get(label, 0) + (at == 0)
        return sorted(counts, key=lambda each: -counts[each])

    def read(self, at: int) -> Iterator[Row]:
        """Yield the rows of file number `at`, the header left out; its own counting starts at 1."""
        for row in read_rows(self.files[at]):
            if self.header is None:
                yield replace(row, number=row.number + 1)
            elif row.number:
                yield row


def _list_labels(cell: str, folder: FlagFolder) -> list[str]:
    try:
        answer = read_label(cell, folder)
    except ValueError:
        return []
    return [each for each in dict.fromkeys([answer.label, *(answer.scores or ())]) if each]


def read_sources(path: Path, mapping: Mapping[str, str] | None = None) -> list[Source]:
    """Return what is at the path: a flag file, a flag folder, or a folder with several.

    `mapping` overrides the guess: header → `ROLE[:COMPONENT[:NAME]]`. Raises `InputError` when there are no
    flag files, or when none of them has a mapped column.
    """
    path = path.expanduser().absolute()
    groups: dict[tuple[Path, tuple[str, ...] | None], list[Path]] = {}
    samples: dict[Path, list[Row]] = {}
    for file in find_flag_files(path):
        samples[file] = _read_sample(file)
        header = _find_header(samples[file])
        if samples[file]:
            groups.setdefault((file.parent, header), []).append(file)
    sources = [
        _look_at(path, header, [(file, samples[file]) for file in files], mapping or {})
        for (_, header), files in groups.items()
    ]
    if not sources:
        raise InputError(f"The flag files at {str(path)!r} are empty, so there is nothing to import.")
    _check_mapping(sources, mapping or {})
    return sources


def _read_sample(file: Path) -> list[Row]:
    try:
        return list(islice(read_rows(file), SAMPLE_ROWS + 1))
    except (OSError, UnicodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from None


def _find_header(rows: Sequence[Row]) -> tuple[str, ...] | None:
    first = rows[0].cells if rows else None
    return first if first and first[-1] == TIME_COLUMN else None


def _look_at(
    path: Path,
    header: tuple[str, ...] | None,
    files: Sequence[tuple[Path, Sequence[Row]]],
    mapping: Mapping[str, str],
) -> Source:
    parent = files[0][0].parent
    folder = FlagFolder(parent)
    rows = [row for _, sample in files for row in (sample[1:] if header else sample)]
    sample = tuple(row.cells for row in rows if row.cells is not None)
    columns = tuple(map_columns(guess_columns(header, sample, folder), mapping))
    root = path.parent if path.is_file() else path
    texts = _list_seen(columns, sample, lambda each: each.component in ("textbox", "text"))
    return Source(
        files=tuple(file for file, _ in files),
        shown=tuple(file.relative_to(root).as_posix() for file, _ in files),
        folder=folder,
        header=header,
        sample=sample,
        columns=columns,
        options=_list_seen(columns, sample, lambda each: each.role == Role.OPTION),
        flaggers=_list_seen(columns, sample, lambda each: each.role == Role.FLAGGER),
        habits=Habits(False, False) if header == CHAT_HEADER else find_habits(texts, chain(*sample)),
        app=_name_app(parent),
    )


def _list_seen(
    columns: Sequence[Column], sample: Iterable[Sequence[str]], is_wanted: Callable[[Column], bool]
) -> frozenset[str]:
    """Return the texts in the columns that are wanted, in rows that are whole."""
    places = [at for at, each in enumerate(columns) if is_wanted(each)]
    return frozenset(row[at] for row in sample if len(row) == len(columns) for at in places if row[at])


def _name_app(folder: Path) -> str:
    """Return a key after the nearest folder upward that has a name of its own."""
    for each in (folder, *folder.parents):
        if each.name.lower().strip("._") not in _PLAIN_FOLDERS:
            return make_key(each.name, "model")
    return "model"


def _check_mapping(sources: Sequence[Source], mapping: Mapping[str, str]) -> None:
    headers = list(dict.fromkeys(column.header for each in sources for column in each.columns))
    for name in mapping:
        if name not in headers:
            raise UnknownNameError("column", name, headers)
    for source in sources:
        for role in (Role.OPTION, Role.FLAGGER, Role.FLAGGED_AT):
            if [each.role for each in source.columns].count(role) > 1:
                raise InputError(f"{source.shown[0]} has two columns with the role {role}; map one of them.")
