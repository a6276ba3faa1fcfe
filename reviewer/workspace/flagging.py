"""Marking predictions: by a person, by rules and by imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.decisions import build_flag, check_known, check_suggestion, has_same_words
from reviewer.errors import InputError
from reviewer.index import queries
from reviewer.jobs import ignore_progress
from reviewer.log import encode_row, encode_rows
from reviewer.records import Flag, Progress, Severity, Source
from reviewer.workspace.deciding import Deciding

if TYPE_CHECKING:
    from reviewer.foreign import ImportReport


class Flagging(Deciding):
    """Writes flags."""

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
        progress: Progress = ignore_progress,
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
