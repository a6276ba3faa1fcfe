"""Routes about a model's versions: what they fix and break, and which of them answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from pydantic import Field

from reviewer.access import Person
from reviewer.api.asking import ADMIN, REVIEWER, TESTER
from reviewer.api.bodies import Body
from reviewer.models.versions import Version
from reviewer.payloads import build_payload
from reviewer.workspace import Workspace


class PromoteBody(Body):
    """The version to serve, and why when it does not pass the gate."""

    version: str
    override: str | None = Field(None, max_length=10_000)


class RollBackBody(Body):
    """Why somebody goes back."""

    reason: str = Field("", max_length=10_000)


def add_version_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that show a model's versions."""

    @router.get("/models/{model}/versions")
    def list_versions(model: str, person: Person = TESTER) -> list[dict[str, Any]]:
        """Return the model's versions, oldest first, each with its card."""
        versions = workspace.list_versions(model)
        served = workspace.find_version(model).name if versions else None
        return [_build_version(each, served) for each in versions]

    @router.get("/models/{model}/versions/{version}/card")
    def read_card(model: str, version: str, person: Person = TESTER) -> PlainTextResponse:
        """Return the version's model card as Markdown."""
        return PlainTextResponse(workspace.read_card(model, version))

    @router.get("/models/{model}/versions/{version}/verdicts")
    def list_verdicts(model: str, version: str, person: Person = REVIEWER) -> list[dict[str, Any]]:
        """Return the version's last verdict on each reviewed flag."""
        return [build_payload(each) for each in workspace.list_verdicts(model, version)]


def add_promotion_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that compare versions and choose which of them answers."""

    @router.get("/models/{model}/compare")
    def compare(model: str, first: str, second: str, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how two versions do on held-out examples and on the flags that both were run over."""
        return build_payload(workspace.compare(model, first, second))

    @router.get("/models/{model}/gate")
    def check_gate(model: str, version: str, person: Person = REVIEWER) -> dict[str, Any]:
        """Return whether a version may be promoted, and why not."""
        return build_payload(workspace.check_gate(model, version))

    @router.get("/models/{model}/promotions")
    def list_promotions(model: str, person: Person = REVIEWER) -> list[dict[str, Any]]:
        """Return who promoted which version when and why, oldest first."""
        return [each._asdict() for each in workspace.list_promotions(model)]

    @router.post("/models/{model}/promote")
    def promote(model: str, body: PromoteBody, person: Person = ADMIN) -> dict[str, Any]:
        """Let the app answer with a version that passes the gate, or past it with a reason."""
        made = workspace.promote(model, body.version, who=person.name, override=body.override)
        return made._asdict()

    @router.post("/models/{model}/rollback")
    def roll_back(model: str, body: RollBackBody, person: Person = ADMIN) -> dict[str, Any]:
        """Let the app answer with the version that was served before."""
        return workspace.roll_back(model, who=person.name, reason=body.reason)._asdict()


def _build_version(version: Version, served: str | None) -> dict[str, Any]:
    return {
        "model": version.model,
        "version": version.name,
        "is_served": version.name == served,
        "card": version.card,
    }
