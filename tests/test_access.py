"""Access: who is asking, and what a role may do."""

from __future__ import annotations

import getpass

import pytest

from reviewer.access import ForbiddenError, Person, Role, check_role, find_owner


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("needed", Role)
def test_a_role_may_do_what_it_and_the_lower_ones_may(role: Role, needed: Role) -> None:
    person = Person("ada", role)
    if role >= needed:
        check_role(person, needed)
    else:
        sentence = f"This needs the role {needed.name.lower()}; ada is {role.name.lower()}."
        with pytest.raises(ForbiddenError, match=sentence):
            check_role(person, needed)


def test_whoever_uses_this_computer_owns_what_runs_on_it() -> None:
    find_owner.cache_clear()
    assert find_owner() == Person(getpass.getuser(), Role.ADMIN)
