"""What all specs share: how a table of `reviewer.toml` is checked, and the texts that may name things."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """A table of `reviewer.toml`: its keys are the fields, an unknown one is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A model, input or output: it names a folder, a SQL view or a column, so letters, digits and _ only."""


def check_different(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names; raises `ValueError` for an empty or repeated one."""
    if "" in names:
        raise ValueError("an empty text cannot be chosen; leave it out")
    if doubles := [name for i, name in enumerate(names) if name in names[:i]]:
        raise ValueError(f"{str(doubles[0])!r} stands there twice; name it once")
    return names


def check_address(url: str) -> str:
    """Return the address; raises `ValueError` for what is none."""
    if not re.fullmatch(r"https?://[^\s/]+\S*", url):
        raise ValueError("it should be an address that starts with http:// or https://")
    return url


Texts = Annotated[tuple[str, ...], AfterValidator(check_different)]
