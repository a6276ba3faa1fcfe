"""Routes that read the queue: its pages, its counts, its flags one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query

from reviewer.access import Person, Role
from reviewer.api.asking import REVIEWER, Language, Root
from reviewer.api.cards import MOST_CARDS, build_card, build_cards, build_row
from reviewer.api.filters import ChosenSlice
from reviewer.api.places import read_token, write_token
from reviewer.blind import is_disguised, is_row_disguised, is_sealed
from reviewer.index.queries import MOST_NEWS, SECRET_VIEWS, FacetCounts, Marker
from reviewer.payloads import build_payload
from reviewer.workspace import Workspace

MOST_ROWS = 500
"""The longest page of the queue."""


def add_queue_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that read lists of flags."""

    @router.get("/queue")
    def read_queue(
        chosen: ChosenSlice,
        root: Root,
        sort: str = "newest",
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
        seed: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
        skip: Annotated[int, Query(ge=0)] = 0,
        around: str | None = None,
        counted: bool = True,
        person: Person = REVIEWER,
    ) -> dict[str, Any]:
        """Return one page of the queue, how many flags there are in all and how many were left out first.

        Around a flag, as many stand before it as after it. Not `counted`, the total is null where all flags
        would have to be read to count them, as for a text.
        """
        if around is not None:
            skip = max(0, workspace.find_place(chosen, sort, around, seed) - limit // 2)
        page, total, marker = workspace.read_page(chosen, sort, after, limit, seed, skip, is_counted=counted)
        rows = [build_row(row, root) for row in page.rows]
        answer = {"flags": rows, "next": page.next, "total": total, "skipped": skip}
        return {**answer, "token": write_token(marker), "labels": workspace.read_labels_stamp()}

    @router.get("/facets")
    def count_facets(chosen: ChosenSlice, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how many flags of the slice have each value of each facet."""
        return _build_facets(workspace.count_facets(chosen), person)


def add_news_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the route that says what happened since the last time."""

    @router.get("/news")
    def read_news(
        root: Root,
        after: str | None = None,
        at: Annotated[str | None, Query(max_length=36)] = None,
        person: Person = REVIEWER,
    ) -> dict[str, Any]:
        """Return the flags that are new or changed since the token; without one, the token now.

        `at` is the flag that whoever asks is looking at; `present` is flag → who else looks at it. `views` is
        another text once somebody has saved, changed or deleted a view, `labels` another number once somebody
        has changed labels or options, or something was erased: then all flags are to be read again.
        `unread` is how much the bell has to tell.
        """
        workspace.presence.note(person.name, at)
        about = {
            "views": workspace.saved_views.read_stamp(),
            "labels": workspace.read_labels_stamp(),
            "present": workspace.presence.list_others(person.name),
        }
        rows: list[dict[str, Any]] = []
        if after is None:
            marker = workspace.read_marker()
        else:
            rows, marker = workspace.read_news(Marker(*read_token(after, "after")))
        shown = [row for row in rows[:MOST_NEWS] if not is_row_disguised(row, person)]
        return {
            "token": write_token(marker),
            "flags": [build_row(row, root) for row in shown],
            "is_more": len(rows) > MOST_NEWS,
            "unread": workspace.notifications.count_unread(person, marker),
            **about,
        }


def add_card_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that read what is known of single flags."""

    @router.get("/flags/{flag_id}")
    def read_flag(flag_id: str, root: Root, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Return everything a card shows of one flag."""
        return build_card(workspace, workspace.find_flag(flag_id), person, root, language)

    @router.get("/cards")
    def read_cards(
        flag: Annotated[list[str], Query(max_length=MOST_CARDS)],
        root: Root,
        language: Language,
        person: Person = REVIEWER,
    ) -> dict[str, Any]:
        """Return what the cards of several flags show; flags that do not exist are left out."""
        return {"cards": build_cards(workspace, workspace.find_flags(flag), person, root, language)}

    @router.get("/flags/{flag_id}/help")
    def advise(flag_id: str, person: Person = REVIEWER) -> dict[str, Any]:
        """Return what helps to decide about a flag: it is help, and applied by nobody but the reviewer.

        What others answered to flags like it is left out of one that needs an answer of its own.
        """
        state, advice = workspace.find_flag(flag_id).state, workspace.advise(flag_id)
        is_blind = is_sealed(state, person) or is_disguised(state, person)
        return build_payload(replace(advice, similar=None) if is_blind else advice)


def _build_facets(counts: FacetCounts, person: Person) -> dict[str, Any]:
    is_admin = person.role >= Role.ADMIN
    views = {name: count for name, count in counts.views.items() if is_admin or name not in SECRET_VIEWS}
    facets = {
        name: [{"value": value, "flags": flags} for value, flags in pairs]
        for name, pairs in counts.facets.items()
    }
    return {"views": views, **facets, "confidence": counts.confidence}
