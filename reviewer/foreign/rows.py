"""A row of a flag file as a flag of this workspace.

The rule: what the row does not say is not made up, and what was changed to read it is in the flag's `origin`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from reviewer import __version__
from reviewer.config import Kind, ModelSpec
from reviewer.errors import InputError
from reviewer.foreign.cells import (
    READERS,
    SOUNDS,
    LabelCell,
    MediaBytes,
    Reader,
    find_altered_item,
    read_number,
    read_text,
    read_texts,
    restore_text,
)
from reviewer.foreign.columns import CHAT_HEADER, Column, Role
from reviewer.foreign.dialect import TIME
from reviewer.foreign.folder import MediaFile, read_media
from reviewer.foreign.sources import Source
from reviewer.log.media import Keep
from reviewer.models.components import check_inputs
from reviewer.models.files import find_ending
from reviewer.models.images import keep_picture
from reviewer.records import Flag, FlagOption, Inputs, JsonValue, Task, derive_id, hash_example
from reviewer.records import Source as FlagSource

VERSION = "imported"
"""The model version of an imported flag: the old log does not say which one answered."""

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_WRONG = {
    Task.TEXT_CLASSIFICATION: FlagOption.WRONG_LABEL,
    Task.IMAGE_CLASSIFICATION: FlagOption.WRONG_LABEL,
    Task.TABULAR_CLASSIFICATION: FlagOption.WRONG_LABEL,
    Task.TABULAR_REGRESSION: FlagOption.WRONG_VALUE,
    Task.TEXT_GENERATION: FlagOption.OTHER,
    Task.GENERIC: FlagOption.WRONG_VALUE,
}
_WRONG_WORDS = {"incorrect", "wrong", "bad", "error", "mistake", "false", "dislike", "no", "wrong_prediction"}
_OPTIONS = {
    "correct": FlagOption.GOOD_EXAMPLE,
    "good": FlagOption.GOOD_EXAMPLE,
    "like": FlagOption.GOOD_EXAMPLE,
    "offensive": FlagOption.OFFENSIVE_OR_UNSAFE,
    "unsafe": FlagOption.OFFENSIVE_OR_UNSAFE,
    "biased": FlagOption.BIAS,
    "unclear_input": FlagOption.BAD_INPUT,
    **{each.value: each for each in FlagOption},
}
"""A word of Gradio users, in small letters with `_` → flag option."""


@dataclass(slots=True)
class _Notes:
    """What was done to a row's cells."""

    repairs: list[str] = field(default_factory=list)
    altered: dict[str, str] = field(default_factory=dict)
    """Input or output → how its text may differ from what was typed."""

    def add(self, header: str, name: str, repair: str, doubt: str) -> None:
        """Note what was done to a cell and how it may differ, each "" when there is nothing."""
        if repair:
            self.repairs.append(f"{header}: {repair}")
        if doubt:
            self.altered[name] = doubt


