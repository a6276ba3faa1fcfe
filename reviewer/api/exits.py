"""Routes by which data leaves: an analyst's statement, the quarantine, batches."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, TESTER
from reviewer.api.bodies import Body
from reviewer.api.downloads import send_file
from reviewer.batch.describe import read_metrics, summarize
from reviewer.batch.state import REJECTED, RESULTS, Batch, stream_file
from reviewer.errors import QueryLimitError
from reviewer.index.sandbox import QueryLimits
from reviewer.ownership import find_visible_batch, list_visible_batches
from reviewer.payloads import build_payload, stream_csv
from reviewer.workspace import Workspace

DOWNLOAD_LIMITS = QueryLimits(seconds=60, memory_mb=2048, rows=1_000_000, result_mb=512)
"""What the download of a result may take: a file is for all the rows, where the page shows the first."""


class QueryBody(Body):
    """An analyst's statement."""

    sql: str = Field(max_length=1_000_000)


def add_query_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that run statements in the sandbox."""

    @router.post("/query")
    def query(body: QueryBody, person: Person = REVIEWER) -> dict[str, Any]:
        """Run one reading statement in the sandbox."""
        result = workspace.run_query(body.sql)
        return {
            "columns": list(result.columns),
            "types": list(result.types),
            "rows": result.list_rows(),
            "is_truncated": result.is_truncated,
            "index_age_seconds": result.index_age_seconds,
        }

    @router.get("/query.csv")
    def download_query(sql: str, person: Person = REVIEWER) -> Response:
        """Return the result of one reading statement as CSV."""
        result = workspace.run_query(sql, DOWNLOAD_LIMITS)
        if result.is_truncated:
            raise QueryLimitError(
                f"The result has more than {DOWNLOAD_LIMITS.rows:,} rows; narrow it with WHERE or LIMIT."
            )
        pieces = stream_csv(result.columns, result.stream_rows())
        return send_file(pieces, "query.csv", "text/csv; charset=utf-8")


def add_import_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the route that hands out what imports set aside."""

    @router.get("/quarantine.csv")
    def download_quarantine(person: Person = REVIEWER) -> Response:
        """Return the rows that imports set aside, each with its file and the reason."""
        from reviewer.foreign import QUARANTINE_COLUMNS

        pieces = stream_csv(QUARANTINE_COLUMNS, workspace.read_quarantine())
        return send_file(pieces, "quarantine.csv", "text/csv; charset=utf-8")


def add_batch_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that show batches and hand out their files."""

    @router.get("/batches")
    def list_all(person: Person = TESTER) -> list[dict[str, Any]]:
        """Return the batches that one may see, newest first, with their counts and metrics."""
        return [build_payload(summarize(each)) for each in list_visible_batches(workspace, person)]

    @router.get("/batches/{batch_id}")
    def read_batch(batch_id: str, person: Person = TESTER) -> dict[str, Any]:
        """Return one batch as it stands, with all of its metrics."""
        batch = find_visible_batch(workspace, person, batch_id)
        return build_payload({**summarize(batch), "metrics": read_metrics(batch)})

    @router.get("/batches/{batch_id}/results.csv")
    def download_results(batch_id: str, person: Person = TESTER) -> Response:
        """Return the answered rows of a batch as CSV, in a stream."""
        return _download_part(find_visible_batch(workspace, person, batch_id), RESULTS)

    @router.get("/batches/{batch_id}/rejected.csv")
    def download_rejected(batch_id: str, person: Person = TESTER) -> Response:
        """Return the rows of a batch that could not be used or failed, with the reason, as CSV."""
        return _download_part(find_visible_batch(workspace, person, batch_id), REJECTED)


def _download_part(batch: Batch, name: str) -> Response:
    return send_file(stream_file(batch, name), f"batch-{batch.batch_id}-{name}", "text/csv; charset=utf-8")
