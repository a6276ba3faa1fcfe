"""A model's table of `reviewer.toml` for imported flags that fit no model of the workspace.

The rule: the file is only ever added to at its end, and never in a way that it cannot be read afterwards.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from reviewer.config import CONFIG_NAME, RESERVED_NAMES, Kind, ModelSpec, WorkspaceSpec, load_config
from reviewer.errors import ConfigError, InputError
from reviewer.foreign.cells import READERS
from reviewer.foreign.columns import Column, Role, fit_columns, make_key
from reviewer.foreign.sources import Source
from reviewer.records import Task

_MOST_LABELS = 1000


def find_model(source: Source, models: Mapping[str, ModelSpec], model: str | None = None) -> ModelSpec | None:
    """Return the model that the source's flags are of, None when it is none of these.

    That is the one named, else the one with the app's name, else the one that shares the most outputs. Raises
    `InputError` when the one named has other inputs, or when several are as good.
    """
    if model is not None:
        return _find_named(source, models, model)
    fitting = [each for each in models.values() if _is_model_of(source, each)]
    by_name = [each for each in fitting if re.fullmatch(rf"{source.app}(_\d+)?", each.name)]
    candidates = by_name or fitting
    names = {each.name for each in source.columns}
    shared = [len(names.intersection(each.outputs)) for each in candidates]
    best = [each for each, count in zip(candidates, shared, strict=True) if count == max(shared)]
    if len(best) > 1 and best[0].name != source.app:
        listed = ", ".join(each.name for each in best)
        raise InputError(f"{source.shown[0]} may be of several models ({listed}); name one with --model.")
    return next(iter(best), None)


def _find_named(source: Source, models: Mapping[str, ModelSpec], model: str) -> ModelSpec | None:
    spec = models.get(model)
    if spec and fit_columns(source.columns, spec, is_chosen=True) is None:
        headers = ", ".join(each.header for each in source.columns if each.is_value)
        raise InputError(
            f"{source.shown[0]} has the columns {headers}, which do not give the inputs of {model}"
            f" ({', '.join(spec.inputs)}); say which is which, as in"
            f" --map {json.dumps(headers.partition(',')[0] + '=input::' + next(iter(spec.inputs)))}."
        )
    return spec


def _is_model_of(source: Source, spec: ModelSpec) -> bool:
    """Return whether the columns are the model's and, when it lists its labels, one of them was answered."""
    if fit_columns(source.columns, spec) is None:
        return False
    labels = source.list_labels()
    return not (labels and spec.labels) or bool(set(labels) & set(spec.labels))


def prepare_workspace(
    folder: Path, sources: Sequence[Source], *, model: str | None = None, is_adding: bool = False
) -> list[str]:
    """Write `reviewer.toml` into an empty folder, or add the models that are missing; returns their names.

    An existing file is only added to when `is_adding`; else `ConfigError` shows what to add. `InputError`
    when the folder holds other things, or when nothing can be imported.
    """
    path = folder / CONFIG_NAME
    is_new = not path.exists()
    if is_new:
        _check_empty(folder)
    spec = None if is_new else load_config(folder)
    tables = draft_models(sources, spec, model)
    if not tables and not is_new:
        return []
    if not is_new and not is_adding:
        raise ConfigError(_ask_for_tables(path, tables))
    if not tables:
        raise InputError("No file has a column that could be a model's input, so there is nothing to import.")
    _write_config(path, _start(path, tables), tables)
    return list(tables)


def _check_empty(folder: Path) -> None:
    if folder.is_dir() and any(not each.name.startswith(".") for each in folder.iterdir()):
        raise InputError(
            f"{folder} is no workspace (it has no {CONFIG_NAME}) and not empty; give --workspace DIR, a"
            " workspace or a new folder."
        )


def _ask_for_tables(path: Path, tables: Mapping[str, str]) -> str:
    return (
        f"No model in {path} has these inputs and outputs. Name one with --model and --map, or add what"
        " follows to the file, by hand or with --add-model:\n\n" + "\n".join(tables.values())
    )


def _start(path: Path, tables: Mapping[str, str]) -> str:
    """Return the text that the tables go behind."""
    if path.exists():
        text = path.read_text(encoding="utf-8")
        return text if text.endswith("\n") else text + "\n"
    title = next(iter(tables)) if len(tables) == 1 else "Imported flags"
    return (
        "# Made from imported flags: what each column is was guessed from names and cells. Titles, labels\n"
        "# and choices can be changed here; to change what a column is, import again into an empty folder\n"
        "# with --map COLUMN=ROLE:COMPONENT.\n\n"
        f"title = {_quote(title)}\n"
    )


def _write_config(path: Path, start: str, tables: Mapping[str, str]) -> None:
    """Write the file aside, read it as the program will, and put it in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".import-") as aside:
        written = Path(aside, CONFIG_NAME)
        written.write_text("\n".join([start, *tables.values()]), encoding="utf-8")
        load_config(Path(aside))
        written.rename(path)


# Tables


def draft_models(
    sources: Iterable[Source], spec: WorkspaceSpec | None, model: str | None = None
) -> dict[str, str]:
    """Return name → table of a model for each source that none of the workspace's models fits."""
    models = dict(spec.models) if spec else {}
    keys: dict[tuple[str, Values], str] = {}
    drafted: dict[str, list[Source]] = {}
    for source in sources:
        if not any(each.role == Role.INPUT for each in source.columns) or find_model(source, models, model):
            continue
        name = model or source.app
        taken = {*drafted, *models, *RESERVED_NAMES}
        key = keys.setdefault((name, _list_values(source)), make_key(name, "model", taken))
        drafted.setdefault(key, []).append(source)
    if model is not None and any(name != model for name in drafted):
        if make_key(model, "") != model or model in RESERVED_NAMES:
            raise InputError(f"{model!r} cannot name a model; use small letters, digits and _.")
        raise InputError(f"The files have different columns, so they cannot all be of the model {model!r}.")
    return {name: _format_table(name, group) for name, group in drafted.items()}


