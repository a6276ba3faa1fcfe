"""Training in a process of its own, which can be ended at any moment.

The rule: whatever happens there is an error here in one sentence, and nothing of the process is left.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from reviewer.errors import LogError, ModelError
from reviewer.records import JsonValue, Progress
from reviewer.training.child import TOLD
from reviewer.training.work import Order

_TICK_SECONDS = 0.1
"""How long a cancelled process may go on."""

_ENDING_SECONDS = 5.0
"""How long a process may take to end after its last word."""

_MOST_DETAILS = 20_000
"""Bytes of the log's end that go with an error."""

_MOST_TOLD = 1 << 26
"""Bytes that the process may tell: its result is some kilobytes."""


def train_apart(order: Order, timeout: float, log: Path, progress: Progress) -> dict[str, JsonValue]:
    """Return what `work.train` does, run in a process of its own; what it prints is in `log`.

    `progress` is called at each step and ten times a second between, and may raise to cancel the work.
    Raises what `work.train` does, and `ModelError` when the process crashes, is killed or takes longer than
    `timeout` seconds, with the end of the log as details.
    """
    path = order.write()
    try:
        with _start(path, order, log) as (child, pipe):
            return _listen(child, pipe, _Deadline(order, timeout), log, progress)
    except ModelError as error:
        raise ModelError(str(error), error.details or _read_end(log)) from error


class _Deadline:
    """When the work must be done."""

    def __init__(self, order: Order, seconds: float) -> None:
        self._model, self._seconds = order.spec.name, seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        if time.monotonic() > self._end:
            raise ModelError(
                f"The training of {self._model} took longer than {self._seconds:g} s and was stopped; give it"
                f" more with --timeout, or with models.{self._model}.training.timeout in reviewer.toml."
            )


@contextlib.contextmanager
def _start(path: Path, order: Order, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Yield the process and what it tells; at the end nothing of its group is left."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        try:
            printed = log.open("wb")
        except OSError as error:
            os.close(writing)
            raise LogError(f"{log} could not be written: {error.strerror or error}.") from error
        with printed:
            child = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.child", str(path), str(writing)],
                stdin=subprocess.PIPE, stdout=printed, stderr=subprocess.STDOUT, cwd=order.workspace,
                env=_build_environment(), pass_fds=[writing], start_new_session=True,
            )  # fmt: skip
            os.close(writing)
        with child:
            try:
                yield child, pipe
            finally:
                _kill_group(child)


def _build_environment() -> dict[str, str]:
    """Return this process's environment, in which the same modules and programs are found."""
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return {
        **os.environ,
        "PATH": os.pathsep.join(paths),
        "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
    }


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    # Nobody has waited for the child yet, so its id, and its group's, cannot be another process's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _listen(
    child: subprocess.Popen[bytes], pipe: IO[bytes], deadline: _Deadline, log: Path, progress: Progress
) -> dict[str, JsonValue]:
    """Return the result that the process tells, handing on its progress until then."""
    share, doing = 0.0, "Starting"
    for line in _read_lines(child, pipe):
        deadline.check()
        told = _parse(line)
        if "result" in told:
            result: dict[str, JsonValue] = told["result"]
            return result
        if "error" in told:
            _raise_told(told)
        share, doing = told.get("share", share), told.get("doing", doing)
        progress(share, doing)
    raise ModelError(_describe_end(child, log))


def _raise_told(told: dict[str, Any]) -> None:
    kind, sentence = TOLD[told["error"]], str(told["sentence"])
    raise kind(sentence, told["details"]) if issubclass(kind, ModelError) else kind(sentence)


def _parse(line: bytes) -> dict[str, Any]:
    """Return what a line tells, nothing when it is no whole line: somebody else's code can write there."""
    with contextlib.suppress(ValueError):
        told = json.loads(line)
        return told if isinstance(told, dict) else {}
    return {}


def _read_lines(child: subprocess.Popen[bytes], pipe: IO[bytes]) -> Iterator[bytes]:
    """Yield each line of the pipe, and an empty one ten times a second, until the process has ended."""
    read = b""
    while len(read) < _MOST_TOLD:
        has_ended = _has_ended(child)
        is_ready = bool(select.select([pipe], [], [], 0 if has_ended else _TICK_SECONDS)[0])
        more = pipe.read(1 << 16) if is_ready else b""
        *lines, read = (read + more).split(b"\n")
        yield from lines or [b""]
        if not more and (has_ended or is_ready):
            return


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Return whether the process has ended; it keeps its id until somebody waits for it."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _describe_end(child: subprocess.Popen[bytes], log: Path) -> str:
    """Return what became of a process that told no result."""
    deadline = time.monotonic() + _ENDING_SECONDS
    while not _has_ended(child) and time.monotonic() < deadline:
        time.sleep(_TICK_SECONDS / 10)  # it closed the pipe, and is about to end
    _kill_group(child)
    code = child.wait()
    if code == -signal.SIGKILL:
        return f"The training was killed, most often because it took all memory; what it printed is in {log}."
    if code < 0:
        return f"The training crashed with {signal.Signals(-code).name}; what it printed is in {log}."
    return f"The training ended with the code {code} before it had a model; what it printed is in {log}."


def _read_end(log: Path) -> str:
    """Return the end of what the process printed."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(file.tell() - _MOST_DETAILS, 0))
        return file.read().decode(errors="replace")
    return ""
