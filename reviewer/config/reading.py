"""Reading `reviewer.toml`.

The rule: nothing else in the program reads the file, and no spec holds a value that was not checked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reviewer.config.mistakes import describe_mistakes
from reviewer.config.models import WorkspaceSpec
from reviewer.errors import ConfigError

CONFIG_NAME = "reviewer.toml"


def load_config(folder: Path) -> WorkspaceSpec:
    """Return the specs of the folder's `reviewer.toml`.

    Raises `ConfigError` with one line per mistake: file, line, key, what is wrong, what would work.
    """
    path = folder / CONFIG_NAME
    text = _read_text(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None
    except RecursionError:
        raise ConfigError(f"{path} is not valid TOML: it is nested too deeply.") from None
    try:
        spec = WorkspaceSpec.model_validate(_name_models(values))
    except ValidationError as error:
        raise ConfigError(describe_mistakes(path, text, error)) from None
    if filled := [name for name, each in spec.models.items() if "vocabulary" in each.model_fields_set]:
        raise ConfigError(f"{path}: models.{filled[0]}.vocabulary is no key; labels are changed in the app.")
    return spec


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path.parent} is not a workspace: it has no {CONFIG_NAME}."
            " Run `reviewer demo --no-serve --workspace DIR` to make one that works."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from None


def _name_models(values: dict[str, Any]) -> dict[str, Any]:
    """Copy each `[models.NAME]` key into its table, where the spec keeps it."""
    models = values.get("models")
    if not isinstance(models, Mapping):
        return values
    named = {
        name: {"name": name, **table} if isinstance(table, Mapping) else table
        for name, table in models.items()
    }
    return {**values, "models": named}
