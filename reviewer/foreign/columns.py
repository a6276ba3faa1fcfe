"""What each column of a flag file is: told by its header and cells, by hand, or by a model.

Gradio writes a value per input, a value per output, then the flag option, the user's name and the time, and
says nowhere where the outputs begin. The rule: what was guessed and not seen is marked so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from reviewer.config import ModelSpec
from reviewer.errors import InputError, UnknownNameError
from reviewer.foreign import cells
from reviewer.foreign.cells import READERS, Reader
from reviewer.foreign.dialect import TIME, TIME_COLUMN
from reviewer.foreign.folder import FlagFolder, MissingFileError

CHAT_HEADER = ("conversation", "index", "value", "flag", TIME_COLUMN)
"""What the chat logger heads its rows of four with."""

_OUTPUT_NAME = re.compile(
    r"(?:out|outputs?|pred|predictions?|predicted|results?|responses?|answers?|labels?|class|scores?)\b",
    re.IGNORECASE,
)


class Role(StrEnum):
    """What a column holds."""

    INPUT = "input"
    OUTPUT = "output"
    OPTION = "option"
    FLAGGER = "flagger"
    FLAGGED_AT = "flagged_at"
    IGNORE = "ignore"


_TAIL = {TIME_COLUMN: Role.FLAGGED_AT, "username": Role.FLAGGER, "flag": Role.OPTION}
"""Headers behind those of the components, from the last on."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column and what becomes of its cells."""

    header: str
    """As in the file; a repeated one has its number behind it, as in `t (2)`."""
    role: str
    component: str = ""
    """Component of reviewer.toml that an input or output has."""
    name: str = ""
    """Key of the input or output in reviewer.toml."""
    is_sure: bool = True
    """False when it could as well be another input or output."""

    @property
    def is_value(self) -> bool:
        """Whether the cells are inputs or outputs."""
        return self.role in (Role.INPUT, Role.OUTPUT)


class _Form(NamedTuple):
    """A form that all cells of a column can have."""

    reader: Reader
    as_input: str
    as_output: str
    is_answer: bool = False
    """Whether only outputs have it."""
    is_strict: bool = True
    """Whether every cell must have it; else more than half, and the others are damage."""


_FORMS: dict[str, _Form] = {
    "image": _Form(cells.read_image, "image", "image", is_strict=False),
    "audio": _Form(cells.read_audio, "audio", "json", is_strict=False),
    "file": _Form(cells.read_file, "file", "json", is_strict=False),
    "files": _Form(cells.read_files, "textbox", "json", is_strict=False),
    "label": _Form(cells.read_scored_label, "textbox", "label", is_answer=True, is_strict=False),
    "highlighted_text": _Form(
        cells.read_marked, "textbox", "highlighted_text", is_answer=True, is_strict=False
    ),
    "plot": _Form(cells.read_plot, "textbox", "plot", is_answer=True),
    "table": _Form(cells.read_table, "table", "table"),
    "message": _Form(cells.read_message, "textbox", "json"),
    "texts": _Form(cells.read_texts, "checkbox_group", "json"),
    "json": _Form(cells.read_json, "textbox", "json", is_answer=True),
    "yes_no": _Form(cells.read_yes_no, "checkbox", "json"),
    "number": _Form(cells.read_number, "number", "number"),
    "date": _Form(cells.read_date, "date", "text"),
    "text": _Form(cells.read_text, "textbox", "text"),
}
"""Form of a column's cells → the components that write it; the first that fits is taken."""


# Guessing


def guess_columns(
    header: Sequence[str] | None, rows: Sequence[Sequence[str]], folder: FlagFolder
) -> list[Column]:
    """Return the columns by header and cells; `rows` are some of the rows, as long as the header.

    Without a header, columns are `column 1` and so on, and the last is the time if its cells are times.
    """
    width = len(header) if header else max(map(len, rows), default=0)
    whole = [row for row in rows if len(row) == width]
    values = [[row[at] for row in whole] for at in range(width)]
    headers = _number_doubles(header or [f"column {at + 1}" for at in range(width)])
    if header and tuple(header) == CHAT_HEADER:
        return _list_chat_columns()
    tail = _guess_tail(header, values)
    forms = [_find_form(each, folder) for each in values[: width - len(tail)]]
    first_output, is_sure = _find_first_output(headers, forms)
    columns = [
        _make_column(headers[at], form, at >= first_output, at == 0 or (is_sure and at >= first_output))
        for at, form in enumerate(forms)
    ]
    columns += [Column(headers[width - len(tail) + at], role) for at, role in enumerate(tail)]
    return name_columns(columns)


