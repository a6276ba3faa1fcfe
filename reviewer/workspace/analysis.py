"""Figures, and an analyst's own SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reviewer.decisions import check_known
from reviewer.index import queries
from reviewer.workspace.base import Base

if TYPE_CHECKING:
    import pandas as pd

    from reviewer.index.sandbox import QueryLimits, QueryResult, StopSwitch

FIGURE_FRAMES = {
    "options": "options_by_day",
    "rate": "flag_rate",
    "confusion": "confusion",
    "confidence": "confidence_bins",
    "residuals": "residuals",
}
"""Figure → the SQL file with its frame."""


class Analysis(Base):
    """Answers questions of analysts."""

    def read_frame(self, figure: str, model: str | None = None) -> pd.DataFrame:
        """Return the frame that a figure of `reviewer.figures.FIGURES` is drawn from."""
        check_known("figure", figure, FIGURE_FRAMES)
        with self._index.reading() as cursor:
            return queries.read_frame(cursor, FIGURE_FRAMES[figure], {"model": model})

    def query(self, sql: str, limits: QueryLimits | None = None) -> pd.DataFrame:
        """Return the result of an analyst's statement, run in the sandbox; see `run_query`."""
        return self.run_query(sql, limits).to_frame()

    def run_query(
        self, sql: str, limits: QueryLimits | None = None, switch: StopSwitch | None = None
    ) -> QueryResult:
        """Run an analyst's statement in a process that can read the index and nothing else.

        Raises `QueryRefusedError` or `QueryLimitError`, `StoppedError` when the switch was thrown.
        """
        from reviewer.index.sandbox import QueryLimits, run_query

        self._ledger.flush()
        return run_query(self.flagged, sql, limits or QueryLimits(), self.list_views(), switch)

    def list_views(self) -> dict[str, dict[str, str]]:
        """Return model → input → component: the SQL views that have a column per input."""
        return {
            name: {key: each.component for key, each in spec.inputs.items()}
            for name, spec in self.spec.models.items()
        }
