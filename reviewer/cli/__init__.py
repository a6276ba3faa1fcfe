"""The command line: each verb parses its words, calls one method of the workspace and writes the result.

Data goes to stdout, everything said to a person to stderr. An expected failure is one sentence on stderr and
an exit code:

    0  done
    1  a mistake in the program, with a traceback to report
    2  the command line itself is wrong
    3  an input, a name or reviewer.toml is wrong
    4  somebody else changed the flag first
    5  a log or the disk refused
    6  a model could not be loaded, or failed
    7  a query was refused or stopped
    8  the workspace or the port is in use
    9  verify found a regression, or doctor a problem
  130  cancelled with Ctrl-C
  141  whoever read the output has gone

The rule: nothing is imported before a verb needs it, so that a verb that only reads the index starts fast.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from reviewer import __version__
from reviewer.cli.audit import AUDIT_VERBS, audit
from reviewer.cli.batches import batch
from reviewer.cli.care import doctor, erase, reindex, retain
from reviewer.cli.exits import CANCELLED, EXIT_CODES, find_exit_code
from reviewer.cli.exports import export
from reviewer.cli.imports import import_
from reviewer.cli.labels import LABEL_VERBS, labels
from reviewer.cli.models import MODEL_VERBS, models
from reviewer.cli.options import WorkspaceOption
from reviewer.cli.serving import demo, new, serve
from reviewer.cli.team import agreement
from reviewer.cli.testing import flag, predict
from reviewer.cli.training import retrain
from reviewer.cli.triage import query, queue, review, undo
from reviewer.cli.users import TOKEN_VERBS, USER_VERBS, tokens, users
from reviewer.cli.verifying import verify
from reviewer.cli.webhooks import WEBHOOK_VERBS, webhooks
from reviewer.errors import ReviewerError
from reviewer.terminal import talk

__all__ = ["EXIT_CODES", "VERBS", "app", "find_exit_code", "main"]

_EXIT_HELP = "\b\nExit codes:\n" + (__doc__ or "").partition("exit code:\n\n")[2].partition("\n\n")[0]

app = typer.Typer(
    name="reviewer",
    epilog=_EXIT_HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

VERBS: dict[str, Callable[..., Any]] = {
    "demo": demo,
    "new": new,
    "serve": serve,
    "predict": predict,
    "batch": batch,
    "flag": flag,
    "import": import_,
    "queue": queue,
    "review": review,
    "undo": undo,
    "query": query,
    "agreement": agreement,
    "export": export,
    "retrain": retrain,
    "verify": verify,
    "reindex": reindex,
    "erase": erase,
    "retain": retain,
    "doctor": doctor,
}
"""Verb → its function, in the order of the help; those that have verbs of their own stand behind them."""

for name, verb in VERBS.items():
    app.command(name)(verb)


def _add_group(name: str, alone: Callable[..., Any], verbs: Mapping[str, Callable[..., Any]]) -> None:
    """Add a verb that has verbs of its own."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(alone)
    for each, verb in verbs.items():
        group.command(each)(verb)
    app.add_typer(group, name=name)


_add_group("models", models, MODEL_VERBS)
_add_group("users", users, USER_VERBS)
_add_group("tokens", tokens, TOKEN_VERBS)
_add_group("labels", labels, LABEL_VERBS)
_add_group("audit", audit, AUDIT_VERBS)
_add_group("webhooks", webhooks, WEBHOOK_VERBS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    try:
        app(arguments, prog_name="reviewer")
    except ReviewerError as error:
        talk(str(error))
        return find_exit_code(error)
    except SystemExit as done:
        if done.code == CANCELLED:
            talk("Cancelled.")
        return int(done.code or 0)
    return 0


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"reviewer {__version__}\n")
        raise typer.Exit


@app.callback()
def choose_workspace(
    workspace: WorkspaceOption = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Test a model, flag what is wrong, correct it, retrain, and see each flag fixed."""
