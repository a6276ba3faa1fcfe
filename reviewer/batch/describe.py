"""What the command line and the HTTP API say of a batch.

The rule: numbers only; sentences about them belong to whoever shows them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from reviewer.batch.state import METRICS, Batch


def summarize(batch: Batch) -> dict[str, Any]:
    """Return the batch as a flat record: what was run, where it stands, the counts and the metrics."""
    return {
        "batch_id": batch.batch_id,
        "status": str(batch.status),
        "file": batch.file,
        "model": batch.model,
        "model_version": batch.version,
        "inputs": batch.inputs,
        "truth": batch.truth,
        "rows": batch.rows,
        "done": batch.counts.done,
        **asdict(batch.counts),
        "metrics": read_metrics(batch).get("metrics"),
        "started_at": batch.started_at,
        "started_by": batch.started_by,
        "ended_at": batch.ended_at,
        "error": batch.error,
        "path": batch.folder,
    }


SUMMARY_COLUMNS = (
    "batch_id", "status", "file", "model", "model_version", "inputs", "truth", "rows", "done", "answered",
    "failed", "rejected", "scored", "wrong", "flagged", "made", "metrics", "started_at", "started_by",
    "ended_at", "error", "path",
)  # fmt: skip
"""The keys of a summary, in order."""


def read_metrics(batch: Batch) -> dict[str, Any]:
    """Return how right the batch was, see `reviewer.batch.metrics.measure`; empty until it is done."""
    path = batch.folder / METRICS
    metrics: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return metrics
