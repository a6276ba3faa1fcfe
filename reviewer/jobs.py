"""Long work that runs while nobody waits for it: a thread each, in the process of the app.

The rule: a job has one end, which its state tells, and what went wrong is one sentence. Work that is asked
for again under the id of a job that is known is not begun again.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reviewer.errors import BusyError, ReviewerError, StoppedError, UnknownNameError
from reviewer.records import Progress, utc_now

JOBS_KEPT = 100
"""Ended jobs that can still be asked about."""

RUNNING, DONE, CANCELLED, FAILED = "running", "done", "cancelled", "failed"

_LOG = logging.getLogger(__name__)


@dataclass
class Job:
    """How far some work is, and what came of it."""

    job_id: str
    kind: str
    model: str = ""
    """The model it is about, "" when it is about none."""
    total: int = 0
    """How many things are done, where that can be told."""
    state: str = RUNNING
    share: float = 0.0
    doing: str = ""
    result: Any = None
    error: str = ""
    details: str = ""
    """What else is known of a failure, such as the end of a log."""
    on_failure: str = "The work failed; the server's log says why."
    """What is said of a mistake in the program."""
    started_at: datetime = field(default_factory=utc_now)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def done(self) -> int:
        """How many of the total are done."""
        return round(self.share * self.total)

    def advance(self, share: float, doing: str) -> None:
        """Note how far the work is; raises `StoppedError` once somebody asked it to stop."""
        if self.stop.is_set():
            raise StoppedError("The work was stopped.")
        self.share, self.doing = share, doing


def scale(progress: Progress, start: float, end: float) -> Progress:
    """Return the progress of a part of the work, which spans these shares of the whole."""
    return lambda share, doing: progress(start + share * (end - start), doing)


class Jobs:
    """The jobs that this process runs or ran."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._mutex = threading.Lock()

    def start(self, job: Job, work: Callable[[Progress], Any]) -> Job:
        """Begin in a thread and return the job, or the known one of that id.

        Raises `BusyError` when work of the kind runs on the model already.
        """
        with self._mutex:
            if known := self._jobs.get(job.job_id):
                return known
            self._check_free(job)
            self._jobs[job.job_id] = job
            self._forget_oldest()
        name = f"{job.kind}-{job.job_id}"
        # What the job puts on record says who asked for it, and from where.
        run = copy_context().run
        threading.Thread(target=run, args=(_run, job, work), name=name, daemon=True).start()
        return job

    def find(self, job_id: str) -> Job:
        """Return a job; raises `UnknownNameError`."""
        with self._mutex:
            if job_id not in self._jobs:
                raise UnknownNameError("job", job_id)
            return self._jobs[job_id]

    def list_of(self, model: str) -> list[Job]:
        """Return the jobs about a model, newest first."""
        with self._mutex:
            return [each for each in reversed(self._jobs.values()) if each.model == model]

    def _check_free(self, job: Job) -> None:
        for each in self._jobs.values():
            if job.model and each.state == RUNNING and (each.kind, each.model) == (job.kind, job.model):
                raise BusyError(
                    f"The {job.kind} of {job.model} is running already; wait for its end, or stop it."
                )

    def _forget_oldest(self) -> None:
        ended = [each for each in self._jobs.values() if each.state != RUNNING]
        for each in ended[: max(0, len(self._jobs) - JOBS_KEPT)]:
            del self._jobs[each.job_id]


def _run(job: Job, work: Callable[[Progress], Any]) -> None:
    state = FAILED
    try:
        job.result = work(job.advance)
        job.share, state = 1.0, DONE
    except StoppedError as error:
        job.error, state = str(error), CANCELLED
    except ReviewerError as error:
        job.error, job.details = str(error), getattr(error, "details", "")
    except Exception:
        # A mistake in the program: the person is told, and the log says where.
        _LOG.exception("%s %s failed", job.kind, job.job_id)
        job.error = job.on_failure
    # Last, since whoever sees the end reads the rest.
    job.state = state


def ignore_progress(share: float, doing: str) -> None:
    """Tell nobody how far the work is."""
