"""Routes about who did what, when and from where; for admins alone."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from reviewer.access import ASKED, Person, Whereabouts
from reviewer.api.asking import ADMIN
from reviewer.api.downloads import send_file
from reviewer.audit import AUDIT_COLUMNS, Action, AuditSlice
from reviewer.payloads import build_payload, stream_csv
from reviewer.records import Event
from reviewer.sign_in import PERSON, find_person
from reviewer.workspace import Workspace

MOST_ENTRIES = 500

_Text = Annotated[str | None, Query(max_length=1000)]


async def _choose(
    who: _Text = None, action: _Text = None, subject: _Text = None, since: _Text = None, until: _Text = None
) -> AuditSlice:
    return AuditSlice(person=who, action=action, subject=subject, since=since, until=until)


ChosenAudit = Annotated[AuditSlice, Depends(_choose)]


def add_audit_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that show and check the audit log."""

    @router.get("/audit")
    def read_audit(
        chosen: ChosenAudit,
        after: _Text = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100,
        person: Person = ADMIN,
    ) -> dict[str, Any]:
        """Return who did what, newest first, review events too, and the cursor of the next page.

        `actions` are those that there can be.
        """
        entries, following = workspace.read_audit(chosen, after, limit)
        shown = [build_payload(each) for each in entries]
        return {"entries": shown, "next": following, "actions": [*Action, *Event]}

    @router.get("/audit.csv")
    def download_audit(chosen: ChosenAudit, person: Person = ADMIN) -> StreamingResponse:
        """Return all of it as a CSV file; that it was taken is on record."""
        taken = workspace.download_audit(chosen)
        parts = (
            [[str(build_payload(row)[name]) for name in AUDIT_COLUMNS] for row in rows] for rows in taken
        )
        return send_file(stream_csv(AUDIT_COLUMNS, parts), "audit.csv", "text/csv; charset=utf-8")

    @router.get("/audit/verify")
    def verify_audit(head: _Text = None, person: Person = ADMIN) -> dict[str, Any]:
        """Return whether the log of reviews is as it was sealed; the first row that is not is named."""
        checked = workspace.verify_audit(head)
        return {**build_payload(checked), "head": str(checked.head)}


class Asking:
    """Lets whatever a request does know who asked, and from where."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its whereabouts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = ASKED.set(lambda: find_origin(scope))
        try:
            await self._app(scope, receive, send)
        finally:
            ASKED.reset(token)


def find_origin(scope: Scope) -> Whereabouts:
    """Return who a request comes from, its address and its program; "" for nobody known."""
    request = Request(scope)
    address = request.client.host if request.client else ""
    is_unknown = PERSON in scope and scope[PERSON] is None
    person = "" if is_unknown else find_person(scope).name
    return Whereabouts(person, address, request.headers.get("user-agent", ""))
