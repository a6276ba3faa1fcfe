"""Routes about the labels and flag options of a model: what they are now, and changing them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from reviewer.access import Person, Role
from reviewer.api.asking import ADMIN, REVIEWER
from reviewer.api.bodies import Body
from reviewer.label_book import ChangeEntry
from reviewer.labels import Look
from reviewer.payloads import build_payload
from reviewer.records import Part
from reviewer.workspace import Workspace

MOST_NAMES = 100
"""Labels that one change may name."""


class LabelBody(Body):
    """One change of a model's labels or flag options, and the `seq` that was seen."""

    change_id: str
    part: Part = Part.LABEL
    change: str
    seq: int | None = None
    name: str = Field("", max_length=1000)
    names: list[str] = Field([], max_length=MOST_NAMES)
    added: list[str] = Field([], max_length=MOST_NAMES)
    color: str = Field("", max_length=100)
    key: str = Field("", max_length=100)
    reason: str = Field("", max_length=10_000)


class UndoLabelBody(Body):
    """The change to take back."""

    change_id: str


def add_label_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that show and change labels and flag options."""

    @router.get("/models/{model}/labels")
    def read_labels(model: str, part: Part = Part.LABEL, person: Person = REVIEWER) -> dict[str, Any]:
        """Return the names in their order, what came to an end, every change, and the `seq` of the last."""
        return build_labels(workspace, model, part, person)

    @router.post("/models/{model}/labels")
    def change_labels(model: str, body: LabelBody, person: Person = ADMIN) -> dict[str, Any]:
        """Add, rename, merge, split, retire or style a name; the same change again changes nothing."""
        given = body.model_dump(exclude={"names", "added"})
        made = workspace.change_labels(
            model, **given, names=tuple(body.names), added=tuple(body.added), person=person.name
        )
        return build_labels(workspace, model, made.part, person)

    @router.post("/models/{model}/labels/undo")
    def undo_labels(model: str, body: UndoLabelBody, person: Person = ADMIN) -> dict[str, Any]:
        """Take one change back; taking it back twice does it once."""
        made = workspace.undo_labels(body.change_id, person=person.name, model=model)
        return build_labels(workspace, model, made.part, person)


def build_labels(workspace: Workspace, model: str, part: str, person: Person) -> dict[str, Any]:
    """Return what the pane of labels shows of a model."""
    names = workspace.read_names(model, part)
    looks = ((name, names.looks.get(name, Look())) for name in names.offered)
    return {
        "model": model,
        "part": part,
        "seq": names.seq,
        "may_change": person.role >= Role.ADMIN,
        "names": [{"name": name, **look._asdict()} for name, look in looks],
        "ended": sorted(names.ended),
        "now": {written: name for written, name in names.now.items() if written != name},
        "changes": [_build_change(each) for each in workspace.list_label_changes(model, part)],
    }


def _build_change(entry: ChangeEntry) -> dict[str, Any]:
    return {**build_payload(entry.change), "is_undone": entry.is_undone}
