"""The addresses of signing in, and which ones are open to nobody in particular.

The rule: nothing open holds anything of anybody.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, urlencode

from starlette.types import Scope

from reviewer.guards import PLOT_SCRIPTS

SIGN_IN, SIGN_OUT, ACCOUNT = "/sign-in", "/sign-out", "/account"

_SCRIPTS = "|".join(map(re.escape, PLOT_SCRIPTS))
_OPEN = re.compile(rf"{SIGN_IN}(/link|/oidc|/oidc/callback)?|/ui/sign_in/[a-z_]+\.(css|js)|{_SCRIPTS}")
_HEARTBEAT = "/gradio_api/heartbeat/"
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def read_root(scope: Scope) -> str:
    """Return the path under which the server is reached, "" at the root of its host."""
    return str(scope.get("root_path", "")).rstrip("/")


def read_path(scope: Scope) -> str:
    """Return the request's path below the root."""
    path, root = str(scope["path"]), read_root(scope)
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def read_page(scope: Scope) -> str:
    """Return the Gradio session whose answers the request would get, "" for any other request."""
    path, query = read_path(scope), scope.get("query_string", b"").decode("ascii", "replace")
    if path.startswith(_HEARTBEAT):
        return path.removeprefix(_HEARTBEAT).rstrip("/")
    return next(iter(parse_qs(query).get("session_hash", ())), "")


def is_open(path: str) -> bool:
    """Return whether the path below the root needs no sign-in."""
    return _OPEN.fullmatch(path) is not None


def is_own_page(target: str) -> bool:
    """Return whether the target is a path of this app, and no other site in disguise."""
    return len(target) <= 4000 and _LOCAL.fullmatch(target) is not None and "//" not in target.split("?")[0]


def link_password(secret: str) -> str:
    """Return the path below the root at which the person of a one-time link chooses a password."""
    return f"{SIGN_IN}/link?{urlencode({'token': secret})}"


def link_sign_in(scope: Scope) -> str:
    """Return the address of the sign-in page that leads back to what the request asked for."""
    query = scope.get("query_string", b"").decode("ascii", "replace")
    target = quote(read_path(scope)) + (f"?{query}" if query else "")
    wanted = f"?next={quote(target, safe='')}" if target != "/" and is_own_page(target) else ""
    return f"{read_root(scope)}{SIGN_IN}{wanted}"
