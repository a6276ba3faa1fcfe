"""Input components: how a value is checked, what is stored of it, and what the model gets.

A component is a row of `COMPONENTS`. The rule: the stored form is JSON and exact; the same example always has
the same stored form, so `example_id` can be a hash of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from reviewer.config import FileSpec, InputSpec, ModelSpec, TableSpec
from reviewer.errors import InputError, UnknownNameError
from reviewer.log.columns import encode_json
from reviewer.log.media import Keep, MediaStore, name_media
from reviewer.models.audio import AUDIO_ENDINGS, check_audio, find_audio_oddity, read_audio
from reviewer.models.files import check_file, check_type, read_file
from reviewer.models.images import IMAGE_ENDINGS, check_image, find_image_oddity, read_image
from reviewer.models.images import open_image as open_image
from reviewer.models.scalars import (
    are_plain_texts,
    check_choice,
    check_choices,
    check_date,
    check_number,
    check_text,
    check_yes_no,
    find_date_oddity,
    find_number_oddity,
    find_text_oddity,
    parse_choices,
    parse_yes_no,
    read_date,
    read_number,
)
from reviewer.models.tables import check_table, find_table_oddity, is_empty_table, parse_table, read_table
from reviewer.records import Inputs, JsonValue


def _read_as_stored(spec: Any, stored: JsonValue, media: MediaStore) -> Any:
    return stored


def _find_nothing_odd(spec: Any, stored: JsonValue, media: MediaStore) -> str:
    return ""


def _never_plain(spec: Any, values: Sequence[Any]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Component:
    """How one kind of input is handled."""

    check: Callable[[Any, Any, Keep], JsonValue]
    """(spec, value from outside, keep) → stored form; raises `InputError`."""
    read: Callable[[Any, JsonValue, MediaStore], Any] = _read_as_stored
    """(spec, stored form, media) → what the model gets."""
    parse: Callable[[str], Any] = str
    """Cell of a CSV file → value from outside; the cell of a media component is a path instead."""
    find_oddity: Callable[[Any, JsonValue, MediaStore], str] = _find_nothing_odd
    """(spec, stored form, media) → what is odd but allowed, "" when nothing is."""
    noun: str = ""
    """What a media component stores, "" for any other."""
    endings: frozenset[str] = frozenset()
    """Endings that its stored files may have, any when there are none."""
    hint: str = ""
    """What to do about a missing value."""
    are_plain: Callable[[Any, Sequence[Any]], bool] = _never_plain
    """(spec, values of many examples) → whether `check` is sure to take each, and to store it as it is."""


def check_inputs(spec: ModelSpec, values: Mapping[str, Any], keep: Keep) -> Inputs:
    """Return the example's stored form; raises `InputError` naming the input at fault."""
    if unknown := _list_unknown(spec, values):
        raise InputError(_describe_unknown(spec, unknown[0]), unknown[0])
    return {
        name: _check_input(name, each, values.get(name), keep, each.label or name)
        for name, each in spec.inputs.items()
    }


def check_many_inputs(spec: ModelSpec, examples: Sequence[Mapping[str, Any]], keep: Keep) -> list[Inputs]:
    """Return the stored form of each example, as `check_inputs` does of one, and raise what it raises.

    Columns of plain values are looked at as a whole, which takes a tenth of the time.
    """
    columns = [[each.get(name) for each in examples] for name in spec.inputs]
    given = zip(spec.inputs.values(), columns, strict=True)
    if set().union(*examples) <= spec.inputs.keys() and all(_are_plain(*each) for each in given):
        return [dict(zip(spec.inputs, values, strict=True)) for values in zip(*columns, strict=True)]
    return [check_inputs(spec, each, keep) for each in examples]


def _are_plain(spec: InputSpec, values: Sequence[Any]) -> bool:
    return COMPONENTS[spec.component].are_plain(spec, values)


def find_problems(spec: ModelSpec, values: Mapping[str, Any]) -> dict[str, str]:
    """Return input → what is wrong with its value, for every input at once; nothing is stored.

    The sentences are for the page, and call an input what it is called there.
    """
    problems = {str(name): _describe_unknown(spec, name) for name in _list_unknown(spec, values)}
    for name, each in spec.inputs.items():
        try:
            _check_input(name, each, values.get(name), name_media, name_input(name, each))
        except InputError as error:
            problems[name] = str(error)
    return problems


def find_oddities(spec: ModelSpec, inputs: Inputs, media: MediaStore) -> dict[str, str]:
    """Return input → what is odd about its stored value, though allowed; the model runs all the same."""
    found = {
        name: COMPONENTS[each.component].find_oddity(each, inputs[name], media)
        for name, each in spec.inputs.items()
        if inputs[name] is not None
    }
    return {name: f"{name_input(name, spec.inputs[name])} {odd}" for name, odd in found.items() if odd}


def name_input(name: str, spec: InputSpec) -> str:
    """Return what an input is called on the page."""
    return spec.label or name.replace("_", " ").capitalize()


def _list_unknown(spec: ModelSpec, values: Mapping[str, Any]) -> list[str]:
    return [name for name in values if name not in spec.inputs]


def _describe_unknown(spec: ModelSpec, name: object) -> str:
    return f"{spec.name} has no input {str(name)[:80]!r}; its inputs: {', '.join(spec.inputs)}."


