"""Serving: the app as a server of its own (`launch`), or under a path of somebody else's (`mount`).

The rule: what was taken, a port, the index, a tunnel, is given back when the app is closed or cannot start.
Nothing heavy is imported before the address is known to be free.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import logging
import re
import socket
import ssl
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from reviewer.access import Role, find_owner, is_loopback
from reviewer.errors import BusyError, ConfigError, InputError

if TYPE_CHECKING:
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    from reviewer.config import SignInSpec
    from reviewer.guards import Reach
    from reviewer.sign_in import SignIn
    from reviewer.workspace import Workspace

FIRST_PORT = 7860
_PORTS_TRIED = 100
_GRACE_SECONDS = 1
"""Pages hold a connection open for as long as they are; stopping does not wait for them."""
_LOADING_SECONDS = 10.0
"""How long closing waits for models that are just being loaded."""
_SEGMENT = r"/(?!\.{1,2}(?:/|$))[\w.~-]+"
_UNITS = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
DEFAULT_FILE_SIZE = "50mb"


class RunningApp:
    """An app that answers at `url` until it is closed; as a context manager it closes itself."""

    def __init__(self, server: uvicorn.Server, listener: socket.socket, url: str) -> None:
        self.url = url
        self.share_url: str | None = None
        """The public address that `share` made."""
        self._server = server
        self._taken = ExitStack()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name=f"reviewer at {url}", daemon=True
        )

    def start(self, taken: ExitStack) -> None:
        """Return when the app answers; it ends with `taken`. Raises what kept it from starting."""
        self._thread.start()
        taken.callback(self._stop)
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.02)
        if not self._server.started:
            raise self._failure or BusyError(f"The app at {self.url} ended before it answered.")

    def keep(self, taken: ExitStack) -> None:
        """Give back what was taken when the app is closed."""
        self._taken = taken.pop_all()
        # A script that ends without closing must not leave a tunnel or a torn index behind.
        atexit.register(self.close)

    def _run(self, listener: socket.socket) -> None:
        log = logging.getLogger("uvicorn.error")
        log.addFilter(self._is_worth_logging)
        try:
            self._server.run(sockets=[listener])
        except BaseException as error:  # handed to whoever waits for the start
            self._failure = error
        finally:
            log.removeFilter(self._is_worth_logging)

    def _is_worth_logging(self, record: logging.LogRecord) -> bool:
        """Return whether a record is more than this app's open pages being cut off while it stops."""
        return not (self._server.should_exit and record.thread == self._thread.ident)

    def _stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def wait(self) -> None:
        """Return when the app has ended; Ctrl-C and SIGTERM end it when this is the main thread."""
        # Ctrl-C is how an app is meant to end.
        with contextlib.suppress(KeyboardInterrupt), self._server.capture_signals():
            self._thread.join()
            self.close()

    def close(self) -> None:
        """Stop answering and give port, threads and index back; closing again does nothing."""
        self._taken.close()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def launch(
    workspace: Workspace | str | Path | None = None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    prevent_thread_lock: bool = False,
    share: bool = False,
    open: bool = False,  # noqa: A002  the same word as on the command line
    root_path: str = "",
    theme: str | gr.themes.Base | None = None,
    ssl_keyfile: str | Path | None = None,
    ssl_certfile: str | Path | None = None,
    ssl_keyfile_password: str | None = None,
    max_file_size: str | int = DEFAULT_FILE_SIZE,
    sign_in: bool = False,
    without_sign_in: bool = False,
    quiet: bool = False,
) -> RunningApp:
    """Start the app on a workspace and return it once it answers.

    `workspace` is an open one, a folder, or None for `$REVIEWER_WORKSPACE` or the nearest folder upward.
    Without a port the first free one from 7860 on is taken. A script waits here until the app ends, unless
    `prevent_thread_lock` is set; an interactive session goes on. With `sign_in`, or `[sign_in] on = true` in
    reviewer.toml, everybody has to sign in, unless `without_sign_in` is said.

    Raises `BusyError` when the port or the workspace is in use, `InputError` for words that do not fit,
    `ConfigError` for the workspace.
    """
    has_sign_in = choose_sign_in(workspace, sign_in=sign_in, without_sign_in=without_sign_in)
    _check_reach(host, share=share, is_guarded=has_sign_in or without_sign_in)
    _check_root_path(root_path)
    max_file_bytes = parse_size(max_file_size)
    tls = _load_tls(ssl_keyfile, ssl_certfile, ssl_keyfile_password)
    if share and tls:
        raise InputError("A share link brings its own HTTPS; leave out --share, or the certificate.")
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        opened = _open_workspace(workspace, stack)
        reach = _choose_reach(host, root_path)
        guard = _open_accounts(opened, stack) if has_sign_in else None
        site = _build_site(opened, reach, root_path, theme, max_file_bytes, guard)
        server = _build_server(site, tls, opened.spec.sign_in)
        url = f"{'https' if tls else 'http'}://{_name_host(host)}:{listener.getsockname()[1]}"
        app = RunningApp(server, listener, url)
        app.start(stack)
        if share:
            app.share_url = _share(host, listener.getsockname()[1], reach, stack)
        _start_loading(opened, stack)
        stack.enter_context(opened.grouping())
        stack.enter_context(opened.watching())
        app.keep(stack)
    if not quiet:
        _tell(app)
    if guard:
        _tell_first_link(guard, root_path if "://" in root_path else app.url + root_path)
    if open:
        webbrowser.open(app.url)
    if not prevent_thread_lock and not hasattr(sys, "ps1"):
        app.wait()
    return app


