"""The words that several verbs take, and how they are read.

The rule: a default stands in the workspace alone; an option that was not given is not handed on.
"""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reviewer.errors import ConfigError, InputError
from reviewer.terminal import Format

if TYPE_CHECKING:
    from reviewer.workspace import Workspace


def prefer_nearest(context: typer.Context, folder: Path | None) -> Path | None:
    """Return the workspace named behind the verb, else the one named before it."""
    outer = context.parent
    while folder is None and outer is not None:
        folder, outer = outer.params.get("workspace"), outer.parent
    return folder


WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        callback=prefer_nearest,
        help="Workspace; else $REVIEWER_WORKSPACE, else the nearest folder upward with a reviewer.toml.",
    ),
]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="Default: table on a terminal, json elsewhere.")
]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model in reviewer.toml.")]
ReviewerOption = Annotated[str | None, typer.Option(help="Who decides; default: your user name here.")]


def open_workspace(folder: Path | None, *, is_app: bool = False) -> Workspace:
    """Return the workspace; `is_app` keeps its index for this process alone."""
    from reviewer.workspace import Workspace

    return Workspace.open(folder, is_app=is_app)


def find_folder(workspace: Path | None) -> Path:
    """Return the folder given, else the nearest workspace, else this folder, which may not be one yet."""
    from reviewer.workspace import find_workspace

    if workspace is not None:
        return workspace.expanduser().resolve()
    try:
        return find_workspace()
    except ConfigError:
        return Path.cwd()


def find_user(given: str | None = None) -> str:
    """Return the name given, else the operating system's name of the user, "" when it has none."""
    if given is not None:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def take_given(**options: Any) -> dict[str, Any]:
    """Return the options that were given, so that the workspace alone knows the defaults."""
    return {name: value for name, value in options.items() if value is not None and value != []}


def parse_json(text: str) -> Any:
    """Return the value of a JSON text; raises `InputError`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{text[:80]!r} is no JSON that can be read: {error}.") from None


def read_stdin() -> str:
    """Return stdin as text; raises `InputError` when it is not UTF-8."""
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError(f"stdin is not UTF-8: {error.reason} at byte {error.start:,}.") from None