def _check_input(name: str, spec: InputSpec, value: Any, keep: Keep, called: str) -> JsonValue:
    component = COMPONENTS[spec.component]
    if _is_empty(spec, value):
        if spec.required:
            raise InputError(f"{called} is missing{component.hint}.", name)
        return None
    try:
        return component.check(spec, value, keep)
    except InputError as error:
        raise InputError(f"{called} {error}", name) from None


def _is_empty(spec: InputSpec, value: Any) -> bool:
    if value is None or (isinstance(value, str) and not value):
        return True
    return isinstance(spec, TableSpec) and is_empty_table(value)


def check_media(spec: ModelSpec, inputs: Inputs, media: MediaStore) -> None:
    """Raise `InputError` when the example names a file that is not stored, or is of another kind."""
    for name, each in spec.inputs.items():
        if each.has_media and inputs[name] is not None:
            try:
                _check_stored(each, inputs[name], media)
            except InputError as error:
                raise InputError(f"{each.label or name} {error}", name) from None


def _check_stored(spec: InputSpec, stored: JsonValue, media: MediaStore) -> None:
    component = COMPONENTS[spec.component]
    shown = f"is the stored {component.noun} {stored['media'][:80]!r}, which"
    try:
        ending = media.find(stored["media"]).suffix[1:]
    except UnknownNameError:
        raise InputError(f"{shown} does not exist; give a data URL (data:…;base64,…).") from None
    if component.endings and ending not in component.endings:
        raise InputError(f"{shown} is none; use {', '.join(sorted(component.endings))}.")
    if isinstance(spec, FileSpec):
        check_type(spec, ending, stored["name"])


def read_inputs(spec: ModelSpec, inputs: Inputs, media: MediaStore) -> dict[str, Any]:
    """Return what the model gets for a stored example, one value per input; None for an empty one."""
    return {
        name: None if inputs[name] is None else COMPONENTS[each.component].read(each, inputs[name], media)
        for name, each in spec.inputs.items()
    }


def read_many_inputs(spec: ModelSpec, stored: Sequence[Inputs], media: MediaStore) -> list[dict[str, Any]]:
    """Return what the model gets for each of the stored examples, as `read_inputs` does for one."""
    if all(COMPONENTS[each.component].read is _read_as_stored for each in spec.inputs.values()):
        return [dict(each) for each in stored]
    return [read_inputs(spec, each, media) for each in stored]


def parse_cells(spec: ModelSpec, cells: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Return the inputs of one row of a CSV file; an empty or missing cell is None.

    Files are paths inside the folder. Raises `InputError` for a path that leads out of it.
    """
    return {name: _parse_cell(name, each, cells.get(name, ""), folder) for name, each in spec.inputs.items()}


def _parse_cell(name: str, spec: InputSpec, cell: str, folder: Path) -> Any:
    if not cell:
        return None
    if not spec.has_media:
        return COMPONENTS[spec.component].parse(cell)
    described = _parse_named_file(cell) if isinstance(spec, FileSpec) else {"path": cell}
    path = PurePosixPath(described["path"])
    if path.is_absolute() or ".." in path.parts:
        raise InputError(
            f"{spec.label or name} is {cell[:80]!r}; a path inside the folder of its CSV file is needed.",
            name,
        )
    return {"data": folder / path, "name": described["name"]} if "name" in described else folder / path


def _parse_named_file(cell: str) -> dict[str, str]:
    """Return the path in a cell, and the name when `write_cell` wrote both."""
    try:
        described = json.loads(cell)
    except (ValueError, RecursionError):
        described = None
    if isinstance(described, dict) and {"path", "name"} <= described.keys():
        return {key: str(described[key]) for key in ("path", "name")}
    return {"path": cell}


def write_cell(stored: JsonValue) -> str:
    """Return a stored value as a cell that `parse_cells` reads back to the same one.

    A text is as it is, a file the path of its copy in `media/`, anything else JSON, an empty value "".
    """
    if stored is None:
        return ""
    if isinstance(stored, Mapping) and "media" in stored:
        path = f"media/{stored['media']}"
        return encode_json({"path": path, "name": stored["name"]}) if "name" in stored else path
    return stored if isinstance(stored, str) else encode_json(stored)


_IMAGE = Component(
    check_image,
    read_image,
    find_oddity=find_image_oddity,
    noun="image",
    endings=frozenset(IMAGE_ENDINGS.values()),
    hint="; draw or upload one",
)

COMPONENTS: dict[str, Component] = {
    "textbox": Component(check_text, find_oddity=find_text_oddity, are_plain=are_plain_texts),
    "number": Component(check_number, read_number, find_oddity=find_number_oddity),
    "slider": Component(check_number, read_number, find_oddity=find_number_oddity),
    "dropdown": Component(check_choice),
    "radio": Component(check_choice),
    "checkbox": Component(check_yes_no, parse=parse_yes_no),
    "checkbox_group": Component(check_choices, parse=parse_choices),
    "date": Component(check_date, read_date, find_oddity=find_date_oddity),
    "file": Component(check_file, read_file, noun="file", hint="; upload one"),
    "image": _IMAGE,
    "sketch": _IMAGE,
    "audio": Component(
        check_audio,
        read_audio,
        find_oddity=find_audio_oddity,
        noun="recording",
        endings=frozenset(AUDIO_ENDINGS.values()),
        hint="; record or upload one",
    ),
    "table": Component(check_table, read_table, parse_table, find_table_oddity, hint="; fill in a row"),
}
"""Component name in `reviewer.toml` → how it is handled."""
