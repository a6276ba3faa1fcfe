"""A run over the reviewed flags as files for others: JUnit XML for a build server, Markdown for people.

The rule: the flags' texts are data of strangers, so nothing of them is ever markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from reviewer.errors import LogError
from reviewer.records import Verification
from reviewer.training.intervals import PairedTest, Share
from reviewer.training.results import Verdict
from reviewer.training.summary import VerifySummary

_MOST_SHOWN = 50
"""Regressions in the Markdown summary."""

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""

_FAILURES = (Verification.REGRESSED, Verification.STILL_FAILING)


def write_junit(summary: VerifySummary, path: Path) -> None:
    """Write a test case per flag, those that failed or regressed as failures; raises `LogError`."""
    _write(path, _list_junit(summary))


def write_markdown(summary: VerifySummary, path: Path) -> None:
    """Write the summary in Markdown; raises `LogError`."""
    _write(path, iter([format_summary(summary)]))


def _write(path: Path, parts: Iterator[str]) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(parts)
    except OSError as error:
        raise LogError(f"{path} could not be written: {error.strerror or error}.") from error


def _list_junit(summary: VerifySummary) -> Iterator[str]:
    """Yield the file in pieces, a case each, since there may be very many."""
    counts = summary.count()
    told = {
        "name": f"{summary.model}.{summary.version}",
        "tests": str(sum(counts.values())),
        "failures": str(sum(counts.get(each, 0) for each in _FAILURES)),
        "skipped": str(counts.get(Verification.INCONCLUSIVE, 0)),
        "errors": "0",
    }
    head = ET.tostring(ET.Element("testsuite", told), "unicode", short_empty_elements=False)
    opened, closed = head.removesuffix("</testsuite>"), "</testsuite>"
    yield f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>{opened}\n'
    for each in summary.verdicts:
        yield ET.tostring(_build_case(summary, each), "unicode") + "\n"
    yield f"{closed}</testsuites>\n"


def _build_case(summary: VerifySummary, verdict: Verdict) -> ET.Element:
    case = ET.Element(
        "testcase", classname=f"{summary.model}.{summary.version}", name=verdict.flag_id, time="0"
    )
    said = _clean(f"right: {verdict.right!r}, answered: {verdict.answer!r}")
    if verdict.verification in _FAILURES:
        failure = ET.SubElement(case, "failure", type=verdict.verification, message=said)
        failure.text = _clean(verdict.preview)
    elif verdict.verification == Verification.INCONCLUSIVE:
        ET.SubElement(case, "skipped", message="flaky" if verdict.is_flaky else "inconclusive")
    return case


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


def format_summary(summary: VerifySummary) -> str:
    """Return the summary as Markdown, regressions first."""
    parts: tuple[Callable[[VerifySummary], list[str]], ...] = (_list_regressions, _list_counts, _list_tests)
    title = f"## {summary.model} version {summary.version}"
    return "\n\n".join([title, *("\n".join(lines) for part in parts if (lines := part(summary)))]) + "\n"


def _list_regressions(summary: VerifySummary) -> list[str]:
    if not summary.regressions:
        return ["Nothing that was right became wrong."]
    count = sum(each.get(Verification.REGRESSED, 0) for each in (summary.corrections, summary.guards))
    rows = [
        "| " + " | ".join(map(escape_cell, (each.flag_id, each.role, each.preview, each.right, each.answer)))
        + " |"
        for each in summary.regressions[:_MOST_SHOWN]
    ]  # fmt: skip
    head = [
        f"**{count:,} regressed: right before, wrong now.**",
        "",
        "| Flag | Was | Example | Right | Answer |",
        "|---|---|---|---|---|",
    ]
    more = [f"\n… and {count - len(rows):,} more."] if count > len(rows) else []
    return [*head, *rows, *more]


def escape_cell(text: str) -> str:
    """Return the text as one cell of a Markdown table that shows it as it is."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", line if len(line) <= 120 else line[:119] + "…")


def _list_counts(summary: VerifySummary) -> list[str]:
    rows = [("corrections", summary.corrections), ("guards", summary.guards)]
    names = ("fixed", "still_failing", "kept", "regressed", "inconclusive")
    head = ["| | " + " | ".join(each.replace("_", " ") for each in names) + " |", "|---" * 6 + "|"]
    return head + [
        f"| {title} | " + " | ".join(f"{counts.get(name, 0):,}" for name in names) + " |"
        for title, counts in rows
    ]


def _list_tests(summary: VerifySummary) -> list[str]:
    lines = [
        f"- Fixed: {describe_share(summary.fixed)} of the corrections with a clear verdict.",
        f"- Regressed: {describe_share(summary.guards_regressed)} of the guards with a clear verdict.",
        f"- Flaky: {summary.flaky:,} answered otherwise in a second run.",
    ]
    if summary.paired:
        lines.append(f"- Against version {summary.against}: {describe_test(summary.paired)}.")
    return lines


def describe_share(share: Share) -> str:
    """Return a share with its interval, in words for people."""
    if share.share is None or share.low is None or share.high is None:
        return "none"
    return f"{share.hits:,} of {share.of:,}, {share.share:.1%} (95 %: {share.low:.1%}–{share.high:.1%})"


def describe_test(test: PairedTest) -> str:
    """Return a paired test in words for people."""
    return (
        f"better on {test.better:,} and worse on {test.worse:,} of {test.pairs:,} flags"
        f" ({test.test}, p = {test.p_value:.3g})"
    )
