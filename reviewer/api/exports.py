"""Routes that plan, write and hand out exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from pydantic import Field

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, Language
from reviewer.api.bodies import Body
from reviewer.api.downloads import send_file
from reviewer.bundle.options import ExportOptions
from reviewer.errors import UnknownNameError
from reviewer.payloads import build_payload
from reviewer.sentences import retell
from reviewer.workspace import Workspace

_READ_IN_BROWSER = frozenset({".md", ".json", ".csv"})
"""Endings of files that are shown as text; all others are saved."""


class ExportBody(Body):
    """The model whose reviewed flags are wanted, and how."""

    model: str
    options: ExportOptions = Field(default_factory=ExportOptions)


def add_export_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes."""

    @router.post("/exports/plan")
    def plan(body: ExportBody, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Return what an export would hold and what should be known before; nothing is written."""
        plan = workspace.plan_export(body.model, body.options)
        findings = [
            {**build_payload(each), "sentence": retell(each.sentence, language)} for each in plan.findings
        ]
        return {"counts": plan.counts, "findings": findings, "sample": plan.sample}

    @router.post("/exports")
    def export(body: ExportBody, person: Person = REVIEWER) -> dict[str, Any]:
        """Write the reviewed flags of a model as a new bundle and return its manifest."""
        return workspace.export(body.model, body.options).manifest

    @router.get("/exports")
    def list_exports(model: str, person: Person = REVIEWER) -> list[dict[str, Any]]:
        """Return the manifests of the model's bundles, oldest first."""
        return [each.manifest for each in workspace.list_bundles(model)]

    @router.get("/exports/{model}/{name}.zip")
    def download_export(model: str, name: str, person: Person = REVIEWER) -> Response:
        """Return one bundle as an archive, in a stream."""
        from reviewer.bundle import stream_archive

        bundle = workspace.find_bundle(model, name)
        return send_file(stream_archive(bundle), f"{model}-{name}.zip", "application/zip")

    @router.get("/exports/{model}/{name}/files/{file}")
    def read_file(model: str, name: str, file: str, person: Person = REVIEWER) -> Response:
        """Return one file of a bundle, such as its card or its changes."""
        bundle = workspace.find_bundle(model, name)
        if file not in bundle.manifest["files"]:
            raise UnknownNameError(f"file of export {name}", file)
        is_text = Path(file).suffix in _READ_IN_BROWSER
        return FileResponse(
            bundle.path / file,
            media_type="text/plain; charset=utf-8" if is_text else "application/octet-stream",
            filename=file,
            content_disposition_type="inline" if is_text else "attachment",
            headers={"X-Content-Type-Options": "nosniff"},
        )
