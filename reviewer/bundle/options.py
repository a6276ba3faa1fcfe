"""What a person can choose about an export, checked before anything is read.

The rule: every choice is written into the manifest, and the same choices on the same logs give the same
bytes.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import InputError, UnknownNameError
from reviewer.records import GUARD, SPLITS, TRAINABLE, Resolution

Mode = Literal["full", "delta", "merge", "guard", "rejects"]
"""full: all corrections. delta: those decided since the last export. merge: full, and the base CSV with the
corrections in it. guard: predictions confirmed as right. rejects: what is out of scope or bad input."""

Policy = Literal["stop", "latest", "majority", "adjudicated", "soft", "leave_out"]
"""What counts when people gave different right answers for one example. stop: nothing is exported. latest:
the last decision. majority: the answer of most reviewers, of several the last one. adjudicated: the
answer that settled a disagreement. soft: the majority's, with the share of every answer beside it.
leave_out: none."""

ALWAYS = ("csv", "parquet")
"""Formats that every export has: the one that anyone opens, and the one that readers of datasets take."""

RESOLUTIONS: dict[str, frozenset[Resolution]] = {
    "guard": GUARD,
    "rejects": frozenset({Resolution.OUT_OF_SCOPE, Resolution.BAD_INPUT}),
}
"""Mode → the resolutions whose flags are rows; any other mode has those that can be trained on."""


_TINY = 1e-9
"""Shares that differ by less are equal: 0.7 + 0.2 + 0.1 is not 1."""


def _check_shares(shares: dict[str, float]) -> dict[str, float]:
    for name, share in shares.items():
        if name not in SPLITS:
            raise ValueError(str(UnknownNameError("split", name, SPLITS)))
        if not 0 <= share <= 1:
            raise ValueError(f"the share of {name} is {share:g}; use one from 0 to 1")
    if abs(sum(shares.values()) - 1) > _TINY:
        raise ValueError(f"the shares add up to {sum(shares.values()):g}; they must add up to 1")
    return {name: shares[name] for name in SPLITS if shares.get(name)}


class ExportOptions(BaseModel):
    """The choices of one export."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = "full"
    formats: tuple[str, ...] = ALWAYS
    """Names of `FORMATS`."""
    policy: Policy = "stop"
    min_agreement: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The least share of an example's reviewers who must agree with its answer."""
    shares: Annotated[dict[str, float], AfterValidator(_check_shares)] = {"train": 0.8, "verify": 0.2}
    """Split → its share of the groups of duplicates that were in no export before."""
    split_by: Literal["hash", "time"] = "hash"
    """time: the examples that were flagged last are held out."""
    weights: Literal["none", "evidence", "balanced"] = "evidence"
    """evidence: by agreement, certainty and group size. balanced: the same, and every label of train weighs
    as much."""
    personal: Literal["stop", "redact", "drop", "allow"] = "stop"
    """What is done about e-mail addresses, phone, card and ID numbers and names of users in texts."""
    min_class: Annotated[int, Field(ge=1)] = 2
    """Labels with fewer rows in train are pointed out."""
    base: str = ""
    """merge: the CSV file, by its path in the workspace; "" for the model's base."""
    key: tuple[str, ...] = ()
    """merge: columns of the base that name a row, each an input of the model; all inputs when left out."""

    @property
    def resolutions(self) -> frozenset[Resolution]:
        """The resolutions whose flags are rows."""
        return RESOLUTIONS.get(self.mode, TRAINABLE)

    @property
    def splits(self) -> list[str]:
        """The splits that rows can be in, from the least held out to the most; one of its own for guards and
        rejects."""
        return [self.mode] if self.mode in RESOLUTIONS else list(SPLITS)

    @property
    def ratios(self) -> dict[str, float]:
        """Each split but train → its share of what is in no split that is held out more."""
        found, left = {}, 1.0
        for name in reversed(SPLITS[1:]):
            share = 0.0 if self.mode in RESOLUTIONS else self.shares.get(name, 0.0)
            found[name] = min(share / left, 1.0) if left > _TINY else 0.0
            left -= share
        return found

    @property
    def bounds(self) -> list[float]:
        """From where on in the range 0 to 1 each split but the first begins, by time."""
        if self.mode in RESOLUTIONS:
            return []
        return list(itertools.accumulate(self.shares.get(name, 0.0) for name in SPLITS))[:-1]


def read_options(**given: object) -> ExportOptions:
    """Return the options; raises `InputError` naming the one that cannot be."""
    try:
        return ExportOptions.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ").removesuffix(".")
        raise InputError(f"{name} is {str(first['input'])[:80]!r}: {message}.", name) from None
