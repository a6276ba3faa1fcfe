"""Testing a model: asking it, logging what it answered, and what a session has asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from reviewer.config import ModelSpec
from reviewer.decisions import build_rule_flag
from reviewer.errors import UnknownNameError
from reviewer.index import queries
from reviewer.log.columns import encode_json
from reviewer.models.asking import Answered, ask_version, build_predictions, compare_answers
from reviewer.models.components import check_many_inputs, check_media
from reviewer.records import Flag, Inputs, Prediction, Source, new_id
from reviewer.rules import Finding, apply_rules
from reviewer.workspace.flagging import Flagging

MOST_TWINS = 100
"""Flags of one example that are looked at: who wants all of them filters the queue."""


class SessionEntry(NamedTuple):
    """One prediction of a session and its flag, None when it has none."""

    prediction: Prediction
    flag: Flag | None


class Testing(Flagging):
    """Asks models and logs their answers."""

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

    def find_twins(self, model: str, example_id: str, limit: int = MOST_TWINS) -> list[Flag]:
        """Return the newest `limit` flags that stand on the same example of the model, newest first."""
        with self._index.reading() as cursor:
            return queries.find_same_example(cursor, model, example_id, limit)
