"""From reviewed flags to a dataset, a new version and a verdict on each flag."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reviewer.audit import Action
from reviewer.decisions import build_verdict
from reviewer.errors import UnknownNameError
from reviewer.index import queries
from reviewer.index.queries import ReviewedPage
from reviewer.jobs import Job, ignore_progress, scale
from reviewer.log import encode_alike
from reviewer.records import Progress, new_id, new_ids
from reviewer.training.summary import VerifySummary
from reviewer.workspace.versions import Versions

if TYPE_CHECKING:
    from reviewer.bundle import Bundle, ExportOptions, Plan
    from reviewer.training import Retraining


class Loop(Versions):
    """Exports, retrains, verifies."""

    def plan_export(
        self, model: str, options: ExportOptions | None = None, progress: Progress = ignore_progress
    ) -> Plan:
        """Return what an export would hold, and what should be known before; nothing is written."""
        from reviewer.bundle import ExportOptions, plan_bundle

        spec = self.find_model(model)
        with self._index.reading() as cursor:
            return plan_bundle(cursor, self.folder, spec, self.media, options or ExportOptions(), progress)

    def export(
        self, model: str, options: ExportOptions | None = None, progress: Progress = ignore_progress
    ) -> Bundle:
        """Write the reviewed flags of a model as a new folder under `exports/`; returns the bundle.

        The same as the newest one is not written again. Raises `InputError` when a finding of the plan stops
        it, such as that nothing was reviewed yet.
        """
        from reviewer.bundle import ExportOptions, write_bundle

        spec = self.find_model(model)
        with self._index.reading() as cursor:
            made = write_bundle(cursor, self.folder, spec, self.media, options or ExportOptions(), progress)
        self.record_audit(Action.EXPORT, f"{model} {made.name}", details=made.path.name)
        return made

    def start_export(self, model: str, options: ExportOptions | None = None) -> Job:
        """Begin an export in the background; raises `BusyError` while one of the model runs."""
        self.find_model(model)
        job = Job(new_id(), "export", model)
        return self.jobs.start(job, lambda progress: self.export(model, options, progress))

    def start_retrain(self, model: str, *, bundle: str | None = None) -> Job:
        """Begin to train a version and to run it over the reviewed flags, in the background.

        The job's result is the summary of that run. Raises `BusyError` while a version is trained already.
        """

        def work(progress: Progress) -> VerifySummary:
            made = self.retrain(model, scale(progress, 0, 0.8), bundle=bundle)
            return self.verify(model, made.version.name, scale(progress, 0.8, 1))

        self.find_model(model)
        return self.jobs.start(Job(new_id(), "retrain", model), work)

    def start_verify(self, model: str, version: str) -> Job:
        """Begin to run a version over the reviewed flags, in the background; see `verify`."""
        self.find_version(model, version)
        job = Job(new_id(), "verify", model)
        return self.jobs.start(job, lambda progress: self.verify(model, version, progress))

    def list_bundles(self, model: str) -> list[Bundle]:
        """Return the model's exports, oldest first."""
        from reviewer.bundle import read_bundles

        self.find_model(model)
        return read_bundles(self.folder, model)

    def find_bundle(self, model: str, name: str) -> Bundle:
        """Return an export of the model; raises `UnknownNameError`."""
        known = {each.name: each for each in self.list_bundles(model)}
        if name not in known:
            raise UnknownNameError(f"export of {model}", name, known)
        return known[name]

    def retrain(
        self,
        model: str,
        progress: Progress = ignore_progress,
        *,
        bundle: str | None = None,
        timeout: float | None = None,
        is_searched: bool = True,
    ) -> Retraining:
        """Train a new version on base data plus corrections, beside the newest one that it is made from.

        The corrections are those of an export, None: of a new one. Training runs in a process of its own, so
        that `progress` may raise to end it at once; after `timeout` seconds, None: the config's, it is ended.
        Without `is_searched` the config's grid of parameters is left alone. Raises `InputError` when there is
        nothing new to learn from, `ModelError` when training fails.
        """
        from reviewer.training import retrain

        versions = self.versions_of(model)
        export = self.export(model) if bundle is None else self.find_bundle(model, bundle)
        made = retrain(self.folder, versions, export, progress, timeout=timeout, is_searched=is_searched)
        self.write_card(model, made.version.name)
        return made

    def verify(
        self,
        model: str,
        version: str | None = None,
        progress: Progress = ignore_progress,
        *,
        against: str | None = None,
    ) -> VerifySummary:
        """Run a version (None: the newest) over every reviewed flag and append the verdicts.

        It is tested against another version, None: the served one, or the one it was made from. Nothing is
        appended when `progress` raises. Raises `UnknownNameError` for a version that does not exist.
        """
        from reviewer.training import verify

        versions = self.versions_of(model)
        chosen = versions.find(version or versions.find_newest().name)
        with self._index.reading() as cursor:
            count = queries.count_reviewed(cursor, model)
        summary = verify(versions, chosen, against, self._build_reader(model), count, self.media, progress)
        self._append_verdicts(summary)
        self.write_card(model, chosen.name)
        return summary

    def _build_reader(self, model: str) -> Callable[[int, int], ReviewedPage]:
        def read(after: int, limit: int) -> ReviewedPage:
            with self._index.reading() as cursor:
                return queries.read_reviewed(cursor, model, after, limit)

        return read

    def _append_verdicts(self, summary: VerifySummary) -> None:
        alike = build_verdict("", "", summary.version, summary.action_id)
        for flag_ids, verifications in summary.list_columns():
            columns = {"event_id": new_ids(len(flag_ids)), "flag_id": flag_ids, "value": verifications}
            self._logs["reviews"].append(encode_alike("reviews", alike, columns))

    def list_verdicts(self, model: str, version: str | None = None) -> list[dict[str, Any]]:
        """Return the last verdict of each version, or of one, on each reviewed flag of the model.

        Each has `flag_id`, `resolution`, `version`, `verification`, `verified_at` and `is_stale`, whether the
        flag was decided about since.
        """
        self.find_model(model)
        with self._index.reading() as cursor:
            return queries.list_verdicts(cursor, model, version)
