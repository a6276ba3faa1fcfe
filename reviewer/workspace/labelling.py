"""Labels and flag options that change while people work with them."""

from __future__ import annotations

from typing import Any

from reviewer.audit import Action
from reviewer.decisions import check_id, check_known
from reviewer.label_book import ChangeEntry
from reviewer.labels import Names, describe_change
from reviewer.records import Change, LabelChange, Part, new_id, utc_now
from reviewer.workspace.base import Base


class Labelling(Base):
    """Changes labels and options; nothing that was written is rewritten."""

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
