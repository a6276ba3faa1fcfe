"""Records and logs that several tests need, with values that do not matter unless a test names them."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from reviewer.log import STREAMS, Log, Position, columns_of, encode_row
from reviewer.log.csv_log import CsvLog
from reviewer.records import Event, Flag, Prediction, Review, hash_example, new_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


UNKNOWN_ID = "0199a000-0000-7000-8000-00000000dead"
"""An id that nothing has, the same in every process that runs tests."""


def make_prediction(**given: Any) -> Prediction:
    """Return a prediction of the model `tickets` with the given fields."""
    inputs = given.get("inputs", {"text": "where is my parcel"})
    fields: dict[str, Any] = {
        "prediction_id": new_id(),
        "predicted_at": NOON,
        "model": "tickets",
        "model_version": "v1",
        "task": "text-classification",
        "example_id": hash_example(inputs),
        "inputs": inputs,
        "predicted_label": "billing",
        "confidence": 0.75,
    }
    return Prediction(**fields | given)


def make_flag(**given: Any) -> Flag:
    """Return a flag of the model `tickets` with the given fields."""
    inputs = given.get("inputs", {"text": "where is my parcel"})
    fields: dict[str, Any] = {
        "flag_id": new_id(),
        "prediction_id": new_id(),
        "flagged_at": NOON,
        "model": "tickets",
        "model_version": "v1",
        "task": "text-classification",
        "example_id": hash_example(inputs),
        "inputs": inputs,
        "predicted_label": "billing",
        "confidence": 0.75,
        "option": "wrong_label",
    }
    return Flag(**fields | given)


def make_review(flag_id: str, event: str = Event.RESOLVE, **given: Any) -> Review:
    """Return a review of the flag with the given fields."""
    fields: dict[str, Any] = {
        "event_id": new_id(),
        "flag_id": flag_id,
        "event": event,
        "reviewed_at": NOON,
        "action_id": new_id(),
    }
    return Review(**fields | given)


def open_small_logs(folder: Path, segment_bytes: int = 1 << 28) -> dict[str, Log]:
    """Return the logs of the folder with segments of the given size."""
    return {each: CsvLog(folder, each, columns_of(each), segment_bytes) for each in STREAMS}


def append(logs: dict[str, Log], *records: Any) -> None:
    """Append the records, each to the log of its kind."""
    for stream, kind in STREAMS.items():
        chosen = [encode_row(stream, each) for each in records if isinstance(each, kind)]
        if chosen:
            logs[stream].append(chosen)


def read_all(log: Log) -> list[tuple[str, ...]]:
    """Return every row of the log as its cells, in log order."""
    rows: list[tuple[str, ...]] = []
    position = Position()
    while (tail := log.tail(position)).position != position:
        rows += list_cells(tail.rows)
        position = tail.position
    return rows


def list_cells(table: pa.Table) -> list[tuple[str, ...]]:
    """Return the rows of a tail as tuples of cells."""
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def make_rows(ids: Iterable[str], text: str = "x") -> Sequence[tuple[str, str]]:
    """Return rows of a two-column log."""
    return [(each, text) for each in ids]


def make_wav(frames: bytes) -> bytes:
    """Return a recording of 16-bit frames, mono, 8,000 a second."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(frames)
    return buffer.getvalue()
