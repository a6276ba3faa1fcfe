"""Verbs that ask a model and flag its answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reviewer.cli.options import (
    ModelArgument,
    WorkspaceOption,
    find_user,
    open_workspace,
    parse_json,
    read_stdin,
)
from reviewer.errors import InputError, ModelError
from reviewer.terminal import talk, write_record

if TYPE_CHECKING:
    from reviewer.config import ModelSpec


def predict(
    model: ModelArgument,
    text: Annotated[
        str | None,
        typer.Option("--json", metavar="JSON", help="The inputs by name, as one object; - reads stdin."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Picture, recording or file for the one input that takes one.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Version to ask; default: the served one.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Run a model on one example and log its answer."""
    from reviewer.payloads import build_payload

    with open_workspace(workspace) as opened:
        inputs = _read_inputs(opened.find_model(model), text, file)
        made = opened.predict(model, inputs, version=version, username=find_user())
    write_record(build_payload(made))
    if made.error:
        raise ModelError(made.error.partition("\n\n")[0])


def _read_inputs(spec: ModelSpec, text: str | None, file: Path | None) -> dict[str, Any]:
    if text is None and file is None:
        example = ", ".join(f'"{name}": …' for name in spec.inputs)
        raise InputError(f"{spec.name} needs an example: give --json '{{{example}}}'.")
    inputs = {} if text is None else parse_json(read_stdin() if text == "-" else text)
    if not isinstance(inputs, dict):
        raise InputError(f"--json must hold an object of inputs by name, not {str(inputs)[:80]!r}.")
    return inputs if file is None else {**inputs, _find_file_input(spec): file}


def _find_file_input(spec: ModelSpec) -> str:
    names = [name for name, each in spec.inputs.items() if each.has_media]
    if len(names) != 1:
        raise InputError(
            f"--file needs a model with one picture, recording or file to give; {spec.name} has {len(names)}."
        )
    return names[0]


def flag(
    prediction_id: Annotated[str, typer.Argument(help="The prediction_id that predict printed.")],
    option: Annotated[str, typer.Option(help="What is wrong, for example wrong_label.")],
    suggested_label: Annotated[str | None, typer.Option(help="What you think is right.")] = None,
    comment: Annotated[str, typer.Option(help="A word to the reviewer.")] = "",
    severity: Annotated[str, typer.Option(help="low, medium or high.")] = "",
    flagger: Annotated[str | None, typer.Option(help="Who flags; default: your user name here.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Mark a prediction as in need of review."""
    from reviewer.payloads import build_payload

    with open_workspace(workspace) as opened:
        made = opened.flag(
            prediction_id,
            option=option,
            suggested_label=suggested_label,
            comment=comment,
            severity=severity,
            flagger=find_user(flagger),
        )
    write_record(build_payload(made))
    talk(f"Flagged as {made.option}; `reviewer undo {made.flag_id}` takes it back.")
