"""What an app does beside its answers, and the care of the index."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from reviewer.audit import Action
from reviewer.config import WebhookSpec
from reviewer.decisions import check_known
from reviewer.index import queries
from reviewer.index.store import MainIndex, delete_index
from reviewer.log import Position
from reviewer.records import new_id
from reviewer.watching import Watcher
from reviewer.webhooks import Webhook, send, telling
from reviewer.workspace.analysis import Analysis
from reviewer.workspace.auditing import Auditing


class Chores(Auditing, Analysis):
    """Runs chores in the background, rebuilds and counts."""

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Do the chores of an app in the background while it runs.

        The reviews are sealed, the webhooks told, and what the config says goes once a day.
        """
        watchers = [Watcher([self.chain.seal])]
        if self.spec.retention.daily:
            # In a thread of its own: it may take minutes.
            watchers.append(Watcher([self.retain_daily]))
        for each in watchers:
            each.start()
        try:
            with telling([self.build_webhook(each.model_dump()) for each in self.spec.webhooks]):
                yield
        finally:
            for each in watchers:
                each.stop()

    def build_webhook(self, table: Mapping[str, Any], **how: Any) -> Webhook:
        """Return a webhook as a table `[[webhooks]]` describes it, not started."""
        spec = WebhookSpec.model_validate(table)
        return Webhook(spec, self.flagged, self._index.reading, self._logs["deliveries"], **how)

    def try_webhook(self, name: str) -> tuple[int, str]:
        """Send a webhook one event of the kind ping; returns the status and why it failed, "" when not."""
        hooks = {each.name: each for each in self.spec.webhooks}
        check_known("webhook", name, hooks)
        status, error = send(hooks[name], new_id(), [{"event": "ping"}])
        self.record_audit(Action.TRY_WEBHOOK, name, details=f"answered {status}" if status else "no answer")
        return status, error

    def list_deliveries(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return every attempt to tell webhooks, or one of them, oldest first."""
        rows: list[dict[str, Any]] = []
        position = Position()
        while (tail := self._logs["deliveries"].tail(position)).position != position:
            rows += tail.rows.to_pylist()
            position = tail.position
        return [each for each in rows if name in (None, each["webhook"])]

    @contextlib.contextmanager
    def grouping(self) -> Iterator[None]:
        """Keep the groups of similar flags up to date in the background while the app runs.

        A workspace that was not opened as the app's has an index that others rebuild, and no groups.
        """
        from reviewer.grouping import Grouper

        if not isinstance(self._index, MainIndex):
            yield
            return
        grouper = self._grouper = Grouper(self._index, self.list_views, self.flagged / "media")
        grouper.start()
        try:
            yield
        finally:
            self._grouper = None
            grouper.stop()

    def reindex(self) -> dict[str, int]:
        """Build the index anew from the logs; returns how many rows each log gave.

        Raises `BusyError` while the app runs.
        """
        delete_index(self.flagged)
        with self._index.reading() as cursor:
            return queries.count_rows(cursor)

    def count_rows(self) -> dict[str, int]:
        """Return how many rows each table of the index holds."""
        self._ledger.flush()
        with self._index.reading() as cursor:
            return queries.count_rows(cursor)

    def list_rejected(self) -> list[str]:
        """Return one sentence per line of the logs that could not be read as a row."""
        with self._index.reading() as cursor:
            return queries.list_rejected(cursor)
