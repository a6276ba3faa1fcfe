"""Deciding about flags: one, several, many, the next one, and taking decisions back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reviewer.access import Person, Role
from reviewer.errors import ReviewerError
from reviewer.index.queries import Slice
from reviewer.jobs import ignore_progress
from reviewer.records import Event, Flag, JsonValue, Progress, new_id
from reviewer.triage import Deed, ManyDecided, Target
from reviewer.workspace.reading import Reading


def _build_person(name: str, *, is_admin: bool) -> Person:
    return Person(name, Role.ADMIN if is_admin else Role.REVIEWER)


class Deciding(Reading):
    """Decides about flags."""

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
        progress: Progress = ignore_progress,
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

    def undo(self, action_id: str, *, reviewer: str = "", own_action_id: str | None = None) -> list[Flag]:
        """Take back one action, or a flag by its own id; returns the flags it touched, without their words.

        Nothing is deleted: a revert is appended. Taking back twice does it once. Raises
        `UnknownNameError` when there is no such action.
        """
        stored = self._name_undoer(action_id, reviewer)
        flags = self._triage.undo(action_id, stored, own_action_id or new_id())
        self._look_at_groups()
        return flags

    def redo(self, action_id: str, *, reviewer: str = "", own_action_id: str | None = None) -> list[Flag]:
        """Do an action again that was taken back, as a new action; returns the flags as `undo` does.

        Raises `UnknownNameError` when there is no such action, `ConflictError` when its flags were decided
        about since it was taken back.
        """
        flags = self._triage.redo(action_id, reviewer, own_action_id or new_id())
        self._look_at_groups()
        return flags