@dataclass(frozen=True, slots=True)
class RowReader:
    """Turns the rows of a source into flags of a model."""

    source: Source
    spec: ModelSpec
    columns: Sequence[Column]
    keep: Keep
    zone: ZoneInfo
    """Of the machine that wrote the times, which do not say it."""

    def identify(self, cells: Sequence[str], occurrence: int) -> str:
        """Return the flag's id: the same for the same row of the same file, wherever the file lies.

        `occurrence` counts the equal rows of one file. Neither rows that are added later nor rows that are
        mended elsewhere in the file change it.
        """
        first = self.source.header or next(iter(self.source.sample), ())
        return derive_id(self._find_id_time(cells), "gradio", *first, "", *cells, str(occurrence))

    def _find_id_time(self, cells: Sequence[str]) -> datetime:
        """Return the row's time as if it were UTC, so that another zone makes no other flag."""
        moment = parse_time(cells[-1]) if cells else None
        return moment.replace(tzinfo=UTC) if moment else _ZERO

    def build_flag(
        self, flag_id: str, cells: Sequence[str], shown: str, number: int, otherwise: datetime
    ) -> Flag:
        """Return the row as a flag; `otherwise` is the time of a row that has none.

        Raises `ValueError` or `InputError` with what is wrong with the row.
        """
        notes = _Notes()
        pairs = self._align(cells, notes)
        told = self._read_told(pairs, notes)
        inputs = self._read_inputs(pairs, notes)
        flagged_at = self._read_time(told)
        word = told.get(Role.OPTION, "")
        return Flag(
            flag_id=flag_id,
            prediction_id=derive_id(self._find_id_time(cells), flag_id, "prediction"),
            flagged_at=flagged_at or otherwise,
            flagger=told.get(Role.FLAGGER, ""),
            source=FlagSource.IMPORT,
            model=self.spec.name,
            model_version=VERSION,
            task=self.spec.task,
            example_id=hash_example(inputs),
            inputs=inputs,
            **self._read_answer(pairs, notes),
            option=find_option(word, self.spec.task),
            tags=(word,) if word and word not in list(FlagOption) else (),
            origin={
                "file": shown,
                "row": number,
                "flagged_at": f"zone unknown, read as {self.zone.key}" if flagged_at else _NO_TIME,
                "repairs": notes.repairs,
                "altered": notes.altered,
                "logger": _LOST_QUOTES if self.source.habits.rewrites_json else None,
            },
            app_version=__version__,
        )

    # Cells and their columns

    def _align(self, cells: Sequence[str], notes: _Notes) -> list[_Pair]:
        """Return each cell with its column; a row of the wrong length is put right when that is certain.

        The loggers write the option and the user's name only when there is one, but never change the header.
        """
        if len(cells) == len(self.columns):
            return list(zip(self.columns, cells, strict=True))
        if self.source.header == CHAT_HEADER and len(cells) == len(CHAT_HEADER) - 1:
            notes.repairs.append("the chat logger writes no cell for the column value")
            return list(zip(self.columns, [*cells[:2], "", *cells[2:]], strict=True))
        found = list(self._list_alignments(cells))
        sizes = f"{len(cells)} cells where the header has {len(self.columns)}"
        if len(found) != 1:
            raise ValueError(f"The row has {sizes}")
        notes.repairs.append(f"the row has {sizes}; option and user's name were told by other rows")
        return found[0]

    def _list_alignments(self, cells: Sequence[str]) -> Iterator[list[_Pair]]:
        """Yield the ways to read the row that an option or user's name from other rows speaks for."""
        options, flaggers = self.source.options, self.source.flaggers
        values = [each for each in self.columns if each.is_value]
        count = len(values)
        if list(self.columns[:count]) != values or not cells or not parse_time(cells[-1]):
            return
        for has_option, has_flagger in ((True, True), (True, False), (False, True)):
            if count + has_option + has_flagger + 1 != len(cells):
                continue
            option = cells[count] if has_option else ""
            flagger = cells[-2] if has_flagger else ""
            if (option in options or flagger in flaggers) and flagger not in options:
                told = {Role.OPTION: option, Role.FLAGGER: flagger, Role.FLAGGED_AT: cells[-1]}
                tail = [(Column(role.value, role), cell) for role, cell in told.items()]
                yield [*zip(values, cells[:count], strict=True), *tail]

    def _read_told(self, pairs: Sequence[_Pair], notes: _Notes) -> dict[str, str]:
        """Return role → cell of the columns that hold no values, the option and user's name restored."""
        told = {column.role: cell for column, cell in pairs if not column.is_value}
        habits = replace(self.source.habits, rewrites_json=False)
        for role in (Role.OPTION, Role.FLAGGER):
            if role in told:
                told[role], repair, doubt = restore_text(told[role], habits)
                notes.add(role, role, repair, doubt)
        return told

    def _read_time(self, told: Mapping[str, str]) -> datetime | None:
        """Return the row's time in UTC, None when the file has no times."""
        if Role.FLAGGED_AT not in told:
            return None
        cell = told[Role.FLAGGED_AT]
        moment = parse_time(cell)
        with contextlib.suppress(OverflowError):  # in the first and the last hours there are
            if moment:
                return moment.replace(tzinfo=self.zone).astimezone(UTC)
        raise ValueError(f"The time is {cell[:80]!r}; the row may be cut off")

    # Values

    def _read_inputs(self, pairs: Sequence[_Pair], notes: _Notes) -> Inputs:
        """Return the example in its stored form.

        A model that runs here must be able to run on it; another program's took whatever it took.
        """
        values = self._read_values(Role.INPUT, pairs, notes)
        if self.spec.kind is Kind.EXTERNAL:
            return self._store_all(values)
        given = {name: _hand_over(*each) for name, each in values.items()}
        return check_inputs(self.spec, given, self.keep)

    def _read_answer(self, pairs: Sequence[_Pair], notes: _Notes) -> dict[str, Any]:
        """Return the fields of a flag that hold what the model answered."""
        values = self._read_values(Role.OUTPUT, pairs, notes)
        is_only = len(values) == len(self.spec.answers) == 1
        answer: dict[str, Any] = {}
        if label := _find_first(values, "label"):
            answer |= _describe_label(values.pop(label)[1])
        if number := _find_first(values, "number"):
            answer["predicted_value"] = values.pop(number)[1]
        stored = self._store_all(values)
        return {**answer, "output": next(iter(stored.values()), None) if is_only else stored or None}

    def _read_values(self, role: str, pairs: Sequence[_Pair], notes: _Notes) -> dict[str, tuple[str, Any]]:
        """Return name → component and value of the columns with that role."""
        return {
            column.name: (column.component, self._read_value(column, cell, notes))
            for column, cell in pairs
            if column.role == role
        }

    def _read_value(self, column: Column, cell: str, notes: _Notes) -> Any:
        reader = READERS[column.role][column.component]
        try:
            value = reader(cell, self.source.folder)
        except ValueError as error:
            raise ValueError(f"{column.header} {error}") from None
        repair, doubt = _describe_repair(reader, cell, value), ""
        if reader is read_text:
            value, repair, doubt = restore_text(cell, self.source.habits)
        elif reader is read_texts and value:
            doubt = find_altered_item(cell, value)
        elif value == LabelCell(cell, None):
            text, repair, doubt = restore_text(cell, self.source.habits)
            value = LabelCell(text, None)
        notes.add(column.header, column.name, repair, doubt)
        return value

    def _store_all(self, values: Mapping[str, tuple[str, Any]]) -> dict[str, JsonValue]:
        stored = {}
        for name, (component, value) in values.items():
            try:
                stored[name] = self._store(component, value)
            except (ValueError, InputError) as error:
                raise ValueError(f"{name} {error}") from None
        return stored

    def _store(self, component: str, value: Any) -> JsonValue:
        """Return the stored form, the files among the values stored."""
        if isinstance(value, list):
            return [self._store(component, each) for each in value]
        if isinstance(value, dict):
            return {key: self._store(component, each) for key, each in value.items()}
        if isinstance(value, LabelCell):
            return {"label": value.label, "scores": value.scores}
        if isinstance(value, MediaBytes):
            return keep_picture(value.data, self.keep)
        return self._store_file(component, value) if isinstance(value, MediaFile) else value

    def _store_file(self, component: str, file: MediaFile) -> JsonValue:
        data = read_media(file)
        if component in ("image", "sketch"):
            return keep_picture(data, self.keep)
        ending = find_ending(data, file.name)
        if component == "audio" and ending not in SOUNDS:
            raise ValueError(f"is the file {file.name!r}; a recording is needed")
        stored = {"media": self.keep(data, ending)}
        return stored if component == "audio" else {**stored, "name": file.name}


