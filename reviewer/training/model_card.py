"""A version's model card: `models/NAME/VERSION/MODEL_CARD.md`, written from what is known of it.

The rule: it says nothing that is not in the version's `card.json`, its results, or the log of promotions; who
wants to add a word writes it elsewhere, since the file is written anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reviewer.config import ModelSpec
from reviewer.errors import LogError
from reviewer.models.versions import Version
from reviewer.training.promoting import Promotion
from reviewer.training.reports import describe_share, describe_test, escape_cell
from reviewer.training.summary import VerifySummary, read_summary

MODEL_CARD = "MODEL_CARD.md"

_MOST_FAILURES = 20
"""Known failures that a card names."""


def save_card(spec: ModelSpec, version: Version, promotions: Sequence[Promotion]) -> str:
    """Write the card beside the version's artifact and return it; raises `LogError`."""
    text = format_card(spec, version, promotions)
    path = version.path.parent / MODEL_CARD
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LogError(f"{path} could not be written: {error.strerror or error}.") from error
    return text


def format_card(spec: ModelSpec, version: Version, promotions: Sequence[Promotion]) -> str:
    """Return the card as Markdown."""
    summary = read_summary(version)
    parts = (
        ("", _list_facts(spec, version)),
        ("Trained on", _list_training(version.card)),
        ("Held-out examples", _list_metrics(version.card)),
        ("Reviewed flags", _list_verdicts(summary)),
        ("Known failures", _list_failures(summary)),
        ("Served", _list_promotions(version, promotions)),
        ("Limits", _list_limits(spec, version, summary)),
    )
    blocks = [f"# {escape_cell(spec.shown_name)}, version {version.name}"]
    for title, lines in parts:
        if text := "\n".join(lines):
            blocks.append(f"## {title}\n\n{text}" if title else text)
    return "\n\n".join(blocks) + "\n"


def _list_facts(spec: ModelSpec, version: Version) -> Iterator[str]:
    card = version.card
    yield f"- Task: {spec.task}; kind: {spec.kind}"
    yield f"- Inputs: {', '.join(f'{name} ({each.component})' for name, each in spec.inputs.items())}"
    if spec.labels:
        yield f"- Labels: {', '.join(map(escape_cell, spec.labels))}"
    yield f"- Artifact: `{version.path.name}`, SHA-256 `{card.get('sha256')}`"
    yield f"- Made: {card.get('created_at')}" + (
        f", from version {card['parent']}" if "parent" in card else ""
    )
    environment = ", ".join(f"{name} {number}" for name, number in card.get("environment", {}).items())
    yield f"- Environment: {environment}"


def _list_training(card: Mapping[str, Any]) -> Iterator[str]:
    told = card.get("trained_on") or {}
    if base := told.get("base"):
        yield f"- Base: `{base['path']}`, {base['rows']:,} rows, SHA-256 `{base['sha256']}`"
    if "bundle" in told:
        yield f"- Corrections: export {told['bundle']}"
    if rows := told.get("rows"):
        yield f"- Fitted on: {_join(rows)}"
    if left_out := told.get("left_out"):
        yield f"- Left out: {_join(left_out)}"
    if weights := told.get("weights"):
        yield "- Sample weights: " + ("used" if weights["used"] else f"not used, {weights['why']}")
    if search := told.get("search"):
        chosen = ", ".join(f"`{name}` = {value}" for name, value in search["chosen"].items())
        yield f"- Search: {len(search['candidates'])} candidates in {search['folds']} folds; chosen: {chosen}"


def _join(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())


def _list_metrics(card: Mapping[str, Any]) -> Iterator[str]:
    metrics = card.get("metrics") or {}
    held_out = metrics.get("held_out") or {}
    if not held_out.get("rows"):
        return
    yield f"On {held_out['rows']:,} examples that nothing was fitted on:"
    yield ""
    yield "| Metric | This version | 95 % | Version before |"
    yield "|---|---|---|---|"
    intervals, before = metrics.get("intervals") or {}, metrics.get("before") or {}
    for name, value in held_out.items():
        if name != "rows":
            span = "{:.4g} to {:.4g}".format(*intervals[name]) if name in intervals else ""
            was = f"{before[name]:.4g}" if name in before else ""
            yield f"| {name} | {value:.4g} | {span} | {was} |"


def _list_verdicts(summary: VerifySummary | None) -> Iterable[str]:
    if summary is None:
        return ["This version was not run over the reviewed flags yet."]
    lines = [
        f"- Corrections: {_join(summary.corrections) or 'none'}",
        f"- Guards: {_join(summary.guards) or 'none'}",
        f"- Fixed: {describe_share(summary.fixed)}",
        f"- Guards regressed: {describe_share(summary.guards_regressed)}",
    ]
    if summary.paired:
        lines.append(f"- Against version {summary.against}: {describe_test(summary.paired)}")
    return lines


def _list_failures(summary: VerifySummary | None) -> Iterator[str]:
    wrong = summary.list_wrong(_MOST_FAILURES) if summary else []
    if wrong:
        yield "| Verdict | Example | Right | Answer |"
        yield "|---|---|---|---|"
    for each in wrong:
        cells = (each.verification.replace("_", " "), each.preview, each.right, each.answer)
        yield "| " + " | ".join(map(escape_cell, cells)) + " |"


def _list_promotions(version: Version, promotions: Sequence[Promotion]) -> Iterator[str]:
    for each in promotions:
        if each.to_version == version.name:
            who = f" by {escape_cell(each.who)}" if each.who else ""
            why = f": {escape_cell(each.reason)}" if each.reason else ""
            yield f"- {each.promoted_at}: {each.action}{who}{why}"


def _list_limits(spec: ModelSpec, version: Version, summary: VerifySummary | None) -> Iterator[str]:
    yield (
        "- Flags are what people noticed, not a random sample: shares over reviewed flags say nothing about"
        " how often the model is wrong in use."
    )
    if not (version.card.get("metrics") or {}).get("held_out", {}).get("rows"):
        yield "- Nothing was held out, so how well it does on new examples is not known."
    if summary and summary.flaky:
        yield f"- {summary.flaky:,} flags were answered otherwise in a second run."
    if spec.task.is_classification:
        yield "- It answers with one of its labels, also when none of them fits."
