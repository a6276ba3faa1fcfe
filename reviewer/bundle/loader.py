"""`load.py` of a bundle: a script that reads every value as it is, so that nobody has to guess how."""

from __future__ import annotations

import json
from pathlib import Path

from reviewer.bundle.columns import name_target
from reviewer.bundle.rows import Rows
from reviewer.records import Task

LOADER = "load.py"

_LOADER = '''"""Reads this export with every value exact.

    python load.py            prints how many rows each split has
    from load import load     frames = load(); frames["train"]
"""

from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
SPLITS = {splits}
NUMBERS = {numbers}
"""Columns that hold numbers; every other cell is a text, also `None`, `NA` and `007`."""


def load(folder=HERE):
    """Return split -> frame. Paths of files are relative to the folder."""
    return {{split: load_split(split, folder) for split in SPLITS}}


def load_split(split, folder=HERE):
    """Return the rows of one split; an empty cell of a number column is NaN."""
    frame = pd.read_csv(Path(folder) / f"{{split}}.csv", dtype=str, keep_default_na=False, encoding="utf-8")
    return frame.assign(**{{name: pd.to_numeric(frame[name]) for name in NUMBERS}})


if __name__ == "__main__":
    for name, frame in load().items():
        print(f"{{name}}: {{len(frame)}} rows")
'''


def write_loader(rows: Rows, folder: Path) -> None:
    """Write `load.py`."""
    numbers = [name for name, each in rows.spec.inputs.items() if each.component in ("number", "slider")]
    numbers += [name_target(rows.spec)] if rows.spec.task is Task.TABULAR_REGRESSION else []
    numbers += ["sample_weight", "reviewer_votes", "reviewer_agreement"]
    text = _LOADER.format(splits=json.dumps(rows.list_splits()), numbers=json.dumps(numbers))
    (folder / LOADER).write_text(text, encoding="utf-8")
