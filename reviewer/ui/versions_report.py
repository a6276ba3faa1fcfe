"""What the versions pane says of a model's versions, as HTML.

The rule: a share or a difference never stands without its interval, and regressions come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from urllib.parse import quote

import gradio as gr

from reviewer.models.versions import Version
from reviewer.training.comparing import Comparison, Difference
from reviewer.training.intervals import PairedTest, Share
from reviewer.training.promoting import Gate, Promotion
from reviewer.training.summary import KEPT, VerifySummary, read_summary
from reviewer.ui.markup import Html, draw_dim, draw_facts, draw_table
from reviewer.ui.texts import load_texts, say, say_number, say_sentence

SHOWN_VERSIONS = 50
_SHOWN_WRONG = 12
_SHOWN_PROMOTIONS = 30
_UNHARMED = ("still_failing", "inconclusive", "fixed")


def describe_versions(request: gr.Request, versions: Sequence[Version], served: str | None) -> str:
    """Return the newest versions with their metrics and what their last run over the flags came to."""
    if not versions:
        return draw_dim(say(request, "versions.none"))
    columns = ("name", "made", "metric", "fixed", "guards", "card")
    head = [say(request, f"versions.head.{name}") for name in columns]
    rows = [list(_list_cells(request, each, served)) for each in reversed(versions[-SHOWN_VERSIONS:])]
    return f'<div class="batch-list">{draw_table(head, rows)}</div>'


def _list_cells(request: gr.Request, version: Version, served: str | None) -> Iterator[str]:
    summary = read_summary(version)
    yield f"{version.name} ● {say(request, 'versions.served')}" if version.name == served else version.name
    yield str(version.card.get("created_at", ""))[:16].replace("T", " ")
    yield _tell_metric(request, version.card.get("metrics", {}).get("held_out") or {})
    yield tell_share(request, summary.fixed) if summary else "—"
    yield tell_share(request, summary.guards_regressed) if summary else "—"
    card = escape(say(request, "versions.card"))
    address = f"api/models/{quote(version.model)}/versions/{quote(version.name)}/card"
    yield Html(f'<a href="{address}" target="_blank">{card}</a>')


def _tell_metric(request: gr.Request, metrics: Mapping[str, float]) -> str:
    """Return the first metric, which is the one that a promotion looks at."""
    named = [(name, value) for name, value in metrics.items() if name != "rows"]
    if not named:
        return "—"
    name, value = named[0]
    return f"{name_metric(request, name)} {say_number(request, value, '.4g')}"


def name_metric(request: gr.Request, name: str) -> str:
    """Return what a metric is called, its own name when nobody has translated it."""
    key = f"metric.{name}"
    return say(request, key) if key in load_texts("en") else name


def tell_share(request: gr.Request, share: Share) -> str:
    """Return a share with its interval."""
    if share.share is None or share.low is None or share.high is None:
        return "—"
    return say(
        request,
        "versions.share",
        hits=say_number(request, share.hits),
        of=say_number(request, share.of),
        share=say_number(request, share.share, ".0%"),
        low=say_number(request, share.low, ".0%"),
        high=say_number(request, share.high, ".0%"),
    )


def describe_verified(request: gr.Request, summary: VerifySummary) -> str:
    """Return what a run over the reviewed flags came to: regressions first, shares, the paired test."""
    title = say(request, "versions.verified", version=summary.version)
    facts = [
        ("verification.regressed", summary.count().get("regressed", 0)),
        *((f"verification.{name}", summary.corrections.get(name, 0)) for name in _UNHARMED),
        ("versions.guards_kept", summary.guards.get(KEPT, 0)),
    ]
    shares = [
        [say(request, "versions.fixed"), tell_share(request, summary.fixed)],
        [say(request, "versions.guards_regressed"), tell_share(request, summary.guards_regressed)],
    ]
    parts = [
        f'<p class="dim" role="status">{escape(title)}</p>',
        draw_facts((say(request, key), say_number(request, count)) for key, count in facts),
        draw_table([], shares),
        draw_dim(say(request, "versions.flaky", count=summary.flaky)) if summary.flaky else "",
        _describe_test(request, summary.version, summary.against, summary.paired),
        _describe_wrong(request, summary),
    ]
    return "".join(parts)


def _describe_test(request: gr.Request, version: str, against: str | None, paired: PairedTest | None) -> str:
    if paired is None or against is None:
        return ""
    words = say(
        request,
        "versions.paired",
        version=version,
        against=against,
        pairs=say_number(request, paired.pairs),
        better=say_number(request, paired.better),
        worse=say_number(request, paired.worse),
        p=say_number(request, paired.p_value, ".2g"),
    )
    return draw_dim(words)


def _describe_wrong(request: gr.Request, summary: VerifySummary) -> str:
    """Return the first flags that the version answers wrong, each a link to its card."""
    wrong = summary.list_wrong(_SHOWN_WRONG)
    if not wrong:
        return ""
    head = [say(request, f"versions.wrong.{name}") for name in ("flag", "verdict", "right", "answer")]
    rows = [
        [
            Html(_link_flag(each.flag_id, each.preview or each.flag_id)),
            say(request, f"verification.{each.verification}"),
            each.right,
            each.answer,
        ]
        for each in wrong
    ]
    return f'<div class="export-sample">{draw_table(head, rows)}</div>'


def _link_flag(flag_id: str, words: str) -> str:
    address = f"?tab=review&amp;view=all&amp;flag={quote(flag_id)}"
    return f'<a href="{address}" target="_blank">{escape(words[:120])}</a>'


# Comparing and promoting


def describe_comparison(request: gr.Request, compared: Comparison) -> str:
    """Return the held-out metrics of two versions with their differences, and how verdicts changed."""
    parts = [
        draw_dim(say(request, "versions.compared", first=compared.first, second=compared.second)),
        _describe_metrics(request, compared),
        _describe_test(request, compared.second, compared.first, compared.paired),
        _describe_changes(request, compared),
    ]
    return "".join(parts)


def _describe_metrics(request: gr.Request, compared: Comparison) -> str:
    if compared.held_out is None:
        return draw_dim(say(request, "versions.no_held_out"))
    head = ["", compared.first, compared.second, say(request, "versions.difference")]
    rows = [
        [name_metric(request, name), *_list_figures(request, each)]
        for name, each in compared.held_out.metrics.items()
    ]
    rows.append([say(request, "metric.rows"), "", say_number(request, compared.held_out.rows), ""])
    return draw_table(head, rows)


def _list_figures(request: gr.Request, each: Difference) -> list[str]:
    figures = [say_number(request, value, ".4g") for value in (each.first, each.second)]
    spans = [say_number(request, value, "+.3g") for value in (each.difference, each.low, each.high)]
    return [*figures, say(request, "versions.span", difference=spans[0], low=spans[1], high=spans[2])]


def _describe_changes(request: gr.Request, compared: Comparison) -> str:
    rows = [
        [say(request, f"verification.{was}"), say(request, f"verification.{now}"), say_number(request, count)]
        for was, found in compared.changes.items()
        for now, count in found.items()
        if was != now
    ]
    head = [compared.first, compared.second, say(request, "versions.flags")]
    return draw_table(head, rows) if rows else ""


def describe_gate(request: gr.Request, version: str, gate: Gate) -> str:
    """Return whether a version may be promoted, and why not."""
    if not gate.refusals:
        words = escape(say(request, "versions.passes", version=version))
        return f'<p class="good" role="status">{words}</p>'
    reasons = "".join(f"<li>{escape(say_sentence(request, each))}</li>" for each in gate.refusals)
    words = escape(say(request, "versions.refused", version=version))
    return f'<div class="finding stops" role="alert"><p>{words}</p><ul>{reasons}</ul></div>'


def describe_promotions(request: gr.Request, promotions: Sequence[Promotion]) -> str:
    """Return who let which version answer, when and why, newest first."""
    if not promotions:
        return draw_dim(say(request, "versions.never"))
    head = [say(request, f"versions.promotion.{name}") for name in ("at", "who", "what", "from", "to", "why")]
    rows = [
        [
            each.promoted_at[:16].replace("T", " "), each.who, say(request, f"versions.action.{each.action}"),
            each.from_version, each.to_version, each.reason,
        ]
        for each in reversed(promotions[-_SHOWN_PROMOTIONS:])
    ]  # fmt: skip
    return f'<div class="batch-list">{draw_table(head, rows)}</div>'
