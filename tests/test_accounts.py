"""Accounts: people, passwords, sessions, links, tokens, and how often one may try."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from people import add_people

from reviewer.access import ForbiddenError, Person, Role, check_role
from reviewer.accounts import PEOPLE_NAME, Accounts, Throttle, TooManyTriesError
from reviewer.accounts.throttle import FREE_BY_ADDRESS, FREE_BY_NAME
from reviewer.errors import InputError, LogError, UnknownNameError

PASSWORD = "correct horse battery"  # noqa: S105  of nobody


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(tmp_path: Path, clock: Clock) -> Iterator[Accounts]:
    with Accounts(tmp_path, idle_hours=1, longest_days=1, clock=clock) as opened:
        add_people(opened)
        yield opened


# The file


def test_only_its_owner_can_read_the_file(accounts: Accounts, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / PEOPLE_NAME).stat().st_mode) == 0o600


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / PEOPLE_NAME).touch(0o644)
    with Accounts(tmp_path) as opened:
        assert opened.people.list_all() == []
    assert stat.S_IMODE((tmp_path / PEOPLE_NAME).stat().st_mode) == 0o600


def test_a_file_that_is_none_of_ours_is_told_of(tmp_path: Path) -> None:
    (tmp_path / PEOPLE_NAME).write_text("not a database, " * 100)
    with Accounts(tmp_path) as opened, pytest.raises(LogError, match=r"people\.sqlite cannot be used"):
        opened.people.list_all()


def test_no_secret_stands_in_the_file(accounts: Accounts, tmp_path: Path) -> None:
    accounts.people.set_password("ann", PASSWORD)
    secrets = [
        PASSWORD,
        accounts.sessions.start("ann"),
        accounts.links.make("ann"),
        accounts.tokens.make(Person("ann", Role.ADMIN), "ci", "test")[0],
    ]
    written = (tmp_path / PEOPLE_NAME).read_bytes()
    assert [each for each in secrets if each.encode() in written] == []


# People


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a\n", "<b>", "a" * 65, "a/b", "a;b", "@", "\u202ea"])
def test_a_name_that_could_mislead_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(InputError, match=r"^The name is "):
        accounts.people.add(name, Role.TESTER)


@pytest.mark.parametrize("name", ["o.k@flags.example", "Оля", "x", "j_doe-2"])
def test_usual_names_are_taken(accounts: Accounts, name: str) -> None:
    assert accounts.people.add(name, Role.TESTER) == Person(name, Role.TESTER)


@pytest.mark.parametrize("name", ["ann", "ANN", "Ann", "\uff41nn"])
def test_two_names_that_read_alike_are_one_person(accounts: Accounts, name: str) -> None:
    with pytest.raises(InputError, match="There is 'ann' already"):
        accounts.people.add(name, Role.TESTER)
    assert accounts.people.find(name) == Person("ann", Role.ADMIN)


def test_an_unknown_person_is_answered_with_the_known_ones(accounts: Accounts) -> None:
    with pytest.raises(UnknownNameError, match=r"There is no person 'bop'\. Did you mean 'bob'\?"):
        accounts.people.set_role("bop", Role.TESTER)


def test_somebody_is_always_left_who_may_add_people(accounts: Accounts) -> None:
    for change in (
        lambda: accounts.people.remove("ann"),
        lambda: accounts.people.set_role("ann", Role.REVIEWER),
    ):
        with pytest.raises(InputError, match="ann is the only admin"):
            change()
    accounts.people.set_role("bob", Role.ADMIN)
    assert accounts.people.remove("ANN") == "ann"


def test_a_removed_person_is_out_at_once(accounts: Accounts) -> None:
    session = accounts.sessions.start("bob")
    token, _ = accounts.tokens.make(Person("bob", Role.REVIEWER), "ci", "test")
    link = accounts.links.make("bob")
    accounts.people.remove("bob")
    accounts.people.add("bob", Role.ADMIN)  # somebody else of that name
    assert (accounts.sessions.find(session), accounts.tokens.find(token)) == (None, None)
    with pytest.raises(ForbiddenError, match="This link was used or has ended"):
        accounts.links.find(link)


def test_a_new_role_counts_in_a_session_that_began_before(accounts: Accounts) -> None:
    session = accounts.sessions.start("bob")
    accounts.people.set_role("bob", Role.TESTER)
    assert accounts.sessions.find(session) == Person("bob", Role.TESTER)


# Passwords


def test_only_the_right_password_is_right(accounts: Accounts) -> None:
    accounts.people.set_password("bob", PASSWORD)
    assert accounts.check_password("BOB", PASSWORD, "192.0.2.1") == Person("bob", Role.REVIEWER)
    for name, password in (("bob", PASSWORD + "x"), ("bob", ""), ("tess", ""), ("nobody", PASSWORD)):
        with pytest.raises(ForbiddenError, match=r"^The name or the password is wrong\.$"):
            accounts.check_password(name, password, "192.0.2.1")


@pytest.mark.parametrize("password", ["", "short", "x" * 1001, "aaaaaaaaaaaa", "bobbobbob1"])
def test_a_password_that_is_easily_guessed_is_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(InputError, match="The password"):
        accounts.people.set_password("bob", password)


def test_half_a_character_in_a_password_is_only_wrong(accounts: Accounts) -> None:
    accounts.people.set_password("bob", PASSWORD)
    with pytest.raises(ForbiddenError):
        accounts.check_password("bob", "\ud800" * 12, "192.0.2.1")


def test_a_new_password_ends_every_session(accounts: Accounts) -> None:
    accounts.people.set_password("bob", PASSWORD)
    session = accounts.sessions.start("bob")
    bob = Person("bob", Role.REVIEWER)
    with pytest.raises(ForbiddenError):
        accounts.change_password(bob, "wrong wrong wrong", "another one entirely", "192.0.2.1")
    assert accounts.sessions.find(session)
    accounts.change_password(bob, PASSWORD, "another one entirely", "192.0.2.1")
    assert accounts.sessions.find(session) is None


# Sessions


def test_a_session_ends_when_it_is_idle(accounts: Accounts, clock: Clock) -> None:
    session = accounts.sessions.start("bob")
    for _ in range(3):
        clock.now += 3000
        assert accounts.sessions.find(session) == Person("bob", Role.REVIEWER)
    clock.now += 3601
    assert accounts.sessions.find(session) is None


def test_a_session_ends_after_its_longest_time_however_busy(accounts: Accounts, clock: Clock) -> None:
    session = accounts.sessions.start("bob")
    for _ in range(47):
        clock.now += 1800
        assert accounts.sessions.find(session)
    clock.now += 1800
    assert accounts.sessions.find(session) is None


def test_signing_out_ends_one_session_or_all(accounts: Accounts) -> None:
    first, second, other = (accounts.sessions.start(each) for each in ("bob", "bob", "tess"))
    accounts.sessions.end(first)
    assert (accounts.sessions.find(first), accounts.sessions.find(second)) == (
        None,
        Person("bob", Role.REVIEWER),
    )
    third = accounts.sessions.start("bob")
    assert accounts.sessions.end_all("Bob") == 2
    assert [accounts.sessions.find(each) for each in (second, third)] == [None, None]
    assert accounts.sessions.find(other)


def test_the_sessions_of_one_person_cannot_fill_the_file(accounts: Accounts, tmp_path: Path) -> None:
    for _ in range(60):
        accounts.sessions.start("bob")
    with sqlite3.connect(tmp_path / PEOPLE_NAME) as file:
        assert file.execute("select count(*) from sessions").fetchone() == (50,)
    file.close()


# Links


def test_a_link_works_once(accounts: Accounts) -> None:
    link = accounts.links.make("tess")
    with pytest.raises(InputError, match="The password has 5 characters"):
        accounts.links.use(link, "short")
    assert accounts.links.use(link, PASSWORD) == Person("tess", Role.TESTER)
    with pytest.raises(ForbiddenError, match="This link was used or has ended"):
        accounts.links.use(link, PASSWORD)


def test_of_two_uses_at_once_one_is_right(accounts: Accounts) -> None:
    link = accounts.links.make("tess")

    def use(password: str) -> str | None:
        try:
            accounts.links.use(link, password)
        except ForbiddenError:
            return None
        return password

    with ThreadPoolExecutor(4) as pool:
        won = [each for each in pool.map(use, [f"{PASSWORD} {number}" for number in range(4)]) if each]
    assert len(won) == 1
    assert accounts.check_password("tess", won[0], "192.0.2.1")


def test_a_link_ends_by_time_and_by_a_newer_one(accounts: Accounts, clock: Clock) -> None:
    first, second = accounts.links.make("tess"), accounts.links.make("tess")
    with pytest.raises(ForbiddenError):
        accounts.links.find(first)
    clock.now += 72 * 3600 + 1
    with pytest.raises(ForbiddenError):
        accounts.links.find(second)


# Tokens


@pytest.mark.parametrize(("scope", "role"), [("test", Role.TESTER), ("review", Role.REVIEWER)])
def test_a_token_may_do_what_its_scope_says(accounts: Accounts, scope: str, role: Role) -> None:
    token, made = accounts.tokens.make(Person("ann", Role.ADMIN), " nightly  run ", scope)
    assert accounts.tokens.find(token) == Person("ann", role, scope)
    assert (made.title, made.scope, made.name) == ("nightly run", scope, "ann")
    with pytest.raises(ForbiddenError, match=f"the token of ann has the scope {scope}"):
        check_role(Person("ann", role, scope), Role.ADMIN)


def test_a_token_may_never_do_more_than_its_person(accounts: Accounts) -> None:
    bob = Person("bob", Role.REVIEWER)
    with pytest.raises(ForbiddenError, match="could do more than bob, who is reviewer"):
        accounts.tokens.make(bob, "ci", "admin")
    token, _ = accounts.tokens.make(bob, "ci", "review")
    accounts.people.set_role("bob", Role.TESTER)
    found = accounts.tokens.find(token)
    assert found is not None
    assert found.role is Role.TESTER
    with pytest.raises(ForbiddenError, match=r"This needs the role reviewer; bob is tester\."):
        check_role(found, Role.REVIEWER)


def test_a_token_ends_by_time_or_when_it_is_revoked(accounts: Accounts, clock: Clock) -> None:
    bob = Person("bob", Role.REVIEWER)
    (short, _), (long, made) = (accounts.tokens.make(bob, "ci", "test", days) for days in (1, None))
    clock.now += 86_401
    assert accounts.tokens.find(short) is None
    assert accounts.tokens.find(long)
    with pytest.raises(UnknownNameError):
        accounts.tokens.revoke(made.token_id, "tess")
    accounts.tokens.revoke(made.token_id, "bob")
    assert accounts.tokens.find(long) is None


@pytest.mark.parametrize(
    ("title", "scope", "days"),
    [("", "test", None), ("x" * 101, "test", None), ("ci", "root", None), ("ci", "test", 0)],
)
def test_a_token_with_words_that_do_not_do_is_not_made(
    accounts: Accounts, title: str, scope: str, days: float | None
) -> None:
    with pytest.raises(InputError):
        accounts.tokens.make(Person("bob", Role.REVIEWER), title, scope, days)
    assert accounts.tokens.list_of("bob") == []


def test_a_token_cannot_change_its_account(accounts: Accounts) -> None:
    found = Person("ann", Role.ADMIN, "admin")
    for change in (
        lambda: accounts.make_token(found, "ci", "test"),
        lambda: accounts.revoke_token(found, "x"),
        lambda: accounts.change_password(found, PASSWORD, PASSWORD, "192.0.2.1"),
    ):
        with pytest.raises(ForbiddenError, match="A token cannot change an account"):
            change()


# Tries


def test_after_some_wrong_tries_one_has_to_wait_longer_each_time(clock: Clock) -> None:
    throttle = Throttle(clock)
    for _ in range(FREE_BY_NAME):
        throttle.begin("bob", "192.0.2.1")
    for wait in (30, 60, 120):
        with pytest.raises(TooManyTriesError, match=f"the next one is possible in {wait} seconds"):
            throttle.begin("BOB", "192.0.2.9")
        clock.now += wait
        throttle.begin("bob", "192.0.2.1")
    throttle.begin("tess", "192.0.2.1")


def test_the_right_password_does_not_help_while_one_has_to_wait(accounts: Accounts) -> None:
    accounts.people.set_password("bob", PASSWORD)
    for _ in range(FREE_BY_NAME):
        with pytest.raises(ForbiddenError, match="The name or the password is wrong"):
            accounts.check_password("bob", "wrong wrong", "192.0.2.1")
    with pytest.raises(TooManyTriesError):
        accounts.check_password("bob", PASSWORD, "192.0.2.1")


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::{0:x}"])
def test_one_address_cannot_try_many_names(clock: Clock, address: str) -> None:
    throttle = Throttle(clock)
    for number in range(FREE_BY_ADDRESS):
        throttle.begin(f"name{number}", address.format(number))
    with pytest.raises(TooManyTriesError):
        throttle.begin("one_more", address.format(1000))
    throttle.begin("one_more", "192.0.2.2")


def test_signing_in_rightly_in_between_does_not_give_an_address_more_tries(clock: Clock) -> None:
    throttle = Throttle(clock)
    for number in range(FREE_BY_ADDRESS):
        throttle.begin("own", "192.0.2.1")
        throttle.forgive("own", "192.0.2.1")
        throttle.begin(f"name{number}", "192.0.2.1")
    with pytest.raises(TooManyTriesError):
        throttle.begin("own", "192.0.2.1")


def test_many_tries_at_once_are_all_counted(clock: Clock) -> None:
    throttle = Throttle(clock)

    def attempt(number: int) -> bool:
        try:
            throttle.begin("bob", "192.0.2.1")
        except TooManyTriesError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(40))) == FREE_BY_NAME


def test_names_that_nobody_has_cannot_fill_the_memory(clock: Clock) -> None:
    throttle = Throttle(clock)
    for number in range(10_500):
        throttle.begin(f"name{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(throttle._names._tries) == len(throttle._addresses._tries) == 10_000
