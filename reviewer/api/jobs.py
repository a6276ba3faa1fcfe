"""Routes that begin long work in the background, follow it and stop it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, Language
from reviewer.api.bodies import Body
from reviewer.api.exports import ExportBody
from reviewer.jobs import Job
from reviewer.payloads import build_payload
from reviewer.sentences import retell
from reviewer.workspace import Workspace


class RetrainBody(Body):
    """The model to train, and the export with its corrections, None: a new one."""

    model: str
    bundle: str | None = None


class VerifyBody(Body):
    """The version to run over the reviewed flags."""

    model: str
    version: str


def add_job_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes."""

    @router.post("/jobs/export")
    def export(body: ExportBody, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Begin an export; the answer comes at once, and the job tells how far it is."""
        return _build_job(workspace.start_export(body.model, body.options), language)

    @router.post("/jobs/retrain")
    def retrain(body: RetrainBody, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Begin to train a new version and to run it over the reviewed flags."""
        return _build_job(workspace.start_retrain(body.model, bundle=body.bundle), language)

    @router.post("/jobs/verify")
    def verify(body: VerifyBody, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Begin to run a version over the reviewed flags."""
        return _build_job(workspace.start_verify(body.model, body.version), language)

    @router.get("/jobs")
    def list_jobs(model: str, language: Language, person: Person = REVIEWER) -> list[dict[str, Any]]:
        """Return the jobs about a model since the app started, newest first."""
        workspace.find_model(model)
        return [_build_job(each, language) for each in workspace.jobs.list_of(model)]

    @router.get("/jobs/{job_id}")
    def read_job(job_id: str, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how far a job is and what came of it."""
        return _build_job(workspace.jobs.find(job_id), language)

    @router.post("/jobs/{job_id}/cancel")
    def cancel(job_id: str, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Stop a job; what it had not finished leaves nothing behind."""
        job = workspace.jobs.find(job_id)
        job.stop.set()
        return _build_job(job, language)


def _build_job(job: Job, language: str) -> dict[str, Any]:
    return build_payload(
        {
            "job_id": job.job_id,
            "kind": job.kind,
            "model": job.model,
            "state": job.state,
            "share": job.share,
            "doing": retell(job.doing, language),
            "started_at": job.started_at,
            "error": retell(job.error, language) if job.error else "",
            "details": job.details,
            "result": _name_result(job),
        }
    )


def _name_result(job: Job) -> str | None:
    """Return the name of the export or version that a job made or looked at."""
    if job.result is None:
        return None
    return str(job.result.name if job.kind == "export" else job.result.version)
