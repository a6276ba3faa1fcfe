"""Decisions about many flags that run while nobody waits for them, in the process of the app.

The rule: a job is known by its action, so that asking twice acts once and one undo takes all of it back.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reviewer.decisions import check_id
from reviewer.errors import ReviewerError, StoppedError, UnknownNameError
from reviewer.triage import ManyDecided, Target
from reviewer.workspace import Workspace

JOBS_KEPT = 100
"""Ended jobs that can still be asked about."""

_LOG = logging.getLogger(__name__)


@dataclass
class Job:
    """How far a decision about many flags is."""

    action_id: str
    total: int
    done: int = 0
    state: str = "running"
    """running, done, cancelled or failed."""
    result: ManyDecided | None = None
    error: str = ""
    stop: threading.Event = field(default_factory=threading.Event)


class BulkJobs:
    """The decisions about many flags that this process runs or ran."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._mutex = threading.Lock()

    def start(
        self, action_id: str, targets: Sequence[Target], reviewer: str, decision: Mapping[str, Any]
    ) -> Job:
        """Begin in a thread; an action that runs or ran here is not begun again.

        Raises `InputError` when `action_id` is no UUID.
        """
        action_id = check_id("action_id", action_id)
        with self._mutex:
            if known := self._jobs.get(action_id):
                return known
            job = self._jobs[action_id] = Job(action_id, len(targets))
            self._forget_oldest()
        work = (job, targets, reviewer, decision)
        threading.Thread(target=self._run, args=work, name=f"bulk-{action_id}", daemon=True).start()
        return job

    def find(self, action_id: str) -> Job:
        """Return the job of an action; raises `UnknownNameError`."""
        with self._mutex:
            if action_id not in self._jobs:
                raise UnknownNameError("running action", action_id)
            return self._jobs[action_id]

    def _forget_oldest(self) -> None:
        ended = [each for each in self._jobs.values() if each.state != "running"]
        for each in ended[: max(0, len(self._jobs) - JOBS_KEPT)]:
            del self._jobs[each.action_id]

    def _run(self, job: Job, targets: Sequence[Target], reviewer: str, decision: Mapping[str, Any]) -> None:
        def advance(share: float, doing: str) -> None:
            if job.stop.is_set():
                raise StoppedError("The decision was stopped.")
            job.done = round(share * job.total)

        try:
            job.result = self._workspace.review_many(
                targets, reviewer=reviewer, action_id=job.action_id, progress=advance, **decision
            )
        except ReviewerError as error:
            job.error = str(error)
        except Exception:
            # A mistake in the program: the person is told, and the log says where.
            _LOG.exception("deciding about %s flags failed", job.total)
            job.error = "The decision failed; the server's log says why. Undo takes back what was done."
        self._end(job)

    def _end(self, job: Job) -> None:
        if job.result is None:
            job.state = "failed"
            return
        job.done = job.result.changed + job.result.skipped
        job.state = "cancelled" if job.result.is_stopped else "done"
