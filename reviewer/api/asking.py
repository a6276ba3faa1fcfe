"""Who asks a route, and from where it is reached.

The rule: every route takes a person through `require`, so that the role it needs stands in its signature.
What only looks at the request is `async`: FastAPI would send it to a worker thread, several times an answer.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from reviewer.access import Person, Role, check_role
from reviewer.sentences import pick_language
from reviewer.sign_in import find_person


async def identify(request: Request) -> Person:
    """Return who is asking; without sign-in that is the owner of this computer."""
    return find_person(request.scope)


def require(role: Role) -> Any:
    """Return the dependency that lets a person with this role through and hands the person on."""

    async def check(person: Annotated[Person, Depends(identify)]) -> Person:
        check_role(person, role)
        return person

    check.__dict__["role"] = role
    return Depends(check)


TESTER, REVIEWER, ADMIN = (require(each) for each in (Role.TESTER, Role.REVIEWER, Role.ADMIN))


async def _read_root(request: Request) -> str:
    """Return the path under which the server is reached, "" at the root of its host."""
    return str(request.scope.get("root_path", ""))


def read_language(request: Request) -> str:
    """Return the language in which sentences are told: the browser's, English for a program."""
    return pick_language(request.headers.get("accept-language"))


async def _find_language(request: Request) -> str:
    return read_language(request)


def name_reviewer(person: Person) -> dict[str, Any]:
    """Return who decides, as the workspace's methods take it."""
    return {"reviewer": person.name, "is_admin": person.role >= Role.ADMIN}


Root = Annotated[str, Depends(_read_root)]
Language = Annotated[str, Depends(_find_language)]
