"""The verb `audit` and its own: who did what, and whether the reviews are as they were sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from reviewer.cli.exits import FOUND_PROBLEMS
from reviewer.cli.options import FormatOption, WorkspaceOption, open_workspace, take_given
from reviewer.terminal import talk, write_record, write_records

HeadOption = Annotated[
    str | None, typer.Option(metavar="HEAD", help="What head printed once; the chain must pass through it.")
]


def audit(context: typer.Context, workspace: WorkspaceOption = None) -> None:
    """List who did what; check that no review was altered."""
    if not context.invoked_subcommand:
        verify(None, workspace)


def list_entries(
    person: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this: resolve, export, change_labels, …")] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this.")] = None,
    since: Annotated[str | None, typer.Option(help="From this ISO time on.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this ISO time.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List who did what, when, from where, reviews too, newest first."""
    from reviewer.audit import AUDIT_COLUMNS, AuditSlice
    from reviewer.payloads import build_payload

    chosen = AuditSlice(**take_given(person=person, action=action, subject=subject, since=since, until=until))
    with open_workspace(workspace) as opened:
        entries, _ = opened.read_audit(chosen, limit=limit)
    write_records([build_payload(each) for each in entries], AUDIT_COLUMNS, form)


def verify(head: HeadOption = None, workspace: WorkspaceOption = None) -> None:
    """Check that every review is as it was sealed.

    Exit code 9 names the first row that was altered, removed or put in.
    """
    from reviewer.payloads import build_payload

    with open_workspace(workspace) as opened:
        checked = opened.verify_audit(head)
    write_record({**build_payload(checked), "head": str(checked.head)})
    if checked.restarted:
        talk(f"The chain was begun anew, so it vouches for nothing before that: {checked.restarted}")
    if checked.problem:
        talk(checked.problem)
        raise typer.Exit(FOUND_PROBLEMS)
    talk(f"{checked.sealed:,} reviews are as they were sealed; {checked.unsealed:,} are not sealed yet.")


def show_head(workspace: WorkspaceOption = None) -> None:
    """Seal what is new and print the head, to be kept elsewhere."""
    with open_workspace(workspace) as opened:
        head = opened.chain.seal()
    typer.echo(str(head))


def restart(
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Who mended the log, and why.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Seal the reviews as they are now, after somebody mended the log on purpose; that is on record."""
    with open_workspace(workspace) as opened:
        problem = opened.restart_chain(reason)
    write_record({"restarted": reason, "problem": problem})
    talk("A new chain begins; what stood in the log before is vouched for no more.")


AUDIT_VERBS: dict[str, Callable[..., Any]] = {
    "list": list_entries,
    "verify": verify,
    "head": show_head,
    "restart": restart,
}
"""Verb behind `audit` → its function."""
