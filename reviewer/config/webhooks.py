"""A table `[[webhooks]]` of `reviewer.toml`: whom the app tells what happened."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from reviewer.config.fields import Name, Spec, check_address

WebhookEvent = Literal["flag_made", "flag_resolved", "flag_fixed", "queue_above"]


class WebhookSpec(Spec):
    """An address that is told of events."""

    name: Name
    """What it is called in the log of deliveries."""
    url: Annotated[str, AfterValidator(check_address)]
    """Where it listens, from http:// or https:// on."""
    events: Annotated[tuple[WebhookEvent, ...], Field(min_length=1)]
    """What it is told of: `flag_made`, `flag_resolved`, `flag_fixed`, `queue_above`."""
    secret: str = Field("", pattern=r"^[A-Za-z_0-9]*$")
    """Environment variable with the secret that signs what is sent; "" for no signature."""
    queue_above: int = Field(100, ge=0)
    """`queue_above` is told once the open queue is longer than this, and again after it was not."""
    timeout: float = Field(10, gt=0, le=60)
    """Seconds that one attempt may take."""
