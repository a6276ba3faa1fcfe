"""How the people of a team do: agreement, scores, workload."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from reviewer.index import queries
from reviewer.records import utc_now
from reviewer.workspace.base import Base

if TYPE_CHECKING:
    from reviewer.agreement import AgreementReport, Pair, PersonScore


class Team(Base):
    """Reports about people."""

    def report_agreement(self, model: str | None = None) -> AgreementReport:
        """Return how far first and second answers to the model's flags agree, None: to all flags."""
        from reviewer.agreement import report_agreement

        return report_agreement(self._list_pairs(model))

    def _list_pairs(self, model: str | None = None, person: str | None = None) -> list[Pair]:
        from reviewer.agreement import list_pairs

        if model is not None:
            self.find_model(model)
        with self._index.reading() as cursor:
            return list_pairs(queries.list_second_answers(cursor, model), person)

    def score_person(self, name: str) -> PersonScore:
        """Return how well a person's flags, gold answers and second reviews did."""
        from reviewer.agreement import PersonScore, measure_agreement
        from reviewer.training.intervals import find_share

        with self._index.reading() as cursor:
            flags = queries.count_hits(cursor, "flag_precision", self.pseudonyms.list_names(name))
            gold = queries.count_hits(cursor, "gold_score", [name])
        agreement = measure_agreement(self._list_pairs(person=name))
        return PersonScore(name, find_share(*flags), find_share(*gold), agreement)

    def find_workload(self, days: int = 30) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return what each person has claimed and done, and what was done each of the last `days` days."""
        with self._index.reading() as cursor:
            return queries.find_workload(cursor, utc_now() - timedelta(days=days))
