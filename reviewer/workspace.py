"""The workspace: every use case of the program as one method.

The rule: front ends parse, call one method and show its result; whatever decides, checks or writes is
here or below. A method returns only what is already durable; the app alone lets a single prediction, which
nobody has flagged, follow a quarter of a second later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewer.access import Person, Role
from reviewer.audit import Action, AuditLog, AuditSlice, list_all, list_page
from reviewer.blind import GOLD_EVENTS, is_disguised, is_sealed
from reviewer.blind import HistoryEntry as HistoryEntry
from reviewer.chain import Chain, Checked
from reviewer.config import CONFIG_NAME, ModelSpec, WebhookSpec, WorkspaceSpec, load_config
from reviewer.decisions import (
    Named,
    build_flag,
    build_rule_flag,
    build_verdict,
    check_id,
    check_known,
    check_suggestion,
    has_same_words,
    tell_today,
)
from reviewer.erasing import Change as RowChange
from reviewer.erasing import Erasure, build_example_changes, build_person_changes, erase, look
from reviewer.errors import ConfigError, InputError, ReviewerError, UnknownNameError
from reviewer.index import queries
from reviewer.index.queries import ChosenFlags, FacetCounts, Marker, Page, Preview, ReviewedPage, Slice
from reviewer.index.store import Index, MainIndex, SideIndex, delete_index
from reviewer.jobs import Job, Jobs, scale
from reviewer.label_book import ChangeEntry, LabelBook
from reviewer.labels import Names, describe_change
from reviewer.ledger import Ledger
from reviewer.log import Position, encode_alike, encode_row, encode_rows, open_logs
from reviewer.log.columns import encode_json
from reviewer.log.media import MediaStore
from reviewer.models.asking import Answered, ask_version, build_predictions, compare_answers
from reviewer.models.components import check_many_inputs, check_media
from reviewer.models.versions import ModelVersions, Version
from reviewer.notifications import Notifications
from reviewer.presence import Presence
from reviewer.pseudonyms import Pseudonyms
from reviewer.records import (
    AuditEntry,
    Change,
    Event,
    Flag,
    FlagOption,
    Inputs,
    JsonValue,
    LabelChange,
    Part,
    Prediction,
    Progress,
    Resolution,
    Review,
    Severity,
    Source,
    Verification,
    new_id,
    new_ids,
    utc_now,
)
from reviewer.retention import Retention
from reviewer.rules import Finding, apply_rules
from reviewer.saved_views import SavedViews
from reviewer.training.summary import VerifySummary as VerifySummary
from reviewer.triage import ActionReport, Deed, ManyDecided, Target, Triage, describe_action
from reviewer.watching import Watcher
from reviewer.webhooks import Webhook, send, telling

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

    from reviewer.advice import Advice
    from reviewer.agreement import AgreementReport, Pair, PersonScore
    from reviewer.bundle import Bundle, ExportOptions, Plan
    from reviewer.foreign import ImportReport
    from reviewer.grouping import Grouper
    from reviewer.index.sandbox import QueryLimits, QueryResult, StopSwitch
    from reviewer.training import Retraining
    from reviewer.training.comparing import Comparison
    from reviewer.training.promoting import Gate, Promotion, Promotions

WORKSPACE_VARIABLE = "REVIEWER_WORKSPACE"

_DAY_SECONDS = 24 * 60 * 60

MOST_TWINS = 100
"""Flags of one example that are looked at: who wants all of them filters the queue."""


def _ignore_progress(share: float, doing: str) -> None:
    """Tell nobody."""


class SessionEntry(NamedTuple):
    """One prediction of a session and its flag, None when it has none."""

    prediction: Prediction
    flag: Flag | None


class Workspace:
    """A folder with `reviewer.toml` in which one team tests models and reviews flags."""

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
        self._renew_labels()

    @classmethod
    def open(cls, path: str | Path | None = None, *, is_app: bool = False) -> Workspace:
        """Return the workspace at `path`, else in `REVIEWER_WORKSPACE`, else the nearest folder upward.

        `is_app` keeps the index open for this process alone. Raises `ConfigError`.
        """
        return cls(find_workspace(path), is_app=is_app)

    def close(self) -> None:
        """Give the index back; the workspace is of no use afterwards."""
        try:
            self._ledger.close()
        finally:
            self._index.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # Models

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

    def serve_version(self, model: str, version: str, *, who: str = "") -> Version:
        """Let the test tab answer with this version from now on, without the gate of `promote`."""
        chosen = self.find_version(model, version)
        self._promotions_of(model).serve(chosen, who)
        self.record_audit(Action.SERVE, f"{model} {version}", person=who)
        self.write_card(model, version)
        return chosen

    def versions_of(self, model: str) -> ModelVersions:
        """Return the store of the model's versions; raises `UnknownNameError`."""
        self.find_model(model)
        return self._versions[model]

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

    # Test

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Any],
        *,
        version: str | None = None,
        session_id: str = "",
        username: str = "",
        source: str = Source.MANUAL,
    ) -> Prediction:
        """Run the model on one example and log what it answered.

        A failure of the model is in `error` of the prediction, which can be flagged like any other.
        Raises `InputError` before the model runs, `ModelError` when it cannot be loaded.
        """
        made = self.predict_many(
            model, [inputs], version=version, session_id=session_id, username=username, source=source
        )
        return made[0]

    def predict_many(
        self,
        model: str,
        examples: Sequence[Mapping[str, Any]],
        *,
        version: str | None = None,
        session_id: str = "",
        username: str = "",
        source: str = Source.BATCH,
    ) -> list[Prediction]:
        """Run the model on the examples in one call and log the answers; see `predict`.

        Where the model fails, it is asked again in halves, so that only the examples at fault carry an
        `error`.
        """
        answered = self.ask(model, examples, version=version)
        asked_by = {"session_id": session_id, "username": self.pseudonyms.hide(username), "source": source}
        ids = [new_id() for _ in examples]
        self.pseudonyms.remember(username, ids)
        made = self.record(answered, ids, asked_by, can_wait=True)
        return [self._tell(each) for each in made]

    def _tell(self, written: Named) -> Named:
        """Return a prediction or flag, as it was written, with the labels and option of today."""
        spec = self.spec.models.get(written.model)
        return tell_today(spec.vocabulary, written) if spec else written

    def ask(
        self, model: str, examples: Sequence[Mapping[str, Any]], *, version: str | None = None
    ) -> Answered:
        """Run the model on the examples in one call; nothing is recorded of it.

        Raises as `predict` does.
        """
        spec, found = self.find_model(model), self.find_version(model, version)
        stored = self._check_inputs(spec, examples)
        return ask_version(self.versions_of(model), found, stored, self.media)

    def record(
        self,
        answered: Answered,
        ids: Sequence[str],
        asked_by: Mapping[str, str],
        *,
        can_wait: bool = False,
        has_rules: bool = True,
    ) -> list[Prediction]:
        """Log the answers as predictions under the ids, and let the model's rules flag them.

        `asked_by` are `session_id`, `username` as it is stored, and `source`. They are durable on return,
        unless a single one
        `can_wait` for others. The same ids give the same predictions, for work that may be done again.
        Without `has_rules` nothing is flagged.
        """
        spec = self.find_model(answered.model)
        made = build_predictions(answered, ids, **asked_by)
        self._ledger.add(spec, made, can_wait=can_wait)
        if has_rules:
            self._flag_by_rules(spec, answered.version, made)
        return made

    def _flag_by_rules(self, spec: ModelSpec, version: str, made: Sequence[Prediction]) -> list[Flag]:
        """Flag what the model's rules find; a rule flags an example once per version."""
        if spec.flagging == "never" or not (spec.rules or spec.flagging == "auto"):
            return []
        compared = compare_answers(self._versions, self.find_version(spec.name, version), made, self.media)
        found = [
            (each, finding)
            for each, others in zip(made, compared, strict=True)
            for finding in apply_rules(
                spec, self._tell(each), {rule: self._tell(other) for rule, other in others.items()}
            )
        ]
        if not found:
            return []
        with self._index.reading() as cursor:
            examples = [each.example_id for each, _ in found]
            known = queries.find_ruled(cursor, spec.name, version, examples)
        fresh: dict[object, tuple[Prediction, Finding]] = {}
        for each, finding in found:
            key = (each.example_id, finding.option)
            if finding.rules == ("auto",):
                fresh[each.prediction_id] = (each, finding)
            elif key not in known:
                fresh.setdefault(key, (each, finding))
        return self.add_flags([build_rule_flag(*pair) for pair in fresh.values()])

    def check_inputs(self, model: str, inputs: Mapping[str, Any]) -> Inputs:
        """Return the example as it is stored; raises `InputError` naming the input at fault."""
        return self._check_inputs(self.find_model(model), [inputs])[0]

    def _check_inputs(self, spec: ModelSpec, examples: Sequence[Mapping[str, Any]]) -> list[Inputs]:
        stored = check_many_inputs(spec, examples, self.media.save)
        if any(each.has_media for each in spec.inputs.values()):
            for each in stored:
                check_media(spec, each, self.media)
        return stored

    def find_session_entry(self, session_id: str, prediction_id: str) -> SessionEntry:
        """Return a session's own prediction with its flag; another session's is as good as unknown."""
        found = self._list_session(session_id, 1, prediction_id)
        if not found:
            raise UnknownNameError("prediction in this session", prediction_id)
        return found[0]

    def list_session(self, session_id: str, limit: int = 20) -> list[SessionEntry]:
        """Return a session's last predictions, newest first, with their flags."""
        return self._list_session(session_id, limit)

    def _list_session(
        self, session_id: str, limit: int, prediction_id: str | None = None
    ) -> list[SessionEntry]:
        recent = [
            each
            for each in self._ledger.list_session(session_id)
            if prediction_id in (None, each.prediction_id)
        ]
        with self._index.reading() as cursor:
            logged = queries.find_session(cursor, session_id, limit, prediction_id)
            made = {each.prediction_id: each for each in (*recent, *logged)}
            newest = sorted(made.values(), key=lambda each: each.predicted_at, reverse=True)[:limit]
            flags = queries.find_flagged(cursor, session_id, [each.prediction_id for each in newest])
        return [SessionEntry(self._tell(each), flags.get(each.prediction_id)) for each in newest]

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

    def find_prediction(self, prediction_id: str) -> Prediction:
        """Return a prediction that is logged or among the last ones; raises `UnknownNameError`."""
        if recent := self._ledger.find(prediction_id):
            return recent
        with self._index.reading() as cursor:
            return queries.find_prediction(cursor, prediction_id)

    def has_media(self, name: str, media: str) -> bool:
        """Return whether the stored file belongs to a prediction made for this person, or to their flag."""
        own = [each for each in self._ledger.list_recent() if self.is_made_for(name, each)]
        if any(media in encode_json([each.inputs, each.output]) for each in own):
            return True
        with self._index.reading() as cursor:
            return queries.has_own_media(cursor, self.pseudonyms.list_names(name), media)

    def is_made_for(self, name: str, made: Prediction, session_id: str = "") -> bool:
        """Return whether the prediction was made for this person, who asks from the session, if any."""
        is_in_session = bool(session_id) and made.session_id == session_id
        return self.pseudonyms.is_own(name, made.username, made.prediction_id, is_in_session=is_in_session)

    def is_flagger(self, name: str, flag: Flag, session_id: str = "") -> bool:
        """Return whether this person, who asks from the session, if any, made the flag."""
        is_in_session = bool(session_id) and flag.session_id == session_id
        return self.pseudonyms.is_own(name, flag.flagger, flag.flag_id, is_in_session=is_in_session)

    def find_twins(self, model: str, example_id: str, limit: int = MOST_TWINS) -> list[Flag]:
        """Return the newest `limit` flags that stand on the same example of the model, newest first."""
        with self._index.reading() as cursor:
            return queries.find_same_example(cursor, model, example_id, limit)

    # Flag

    def flag(
        self,
        prediction_id: str,
        *,
        option: str,
        suggested_label: str | None = None,
        comment: str = "",
        severity: str = "",
        flagger: str = "",
        session_id: str = "",
        source: str = Source.MANUAL,
    ) -> Flag:
        """Mark a logged prediction as in need of review; returns the flag once it is durable.

        The same flagger, prediction, option and words make one flag, however often it is called; other
        words replace a flag that nobody has reviewed yet. Raises `UnknownNameError` for an unknown
        prediction or option, `LogError` when it could not be written.
        """
        hidden = self.pseudonyms.hide(flagger)
        with self._deciding:
            with self._index.reading() as cursor:
                recent = self._ledger.find(prediction_id)
                prediction = recent or queries.find_prediction(cursor, prediction_id)
                twin = queries.find_twin(cursor, prediction_id, option, hidden)
            spec = self.find_model(prediction.model)
            if spec.flagging == "never":
                raise InputError(f'{spec.name} takes no flags: reviewer.toml says flagging = "never".')
            option = spec.vocabulary.options.get(option, option)
            check_known("flag option", option, spec.options)
            if severity:
                check_known("severity", severity, Severity)
            made = build_flag(
                prediction,
                option=option,
                suggested_label=check_suggestion(spec, suggested_label),
                comment=comment,
                severity=severity,
                flagger=hidden,
                session_id=session_id,
                source=source,
            )
            if twin and hidden != flagger and not self.is_flagger(flagger, twin, session_id):
                twin = None  # without names, another person's flag is stored like one's own
            if twin and has_same_words(twin, made):
                return twin
            self.pseudonyms.remember(flagger, [made.flag_id])
            self._ledger.keep(prediction)
            self._logs["flags"].append([encode_row("flags", made)])
            if twin and twin.state.seq == 0 and not twin.state.comments:
                self.undo(twin.flag_id, reviewer=flagger)
            return self._tell(made)

    def add_flags(self, flags: Sequence[Flag], *, are_new: bool = False) -> list[Flag]:
        """Append ready-made flags durably, all at once; returns those that were not there before.

        For flags that come about without a press of a button: by rules, from batches, imports and other
        programs. A flag whose id is known already is left out, so work that is done again adds nothing.
        Whoever knows that they `are_new` need not wait until the index is up to date.
        """
        with self._deciding:
            known = set() if are_new else self._find_known(flags)
            fresh = list({each.flag_id: each for each in flags if each.flag_id not in known}.values())
            for each in fresh:
                if recent := self._ledger.find(each.prediction_id):
                    self._ledger.keep(recent)
            self._logs["flags"].append(encode_rows("flags", fresh))
        return fresh

    def _find_known(self, flags: Sequence[Flag]) -> set[str]:
        with self._index.reading() as cursor:
            return queries.find_known(cursor, [each.flag_id for each in flags])

    def import_flags(
        self,
        path: Path,
        *,
        model: str | None = None,
        mapping: Mapping[str, str] | None = None,
        timezone: str = "UTC",
        progress: Progress = _ignore_progress,
    ) -> ImportReport:
        """Take over Gradio's flags in a folder, zip archive or file; see `reviewer.foreign.import_flags`.

        `mapping` says what a column is where the guess is wrong. Importing again adds nothing.
        """
        from reviewer.foreign import Destination, import_flags, open_given, read_sources

        destination = Destination(
            self.spec, self.flagged, self._logs["flags"], self.media, self._index.reading,
            self.pseudonyms.hide,
        )  # fmt: skip
        with open_given(path) as found:
            sources = read_sources(found, mapping)
            return import_flags(sources, destination, model=model, timezone=timezone, progress=progress)

    def read_quarantine(self) -> Iterator[list[tuple[str, ...]]]:
        """Yield all rows that imports set aside, in parts; `QUARANTINE_COLUMNS` names their cells."""
        from reviewer.foreign import read_quarantine

        return read_quarantine(self.flagged)

    # Triage

    def queue(
        self, *, sort: str = "newest", limit: int = 50, after: str | None = None, **filters: Any
    ) -> list[Flag]:
        """Return up to `limit` flags in the stated order; `filters` are the fields of `Slice`."""
        if limit < 1:
            raise InputError(f"The limit is {limit}; at least 1 is needed.")
        with self._index.reading() as cursor:
            page = queries.read_page(cursor, self._build_slice(filters), sort, after, limit)
            flags = queries.find_flags(cursor, [str(row["flag_id"]) for row in page.rows])
        by_id = {each.flag_id: each for each in flags}
        return [by_id[str(row["flag_id"])] for row in page.rows]

    def _build_slice(self, filters: Mapping[str, Any]) -> Slice:
        """Return the slice of keyword filters, where one text counts as a tuple of one."""
        values: dict[str, Any] = {}
        for name, value in filters.items():
            check_known("filter", name, Slice.__dataclass_fields__)
            if value is None or not isinstance(Slice.__dataclass_fields__[name].default, tuple):
                values |= {} if value is None else {name: value}
                continue
            values[name] = (value,) if isinstance(value, str) else tuple(value)
            for each in values[name]:
                check_known(name, each, self._list_known(name) or [each])
        return Slice(**values)

    def _list_known(self, name: str) -> list[str]:
        """Return the values that a filter can have, none when any text may be one."""
        known: dict[str, Iterable[str]] = {
            "model": self.spec.models,
            "option": {*FlagOption, *(each for spec in self.spec.models.values() for each in spec.options)},
            "resolution": Resolution,
            "verification": Verification,
            "source": Source,
            "severity": Severity,
        }
        return [str(each) for each in known.get(name, ())]

    def read_page(
        self,
        chosen: Slice,
        sort: str,
        after: str | None,
        limit: int,
        seed: int = 0,
        skip: int = 0,
        *,
        is_counted: bool = True,
    ) -> tuple[Page, int | None, Marker]:
        """Return one page of a list of flags, how many there are in all, and the marker from before.

        Without `is_counted` flags that only a scan can count are not, and None stands for their number.
        """
        with self._index.reading() as cursor:
            marker = self._read_marker(cursor)
            page = queries.read_page(cursor, chosen, sort, after, limit, seed, skip)
            is_counted = is_counted or not queries.list_scanned(chosen)
            return page, queries.count_flags(cursor, chosen) if is_counted else None, marker

    def find_place(self, chosen: Slice, sort: str, flag_id: str, seed: int = 0) -> int:
        """Return how many flags of a list stand before a flag, 0 for one that does not exist."""
        with self._index.reading() as cursor:
            return queries.find_place(cursor, chosen, sort, flag_id, seed)

    def read_marker(self) -> Marker:
        """Return up to where the logs are known; what comes later is news."""
        with self._index.reading() as cursor:
            return self._read_marker(cursor)

    def _read_marker(self, cursor: DuckDBPyConnection) -> Marker:
        total = self._grouper.regrouped.total if self._grouper else 0
        return queries.read_marker(cursor)._replace(regroupings=total)

    def read_news(self, since: Marker) -> tuple[list[dict[str, Any]], Marker]:
        """Return the rows of flags that are new or changed, newest first, and the marker now."""
        # Flags are put in another group before that is told, so the rows read later say it.
        told = self._grouper.regrouped if self._grouper else None
        with self._index.reading() as cursor:
            now = queries.read_marker(cursor)._replace(regroupings=told.total if told else 0)
            if now == since:
                return [], now
            return queries.read_news(cursor, since, told.list_since(since.regroupings) if told else ()), now

    def count_facets(self, chosen: Slice) -> FacetCounts:
        """Return how many flags of the slice have each value of each facet."""
        with self._index.reading() as cursor:
            return queries.count_facets(cursor, chosen)

    def find_flag(self, flag_id: str) -> Flag:
        """Return a flag with its state now; raises `UnknownNameError`."""
        with self._index.reading() as cursor:
            return queries.find_flag(cursor, flag_id)

    def find_flags(self, flag_ids: Sequence[str]) -> list[Flag]:
        """Return the flags with these ids in log order; ids that do not exist are left out."""
        with self._index.reading() as cursor:
            return queries.find_flags(cursor, flag_ids)

    def advise(self, flag_id: str) -> Advice:
        """Return what helps to decide about a flag; nothing of it is applied or logged."""
        from reviewer.advice import advise

        flag = self.find_flag(flag_id)
        with self._index.reading() as cursor:
            return advise(self.folder, self._versions.get(flag.model), self.media, cursor, flag)

    def find_error(self, flag: Flag) -> str | None:
        """Return why the model gave no answer: a sentence, and its traceback below an empty line."""
        if flag.latency_ms is None or flag.predicted_label or flag.predicted_value is not None or flag.output:
            return None
        with self._index.reading() as cursor, contextlib.suppress(UnknownNameError):
            recent = self._ledger.find(flag.prediction_id)
            return (recent or queries.find_prediction(cursor, flag.prediction_id)).error
        return None

    def find_history(self, flag_id: str) -> list[HistoryEntry]:
        """Return the flag's events, oldest first."""
        with self._index.reading() as cursor:
            return [HistoryEntry(*each) for each in queries.find_history(cursor, flag_id)]

    def find_histories(self, flag_ids: Sequence[str]) -> dict[str, list[HistoryEntry]]:
        """Return flag → its events, oldest first, of the flags that have any."""
        with self._index.reading() as cursor:
            found = queries.find_histories(cursor, flag_ids)
        return {flag_id: [HistoryEntry(*each) for each in events] for flag_id, events in found.items()}

    def review(
        self,
        flag_id: str,
        *,
        corrected_label: str | None = None,
        corrected_value: float | None = None,
        corrected_output: JsonValue = None,
        resolution: str | None = None,
        status: str | None = None,
        act: str | None = None,
        assignee: str | None = None,
        comment: str = "",
        reviewer: str = "",
        seq: int | None = None,
        action_id: str | None = None,
        certainty: int | None = None,
        seconds: float | None = None,
        ask_second: bool | None = None,
        is_admin: bool = False,
    ) -> Flag:
        """Decide about a flag, or comment on it; returns the flag as it is then.

        Give a correction, a resolution, a status, an act (claim, renew, release, split, ask_second, gold) or
        an assignee ("" for nobody), and a comment with or without them. With `ask_second` somebody else
        reviews the answer too; an answer to a flag that waits for that is the second one, and one to a
        disagreement settles it, which an admin may do in any case. `seq` is the
        `state.seq` the reviewer saw, None for the one now; a comment alone contradicts nothing and is taken
        with any. The same `action_id`, a UUID, acts once on a flag. Raises `ConflictError` when the flag was
        changed since, `InputError` for what cannot be.
        """
        decision = {
            "flag_id": flag_id,
            "corrected_label": corrected_label,
            "corrected_value": corrected_value,
            "corrected_output": corrected_output,
            "resolution": resolution,
            "status": status,
            "act": act,
            "assignee": assignee,
            "comment": comment,
            "seq": seq,
            "action_id": action_id,
            "certainty": certainty,
            "seconds": seconds,
            "ask_second": ask_second,
        }
        [told] = self.review_each([decision], reviewer=reviewer, is_admin=is_admin)
        if isinstance(told, ReviewerError):
            raise told
        return told

    def review_each(
        self, decisions: Sequence[Mapping[str, Any]], *, reviewer: str = "", is_admin: bool = False
    ) -> list[Flag | ReviewerError]:
        """Decide about several flags, each by itself; returns each flag as it is then, or why not.

        A decision is what `review` takes by name, about a flag that no other of them is about. All that can
        be done are written at once.
        """
        deeds = [
            Deed(Target(each["flag_id"], each.get("seq")), each.get("action_id") or new_id(), each)
            for each in decisions
        ]
        self._renew_labels()
        told = self._triage.review_each(deeds, _build_person(reviewer, is_admin=is_admin))
        if any(each.get("act") == Event.SPLIT for each in decisions):
            self._look_at_groups()
        return told

    def _look_at_groups(self) -> None:
        if self._grouper:
            self._grouper.look_soon()

    def review_many(
        self,
        targets: Sequence[Target],
        *,
        reviewer: str = "",
        is_admin: bool = False,
        action_id: str | None = None,
        progress: Progress = _ignore_progress,
        **decision: Any,
    ) -> ManyDecided:
        """Decide the same about many flags, as one action that one undo takes back.

        `decision` is what `review` takes. Flags that somebody changed since they were seen, or for which the
        decision makes no sense, are left alone and named. Stopped by `progress`, what was decided stays.
        """
        self._renew_labels()
        person = _build_person(reviewer, is_admin=is_admin)
        return self._triage.review_many(targets, action_id or new_id(), person, decision, progress)

    def try_many(
        self, targets: Sequence[Target], *, reviewer: str = "", is_admin: bool = False, **decision: Any
    ) -> ManyDecided:
        """Return what `review_many` would do now, without doing it: a preview for whoever decides."""
        self._renew_labels()
        return self._triage.try_many(targets, _build_person(reviewer, is_admin=is_admin), decision)

    def claim_next(
        self,
        *,
        reviewer: str,
        is_admin: bool = False,
        action_id: str | None = None,
        sort: str = "priority",
        seed: int = 0,
        chosen: Slice | None = None,
    ) -> Flag | None:
        """Claim the flag that a person is to do next and return it; None when nothing is left to do.

        What is assigned to them comes first; then, in the order `sort`, flags that nobody works on, claims
        whose time is over, and answers of others that need a second review. No flag is handed to two people.
        Now and then it is a gold flag. The same `action_id` hands out one flag.
        """
        self._renew_labels()
        person = _build_person(reviewer, is_admin=is_admin)
        return self._triage.claim_next(chosen or Slice(), sort, seed, action_id or new_id(), person)

    def find_targets(self, chosen: ChosenFlags) -> list[Target]:
        """Return the chosen flags with their `seq`, for `review_many`."""
        with self._index.reading() as cursor:
            return [Target(*each) for each in queries.find_targets(cursor, chosen)]

    def preview(self, chosen: ChosenFlags, sample: int = 5) -> Preview:
        """Return what a decision about the chosen flags would touch."""
        with self._index.reading() as cursor:
            return queries.preview_flags(cursor, chosen, sample)

    def undo(self, action_id: str, *, reviewer: str = "", own_action_id: str | None = None) -> list[Flag]:
        """Take back one action, or a flag by its own id; returns the flags it touched, without their words.

        Nothing is deleted: a revert is appended. Taking back twice does it once. Raises
        `UnknownNameError` when there is no such action.
        """
        stored = self._name_undoer(action_id, reviewer)
        flags = self._triage.undo(action_id, stored, own_action_id or new_id())
        self._look_at_groups()
        return flags

    def _name_undoer(self, action_id: str, reviewer: str) -> str:
        """Return what is stored of who takes something back: of an own flag not more than the flag says."""
        if self.pseudonyms.keeps_names:
            return reviewer
        with self._index.reading() as cursor:
            own = [
                each for each in queries.find_flags(cursor, [action_id]) if self.is_flagger(reviewer, each)
            ]
        return own[0].flagger if own else reviewer

    def redo(self, action_id: str, *, reviewer: str = "", own_action_id: str | None = None) -> list[Flag]:
        """Do an action again that was taken back, as a new action; returns the flags as `undo` does.

        Raises `UnknownNameError` when there is no such action, `ConflictError` when its flags were decided
        about since it was taken back.
        """
        flags = self._triage.redo(action_id, reviewer, own_action_id or new_id())
        self._look_at_groups()
        return flags

    def describe_action(self, action_id: str) -> ActionReport:
        """Return what taking an action back would meet; raises `UnknownNameError`."""
        with self._index.reading() as cursor:
            return describe_action(cursor, action_id)

    def check_seen(self, event: Review, person: Person) -> None:
        """Raise `UnknownNameError` for an event that the person may not know of yet."""
        state = self.find_flag(event.flag_id).state
        is_blind = is_sealed(state, person) or is_disguised(state, person)
        if event.reviewer != person.name and (is_blind or event.event in GOLD_EVENTS):
            raise UnknownNameError("action", event.action_id)

    def list_people(self) -> list[str]:
        """Return who reviewed or was assigned a flag, by name."""
        with self._index.reading() as cursor:
            return queries.list_people(cursor)

    # Labels

    def read_names(self, model: str, part: str = Part.LABEL) -> Names:
        """Return a model's labels, or its flag options, as they are now."""
        check_known("part", part, Part)
        self.find_model(model)
        return self._labels.fold(self._config.find_model(model), part)

    def read_labels_stamp(self) -> int:
        """Return a number that is another one once labels or options were changed, or logs rewritten.

        Both change flags that no news tells of.
        """
        self._renew_labels()
        return self._labels_seen + self._index.restarts

    def list_label_changes(self, model: str, part: str = Part.LABEL) -> list[ChangeEntry]:
        """Return the changes of the model's labels, or options, that count, oldest first."""
        self.find_model(model)
        return self._labels.list_changes(model, part)

    def change_labels(
        self,
        model: str,
        change: str,
        *,
        part: str = Part.LABEL,
        person: str = "",
        seq: int | None = None,
        change_id: str | None = None,
        **given: Any,
    ) -> LabelChange:
        """Add, rename, merge, split, retire or style a label or flag option; nothing written is rewritten.

        `given` are `name`, `names`, `added`, `color`, `key` and `reason` of `LabelChange`. `seq` is the state
        that was seen, None for the one now; the same `change_id`, a UUID, acts once. Raises `ConflictError`
        that says who was first, `InputError` for what cannot be.
        """
        check_known("part", part, Part)
        check_known("change of labels", change, [each for each in Change if each is not Change.REVERT])
        asked = LabelChange(
            change_id=check_id("change_id", change_id or new_id()), changed_at=utc_now(), model=model,
            part=part, seq=0, change=change, person=person, **given,
        )  # fmt: skip
        with self._deciding:
            made = self._labels.change(self._config, asked, seq)
        if made.changed_at == asked.changed_at:  # else it was made before
            self.record_audit(Action.CHANGE_LABELS, model, person=person, details=describe_change(made))
        self.find_model(model)
        return made

    def undo_labels(self, change_id: str, *, person: str = "", model: str = "") -> LabelChange:
        """Take one change of labels or options back; taking it back twice does it once.

        With a `model` it must be one of its changes. Raises `UnknownNameError`, and `ConflictError` when a
        later change of the same names stands.
        """
        revert = LabelChange(
            change_id=new_id(), changed_at=utc_now(), model=model, part="", seq=0, change=Change.REVERT,
            person=person, reverts=check_id("change_id", change_id),
        )  # fmt: skip
        with self._deciding:
            made = self._labels.revert(self._config, revert)
        if made.change == Change.REVERT:  # else it was taken back before
            self.record_audit(Action.UNDO_LABELS, made.model, person=person, details=str(made.reverts))
        self.find_model(made.model)
        return made

    # Audit

    def record_audit(
        self, action: str, subject: str = "", *, person: str = "", details: str = ""
    ) -> AuditEntry:
        """Put on record what a person did; who asks, and from where, is known by itself."""
        return self._audit.record(action, subject, person=person, details=details)

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

    # The team

    def report_agreement(self, model: str | None = None) -> AgreementReport:
        """Return how far first and second answers to the model's flags agree, None: to all flags."""
        from reviewer.agreement import report_agreement

        return report_agreement(self._list_pairs(model))

    def _list_pairs(self, model: str | None = None, person: str | None = None) -> list[Pair]:
        from reviewer.agreement import list_pairs

        if model is not None:
            self.find_model(model)
        with self._index.reading() as cursor:
            return list_pairs(queries.list_second_answers(cursor, model), person)

    def score_person(self, name: str) -> PersonScore:
        """Return how well a person's flags, gold answers and second reviews did."""
        from reviewer.agreement import PersonScore, measure_agreement
        from reviewer.training.intervals import find_share

        with self._index.reading() as cursor:
            flags = queries.count_hits(cursor, "flag_precision", self.pseudonyms.list_names(name))
            gold = queries.count_hits(cursor, "gold_score", [name])
        agreement = measure_agreement(self._list_pairs(person=name))
        return PersonScore(name, find_share(*flags), find_share(*gold), agreement)

    def find_workload(self, days: int = 30) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return what each person has claimed and done, and what was done each of the last `days` days."""
        with self._index.reading() as cursor:
            return queries.find_workload(cursor, utc_now() - timedelta(days=days))

    # Figures and SQL

    def read_frame(self, figure: str, model: str | None = None) -> pd.DataFrame:
        """Return the frame that a figure of `reviewer.figures.FIGURES` is drawn from."""
        check_known("figure", figure, FIGURE_FRAMES)
        with self._index.reading() as cursor:
            return queries.read_frame(cursor, FIGURE_FRAMES[figure], {"model": model})

    def query(self, sql: str, limits: QueryLimits | None = None) -> pd.DataFrame:
        """Return the result of an analyst's statement, run in the sandbox; see `run_query`."""
        return self.run_query(sql, limits).to_frame()

    def run_query(
        self, sql: str, limits: QueryLimits | None = None, switch: StopSwitch | None = None
    ) -> QueryResult:
        """Run an analyst's statement in a process that can read the index and nothing else.

        Raises `QueryRefusedError` or `QueryLimitError`, `StoppedError` when the switch was thrown.
        """
        from reviewer.index.sandbox import QueryLimits, run_query

        self._ledger.flush()
        return run_query(self.flagged, sql, limits or QueryLimits(), self.list_views(), switch)

    def list_views(self) -> dict[str, dict[str, str]]:
        """Return model → input → component: the SQL views that have a column per input."""
        return {
            name: {key: each.component for key, each in spec.inputs.items()}
            for name, spec in self.spec.models.items()
        }

    # Export, retrain, verify

    def plan_export(
        self, model: str, options: ExportOptions | None = None, progress: Progress = _ignore_progress
    ) -> Plan:
        """Return what an export would hold, and what should be known before; nothing is written."""
        from reviewer.bundle import ExportOptions, plan_bundle

        spec = self.find_model(model)
        with self._index.reading() as cursor:
            return plan_bundle(cursor, self.folder, spec, self.media, options or ExportOptions(), progress)

    def export(
        self, model: str, options: ExportOptions | None = None, progress: Progress = _ignore_progress
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
        progress: Progress = _ignore_progress,
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
        progress: Progress = _ignore_progress,
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

    # Compare, promote, roll back

    def compare(self, model: str, first: str, second: str) -> Comparison:
        """Return how two versions do on held-out examples and on the flags that both were run over.

        Raises `UnknownNameError` for a version that does not exist, `ModelError` when one fails.
        """
        from reviewer.training.comparing import compare_versions

        versions = self.versions_of(model)
        return compare_versions(self.folder, versions, versions.find(first), versions.find(second))

    def check_gate(self, model: str, version: str) -> Gate:
        """Return whether a version may be promoted: no guard regressed, held-out examples not worse."""
        chosen = self.find_version(model, version)
        with self._index.reading() as cursor:
            verdicts = queries.list_verdicts(cursor, model, version)
            guards = queries.count_guards(cursor, model)
        return self._promotions_of(model).check(chosen, verdicts, guards)

    def promote(self, model: str, version: str, *, who: str = "", override: str | None = None) -> Promotion:
        """Let the app answer with this version from now on, once it passed the gate.

        `override` is the reason for serving one that does not pass; it is logged. Raises `InputError` that
        says why it does not.
        """
        gate = self.check_gate(model, version)
        made = self._promotions_of(model).promote(self.find_version(model, version), gate, who, override)
        self.write_card(model, version)
        self.record_audit(made.action, f"{model} {version}", person=who, details=made.reason)
        return made

    def roll_back(self, model: str, *, who: str = "", reason: str = "") -> Promotion:
        """Let the app answer with the version that was served before this one."""
        made = self._promotions_of(model).roll_back(who, reason)
        self.write_card(model, made.to_version)
        self.record_audit(Action.ROLL_BACK, f"{model} {made.to_version}", person=who, details=reason)
        return made

    def list_promotions(self, model: str) -> list[Promotion]:
        """Return who promoted which version of the model when and why, oldest first."""
        return self._promotions_of(model).read()

    def read_card(self, model: str, version: str) -> str:
        """Return the model card of a version as Markdown; nothing is written."""
        from reviewer.training.model_card import format_card

        found = self.find_version(model, version)
        return format_card(self.find_model(model), found, self.list_promotions(model))

    def write_card(self, model: str, version: str | None = None) -> str:
        """Write the model card of a version, None: the served one, anew and return it as Markdown."""
        from reviewer.training.model_card import save_card

        found = self.find_version(model, version)
        return save_card(self.find_model(model), found, self.list_promotions(model))

    def _promotions_of(self, model: str) -> Promotions:
        from reviewer.training.promoting import Promotions

        return Promotions(self.folder, self.versions_of(model))

    def _list_reviewed(self, model: str) -> list[Flag]:
        with self._index.reading() as cursor:
            return queries.find_slice(cursor, Slice(view="done", model=(model,)))

    # Care

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

    @property
    def flagged(self) -> Path:
        """The folder of the logs."""
        return self.folder / "flagged"

    @contextlib.contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Yield a connection to the synced index, for checks that compare it with the logs."""
        with self._index.reading() as cursor:
            yield cursor


def _build_person(name: str, *, is_admin: bool) -> Person:
    return Person(name, Role.ADMIN if is_admin else Role.REVIEWER)


FIGURE_FRAMES = {
    "options": "options_by_day",
    "rate": "flag_rate",
    "confusion": "confusion",
    "confidence": "confidence_bins",
    "residuals": "residuals",
}
"""Figure → the SQL file with its frame."""


def find_workspace(path: str | Path | None = None) -> Path:
    """Return the workspace folder; raises `ConfigError` naming where it was looked for."""
    chosen = path or os.environ.get(WORKSPACE_VARIABLE)
    if chosen:
        folder = Path(chosen).expanduser().resolve()
        if not folder.is_dir():
            raise ConfigError(f"There is no workspace {str(chosen)!r}: the folder does not exist.")
        return folder
    here = _find_here()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder
    raise ConfigError(
        f"There is no {CONFIG_NAME} in {here} or above it. Give --workspace DIR or set"
        f" {WORKSPACE_VARIABLE}; `reviewer demo --no-serve --workspace DIR` makes a workspace to try."
    )


def _find_here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError("The current folder was deleted; change to one that exists.") from None
