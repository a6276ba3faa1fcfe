"""What an analyst can query: the tables and views of the index, with a sentence per column.

A model's view is made here from names that the config has checked.
"""

from __future__ import annotations

from collections.abc import Mapping

TABLES: dict[str, str] = {
    "flags": "One row per flag with its state now.",
    "raw_flags": "One row per flag as it was written, without its state.",
    "raw_reviews": "One row per review event as it was written, in log order.",
    "predictions": "One row per logged prediction.",
}
"""Table → what one row is. The models' views come on top."""

COLUMNS: dict[str, str] = {
    "flag_id": "The flag's id, a UUIDv7.",
    "prediction_id": "The prediction that was flagged.",
    "flagged_at": "When it was flagged, UTC.",
    "flagger": "Who flagged.",
    "session_id": "The browser session.",
    "source": "manual, auto, batch, audit, import, api or demo.",
    "model": "The model's name.",
    "model_version": "The version that answered; in an event, the version that was verified.",
    "task": "What kind of answer the model gives.",
    "example_id": "Hash of the canonical inputs; equal for equal examples.",
    "inputs": "The example as JSON: inputs ->> 'name' reads one input.",
    "predicted_label": "The label with the highest probability.",
    "confidence": "Probability of the predicted label, 0 to 1.",
    "scores": "Probability of every label, as JSON.",
    "predicted_value": "The number a regression answered.",
    "output": "The whole answer of a model that gives neither label nor number, as JSON.",
    "latency_ms": "How long the model took, in milliseconds.",
    "error": "Why the model failed; empty when it did not.",
    "option": "The flag option chosen.",
    "severity": "low, medium or high, when the flagger said so.",
    "comment": "The flagger's words.",
    "suggested_label": "What the flagger thinks is right; never ground truth by itself.",
    "tags": "Tags, as a JSON list.",
    "origin": "File, row and repairs of an imported flag, as JSON.",
    "app_version": "The program's version that wrote the row.",
    "schema_version": "The version of the file format.",
    "status": "open, in_review, needs_info or resolved.",
    "resolution": "What people decided; only when resolved.",
    "corrected_label": "The right label a review gave.",
    "corrected_value": "The right value a review gave.",
    "corrected_output": "The right answer of other kinds, as JSON.",
    "reviewer": "Who decided.",
    "reviewed_at": "When it was decided, UTC.",
    "action_id": "The user action behind the decision, which undo takes back.",
    "verification": "not_run, fixed, still_failing, regressed or inconclusive.",
    "verified_version": "The version that verification ran.",
    "comments": "How many comments there are.",
    "seq": "The number of the last decision; in an event, its own number.",
    "is_withdrawn": "Whether the flagger took the flag back.",
    "position": "The row's place in its log.",
    "preview": "The first 240 characters of the inputs.",
    "thumbnail": "The media file of the first image among the inputs.",
    "search_text": "What the search field looks in, in small letters.",
    "event_id": "The event's id.",
    "event": "resolve, status, comment, verify or revert.",
    "value": "The resolution, status, comment or verdict.",
    "reverts": "The event or flag that a revert takes back.",
    "certainty": "How sure the reviewer was, 1 to 5.",
    "seconds": "Time from showing the card to the decision.",
    "predicted_at": "When the model answered, UTC.",
    "username": "Who asked the model.",
}
"""Column → its meaning, the same in every table that has it."""

Views = Mapping[str, Mapping[str, str]]
"""Model → input → component."""

_TYPES = {"number": "double", "slider": "double", "checkbox": "boolean"}


def build_view(model: str, inputs: Mapping[str, str]) -> str:
    """Return the statement that makes a model's view: its flags with a column per input.

    Names were checked by the config (small letters, digits, _), so quoting them is safe. An input named
    like a column of `flags` gets the prefix `input_`.
    """
    columns = "".join(
        f", try_cast(inputs ->> '$.{name}' as {_TYPES.get(component, 'varchar')}) as {name_column(name)}"
        for name, component in inputs.items()
    )
    return f"create or replace temp view \"{model}\" as select *{columns} from flags where model = '{model}'"  # noqa: S608


def name_column(name: str) -> str:
    """Return the column of an input in its model's view, quoted."""
    return f'"input_{name}"' if name in COLUMNS else f'"{name}"'
