"""Which folder is meant when none, or only a path, is named."""

from __future__ import annotations

import os
from pathlib import Path

from reviewer.config import CONFIG_NAME
from reviewer.errors import ConfigError

WORKSPACE_VARIABLE = "REVIEWER_WORKSPACE"


def find_workspace(path: str | Path | None = None) -> Path:
    """Return the workspace folder; raises `ConfigError` naming where it was looked for."""
    chosen = path or os.environ.get(WORKSPACE_VARIABLE)
    if chosen:
        folder = Path(chosen).expanduser().resolve()
        if not folder.is_dir():
            raise ConfigError(f"There is no workspace {str(chosen)!r}: the folder does not exist.")
        return folder
    here = _find_here()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder
    raise ConfigError(
        f"There is no {CONFIG_NAME} in {here} or above it. Give --workspace DIR or set"
        f" {WORKSPACE_VARIABLE}; `reviewer demo --no-serve --workspace DIR` makes a workspace to try."
    )


def _find_here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError("The current folder was deleted; change to one that exists.") from None
