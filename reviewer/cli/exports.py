"""The verb that writes reviewed flags as data to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from reviewer.cli.options import ModelArgument, WorkspaceOption, open_workspace, take_given
from reviewer.errors import InputError
from reviewer.terminal import show_progress, talk, write_record

if TYPE_CHECKING:
    from reviewer.bundle import Finding


def export(
    model: ModelArgument,
    mode: Annotated[
        str | None, typer.Option(help="full, delta (since the last export), merge, guard or rejects.")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--as", metavar="FORMAT", help="A format beside CSV and Parquet; may be given again."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="Several answers for one example: stop, latest, majority, adjudicated, soft, leave_out."
        ),
    ] = None,
    min_agreement: Annotated[float | None, typer.Option(help="Least share of reviewers who agree.")] = None,
    shares: Annotated[
        list[str] | None,
        typer.Option("--share", metavar="SPLIT=SHARE", help="Share of a split; may be given again."),
    ] = None,
    split_by: Annotated[str | None, typer.Option(help="hash, or time: the last ones are held out.")] = None,
    weights: Annotated[str | None, typer.Option(help="none, evidence or balanced.")] = None,
    personal: Annotated[
        str | None, typer.Option(help="Personal data in texts: stop, redact, drop or allow.")
    ] = None,
    min_class: Annotated[int | None, typer.Option(help="Labels with fewer rows are pointed out.")] = None,
    base: Annotated[str | None, typer.Option(metavar="FILE", help="merge: the CSV in the workspace.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="INPUT", help="merge: an input that names a row; may be given again."),
    ] = None,
    is_plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be written; write nothing.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write reviewed flags as a training set."""
    from reviewer.bundle import read_options
    from reviewer.payloads import build_payload

    given = take_given(
        mode=mode,
        formats=formats,
        policy=policy,
        min_agreement=min_agreement,
        shares=_parse_shares(shares or []),
        split_by=split_by,
        weights=weights,
        personal=personal,
        min_class=min_class,
        base=base,
        key=key,
    )
    options = read_options(**given)
    with open_workspace(workspace) as opened, show_progress(has_steps=False) as progress:
        if is_plan:
            plan = opened.plan_export(model, options, progress)
            shown: dict[str, Any] = {"model": model, "counts": plan.counts, "findings": plan.findings}
            findings = plan.findings
        else:
            bundle = opened.export(model, options, progress)
            shown = {"model": model, "name": bundle.name, "path": bundle.path, "counts": bundle.counts}
            findings = []
    write_record(build_payload(shown))
    for each in findings:
        _tell(each)


def _tell(finding: Finding) -> None:
    talk(("Stops the export: " if finding.is_stop else "") + finding.sentence)


def _parse_shares(given: list[str]) -> dict[str, float] | None:
    """Return split → share; raises `InputError` for what is no number."""
    shares: dict[str, float] = {}
    for each in given:
        name, _, share = each.partition("=")
        try:
            shares[name] = float(share)
        except ValueError:
            raise InputError(
                f"--share is {each[:80]!r}; give it as split=share, such as verify=0.2."
            ) from None
    return shares or None
