"""What a run over the reviewed flags says about a version: shares, intervals, and a test against another one.

The rule: a guard that still holds is kept, never fixed; it was right before.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from reviewer.config import ModelSpec
from reviewer.errors import InputError, LogError, UnknownNameError
from reviewer.log.media import MediaStore
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Progress, Task, Verification, new_id
from reviewer.training.comparators import COMPARATORS, decode_answer
from reviewer.training.intervals import PairedTest, Share, compare_labels, compare_values, find_share
from reviewer.training.results import (
    CORRECTION,
    GUARD,
    VERIFY_CSV,
    Verdict,
    pair_results,
    read_columns,
    read_results,
)
from reviewer.training.verifying import ReadPage, Tally, Verifier

KEPT = "kept"
"""What a guard that still holds is called."""

VERIFY_JSON = "verify.json"


@dataclass(frozen=True, slots=True)
class VerifySummary:
    """What `verify` found for one version."""

    model: str
    version: str
    action_id: str
    """Takes all verdicts back."""
    path: Path
    """The results: what the version answered to every flag."""
    corrections: dict[str, int]
    """Verification → flags with another right answer than the model gave."""
    guards: dict[str, int]
    """`kept`, `regressed` or `inconclusive` → flags whose answer was right."""
    without_answer: int
    """Reviewed flags without a right answer, such as bad inputs; they are inconclusive."""
    flaky: int
    """Flags that a second run answered otherwise."""
    fixed: Share
    """Of the corrections with a clear verdict."""
    guards_regressed: Share
    """Of the guards with a clear verdict."""
    against: str | None = None
    """The version that it is tested against."""
    paired: PairedTest | None = None
    """Over the flags that both versions answered; None without any."""
    regressions: list[Verdict] = field(default_factory=list)
    """At most 1,000; all of them are in the results."""

    @property
    def verdicts(self) -> Iterator[Verdict]:
        """Every verdict, read from the results in log order."""
        return read_results(self.path)

    def list_columns(self) -> Iterator[list[list[str]]]:
        """Yield flag ids and verifications of all flags in parts."""
        return read_columns(self.path, "flag_id", "verification")

    def list_wrong(self, most: int) -> list[Verdict]:
        """Return the regressions and, as far as there is room, flags that still fail."""
        failing = (each for each in self.verdicts if each.verification == Verification.STILL_FAILING)
        return self.regressions[:most] + list(islice(failing, max(most - len(self.regressions), 0)))

    def count(self) -> dict[str, int]:
        """Return how many flags got each verdict; a guard that holds counts as `kept`."""
        counts = dict(self.corrections)
        for name, number in self.guards.items():
            counts[name] = counts.get(name, 0) + number
        if self.without_answer:
            name = str(Verification.INCONCLUSIVE)
            counts[name] = counts.get(name, 0) + self.without_answer
        return counts


def summarize(
    spec: ModelSpec, version: Version, tally: Tally, against: Version | None, action_id: str
) -> VerifySummary:
    """Return what a run came to, with the test against another version's results."""
    corrections = _pick(tally, CORRECTION)
    guards = {KEPT if name == Verification.FIXED else name: n for name, n in _pick(tally, GUARD).items()}
    path = version.path.parent / VERIFY_CSV
    return VerifySummary(
        spec.name, version.name, action_id, path, corrections, guards,
        without_answer=sum(_pick(tally, "").values()),
        flaky=tally.flaky,
        fixed=_share(corrections, Verification.FIXED),
        guards_regressed=_share(guards, Verification.REGRESSED),
        against=against.name if against else None,
        paired=compare_results(spec, path, against) if against else None,
        regressions=tally.regressions,
    )  # fmt: skip


def _pick(tally: Tally, role: str) -> dict[str, int]:
    return {name: number for (each, name), number in sorted(tally.counts.items()) if each == role}


def _share(counts: Mapping[str, int], name: str) -> Share:
    clear = sum(number for each, number in counts.items() if each != Verification.INCONCLUSIVE)
    return find_share(counts.get(name, 0), clear)


