"""How people share one queue, as a typed spec."""

from __future__ import annotations

from pydantic import Field

from reviewer.config.fields import Spec


class TeamSpec(Spec):
    """How people share one queue; left out, one answer to a flag is enough."""

    claim_minutes: float = Field(15, ge=0.05, le=24 * 60)
    """Minutes after which a claim ends that the desk does not renew; then anybody can take the flag."""
    second_share: float = Field(0, ge=0, le=1)
    """Share of the flags whose answer somebody else reviews blind; which ones follows from their ids."""
    second_below_certainty: int = Field(0, ge=0, le=5)
    """An answer with a lower certainty (1 to 5) is reviewed by somebody else too; 0 for none."""
    gold_share: float = Field(0, ge=0, le=0.5)
    """Share of the flags that "next for me" hands out that are gold ones, whose answer is known."""
    queue_above: int | None = Field(None, ge=0)
    """The bell tells admins once the open queue is longer; left out, than the `queue_above` of a webhook."""
