"""Test a model, flag what is wrong, correct it, retrain, and see each flag fixed.

Names are imported when they are first used, so `import reviewer` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reviewer.client import Client
    from reviewer.errors import ReviewerError
    from reviewer.records import Flag, Prediction, Review
    from reviewer.ui.flag_logger import FlagLogger
    from reviewer.ui.flagging import flagging
    from reviewer.ui.launch import launch, mount
    from reviewer.workspace import Workspace

__version__ = "0.1.0"

__all__ = [
    "Client",
    "Flag",
    "FlagLogger",
    "Prediction",
    "Review",
    "ReviewerError",
    "Workspace",
    "__version__",
    "flagging",
    "launch",
    "mount",
]

_HOMES = {
    "Client": "reviewer.client",
    "Flag": "reviewer.records",
    "FlagLogger": "reviewer.ui.flag_logger",
    "Prediction": "reviewer.records",
    "Review": "reviewer.records",
    "ReviewerError": "reviewer.errors",
    "Workspace": "reviewer.workspace",
    "flagging": "reviewer.ui.flagging",
    "launch": "reviewer.ui.launch",
    "mount": "reviewer.ui.launch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reviewer' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
