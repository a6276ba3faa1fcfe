"""The table in `reviewer.toml` of a model that runs in somebody's own Gradio app.

The rule: a person's file is only added to at its end, never in a way that it cannot be read afterwards, and
two apps that start at once each find what the other wrote.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.config import CONFIG_NAME, RESERVED_NAMES, Kind, ModelSpec, load_config
from reviewer.errors import ConfigError
from reviewer.foreign.columns import Column, Role, make_key
from reviewer.foreign.drafts import guess_task
from reviewer.ui.apps.wire import Field, Keys, rename_fields

_ALIKE = {"radio": "text", "dropdown": "text", "textbox": "text", "slider": "number", "sketch": "image"}
"""Component → the one whose stored form it shares."""

_START = """\
# Made for a Gradio app that logs its flags here. Titles and labels can be changed; the names of inputs and
# outputs follow from the app's own labels and stay as they are.

title = {title}
"""


@dataclass(frozen=True, slots=True)
class AppModel:
    """A model of the workspace, and the app's components under its names."""

    spec: ModelSpec
    inputs: list[Field]
    outputs: list[Field]


def prepare_model(
    folder: Path, model: str | None, title: str, inputs: Sequence[Field], outputs: Sequence[Field]
) -> AppModel:
    """Return the model in the workspace's config, added to it when it is not there.

    Without a name it is the first of `title`, `title_2` … that has these inputs and outputs or is free. The
    folder is made when it is missing. Raises `ConfigError` when the one named has others, or when the file
    cannot be read or written.
    """
    with _holding(folder):
        models = load_config(folder).models if (folder / CONFIG_NAME).exists() else {}
        name = _check_name(model) if model else _find_name(models, title, inputs, outputs)
        if name not in models:
            _add_table(folder, _write_table(name, title, inputs, outputs), title)
            models = load_config(folder).models
    fitted = _fit(models[name], inputs, outputs)
    if fitted is None:
        raise ConfigError(_describe_misfit(folder, models[name], inputs, outputs))
    return fitted


def _check_name(model: str) -> str:
    """Return the name; raises `ConfigError` for one that no table of the config may have."""
    if make_key(model, "") != model or model in RESERVED_NAMES:
        raise ConfigError(f"The model is named {model[:80]!r}; small letters, digits and _ are needed.")
    return model


def _find_name(
    models: Mapping[str, ModelSpec], title: str, inputs: Sequence[Field], outputs: Sequence[Field]
) -> str:
    names = [each.name for each in list(inputs) or [NO_INPUT]]
    others = {
        name
        for name, spec in models.items()
        if _fit(spec, inputs, outputs) is None or sorted(names) != sorted(spec.inputs)
    }
    return make_key(title, "app", {*others, *RESERVED_NAMES})


def _fit(spec: ModelSpec, inputs: Sequence[Field], outputs: Sequence[Field]) -> AppModel | None:
    """Return the app's components under the model's names, None when they are others.

    Inputs are told by their names, a single one by its component; outputs by their components and order.
    """
    given = list(inputs) or [NO_INPUT]
    if len(given) == len(spec.inputs) == 1:
        given = rename_fields(given, spec.inputs)
    has_inputs = _list_kinds({each.name: each for each in given}) == _list_kinds(spec.inputs)
    kinds = [_ALIKE.get(each.component, each.component) for each in outputs]
    answered = [_ALIKE.get(each.component, each.component) for each in spec.answers.values()]
    if not has_inputs or kinds != answered:
        return None
    return AppModel(spec, given if inputs else [], rename_fields(outputs, spec.answers))


def _list_kinds(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: _ALIKE.get(each.component, each.component) for name, each in fields.items()}


_NO_INPUT_KEYS: Keys = {"component": "textbox", "label": "No input", "required": False}

NO_INPUT = Field(
    "input", -1, {"component": "textbox", "label": "No input", "required": False}, lambda *_: None
)
"""What an app that takes nothing is declared with, since every model has an input."""


def _describe_misfit(folder: Path, spec: ModelSpec, inputs: Sequence[Field], outputs: Sequence[Field]) -> str:
    def say(fields: Mapping[str, Any]) -> str:
        return ", ".join(f"{name} ({each.component})" for name, each in fields.items()) or "none"

    return (
        f"{folder / CONFIG_NAME}: {spec.name} has the inputs {say(spec.inputs)} and the outputs"
        f" {say(spec.answers)}; the app has {say({each.name: each for each in inputs})} and"
        f" {say({each.name: each for each in outputs})}. Give the app's components these labels, or"
        " log its flags under another name with model=…"
    )


# The file


@contextlib.contextmanager
def _holding(folder: Path) -> Iterator[None]:
    """Make the folder and keep other processes from changing its config."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ConfigError(f"The workspace {folder} cannot be made: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise ConfigError(
            f"{folder / CONFIG_NAME} cannot be written ({error.strerror}); make the folder writable, or add"
            " the model to the file by hand."
        ) from None
    finally:
        os.close(descriptor)


def _add_table(folder: Path, table: str, title: str) -> None:
    """Write the file with the table at its end aside, read it as the program will, and put it in place."""
    path = (folder / CONFIG_NAME).resolve()
    start = path.read_text(encoding="utf-8") if path.exists() else _START.format(title=_write(title))
    with tempfile.TemporaryDirectory(dir=folder, prefix=".config-") as aside:
        written = Path(aside, CONFIG_NAME)
        written.write_text(start.rstrip("\n") + "\n\n" + table, encoding="utf-8")
        load_config(Path(aside))
        if path.exists():
            shutil.copymode(path, written)
        written.replace(path)


def _write_table(name: str, title: str, inputs: Sequence[Field], outputs: Sequence[Field]) -> str:
    columns = [Column(each.name, Role.INPUT, each.component) for each in inputs]
    task = guess_task(columns + [Column(each.name, Role.OUTPUT, each.component) for each in outputs])
    lines = [
        f"[models.{name}]",
        f"title = {_write(title)}",
        f'kind = "{Kind.EXTERNAL}"  # the app runs it and logs its flags here',
        f'task = "{task}"',
    ]
    if task.is_classification:
        lines.append(
            '# labels = ["one", "another"]  # what a correction can be, besides the labels seen in flags'
        )
    for role, fields in (("inputs", list(inputs) or [NO_INPUT]), ("outputs", outputs)):
        lines += [f"\n[models.{name}.{role}]"] * bool(fields)
        lines += [f"{each.name} = {_write(each.keys)}" for each in fields]
    return "\n".join(lines) + "\n"


def _write(value: str | float | list[str] | Keys) -> str:
    """Return the value as TOML, whose texts and numbers are written as in JSON but for one character."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_write_key(key)} = {_write(each)}" for key, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write_key(key: str) -> str:
    return key if key.isascii() and key.isidentifier() else _write(key)
