"""Routes that decide about many flags at once: a selection, or all that the filters match."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, Language, Root
from reviewer.api.bodies import Body, Decision
from reviewer.api.cards import build_row
from reviewer.api.filters import Filters
from reviewer.bulk import BulkJobs, Job
from reviewer.errors import InputError
from reviewer.index.queries import ChosenFlags
from reviewer.sentences import retell
from reviewer.triage import Target
from reviewer.workspace import Workspace

MOST_CHOSEN = 100_000
"""Flags that a selection may name; filters may match any number."""

SAMPLE = 5
"""Flags that a preview shows."""


class Chosen(Body):
    """A flag of a selection and the `seq` that was seen."""

    flag_id: str
    seq: int | None = None


class PreviewBody(Body):
    """A selection by id, or filters."""

    flags: list[str] | None = Field(None, max_length=MOST_CHOSEN)
    filters: Filters | None = None


class BulkBody(Decision):
    """A decision about a selection, or about all that the filters matched when there were `head` flags."""

    flags: list[Chosen] | None = Field(None, max_length=MOST_CHOSEN)
    filters: Filters | None = None
    head: int | None = Field(None, ge=0)


def add_bulk_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that decide about many flags."""
    jobs = BulkJobs(workspace)

    @router.post("/bulk/preview")
    def preview(body: PreviewBody, root: Root, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how many flags would be decided about, of which kinds, and the newest few of them."""
        head = workspace.read_marker().flags
        chosen = _choose(person, body.flags, body.filters, head)
        preview = workspace.preview(chosen, SAMPLE)
        sample = [build_row(each, root) for each in preview.sample]
        counts = {"count": preview.count, "statuses": preview.statuses, "models": preview.models}
        return {**counts, "head": head, "sample": sample}

    @router.post("/bulk")
    def decide(body: BulkBody, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Begin to decide; the answer comes at once, and the job tells how far it is."""
        if body.filters is not None and body.head is None:
            raise InputError("A decision about all that filters match needs the head of its preview.")
        seen = {each.flag_id: each.seq for each in body.flags or []}
        named = None if body.flags is None else list(seen)
        chosen = _choose(person, named, body.filters, body.head)
        targets = (
            workspace.find_targets(chosen) if named is None else [Target(*each) for each in seen.items()]
        )
        return _build_job(jobs.start(body.action_id, targets, person.name, body.given), language)

    @router.get("/bulk/{action_id}")
    def read_job(action_id: str, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how far the decision is."""
        return _build_job(jobs.find(action_id), language)

    @router.post("/bulk/{action_id}/cancel")
    def cancel(action_id: str, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Stop before the next part; what was decided stays until it is undone."""
        job = jobs.find(action_id)
        job.stop.set()
        return _build_job(job, language)


def _choose(
    person: Person, flag_ids: list[str] | None, filters: Filters | None, head: int | None
) -> ChosenFlags:
    if (flag_ids is None) == (filters is None):
        raise InputError("Name the flags, or give filters: one of the two.")
    if filters is None:
        return ChosenFlags(flag_ids=tuple(flag_ids or ()))
    return ChosenFlags(filters.to_slice(person.name), head)


def _build_job(job: Job, language: str) -> dict[str, Any]:
    result = job.result
    return {
        "action_id": job.action_id,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "changed": result.changed if result else 0,
        "skipped": result.skipped if result else 0,
        "reasons": [
            {"flag_id": flag_id, "reason": retell(reason, language)}
            for flag_id, reason in (result.reasons if result else [])
        ],
        "error": retell(job.error, language) if job.error else "",
    }
