"""Routes that decide about flags and take decisions back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, Root
from reviewer.api.bodies import Body
from reviewer.api.cards import build_card
from reviewer.errors import ConflictError
from reviewer.records import JsonValue
from reviewer.workspace import Workspace


class ReviewBody(Body):
    """One decision on one flag, or a comment."""

    action_id: str
    flag_id: str
    seq: int
    corrected_label: str | None = None
    corrected_value: float | None = None
    corrected_output: JsonValue = None
    resolution: str | None = None
    status: str | None = None
    comment: str = Field("", max_length=100_000)
    certainty: int | None = Field(None, ge=1, le=5)
    seconds: float | None = Field(None, ge=0)


class UndoBody(Body):
    """Takes back the action, or the flag, named in `reverts`."""

    action_id: str
    reverts: str


def add_review_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that decide and undo."""

    @router.post("/reviews")
    def review(body: ReviewBody, root: Root, person: Person = REVIEWER) -> Any:
        """Decide about a flag; the same action again changes nothing."""
        try:
            flag = workspace.review(**body.model_dump(), reviewer=person.name)
        except ConflictError as error:
            return _answer_conflict(workspace, body.flag_id, root, error)
        return build_card(workspace, flag, root)

    @router.post("/undo")
    def undo(body: UndoBody, root: Root, person: Person = REVIEWER) -> dict[str, Any]:
        """Take back one action."""
        flags = workspace.undo(body.reverts, reviewer=person.name, own_action_id=body.action_id)
        return {"flags": [build_card(workspace, each, root) for each in flags]}


def _answer_conflict(workspace: Workspace, flag_id: str, root: str, error: ConflictError) -> JSONResponse:
    card = build_card(workspace, workspace.find_flag(flag_id), root)
    body = {"error": str(error), "field": "", "kind": "ConflictError", "flag": card}
    return JSONResponse(body, 409)
