"""Routes that read the queue: its pages, its counts, one flag."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from reviewer.access import Person
from reviewer.api.asking import REVIEWER, Root
from reviewer.api.cards import build_card, build_row
from reviewer.index.queries import FacetCounts, Slice
from reviewer.workspace import Workspace

MOST_ROWS = 500
"""The longest page of the queue."""


def _read_slice(
    view: str = "all",
    model: Annotated[list[str], Query()] = [],  # noqa: B006  FastAPI copies defaults
    version: Annotated[list[str], Query()] = [],  # noqa: B006
    option: Annotated[list[str], Query()] = [],  # noqa: B006
    predicted: Annotated[list[str], Query()] = [],  # noqa: B006
    resolution: Annotated[list[str], Query()] = [],  # noqa: B006
    verification: Annotated[list[str], Query()] = [],  # noqa: B006
    source: Annotated[list[str], Query()] = [],  # noqa: B006
    flagger: Annotated[list[str], Query()] = [],  # noqa: B006
    confidence_min: float | None = None,
    confidence_max: float | None = None,
    text: str = "",
) -> Slice:
    return Slice(
        view=view,
        model=tuple(model),
        version=tuple(version),
        option=tuple(option),
        predicted=tuple(predicted),
        resolution=tuple(resolution),
        verification=tuple(verification),
        source=tuple(source),
        flagger=tuple(flagger),
        confidence_min=confidence_min,
        confidence_max=confidence_max,
        text=text,
    )


ChosenSlice = Annotated[Slice, Depends(_read_slice)]


def add_queue_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that read lists of flags."""

    @router.get("/queue")
    def read_queue(
        chosen: ChosenSlice,
        root: Root,
        sort: str = "newest",
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
        person: Person = REVIEWER,
    ) -> dict[str, Any]:
        """Return one page of the queue and how many flags there are in all."""
        page, total = workspace.read_page(chosen, sort, after, limit)
        return {"flags": [build_row(row, root) for row in page.rows], "next": page.next, "total": total}

    @router.get("/facets")
    def count_facets(chosen: ChosenSlice, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how many flags of the slice have each value of each facet."""
        return _build_facets(workspace.count_facets(chosen))

    @router.get("/flags/{flag_id}")
    def read_flag(flag_id: str, root: Root, person: Person = REVIEWER) -> dict[str, Any]:
        """Return everything a card shows of one flag."""
        return build_card(workspace, workspace.find_flag(flag_id), root)


def _build_facets(counts: FacetCounts) -> dict[str, Any]:
    facets = {
        name: [{"value": value, "flags": flags} for value, flags in pairs]
        for name, pairs in counts.facets.items()
    }
    return {"views": counts.views, **facets, "confidence": counts.confidence}
