"""The process that compares examples, as the app sees it: started when needed, asked, ended.

A message is a line of JSON and Arrow tables. The rule: whatever becomes of the process, who asks gets an
answer or a `ComparerError`.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from reviewer.index.sandbox import CHILD_ENVIRONMENT

_PACKAGE = Path(__file__).resolve().parents[1] / "__init__.py"
_START = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("reviewer", sys.argv[1])
sys.modules["reviewer"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["reviewer"])
from reviewer.grouping.child import main
main()
"""
"""Python runs isolated there, without the paths of this process, and still loads this very package."""


class ComparerError(RuntimeError):
    """Examples could not be compared: a mistake in the program, or the process was ended."""


class Comparer:
    """The process that compares examples; it ends with this one, whatever happens."""

    def __init__(self, media: Path) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, str(_PACKAGE), str(media.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what goes wrong is in its answers
            cwd="/",
            env=CHILD_ENVIRONMENT,
            start_new_session=True,  # Ctrl-C in a terminal is for the app, which ends it
        )

    def ask(self, what: str, tables: Sequence[pa.Table], **settings: Any) -> pa.Table:
        """Return the answer to one of `child.ANSWERS`; raises `ComparerError`."""
        assert self._child.stdin and self._child.stdout  # noqa: S101, PT018  Popen was asked for them
        try:
            send(self._child.stdin, {"ask": what, "tables": len(tables)} | settings, tables)
            head = json.loads(self._child.stdout.readline() or '{"failed": "its process ended"}')
            if "failed" in head:
                raise ComparerError(head["failed"])
            return receive(self._child.stdout)
        except (OSError, pa.ArrowInvalid, ValueError) as error:
            raise ComparerError(f"its process ended ({error})") from error

    def kill(self) -> None:
        """End the process at once; another thread that waits for its answer gets a `ComparerError`."""
        self._child.kill()

    def close(self) -> None:
        """End the process and give its pipes back."""
        self.kill()
        with contextlib.suppress(OSError):  # what was still to be written is of no use
            self._child.communicate()


def send(pipe: BinaryIO | Any, head: Mapping[str, Any], tables: Sequence[pa.Table]) -> None:
    """Write a message."""
    pipe.write(json.dumps(head).encode() + b"\n")
    for table in tables:
        with pa.ipc.new_stream(pipe, table.schema) as stream:
            stream.write_table(table)
    pipe.flush()


def receive(pipe: BinaryIO | Any) -> pa.Table:
    """Return the next table of a message."""
    return pa.ipc.open_stream(pipe).read_all()
