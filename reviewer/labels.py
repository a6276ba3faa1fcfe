"""What became of a model's labels and flag options: changes in log order, folded into names of today.

The rule: nothing that was written is rewritten. A name that somebody wrote once leads to its name of today,
and taking a change back leads it back; names written in between still mean what they meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reviewer.errors import ConflictError, InputError, UnknownNameError
from reviewer.records import Change, LabelChange, Part

MOST_NAME = 200
"""Characters of a label."""

_COLOR = re.compile(r"#[0-9a-f]{6}")
_KEY = re.compile(r"[a-z0-9]")


class CurrentName(NamedTuple):
    """What became of a name that was written once."""

    model: str
    part: str
    written: str
    name: str
    """Its name of today."""
    is_ended: bool
    """Whether it was split or retired, so that what has it needs a new one."""


class Look(NamedTuple):
    """How a label is shown and chosen; "" where it has nothing of its own."""

    color: str = ""
    key: str = ""


@dataclass(slots=True)
class Names:
    """One model's labels, or its flag options, as the changes until now leave them."""

    offered: list[str]
    """What can be chosen, in order."""
    now: dict[str, str] = field(default_factory=dict)
    """Written name → its name of today, of all names that a change is about."""
    ended: set[str] = field(default_factory=set)
    """Names of today that nobody can choose any more."""
    looks: dict[str, Look] = field(default_factory=dict)
    seq: int = 0
    """Of the last change."""
    last: LabelChange | None = None

    def follow(self, written: str) -> str:
        """Return the name of today of a name that was written once."""
        return self.now.get(written, written)


def group_changes(changes: Iterable[LabelChange]) -> dict[tuple[str, str], list[LabelChange]]:
    """Return (model, part) → its applied changes: of two who saw the same state the first counts."""
    grouped: dict[tuple[str, str], list[LabelChange]] = {}
    for each in changes:
        earlier = grouped.setdefault((each.model, each.part), [])
        if each.seq > (earlier[-1].seq if earlier else 0):
            earlier.append(each)
    return grouped


def fold_names(base: Sequence[str], applied: Sequence[LabelChange]) -> Names:
    """Return the names that the applied changes of one model and part make of those of the config."""
    undone = {each.reverts for each in applied if each.change == Change.REVERT}
    names = Names(list(base))
    for each in applied:
        names.seq, names.last = each.seq, each
        if each.change_id not in undone and each.change in _STEPS:
            _STEPS[Change(each.change)](names, each)
    native = {*base, *_list_native(applied)}
    for each in applied:
        if each.change_id in undone:
            _remember(names, each, native)
    return names


def _list_native(applied: Sequence[LabelChange]) -> set[str]:
    """Return the names that were there before any change added them, as far as the changes tell."""
    native, known = set[str](), set[str]()
    for each in applied:
        native |= {each.name, *each.names} - known - {""}
        known |= _touch(each)
    return native


def _remember(names: Names, undone: LabelChange, native: set[str]) -> None:
    """Keep the meaning of what was written while a change stood that was taken back."""
    for each in undone.added:
        if each in names.now or each in native:
            continue
        if undone.change == Change.RENAME:
            names.now[each] = names.follow(undone.name)
        else:
            names.now[each] = each
            names.ended.add(each)


def _add(names: Names, change: LabelChange) -> None:
    for each in change.added:
        names.now[each] = each
        names.ended.discard(each)
        names.offered += [each] if each not in names.offered else []
        names.looks[each] = Look(change.color, change.key)


def _rename(names: Names, change: LabelChange) -> None:
    for new in change.added:
        names.offered = [new if each == change.name else each for each in names.offered]
        _lead(names, [change.name], new)
        names.looks[new] = names.looks.pop(change.name, Look())


def _merge(names: Names, change: LabelChange) -> None:
    names.offered = [each for each in names.offered if each not in change.names]
    _lead(names, change.names, change.name)
    for each in change.names:
        names.looks.pop(each, None)


def _lead(names: Names, sources: Sequence[str], target: str) -> None:
    """Let what leads to the sources lead to the target."""
    for written, name in names.now.items():
        if name in sources:
            names.now[written] = target
    names.now |= dict.fromkeys((*sources, target), target)


def _split(names: Names, change: LabelChange) -> None:
    at = names.offered.index(change.name) if change.name in names.offered else len(names.offered)
    names.offered[at:at] = [each for each in change.added if each not in names.offered]
    for each in change.added:
        names.now[each] = each
        names.ended.discard(each)
    _retire(names, change)


def _retire(names: Names, change: LabelChange) -> None:
    names.offered = [each for each in names.offered if each != change.name]
    names.now.setdefault(change.name, change.name)
    names.ended.add(change.name)
    names.looks.pop(change.name, None)


def _style(names: Names, change: LabelChange) -> None:
    names.looks[change.name] = Look(change.color, change.key)


_STEPS = {
    Change.ADD: _add,
    Change.RENAME: _rename,
    Change.MERGE: _merge,
    Change.SPLIT: _split,
    Change.RETIRE: _retire,
    Change.STYLE: _style,
}
"""Change → what it does to the names; a revert does nothing, since what it takes back was left out."""


def list_current(changes: Iterable[LabelChange]) -> list[CurrentName]:
    """Return what became of every written name that is another today, or ended."""
    found = []
    for (model, part), applied in group_changes(changes).items():
        names = fold_names((), applied)
        found += [
            CurrentName(model, part, written, name, name in names.ended)
            for written, name in names.now.items()
            if written != name or name in names.ended
        ]
    return found


