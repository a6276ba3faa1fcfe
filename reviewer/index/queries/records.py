"""Flags, events and predictions by their ids or by what they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reviewer.errors import UnknownNameError
from reviewer.index.queries.fetching import fetch, is_uuid
from reviewer.index.queries.slices import Slice, list_conditions, list_scanned, select_values
from reviewer.index.sql import load_sql
from reviewer.log.columns import decode_record
from reviewer.records import Flag, FlagState, Prediction, Review, utc_now

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection


def find_flag(cursor: DuckDBPyConnection, flag_id: str) -> Flag:
    """Return the flag with its state now; raises `UnknownNameError`."""
    # Not as one of several: an id to compare with is found in half the time that a join with a list takes.
    statement = "select * from flags where flag_id = $id"
    rows = fetch(cursor, statement, {"id": flag_id}) if is_uuid(flag_id) else []
    if not rows:
        raise UnknownNameError("flag", flag_id)
    return _build_flag(rows[0])


def find_flags(cursor: DuckDBPyConnection, flag_ids: Sequence[str]) -> list[Flag]:
    """Return the flags with these ids in log order; ids that do not exist are left out."""
    wanted = [each for each in flag_ids if is_uuid(each)]
    rows = fetch(
        cursor,
        "select * from flags where flag_id in (select unnest($ids::uuid[])) order by position",
        {"ids": wanted},
    )
    return [_build_flag(row) for row in rows]


def find_light_flags(cursor: DuckDBPyConnection, flag_ids: Sequence[str]) -> list[Flag]:
    """Return the flags with these ids in log order, without their inputs, scores and words.

    What decides about a flag needs none of these, and they are most of its bytes.
    """
    wanted = [each for each in flag_ids if is_uuid(each)]
    rows = fetch(cursor, load_sql("light_flags"), {"ids": wanted})
    return [_build_flag(row, inputs={}) for row in rows]


def find_acted(cursor: DuckDBPyConnection, action_id: str) -> set[str]:
    """Return the flags on which an action has an applied event."""
    return {flag_id for _, flag_id, _ in list_acted(cursor, action_id)}


def list_acted(cursor: DuckDBPyConnection, action_id: str) -> list[tuple[str, str, str]]:
    """Return (event id, flag id, event) of an action's applied events, in log order."""
    if not is_uuid(action_id):
        return []
    # As texts, since a UUID takes Python longer to make than all the rest of its row.
    return cursor.execute(
        "select event_id::varchar, flag_id::varchar, event from reviews"
        " where action_id = $action_id and is_applied order by position",
        {"action_id": action_id},
    ).fetchall()


