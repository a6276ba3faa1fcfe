"""The process beside a long batch: it logs one piece and writes its lines while the model answers the next.

The rule: it decides nothing and owns no file. Its end at any moment loses nothing that was acknowledged, and
what it logged a moment too late is a double that readers drop.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from reviewer.batch.piece import build_flags, format_results, name_asker, name_predictions
from reviewer.batch.state import Batch
from reviewer.errors import LogError, ReviewerError
from reviewer.log import encode_columns, encode_rows, open_logs
from reviewer.models.asking import list_columns

_ENDS = (EOFError, pickle.UnpicklingError, BrokenPipeError)
"""What reading and writing raise when the other process has ended."""

_START = "from reviewer.batch.scribe import main; main()"


class Scribe:
    """A running process; it takes one piece at a time."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._has_started = False

    def has_started(self) -> bool:
        """Return whether the process is there, which takes it some tenths of a second."""
        if not self._has_started and select.select([_pipe(self._child.stdout)], [], [], 0)[0]:
            self.take()
            self._has_started = True
        return self._has_started

    def give(self, *values: Any) -> None:
        """Hand over a piece and its flags."""
        with self._noticing_its_end():
            _write(_pipe(self._child.stdin), values)

    def take(self) -> bytes:
        """Return the piece's lines once its predictions and flags are durable; raises `LogError`."""
        with self._noticing_its_end():
            lines, error = _read(_pipe(self._child.stdout))
        if error:
            raise LogError(error)
        return bytes(lines)

    @contextlib.contextmanager
    def _noticing_its_end(self) -> Iterator[None]:
        try:
            yield
        except _ENDS:
            raise self._describe_end() from None

    def _describe_end(self) -> LogError:
        return LogError(
            f"The process that writes the batch ended with code {self._child.wait()}; run the batch again."
        )


@contextlib.contextmanager
def start_scribe(flagged: Path, batch: Batch) -> Iterator[Scribe]:
    """Yield a process that logs into this folder; it has ended when the block has."""
    paths = os.pathsep.join(each for each in sys.path if each)
    with subprocess.Popen(
        [sys.executable, "-P", "-c", _START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        start_new_session=True,  # Ctrl-C is for the process that asks
    ) as child:
        try:
            scribe = Scribe(child)
            scribe.give(flagged, batch)
            yield scribe
        finally:
            child.kill()  # what it has not answered is done again
            with contextlib.suppress(BrokenPipeError):
                _pipe(child.stdin).close()


def main() -> None:
    """Log the pieces that come in, and answer each with its lines or with what went wrong."""
    gc.disable()  # records hold no cycles
    with contextlib.suppress(*_ENDS):
        _answer(sys.stdin.buffer, sys.stdout.buffer)


def _answer(given: IO[bytes], answers: IO[bytes]) -> None:
    flagged, batch = _read(given)
    logs = open_logs(flagged)
    _write(answers, (b"", ""))  # it has started
    while True:
        piece, flags = _read(given)
        try:
            ids = name_predictions(batch, piece.numbers)
            columns = list_columns(piece.answered, ids, **name_asker(batch))
            logs["predictions"].append(encode_columns("predictions", columns))
            logs["flags"].append(encode_rows("flags", build_flags(batch, piece, flags.fresh)))
            _write(answers, (format_results(piece, ids, flags.by_prediction), ""))
        except ReviewerError as error:
            _write(answers, (b"", str(error)))


def _read(pipe: IO[bytes]) -> Any:
    return pickle.load(pipe)  # noqa: S301  from our own process


def _write(pipe: IO[bytes], value: Any) -> None:
    pickle.dump(value, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # noqa: S101  both were asked for
    return end
