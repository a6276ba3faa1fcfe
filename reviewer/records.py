"""The words of the program as types: predictions, flags, reviews and the three axes of a flag.

A record's fields are the columns of its log, in this order; a change here is a change of the file
format and raises `SCHEMA_VERSION`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from uuid6 import uuid7

SCHEMA_VERSION = 1

JsonValue: TypeAlias = Any
"""What `json.loads` returns: None, bool, int, float, str, list or dict of these."""

Inputs: TypeAlias = dict[str, JsonValue]
"""One example: input name → value; an image is `{"media": "<sha256>.png"}`."""

Progress: TypeAlias = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and what is being done; it may raise to cancel the work."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model answered for one example, as the server saw it."""

    prediction_id: str
    predicted_at: datetime
    model: str
    model_version: str
    task: str
    example_id: str
    inputs: Inputs
    predicted_label: str | None = None
    confidence: float | None = None
    """Probability of the predicted label, 0 to 1."""
    scores: dict[str, float] | None = None
    """Probability of every label, most probable first."""
    predicted_value: float | None = None
    output: JsonValue = None
    """The whole answer of a model that gives neither a label nor a number."""
    latency_ms: float | None = None
    error: str | None = None
    session_id: str = ""
    username: str = ""
    source: str = Source.MANUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagState:
    """What is true of a flag now: the fold of its review events in log order."""

    status: str = Status.OPEN
    resolution: str | None = None
    corrected_label: str | None = None
    corrected_value: float | None = None
    corrected_output: JsonValue = None
    reviewer: str | None = None
    reviewed_at: datetime | None = None
    action_id: str | None = None
    """The action that decided the flag, which undo takes."""
    assignee: str | None = None
    """Whose the flag is: who claimed it or got it assigned."""
    claimed_until: datetime | None = None
    """When a claim ends unless it is renewed; None for an assignment, which does not end."""
    second_review: str | None = None
    """A `SecondReview`; None when one answer is enough."""
    first_reviewer: str | None = None
    """Who gave the answer that a second review is about."""
    second_reviewer: str | None = None
    gold_by: str | None = None
    """Who made the flag a gold one, "" for somebody without a name; None for a flag that is none."""
    mentions: tuple[str, ...] = ()
    """Who is named in a comment and has done nothing about the flag since."""
    is_split: bool = False
    """Whether a person took the flag out of its group."""
    verification: str = Verification.NOT_RUN
    verified_version: str | None = None
    comments: int = 0
    seq: int = 0
    """The highest sequence number applied; the next decision carries this plus one."""
    is_withdrawn: bool = False
    preview: str | None = field(default=None, compare=False)
    """The example in at most 240 characters, for lists."""
    thumbnail: str | None = field(default=None, compare=False)
    """Media file of the example's first image."""
    group_id: str | None = field(default=None, compare=False)
    """The oldest of the flags with the same complaint; None when the flag is alone."""
    group_size: int = field(default=1, compare=False)
    needs_label: bool = field(default=False, compare=False)
    """Whether the right answer is a label that was split or retired since, so that a new one is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A person's mark that a prediction needs review, with a copy of that prediction."""

    flag_id: str
    prediction_id: str
    flagged_at: datetime
    flagger: str = ""
    session_id: str = ""
    source: str = Source.MANUAL
    model: str
    model_version: str
    task: str
    example_id: str
    inputs: Inputs
    predicted_label: str | None = None
    confidence: float | None = None
    scores: dict[str, float] | None = None
    predicted_value: float | None = None
    output: JsonValue = None
    latency_ms: float | None = None
    option: str
    severity: str = ""
    comment: str = ""
    suggested_label: str | None = None
    """What the flagger thinks is right, as text; never ground truth by itself."""
    tags: tuple[str, ...] = ()
    origin: JsonValue = None
    """File, row and repairs of an imported flag."""
    app_version: str = ""
    schema_version: int = SCHEMA_VERSION
    state: FlagState = field(default_factory=FlagState, metadata={"logged": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One event by which a person or a verification changes a flag's state."""

    event_id: str
    flag_id: str
    seq: int = 0
    """The flag's `seq` the writer saw plus one; 0 for events that contradict nothing."""
    event: str
    value: str | None = None
    corrected_label: str | None = None
    corrected_value: float | None = None
    corrected_output: JsonValue = None
    reviewer: str = ""
    reviewed_at: datetime
    action_id: str
    """One per user action, also when it touches 500 flags."""
    reverts: str | None = None
    """The event or flag that a revert takes back, or the action whose answer is to be reviewed again."""
    certainty: int | None = None
    """1 (guess) to 5 (sure)."""
    seconds: float | None = None
    """Time from showing the card to the decision."""
    model_version: str | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChange:
    """One change of the names that a model's flags are told with; what was written before stays as it is."""

    change_id: str
    changed_at: datetime
    model: str
    part: str
    seq: int
    """Per model and part, the one that the writer saw plus one: of two who saw the same, the first counts."""
    change: str
    name: str = ""
    """What is renamed, split or retired, or what others are merged into."""
    names: tuple[str, ...] = ()
    """What is merged into the name, or offered where a split one stood."""
    added: tuple[str, ...] = ()
    """Names that did not exist before."""
    color: str = ""
    """`#rrggbb`; "" for none of its own."""
    key: str = ""
    """The key that chooses it; "" for none of its own."""
    reason: str = ""
    person: str = ""
    reverts: str | None = None
    """The change that a revert takes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Something that a person did beside reviewing: who, when, from where."""

    entry_id: str
    noted_at: datetime
    person: str
    action: str
    """One of `reviewer.audit.Action`."""
    subject: str = ""
    """What it was done to: a model, a version, a person, a flag."""
    details: str = ""
    address: str = ""
    """The network address it came from; "" for the command line."""
    agent: str = ""
    """The program that asked, shortened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to tell a webhook of events."""

    attempt_id: str
    delivery_id: str
    """The same for all attempts, so that a receiver can drop doubles."""
    sent_at: datetime
    webhook: str
    events: str
    """Their kinds."""
    count: int
    attempt: int
    status: int
    """Of the answer; 0 without one."""
    error: str = ""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One link of the chain over the log of reviews."""

    link_id: str
    """Of a row the `event_id` that it has."""
    kind: str
    digest: str
    """The first 32 hex digits of the row's SHA-256; of a seal all 64 of everything before it."""
    becomes: str = ""
    """Of an erasure the digest of what the row becomes, "" for nothing; of a seal the place in the log; of a
    restart the reason."""


def new_id() -> str:
    """Return a new UUIDv7 as text; later ids sort after earlier ones."""
    return str(uuid7())


def new_ids(count: int) -> list[str]:
    """Return new UUIDv7s of one moment as texts, in ascending order; many cost a fifth of one by one."""
    head, random = new_id()[:14], os.urandom(6 * count).hex()
    return [
        f"{head}7{n >> 14 & 0xFFF:03x}-{0x8000 | n & 0x3FFF:04x}-{random[12 * n : 12 * n + 12]}"
        for n in range(count)
    ]


def derive_id(moment: datetime, *parts: str) -> str:
    """Return the UUIDv7 of that moment whose random bits follow from the parts: the same ones, the same id.

    Work that is done again after an interruption gives its records the ids they had, and doubles are dropped.
    """
    return derive_ids(moment, parts[:-1], parts[-1:])[0]


def derive_ids(moment: datetime, parts: Sequence[str], lasts: Iterable[str]) -> list[str]:
    """Return the ids that `derive_id` gives to the parts with each of the last ones behind them."""
    time = f"{int(moment.timestamp() * 1000) & (2**48 - 1):012x}"
    start = f"{time[:8]}-{time[8:]}-7"
    begun = hashlib.sha256("".join(f"{each}\0" for each in parts).encode())
    return [start + _write_random(begun, each) for each in lasts]


def _write_random(begun: hashlib._Hash, last: str) -> str:
    digest = begun.copy()
    digest.update(last.encode())
    random = digest.hexdigest()
    return f"{random[1:4]}-{_VARIANT[random[4]]}{random[5:8]}-{random[8:20]}"


_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""Hex digit → the one that an id has there, whose first two bits say that it is a UUID as of RFC 9562."""


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def hash_example(inputs: Mapping[str, JsonValue]) -> str:
    """Return the example id: the first 32 hex digits of a SHA-256 over the canonical inputs.

    Canonical is JSON with sorted keys and no spaces, where `2.0` counts as `2`, since forms and CSV
    files write whole numbers differently.
    """
    return hash_examples([inputs])[0]


def hash_examples(examples: Sequence[Mapping[str, JsonValue]]) -> list[str]:
    """Return the id of each example, as `hash_example` does of one."""
    texts = encode_values(_CANONICAL_JSON, [_canonical(dict(each)) for each in examples])
    return [hashlib.sha256(each.encode()).hexdigest()[:32] for each in texts]


_CANONICAL_JSON = json.JSONEncoder(sort_keys=True, separators=("\n", ":"))


def encode_values(encoder: json.JSONEncoder, values: Sequence[JsonValue]) -> list[str]:
    """Return each value as JSON without spaces, objects by one call of the encoder, which is quicker.

    The encoder writes a line feed between items. No text in JSON holds one as it is, so it tells the objects
    apart, unless they hold lists of objects themselves.
    """
    if set(map(type, values)) == {dict}:
        texts = encoder.encode(values)[1:-1].replace("}\n{", "}\0{").replace("\n", ",").split("\0")
        if len(texts) == len(values):
            return texts
    return [encoder.encode(each).replace("\n", ",") for each in values]


def _canonical(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