def list_applied(cursor: DuckDBPyConnection, action_ids: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return (event id, action id, flag id) of the applied events of several actions."""
    return cursor.execute(
        "select event_id::varchar, action_id::varchar, flag_id::varchar from reviews"
        " where action_id in (select unnest($ids::uuid[])) and is_applied",
        {"ids": [each for each in action_ids if is_uuid(each)]},
    ).fetchall()


def find_newest_decisions(cursor: DuckDBPyConnection, flag_ids: Sequence[str]) -> dict[str, Review]:
    """Return flag → the last event on it that can contradict another, reverts too."""
    rows = fetch(
        cursor,
        "select * from reviews where flag_id in (select unnest($ids::uuid[])) and is_applied and seq > 0"
        " qualify row_number() over (partition by flag_id order by position desc) = 1",
        {"ids": list(flag_ids)},
    )
    return {str(row["flag_id"]): decode_record(Review, row) for row in rows}


def list_people(cursor: DuckDBPyConnection) -> list[str]:
    """Return who reviewed or was assigned a flag, by name."""
    rows = fetch(
        cursor,
        "select reviewer as name from reviews union select assignee from flags where assignee is not null",
        {},
    )
    return sorted(row["name"] for row in rows if row["name"])


def find_slice(cursor: DuckDBPyConnection, chosen: Slice) -> list[Flag]:
    """Return every flag of the slice, whole, in log order."""
    conditions = " and ".join(["not is_withdrawn", *list_conditions(chosen), *list_scanned(chosen)])
    statement = f"select * from flags where {conditions} order by position"  # noqa: S608  constant texts
    rows = fetch(cursor, statement, select_values(chosen, statement))
    return [_build_flag(row) for row in rows]


def find_history(cursor: DuckDBPyConnection, flag_id: str) -> list[tuple[Review, bool, bool]]:
    """Return the flag's events in log order, each with whether it is applied and whether taken back."""
    return find_histories(cursor, [flag_id]).get(flag_id.lower(), [])


def find_histories(
    cursor: DuckDBPyConnection, flag_ids: Sequence[str]
) -> dict[str, list[tuple[Review, bool, bool]]]:
    """Return flag → its events as `find_history` does, of the flags that have any."""
    rows = fetch(cursor, load_sql("histories"), {"ids": [each for each in flag_ids if is_uuid(each)]})
    found: dict[str, list[tuple[Review, bool, bool]]] = {}
    for row in rows:
        event = (decode_record(Review, row), row["is_applied"], row["is_undone"])
        found.setdefault(str(row["flag_id"]), []).append(event)
    return found


def find_action(cursor: DuckDBPyConnection, action_id: str) -> list[Review]:
    """Return the applied events of one user action, in log order."""
    if not is_uuid(action_id):
        return []
    rows = fetch(
        cursor,
        "select * from reviews where action_id = $action_id and is_applied order by position",
        {"action_id": action_id},
    )
    return [decode_record(Review, row) for row in rows]


def find_prediction(cursor: DuckDBPyConnection, prediction_id: str) -> Prediction:
    """Return a logged prediction; raises `UnknownNameError`."""
    rows = (
        fetch(cursor, "select * from predictions where prediction_id = $id", {"id": prediction_id})
        if is_uuid(prediction_id)
        else []
    )
    if not rows:
        raise UnknownNameError("prediction", prediction_id)
    prediction: Prediction = decode_record(Prediction, rows[0])
    return prediction


def has_own_media(cursor: DuckDBPyConnection, names: Sequence[str], media: str) -> bool:
    """Return whether the stored file stands in a prediction or a flag of the person with these names."""
    return bool(fetch(cursor, load_sql("own_media"), {"names": list(names), "media": media}))


def find_same_example(
    cursor: DuckDBPyConnection, model: str, example_id: str, limit: int = 100
) -> list[Flag]:
    """Return the newest `limit` flags of a model that stand on this example, newest first."""
    rows = fetch(
        cursor,
        "select * from flags where example_id = $example_id and model = $model and not is_withdrawn"
        " order by position desc limit $limit",
        {"model": model, "example_id": example_id, "limit": limit},
    )
    return [_build_flag(row) for row in rows]


def find_ruled(
    cursor: DuckDBPyConnection, model: str, version: str, example_ids: Sequence[str]
) -> set[tuple[str, str]]:
    """Return (example id, option) of the flags that rules made of these examples with this version."""
    rows = fetch(
        cursor,
        "select example_id, option from flags where example_id in (select unnest($example_ids))"
        " and model = $model and model_version = $version and starts_with(flagger, 'rule:')"
        " and not is_withdrawn",
        {"model": model, "version": version, "example_ids": list(example_ids)},
    )
    return {(row["example_id"], row["option"]) for row in rows}


def find_known(cursor: DuckDBPyConnection, flag_ids: Sequence[str]) -> set[str]:
    """Return which of these flags are in the index."""
    rows = fetch(
        cursor,
        "select flag_id from flags where flag_id in (select unnest($ids::uuid[]))",
        {"ids": list(flag_ids)},
    )
    return {str(row["flag_id"]) for row in rows}


def list_labels(cursor: DuckDBPyConnection, model: str) -> list[str]:
    """Return the labels that the model's flags were predicted, suggested or corrected to, by name."""
    rows = fetch(
        cursor,
        "select distinct unnest([predicted_label, corrected_label, suggested_label]"
        " || coalesce(json_keys(scores), [])) as label from flags where model = $model",
        {"model": model},
    )
    return sorted(row["label"] for row in rows if row["label"])


def find_flagged(
    cursor: DuckDBPyConnection, session_id: str, prediction_ids: Sequence[str]
) -> dict[str, Flag]:
    """Return prediction id → the newest flag that stands on it, of those made in this session."""
    rows = fetch(
        cursor,
        "select * from flags where prediction_id in (select unnest($ids::uuid[]))"
        " and session_id = $session_id and not is_withdrawn order by position",
        {"ids": list(prediction_ids), "session_id": session_id},
    )
    return {str(row["prediction_id"]): _build_flag(row) for row in rows}


def find_twin(cursor: DuckDBPyConnection, prediction_id: str, option: str, flagger: str) -> Flag | None:
    """Return the newest flag this flagger made of this prediction with this option, if one stands."""
    rows = fetch(
        cursor,
        "select * from flags where prediction_id = $prediction_id and option = $option"
        " and coalesce(flagger, '') = $flagger and not is_withdrawn order by position desc limit 1",
        {"prediction_id": prediction_id, "option": option, "flagger": flagger},
    )
    return _build_flag(rows[0]) if rows else None


def list_second_answers(cursor: DuckDBPyConnection, model: str | None = None) -> list[dict[str, Any]]:
    """Return both answers to each flag that was reviewed twice; see `second_answers.sql`."""
    return fetch(cursor, load_sql("second_answers"), {"model": model})


def count_hits(cursor: DuckDBPyConnection, name: str, names: Sequence[str]) -> tuple[int, int]:
    """Return (right, in all) of what `gold_score.sql` or `flag_precision.sql` counts of a person's names."""
    hits, count = cursor.execute(load_sql(name), {"names": list(names)}).fetchall()[0]
    return int(hits), int(count)


def find_workload(
    cursor: DuckDBPyConnection, since: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what each person has and did, and what they did each day since; see `workload.sql`."""
    now = {"now": utc_now().replace(tzinfo=None)}
    days = {"since": since.replace(tzinfo=None)}
    return fetch(cursor, load_sql("workload"), now), fetch(cursor, load_sql("done_by_day"), days)


def find_reverted(cursor: DuckDBPyConnection, targets: Sequence[str]) -> set[str]:
    """Return which of these events and flags were taken back already."""
    rows = fetch(
        cursor,
        "select distinct reverts::varchar as target from reviews where is_applied and event = 'revert'"
        " and reverts in (select unnest($targets::uuid[]))",
        {"targets": list(targets)},
    )
    return {row["target"] for row in rows}


def count_rows(cursor: DuckDBPyConnection) -> dict[str, int]:
    """Return how many rows each table holds that mirrors a log."""
    return fetch(
        cursor,
        "select (select count(*) from flags) as flags, (select count(*) from reviews) as reviews,"
        " (select count(*) from predictions) as predictions",
        {},
    )[0]


def list_rejected(cursor: DuckDBPyConnection) -> list[str]:
    """Return one sentence per line of a log that is no row."""
    rows = fetch(cursor, "select stream || ': ' || reason as sentence from rejected_rows", {})
    return [row["sentence"] for row in rows]


def find_session(
    cursor: DuckDBPyConnection, session_id: str, limit: int, prediction_id: str | None = None
) -> list[Prediction]:
    """Return a session's last logged predictions, newest first.

    With a `prediction_id`, only that one, when it is the session's.
    """
    if prediction_id is not None and not is_uuid(prediction_id):
        return []
    values = {"session_id": session_id, "limit": limit, "prediction_id": prediction_id}
    return [decode_record(Prediction, row) for row in fetch(cursor, load_sql("session"), values)]


def read_frame(
    cursor: DuckDBPyConnection, name: str, values: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Return the result of `sql/NAME.sql`, which figures are drawn from."""
    return cursor.execute(load_sql(name), dict(values or {})).df()


def _build_flag(row: Mapping[str, Any], **given: Any) -> Flag:
    flag: Flag = decode_record(Flag, row, state=decode_record(FlagState, row), **given)
    return flag
