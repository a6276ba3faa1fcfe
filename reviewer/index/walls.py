"""The operating system's limits around a process that runs an analyst's SQL: rlimits and Landlock.

The rule: a wall stands for the rest of the process's life and lets nothing pass. So walls are raised after
the last file is open, and while there is one thread, because Landlock binds only that one and its own.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys
from pathlib import Path

_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


class _Ruleset(ctypes.Structure):
    """What a Landlock domain takes charge of; all of it is denied, because no rule ever allows any."""

    _fields_ = (
        ("access_fs", ctypes.c_uint64),
        ("access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def die_with_parent(parent: int) -> None:
    """End this process when `parent` ends: at once on Linux, and here if it has ended already.

    On Linux `parent` counts as ended when the thread that started this process ends.
    """
    if sys.platform == "linux":
        _call_libc("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def raise_walls(seconds: float, memory_mb: int) -> None:
    """Leave this process nothing but its memory, its processor time and the files it has open.

    From here on it can open no file and no socket, write to no file, start no process, use at most
    `memory_mb` MiB more than it does now, and lives a second longer than `seconds` at most. Memory is
    walled on Linux only: other systems do not enforce RLIMIT_AS.
    """
    if sys.platform == "linux":
        _require_one_thread()
        _set_limit(resource.RLIMIT_AS, _read_address_space() + memory_mb * 2**20)
        deny_by_landlock(find_landlock_abi())
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds) + 1)
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_FSIZE, 0)
    _set_limit(resource.RLIMIT_NPROC, 0)
    _set_limit(resource.RLIMIT_NOFILE, 0)
    # Time asleep costs no processor time; this alarm ends a sleeper whose parent can no longer kill it.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 1)


def find_landlock_abi() -> int:
    """Return the version of Landlock that this kernel offers, 0 when it offers none."""
    if sys.platform != "linux":
        return 0
    try:
        return _call_libc("syscall", _LANDLOCK_CREATE_RULESET, None, 0, 1)
    except OSError:  # the kernel is older than Landlock, or was started without it
        return 0


def deny_by_landlock(abi: int) -> None:
    """Deny what Landlock `abi` can: files; TCP from 4; signals and abstract sockets to others from 6."""
    if abi < 1:
        return
    rights_to_files = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5)
    ruleset = _Ruleset(
        access_fs=2**rights_to_files - 1,
        access_net=0b11 if abi >= 4 else 0,
        scoped=0b11 if abi >= 6 else 0,
    )
    size = ctypes.sizeof(ruleset)
    handle = _call_libc("syscall", _LANDLOCK_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    _call_libc("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call_libc("syscall", _LANDLOCK_RESTRICT_SELF, handle, 0)
    os.close(handle)


def _require_one_thread() -> None:
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(f"{threads} threads are running: the walls would bind only one of them")


def _read_address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    return pages * resource.getpagesize()


def _set_limit(kind: int, most: int) -> None:
    """Lower both limits of a kind to `most`, or leave a hard limit that is lower already."""
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call_libc(name: str, *arguments: object) -> int:
    longs = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    answer = int(_libc()[name](*longs))
    if answer < 0:
        raise OSError(ctypes.get_errno(), f"{name} failed: {os.strerror(ctypes.get_errno())}")
    return answer
