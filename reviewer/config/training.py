"""How a model is retrained, as a typed spec."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from reviewer.config.fields import Spec


def _check_trainer(name: str) -> str:
    if name and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name):
        raise ValueError(f"{name[:80]!r} names no function; write module:function")
    return name


def _split_words(command: Any) -> Any:
    """Return the words of a command that is written as one text; quotes hold several together."""
    return shlex.split(command) if isinstance(command, str) else command


class TrainingSpec(Spec):
    """How a model is retrained; left out, a scikit-learn model is fitted anew and any other is not."""

    train: Annotated[str, AfterValidator(_check_trainer)] = ""
    """`module:function`, called with the folder of the data and an empty folder for the model."""
    command: Annotated[tuple[str, ...], BeforeValidator(_split_words)] = ()
    """A program and its words, run without a shell; `{bundle}`, `{out}` and `{model}` are the folder of the
    data, the empty folder for the model, and the file of the version before."""
    grid: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field({})
    """scikit-learn: parameter of the pipeline → the values to try, for example `logisticregression__C`."""
    folds: int = Field(5, ge=2, le=20)
    """Parts that the training rows are cut into to compare the values of `grid`."""
    timeout: float = Field(3600, gt=0)
    """Seconds that one retraining may take."""

    @model_validator(mode="after")
    def _check_way(self) -> TrainingSpec:
        if bool(self.train) + bool(self.command) + bool(self.grid) > 1:
            raise ValueError("train, command and grid exclude one another; keep one of them")
        return self

    @property
    def has_trainer(self) -> bool:
        """Whether somebody's own code trains the model."""
        return bool(self.train or self.command)
