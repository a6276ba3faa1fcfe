"""How often a wrong password may be tried, by name and by address.

The rule: a try counts before it is made, so that many at once are counted too; the right password does not
help while one has to wait.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from reviewer.access import ForbiddenError
from reviewer.accounts.people import key_of

MOST_KEYS = 10_000
"""Names and addresses that are remembered; the oldest go first."""


class TooManyTriesError(ForbiddenError):
    """One has to wait `seconds` before the next try."""

    def __init__(self, seconds: float) -> None:
        self.seconds = math.ceil(seconds)
        super().__init__(f"Too many tries; the next one is possible in {self.seconds:,} seconds.")


class _Counter:
    """Tries by key; from `free` on, each one makes the wait longer."""

    def __init__(self, free: int, clock: Callable[[], float]) -> None:
        self._free, self._clock = free, clock
        self._tries: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def find_wait(self, key: str) -> float:
        """Return how many seconds the next try has to wait."""
        count, last = self._read(key)
        if count < self._free:
            return 0.0
        wait = min(FIRST_WAIT * 2.0 ** (count - self._free), LONGEST_WAIT)
        return max(0.0, last + wait - self._clock())

    def count(self, key: str) -> None:
        """Note a try."""
        self._tries[key] = (self._read(key)[0] + 1, self._clock())
        self._tries.move_to_end(key)
        while len(self._tries) > MOST_KEYS:
            self._tries.popitem(last=False)

    def forgive(self, key: str, tries: int | None = None) -> None:
        """Take back so many tries, all of them when None."""
        count, last = self._read(key)
        left = 0 if tries is None else count - tries
        if left > 0:
            self._tries[key] = (left, last)
        else:
            self._tries.pop(key, None)

    def _read(self, key: str) -> tuple[int, float]:
        count, last = self._tries.get(key, (0, 0.0))
        return (count, last) if self._clock() - last < FORGET else (0, 0.0)


FIRST_WAIT, LONGEST_WAIT, FORGET = 30.0, 900.0, 3600.0
"""Seconds: the first wait, the longest, and after how long without a try all is forgotten."""
FREE_BY_NAME, FREE_BY_ADDRESS = 5, 30
"""Wrong tries before one has to wait; behind one address there may be a whole office."""


class Throttle:
    """Counts tries to sign in."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._names = _Counter(FREE_BY_NAME, clock)
        self._addresses = _Counter(FREE_BY_ADDRESS, clock)

    def begin(self, name: str, address: str) -> float:
        """Count a try, or raise `TooManyTriesError`; returns how long the next has to wait if it is wrong."""
        key, network = key_of(name[:200]), _widen(address)
        with self._lock:
            if wait := self._find_wait(key, network):
                raise TooManyTriesError(wait)
            self._names.count(key)
            self._addresses.count(network)
            return self._find_wait(key, network)

    def _find_wait(self, key: str, network: str) -> float:
        return max(self._names.find_wait(key), self._addresses.find_wait(network))

    def forgive(self, name: str, address: str) -> None:
        """Note that the try was right; of the address only this one is taken back."""
        with self._lock:
            self._names.forgive(key_of(name[:200]))
            self._addresses.forgive(_widen(address), 1)


def _widen(address: str) -> str:
    """Return the network that one customer gets: of IPv6 that is a /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    return str(ipaddress.ip_network(f"{parsed}/64", strict=False)) if parsed.version == 6 else str(parsed)
