"""The card of a bundle: what it is, how it was made, and what it cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from reviewer.bundle.rows import Rows
from reviewer.records import JsonValue

CARD = "README.md"

_CARD = """\
# {title}: reviewed flags

Examples on which people flagged a prediction of the model `{model}` ({task}),
with the answer that reviewers gave. Decisions up to {as_of} are in it.

## What it is, and what it is not

Flagged data is **not a random sample**. It holds what testers tried and noticed, and what rules caught: hard,
odd and wrong cases are frequent, common ones rare. Train on it together with base data, and measure on data
that was drawn otherwise. A rate computed from these rows says nothing about the model's rate of errors.

## Rows

{rows}

{tables}## How it was made

{how}

## Limits

The right answers are reviewers' judgements, most of them by one person. The split `verify` is held back to
show whether a new version learned more than these rows: never train or tune on it.

## Reading it

`load.py` returns each split as a pandas frame with every value exact. The CSV files are exact as text: read
them with `dtype=str, keep_default_na=False`, or labels such as `None`, `NA` and `007` change. `manifest.json`
has the choices, counts and hashes; `left_out.csv` every flag that is no row; `CHANGES.md` what differs from
the export before.
"""


def write_card(rows: Rows, folder: Path, described: Mapping[str, JsonValue]) -> None:
    """Write the dataset card."""
    counts = described["counts"]
    tables = [*_list_table("label", counts.get("labels", {}))]
    tables += _list_table("answered by version", counts["versions"])
    text = _CARD.format(
        title=rows.spec.shown_name,
        model=rows.spec.name,
        task=rows.spec.task,
        as_of=described["as_of"] or "none",
        rows="\n".join(_list_rows(counts)),
        tables="".join(f"{line}\n" for line in tables),
        how="\n".join(_list_steps(rows, described)),
    )
    (folder / CARD).write_text(text, encoding="utf-8")


def _list_rows(counts: Mapping[str, JsonValue]) -> Iterator[str]:
    yield f"- flags considered: {counts['considered']:,}"
    yield f"- rows written, one an example: {counts['written']:,}"
    yield from (f"- left out, {reason}: {count:,}" for reason, count in counts["left_out"].items())
    yield from (f"- split {name}: {count:,}" for name, count in counts["splits"].items())
    yield f"- groups of duplicates: {counts['groups']:,}; none stands in two splits"


def _list_table(name: str, counts: Mapping[str, int]) -> Iterator[str]:
    if counts:
        yield f"| {name} | rows |"
        yield "|---|---|"
        yield from (f"| {_escape(key)} | {count:,} |" for key, count in counts.items())
        yield ""


def _escape(text: str) -> str:
    return " ".join(text.replace("|", "&#124;").replace("<", "&lt;").split())


def _list_steps(rows: Rows, described: Mapping[str, JsonValue]) -> Iterator[str]:
    options = rows.options
    yield f"- mode {options.mode}; selection: {described['selection']}"
    yield f"- several answers for one example: {options.policy}; least agreement {options.min_agreement:g}"
    yield f"- splits: {_tell_shares(rows)}; an example never moves to another split"
    yield f"- weight: {described['weight']}"
    yield f"- personal data in texts: {options.personal}"
    yield _tell_agreement(described["agreement"])
    if "merged" in described:
        yield _tell_merged(described["merged"])
    yield from (f"- note: {_escape(each['sentence'])}" for each in described["findings"])


def _tell_merged(merged: Mapping[str, JsonValue]) -> str:
    counted = ", ".join(f"{name} {merged[name]:,}" for name in ("kept", "held_out", "corrected", "added"))
    return f"- rows of `merged.csv`: {counted}; never train on those marked held_out in the column changed"


def _tell_shares(rows: Rows) -> str:
    if len(rows.options.splits) == 1:
        return f"all in {rows.options.splits[0]}"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in rows.options.shares.items())
    return f"{shares} of new groups, by {rows.options.split_by}"


def _tell_agreement(agreement: Mapping[str, JsonValue]) -> str:
    if not agreement["rows_with_several_answers"]:
        return "- every row was answered by one person, so how far people agree is not known"
    return (
        f"- rows answered by more than one person: {agreement['rows_with_several_answers']:,}; on average"
        f" {agreement['mean_agreement']:.0%} of them agreed"
    )
