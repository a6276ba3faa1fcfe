"""The ledger: nobody waits for the disk, and nothing that was wanted is missing from the log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import make_prediction, open_small_logs, read_all

from reviewer.config import ModelSpec
from reviewer.errors import LogError
from reviewer.ledger import MOST_RECENT, Ledger
from reviewer.log import Log, Position, Tail
from reviewer.records import Prediction

WAIT = 10.0


def make_spec(ledger: Any = "all") -> ModelSpec:
    fields = {
        "name": "tickets",
        "task": "text-classification",
        "labels": ["billing", "refund"],
        "inputs": {"text": "textbox"},
        "ledger": ledger,
    }
    return ModelSpec.model_validate(fields)


class WatchedLog:
    """A real log that says when rows were written, and fails as a full disk does while it is told to."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.is_full = False
        self.tried = threading.Event()

    def append(self, rows: Sequence[Sequence[str]]) -> None:
        try:
            if self.is_full:
                raise LogError("The predictions log could not be written (No space left on device).")
            self.log.append(rows)
        finally:
            if rows:
                self.tried.set()

    def rewrite(self, change: Callable[[tuple[str, ...]], tuple[str, ...] | None]) -> None:
        raise AssertionError("a ledger erases nothing")

    def tail(self, position: Position) -> Tail:
        return self.log.tail(position)

    def list_ids(self) -> list[str]:
        return [row[0] for row in read_all(self.log)]


@pytest.fixture
def log(tmp_path: Path) -> WatchedLog:
    return WatchedLog(open_small_logs(tmp_path / "flagged")["predictions"])


def list_ids(made: Sequence[Prediction]) -> list[str]:
    return [each.prediction_id for each in made]


def test_without_a_buffer_a_prediction_is_in_the_log_at_once(log: WatchedLog) -> None:
    made = make_prediction()
    Ledger(log, is_buffered=False).add(make_spec(), [made])
    assert log.list_ids() == [made.prediction_id]


def test_in_the_app_a_prediction_follows_by_itself(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=True)
    made = make_prediction()
    ledger.add(make_spec(), [made])
    assert log.tried.wait(WAIT)
    ledger.flush()
    assert log.list_ids() == [made.prediction_id]
    ledger.close()


def test_a_single_one_that_cannot_wait_is_in_the_log_on_return(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=True)
    first, second = make_prediction(), make_prediction()
    ledger.add(make_spec(), [first])
    ledger.add(make_spec(), [second], can_wait=False)
    assert log.list_ids() == list_ids([first, second])


def test_closing_writes_what_waits_in_the_order_it_came(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=True)
    made = [make_prediction() for _ in range(50)]
    for each in made:
        ledger.add(make_spec(), [each])
    ledger.close()
    assert log.list_ids() == list_ids(made)


def test_a_batch_is_in_the_log_on_return_also_in_the_app(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=True)
    made = [make_prediction() for _ in range(MOST_RECENT + 5)]
    ledger.add(make_spec(), made)
    assert log.list_ids() == list_ids(made)


def test_what_was_made_before_the_last_ones_is_forgotten_but_never_a_part_of_the_last_batch(
    log: WatchedLog,
) -> None:
    ledger = Ledger(log, is_buffered=False)
    made = [make_prediction() for _ in range(MOST_RECENT + 5)]
    ledger.add(make_spec("none"), made)
    assert ledger.find(made[0].prediction_id) == made[0]
    ledger.keep(made[0])
    assert log.list_ids() == [made[0].prediction_id]
    ledger.add(make_spec("none"), [make_prediction() for _ in range(5)])
    assert ledger.find(made[9].prediction_id) is None
    assert ledger.find(made[10].prediction_id) == made[10]


def test_threads_that_predict_at_once_lose_nothing(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=True)
    made = [[make_prediction() for _ in range(40)] for _ in range(8)]

    def add(own: list[Prediction]) -> None:
        for each in own:
            ledger.add(make_spec(), [each])

    threads = [threading.Thread(target=add, args=(own,)) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()
    assert sorted(log.list_ids()) == sorted(each for own in made for each in list_ids(own))


def test_a_model_without_a_ledger_logs_only_what_is_flagged(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=False)
    made = [make_prediction() for _ in range(3)]
    for each in made:
        ledger.add(make_spec("none"), [each])
    assert log.list_ids() == []
    assert ledger.find(made[1].prediction_id) == made[1]
    ledger.keep(made[1])
    ledger.keep(made[1])
    assert log.list_ids() == [made[1].prediction_id]


def test_a_share_of_the_predictions_is_logged_and_the_rest_can_be_flagged(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=False)
    made = [make_prediction() for _ in range(1000)]
    ledger.add(make_spec(0.25), made)
    logged = set(log.list_ids())
    assert 180 < len(logged) < 320
    for each in made:
        ledger.keep(each)
    assert sorted(log.list_ids()) == sorted(list_ids(made))


def test_a_session_lists_its_own_newest_first(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=False)
    made = [make_prediction(session_id=each) for each in ("a", "b", "a")]
    ledger.add(make_spec("none"), made)
    assert ledger.list_session("a") == [made[2], made[0]]


def test_a_full_disk_is_told_to_the_next_tester_and_nothing_is_lost(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=True)
    made = [make_prediction() for _ in range(3)]
    log.is_full = True
    ledger.add(make_spec(), [made[0]])
    assert log.tried.wait(WAIT)
    with pytest.raises(LogError, match="No space left"):
        ledger.flush()
    with pytest.raises(LogError, match="No space left"):
        ledger.add(make_spec(), [made[1]])
    log.is_full = False
    ledger.add(make_spec(), [made[2]])
    assert log.list_ids() == list_ids(made)
    ledger.close()


def test_closing_on_a_full_disk_says_so(log: WatchedLog) -> None:
    ledger = Ledger(log, is_buffered=True)
    log.is_full = True
    ledger.add(make_spec(), [make_prediction()])
    with pytest.raises(LogError, match="No space left"):
        ledger.close()
