"""The verb `labels` and its own: the labels and flag options of a model, listed and changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from reviewer.cli.options import (
    FormatOption,
    ModelArgument,
    ReviewerOption,
    WorkspaceOption,
    find_user,
    open_workspace,
)
from reviewer.terminal import talk, write_records

PartOption = Annotated[str, typer.Option(help="label, or option for the flag options.")]
SeqOption = Annotated[int | None, typer.Option(help="Change only if this is still the seq that list shows.")]
NameArgument = Annotated[str, typer.Argument(help="One of its labels of today.")]
NamesArgument = Annotated[list[str], typer.Argument(help="Two or more.")]
ReasonOption = Annotated[str, typer.Option(help="Why, for the log.")]


def labels(context: typer.Context) -> None:
    """List, rename, merge, split and retire labels and flag options."""
    if not context.invoked_subcommand:
        context.fail(f"Say what to do: {', '.join(LABEL_VERBS)}.")


def list_names(
    model: ModelArgument,
    part: PartOption = "label",
    changes: Annotated[bool, typer.Option(help="The changes instead, oldest first.")] = False,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List what can be chosen now, with colours and keys."""
    from reviewer.labels import Look, describe_change
    from reviewer.log.columns import format_time

    with open_workspace(workspace) as opened:
        names = opened.read_names(model, part)
        entries = opened.list_label_changes(model, part)
    if changes:
        rows = [
            {
                "change_id": each.change.change_id,
                "changed_at": format_time(each.change.changed_at),
                "person": each.change.person,
                "what": describe_change(each.change),
                "is_undone": each.is_undone,
                "reason": each.change.reason,
            }
            for each in entries
        ]
        write_records(rows, ("change_id", "changed_at", "person", "what", "is_undone", "reason"), form)
        return
    rows = [
        {"name": name, **names.looks.get(name, Look())._asdict(), "seq": names.seq} for name in names.offered
    ]
    write_records(rows, ("name", "color", "key", "seq"), form)


def _change(workspace: Any, model: str, change: str, reviewer: str | None, **given: Any) -> None:
    """Make the change and say what was done, and how it is taken back."""
    from reviewer.labels import describe_change

    with open_workspace(workspace) as opened:
        made = opened.change_labels(model, change, person=find_user(reviewer), **given)
        names = opened.read_names(model, made.part)
    write_records([{"name": each} for each in names.offered], ("name",), None)
    talk(f"{describe_change(made)}; `reviewer labels undo {made.change_id}` takes this back.")


def add(
    model: ModelArgument,
    name: Annotated[str, typer.Argument(help="The new one.")],
    color: Annotated[str, typer.Option(help="Its colour, #rrggbb.")] = "",
    key: Annotated[str, typer.Option(help="The key that chooses it.")] = "",
    part: PartOption = "label",
    reason: ReasonOption = "",
    seq: SeqOption = None,
    reviewer: ReviewerOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Offer one more."""
    given = {"added": (name,), "color": color, "key": key, "part": part, "reason": reason, "seq": seq}
    _change(workspace, model, "add", reviewer, **given)


def rename(
    model: ModelArgument,
    name: NameArgument,
    new: Annotated[str, typer.Argument(help="Its new name.")],
    part: PartOption = "label",
    reason: ReasonOption = "",
    seq: SeqOption = None,
    reviewer: ReviewerOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Call one otherwise, also where it was given before."""
    given = {"name": name, "added": (new,), "part": part, "reason": reason, "seq": seq}
    _change(workspace, model, "rename", reviewer, **given)


def merge(
    model: ModelArgument,
    name: Annotated[str, typer.Argument(help="The one that stays.")],
    others: Annotated[list[str], typer.Argument(help="Those that become it.")],
    part: PartOption = "label",
    reason: ReasonOption = "",
    seq: SeqOption = None,
    reviewer: ReviewerOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Let some count as another one, also where they were given before."""
    given = {"name": name, "names": tuple(others), "part": part, "reason": reason, "seq": seq}
    _change(workspace, model, "merge", reviewer, **given)


def split(
    model: ModelArgument,
    name: NameArgument,
    into: NamesArgument,
    part: PartOption = "label",
    reason: ReasonOption = "",
    seq: SeqOption = None,
    reviewer: ReviewerOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Offer several instead of one; what has it needs a new one."""
    with open_workspace(workspace) as opened:
        known = opened.read_names(model, part).offered
    given = {
        "added": tuple(each for each in into if each not in known),
        "names": tuple(each for each in into if each in known),
    }
    _change(workspace, model, "split", reviewer, name=name, part=part, reason=reason, seq=seq, **given)


def retire(
    model: ModelArgument,
    name: NameArgument,
    part: PartOption = "label",
    reason: ReasonOption = "",
    seq: SeqOption = None,
    reviewer: ReviewerOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Offer one no more; what has it needs a new one."""
    _change(workspace, model, "retire", reviewer, name=name, part=part, reason=reason, seq=seq)


def style(
    model: ModelArgument,
    name: NameArgument,
    color: Annotated[str, typer.Option(help='Its colour, #rrggbb; "" for none of its own.')] = "",
    key: Annotated[str, typer.Option(help='The key that chooses it; "" for none of its own.')] = "",
    seq: SeqOption = None,
    reviewer: ReviewerOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Give a label a colour and a key."""
    _change(workspace, model, "style", reviewer, name=name, color=color, key=key, seq=seq)


def undo(
    change_id: Annotated[str, typer.Argument(help="A change_id that list --changes shows.")],
    reviewer: ReviewerOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Take a change back; nothing is deleted."""
    with open_workspace(workspace) as opened:
        made = opened.undo_labels(change_id, person=find_user(reviewer))
        names = opened.read_names(made.model, made.part)
    write_records([{"name": each} for each in names.offered], ("name",), None)
    talk("Taken back.")


LABEL_VERBS: dict[str, Callable[..., Any]] = {
    "list": list_names,
    "add": add,
    "rename": rename,
    "merge": merge,
    "split": split,
    "retire": retire,
    "style": style,
    "undo": undo,
}
"""Verb behind `labels` → its function."""
