"""Routes that decide about many flags at once: a selection, or all that the filters match."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, Language, Root, name_reviewer
from reviewer.api.bodies import Body, Decision, Meant
from reviewer.api.cards import build_row
from reviewer.api.filters import Filters
from reviewer.blind import is_row_disguised
from reviewer.decisions import check_id
from reviewer.errors import InputError
from reviewer.index.queries import ChosenFlags
from reviewer.jobs import CANCELLED, Job
from reviewer.sentences import retell
from reviewer.triage import ManyDecided, Target
from reviewer.workspace import Workspace

MOST_CHOSEN = 100_000
"""Flags that a selection may name; filters may match any number."""

MOST_CHECKED = 10_000
"""Flags for which a preview tries the decision; that takes half a second."""

_FAILED = "The decision failed; the server's log says why. Undo takes back what was done."

SAMPLE = 5
"""Flags that a preview shows."""


class Chosen(Body):
    """A flag of a selection and the `seq` that was seen."""

    flag_id: str
    seq: int | None = None


class PreviewBody(Meant):
    """A selection, or filters, and what would be decided about these flags."""

    flags: list[Chosen] | None = Field(None, max_length=MOST_CHOSEN)
    filters: Filters | None = None


class BulkBody(Decision):
    """A decision about a selection, or about all that the filters matched when there were `head` flags."""

    flags: list[Chosen] | None = Field(None, max_length=MOST_CHOSEN)
    filters: Filters | None = None
    head: int | None = Field(None, ge=0)


def add_bulk_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that decide about many flags."""

    @router.post("/bulk/preview")
    def preview(
        body: PreviewBody, root: Root, language: Language, person: Person = REVIEWER
    ) -> dict[str, Any]:
        """Return how many flags would be decided about, of which kinds, and the newest few of them.

        With a decision, also how many of the first flags it would leave alone, and why; `checked` is how many
        these are.
        """
        head = workspace.read_marker().flags
        chosen = _choose(person, body.flags, body.filters, head)
        preview = workspace.preview(chosen, SAMPLE)
        sample = [build_row(each, root) for each in preview.sample if not is_row_disguised(each, person)]
        counts = {"count": preview.count, "statuses": preview.statuses, "models": preview.models}
        answer = {**counts, "head": head, "sample": sample, "checked": 0, **_say_skipped(None, language)}
        if not body.is_given:
            return answer
        targets = _list_targets(workspace, body.flags, chosen)[:MOST_CHECKED]
        tried = workspace.try_many(targets, **name_reviewer(person), **body.given)
        return {**answer, "checked": len(targets), **_say_skipped(tried, language)}

    @router.post("/bulk")
    def decide(body: BulkBody, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Begin to decide; the answer comes at once, and the job tells how far it is."""
        if body.filters is not None and body.head is None:
            raise InputError("A decision about all that filters match needs the head of its preview.")
        chosen = _choose(person, body.flags, body.filters, body.head)
        targets = _list_targets(workspace, body.flags, chosen)
        return _build_job(_start(workspace, body, targets, person), language)

    @router.get("/bulk/{action_id}")
    def read_job(action_id: str, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how far the decision is."""
        return _build_job(workspace.jobs.find(action_id), language)

    @router.post("/bulk/{action_id}/cancel")
    def cancel(action_id: str, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Stop before the next part; what was decided stays until it is undone."""
        job = workspace.jobs.find(action_id)
        job.stop.set()
        return _build_job(job, language)


def _start(workspace: Workspace, body: BulkBody, targets: list[Target], person: Person) -> Job:
    """Begin the decision; its job is known by its action, so that asking twice acts once."""
    job = Job(check_id("action_id", body.action_id), "bulk", total=len(targets), on_failure=_FAILED)
    return workspace.jobs.start(
        job,
        lambda progress: workspace.review_many(
            targets, **name_reviewer(person), action_id=job.job_id, progress=progress, **body.given
        ),
    )


def _choose(
    person: Person, flags: list[Chosen] | None, filters: Filters | None, head: int | None
) -> ChosenFlags:
    if (flags is None) == (filters is None):
        raise InputError("Name the flags, or give filters: one of the two.")
    if filters is None:
        return ChosenFlags(flag_ids=tuple(dict.fromkeys(each.flag_id for each in flags or [])))
    return ChosenFlags(filters.to_slice(person), head)


def _list_targets(workspace: Workspace, flags: list[Chosen] | None, chosen: ChosenFlags) -> list[Target]:
    if flags is None:
        return workspace.find_targets(chosen)
    return [Target(*each) for each in {each.flag_id: each.seq for each in flags}.items()]


def _build_job(job: Job, language: str) -> dict[str, Any]:
    result = job.result
    return {
        "action_id": job.job_id,
        "state": CANCELLED if result and result.is_stopped else job.state,
        "done": result.changed + result.skipped if result else job.done,
        "total": job.total,
        "changed": result.changed if result else 0,
        **_say_skipped(result, language),
        "error": retell(job.error, language) if job.error else "",
    }


def _say_skipped(result: ManyDecided | None, language: str) -> dict[str, Any]:
    """Return how many flags were left alone, and why the first ones."""
    reasons = [
        {"flag_id": flag_id, "reason": retell(reason, language)}
        for flag_id, reason in (result.reasons if result else [])
    ]
    return {"skipped": result.skipped if result else 0, "reasons": reasons}
