"""Routes that decide about flags and take decisions back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, Language, Root, name_reviewer
from reviewer.api.bodies import Body, Decision
from reviewer.api.cards import MOST_CARDS, build_cards
from reviewer.api.refusals import build_refusal, find_status
from reviewer.errors import ConflictError, ReviewerError
from reviewer.payloads import build_payload
from reviewer.records import Flag
from reviewer.workspace import Workspace

MOST_LATER = 20
"""Later decisions that are named before an action is taken back."""

_SAID = ("status", "resolution", "corrected_label", "corrected_value", "reviewer", "reviewed_at")


class ReviewBody(Decision):
    """One decision on one flag, or a comment."""

    flag_id: str
    seq: int


class ReviewsBody(Body):
    """Decisions on different flags, each an action of its own."""

    reviews: list[ReviewBody] = Field(min_length=1, max_length=MOST_CARDS)


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
        [answer] = _review_each(workspace, [body], person, root, language)
        return answer["card"] if "card" in answer else JSONResponse(answer["refusal"], answer["status"])

    @router.post("/reviews/many")
    def review_each(
        body: ReviewsBody, root: Root, language: Language, person: Person = REVIEWER
    ) -> dict[str, Any]:
        """Decide about several flags, each by itself: the answers are cards and refusals in their order."""
        return {"answers": _review_each(workspace, body.reviews, person, root, language)}

    @router.post("/undo")
    def undo(body: UndoBody, root: Root, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Take back one action."""
        flags = workspace.undo(body.reverts, reviewer=person.name, own_action_id=body.action_id)
        return _build_touched(workspace, flags, person, root, language)

    @router.post("/redo")
    def redo(body: RedoBody, root: Root, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Do an action again that was taken back."""
        flags = workspace.redo(body.repeats, reviewer=person.name, own_action_id=body.action_id)
        return _build_touched(workspace, flags, person, root, language)

    @router.get("/actions/{action_id}")
    def read_action(action_id: str, person: Person = REVIEWER) -> dict[str, Any]:
        """Return what taking the action back would meet."""
        report = workspace.describe_action(action_id)
        workspace.check_seen(report.event, person)
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


def _build_touched(
    workspace: Workspace, flags: list[Flag], person: Person, root: str, language: str
) -> dict[str, Any]:
    shown = workspace.find_flags([each.flag_id for each in flags[:MOST_CARDS]])
    return {"flags": build_cards(workspace, shown, person, root, language), "count": len(flags)}


def _review_each(
    workspace: Workspace, bodies: Sequence[ReviewBody], person: Person, root: str, language: str
) -> list[dict[str, Any]]:
    """Return a card or a refusal for each decision; a conflict's refusal has the card as it is now."""
    told = workspace.review_each([dict(each) for each in bodies], **name_reviewer(person))
    shown = [
        workspace.find_flag(body.flag_id) if isinstance(each, ConflictError) else each
        for body, each in zip(bodies, told, strict=True)
    ]
    flags = {each.flag_id: each for each in shown if isinstance(each, Flag)}
    cards = {
        card["flag_id"]: card for card in build_cards(workspace, list(flags.values()), person, root, language)
    }
    return [
        _refuse(each, cards.get(body.flag_id), language)
        if isinstance(each, ReviewerError)
        else {"card": cards[each.flag_id]}
        for body, each in zip(bodies, told, strict=True)
    ]


def _refuse(error: ReviewerError, card: dict[str, Any] | None, language: str) -> dict[str, Any]:
    """Return the refusal; one of a conflict comes with the flag as it is and the decision that came first."""
    refusal = build_refusal(error, language)
    if isinstance(error, ConflictError) and card:
        decided = [each for each in card["history"] if each["is_applied"] and each["seq"] > 0]
        refusal |= {"flag": card, "conflict": decided[-1] if decided else None}
    return {"status": find_status(error), "refusal": refusal}
