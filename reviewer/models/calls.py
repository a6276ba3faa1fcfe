"""Calls of one model: in threads of their own, so many at a time, each for so long.

The rule: the caller gets an answer or a sentence within the timeout, whatever the model does. A thread
cannot be killed, so a call that takes longer is left behind; it keeps its place until it ends, and when
every place is taken by such calls, the next one is refused at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from reviewer.config import ModelSpec
from reviewer.errors import ModelBusyError, ModelError
from reviewer.models.kinds.predictor import (
    describe_error,
    describe_timeout,
    format_details,
    format_stack,
)

_IDLE_SECONDS = 10.0
"""How long a thread waits for the next call before it ends."""

Result = TypeVar("Result")


@dataclass(eq=False, slots=True)
class _Call:
    """One piece of work and the place where its end is told."""

    work: Callable[[], Any]
    outcome: SimpleQueue[tuple[Any, BaseException | None]] = field(default_factory=SimpleQueue)
    thread_id: int | None = None
    is_done: bool = False
    is_abandoned: bool = False


class Calls:
    """Runs the calls of one model; used by many threads at once."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._places = threading.Semaphore(spec.concurrency)
        self._idle: list[SimpleQueue[_Call]] = []
        self._abandoned = 0
        self._mutex = threading.Lock()

    def run(self, work: Callable[[], Result]) -> Result:
        """Return what the work returns, or raise what it raises.

        Raises `ModelError` when it takes longer than the model's timeout, in which waiting for a place
        counts, and instead of `SystemExit` and the like.
        """
        deadline = time.monotonic() + self._spec.timeout
        self._take_place()
        call = _Call(work)
        self._start(call)
        try:
            result, error = call.outcome.get(timeout=max(deadline - time.monotonic(), 0))
        except Empty:
            self._abandon(call)
            raise ModelError(
                f"{describe_timeout(self._spec)}; the call was abandoned and may still be running.",
                format_stack(call.thread_id),
            ) from None
        except BaseException:
            self._abandon(call)
            raise
        if isinstance(error, Exception):
            raise error
        if error is not None:
            raise ModelError(
                f"{self._spec.name} tried to end the program ({describe_error(error)}).",
                format_details(error),
            ) from error
        return result  # type: ignore[no-any-return]  # the queue carries any result

    def _take_place(self) -> None:
        if self._abandoned >= self._spec.concurrency:
            raise ModelBusyError(
                f"{self._spec.name} is stuck: as many calls as may run at the same time"
                f" ({self._spec.concurrency}) took longer than {self._spec.timeout:g} s and are still"
                " running; try again later or restart the app."
            )
        if not self._places.acquire(timeout=self._spec.timeout):
            raise ModelBusyError(
                f"{self._spec.name} is busy: as many calls as may run at the same time"
                f" ({self._spec.concurrency}) are running, and none ended within {self._spec.timeout:g} s;"
                " try again later."
            )

    def _start(self, call: _Call) -> None:
        with self._mutex:
            inbox = self._idle.pop() if self._idle else None
        if inbox is None:
            inbox = SimpleQueue()
            self._start_thread(inbox)
        inbox.put(call)

    def _start_thread(self, inbox: SimpleQueue[_Call]) -> None:
        name = f"calls of {self._spec.name}"
        try:
            threading.Thread(target=self._work, args=(inbox,), name=name, daemon=True).start()
        except RuntimeError as error:
            self._places.release()
            raise ModelError(f"{self._spec.name} cannot be asked: {error}.") from error

    def _abandon(self, call: _Call) -> None:
        with self._mutex:
            if not call.is_done:
                call.is_abandoned = True
                self._abandoned += 1

    def _work(self, inbox: SimpleQueue[_Call]) -> None:
        while True:
            try:
                call = inbox.get(timeout=_IDLE_SECONDS)
            except Empty:
                with self._mutex:
                    if inbox in self._idle:
                        self._idle.remove(inbox)
                        return
                continue  # a call is on its way
            self._run(call, inbox)
            del call

    def _run(self, call: _Call, inbox: SimpleQueue[_Call]) -> None:
        outcome: tuple[Any, BaseException | None]
        call.thread_id = threading.get_ident()
        try:
            outcome = call.work(), None
        except BaseException as error:
            # Whatever a model raises is told to the caller, in whose thread it can do no more harm.
            outcome = None, error
        with self._mutex:
            call.is_done = True
            self._abandoned -= call.is_abandoned
            self._idle.append(inbox)
        self._places.release()
        call.outcome.put(outcome)
