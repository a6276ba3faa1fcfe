"""Signing in: who a request comes from, and the wall that lets nobody else through.

The rule: everything is behind the wall but what `is_open` names; a new route is closed from the start.
"""

from __future__ import annotations

from reviewer.sign_in.addresses import (
    ACCOUNT,
    SIGN_IN,
    SIGN_OUT,
    is_own_page,
    link_password,
    read_path,
    read_root,
)
from reviewer.sign_in.cookie import COOKIE, clear_cookie, read_cookie, set_cookie
from reviewer.sign_in.oidc import Provider
from reviewer.sign_in.open_pages import PAGES
from reviewer.sign_in.peer import Peer
from reviewer.sign_in.recognizing import PERSON, SignIn, check_same_site, find_person, open_sign_in
from reviewer.sign_in.wall import Wall

__all__ = [
    "ACCOUNT",
    "COOKIE",
    "PAGES",
    "PERSON",
    "SIGN_IN",
    "SIGN_OUT",
    "Peer",
    "Provider",
    "SignIn",
    "Wall",
    "check_same_site",
    "clear_cookie",
    "find_person",
    "is_own_page",
    "link_password",
    "open_sign_in",
    "read_cookie",
    "read_path",
    "read_root",
    "set_cookie",
]
