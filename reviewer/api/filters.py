"""The filters of the queue, in a request's address or body."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from pydantic import ConfigDict

from reviewer.access import Person, Role, check_role
from reviewer.api.asking import REVIEWER
from reviewer.api.bodies import Body
from reviewer.index.queries import SECRET_VIEWS, Slice


class Filters(Body):
    """The filters of the queue, as in its address."""

    view: str = "all"
    model: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    option: tuple[str, ...] = ()
    predicted: tuple[str, ...] = ()
    resolution: tuple[str, ...] = ()
    verification: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    assignee: tuple[str, ...] = ()
    flagger: tuple[str, ...] = ()
    confidence_min: float | None = None
    confidence_max: float | None = None
    text: str = ""
    group: str = ""

    def to_slice(self, person: Person) -> Slice:
        """Return the slice they select for a person; raises `ForbiddenError` for a view of others."""
        if self.view in SECRET_VIEWS:
            check_role(person, Role.ADMIN)
        return Slice(**dict(self), me=person.name)


class _AddressFilters(Filters):
    """Filters in an address, where an order and a cursor stand beside them."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


async def _read_slice(filters: Annotated[_AddressFilters, Query()], person: Person = REVIEWER) -> Slice:
    return filters.to_slice(person)


ChosenSlice = Annotated[Slice, Depends(_read_slice)]