_Pair: TypeAlias = tuple[Column, str]
_LOST_QUOTES = "may have dropped the quotes around whole texts"
_NO_TIME = "unknown; the file's last change"


def parse_time(cell: str) -> datetime | None:
    """Return the time without a zone as Gradio writes it, None for anything else."""
    if not re.fullmatch(TIME, cell):
        return None
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def find_option(word: str, task: str) -> FlagOption:
    """Return the flag option for a word of the old app; "" and what is unknown is `other`."""
    key = word.strip().lower().replace(" ", "_")
    return _WRONG[Task(task)] if key in _WRONG_WORDS else _OPTIONS.get(key, FlagOption.OTHER)


def _find_first(values: Mapping[str, tuple[str, Any]], component: str) -> str | None:
    return next((name for name, (each, _) in values.items() if each == component), None)


def _describe_label(cell: LabelCell) -> dict[str, Any]:
    confidence = cell.scores.get(cell.label or "") if cell.scores else None
    return {"predicted_label": cell.label, "confidence": confidence, "scores": cell.scores}


def _hand_over(component: str, value: Any) -> Any:
    """Return the value as somebody outside would give it."""
    if not isinstance(value, MediaFile):
        return value
    return {"data": value.path, "name": value.name} if component == "file" else value.path


def _describe_repair(reader: Reader, cell: str, value: Any) -> str:
    if isinstance(value, LabelCell) and value.left_out:
        return f"left out scores that are no probabilities: {value.left_out[:200]}"
    if value is not None and (reader is read_number or cell.startswith(("'{", "'["))) and cell[0] == "'":
        return f"removed the ' that the logger had put before {cell[1:41]!r}"
    if reader is read_number and value is None and cell:
        return f"{cell!r} is no finite number; left empty"
    return ""
