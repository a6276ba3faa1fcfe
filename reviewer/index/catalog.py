"""What an analyst can query: the tables of the index, and a view per model.

A model's view is made here from names that the config has checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from reviewer.log import columns_of
from reviewer.records import FlagState

TABLES = ("flags", "raw_flags", "raw_reviews", "predictions")
"""What can be queried beside the models' views; the interface says what a row of each is."""

HIDDEN_COLUMNS = frozenset({"gold_by"})
"""Columns of the index that no statement sees."""

BLIND_VIEWS = (
    "create temp view flags as select * exclude (gold_by)"
    " replace (case when status <> 'second_review' then first_reviewer end as first_reviewer)"
    " from side.main.flags",
    "create temp view reviews as select * from side.main.reviews"
    " where event not in ('gold', 'gold_claim', 'gold_answer')"
    " and flag_id not in (select flag_id from side.main.flags where status = 'second_review')",
    "create temp view raw_reviews as select raw.* from side.main.raw_reviews as raw"
    " semi join reviews using (event_id)",
)
"""What stands in an analyst's statement for the tables of the same names: without answers that nobody may
know before the second one is given, and without which flags are gold."""

Views = Mapping[str, Mapping[str, str]]
"""Model → input → component."""

_COLUMNS = {
    "number": "try_cast(inputs ->> '{path}' as double)",
    "slider": "try_cast(inputs ->> '{path}' as double)",
    "checkbox": "try_cast(inputs ->> '{path}' as boolean)",
    "checkbox_group": "try_cast(inputs -> '{path}' as varchar[])",
    "date": "try_cast(inputs ->> '{path}' as timestamp)",
    "file": "inputs ->> '{path}.name'",
    "image": "inputs ->> '{path}.media'",
    "sketch": "inputs ->> '{path}.media'",
    "audio": "inputs ->> '{path}.media'",
    "table": "nullif(inputs -> '{path}', 'null')",
}
"""Component → what its column of a model's view holds, where that is no text; `{path}` leads to the input."""

_TEXT = "inputs ->> '{path}'"

_FLAG_COLUMNS = frozenset(
    (
        *columns_of("flags"),
        *(each.name for each in fields(FlagState)),
        *(f"raw_{name}" for name in ("predicted_label", "corrected_label", "suggested_label", "option")),
        "position",
        "kind",
        "search_text",
        "says_wrong",
        "severity_points",
        "confidence_points",
    )
)
"""Columns of the table `flags`, which a model's view has beside its inputs."""


def build_view(model: str, inputs: Mapping[str, str]) -> str:
    """Return the statement that makes a model's view: its flags with a column per input.

    Names were checked by the config (small letters, digits, _), so quoting them is safe. An input named
    like a column of `flags` gets the prefix `input_`.
    """
    columns = "".join(
        f", {_COLUMNS.get(component, _TEXT).format(path=f'$.{name}')} as {name_column(name)}"
        for name, component in inputs.items()
    )
    return f"create or replace temp view \"{model}\" as select *{columns} from flags where model = '{model}'"  # noqa: S608


def name_column(name: str) -> str:
    """Return the column of an input in its model's view, quoted."""
    return f'"input_{name}"' if name in _FLAG_COLUMNS else f'"{name}"'
