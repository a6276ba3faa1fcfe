"""Which version a model is answered by: promotions through a gate, and the way back.

`models/NAME/promotions-0001.csv` says who promoted what and why, a row each, appended and never changed. The
rule: nothing is served from here on that was not written there first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from reviewer.errors import InputError, ModelError, UnknownNameError
from reviewer.log import Position
from reviewer.log.columns import format_time
from reviewer.log.csv_log import CsvLog
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import GUARD, Verification, new_id, utc_now
from reviewer.training.comparing import HeldOut, compare_held_out

PROMOTE, OVERRIDE, ROLLBACK, SERVE = "promote", "override", "rollback", "serve"
"""What a row did: passed the gate, was let past it, went back, or was chosen without the gate."""


class Promotion(NamedTuple):
    """One row of the log, all of it as cells."""

    promotion_id: str
    promoted_at: str
    who: str
    action: str
    from_version: str
    to_version: str
    guards_kept: str
    guards_regressed: str
    held_out_metric: str
    held_out_difference: str
    held_out_low: str
    held_out_high: str
    reason: str
    """Why the gate was overridden, or why somebody went back."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a version must pass before it is served."""

    guards: dict[str, int]
    """`kept`, `regressed`, `inconclusive` or `missing` → guards."""
    held_out: HeldOut | None
    """Against the served version; None when there is nothing to compare on."""
    refusals: tuple[str, ...]
    """Why it does not pass, a clause each."""

    @property
    def figures(self) -> dict[str, str]:
        """What the log says of it."""
        told = {f"guards_{name}": str(self.guards.get(name, 0)) for name in ("kept", "regressed")}
        if self.held_out:
            main = self.held_out.main
            told["held_out_metric"] = next(iter(self.held_out.metrics))
            told["held_out_difference"] = repr(main.difference)
            told |= {"held_out_low": repr(main.low), "held_out_high": repr(main.high)}
        return told


class Promotions:
    """The promotions of one model."""

    def __init__(self, workspace: Path, versions: ModelVersions) -> None:
        self._workspace, self._versions = workspace, versions

    def read(self) -> list[Promotion]:
        """Return all promotions, oldest first."""
        found: list[Promotion] = []
        if not self._versions.folder.is_dir():
            return found
        log, position = self._open(), Position()
        while (tail := log.tail(position)).position != position:
            columns = (column.to_pylist() for column in tail.rows.columns)
            found += map(Promotion._make, zip(*columns, strict=True))
            position = tail.position
        return found

    def _open(self) -> CsvLog:
        return CsvLog(self._versions.folder, "promotions", Promotion._fields)

    def check(self, version: Version, verdicts: Iterable[Mapping[str, Any]], guards: int) -> Gate:
        """Return whether the version passes: no guard regressed, held-out examples not worse.

        `verdicts` are the version's on the reviewed flags, `guards` how many guards there are. Raises
        `ModelError` when its artifact was changed or is gone, or it cannot be loaded.
        """
        if trouble := self._versions.check(version):
            raise ModelError(trouble)
        counts = count_guards(verdicts, guards)
        served = self._find_served()
        held_out = None
        if served and served.name != version.name:
            held_out = compare_held_out(self._workspace, self._versions, served, version)
        return Gate(counts, held_out, tuple(_list_refusals(version, counts, held_out)))

    def _find_served(self) -> Version | None:
        try:
            return self._versions.find()
        except UnknownNameError:
            return None  # it was removed, and promoting another one is the way out

    def promote(self, version: Version, gate: Gate, who: str, override: str | None) -> Promotion:
        """Serve the version, and write that down first.

        Raises `InputError` when it is served already, or when it does not pass and there is no reason to
        `override` the gate.
        """
        served = self._find_served()
        if served and served.name == version.name:
            raise InputError(f"{version.model} version {version.name} is served already.")
        if override is not None and not override.strip():
            raise InputError("An override needs a reason; say why the version is served all the same.")
        if gate.refusals and override is None:
            raise InputError(_refuse(version, gate))
        action = OVERRIDE if gate.refusals else PROMOTE
        reason = (override or "").strip() if gate.refusals else ""
        return self._serve(version, action=action, who=who, reason=reason, **gate.figures)

    def serve(self, version: Version, who: str) -> Promotion:
        """Serve the version without the gate, and write that down first."""
        return self._serve(version, action=SERVE, who=who, reason="")

    def roll_back(self, who: str, reason: str = "") -> Promotion:
        """Serve the version that was served before; raises `InputError` when there was none."""
        served = trace_served(self.read())
        if len(served) < 2:
            raise InputError(
                f"{self._versions.spec.name} was never promoted, so there is no version to go back to."
            )
        try:
            version = self._versions.find(served[-2])
        except UnknownNameError as error:
            raise UnknownNameError(
                f"version of {self._versions.spec.name} to go back to", served[-2],
                [each.name for each in self._versions.read_all()],
            ) from error  # fmt: skip
        return self._serve(version, action=ROLLBACK, who=who, reason=reason)

    def _serve(self, version: Version, **told: str) -> Promotion:
        served = self._find_served()
        empty = dict.fromkeys(Promotion._fields, "")
        made = {
            "promotion_id": new_id(),
            "promoted_at": format_time(utc_now()),
            "from_version": served.name if served else "",
            "to_version": version.name,
        }
        row = Promotion(**{**empty, **made, **told})
        self._open().append([row])
        self._versions.serve(version.name)
        return row


def trace_served(promotions: Iterable[Promotion]) -> list[str]:
    """Return the versions served one after the other, without those that somebody went back from."""
    served: list[str] = []
    for each in promotions:
        if not served and each.from_version:
            served.append(each.from_version)
        if each.action == ROLLBACK:
            served.pop()
        else:
            served.append(each.to_version)
    return served


def count_guards(verdicts: Iterable[Mapping[str, Any]], guards: int) -> dict[str, int]:
    """Return how many guards hold, regressed, are inconclusive, or were not run since they were decided."""
    names = {Verification.FIXED: "kept"}
    counts: dict[str, int] = {}
    for each in verdicts:
        if each["resolution"] in GUARD and not each["is_stale"]:
            name = str(names.get(each["verification"], each["verification"]))
            counts[name] = counts.get(name, 0) + 1
    missing = guards - sum(counts.values())
    return {**counts, **({"missing": missing} if missing else {})}


def _list_refusals(version: Version, guards: Mapping[str, int], held_out: HeldOut | None) -> Iterable[str]:
    if count := guards.get(Verification.REGRESSED):
        yield f"{count:,} of {sum(guards.values()):,} guards regressed"
    if count := guards.get("missing"):
        command = f"reviewer verify {version.model} --version {version.name}"
        yield f"{count:,} guards were not run yet (`{command}` does it)"
    if held_out and held_out.main.is_worse:
        name, main = next(iter(held_out.metrics.items()))
        yield (
            f"{name} on {held_out.rows:,} held-out examples changes by {main.difference:+.4g}"
            f" (95 %: {main.low:+.4g} to {main.high:+.4g})"
        )


def _refuse(version: Version, gate: Gate) -> str:
    reasons = ", and ".join(gate.refusals)
    return (
        f"{version.model} version {version.name} is not promoted: {reasons}; --override with a reason"
        " promotes it all the same."
    )
