"""The records as the logs have them, one row each.

A record's fields are the columns of its log, in this order; a change here is a change of the file
format and raises `SCHEMA_VERSION`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from reviewer.records.words import Source, Status, Verification

SCHEMA_VERSION = 1

JsonValue: TypeAlias = Any
"""What `json.loads` returns: None, bool, int, float, str, list or dict of these."""

Inputs: TypeAlias = dict[str, JsonValue]
"""One example: input name → value; an image is `{"media": "<sha256>.png"}`."""

Progress: TypeAlias = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and what is being done; it may raise to cancel the work."""


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
