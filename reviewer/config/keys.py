"""The keys of the review desk: which action each one does, and how a workspace changes that.

The rule: `DESK_KEYS` is the only list of the desk's actions; the page, its help and the docs read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reviewer.errors import UnknownNameError

Keys = dict[str, tuple[str, ...]]
"""Action → its keys, the one to print first."""

DESK_KEYS: Keys = {
    "next": ("j", "ArrowDown"),
    "previous": ("k", "ArrowUp"),
    "page_down": ("PageDown",),
    "page_up": ("PageUp",),
    "first": ("Home",),
    "last": ("End",),
    "skip": ("s",),
    "select": ("x",),
    "select_range_down": ("Shift+J", "Shift+ArrowDown"),
    "select_range_up": ("Shift+K", "Shift+ArrowUp"),
    "select_all": ("Ctrl+A",),
    "clear_selection": ("Escape",),
    "labels": ("l",),
    "value": ("v",),
    "prediction_correct": ("c",),
    "ambiguous": ("a",),
    "bad_input": ("b",),
    "out_of_scope": ("o",),
    "duplicate": ("d",),
    "not_reproducible": ("r",),
    "app_bug": ("p",),
    "wont_fix": ("w",),
    "needs_info": ("n",),
    "reopen": ("e",),
    "next_for_me": ("h",),
    "claim": ("i",),
    "release": ("Shift+I",),
    "assign": ("t",),
    "ask_second": ("q",),
    "unsure": ("-",),
    "gold": ("Alt+G",),
    "comment": ("m",),
    "undo": ("u", "Ctrl+Z"),
    "redo": ("y", "Ctrl+Y"),
    "group": ("g",),
    "show_group": ("Shift+G",),
    "split": ("Shift+S",),
    "search": ("/",),
    "filter": ("f",),
    "previous_view": ("[",),
    "next_view": ("]",),
    "save_view": ("Shift+V",),
    "copy_link": ("Shift+L",),
    "density": ("z",),
    "help": ("?",),
}
"""The keys as shipped. Digits belong to the labels."""

_NAMED = (
    *(f"Arrow{side}" for side in ("Down", "Up", "Left", "Right")),
    *("PageDown", "PageUp", "Home", "End", "Escape", "Enter", "Space", "Delete", "Backspace"),
)
_KEY = re.compile(rf"(?:(?:Ctrl|Alt|Shift)\+)*(?:[^\s\d]|{'|'.join(_NAMED)})")


def merge_keys(changes: Mapping[str, tuple[str, ...]]) -> Keys:
    """Return all actions with their keys: those of the workspace, else the shipped ones.

    A shipped key that a change gives to another action leaves its own. Raises `ValueError` for an action
    or key that is none, and for a key that two changes claim.
    """
    taken: dict[str, str] = {}
    for action, keys in changes.items():
        if action not in DESK_KEYS:
            raise ValueError(str(UnknownNameError("action of the desk", action, DESK_KEYS)).removesuffix("."))
        for key in keys:
            _check_key(key)
            if key in taken:
                raise ValueError(f"the key {key!r} is given to {taken[key]} and to {action}")
            taken[key] = action
    shipped = {action: tuple(key for key in keys if key not in taken) for action, keys in DESK_KEYS.items()}
    return {**shipped, **changes}


def _check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError(
            f'{key!r} is no key: write a sign such as "x", a name such as "Home", or "Shift+X";'
            " digits belong to the labels"
        )
