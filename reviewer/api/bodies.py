"""What every request body keeps to."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reviewer.decisions import DECISION
from reviewer.records import JsonValue


class Body(BaseModel):
    """A JSON object with the named fields and no others."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Meant(Body):
    """What is meant about a flag; nothing but a comment is possible too."""

    corrected_label: str | None = None
    corrected_value: float | None = None
    corrected_output: JsonValue = None
    resolution: str | None = None
    status: str | None = None
    act: Literal["claim", "renew", "release", "split", "ask_second", "gold"] | None = None
    assignee: str | None = None
    comment: str = Field("", max_length=100_000)
    certainty: int | None = Field(None, ge=1, le=5)
    seconds: float | None = Field(None, ge=0)
    ask_second: bool | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The parts of the decision."""
        return {name: getattr(self, name) for name in (*DECISION, "comment")}

    @property
    def is_given(self) -> bool:
        """Whether anything is meant at all."""
        return any(value not in (None, "") for value in self.given.values())


class Decision(Meant):
    """What is decided about a flag, as an action that is known by its id."""

    action_id: str