Values: TypeAlias = tuple[tuple[str, str], ...]
"""Role and key of each input and output of an app."""


def _list_values(source: Source) -> Values:
    return tuple((each.role, each.name) for each in source.columns if each.is_value)


def _format_table(name: str, sources: Sequence[Source]) -> str:
    columns = [each for each in sources[0].columns if each.is_value]
    task = guess_task(columns)
    labels = list(dict.fromkeys(label for each in sources for label in each.list_labels()))[:_MOST_LABELS]
    lines = [
        f"[models.{name}]",
        f"title = {_quote(name.replace('_', ' ').capitalize())}",
        f'kind = "{Kind.EXTERNAL}"  # another program runs it; its flags are imported',
        f'task = "{task}"',
    ]
    if labels:
        lines += [f"# Those seen in the flags; add the others.\nlabels = [{', '.join(map(_quote, labels))}]"]
    for role in (Role.INPUT, Role.OUTPUT):
        chosen = [each for each in columns if each.role == role]
        lines += [f"\n[models.{name}.{role}s]"] * bool(chosen)
        lines += [f"{each.name} = {_format_component(each, sources)}" for each in chosen]
    return "\n".join(lines) + "\n"


def _format_component(column: Column, sources: Sequence[Source]) -> str:
    cells = [cell for each in sources for cell in _list_cells(each, column)]
    keys = {"component": _quote(column.component), "label": _quote(column.header)}
    if column.role == Role.INPUT and "" in cells:
        keys["required"] = "false"
    if column.role == Role.INPUT and column.component in _NEEDED_KEYS:
        keys |= _NEEDED_KEYS[column.component](_read_cells(column, cells, sources[0]))
    table = "{ " + ", ".join(f"{key} = {value}" for key, value in keys.items()) + " }"
    other = Role.OUTPUT if column.role == Role.INPUT else Role.INPUT
    return table if column.is_sure else f"{table}  # a guess: it may be an {other}"


def _list_cells(source: Source, column: Column) -> list[str]:
    found = next((each for each in source.columns if each.name == column.name), None)
    return source.list_cells(found) if found else []


def _read_cells(column: Column, cells: Iterable[str], source: Source) -> list[Any]:
    """Return the values of the cells that have one."""
    values = []
    for cell in cells:
        with contextlib.suppress(ValueError):
            values.append(READERS[column.role][column.component](cell, source.folder))
    return [each for each in values if each not in (None, "")]


def _list_bounds(values: Sequence[float]) -> dict[str, str]:
    low, high = min(values, default=0), max(values, default=1)
    return {"minimum": str(low), "maximum": str(high if high > low else low + 1)}


def _list_choices(values: Iterable[str]) -> dict[str, str]:
    return {"choices": _format_texts(values) or f"[{_quote('none seen')}]"}


def _list_group(values: Iterable[Sequence[str]]) -> dict[str, str]:
    return _list_choices(text for each in values for text in each)


def _list_columns(values: Iterable[Mapping[str, Sequence[str]]]) -> dict[str, str]:
    return {"columns": _format_texts(name for each in values for name in each["columns"]) or '["1"]'}


def _format_texts(texts: Iterable[str]) -> str:
    """Return different texts as a TOML list, "" when there are none."""
    listed = ", ".join(_quote(each) for each in dict.fromkeys(texts) if each)
    return f"[{listed}]" if listed else ""


def _list_precision(values: Iterable[str]) -> dict[str, str]:
    return {"include_time": "true"} if any("T" in each for each in values) else {}


_NEEDED_KEYS: dict[str, Callable[[list[Any]], dict[str, str]]] = {
    "date": _list_precision,
    "slider": _list_bounds,
    "dropdown": _list_choices,
    "radio": _list_choices,
    "checkbox_group": _list_group,
    "table": _list_columns,
}
"""Input component that may need more than a label → the keys, told by the values seen."""


def guess_task(columns: Sequence[Column]) -> Task:
    """Return the task that fits the components."""
    inputs = {each.component for each in columns if each.role == Role.INPUT}
    outputs = [each.component for each in columns if each.role == Role.OUTPUT]
    if "label" in outputs:
        if inputs & {"image", "sketch"}:
            return Task.IMAGE_CLASSIFICATION
        return Task.TEXT_CLASSIFICATION if inputs == {"textbox"} else Task.TABULAR_CLASSIFICATION
    if outputs == ["number"]:
        return Task.TABULAR_REGRESSION
    return Task.TEXT_GENERATION if outputs == ["text"] and inputs == {"textbox"} else Task.GENERIC


def _quote(text: str) -> str:
    """Return the text as TOML, which writes it as JSON does but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