def compare_results(spec: ModelSpec, path: Path, against: Version) -> PairedTest | None:
    """Return the paired test of the results at `path` against another version's, None without a pair.

    Labels and outputs: McNemar, over which are right. Values: Wilcoxon, over how far they are off. Of a flag
    that the other version was not run over, its answer is known when it is the one that was flagged.
    """
    if spec.task is Task.TABULAR_REGRESSION:
        errors = [(abs(a - right), abs(b - right)) for right, a, b in _pair_answers(spec, path, against)]
        return compare_values(*zip(*errors, strict=True)) if errors else None
    better = worse = pairs = 0
    is_same = COMPARATORS[spec.task]
    for right, mine, other in _pair_answers(spec, path, against):
        is_mine, is_other = is_same(right, mine, spec.tolerance), is_same(right, other, spec.tolerance)
        pairs += 1
        better += is_mine and not is_other
        worse += is_other and not is_mine
    return compare_labels(better, worse, pairs) if pairs else None


def _pair_answers(spec: ModelSpec, path: Path, against: Version) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the right answer and those of both versions, of every flag where both are known."""
    others = against.path.parent / VERIFY_CSV
    for mine, answer in _list_others(path, others, against.name):
        cells = (mine.right, mine.answer, answer)
        if mine.is_exact and not mine.is_flaky and all(cells):
            right, first, second = (decode_answer(spec.task, each) for each in cells)
            yield right, first, second


def _list_others(path: Path, others: Path, name: str) -> Iterator[tuple[Verdict, str]]:
    """Yield each verdict with what the other version answered, "" where nobody knows."""
    for each, other in pair_results(read_results(path), read_results(others)):
        yield each, other.answer if other else _read_flagged(each, name)


def _read_flagged(verdict: Verdict, version: str) -> str:
    return verdict.flagged_answer if verdict.flagged_version == version else ""


def save_summary(summary: VerifySummary) -> None:
    """Write the summary beside the results; raises `LogError`."""
    path = summary.path.with_name(VERIFY_JSON)
    told = {name: value for name, value in asdict(summary).items() if name != "path"}
    try:
        path.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise LogError(f"{path} could not be written: {error.strerror or error}.") from error


def read_summary(version: Version) -> VerifySummary | None:
    """Return what the last run of the version came to, None when there was none, or its file is damaged."""
    folder = version.path.parent
    try:
        told = json.loads((folder / VERIFY_JSON).read_text(encoding="utf-8"))
        return VerifySummary(
            **{
                **told,
                "path": folder / VERIFY_CSV,
                "fixed": Share(**told["fixed"]),
                "guards_regressed": Share(**told["guards_regressed"]),
                "paired": PairedTest(**told["paired"]) if told["paired"] else None,
                "regressions": [Verdict(*each) for each in told["regressions"]],
            }
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def verify(
    versions: ModelVersions,
    version: Version,
    against: str | None,
    read_page: ReadPage,
    count: int,
    media: MediaStore,
    progress: Progress,
) -> VerifySummary:
    """Run a version over `count` reviewed flags, page by page, and return the summary, which is saved.

    The results and the summary lie beside the version's card. Raises `ModelError` when the version cannot be
    loaded, `InputError` when the version to compare with has answered none of the flags.
    """
    other = find_other(versions, version, against)
    folder = version.path.parent
    tally = Verifier(versions, version, media).run(read_page, count, folder, progress)
    summary = summarize(versions.spec, version, tally, other, new_id())
    if against and count and summary.paired is None:
        raise InputError(
            f"{version.model} version {against} has answered none of these flags; run"
            f" `reviewer verify {version.model} --version {against}` first."
        )
    save_summary(summary)
    return summary


def find_other(versions: ModelVersions, version: Version, name: str | None) -> Version | None:
    """Return the version to compare with: that of the name, else the served one, else the parent.

    None when there is no other. Raises `UnknownNameError` for a name that is none.
    """
    if name:
        return versions.find(name)
    known = {each.name: each for each in versions.read_all() if each.name != version.name}
    with contextlib.suppress(UnknownNameError):  # the served version was removed
        if (served := versions.find().name) in known:
            return known[served]
    return known.get(str(version.card.get("parent")))
