"""What is a person's own: a tester sees nothing else.

The rule: another's prediction, flag, batch or file is to a tester as if it did not exist, so that asking
tells nothing either. Reviewers and admins see all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reviewer.access import Person, Role
from reviewer.batch.state import Batch, find_batch, list_batches
from reviewer.errors import UnknownNameError
from reviewer.records import Flag
from reviewer.workspace import Workspace


def sees_all(person: Person) -> bool:
    """Return whether the person sees what others made."""
    return person.role >= Role.REVIEWER


def check_prediction(workspace: Workspace, person: Person, prediction_id: str) -> None:
    """Raise `UnknownNameError` unless the person may flag the prediction."""
    if sees_all(person):
        return
    if not workspace.is_made_for(person.name, workspace.find_prediction(prediction_id)):
        raise UnknownNameError("prediction", prediction_id)


def check_media(workspace: Workspace, person: Person, name: str) -> None:
    """Raise `UnknownNameError` unless the file belongs to something that the person sees."""
    if not sees_all(person) and not workspace.has_media(person.name, name):
        raise UnknownNameError("media file", name)


def check_inputs(workspace: Workspace, person: Person, inputs: Any) -> None:
    """Raise like `check_media` for a stored file in an example: predicting would make it one's own."""
    for name in _list_media(inputs):
        check_media(workspace, person, name)


def find_own_flag(workspace: Workspace, person: Person, flag_id: str, session_id: str = "") -> Flag:
    """Return a flag that the person made, whatever the role; raises `UnknownNameError`.

    `session_id` is the browser session that asks, by which a flag without a name is known.
    """
    flag = workspace.find_flag(flag_id)
    if not workspace.is_flagger(person.name, flag, session_id):
        raise UnknownNameError("flag", flag_id)
    return flag


def keep_visible(
    workspace: Workspace, person: Person, prediction_id: str, flags: Sequence[Flag]
) -> list[Flag]:
    """Return the flags that the person may see: a tester the own ones, and those on this own prediction."""
    if sees_all(person):
        return list(flags)
    return [
        each
        for each in flags
        if each.prediction_id == prediction_id or workspace.is_flagger(person.name, each)
    ]


def list_visible_batches(workspace: Workspace, person: Person, limit: int | None = None) -> list[Batch]:
    """Return the newest batches that the person may see."""
    if sees_all(person):
        return list_batches(workspace.folder, limit)
    is_own = workspace.pseudonyms.is_own
    batches = list_batches(workspace.folder)
    own = [each for each in batches if is_own(person.name, each.started_by, each.batch_id)]
    return own[:limit]


def find_visible_batch(workspace: Workspace, person: Person, batch_id: str) -> Batch:
    """Return a batch that the person may see; raises like `find_batch`."""
    if sees_all(person):
        return find_batch(workspace.folder, batch_id)
    own = {each.batch_id: each for each in list_visible_batches(workspace, person)}
    if batch_id not in own:
        raise UnknownNameError("batch", batch_id[:80], own)
    return own[batch_id]


def _list_media(value: Any) -> Iterator[str]:
    """Yield the names of stored files in an example, wherever they stand."""
    if isinstance(value, dict):
        if isinstance(value.get("media"), str):
            yield value["media"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _list_media(each)
