"""The open workspace that every use case works on: its folder, config, logs, index and models."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reviewer.audit import AuditLog
from reviewer.chain import Chain
from reviewer.config import ModelSpec, WorkspaceSpec, load_config
from reviewer.decisions import Named, tell_today
from reviewer.errors import ReviewerError
from reviewer.index import queries
from reviewer.index.store import Index, MainIndex, SideIndex
from reviewer.jobs import Jobs
from reviewer.label_book import LabelBook
from reviewer.ledger import Ledger
from reviewer.log import open_logs
from reviewer.log.media import MediaStore
from reviewer.models.versions import ModelVersions, Version
from reviewer.notifications import Notifications
from reviewer.presence import Presence
from reviewer.pseudonyms import Pseudonyms
from reviewer.records import AuditEntry, Flag
from reviewer.saved_views import SavedViews
from reviewer.triage import Triage

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from reviewer.grouping import Grouper


class Base:
    """What the use cases share; closed by who opened it."""

    def __init__(self, folder: Path, *, is_app: bool = False) -> None:
        self.folder = folder
        self._config: WorkspaceSpec = load_config(folder)
        self.spec = self._config
        """The config with the labels and options of today."""
        self.pseudonyms = Pseudonyms(folder, self.spec.privacy.flagger)
        self._logs = open_logs(self.flagged)
        self.media = MediaStore(self.flagged / "media")
        self._index: Index = (MainIndex if is_app else SideIndex)(self.flagged, self._logs)
        self._ledger = Ledger(self._logs["predictions"], is_buffered=is_app)
        self._versions = {name: ModelVersions(folder, spec) for name, spec in self.spec.models.items()}
        self.saved_views = SavedViews(folder)
        self._audit = AuditLog(self._logs["audit"])
        self.chain = Chain(self.flagged, self._logs["reviews"], self._logs["chain"])
        self._labels = LabelBook(self._logs["labels"], self._list_seen_labels)
        self._labels_seen = 0
        self.notifications = Notifications(
            folder, self._index.reading, self._logs["deliveries"], self._config, self.pseudonyms.list_names
        )
        self.presence = Presence()
        self.jobs = Jobs()
        self._deciding = threading.RLock()
        self._triage = Triage(
            lambda model: self.spec.find_model(model),
            self._logs["reviews"],
            self._index,
            self._deciding,
            self.spec.team,
        )
        self._grouper: Grouper | None = None
        if is_app:
            self._labels.add_listed(self._config)
        self._renew_labels()

    def close(self) -> None:
        """Give the index back; the workspace is of no use afterwards."""
        try:
            self._ledger.close()
        finally:
            self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def find_model(self, model: str) -> ModelSpec:
        """Return the spec of a model with its labels and options of today; raises `UnknownNameError`."""
        self._renew_labels()
        return self.spec.find_model(model)

    def _renew_labels(self) -> None:
        """Take in the label changes that others made since."""
        revision = self._labels.refresh()
        if revision == self._labels_seen:
            return
        models = self._labels.renew(self._config)
        for name, spec in models.items():
            versions = self._versions[name]
            versions.spec = self._config.models[name].model_copy(update={"vocabulary": spec.vocabulary})
        self.spec = self._config.model_copy(update={"models": models})
        self._labels_seen = revision

    def list_versions(self, model: str) -> list[Version]:
        """Return the model's versions, oldest first."""
        return self.versions_of(model).read_all()

    def find_version(self, model: str, version: str | None = None) -> Version:
        """Return a version of the model, the served one when None."""
        return self.versions_of(model).find(version)

    def reload(self) -> list[str]:
        """Take in the models that were added to `reviewer.toml` since it was read; returns their names.

        Those known already stay as they are until the next start. Raises `ConfigError`.
        """
        read = load_config(self.folder).models
        added = {name: spec for name, spec in read.items() if name not in self.spec.models}
        self._versions |= {name: ModelVersions(self.folder, spec) for name, spec in added.items()}
        self.spec = self.spec.model_copy(update={"models": {**self.spec.models, **added}})
        self._config = self._config.model_copy(update={"models": {**self._config.models, **added}})
        return list(added)

    def load_models(self) -> None:
        """Load every served model ahead of its first use; one that cannot be loaded says so then."""
        for versions in self._versions.values():
            with contextlib.suppress(ReviewerError):
                versions.load(versions.find())

    def versions_of(self, model: str) -> ModelVersions:
        """Return the store of the model's versions; raises `UnknownNameError`."""
        self.find_model(model)
        return self._versions[model]

    def _tell(self, written: Named) -> Named:
        """Return a prediction or flag, as it was written, with the labels and option of today."""
        spec = self.spec.models.get(written.model)
        return tell_today(spec.vocabulary, written) if spec else written

    def list_labels(self, model: str) -> list[str]:
        """Return the labels a model can answer; of one that lists none, those seen in its flags."""
        spec = self.find_model(model)
        if spec.labels or not spec.task.is_classification:
            return list(spec.labels)
        ended = spec.vocabulary.ended
        return [each for each in self._list_seen_labels(model) if each not in ended]

    def _list_seen_labels(self, model: str) -> list[str]:
        follow = self.spec.find_model(model).vocabulary.follow
        with self._index.reading() as cursor:
            return sorted({follow(each) for each in queries.list_labels(cursor, model)})

    def is_flagger(self, name: str, flag: Flag, session_id: str = "") -> bool:
        """Return whether this person, who asks from the session, if any, made the flag."""
        is_in_session = bool(session_id) and flag.session_id == session_id
        return self.pseudonyms.is_own(name, flag.flagger, flag.flag_id, is_in_session=is_in_session)

    def record_audit(
        self, action: str, subject: str = "", *, person: str = "", details: str = ""
    ) -> AuditEntry:
        """Put on record what a person did; who asks, and from where, is known by itself."""
        return self._audit.record(action, subject, person=person, details=details)

    @property
    def flagged(self) -> Path:
        """The folder of the logs."""
        return self.folder / "flagged"

    @contextlib.contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Yield a connection to the synced index, for checks that compare it with the logs."""
        with self._index.reading() as cursor:
            yield cursor
