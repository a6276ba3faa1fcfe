"""The desk's keys: every action has one, and a workspace changes them or is told why not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from reviewer.config import DESK_KEYS, load_config, merge_keys
from reviewer.errors import ConfigError

CONFIG = """\
[keys]
{keys}

[models.notes]
task = "generic"
kind = "external"
inputs.text = "textbox"
"""


def test_every_shipped_key_does_one_thing_and_is_no_digit() -> None:
    keys = Counter(key for keys in DESK_KEYS.values() for key in keys)
    assert {key: count for key, count in keys.items() if count > 1} == {}
    assert merge_keys(DESK_KEYS) == DESK_KEYS


def test_a_workspace_gives_actions_other_keys(tmp_path: Path) -> None:
    text = CONFIG.format(keys='skip = "q"\nnext = ["n", "Shift+ArrowRight"]')
    (tmp_path / "reviewer.toml").write_text(text)
    keys = merge_keys(load_config(tmp_path).keys)
    assert keys["skip"] == ("q",)
    assert keys["next"] == ("n", "Shift+ArrowRight")
    assert keys["needs_info"] == ()
    assert keys["undo"] == DESK_KEYS["undo"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('nxt = "n"', "There is no action of the desk 'nxt'. Did you mean 'next'?"),
        ('next = "7"', "'7' is no key"),
        ('next = "Hyper+x"', "'Hyper+x' is no key"),
        ('next = "n"\nskip = "n"', "the key 'n' is given to next and to skip"),
    ],
)
def test_keys_that_cannot_be_are_refused(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "reviewer.toml").write_text(CONFIG.format(keys=line))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path)
    assert sentence in str(caught.value)
