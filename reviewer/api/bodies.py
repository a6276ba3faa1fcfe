"""What every request body keeps to."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """A JSON object with the named fields and no others."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