def mount(
    app: FastAPI,
    workspace: Workspace | str | Path | None = None,
    path: str = "/flags",
    *,
    theme: str | gr.themes.Base | None = None,
    max_file_size: str | int = DEFAULT_FILE_SIZE,
) -> FastAPI:
    """Show the whole app under a path of a FastAPI app and return that app.

    Its own routes, middleware, exception handlers and lifespan stay as they are; its lifespan starts and
    ends ours too. Without `[sign_in]` in reviewer.toml a middleware of the app has to guard the path.
    Raises like `launch`.
    """
    from reviewer.guards import Reach

    if not re.fullmatch(rf"({_SEGMENT})+", path):
        raise InputError(f"The path is {path!r}; use one like /flags, without a slash at its end.")
    max_file_bytes = parse_size(max_file_size)
    with ExitStack() as stack:
        opened = _open_workspace(workspace, stack)
        # Which names the app answers to is for the app to say.
        guard = _open_accounts(opened, stack) if opened.spec.sign_in.on else None
        site = _build_site(opened, Reach.of_anyone(), "", theme, max_file_bytes, guard)
        stack.enter_context(opened.grouping())
        stack.enter_context(opened.watching())
        closing = stack.pop_all()
    _join_lifespans(app, site, closing)
    app.mount(path, site, name="reviewer")
    return app


def _join_lifespans(app: FastAPI, site: FastAPI, closing: ExitStack) -> None:
    """Start and end the site with the app: a mounted app's own lifespan is never run."""
    own = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def run_both(started: Any) -> AsyncIterator[Any]:
        with closing:
            async with own(started) as state, site.router.lifespan_context(site):
                yield state

    app.router.lifespan_context = run_both


def _build_site(
    workspace: Workspace,
    reach: Reach,
    root_path: str,
    theme: str | gr.themes.Base | None,
    max_file_bytes: int,
    sign_in: SignIn | None,
) -> FastAPI:
    from reviewer.ui.app import build_site

    return build_site(
        workspace, reach, root_path=root_path, theme=theme, max_file_bytes=max_file_bytes, sign_in=sign_in
    )


