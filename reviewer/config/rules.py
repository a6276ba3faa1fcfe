"""Rules as `reviewer.toml` declares them: when a prediction is flagged without anybody asking."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from reviewer.config.fields import Name, Spec
from reviewer.records import FlagOption


class _RuleSpec(Spec):
    option: FlagOption
    """What the flag says is wrong."""


class LowConfidenceSpec(_RuleSpec):
    """The best label's probability is below `below`."""

    rule: Literal["low_confidence"]
    option: FlagOption = FlagOption.LOW_CONFIDENCE
    below: float = Field(0.5, gt=0, le=1)


class SmallMarginSpec(_RuleSpec):
    """The two best labels' probabilities are less than `below` apart."""

    rule: Literal["small_margin"]
    option: FlagOption = FlagOption.LOW_CONFIDENCE
    below: float = Field(0.1, gt=0, le=1)


class OutOfRangeSpec(_RuleSpec):
    """The predicted value lies below `minimum` or above `maximum`."""

    rule: Literal["out_of_range"]
    option: FlagOption = FlagOption.WRONG_VALUE
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> OutOfRangeSpec:
        if self.minimum is None and self.maximum is None:
            raise ValueError("minimum or maximum is needed")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum must not be above maximum")
        return self


class DisagreementSpec(_RuleSpec):
    """Another version of the model, or another model with the same inputs, answers otherwise."""

    rule: Literal["disagreement"]
    option: FlagOption = FlagOption.INCONSISTENT
    version: str = ""
    """A version's number, or "previous" for the one before the version that answered."""
    model: Name | None = None
    tolerance: float | None = Field(None, ge=0)
    """How far two values may lie apart; the model's own tolerance when left out."""

    @model_validator(mode="after")
    def _check_other(self) -> DisagreementSpec:
        if bool(self.version) == bool(self.model):
            raise ValueError("either version or model is needed, to compare with")
        return self


class SlowSpec(_RuleSpec):
    """The answer took longer than `above_ms` milliseconds."""

    rule: Literal["slow"]
    option: FlagOption = FlagOption.SLOW_OR_ERROR
    above_ms: float = Field(gt=0)


class AuditSpec(_RuleSpec):
    """A random `share` of all predictions, so that flags are not only what looked wrong."""

    rule: Literal["audit"]
    option: FlagOption = FlagOption.OTHER
    share: float = Field(gt=0, le=1)


RULE_SPECS: dict[str, type[_RuleSpec]] = {
    "low_confidence": LowConfidenceSpec,
    "small_margin": SmallMarginSpec,
    "out_of_range": OutOfRangeSpec,
    "disagreement": DisagreementSpec,
    "slow": SlowSpec,
    "audit": AuditSpec,
}
"""Rule name → the keys its table may have."""

RuleSpec = Annotated[
    LowConfidenceSpec | SmallMarginSpec | OutOfRangeSpec | DisagreementSpec | SlowSpec | AuditSpec,
    Field(discriminator="rule"),
]
