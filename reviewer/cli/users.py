"""The verbs `users` and `tokens`: who may use the app, and what their programs may.

The rule: whoever can read the workspace's files may do all of this; nobody is asked for a password here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reviewer.cli.options import FormatOption, WorkspaceOption, find_user, open_workspace
from reviewer.errors import InputError, UnknownNameError
from reviewer.terminal import talk, write_record, write_records

if TYPE_CHECKING:
    from pathlib import Path

    from reviewer.access import Person, Role
    from reviewer.accounts import Accounts

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the person.")]
RoleOption = Annotated[str, typer.Option(help="tester, reviewer or admin.")]
AddressOption = Annotated[str, typer.Option(metavar="URL", help="Where people reach the app, for the link.")]
HERE = "http://127.0.0.1:7860"


def users(context: typer.Context, form: FormatOption = None, workspace: WorkspaceOption = None) -> None:
    """Say who may use the app, and as what."""
    if not context.invoked_subcommand:
        list_users(form, workspace)


def list_users(form: FormatOption = None, workspace: WorkspaceOption = None) -> None:
    """List everybody with role."""
    with _open(workspace) as accounts:
        rows = [
            {
                "name": each.name,
                "role": each.role.name.lower(),
                "has_password": each.has_password,
                "added_at": _show(each.added_at),
            }
            for each in accounts.people.list_all()
        ]
    write_records(rows, ("name", "role", "has_password", "added_at"), form)


def add(
    name: NameArgument,
    role: RoleOption = "tester",
    url: AddressOption = HERE,
    workspace: WorkspaceOption = None,
) -> None:
    """Let somebody in, and print the link at which the person chooses a password."""
    with _open(workspace) as accounts:
        _check_address(url)
        made = accounts.people.add(name, _read_role(role))
        _give_link(accounts, made.name, url)


def set_role(
    name: NameArgument,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="tester, reviewer or admin.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Change what somebody may do, at once."""
    with _open(workspace) as accounts:
        made = accounts.people.set_role(name, _read_role(role))
    write_record({"name": made.name, "role": made.role.name.lower()})


def reset(name: NameArgument, url: AddressOption = HERE, workspace: WorkspaceOption = None) -> None:
    """Sign somebody out everywhere, and print a link for a new password."""
    with _open(workspace) as accounts:
        person = _find(accounts, name)
        _check_address(url)
        accounts.people.forget_password(person.name)
        _give_link(accounts, person.name, url)


def remove(name: NameArgument, workspace: WorkspaceOption = None) -> None:
    """Let somebody in no more: sessions, links and tokens end at once; what the person wrote stays."""
    with _open(workspace) as accounts:
        removed = accounts.people.remove(name)
    held = _count_held(workspace, removed)
    write_record({"removed": removed, "flags_held": held})
    if held:
        talk(f"{held} open flags are still with {removed}; assign them at the desk to take them over.")


def tokens(context: typer.Context, form: FormatOption = None, workspace: WorkspaceOption = None) -> None:
    """Give programs of people a way in."""
    if not context.invoked_subcommand:
        list_tokens(None, form, workspace)


def list_tokens(
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this person.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List the tokens; the tokens themselves were shown once."""
    with _open(workspace) as accounts:
        rows = [
            {
                "token_id": each.token_id,
                "user": each.name,
                "title": each.title,
                "scope": each.scope,
                "made_at": _show(each.made_at),
                "ends_at": _show(each.ends_at),
            }
            for each in accounts.tokens.list_of(user)
        ]
    write_records(rows, ("token_id", "user", "title", "scope", "made_at", "ends_at"), form)


def add_token(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What the token is for.")],
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose; default: your user name here.")
    ] = None,
    scope: Annotated[
        str, typer.Option(help="test, review or admin; never more than the person may.")
    ] = "test",
    days: Annotated[float | None, typer.Option(help="Days that it lasts; else until it is revoked.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a token and print it; it is shown only now."""
    with _open(workspace) as accounts:
        person = _find(accounts, find_user(user))
        secret, made = accounts.tokens.make(person, title, scope, days)
    write_record({"token_id": made.token_id, "user": made.name, "scope": made.scope, "token": secret})


def revoke_token(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", help="As `reviewer tokens list` has it.")],
    workspace: WorkspaceOption = None,
) -> None:
    """End a token at once."""
    with _open(workspace) as accounts:
        accounts.tokens.revoke(token_id)
    write_record({"revoked": token_id})


USER_VERBS: dict[str, Callable[..., Any]] = {
    "list": list_users,
    "add": add,
    "role": set_role,
    "reset": reset,
    "remove": remove,
}
"""Verb behind `users` → its function."""

TOKEN_VERBS: dict[str, Callable[..., Any]] = {
    "list": list_tokens,
    "add": add_token,
    "revoke": revoke_token,
}
"""Verb behind `tokens` → its function."""


def _open(workspace: Path | None) -> Accounts:
    from reviewer.accounts import Accounts
    from reviewer.workspace import find_workspace

    return Accounts(find_workspace(workspace))


def _count_held(workspace: Path | None, name: str) -> int:
    """Return how many open flags are with the person."""
    from reviewer.index.queries import Slice

    with open_workspace(workspace) as opened:
        views = opened.count_facets(Slice(assignee=(name,))).views
    return views["open"] + views["in_review"]


def _read_role(role: str) -> Role:
    from reviewer.accounts.people import ROLES

    if role not in ROLES:
        raise UnknownNameError("role", role, ROLES)
    return ROLES[role]


def _find(accounts: Accounts, name: str) -> Person:
    person = accounts.people.find(name)
    if person is None:
        raise UnknownNameError("person", name, [each.name for each in accounts.people.list_all()])
    return person


def _give_link(accounts: Accounts, name: str, url: str) -> None:
    from reviewer.accounts import FIRST_PASSWORD_HOURS
    from reviewer.sign_in.addresses import link_password

    write_record({"name": name, "link": f"{url.rstrip('/')}{link_password(accounts.links.make(name))}"})
    talk(f"The link works once, for {FIRST_PASSWORD_HOURS} hours; hand it to {name} and nobody else.")


def _check_address(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise InputError(f"The address is {url[:80]!r}; one like https://flags.example is needed.")


def _show(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