def _open_accounts(workspace: Workspace, stack: ExitStack) -> SignIn:
    """Return how people sign in to the workspace; its accounts are closed with the stack."""
    from reviewer.sign_in import open_sign_in

    return stack.enter_context(open_sign_in(workspace.folder, workspace.spec.sign_in))


def _tell_first_link(sign_in: SignIn, url: str) -> None:
    """Make the first admin, and say how to sign in as long as no admin can."""
    from reviewer.sign_in import link_password

    accounts = sign_in.accounts
    if accounts.people.has_admin():
        return
    admins = [each for each in accounts.people.list_all() if each.role is Role.ADMIN]
    name = admins[0].name if admins else accounts.people.add(find_owner().name, Role.ADMIN).name
    link = f"{url.rstrip('/')}{link_password(accounts.links.make(name))}"
    sys.stderr.write(f"No admin can sign in yet; {name} chooses a password at {link}\n")
    sys.stderr.flush()


def _open_workspace(workspace: Workspace | str | Path | None, stack: ExitStack) -> Workspace:
    """Return the workspace; one that is opened here is closed with the stack."""
    from reviewer.workspace import Workspace

    if isinstance(workspace, Workspace):
        return workspace
    return stack.enter_context(Workspace.open(workspace, is_app=True))


# Words


def parse_size(size: str | int) -> int:
    """Return a number of bytes from one, or from a text like `50mb`; raises `InputError`."""
    found = re.fullmatch(r"([0-9]{1,15}) *([kmg]?b)?", str(size).strip().lower())
    if isinstance(size, bool) or found is None or int(found[1]) < 1:
        raise InputError(f"The size is {size!r}; give a whole number with b, kb, mb or gb, for example 50mb.")
    return int(found[1]) * _UNITS[found[2] or "b"]


def _check_root_path(root_path: str) -> None:
    """Raise `InputError` for what is neither a path nor an address of a proxy."""
    if root_path and not re.fullmatch(rf"(https?://[\w.:\[\]-]+)?({_SEGMENT})*/?", root_path):
        raise InputError(
            f"The root path is {root_path!r}; give the path at which a proxy shows the app, like /team, or"
            " the whole address, like https://flags.example/team."
        )


def choose_sign_in(workspace: Workspace | str | Path | None, *, sign_in: bool, without_sign_in: bool) -> bool:
    """Return whether people have to sign in, by the words given or else by reviewer.toml."""
    if sign_in and without_sign_in:
        raise InputError("Both --sign-in and --without-sign-in are given; leave one out.")
    if sign_in or without_sign_in:
        return sign_in
    if workspace is None or isinstance(workspace, (str, Path)):
        return _is_on_in_config(workspace)
    return workspace.spec.sign_in.on


def _is_on_in_config(folder: str | Path | None) -> bool:
    from reviewer.config import CONFIG_NAME, load_config
    from reviewer.workspace import find_workspace

    try:
        found = find_workspace(folder)
    except ConfigError:
        return False  # opening the folder says it, or it is made by then
    return (found / CONFIG_NAME).exists() and load_config(found).sign_in.on


def check_address(host: str, port: int | None, *, is_guarded: bool) -> None:
    """Raise what `launch` would raise about the address, before something slow is begun for it."""
    _check_reach(host, share=False, is_guarded=is_guarded)
    _listen(host, port).close()


def _check_reach(host: str, *, share: bool, is_guarded: bool) -> None:
    """Raise when strangers could reach the app and nobody said that they may."""
    if is_guarded:
        return
    if share:
        raise InputError(
            "Anyone with a share link could use the app, since it has no sign-in; leave --share out, add"
            " --sign-in, or --without-sign-in if that is meant."
        )
    if not is_loopback(host):
        raise InputError(
            f"Anyone who reaches {host} could use the app, since it has no sign-in; keep to --host 127.0.0.1,"
            " add --sign-in, or --without-sign-in if that is meant."
        )


