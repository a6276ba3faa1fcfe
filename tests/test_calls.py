"""Calls of a model: one place each, an end within the timeout, and no pile of calls that never end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from reviewer.config import ModelSpec
from reviewer.errors import ModelError
from reviewer.models.calls import Calls

PATIENCE = 30
"""Seconds after which a test fails instead of waiting on."""


def make_calls(timeout: float = PATIENCE, concurrency: int = 2) -> Calls:
    return Calls(
        ModelSpec.model_validate(
            {
                "name": "model",
                "task": "generic",
                "inputs": {"text": "textbox"},
                "timeout": timeout,
                "concurrency": concurrency,
            }
        )
    )


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What ends the calls that hang."""
    event = threading.Event()
    yield event
    event.set()


def test_a_call_returns_what_its_work_returns_from_a_thread_of_its_own() -> None:
    calls = make_calls()
    assert calls.run(lambda: 7) == 7
    assert calls.run(threading.get_ident) != threading.get_ident()


def test_calls_one_after_the_other_share_a_thread() -> None:
    calls = make_calls()
    assert len({calls.run(threading.get_ident) for _ in range(20)}) == 1


def test_a_call_raises_what_its_work_raises_with_its_traceback() -> None:
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError) as caught:
        make_calls().run(fail)
    assert caught.traceback[-1].name == "fail"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_what_would_end_the_program_is_a_failure_of_the_model(error: BaseException) -> None:
    def leave() -> None:
        raise error

    calls = make_calls()
    with pytest.raises(ModelError, match=rf"model tried to end the program \({type(error).__name__}"):
        calls.run(leave)
    assert calls.run(lambda: 1) == 1


def test_so_many_calls_run_at_the_same_time_and_no_more() -> None:
    calls = make_calls(concurrency=3)
    running, most, mutex = set[int](), list[int](), threading.Lock()
    together = threading.Barrier(3)

    def work(number: int) -> None:
        with mutex:
            running.add(number)
            most.append(len(running))
        together.wait(PATIENCE)  # 3 calls meet here, or the test fails
        with mutex:
            running.discard(number)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: calls.run(lambda: work(number)), range(12)))
    assert max(most) == 3


def test_waiting_for_a_place_counts_towards_the_timeout(release: threading.Event) -> None:
    calls, patient = make_calls(concurrency=1, timeout=0.2), threading.Event()

    def hold() -> None:
        patient.set()
        release.wait()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(calls.run, hold)
        assert patient.wait(PATIENCE)
        with pytest.raises(ModelError, match=r"model is (busy|stuck): as many calls as may run"):
            calls.run(lambda: None)
        with pytest.raises(
            ModelError, match=r"took longer than its timeout of 0\.2 s; the call was abandoned"
        ):
            first.result()


def test_when_every_place_is_taken_by_abandoned_calls_the_next_is_refused_at_once(
    release: threading.Event,
) -> None:
    calls = make_calls(concurrency=2, timeout=0.05)
    for _ in range(2):
        with pytest.raises(ModelError, match="took longer"):
            calls.run(release.wait)
    threads = threading.active_count()
    for _ in range(5):
        with pytest.raises(ModelError, match=r"is stuck: .* \(2\) took longer than 0\.05 s"):
            calls.run(release.wait)
    assert threading.active_count() == threads


def test_an_abandoned_call_that_ends_gives_its_place_back(release: threading.Event) -> None:
    calls = make_calls(concurrency=1, timeout=0.05)
    ended = threading.Event()

    def hang() -> None:
        release.wait()
        ended.set()

    with pytest.raises(ModelError, match="took longer"):
        calls.run(hang)
    release.set()
    assert ended.wait(PATIENCE)
    while True:  # its thread still has to say so
        try:
            assert calls.run(lambda: "again") == "again"
            break
        except ModelError:
            continue
    assert make_calls().run(lambda: 1) == 1


def test_where_an_abandoned_call_stands_is_in_the_details(release: threading.Event) -> None:
    def linger() -> None:
        release.wait()

    with pytest.raises(ModelError) as caught:
        make_calls(timeout=0.05).run(linger)
    first, second, third, *_ = caught.value.details.splitlines()
    assert first == "Still running:"
    assert second.endswith("in linger")
    assert third.strip() == "release.wait()"


def test_many_callers_each_get_their_own_result() -> None:
    calls = make_calls(concurrency=4)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda number: calls.run(lambda: number), range(2000)))
    assert found == list(range(2000))
