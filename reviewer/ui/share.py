"""A public address for an app on this computer, through Gradio's tunnel.

The rule: the tunnel's process ends with the app, and an app without one says in a sentence why.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from subprocess import Popen

from gradio import networking, tunneling

from reviewer.errors import InputError


def open_tunnel(host: str, port: int) -> tuple[str, Callable[[], None]]:
    """Return the public address under which the app is reached, and what closes the tunnel.

    Raises `InputError` when the tunnel's server or program cannot be reached, or refuses.
    """
    known = list(tunneling.CURRENT_TUNNELS)
    try:
        address = networking.setup_tunnel(
            local_host=host,
            local_port=port,
            share_token=secrets.token_urlsafe(32),
            share_server_address=None,
            share_server_tls_certificate=None,
        )
    except Exception as error:
        # Whatever Gradio meets on the way, there is no link; the cause is in the error's own words.
        _stop_new(known)
        raise InputError(
            f"No share link could be made ({_explain(error)}). It needs the network, and a folder to write"
            " the share certificate to; without --share the app runs here alone."
        ) from None
    return address, lambda: _stop_new(known)


def _stop_new(known: list[tunneling.Tunnel]) -> None:
    """End the tunnels that are not among the known ones."""
    for tunnel in [each for each in tunneling.CURRENT_TUNNELS if each not in known]:
        tunneling.CURRENT_TUNNELS.remove(tunnel)
        process: Popen[bytes] | None = tunnel.proc
        if process is not None:
            process.terminate()
            process.communicate()
            # Gradio would end it again, and say so on stdout, when Python ends.
            tunnel.proc = None


def _explain(error: BaseException) -> str:
    """Return the first line of the deepest cause."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
