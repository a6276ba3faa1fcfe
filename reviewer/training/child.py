"""The process that trains a model: `python -m reviewer.training.child ORDER DESCRIPTOR`.

Somebody's own code runs here, which may crash, hang or take all memory; so the program that started it stays
out of reach, and ends it when it wants. Progress and result are told in lines of JSON on a pipe of its own;
what is printed goes to the log. The rule: when the program that started it is gone, so is it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from reviewer.errors import ConfigError, InputError, LogError, ModelError, ReviewerError, UntrustedModelError

TOLD: dict[str, type[ReviewerError]] = {
    each.__name__: each for each in (ConfigError, InputError, LogError, UntrustedModelError, ModelError)
}
"""Errors that the other process raises again, by name."""


def main() -> None:
    """Train what the order says and tell how it went."""
    order, descriptor = Path(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with os.fdopen(descriptor, "w", encoding="utf-8", buffering=1) as pipe:

        def tell(**told: Any) -> None:
            pipe.write(json.dumps(told) + "\n")

        _train(order, tell)


def _train(order: Path, tell: Any) -> None:
    from reviewer.training.work import read_order, train

    try:
        result = train(read_order(order), lambda share, doing: tell(share=share, doing=doing))
    except ReviewerError as error:
        name = next(each.__name__ for each in type(error).__mro__ if each.__name__ in TOLD)
        tell(error=name, sentence=str(error), details=getattr(error, "details", ""))
    else:
        tell(result=result)


def _end_with_parent() -> None:
    """Wait until the other end of stdin is closed, as it is however the other process ends."""
    # Not sys.stdin, whose lock a thread must not hold when the interpreter ends.
    while os.read(0, 1):
        continue
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
