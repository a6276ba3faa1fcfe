"""The words of the program as types: what a record's text columns may say."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What kind of answer a model gives."""

    TEXT_CLASSIFICATION = "text-classification"
    IMAGE_CLASSIFICATION = "image-classification"
    TABULAR_CLASSIFICATION = "tabular-classification"
    TABULAR_REGRESSION = "tabular-regression"
    TEXT_GENERATION = "text-generation"
    GENERIC = "generic"

    @property
    def is_classification(self) -> bool:
        """Whether the answer is one of the model's labels."""
        return self.value.endswith("-classification")


class Source(StrEnum):
    """How a prediction or flag came to be."""

    MANUAL = "manual"
    AUTO = "auto"
    BATCH = "batch"
    AUDIT = "audit"
    IMPORT = "import"
    API = "api"
    DEMO = "demo"


class FlagOption(StrEnum):
    """The category a flagger chooses."""

    WRONG_LABEL = "wrong_label"
    WRONG_VALUE = "wrong_value"
    LOW_CONFIDENCE = "low_confidence"
    OVERCONFIDENT = "overconfident"
    INCONSISTENT = "inconsistent"
    INCOMPLETE = "incomplete"
    HALLUCINATION = "hallucination"
    OFFENSIVE_OR_UNSAFE = "offensive_or_unsafe"
    BIAS = "bias"
    PRIVACY = "privacy"
    BAD_INPUT = "bad_input"
    OUT_OF_SCOPE = "out_of_scope"
    SLOW_OR_ERROR = "slow_or_error"
    UI_BUG = "ui_bug"
    GOOD_EXAMPLE = "good_example"
    OTHER = "other"


_CLASSIFICATION_OPTIONS = (
    FlagOption.WRONG_LABEL,
    FlagOption.LOW_CONFIDENCE,
    FlagOption.OVERCONFIDENT,
    FlagOption.BAD_INPUT,
    FlagOption.OUT_OF_SCOPE,
    FlagOption.SLOW_OR_ERROR,
    FlagOption.OTHER,
)

FLAG_OPTIONS: dict[Task, tuple[FlagOption, ...]] = {
    Task.TEXT_CLASSIFICATION: _CLASSIFICATION_OPTIONS,
    Task.IMAGE_CLASSIFICATION: _CLASSIFICATION_OPTIONS,
    Task.TABULAR_CLASSIFICATION: _CLASSIFICATION_OPTIONS,
    Task.TABULAR_REGRESSION: (
        FlagOption.WRONG_VALUE,
        FlagOption.INCONSISTENT,
        FlagOption.BAD_INPUT,
        FlagOption.OUT_OF_SCOPE,
        FlagOption.SLOW_OR_ERROR,
        FlagOption.OTHER,
    ),
    Task.TEXT_GENERATION: (
        FlagOption.HALLUCINATION,
        FlagOption.INCOMPLETE,
        FlagOption.OFFENSIVE_OR_UNSAFE,
        FlagOption.BIAS,
        FlagOption.PRIVACY,
        FlagOption.SLOW_OR_ERROR,
        FlagOption.OTHER,
    ),
    Task.GENERIC: (
        FlagOption.WRONG_VALUE,
        FlagOption.INCOMPLETE,
        FlagOption.BAD_INPUT,
        FlagOption.OUT_OF_SCOPE,
        FlagOption.SLOW_OR_ERROR,
        FlagOption.OTHER,
    ),
}
"""The options offered when a model's config names none, the likeliest first."""


class Severity(StrEnum):
    """How much harm the prediction does; "" when the flagger did not say."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Status(StrEnum):
    """Where people stand with a flag."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    NEEDS_INFO = "needs_info"
    SECOND_REVIEW = "second_review"
    """Answered once; somebody else answers blind before the answer counts."""
    DISAGREEMENT = "disagreement"
    """Two people gave different answers, which a third one settles."""
    RESOLVED = "resolved"


