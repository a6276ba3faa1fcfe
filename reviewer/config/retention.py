"""The table `[retention]` of `reviewer.toml`: after how many days what is in the logs goes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from reviewer.config.fields import Spec

Days = Annotated[int | None, Field(ge=1, le=36_500)]


class RetentionSpec(Spec):
    """How long the logs keep what; left out, for ever."""

    daily: StrictBool = False
    """The running app lets go once a day what `reviewer retain` would."""
    prediction_days: Days = None
    """Days after which predictions go; what was flagged stands in its flag too."""
    closed_flag_days: Days = None
    """Days after which flags go that were taken back or resolved without an answer to train on."""
    answered_flag_days: Days = None
    """Days after which flags go that ever had an answer to train on or to guard, gold ones among them."""
    open_flag_days: Days = None
    """Days after which flags go that nobody has resolved."""
    review_name_days: Days = None
    """Days after which names and comments go from the reviews of resolved flags; the decisions stay."""
    audit_days: Days = None
    """Days after which entries of the audit go."""
    delivery_days: Days = None
    """Days after which entries go about what webhooks were told."""

    @property
    def has_ages(self) -> bool:
        """Whether anything goes at all."""
        return any(each is not None for name, each in self if name != "daily")
