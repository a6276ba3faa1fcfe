"""Routes that read the queue: its pages, its counts, its flags one by one."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, Language, Root
from reviewer.api.cards import MOST_CARDS, build_card, build_cards, build_row
from reviewer.api.filters import ChosenSlice
from reviewer.errors import InputError
from reviewer.index.queries import MOST_NEWS, FacetCounts, Marker
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
        return {**answer, "token": _write_token(marker), "labels": workspace.read_labels_stamp()}

    @router.get("/facets")
    def count_facets(chosen: ChosenSlice, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how many flags of the slice have each value of each facet."""
        return _build_facets(workspace.count_facets(chosen))

    @router.get("/news")
    def read_news(root: Root, after: str | None = None, person: Person = REVIEWER) -> dict[str, Any]:
        """Return the flags that are new or changed since the token; without one, the token now.

        `views` is another text once somebody has saved, changed or deleted a view, `labels` another number
        once somebody has changed labels or options.
        """
        stamps = {"views": workspace.saved_views.read_stamp(), "labels": workspace.read_labels_stamp()}
        if after is None:
            token = _write_token(workspace.read_marker())
            return {"token": token, "flags": [], "is_more": False, **stamps}
        rows, marker = workspace.read_news(_read_token(after))
        return {
            "token": _write_token(marker),
            "flags": [build_row(row, root) for row in rows[:MOST_NEWS]],
            "is_more": len(rows) > MOST_NEWS,
            **stamps,
        }


def add_card_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that read what is known of single flags."""

    @router.get("/flags/{flag_id}")
    def read_flag(flag_id: str, root: Root, language: Language, person: Person = REVIEWER) -> dict[str, Any]:
        """Return everything a card shows of one flag."""
        return build_card(workspace, workspace.find_flag(flag_id), root, language)

    @router.get("/cards")
    def read_cards(
        flag: Annotated[list[str], Query(max_length=MOST_CARDS)],
        root: Root,
        language: Language,
        person: Person = REVIEWER,
    ) -> dict[str, Any]:
        """Return what the cards of several flags show; flags that do not exist are left out."""
        return {"cards": build_cards(workspace, workspace.find_flags(flag), root, language)}

    @router.get("/flags/{flag_id}/help")
    def advise(flag_id: str, person: Person = REVIEWER) -> dict[str, Any]:
        """Return what helps to decide about a flag: it is help, and applied by nobody but the reviewer."""
        return build_payload(workspace.advise(flag_id))


def _build_facets(counts: FacetCounts) -> dict[str, Any]:
    facets = {
        name: [{"value": value, "flags": flags} for value, flags in pairs]
        for name, pairs in counts.facets.items()
    }
    return {"views": counts.views, **facets, "confidence": counts.confidence}


def _write_token(marker: Marker) -> str:
    return ".".join(map(str, marker))


def _read_token(text: str) -> Marker:
    if not re.fullmatch(r"\d{1,15}\.\d{1,15}\.\d{1,15}", text):
        raise InputError(f"The token {text[:40]!r} is none of ours; ask without one to get it.")
    return Marker(*map(int, text.split(".")))