SETTABLE = (Status.OPEN, Status.IN_REVIEW, Status.NEEDS_INFO)
"""What a person may set a flag to; the other statuses follow from answers."""


class Resolution(StrEnum):
    """What people decided about a resolved flag."""

    LABEL_CORRECTED = "label_corrected"
    PREDICTION_CORRECT = "prediction_correct"
    AMBIGUOUS = "ambiguous"
    BAD_INPUT = "bad_input"
    OUT_OF_SCOPE = "out_of_scope"
    DUPLICATE = "duplicate"
    NOT_REPRODUCIBLE = "not_reproducible"
    APP_BUG = "app_bug"
    WONT_FIX = "wont_fix"


TRAINABLE = frozenset({Resolution.LABEL_CORRECTED})
"""Resolutions whose corrected label goes into training data."""

GUARD = frozenset({Resolution.PREDICTION_CORRECT})
"""Resolutions whose prediction must stay as it is in later versions."""

TRAIN, VALIDATION, TEST, VERIFY = "train", "validation", "test", "verify"
SPLITS = (TRAIN, VALIDATION, TEST, VERIFY)
"""Parts of base data and exports, from the least held out to the most; nothing is ever fitted on test and
verify."""


class Verification(StrEnum):
    """What the machine found when a later version ran the flagged example again."""

    NOT_RUN = "not_run"
    FIXED = "fixed"
    STILL_FAILING = "still_failing"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"


class Event(StrEnum):
    """What a review row does to a flag."""

    RESOLVE = "resolve"
    STATUS = "status"
    CLAIM = "claim"
    """Its value is until when."""
    RENEW = "renew"
    """Moves the end of an own claim; its value is until when."""
    RELEASE = "release"
    ASSIGN = "assign"
    ASK_SECOND = "ask_second"
    """Wants the answer of the action in `reverts` reviewed by somebody else; its value is why."""
    SECOND_REVIEW = "second_review"
    """The answer of the second reviewer, given without knowing the first."""
    ADJUDICATE = "adjudicate"
    """The answer that settles a disagreement."""
    GOLD = "gold"
    """Makes the answer of a resolved flag one that others are measured by."""
    GOLD_CLAIM = "gold_claim"
    GOLD_ANSWER = "gold_answer"
    """What a reviewer who does not know it answers to a gold flag; its state stays."""
    SPLIT = "split"
    COMMENT = "comment"
    VERIFY = "verify"
    REVERT = "revert"


ANSWERING = (Event.RESOLVE, Event.SECOND_REVIEW, Event.ADJUDICATE)
"""Events by which a person says what is right."""

SEQUENCED = frozenset(
    {*ANSWERING, Event.STATUS, Event.CLAIM, Event.RELEASE, Event.ASSIGN, Event.REVERT},
)
"""Events that can contradict one another, so their writer names the state it saw in `seq`."""


class SecondReview(StrEnum):
    """How far the second review of a flag's answer is."""

    WAITING = "waiting"
    AGREED = "agreed"
    DISAGREED = "disagreed"
    ADJUDICATED = "adjudicated"


class Part(StrEnum):
    """Which names of a model people change while it is in use."""

    LABEL = "label"
    OPTION = "option"


class Change(StrEnum):
    """What happens to a label or flag option."""

    ADD = "add"
    RENAME = "rename"
    MERGE = "merge"
    SPLIT = "split"
    RETIRE = "retire"
    STYLE = "style"
    REVERT = "revert"


class Link(StrEnum):
    """What a row of the chain says."""

    ROW = "row"
    """A row of the log of reviews has this digest."""
    ERASE = "erase"
    """A row became another one, or none, by an erasure that is on record."""
    SEAL = "seal"
    """All rows until here, in one digest."""
    RESTART = "restart"
    """The log was mended on purpose: from here on the chain vouches for it as it is now."""
