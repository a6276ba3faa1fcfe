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

import contextlib
import errno
import getpass
import io
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reviewer import __version__
from reviewer.access import is_loopback
from reviewer.errors import (
    BusyError,
    ConfigError,
    ConflictError,
    InputError,
    LogError,
    ModelError,
    QueryError,
    ReviewerError,
    StoppedError,
)
from reviewer.terminal import Format, show_progress, talk, write_record, write_records, write_rows

if TYPE_CHECKING:
    from reviewer.config import ModelSpec
    from reviewer.models.versions import Version
    from reviewer.records import Flag, Inputs
    from reviewer.training import Retraining
    from reviewer.workspace import VerifySummary, Workspace

FOUND_PROBLEMS = 9
CANCELLED = 130
EXIT_CODES: dict[type[ReviewerError], int] = {
    ConfigError: 3,
    InputError: 3,
    ConflictError: 4,
    LogError: 5,
    ModelError: 6,
    QueryError: 7,
    BusyError: 8,
    StoppedError: CANCELLED,
}
"""Error → exit code; an error without a row has that of its parent."""

_QUEUE_TABLE = (
    "flag_id", "model", "option", "status", "resolution", "predicted", "confidence", "example",
)  # fmt: skip
"""What a table shows of a flag; JSON and CSV have everything."""

_EXIT_HELP = "\b\nExit codes:\n" + (__doc__ or "").partition("exit code:\n\n")[2].partition("\n\n")[0]