def _number_doubles(headers: Sequence[str]) -> list[str]:
    counts: dict[str, int] = {}
    numbered = []
    for each in headers:
        counts[each] = counts.get(each, 0) + 1
        numbered.append(each if counts[each] == 1 else f"{each} ({counts[each]})")
    return numbered


def _list_chat_columns() -> list[Column]:
    return [
        Column("conversation", Role.INPUT, "textbox", "conversation"),
        Column("index", Role.INPUT, "number", "index"),
        Column("value", Role.IGNORE),
        Column("flag", Role.OPTION),
        Column(TIME_COLUMN, Role.FLAGGED_AT),
    ]


def _guess_tail(header: Sequence[str] | None, values: Sequence[Sequence[str]]) -> list[Role]:
    """Return the roles of the last columns; at least one column is left for an input."""
    if header is None:
        is_time = len(values) > 1 and values[-1] and all(re.fullmatch(TIME, each) for each in values[-1])
        return [Role.FLAGGED_AT] if is_time else []
    tail: list[Role] = []
    for name, role in _TAIL.items():
        if len(header) - len(tail) > 1 and header[-1 - len(tail)] == name:
            tail.append(role)
    return tail[::-1]


def _find_form(values: Sequence[str], folder: FlagFolder) -> _Form:
    filled = [each for each in values if each]
    if not filled:
        return _FORMS["text"]
    return next(each for each in _FORMS.values() if _fits(each, filled, folder))


def _fits(form: _Form, filled: Sequence[str], folder: FlagFolder) -> bool:
    """Return whether the form is that of all cells, or of more than half; empty ones alone prove nothing."""
    most_misfits = 0 if form.is_strict else (len(filled) - 1) // 2
    misfits, is_seen = 0, False
    for cell in filled:
        try:
            is_seen = form.reader(cell, folder) is not None or is_seen
        except MissingFileError:
            is_seen = True
        except ValueError:
            misfits += 1
            if misfits > most_misfits:
                return False
    return is_seen


def _find_first_output(headers: Sequence[str], forms: Sequence[_Form]) -> tuple[int, bool]:
    """Return where the outputs begin and whether that was seen; without a trace the last one is taken."""
    for at in range(1, len(forms)):
        if forms[at].is_answer or _OUTPUT_NAME.match(headers[at]):
            return at, True
    is_plain = len(forms) > 1 and forms[-1].as_output in ("text", "number")
    return (len(forms) - 1 if is_plain else len(forms)), False


def _make_column(header: str, form: _Form, is_output: bool, is_sure: bool) -> Column:
    role = Role.OUTPUT if is_output else Role.INPUT
    return Column(header, role, form.as_output if is_output else form.as_input, is_sure=is_sure)


def name_columns(columns: Sequence[Column]) -> list[Column]:
    """Return the columns with a key for each input and output that has none: small letters, digits and _."""
    taken = {each.name for each in columns}
    named: list[Column] = []
    for at, column in enumerate(columns, 1):
        if column.is_value and not column.name:
            column = replace(column, name=make_key(column.header, f"column_{at}", taken))
            taken.add(column.name)
        named.append(column)
    return named


