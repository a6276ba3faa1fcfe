"""The verb that tells how far people agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reviewer.cli.options import FormatOption, WorkspaceOption, open_workspace
from reviewer.terminal import talk, write_records

if TYPE_CHECKING:
    from reviewer.agreement import Agreement

_FIGURES = ("percent", "kappa", "alpha")
_COLUMNS = ("by", "of", "flags", *(f"{name}{end}" for name in _FIGURES for end in ("", "_low", "_high")))


def agreement(
    model: Annotated[str | None, typer.Option(help="Only this model's flags.")] = None,
    form: FormatOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Tell how far first and second answers agree.

    In all, per pair of people, per class and per week: the share of equal answers, Cohen's kappa and
    Krippendorff's alpha, each with its interval of 95 %.
    """
    with open_workspace(workspace) as opened:
        report = opened.report_agreement(model)
    rows = _list_rows("all", [report.overall])
    for by in ("pairs", "classes", "weeks"):
        rows += _list_rows(by, getattr(report, by))
    write_records(rows, _COLUMNS, form)
    if not report.overall.flags:
        talk("No flag was reviewed twice yet.")


def _list_rows(by: str, found: Iterable[Agreement]) -> list[dict[str, Any]]:
    return [{"by": by, "of": each.of, "flags": each.flags, **_list_figures(each)} for each in found]


def _list_figures(found: Agreement) -> dict[str, float]:
    told = {name: figure for name in _FIGURES if (figure := getattr(found, name))}
    return {
        f"{name}{end}": round(value, 4)
        for name, figure in told.items()
        for end, value in (("", figure.value), ("_low", figure.low), ("_high", figure.high))
    }
