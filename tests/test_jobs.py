"""Long work in the background: one end, one sentence, one at a time."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from reviewer.errors import BusyError, ModelError, UnknownNameError
from reviewer.jobs import CANCELLED, DONE, FAILED, JOBS_KEPT, RUNNING, Job, Jobs, scale
from reviewer.records import Progress


def wait(job: Job) -> Job:
    """Return the job once its thread has ended."""
    for thread in threading.enumerate():
        if thread.name == f"{job.kind}-{job.job_id}":
            thread.join(10)
    assert job.state != RUNNING
    return job


def test_a_job_tells_how_far_it_is_and_what_came_of_it() -> None:
    reached, go_on = threading.Event(), threading.Event()

    def work(progress: Progress) -> str:
        progress(0.25, "Reading")
        reached.set()
        go_on.wait(10)
        return "made"

    job = Jobs().start(Job("1", "export", "tickets", total=8), work)
    assert reached.wait(10)
    assert (job.state, job.share, job.doing, job.done) == (RUNNING, 0.25, "Reading", 2)
    go_on.set()
    assert (wait(job).state, job.result, job.done, job.error) == (DONE, "made", 8, "")


def test_a_job_that_is_stopped_ends_at_its_next_step() -> None:
    reached, go_on = threading.Event(), threading.Event()

    def work(progress: Progress) -> None:
        reached.set()
        go_on.wait(10)
        progress(0.5, "Writing")
        raise AssertionError("it went on")

    job = Jobs().start(Job("1", "export", "tickets"), work)
    assert reached.wait(10)
    job.stop.set()
    go_on.set()
    assert (wait(job).state, job.error) == (CANCELLED, "The work was stopped.")


def test_an_expected_failure_is_its_sentence_with_the_log_behind_it() -> None:
    def work(progress: Progress) -> None:
        raise ModelError("The training ended with code 1.", "line 1\nline 2")

    job = wait(Jobs().start(Job("1", "retrain", "tickets"), work))
    assert (job.state, job.error, job.details) == (
        FAILED,
        "The training ended with code 1.",
        "line 1\nline 2",
    )


def test_a_mistake_in_the_program_is_logged_and_told_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work(progress: Progress) -> None:
        raise ZeroDivisionError("secret")

    job = wait(Jobs().start(Job("1", "export", "tickets"), work))
    assert (job.state, job.error) == (FAILED, "The work failed; the server's log says why.")
    assert "ZeroDivisionError: secret" in caplog.text


def test_work_of_one_kind_runs_on_a_model_once_at_a_time() -> None:
    jobs, go_on = Jobs(), threading.Event()

    def work(progress: Progress) -> None:
        go_on.wait(10)

    first = jobs.start(Job("1", "export", "tickets"), work)
    with pytest.raises(BusyError, match="The export of tickets is running already"):
        jobs.start(Job("2", "export", "tickets"), work)
    others = [jobs.start(Job("3", "export", "digits"), work), jobs.start(Job("4", "verify", "tickets"), work)]
    go_on.set()
    for each in (first, *others):
        wait(each)
    assert wait(jobs.start(Job("5", "export", "tickets"), work)).state == DONE
    assert [each.job_id for each in jobs.list_of("tickets")] == ["5", "4", "1"]


def test_a_known_job_is_not_begun_again() -> None:
    jobs = Jobs()
    calls: list[int] = []

    def work(progress: Progress) -> Any:
        calls.append(1)

    job = wait(jobs.start(Job("1", "bulk"), work))
    assert jobs.start(Job("1", "bulk"), work) is job
    assert calls == [1]


def test_old_jobs_are_forgotten_and_unknown_ones_named() -> None:
    jobs = Jobs()
    for number in range(JOBS_KEPT + 2):
        wait(jobs.start(Job(str(number), "bulk"), lambda progress: None))
    assert jobs.find(str(JOBS_KEPT + 1)).state == DONE
    with pytest.raises(UnknownNameError, match="no job '0'"):
        jobs.find("0")


def test_the_progress_of_a_part_is_a_part_of_the_whole() -> None:
    told: list[tuple[float, str]] = []
    part = scale(lambda share, doing: told.append((share, doing)), 0.8, 1.0)
    part(0.0, "a")
    part(0.5, "b")
    part(1.0, "c")
    assert told == [(0.8, "a"), (0.9, "b"), (1.0, "c")]