app = typer.Typer(
    name="reviewer",
    epilog=_EXIT_HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(invoke_without_command=True)
app.add_typer(models_app, name="models")


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


def find_exit_code(error: ReviewerError) -> int:
    """Return the exit code of the error's nearest class in `EXIT_CODES`."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


# Words that several verbs take


def _prefer_nearest(context: typer.Context, folder: Path | None) -> Path | None:
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
        callback=_prefer_nearest,
        help="Workspace; else $REVIEWER_WORKSPACE, else the nearest folder upward with a reviewer.toml.",
    ),
]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="Default: table on a terminal, json elsewhere.")
]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model in reviewer.toml.")]
ReviewerOption = Annotated[str | None, typer.Option(help="Who decides; default: your user name here.")]
HostOption = Annotated[str, typer.Option(help="Address to listen on.")]
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]
WithoutSignInOption = Annotated[
    bool,
    typer.Option("--without-sign-in", help="Listen on other addresses too: whoever reaches it may do all."),
]


def _open(folder: Path | None, *, is_app: bool = False) -> Workspace:
    from reviewer.workspace import Workspace

    return Workspace.open(folder, is_app=is_app)


def _find_user(given: str | None = None) -> str:
    """Return the name given, else the operating system's name of the user, "" when it has none."""
    if given is not None:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _take_given(**options: Any) -> dict[str, Any]:
    """Return the options that were given, so that the workspace alone knows the defaults."""
    return {name: value for name, value in options.items() if value is not None and value != []}


# Verbs


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


@app.command()
def demo(
    is_served: Annotated[bool, typer.Option("--serve/--no-serve", help="Start the app afterwards.")] = True,
    host: HostOption = "127.0.0.1",
    port: PortOption = 7860,
    without_sign_in: WithoutSignInOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Prepare the demo workspace and start the app.

    Four models are trained on the spot and their real mistakes on held-out examples are flagged.
    """
    from reviewer.demo import prepare_demo

    if is_served:
        _check_address(host, port, without_sign_in)
    folder = _find_folder(workspace)
    with show_progress() as progress:
        prepare_demo(folder, progress)
    talk(f"The demo workspace is ready in {folder}.")
    if is_served:
        _serve(folder, host, port)


@app.command()
def serve(
    host: HostOption = "127.0.0.1",
    port: PortOption = 7860,
    without_sign_in: WithoutSignInOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Start the app on this workspace."""
    _check_address(host, port, without_sign_in)
    _serve(workspace, host, port)


@models_app.callback()
def models(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="List this model only.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List versions and metrics, or choose which is served."""
    if context.invoked_subcommand:
        return
    with _open(workspace) as opened:
        names = [opened.find_model(model).name] if model else list(opened.spec.models)
        rows = [
            _describe_version(opened, version) for name in names for version in opened.list_versions(name)
        ]
    write_records(rows, _VERSION_COLUMNS, form)


_VERSION_COLUMNS = ("model", "version", "is_served", "task", "created_at", "metrics")


def _describe_version(opened: Workspace, version: Version) -> dict[str, Any]:
    return {
        "model": version.model,
        "version": version.name,
        "is_served": version.name == opened.find_version(version.model).name,
        "task": str(opened.find_model(version.model).task),
        "created_at": version.card.get("created_at"),
        "metrics": version.card.get("metrics", {}).get("held_out"),
    }


@models_app.command("serve")
def serve_version(
    model: ModelArgument,
    version: Annotated[str, typer.Argument(help="Name of one of its versions.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Let the app answer with this version from now on."""
    with _open(workspace) as opened:
        served = opened.serve_version(model, version)
    talk(f"{served.model} is answered by version {served.name} from now on.")


@app.command()
def predict(
    model: ModelArgument,
    text: Annotated[
        str | None,
        typer.Option("--json", metavar="JSON", help="The inputs by name, as one object; - reads stdin."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Image for a model with one image input.")] = None,
    version: Annotated[str | None, typer.Option(help="Version to ask; default: the served one.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Run a model on one example and log its answer."""
    from reviewer.payloads import build_payload

    with _open(workspace) as opened:
        inputs = _read_inputs(opened.find_model(model), text, file)
        made = opened.predict(model, inputs, version=version, username=_find_user())
    write_record(build_payload(made))
    if made.error:
        raise ModelError(made.error)


@app.command()
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

    with _open(workspace) as opened:
        made = opened.flag(
            prediction_id,
            option=option,
            suggested_label=suggested_label,
            comment=comment,
            severity=severity,
            flagger=_find_user(flagger),
        )
    write_record(build_payload(made))
    talk(f"Flagged as {made.option}; `reviewer undo {made.flag_id}` takes it back.")


@app.command()
def queue(
    view: Annotated[str | None, typer.Option(help="open, in_review, done or all.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model's; may be repeated.")] = None,
    version: Annotated[list[str] | None, typer.Option(help="Only this version's.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="Only this flag option.")] = None,
    predicted: Annotated[list[str] | None, typer.Option(help="Only this predicted label.")] = None,
    resolution: Annotated[list[str] | None, typer.Option(help="Only this resolution.")] = None,
    verification: Annotated[list[str] | None, typer.Option(help="Only this verification.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only flags that came about so.")] = None,
    flagger: Annotated[list[str] | None, typer.Option(help="Only this person's flags.")] = None,
    confidence_min: Annotated[float | None, typer.Option(help="Confidence from here, 0 to 1.")] = None,
    confidence_max: Annotated[float | None, typer.Option(help="Confidence up to here, 0 to 1.")] = None,
    text: Annotated[str | None, typer.Option(help="Part of an input, comment or suggestion.")] = None,
    sort: Annotated[str | None, typer.Option(help="newest or least_confident.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many flags; default 50.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List flags in the stated order."""
    given = _take_given(
        view=view, model=model, version=version, option=option, predicted=predicted, resolution=resolution,
        verification=verification, source=source, flagger=flagger, confidence_min=confidence_min,
        confidence_max=confidence_max, text=text, sort=sort, limit=limit,
    )  # fmt: skip
    with _open(workspace) as opened:
        flags = opened.queue(**given)
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
            "example": _show_example(each.inputs),
        }
        for each in flags
    ]
    write_records(payloads, list_columns(Flag), form, _QUEUE_TABLE)


def _show_example(inputs: Inputs) -> str:
    """Return the values in one line, an image by the start of its name."""
    return " · ".join(
        f"{each['media'][:8]}…" if isinstance(each, dict) else str(each) for each in inputs.values()
    )


@app.command()
def review(
    flag_id: Annotated[str, typer.Argument(help="The flag_id that queue printed.")],
    corrected_label: Annotated[str | None, typer.Option(help="The right label.")] = None,
    corrected_value: Annotated[float | None, typer.Option(help="The right value.")] = None,
    corrected_output: Annotated[str | None, typer.Option(help="The right output, as JSON.")] = None,
    resolution: Annotated[str | None, typer.Option(help="prediction_correct, ambiguous, …")] = None,
    status: Annotated[str | None, typer.Option(help="open, in_review or needs_info.")] = None,
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
    with _open(workspace) as opened:
        decided = opened.review(
            flag_id,
            corrected_label=corrected_label,
            corrected_value=corrected_value,
            corrected_output=None if corrected_output is None else _parse_json(corrected_output),
            resolution=resolution,
            status=status,
            comment=comment,
            reviewer=_find_user(reviewer),
            seq=seq,
            action_id=action_id,
        )
    write_record(build_payload(decided))
    now = decided.state.corrected_label or decided.state.resolution or decided.state.status
    talk(f"The flag is now {now!r}; `reviewer undo {action_id}` takes this back.")


@app.command()
def undo(
    action_id: Annotated[str, typer.Argument(help="An action_id; a flag_id takes the whole flag back.")],
    reviewer: ReviewerOption = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Take an action back; nothing is deleted."""
    with _open(workspace) as opened:
        flags = opened.undo(action_id, reviewer=_find_user(reviewer))
    _write_flags(flags, form)
    talk(f"Taken back on {len(flags):,} flag{'' if len(flags) == 1 else 's'}.")


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT; - reads it from stdin.")],
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask the index in SQL.

    Tables: flags, reviews and predictions as they are now, raw_flags and raw_reviews as they were written,
    and one per model with its inputs as columns. Reading only; time, memory and rows are limited.
    """
    with _open(workspace) as opened:
        result = opened.run_query(_read_stdin() if sql == "-" else sql)
    write_rows(result.columns, result.list_rows(), form)
    if result.is_truncated:
        talk(f"Only the first {result.table.num_rows:,} rows are shown; narrow the query with WHERE.")
    if result.index_age_seconds:
        talk(f"Another query holds the index, which is {result.index_age_seconds:.0f} seconds old.")


@app.command()
def export(model: ModelArgument, workspace: WorkspaceOption = None) -> None:
    """Write reviewed flags as a training set."""
    from reviewer.payloads import build_payload

    with _open(workspace) as opened:
        bundle = opened.export(model)
    shown = {"model": bundle.model, "name": bundle.name, "path": bundle.path, "counts": bundle.counts}
    write_record(build_payload(shown))


@app.command()
def retrain(
    model: ModelArgument,
    is_verified: Annotated[bool, typer.Option("--verify", help="Verify the new version as well.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Train a new version on base data plus corrections.

    It is not served until `reviewer models serve` says so.
    """
    with _open(workspace) as opened:
        with show_progress() as progress:
            made = opened.retrain(model, progress)
        _write_retraining(made)
        if is_verified:
            _end_verify(_verify(opened, model, None))


def _write_retraining(made: Retraining) -> None:
    from reviewer.payloads import build_payload

    version = made.version
    write_record(
        build_payload(
            {
                "model": version.model,
                "version": version.name,
                "path": version.path,
                "before": made.before,
                "after": made.after,
                "counts": made.counts,
                "left_out": made.left_out,
            }
        )
    )
    changes = ", ".join(
        f"{name} {made.before[name]:.4g} → {value:.4g}"
        for name, value in made.after.items()
        if name != "rows"
    )
    talk(
        f"Version {version.name} on {made.after['rows']:.0f} held-out examples: {changes}."
        f" `reviewer models serve {version.model} {version.name}` lets the app answer with it."
    )


@app.command()
def verify(
    model: ModelArgument,
    version: Annotated[str | None, typer.Option(help="Version to run; default: the newest.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Run a version over every reviewed flag.

    Exit code 9 when an answer that was right became wrong.
    """
    from reviewer.payloads import build_payload, list_columns
    from reviewer.training import Verdict

    with _open(workspace) as opened:
        summary = _verify(opened, model, version)
    write_records([build_payload(each) for each in summary.verdicts], list_columns(Verdict), form)
    _end_verify(summary)


def _verify(opened: Workspace, model: str, version: str | None) -> VerifySummary:
    with show_progress() as progress:
        return opened.verify(model, version, progress)


def _end_verify(summary: VerifySummary) -> None:
    """Say how many flags got which verdict; a regression ends the program with its own exit code."""
    from reviewer.records import Verification

    counts = summary.count()
    told = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "no reviewed flag yet"
    talk(f"{summary.model} version {summary.version}: {told}.")
    if counts.get(Verification.REGRESSED):
        raise typer.Exit(FOUND_PROBLEMS)


@app.command()
def reindex(workspace: WorkspaceOption = None) -> None:
    """Build the index anew from the logs."""
    with _open(workspace) as opened:
        write_record(opened.reindex())


@app.command()
def doctor(
    has_models: Annotated[bool, typer.Option("--models/--no-models", help="Load the models as well.")] = True,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Check environment, config, logs, index and models.

    Exit code 9 when there is a problem; a warning alone is none.
    """
    from reviewer.doctor import Finding, Level, check_folder
    from reviewer.payloads import build_payload, list_columns

    findings = check_folder(_find_folder(workspace), has_models=has_models)
    write_records([build_payload(each) for each in findings], list_columns(Finding), form)
    problems = sum(each.level is Level.PROBLEM for each in findings)
    if problems:
        talk(f"{problems} problem{'' if problems == 1 else 's'} found.")
        raise typer.Exit(FOUND_PROBLEMS)


# Inputs from outside


def _find_folder(workspace: Path | None) -> Path:
    """Return the folder given, else the nearest workspace, else this folder, which may not be one yet."""
    from reviewer.workspace import find_workspace

    if workspace is not None:
        return workspace.expanduser().resolve()
    try:
        return find_workspace()
    except ConfigError:
        return Path.cwd()


def _read_inputs(spec: ModelSpec, text: str | None, file: Path | None) -> dict[str, Any]:
    if text is None and file is None:
        example = ", ".join(f'"{name}": …' for name in spec.inputs)
        raise InputError(f"{spec.name} needs an example: give --json '{{{example}}}'.")
    inputs = {} if text is None else _parse_json(_read_stdin() if text == "-" else text)
    if not isinstance(inputs, dict):
        raise InputError(f"--json must hold an object of inputs by name, not {str(inputs)[:80]!r}.")
    return inputs if file is None else {**inputs, _find_image_input(spec): file}


def _find_image_input(spec: ModelSpec) -> str:
    images = [name for name, each in spec.inputs.items() if each.component == "image"]
    if len(images) != 1:
        raise InputError(f"--file needs a model with one image input; {spec.name} has {len(images)}.")
    return images[0]


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{text[:80]!r} is no JSON that can be read: {error}.") from None


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError(f"stdin is not UTF-8: {error.reason} at byte {error.start:,}.") from None


# The app


def _serve(folder: Path | None, host: str, port: int) -> None:
    with _open(folder, is_app=True) as opened:
        from reviewer.ui.app import serve as serve_app

        # Ctrl-C is how an app is meant to end.
        with contextlib.suppress(KeyboardInterrupt):
            serve_app(opened, host, port, lambda address: talk(f"The app is at {address}; Ctrl-C stops it."))
    talk("The app has stopped.")


def _check_address(host: str, port: int, without_sign_in: bool) -> None:
    """Raise when strangers could reach the app, or it could not listen."""
    if not (without_sign_in or is_loopback(host)):
        raise InputError(
            f"Anyone who reaches {host} could use the app, since it has no sign-in; keep to --host 127.0.0.1,"
            " or add --without-sign-in if that is meant."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = "something listens there" if error.errno == errno.EADDRINUSE else error.strerror
        raise BusyError(
            f"Port {port} of {host} cannot be used ({reason}); choose another with --port."
        ) from None
