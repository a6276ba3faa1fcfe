"""Batches that run while nobody waits for them: a thread each, in the process of the app.

The rule: how far a batch is stands in its state on the disk, so a page that comes back finds it there.
"""

from __future__ import annotations

import logging
import threading

from reviewer.batch.run import run_batch
from reviewer.errors import ReviewerError, StoppedError
from reviewer.workspace import Workspace

_LOG = logging.getLogger(__name__)


class Background:
    """The batches that this process runs."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stops: dict[str, threading.Event] = {}
        self._mutex = threading.Lock()

    def start(self, batch_id: str) -> None:
        """Run the batch in a thread; one that runs here already goes on as it is."""
        with self._mutex:
            if batch_id in self._stops:
                return
            asked = self._stops[batch_id] = threading.Event()
        # A daemon: the app may end at any moment, and the batch goes on from its last piece.
        threading.Thread(
            target=self._run, args=(batch_id, asked), name=f"batch-{batch_id}", daemon=True
        ).start()

    def stop(self, batch_id: str) -> None:
        """Ask a batch that runs here to stop; it does so at its next piece."""
        with self._mutex:
            if asked := self._stops.get(batch_id):
                asked.set()

    def is_running(self, batch_id: str) -> bool:
        """Return whether the batch runs in this process."""
        with self._mutex:
            return batch_id in self._stops

    def _run(self, batch_id: str, asked: threading.Event) -> None:
        def advance(share: float, doing: str) -> None:
            if asked.is_set():
                raise StoppedError(f"Batch {batch_id} was stopped.")

        try:
            run_batch(self._workspace, batch_id, advance)
        except StoppedError:
            pass
        except ReviewerError as error:
            _LOG.warning("batch %s: %s", batch_id, error)
        except Exception:
            # A mistake in the program; its state says that the batch failed.
            _LOG.exception("batch %s failed", batch_id)
        finally:
            with self._mutex:
                del self._stops[batch_id]
