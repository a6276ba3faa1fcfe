"""What the comparing process runs: it answers one request after the other until its input ends.

The rule: it keeps nothing between two requests, so it can be ended and started at any time.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from reviewer.errors import ReviewerError
from reviewer.grouping.process import receive, send
from reviewer.log.media import MediaStore
from reviewer.similar.examples import ReadPicture, describe, measure_spreads
from reviewer.similar.placing import Fresh, place

_BANDS = pa.list_(pa.uint32())


class _Request(NamedTuple):
    tables: list[pa.Table]
    settings: dict[str, Any]
    read_picture: ReadPicture


def main() -> None:
    """Answer the requests on stdin; the last argument is the folder of the media."""
    os.nice(10)  # the app's own requests go first
    media = MediaStore(Path(sys.argv[-1]))
    while line := sys.stdin.buffer.readline():
        settings = json.loads(line)
        tables = [receive(sys.stdin.buffer) for _ in range(settings["tables"])]
        try:
            found = _ANSWERS[settings["ask"]](_Request(tables, settings, lambda name: _read(media, name)))
        except Exception:  # the app says it, and tries again later
            send(sys.stdout.buffer, {"failed": traceback.format_exc()}, [])
        else:
            send(sys.stdout.buffer, {}, [found])


def _read(media: MediaStore, name: str) -> bytes | None:
    try:
        return media.read(name)
    except (ReviewerError, OSError):  # gone: its flags are compared by its name, which is a hash
        return None


def _describe(request: _Request) -> pa.Table:
    """Return position, signature, body, bands for position, model, inputs."""
    by_model: dict[str, list[tuple[int, str]]] = {}
    for position, model, inputs in _list_rows(request.tables[0]):
        by_model.setdefault(model, []).append((position, inputs))
    rows = [row for model, waiting in by_model.items() for row in _describe_model(request, model, waiting)]
    kinds = {"position": pa.int64(), "signature": pa.string(), "body": pa.string(), "bands": _BANDS}
    return _build_table(rows, kinds)


def _describe_model(
    request: _Request, model: str, waiting: Sequence[tuple[int, str]]
) -> list[tuple[Any, ...]]:
    components = request.settings["components"].get(model, {})
    spreads = request.settings["spreads"].get(model, {})
    examples = [inputs for _, inputs in waiting]
    described = describe(model, examples, components, spreads, request.read_picture)
    return [(position, *each) for (position, _), each in zip(waiting, described, strict=True)]


def _measure(request: _Request) -> pa.Table:
    """Return column, spread for position, model, inputs of one model."""
    examples = request.tables[0].column("inputs").to_pylist()
    spreads = measure_spreads(examples, request.settings["components"])
    return _build_table(list(spreads.items()), {"column": pa.string(), "spread": pa.float64()})


def _place(request: _Request) -> pa.Table:
    """Return position, leader, bands for the tables of a `reviewer.index.grouping.Likely`."""
    fresh, buckets, leaders = map(_list_rows, request.tables)
    known: dict[int, list[int]] = {}
    for band, leader in buckets:
        known.setdefault(band, []).append(leader)
    placed = place((Fresh(*row) for row in fresh), known, dict(leaders))
    return _build_table(placed, {"position": pa.int64(), "leader": pa.int64(), "bands": _BANDS})


def _list_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _build_table(rows: Sequence[tuple[Any, ...]], kinds: Mapping[str, pa.DataType]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    arrays = [pa.array(each, kind) for kind, each in zip(kinds.values(), columns, strict=True)]
    return pa.Table.from_arrays(arrays, list(kinds))


_ANSWERS: dict[str, Callable[[_Request], pa.Table]] = {
    "describe": _describe,
    "measure": _measure,
    "place": _place,
}
"""What can be asked → what answers it."""
