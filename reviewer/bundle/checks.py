"""What a person should know before an export is written, each with the flags behind it.

A check is a row of `CHECKS`. The rule: a finding that stops says how to go on, and no finding changes a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reviewer.bundle.base import Base
from reviewer.bundle.options import RESOLUTIONS, ExportOptions
from reviewer.bundle.selecting import Source
from reviewer.records import TRAIN

SHOWN_FLAGS = 20
"""Flags that a finding names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the rows of an export."""

    kind: str
    sentence: str
    count: int
    flag_ids: tuple[str, ...] = ()
    """The first of the flags behind it."""
    is_stop: bool = False
    """Whether nothing is written until a person has chosen otherwise."""


def find_all(source: Source, options: ExportOptions, base: Base | None) -> list[Finding]:
    """Return the findings about the selection, those that stop first."""
    found = [each for check in CHECKS for each in check(source, options, base)]
    return sorted(found, key=lambda each: not each.is_stop)


def _list_flags(
    source: Source, rows: str, table: str = "chosen", **values: Any
) -> tuple[int, tuple[str, ...]]:
    """Return how many flags a condition on `chosen` or `exported` selects, and the first of them."""
    ((count,),) = source.cursor.execute(f"select count(*) from {table} where {rows}", values).fetchall()  # noqa: S608
    first = source.cursor.execute(
        f"select flag_id::varchar from {table} where {rows} order by position limit {SHOWN_FLAGS}",  # noqa: S608
        values,
    ).fetchall()
    return count, tuple(flag_id for (flag_id,) in first)


def _find_nothing(source: Source, options: ExportOptions, base: Base | None) -> Iterator[Finding]:
    counts = source.cursor.execute(
        "select reason, count(*) from chosen group by reason order by reason nulls first"
    ).fetchall()
    if not counts:
        sentence = (
            f"No flag of {source.spec.name} has been reviewed yet; correct some in the review tab,"
            " then export."
        )
        yield Finding("nothing", sentence, 0, is_stop=True)
    elif counts[0][0] is not None:
        reasons = ", ".join(f"{reason} {count}" for reason, count in counts)
        sentence = (
            f"No reviewed flag of {source.spec.name} can be a row ({reasons}); give the right answer"
            " to some of them, or choose another mode, then export."
        )
        total, flags = _list_flags(source, "true")
        yield Finding("nothing", sentence, total, flags, is_stop=True)


_DISPUTED = "reason is null and example_id in (select example_id from crowd where is_disputed)"


def _find_conflicts(source: Source, options: ExportOptions, base: Base | None) -> Iterator[Finding]:
    if options.mode == "rejects":
        return
    count, flags = _list_flags(source, _DISPUTED)
    if count and options.policy == "stop":
        sentence = (
            f"Examples of {source.spec.name} for which reviewers gave different right answers: {count},"
            f" such as that of flag {flags[0]}; choose a policy (latest, majority, adjudicated, soft or"
            " leave_out), or settle them."
        )
        yield Finding("conflict", sentence, count, flags, is_stop=True)
    elif count:
        sentence = (
            f"Examples for which reviewers gave different right answers: {count}; the policy is"
            f" {options.policy}."
        )
        yield Finding("conflict", sentence, count, flags)


def _find_personal(source: Source, options: ExportOptions, base: Base | None) -> Iterator[Finding]:
    kinds = source.cursor.execute(
        "select kind, count(distinct position) from (select unnest(kinds) as kind, position from personal)"
        " group by kind order by kind"
    ).fetchall()
    if not kinds:
        return
    count, flags = _list_flags(source, "position in (select position from personal)")
    told = ", ".join(f"{kind} {number}" for kind, number in kinds)
    sentences = {
        "stop": f"Flags with personal data: {count} ({told}), such as flag {flags[0]}; choose to redact it,"
        " to drop these flags, or to allow it.",
        "redact": f"Flags with personal data: {count} ({told}); it is redacted.",
        "drop": f"Flags with personal data: {count} ({told}); they are left out.",
        "allow": f"Flags with personal data: {count} ({told}); it is exported.",
    }
    is_stop = options.personal == "stop"
    yield Finding("personal", sentences[options.personal], count, flags, is_stop)


def _tell_left_out(model: str, count: int) -> dict[str, str]:
    """Return reason → what is said when flags are left out for it."""
    return {
        "retired_label": f"Flags corrected to labels that {model} has no more, left out: {count}.",
        "missing_media": f"Flags that name files which are not in the media folder, left out: {count}.",
        "other_inputs": f"Flags with other inputs than {model} has today, left out: {count}.",
        "leak": f"Rows whose group of duplicates reaches into another split, left out: {count}.",
        "conflict": f"Flags whose reviewers gave different right answers, left out: {count}.",
        "not_adjudicated": f"Flags whose disagreement no third person has settled, left out: {count}.",
        "low_agreement": f"Flags whose reviewers agree less than was asked for, left out: {count}.",
    }


def _find_left_out(source: Source, options: ExportOptions, base: Base | None) -> Iterator[Finding]:
    for reason in _tell_left_out("", 0):
        count, flags = _list_flags(source, "reason = $reason", reason=reason)
        if count:
            yield Finding(reason, _tell_left_out(source.spec.name, count)[reason], count, flags)


def _find_odd_labels(source: Source, options: ExportOptions, base: Base | None) -> Iterator[Finding]:
    """Yield labels that differ in case or spaces only, which no training means to tell apart."""
    if not source.spec.task.is_classification:
        return
    rows = source.cursor.execute(
        "select list_sort(list(distinct answer)) from exported where answer is not null"
        " group by lower(trim(regexp_replace(answer, '\\s+', ' ', 'g'))) having count(distinct answer) > 1"
        " order by 1"
    ).fetchall()
    for (labels,) in rows:
        count, flags = _list_flags(source, "list_contains($labels, answer)", "exported", labels=labels)
        shown = ", ".join(repr(each) for each in labels)
        yield Finding("similar_labels", f"Labels that differ in case or spaces only: {shown}.", count, flags)


def _find_small_classes(source: Source, options: ExportOptions, base: Base | None) -> Iterator[Finding]:
    if not source.spec.task.is_classification or options.mode in RESOLUTIONS:
        return
    rows = source.cursor.execute(
        "select answer, count(*) from exported where split = 'train' group by answer order by answer"
    ).fetchall()
    if len(rows) == 1:
        count, flags = _list_flags(source, "split = 'train'", "exported")
        yield Finding("one_class", f"All rows of train have the label {rows[0][0]!r}.", count, flags)
    small = [(label, count) for label, count in rows if count < options.min_class]
    if small:
        labels = [label for label, _ in small]
        told = ", ".join(f"{label} {count}" for label, count in small[:20])
        condition = "split = 'train' and list_contains($labels, answer)"
        _, flags = _list_flags(source, condition, "exported", labels=labels)
        sentence = f"Labels with fewer rows in train than {options.min_class}: {told}."
        yield Finding("small_class", sentence, len(small), flags)


def _find_drift(source: Source, options: ExportOptions, base: Base | None) -> Iterator[Finding]:
    for kind, sentence, count in base.find_drift(source.spec) if base else ():
        yield Finding(kind, sentence, count)


def _find_base_leaks(source: Source, options: ExportOptions, base: Base | None) -> Iterator[Finding]:
    """Yield the held-out examples that stand among the base's rows to train on."""
    if base is None or options.mode in RESOLUTIONS:
        return
    held_out = source.cursor.execute(
        f"select flag_id::varchar, example_id from exported where split <> '{TRAIN}' order by position"  # noqa: S608
    ).fetchall()
    trained = base.list_trained()
    flags = [flag_id for flag_id, example_id in held_out if example_id in trained]
    if flags:
        sentence = (
            f"Held-out examples that {base.path.name} has among its rows to train on: {len(flags)}; a merge"
            " marks them held_out, and retraining leaves them out."
        )
        yield Finding("base_leak", sentence, len(flags), tuple(flags[:SHOWN_FLAGS]))


CHECKS: tuple[Callable[[Source, ExportOptions, Base | None], Iterator[Finding]], ...] = (
    _find_nothing,
    _find_conflicts,
    _find_personal,
    _find_left_out,
    _find_odd_labels,
    _find_small_classes,
    _find_drift,
    _find_base_leaks,
)
