"""The ledger: predictions on their way to the log, so that no tester waits for the disk.

The rule: a prediction is in the log at most `DELAY_SECONDS` after it was made, or the next caller is told why
not. A prediction that the config keeps out of the log can still be flagged for a while, and is logged then.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from random import Random
from uuid import UUID

from reviewer.config import ModelSpec
from reviewer.errors import LogError
from reviewer.log import Log, encode_row, encode_rows
from reviewer.records import Prediction

DELAY_SECONDS = 0.25
"""The longest that a prediction waits for others to be written with."""

MOST_RECENT = 2000
"""How many of the last predictions are remembered, logged or not; the last batch is, however long."""

_LOG = logging.getLogger(__name__)


class Ledger:
    """Writes predictions to their log: at once, or in the app a moment later, many with one sync."""

    def __init__(self, log: Log, *, is_buffered: bool) -> None:
        self._log = log
        self._is_buffered = is_buffered
        self._recent: OrderedDict[str, Prediction] = OrderedDict()
        self._unlogged: set[str] = set()
        self._waiting: list[tuple[str, ...]] = []
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._error: LogError | None = None

    def add(self, spec: ModelSpec, made: Sequence[Prediction], *, can_wait: bool = True) -> None:
        """Log what the model's config wants logged; several predictions are durable on return.

        A single one is, too, unless it `can_wait` for others. Raises `LogError` when they, or those before
        them, could not be written.
        """
        chosen = [each for each in made if _is_chosen(spec, each)]
        rows = encode_rows("predictions", chosen)
        with self._changed:
            self._remember(made, {each.prediction_id for each in chosen})
            self._waiting += rows
        if can_wait and self._is_buffered and len(made) == 1 and self._error is None:
            self._wake()
        else:
            self.flush()

    def keep(self, made: Prediction) -> None:
        """Log a remembered prediction that the config left out, now that it is flagged."""
        with self._changed:
            if made.prediction_id not in self._unlogged:
                return
            self._unlogged.discard(made.prediction_id)
            self._waiting.append(encode_row("predictions", made))
        if self._is_buffered:
            self._wake()
        else:
            self.flush()

    def find(self, prediction_id: str) -> Prediction | None:
        """Return one of the last predictions of this process, None when it is not among them."""
        with self._changed:
            return self._recent.get(prediction_id)

    def list_session(self, session_id: str) -> list[Prediction]:
        """Return the session's remembered predictions, newest first."""
        with self._changed:
            return [each for each in reversed(self._recent.values()) if each.session_id == session_id]

    def list_recent(self) -> list[Prediction]:
        """Return the remembered predictions, oldest first."""
        with self._changed:
            return list(self._recent.values())

    def flush(self) -> None:
        """Write everything that waits; raises `LogError`, and keeps it for the next time."""
        with self._writing:
            with self._changed:
                rows, self._waiting = self._waiting, []
            try:
                self._log.append(rows)
                self._error = None
            except LogError as error:
                self._error = error
                with self._changed:
                    self._waiting = rows + self._waiting
                raise

    def close(self) -> None:
        """Write what waits and stop."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _remember(self, made: Sequence[Prediction], chosen: set[str]) -> None:
        for each in made:
            self._recent[each.prediction_id] = each
            if each.prediction_id not in chosen:
                self._unlogged.add(each.prediction_id)
        while len(self._recent) > max(MOST_RECENT, len(made)):
            forgotten, _ = self._recent.popitem(last=False)
            self._unlogged.discard(forgotten)

    def _wake(self) -> None:
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_on, name="ledger", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _write_on(self) -> None:
        """Gather predictions for a moment, write them, and wait for the next."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                self._changed.wait_for(lambda: self._is_closed, DELAY_SECONDS)
                if self._is_closed:
                    return
            try:
                self.flush()
            except LogError as error:
                # The next prediction tries again and tells its tester.
                _LOG.error("%s", error)


def _is_chosen(spec: ModelSpec, made: Prediction) -> bool:
    """Return whether the config wants the prediction logged; a share is drawn from its own id."""
    if isinstance(spec.ledger, str):
        return spec.ledger == "all"
    return Random(UUID(made.prediction_id).int).random() < spec.ledger  # noqa: S311  a sample, no secret
