"""Verbs that work through the queue of flags and ask the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import (
    FormatOption,
    ReviewerOption,
    WorkspaceOption,
    find_user,
    open_workspace,
    parse_json,
    read_stdin,
    take_given,
)
from reviewer.payloads import build_cell
from reviewer.terminal import Format, talk, write_record, write_records, write_rows

if TYPE_CHECKING:
    from reviewer.records import Flag, Inputs, JsonValue


_QUEUE_TABLE = (
    "flag_id", "model", "option", "status", "resolution", "predicted", "confidence", "similar", "example",
)  # fmt: skip
"""What a table shows of a flag; JSON and CSV have everything."""


def queue(
    view: Annotated[str | None, typer.Option(help="open, in_review, mine, done or all.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model's; may be repeated.")] = None,
    version: Annotated[list[str] | None, typer.Option(help="Only this version's.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="Only this flag option.")] = None,
    predicted: Annotated[list[str] | None, typer.Option(help="Only this predicted label.")] = None,
    resolution: Annotated[list[str] | None, typer.Option(help="Only this resolution.")] = None,
    verification: Annotated[list[str] | None, typer.Option(help="Only this verification.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only flags that came about so.")] = None,
    severity: Annotated[list[str] | None, typer.Option(help="Only this severity.")] = None,
    assignee: Annotated[list[str] | None, typer.Option(help="Only what is assigned to this person.")] = None,
    flagger: Annotated[list[str] | None, typer.Option(help="Only this person's flags.")] = None,
    confidence_min: Annotated[float | None, typer.Option(help="Confidence from here, 0 to 1.")] = None,
    confidence_max: Annotated[float | None, typer.Option(help="Confidence up to here, 0 to 1.")] = None,
    text: Annotated[str | None, typer.Option(help="Part of an input, comment or suggestion.")] = None,
    group: Annotated[str | None, typer.Option(help="Only flags of this group, by its id.")] = None,
    sort: Annotated[str | None, typer.Option(help="newest, priority, least_confident, …")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many flags; default 50.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List flags in the stated order."""
    given = take_given(
        view=view, model=model, version=version, option=option, predicted=predicted, resolution=resolution,
        verification=verification, source=source, severity=severity, assignee=assignee, flagger=flagger,
        confidence_min=confidence_min, confidence_max=confidence_max, text=text, group=group, sort=sort,
        limit=limit,
    )  # fmt: skip
    with open_workspace(workspace) as opened:
        flags = opened.queue(**given, me=find_user(None))
    _write_flags(flags, form)
    if not flags:
        talk("No flag fits.")


def _write_flags(flags: Sequence[Flag], form: Format | None) -> None:
    from reviewer.payloads import build_payload, list_columns
    from reviewer.records import Flag

    payloads = [
        {
            **build_payload(each),
            "predicted": each.predicted_value if each.predicted_label is None else each.predicted_label,
            "similar": each.state.group_size - 1,
            "example": _show_example(each.inputs),
        }
        for each in flags
    ]
    write_records(payloads, list_columns(Flag), form, _QUEUE_TABLE)


def _show_example(inputs: Inputs) -> str:
    """Return the values in one line, a stored file by its own name or the start of its stored one."""
    return " · ".join(map(_show_input, inputs.values()))


def _show_input(value: JsonValue) -> str:
    if isinstance(value, dict) and "media" in value:
        return str(value.get("name") or f"{value['media'][:8]}…")
    return "" if value is None else build_cell(value)


def review(
    flag_id: Annotated[str, typer.Argument(help="The flag_id that queue printed.")],
    corrected_label: Annotated[str | None, typer.Option(help="The right label.")] = None,
    corrected_value: Annotated[float | None, typer.Option(help="The right value.")] = None,
    corrected_output: Annotated[str | None, typer.Option(help="The right output, as JSON.")] = None,
    resolution: Annotated[str | None, typer.Option(help="prediction_correct, ambiguous, …")] = None,
    status: Annotated[str | None, typer.Option(help="open, in_review or needs_info.")] = None,
    act: Annotated[str | None, typer.Option(help="claim, release or split.")] = None,
    assignee: Annotated[str | None, typer.Option(help='Whom to assign it to, "" for nobody.')] = None,
    comment: Annotated[str, typer.Option(help="A comment, with or without a decision.")] = "",
    reviewer: ReviewerOption = None,
    seq: Annotated[
        int | None, typer.Option(help="Decide only if the flag still has the seq that you saw.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Decide about a flag, or comment on it."""
    from reviewer.payloads import build_payload
    from reviewer.records import new_id

    action_id = new_id()
    with open_workspace(workspace) as opened:
        decided = opened.review(
            flag_id,
            corrected_label=corrected_label,
            corrected_value=corrected_value,
            corrected_output=None if corrected_output is None else parse_json(corrected_output),
            resolution=resolution,
            status=status,
            act=act,
            assignee=assignee,
            comment=comment,
            reviewer=find_user(reviewer),
            seq=seq,
            action_id=action_id,
        )
    write_record(build_payload(decided))
    now = decided.state.corrected_label or decided.state.resolution or decided.state.status
    talk(f"The flag is now {now!r}; `reviewer undo {action_id}` takes this back.")


def undo(
    action_id: Annotated[str, typer.Argument(help="An action_id; a flag_id takes the whole flag back.")],
    reviewer: ReviewerOption = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Take an action back; nothing is deleted."""
    with open_workspace(workspace) as opened:
        touched = opened.undo(action_id, reviewer=find_user(reviewer))
        flags = opened.find_flags([each.flag_id for each in touched])
    _write_flags(flags, form)
    talk(f"Taken back on {len(flags):,} flag{'' if len(flags) == 1 else 's'}.")


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT; - reads it from stdin.")],
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask the index in SQL.

    Tables: flags, reviews and predictions as they are now, raw_flags and raw_reviews as they were written,
    and one per model with its inputs as columns. Reading only; time, memory and rows are limited.
    """
    with open_workspace(workspace) as opened:
        result = opened.run_query(read_stdin() if sql == "-" else sql)
    write_rows(result.columns, result.list_rows(), form)
    if result.is_truncated:
        talk(f"Only the first {result.table.num_rows:,} rows are shown; narrow the query with WHERE.")
    if result.index_age_seconds:
        talk(f"Another query holds the index, which is {result.index_age_seconds:.0f} seconds old.")