def _choose_reach(host: str, root_path: str) -> Reach:
    from reviewer.guards import Reach

    reach = Reach.of_loopback() if is_loopback(host) else Reach.of_anyone()
    if not root_path.startswith("/") and root_path:
        reach.add(root_path)
    return reach


def _load_tls(
    keyfile: str | Path | None, certfile: str | Path | None, password: str | None
) -> ssl.SSLContext | None:
    """Return what the connection is encrypted with, None for plain HTTP; raises `InputError`."""
    if certfile is None and keyfile is None:
        return None
    if certfile is None:
        raise InputError(f"--ssl-keyfile {keyfile} needs the certificate too; add --ssl-certfile.")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        tls.load_cert_chain(certfile, keyfile, password or "")
    except OSError as error:  # ssl.SSLError is one of them
        reason = error.strerror or str(error)
        key = "" if keyfile is None else f" with the key {keyfile}"
        raise InputError(
            f"The certificate {certfile}{key} cannot be used ({reason}); give PEM files that belong together,"
            " and --ssl-keyfile-password when the key has one."
        ) from None
    return tls


# Server


def _build_server(site: FastAPI, tls: ssl.SSLContext | None, spec: SignInSpec) -> uvicorn.Server:
    import uvicorn

    from reviewer.sign_in import Peer

    config = uvicorn.Config(
        Peer(site, spec.trusted_proxies), ws="none", proxy_headers=False,
        # The logging is the program's: a config of uvicorn's own would end the handlers of everybody else.
        log_config=None, log_level="warning",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_context_factory=(lambda config, default: tls) if tls else None,
    )  # fmt: skip
    return uvicorn.Server(config)


def _name_host(host: str) -> str:
    """Return the host as an address on this computer has it."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"[{shown}]" if ":" in shown else shown


def _listen(host: str, port: int | None) -> socket.socket:
    """Return a bound socket before anything slow starts, so that a taken port is said at once."""
    if port:
        return _bind(host, port)
    for each in range(FIRST_PORT, FIRST_PORT + _PORTS_TRIED):
        with contextlib.suppress(BusyError):
            return _bind(host, each)
    return _bind(host, 0)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # asyncio sets this only on sockets it made; without it an answer waits 40 ms for the receipt before.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise _explain_port(host, port, error) from None
    return listener


def _explain_port(host: str, port: int, error: Exception) -> BusyError | InputError:
    if isinstance(error, OverflowError):
        return InputError(f"The port is {port}; use one from 1 to 65535.")
    if getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES):
        reason = "something listens there" if getattr(error, "errno", 0) == errno.EADDRINUSE else str(error)
        return BusyError(
            f"Port {port} of {host} cannot be used ({reason}); choose another with --port, for example"
            f" --port {port % 65535 + 1}."
        )
    return InputError(f"The app cannot listen on {host} ({error}); use an address of this computer.")


def _start_loading(workspace: Workspace, stack: ExitStack) -> None:
    """Load the models while the page loads: importing scikit-learn alone takes seconds."""
    loader = threading.Thread(target=workspace.load_models, name="reviewer loads models", daemon=True)
    loader.start()
    # A thread in the middle of an import makes Python end with pages of warnings.
    stack.callback(loader.join, _LOADING_SECONDS)


def _share(host: str, port: int, reach: Reach, stack: ExitStack) -> str:
    """Return the public address of a tunnel that ends with the stack; the app answers there too."""
    from reviewer.ui.share import open_tunnel

    url, close = open_tunnel(_name_host(host).strip("[]"), port)
    stack.callback(close)
    reach.add(url)
    return url


def _tell(app: RunningApp) -> None:
    shared = f" Everyone reaches it at {app.share_url}." if app.share_url else ""
    sys.stderr.write(f"The app is at {app.url}; Ctrl-C stops it.{shared}\n")
    sys.stderr.flush()
