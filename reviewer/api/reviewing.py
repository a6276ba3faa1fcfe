"""Routes that decide about flags and take decisions back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, Language, Root
from reviewer.api.bodies import Body, Decision
from reviewer.api.cards import build_card, build_cards
from reviewer.errors import ConflictError
from reviewer.payloads import build_payload
from reviewer.records import Flag
from reviewer.sentences import retell
from reviewer.workspace import Workspace

MOST_CARDS = 50
"""Cards that come back after an action on many flags."""

MOST_LATER = 20
"""Later decisions that are named before an action is taken back."""

_SAID = ("status", "resolution", "corrected_label", "corrected_value", "reviewer", "reviewed_at")


class ReviewBody(Decision):
    """One decision on one flag, or a comment."""

    flag_id: str
    seq: int


class RedoBody(Body):
    """Does the action named in `repeats` again, which was taken back."""

    action_id: str
    repeats: str


class UndoBody(Body):
    """Takes back the action, or the flag, named in `reverts`."""

    action_id: str
    reverts: str


def add_review_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that decide and undo."""

    @router.post("/reviews")
    def review(body: ReviewBody, root: Root, language: Language, person: Person = REVIEWER) -> Any:
        """Decide about a flag; the same action again changes nothing."""
        try:
            flag = workspace.review(**dict(body), reviewer=person.name)
        except ConflictError as error:
            card = build_card(workspace, workspace.find_flag(body.flag_id), root, language)
            return _answer_conflict(retell(str(error), language), card)
        return build_card(workspace, flag, root, language)

    @router.post("/undo")
    def undo(body: UndoBody, root: Root, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Take back one action."""
        flags = workspace.undo(body.reverts, reviewer=person.name, own_action_id=body.action_id)
        return _build_touched(workspace, flags, root, language)

    @router.post("/redo")
    def redo(body: RedoBody, root: Root, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Do an action again that was taken back."""
        flags = workspace.redo(body.repeats, reviewer=person.name, own_action_id=body.action_id)
        return _build_touched(workspace, flags, root, language)

    @router.get("/actions/{action_id}")
    def read_action(action_id: str, person: Person = REVIEWER) -> dict[str, Any]:
        """Return what taking the action back would meet."""
        report = workspace.describe_action(action_id)
        later = [
            {"flag_id": each.flag_id, **{name: build_payload(each)[name] for name in _SAID}}
            for each in report.later[:MOST_LATER]
        ]
        return {
            **build_payload(report.event),
            "flags": report.flags,
            "is_undone": report.is_undone,
            "later": later,
            "later_count": len(report.later),
            "verdicts": report.verdicts,
        }


def _build_touched(workspace: Workspace, flags: list[Flag], root: str, language: str) -> dict[str, Any]:
    shown = workspace.find_flags([each.flag_id for each in flags[:MOST_CARDS]])
    return {"flags": build_cards(workspace, shown, root, language), "count": len(flags)}


def _answer_conflict(sentence: str, card: dict[str, Any]) -> JSONResponse:
    """Return the refusal with the flag as it is now and the decision that came first."""
    decided = [each for each in card["history"] if each["is_applied"] and each["seq"] > 0]
    body = {"error": sentence, "field": "", "kind": "ConflictError", "flag": card}
    return JSONResponse({**body, "conflict": decided[-1] if decided else None}, 409)
