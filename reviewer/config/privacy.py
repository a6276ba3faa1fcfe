"""The table `[privacy]` of `reviewer.toml`: what is stored about those who flag."""

from __future__ import annotations

from typing import Literal

from reviewer.config.fields import Spec


class PrivacySpec(Spec):
    """What is stored about people; left out, flags and predictions bear the name of whoever made them."""

    flagger: Literal["name", "pseudonym", "none"] = "name"
    """What stands for whoever flags or asks a model: the name, a pseudonym that is always the same for a
    person, or nothing. What was written before stays as it is."""
