"""Routes of the bell: what whoever asks is told, how much of it is new, and what they want to be told."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from reviewer.access import Person
from reviewer.api.asking import TESTER
from reviewer.api.bodies import Body
from reviewer.api.places import read_token, write_token
from reviewer.notifications import NEEDED, Place
from reviewer.payloads import build_payload
from reviewer.workspace import Workspace


class ReadBody(Body):
    """The token of the list that was read."""

    token: str = Field(max_length=100)


class OffBody(Body):
    """The kinds of which one does not want to be told."""

    off: list[str] = Field(max_length=len(NEEDED))


def add_notification_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes of the bell; everybody is told their own."""

    @router.get("/notifications")
    def list_notifications(person: Person = TESTER) -> dict[str, Any]:
        """Return what whoever asks is told, newest first, and the token that marks it as read.

        `kinds` are those that the person's role is told of, `off` those that the person switched off.
        """
        told = workspace.notifications.list_for(person)
        return {
            "notifications": [build_payload(each) for each in told.notifications],
            "token": write_token(told.place),
            "kinds": [kind for kind, role in NEEDED.items() if role <= person.role],
            "off": list(told.off),
        }

    @router.get("/notifications/count")
    def count_notifications(person: Person = TESTER) -> dict[str, Any]:
        """Return how much of what whoever asks is told is new; `/news` says it too."""
        return {"unread": workspace.notifications.count_unread(person)}

    @router.post("/notifications/read")
    def mark_read(body: ReadBody, person: Person = TESTER) -> dict[str, Any]:
        """Note that whoever asks has read the list with this token; what came since stays new."""
        workspace.notifications.mark_read(person, Place(*read_token(body.token, "token")))
        return {"unread": workspace.notifications.count_unread(person)}

    @router.post("/notifications/off")
    def switch_off(body: OffBody, person: Person = TESTER) -> dict[str, Any]:
        """Tell whoever asks of these kinds no more, and of all others."""
        workspace.notifications.switch_off(person, body.off)
        return {"unread": workspace.notifications.count_unread(person)}
