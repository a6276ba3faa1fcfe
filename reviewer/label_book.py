"""The log of label changes, read and written: what each model's labels and options are now.

The rule: whoever changes them says which state was seen, and a stale change is refused with who was first.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from reviewer.config import (
    CONFIG_NAME,
    DESK_KEYS,
    ModelSpec,
    WorkspaceSpec,
    build_vocabulary,
    merge_keys,
    update_fields,
)
from reviewer.errors import UnknownNameError
from reviewer.labels import (
    Names,
    check_change,
    check_revert,
    describe_stale,
    fold_names,
    group_changes,
)
from reviewer.log import Log, LogRewrittenError, Position, encode_row
from reviewer.log.columns import decode_cells
from reviewer.records import Change, LabelChange, Part, new_id, utc_now


class ChangeEntry(NamedTuple):
    """One change as people look back on it."""

    change: LabelChange
    is_undone: bool


class LabelBook:
    """The label changes of one workspace."""

    def __init__(self, log: Log, list_seen: Callable[[str], list[str]]) -> None:
        self._log = log
        self._list_seen = list_seen
        self._position = Position()
        self._changes: dict[str, LabelChange] = {}
        self._applied: dict[tuple[str, str], list[LabelChange]] = {}
        self._revision = 0
        self._mutex = threading.RLock()

    def refresh(self) -> int:
        """Read what was appended since; returns a number that grows whenever anything was."""
        with self._mutex:
            try:
                self._read()
            except LogRewrittenError:
                self._position, self._changes = Position(), {}
                self._read()
            return self._revision

    def _read(self) -> None:
        before = self._position
        while (tail := self._log.tail(self._position)).position != self._position:
            for cells in tail.rows.to_pylist():
                self._take(cells)
            self._position = tail.position
        if before != self._position:
            self._applied = group_changes(self._changes.values())
            self._revision += 1

    def _take(self, cells: dict[str, str]) -> None:
        """Keep a row; one without a readable id or time is none, as in the index."""
        try:
            change = decode_cells(LabelChange, cells)
            self._changes.setdefault(str(UUID(change.change_id)), change)
        except (ValueError, TypeError):
            return

    def list_changes(self, model: str, part: str) -> list[ChangeEntry]:
        """Return the applied changes of a model's labels or options, oldest first."""
        applied = self.find_applied(model, part)
        undone = {each.reverts for each in applied}
        return [ChangeEntry(each, each.change_id in undone) for each in applied]

    def find_applied(self, model: str, part: str) -> list[LabelChange]:
        """Return the applied changes of a model's labels or options, oldest first."""
        return self._applied.get((model, part), [])

    def fold(self, spec: ModelSpec, part: str) -> Names:
        """Return the labels or options of a model of the config as they are now."""
        base: Iterable[str] = spec.labels if part == Part.LABEL else map(str, spec.options)
        return fold_names(list(base), self.find_applied(spec.name, part))

    def renew(self, config: WorkspaceSpec) -> dict[str, ModelSpec]:
        """Return each model of the config with its labels and options of today."""
        return {name: self._renew_model(spec) for name, spec in config.models.items()}

    def _renew_model(self, spec: ModelSpec) -> ModelSpec:
        labels, options = self.fold(spec, Part.LABEL), self.fold(spec, Part.OPTION)
        if not labels.seq and not options.seq:
            return spec
        update = update_fields(labels, options, build_vocabulary(labels, options))
        if not spec.labels:
            # A model that may answer with any label goes on to.
            update.pop("labels", None)
        return spec.model_copy(update=update)

    # Changing

    def add_listed(self, config: WorkspaceSpec) -> None:
        """Append that names are there which the config lists by now, but which ended with what added them.

        So the logs alone say what each name means, as every index reads them.
        """
        with self._mutex:
            self.refresh()
            for spec, part in itertools.product(config.models.values(), Part):
                applied = self.find_applied(spec.name, part)
                ended, offered = fold_names((), applied).ended, self.fold(spec, part).offered
                if names := tuple(each for each in offered if each in ended):
                    self._append(spec, _add_names(spec.name, part, names, applied[-1].seq + 1))

    def change(self, config: WorkspaceSpec, change: LabelChange, seq: int | None) -> LabelChange:
        """Append a change and return it as it was written; the same id acts once.

        Raises `ConflictError` when `seq` is not the state now, `InputError` when it cannot be.
        """
        with self._mutex:
            self.refresh()
            if change.change_id in self._changes:
                return self._changes[change.change_id]
            spec = config.find_model(change.model)
            names = self._fold_known(spec, change.part)
            if seq not in (None, names.seq):
                raise describe_stale(names, change.model, change.part)
            check_change(names, change, _list_taken_keys(config))
            return self._append(spec, replace(change, seq=names.seq + 1))

    def _fold_known(self, spec: ModelSpec, part: str) -> Names:
        """Return the names of a model; one that lists no labels has those that were seen."""
        if part == Part.LABEL and not spec.labels:
            return fold_names(self._list_seen(spec.name), self.find_applied(spec.name, part))
        return self.fold(spec, part)

    def revert(self, config: WorkspaceSpec, revert: LabelChange) -> LabelChange:
        """Append what takes a change back, and return it, or the change when that was done already.

        Raises `UnknownNameError`, and `ConflictError` when a later change of the same names stands.
        """
        with self._mutex:
            self.refresh()
            wanted = str(revert.reverts)
            found = self._changes.get(wanted)
            model, part = (found.model, found.part) if found else ("", "")
            if revert.model not in ("", model):
                raise UnknownNameError(f"change of labels of {revert.model}", wanted)
            applied = self.find_applied(model, part)
            target = check_revert(applied, wanted)
            if target is None:
                return self._changes[wanted]
            made = replace(revert, model=model, part=part, change=Change.REVERT, seq=applied[-1].seq + 1)
            return self._append(config.find_model(model), made)

    def _append(self, spec: ModelSpec, change: LabelChange) -> LabelChange:
        """Write the change and look whether it counts: another process may have been first."""
        self._log.append([encode_row("labels", change)])
        self.refresh()
        if change not in self.find_applied(change.model, change.part):
            raise describe_stale(self.fold(spec, change.part), change.model, change.part)
        return change


def _add_names(model: str, part: str, names: tuple[str, ...], seq: int) -> LabelChange:
    return LabelChange(
        change_id=new_id(), changed_at=utc_now(), model=model, part=part, seq=seq, change=Change.ADD,
        added=names, person=CONFIG_NAME, reason=f"listed in {CONFIG_NAME}",
    )  # fmt: skip


def _list_taken_keys(config: WorkspaceSpec) -> dict[str, str]:
    """Return key → the action of the desk that has it."""
    keys = merge_keys(config.keys)
    return {key: action for action in DESK_KEYS for key in keys[action]}