# What may be changed


def check_change(names: Names, change: LabelChange, known_keys: Mapping[str, str]) -> None:
    """Raise `InputError` when the change cannot be made to the names; `known_keys` are taken by the desk."""
    for each in change.added:
        _check_new(names, change, each)
    if change.change in (Change.RENAME, Change.SPLIT, Change.RETIRE, Change.MERGE, Change.STYLE):
        _check_offered(names, change, change.name)
    for each in change.names:
        _check_offered(names, change, each)
    if change.change in (Change.MERGE, Change.SPLIT) and change.name in change.names:
        raise InputError(f"{change.name!r} is named twice; name others.")
    if change.change in (Change.ADD, Change.RENAME) and len(change.added) != 1:
        raise InputError(f"Give one new name of a {change.part}.")
    _check_enough(names, change)
    _check_look(names, change, known_keys)


def _check_new(names: Names, change: LabelChange, name: str) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > MOST_NAME:
        raise InputError(
            f"The name {name[:80]!r} cannot be taken: 1 to {MOST_NAME} characters in one line are needed,"
            " without spaces around them."
        )
    if name in names.offered or change.added.count(name) > 1:
        raise InputError(f"There is a {change.part} {name!r} already; choose another name.")
    if names.follow(name) != name:
        raise InputError(f"{name!r} was the name of {names.follow(name)!r} before; choose another one.")
    if name in names.ended and change.change == Change.RENAME:
        raise InputError(f"{name!r} was split or retired; choose another name, or add it again.")


def _check_offered(names: Names, change: LabelChange, name: str) -> None:
    if name not in names.offered:
        raise UnknownNameError(change.part, name, names.offered)


def _check_enough(names: Names, change: LabelChange) -> None:
    """Raise when too few names would be left: a classifier needs two labels, a flagger one option."""
    gone = {Change.RETIRE: 1, Change.MERGE: len(change.names), Change.SPLIT: 1 - len(change.added)}
    least = 2 if change.part == Part.LABEL else 1
    if change.change == Change.MERGE and not change.names:
        raise InputError(f"Name what is merged into {change.name!r}.")
    if change.change == Change.SPLIT and len(change.added) + len(change.names) < 2:
        raise InputError(f"Name at least two {change.part}s that {change.name!r} is split into.")
    if change.change in gone and len(names.offered) - gone[Change(change.change)] < least:
        raise InputError(f"At least {least} must be left to choose from; add others first.")


def _check_look(names: Names, change: LabelChange, known_keys: Mapping[str, str]) -> None:
    if change.color and not _COLOR.fullmatch(change.color):
        raise InputError(f"The colour is {change.color[:80]!r}; write it as #rrggbb with small letters.")
    if not change.key:
        return
    if not _KEY.fullmatch(change.key):
        raise InputError(f"The key is {change.key[:80]!r}; one small letter or digit is needed.")
    if change.key in known_keys:
        raise InputError(f"The key {change.key!r} is taken by {known_keys[change.key]!r}; choose another.")
    taken = {look.key: name for name, look in names.looks.items() if name != change.name}
    if change.key in taken:
        raise InputError(f"The key {change.key!r} is taken by {taken[change.key]!r}; choose another.")


def check_revert(applied: Sequence[LabelChange], change_id: str) -> LabelChange | None:
    """Return the change to take back, None when that was done; raises when it cannot be.

    A later change of the same names stands in the way and is taken back first.
    """
    found = [each for each in applied if each.change_id == change_id and each.change != Change.REVERT]
    if not found:
        raise UnknownNameError("change of labels", change_id)
    undone = {each.reverts for each in applied}
    if change_id in undone:
        return None
    later = [
        each
        for each in applied
        if each.seq > found[0].seq and each.change_id not in undone and _touch(each) & _touch(found[0])
    ]
    if later:
        raise ConflictError(
            f"{describe_change(later[-1])} afterwards, by {later[-1].person or 'somebody'}; take that back"
            " first."
        )
    return found[0]


def _touch(change: LabelChange) -> set[str]:
    return {change.name, *change.names, *change.added} - {""}


def describe_change(change: LabelChange) -> str:
    """Return what was done, in words."""
    some = ", ".join(change.names)
    new = ", ".join(change.added)
    told = {
        Change.ADD: f"{new!r} was added",
        Change.RENAME: f"{change.name!r} was renamed to {new!r}",
        Change.MERGE: f"{some!r} was merged into {change.name!r}",
        Change.SPLIT: f"{change.name!r} was split into {', '.join((*change.added, *change.names))!r}",
        Change.RETIRE: f"{change.name!r} was retired",
        Change.STYLE: f"{change.name!r} got another look",
        Change.REVERT: "A change was taken back",
    }
    return told[Change(change.change)]


def describe_stale(names: Names, model: str, part: str) -> ConflictError:
    """Return the error that says who changed the names first, when and how."""
    last = names.last
    if last is None:
        return ConflictError(f"The {part}s of {model} were not changed yet; look at them again.")
    return ConflictError(
        f"The {part}s of {model} were changed by {last.person or 'somebody'} at"
        f" {last.changed_at:%H:%M:%S} UTC: {describe_change(last)}. Look at them again and decide then."
    )
