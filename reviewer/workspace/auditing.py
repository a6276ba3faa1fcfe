"""Who did what, whether the log still says so, and what is erased from it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

from reviewer.audit import Action, AuditSlice, list_all, list_page
from reviewer.chain import Checked
from reviewer.erasing import Change as RowChange
from reviewer.erasing import Erasure, build_example_changes, build_person_changes, erase, look
from reviewer.errors import InputError
from reviewer.records import utc_now
from reviewer.retention import Retention
from reviewer.workspace.base import Base

_DAY_SECONDS = 24 * 60 * 60


class Auditing(Base):
    """Keeps the record of what people did, and erases."""

    def read_audit(
        self, chosen: AuditSlice, after: str | None = None, limit: int = 100
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return who did what, newest first, and the cursor of the next page, None at the end."""
        if limit < 1:
            raise InputError(f"The limit is {limit}; at least 1 is needed.")
        with self._index.reading() as cursor:
            return list_page(cursor, self._logs["audit"], chosen, after, limit)

    def download_audit(self, chosen: AuditSlice) -> Iterator[list[dict[str, Any]]]:
        """Return all that `read_audit` pages through, part by part; that it is taken is on record."""
        parts = self._read_whole_audit(chosen)
        first = next(parts)  # a time that is none is told before anything is sent
        self.record_audit(Action.DOWNLOAD_AUDIT, details=str(chosen))
        return chain([first], parts)

    def _read_whole_audit(self, chosen: AuditSlice) -> Iterator[list[dict[str, Any]]]:
        with self._index.reading() as cursor:
            yield from list_all(cursor, self._logs["audit"], chosen)

    def verify_audit(self, head: str | None = None) -> Checked:
        """Compare the log of reviews with the chain that seals it; see `Chain.verify`."""
        return self.chain.verify(head)

    def restart_chain(self, reason: str) -> str:
        """Seal the reviews as they are now, after somebody mended their log; returns what was wrong with it.

        Raises `InputError` without a reason, or when each is as it was sealed.
        """
        problem = self.chain.restart(reason)
        self.record_audit(Action.RESTART_CHAIN, details=f"{reason} ({problem})")
        return problem

    def erase(
        self, *, person: str | None = None, example_id: str | None = None, is_tried: bool = False
    ) -> Erasure:
        """Erase a person or an example from the logs and say on record that it was done.

        Of a person the name and the pseudonym go, and the person's own words; the decisions stay. An example
        goes with its flags, reviews, predictions and files. With `is_tried` nothing is changed. Exports,
        batches and base data are files of their own and stay as they are. Raises `InputError` unless one of
        the two is given.
        """
        if (person is None) == (example_id is None):
            raise InputError("Name a person or an example to erase: one of the two.")
        self._ledger.flush()
        with self._deciding:
            changes = self._build_erasure(person, example_id)
            if is_tried:
                return look(self._logs, changes)[0]
            found = erase(self._logs, self.chain, self.media, changes)
        if person is not None:
            self.notifications.forget(person)
        if not found.is_empty:
            said = example_id or f"a person, sha256 {hashlib.sha256(str(person).encode()).hexdigest()[:16]}"
            self.record_audit(Action.ERASE, said)
        return found

    def retain(self, *, is_tried: bool = False) -> Erasure:
        """Let go what is older than the table `[retention]` keeps it, and say on record that it was done.

        With `is_tried` nothing is changed. Raises `InputError` when the table names no age.
        """
        if not self.spec.retention.has_ages:
            raise InputError(
                "Everything is kept: reviewer.toml names no age in [retention], such as prediction_days = 90."
            )
        self._ledger.flush()
        retention = Retention(self.spec.retention, self._logs, self.chain, self.media, utc_now())
        if is_tried:
            with self._index.reading() as cursor:
                return retention.try_out(cursor)
        with self._deciding:
            with self._index.reading() as cursor:
                changes = retention.build_flag_changes(cursor)
            found = retention.age_flags(changes)
        retention.age_others(found)
        if not found.is_empty:
            self.record_audit("retain", details=found.describe())
        return found

    def retain_daily(self) -> Erasure | None:
        """Do what `retain` does unless that was tried in the last 24 hours; returns what went, if so."""
        tried = self.flagged / ".index" / "retained"
        if tried.exists() and time.time() - tried.stat().st_mtime < _DAY_SECONDS:
            return None
        # Before the attempt: one that fails is told once, and tried again a day later.
        tried.parent.mkdir(parents=True, exist_ok=True)
        tried.touch()
        return self.retain()

    def _build_erasure(self, person: str | None, example_id: str | None) -> dict[str, RowChange]:
        if person is not None:
            return build_person_changes(person, self.pseudonyms.list_names(person))
        with self._index.reading() as cursor:
            rows = cursor.execute(
                "select flag_id::varchar from flags where example_id = $example_id",
                {"example_id": example_id},
            ).fetchall()
        return build_example_changes(str(example_id), {flag_id for (flag_id,) in rows})