def make_key(text: str, fallback: str, taken: Iterable[str] = ()) -> str:
    """Return a key for reviewer.toml from a text, with a number behind it when it is taken."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "_", ascii_text).strip("_")
    if key[:1].isdigit():
        key = f"{fallback.rpartition('_')[0] or fallback}_{key}"
    key, known = key[:56].strip("_") or fallback, set(taken)
    doubles = (f"{key}_{number}" for number in range(2, len(known) + 3))
    return key if key not in known else next(each for each in doubles if each not in known)


# By hand


def parse_mapping(texts: Iterable[str]) -> dict[str, str]:
    """Return header → `ROLE[:COMPONENT[:NAME]]` of texts like `Photo=input:image`."""
    mapping = {}
    for text in texts:
        header, equals, told = text.rpartition("=")
        if not equals:
            raise InputError(
                f"{text!r} maps no column; write COLUMN=ROLE:COMPONENT, as in Photo=input:image."
            )
        mapping[header] = told
    return mapping


def map_columns(columns: Sequence[Column], mapping: Mapping[str, str]) -> list[Column]:
    """Return the columns with the mapped ones as told; headers that are not among them are passed over.

    Raises `InputError` for an unknown role or component.
    """
    told = {
        each.header: _map_column(each, mapping[each.header]) for each in columns if each.header in mapping
    }
    given = [each.name for each in told.values() if each.name]
    if doubles := [name for at, name in enumerate(given) if name in given[:at]]:
        raise InputError(f"Two columns are mapped to {doubles[0]!r}; each input and output has one column.")
    return name_columns(
        [
            told.get(each.header) or (replace(each, name="") if each.name in given else each)
            for each in columns
        ]
    )


def _map_column(column: Column, told: str) -> Column:
    role, component, name = [*told.split(":"), "", ""][:3]
    if role not in list(Role):
        raise UnknownNameError("role", role, Role)
    known = list(READERS.get(role, ()))
    if component and component not in known:
        raise UnknownNameError(f"{role} component", component, known)
    if not known:
        return Column(column.header, role)
    if name and make_key(name, "") != name:
        raise InputError(f"The name {name!r} cannot be a key; use small letters, digits and _.")
    return Column(column.header, role, component or _carry_over(column, role), name)


_CARRIED: dict[str, dict[str, str]] = {
    Role.OUTPUT: {form.as_input: form.as_output for form in reversed(_FORMS.values())},
    Role.INPUT: {form.as_output: form.as_input for form in reversed(_FORMS.values())},
}
"""New role → the component of the other role → that of the new one."""


def _carry_over(column: Column, role: str) -> str:
    if column.role == role:
        return column.component
    return _CARRIED[role].get(column.component, "textbox" if role == Role.INPUT else "text")


# By a model


def fit_columns(
    columns: Sequence[Column], spec: ModelSpec, *, is_chosen: bool = False
) -> list[Column] | None:
    """Return the columns as the model's inputs and outputs, None when they are another model's.

    A column belongs to an input or output whose name or label it has. For a model that somebody chose,
    columns it does not know are outputs.
    """
    known = _list_known(spec)
    claimed = [_claim(each, *known) for each in columns]
    names = [each.name for each in claimed if each and each.role == Role.INPUT]
    if sorted(names) != sorted(spec.inputs):
        return None
    fitted = []
    for column, claim in zip(columns, claimed, strict=True):
        is_strange = column.role == Role.INPUT or bool(spec.outputs)
        if claim is None and is_strange and not is_chosen:
            return None
        fitted.append(claim or _make_output(column))
    return name_columns(_find_label(fitted, spec))


def _list_known(spec: ModelSpec) -> tuple[dict[str, Column], dict[str, Column]]:
    """Return the model's inputs and outputs by name and by label, as columns without a header."""
    inputs = [
        (each.label, Column("", Role.INPUT, each.component, name)) for name, each in spec.inputs.items()
    ]
    outputs = [
        (each.label, Column("", Role.OUTPUT, each.component, name)) for name, each in spec.answers.items()
    ]
    known = [*inputs, *outputs]
    return {column.name: column for _, column in reversed(known)}, dict(reversed(known))


def _claim(column: Column, by_name: Mapping[str, Column], by_label: Mapping[str, Column]) -> Column | None:
    """Return the column as the model's, None for a value that the model does not know."""
    if not column.is_value:
        return column
    known = by_name.get(column.name) or by_label.get(column.header)
    return replace(known, header=column.header) if known else None


def _find_label(columns: Sequence[Column], spec: ModelSpec) -> list[Column]:
    """Return the columns with a classifier's first text output as its label when it has no other."""
    is_missing = spec.task.is_classification and not any(each.component == "label" for each in columns)
    texts = [each for each in columns if each.role == Role.OUTPUT and each.component == "text"]
    label = texts[0] if is_missing and texts else None
    return [replace(each, component="label") if each is label else each for each in columns]


def _make_output(column: Column) -> Column:
    return replace(column, role=Role.OUTPUT, component=_carry_over(column, Role.OUTPUT))
