"""Telling other programs what happened: signed, retried, on record.

The rule: each webhook has a thread and a place of its own, so that one that hangs or fails delays nobody
else, and no request waits for any. What was sent before the place was kept may be sent again, with its id.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.config import WebhookSpec
from reviewer.errors import ReviewerError
from reviewer.folders import sync_folder
from reviewer.index.queries import read_marker
from reviewer.index.queries.fetching import fetch
from reviewer.index.sql import load_sql
from reviewer.log import Log, encode_row
from reviewer.payloads import build_payload
from reviewer.records import Delivery, derive_id, new_id, utc_now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_EVENTS = 100
"""Events that go in one delivery."""

DELAYS = (1.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds before each further attempt; after the last the delivery is given up."""

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""The moment in the ids of deliveries, which follow from the place alone."""

Reading = Callable[[], AbstractContextManager["DuckDBPyConnection"]]


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where a webhook was told: rows of the logs, and whether the queue was above its size."""

    flags: int = 0
    reviews: int = 0
    was_above: bool = False
    flag_id: str = ""
    """The last flag told of, by which the place is found again in a log that was written anew."""
    event_id: str = ""
    """The same of the log of reviews."""


class Webhook:
    """One address, told of events in their order by a thread of its own."""

    def __init__(
        self,
        spec: WebhookSpec,
        folder: Path,
        reading: Reading,
        deliveries: Log,
        *,
        delays: Sequence[float] = DELAYS,
        seconds: float = 1.0,
    ) -> None:
        self.spec = spec
        self._path = folder / "webhooks" / f"{spec.name}.json"
        self._reading, self._deliveries = reading, deliveries
        self._delays, self._seconds = delays, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"webhook-{spec.name}", daemon=True)

    def start(self) -> None:
        """Begin where it was left; the first time with what happens from now on."""
        if not self._path.exists():
            self._keep(self._find_now())
        self._thread.start()

    def stop(self) -> None:
        """End; what was not told yet is told after the next start."""
        self._stop.set()
        self._thread.join(self.spec.timeout + 1)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            with contextlib.suppress(ReviewerError):  # a busy or damaged index is said by whoever asks next
                self._tell_news()

    def _tell_news(self) -> None:
        place = self._read()
        while not self._stop.is_set():
            events, following = self._collect(place)
            if following == place:
                return
            if events and not self._deliver(place, events):
                return
            self._keep(following)
            place = following

    def _find_now(self) -> Place:
        with self._reading() as cursor:
            marker = read_marker(cursor)
            return _build_place(cursor, marker.flags, marker.reviews, was_above=self._is_above(cursor))

    def _is_above(self, cursor: DuckDBPyConnection) -> bool:
        row = cursor.execute(
            "select coalesce(sum(flags), 0) from flag_counts where status in ('open', 'needs_info')"
        ).fetchone()
        return bool(row and row[0] > self.spec.queue_above)

    def _collect(self, place: Place) -> tuple[list[dict[str, Any]], Place]:
        """Return the next events that are wanted, and the place behind them."""
        with self._reading() as cursor:
            marker = read_marker(cursor)
            flags = _find_again(cursor, "flags", place.flags, place.flag_id, marker.flags)
            reviews = _find_again(cursor, "reviews", place.reviews, place.event_id, marker.reviews)
            following = _build_place(
                cursor,
                min(marker.flags, flags + MOST_EVENTS),
                min(marker.reviews, reviews + MOST_EVENTS),
                was_above=self._is_above(cursor),
            )
            values = {
                "flags": flags, "reviews": reviews,
                "flags_end": following.flags, "reviews_end": following.reviews,
            }  # fmt: skip
            rows = fetch(cursor, load_sql("webhook_events"), values)
        events = [build_payload(each) for each in rows if each["event"] in self.spec.events]
        if "queue_above" in self.spec.events and following.was_above and not place.was_above:
            events.append({"event": "queue_above", "size": self.spec.queue_above})
        return events, following

    def _deliver(self, place: Place, events: list[dict[str, Any]]) -> bool:
        """Send until it is taken or given up; returns whether to go on, False when the app ends."""
        said = (self.spec.name, *map(str, astuple(place)))
        delivery_id = derive_id(_LONG_AGO, *said)
        for attempt in range(len(self._delays) + 1):
            if self._note(delivery_id, events, attempt + 1, *send(self.spec, delivery_id, events)):
                return True
            if attempt < len(self._delays) and self._stop.wait(self._delays[attempt]):
                return False
        return not self._stop.is_set()

    def _note(
        self, delivery_id: str, events: Sequence[dict[str, Any]], attempt: int, status: int, error: str
    ) -> bool:
        """Write the attempt down; returns whether it was taken."""
        is_taken = 200 <= status < 300
        said = ", ".join(sorted({each["event"] for each in events}))
        made = Delivery(
            attempt_id=new_id(), delivery_id=delivery_id, sent_at=utc_now(), webhook=self.spec.name,
            events=said, count=len(events), attempt=attempt, status=status, error=error,
        )  # fmt: skip
        self._deliveries.append([encode_row("deliveries", made)])
        return is_taken

    def _read(self) -> Place:
        try:
            return Place(**json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return self._find_now()

    def _keep(self, place: Place) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(".new")
        aside.write_text(json.dumps(asdict(place)), encoding="utf-8")
        aside.replace(self._path)
        sync_folder(self._path.parent)


_KEYS = {"flags": "flag_id", "reviews": "event_id"}
"""Log → its key."""


def _build_place(cursor: DuckDBPyConnection, flags: int, reviews: int, *, was_above: bool) -> Place:
    return Place(
        flags, reviews, was_above, _find_id(cursor, "flags", flags), _find_id(cursor, "reviews", reviews)
    )


def _find_id(cursor: DuckDBPyConnection, stream: str, count: int) -> str:
    """Return the id of the last of so many rows, "" when there is none that can be read."""
    found = cursor.execute(
        f"select {_KEYS[stream]}::varchar from {stream} where position = $at",  # noqa: S608  names from above
        {"at": count - 1},
    ).fetchone()
    return str(found[0]) if found else ""


def _find_again(cursor: DuckDBPyConnection, stream: str, count: int, last_id: str, total: int) -> int:
    """Return how many rows of a log were told, when it was written anew since and rows may be gone.

    When the last one told is gone too, all that were made after it are told.
    """
    if count <= total and _find_id(cursor, stream, count) == last_id:
        return count
    if not last_id:
        return min(count, total)
    key = _KEYS[stream]
    (found,) = cursor.execute(
        f"select coalesce(min(position + 1) filter (where {key} = $id),"  # noqa: S608  names from above
        f" min(position) filter (where {key} > $id), $total) from {stream}",
        {"id": last_id, "total": total},
    ).fetchall()[0]
    return int(found)


def send(spec: WebhookSpec, delivery_id: str, events: Sequence[dict[str, Any]]) -> tuple[int, str]:
    """Send events once; returns the status, 0 without an answer, and why it failed, "" when it did not."""
    import httpx

    body = json.dumps({"delivery_id": delivery_id, "events": list(events)}, ensure_ascii=False).encode()
    stamp = str(int(time.time()))
    headers = {
        "content-type": "application/json", "reviewer-delivery": delivery_id, "reviewer-timestamp": stamp,
        **sign(spec, stamp, body),
    }  # fmt: skip
    try:
        with (
            httpx.Client(timeout=spec.timeout, trust_env=False) as client,
            client.stream("POST", spec.url, content=body, headers=headers) as answer,
        ):
            taken = answer.is_success
            return answer.status_code, "" if taken else f"answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return 0, f"{type(error).__name__}: {str(error)[:200]}"


def sign(spec: WebhookSpec, stamp: str, body: bytes) -> dict[str, str]:
    """Return the header with the HMAC-SHA256 over time stamp, dot and body; none without a secret."""
    secret = os.environ.get(spec.secret, "") if spec.secret else ""
    if not secret:
        return {}
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"reviewer-signature": f"sha256={digest}"}


@contextlib.contextmanager
def telling(hooks: Sequence[Webhook]) -> Iterator[None]:
    """Let the webhooks be told while the app runs."""
    for each in hooks:
        each.start()
    try:
        yield
    finally:
        for each in hooks:
            each.stop()
