"""What the checks say: where, how bad, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Area(StrEnum):
    """What was looked at."""

    ENVIRONMENT = "environment"
    CONFIG = "config"
    LOGS = "logs"
    INDEX = "index"
    MODELS = "models"


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found."""

    area: Area
    level: Level
    sentence: str
    """What was found and, unless all is well, what to do."""


def report_problem(area: Area, sentence: str) -> Finding:
    """Return the finding that something is wrong."""
    return Finding(area, Level.PROBLEM, sentence)
