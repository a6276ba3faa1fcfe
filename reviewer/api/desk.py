"""Routes about the desk itself: who sits at it, its keys, the views people keep."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from reviewer.access import Person
from reviewer.api.asking import REVIEWER
from reviewer.api.bodies import Body
from reviewer.config import merge_keys
from reviewer.payloads import build_payload
from reviewer.workspace import Workspace


class ViewBody(Body):
    """A question to the queue under a name; with an id, the change of an own one."""

    view_id: str | None = None
    name: str
    query: str
    is_shared: bool = False


def add_desk_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes about the desk."""
    views = workspace.saved_views

    @router.get("/desk")
    def read_desk(person: Person = REVIEWER) -> dict[str, Any]:
        """Return who is asking, who else reviews, the keys and the saved views; see `/news` for the stamp."""
        stamp = views.read_stamp()
        return {
            "views_stamp": stamp,
            "person": person.name,
            "claim_minutes": workspace.spec.team.claim_minutes,
            "people": sorted({person.name, *workspace.list_people()}),
            "keys": merge_keys(workspace.spec.keys),
            "views": [build_payload(each) for each in views.list_for(person.name)],
        }

    @router.post("/views")
    def save_view(body: ViewBody, person: Person = REVIEWER) -> dict[str, Any]:
        """Keep a view for oneself or for all."""
        return build_payload(views.save(person.name, **dict(body)))

    @router.delete("/views/{view_id}")
    def delete_view(view_id: str, person: Person = REVIEWER) -> dict[str, Any]:
        """Forget an own view."""
        views.delete(person.name, view_id)
        return {}
