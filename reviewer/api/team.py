"""Routes by which people share one queue: who does what next, who did what, and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import Field

from reviewer.access import Person, Role
from reviewer.api.asking import REVIEWER, TESTER, Language, Root, name_reviewer
from reviewer.api.bodies import Body
from reviewer.api.cards import build_card
from reviewer.api.filters import Filters
from reviewer.errors import UnknownNameError
from reviewer.payloads import build_payload
from reviewer.workspace import Workspace

if TYPE_CHECKING:
    from reviewer.agreement import Agreement


class NextBody(Body):
    """Asks for a flag to do, under filters and in an order; their view does not count."""

    action_id: str
    filters: Filters = Filters()
    sort: str = "priority"
    seed: int = Field(0, ge=0, lt=1 << 31)


def add_team_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes by which people share one queue."""

    @router.post("/next")
    def claim_next(
        body: NextBody, root: Root, language: Language, person: Person = REVIEWER
    ) -> dict[str, Any]:
        """Claim the next flag for whoever asks and return its card, null when nothing is left to do."""
        flag = workspace.claim_next(
            chosen=body.filters.to_slice(person),
            sort=body.sort,
            seed=body.seed,
            action_id=body.action_id,
            **name_reviewer(person),
        )
        return {"flag": build_card(workspace, flag, person, root, language) if flag else None}

    @router.get("/team")
    def read_team(person: Person = REVIEWER) -> dict[str, Any]:
        """Return what each person has claimed, was assigned and did, and what was done per day."""
        people, days = workspace.find_workload()
        return {"people": people, "days": days}

    @router.get("/agreement")
    def read_agreement(model: str | None = None, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how far first and second answers agree; of pairs, an admin sees all, others their own."""
        report = workspace.report_agreement(model)
        return build_payload(replace(report, pairs=list_seen(report.pairs, person)))

    @router.get("/people/{name}/score")
    def read_score(name: str, person: Person = TESTER) -> dict[str, Any]:
        """Return how well a person did; to all but that person and admins there is no such score."""
        if name != person.name and person.role < Role.ADMIN:
            raise UnknownNameError("score of a person", name)
        return build_payload(workspace.score_person(name))


def list_seen(pairs: Sequence[Agreement], person: Person) -> list[Agreement]:
    """Return the agreement of pairs that a person may know: an admin all, others their own."""
    is_admin = person.role >= Role.ADMIN
    return [each for each in pairs if is_admin or person.name in each.people]
