"""Flags as the desk shows them: a line of the queue, or everything a card says.

The rule: what people typed goes out as data; only links are made here, below the path of the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from reviewer.access import Person
from reviewer.blind import veil, veil_row
from reviewer.config import ModelSpec, Vocabulary
from reviewer.models.outputs import list_further_outputs
from reviewer.payloads import build_payload
from reviewer.records import Flag, JsonValue
from reviewer.sentences import retell_first
from reviewer.workspace import HistoryEntry, Workspace

MOST_CARDS = 50
"""Cards that one answer holds."""


def build_row(row: dict[str, Any], root: str) -> dict[str, Any]:
    """Return one line of the queue: its columns, and the address of its picture."""
    payload = build_payload(veil_row(row))
    del payload["position"], payload["sort_key"]
    return {**payload, "thumbnail": _link_thumbnail(row["thumbnail"], root)}


def build_card(
    workspace: Workspace, flag: Flag, person: Person, root: str, language: str = "en"
) -> dict[str, Any]:
    """Return everything a card shows: the flag, its state, the model's labels and its history.

    `root` is the path under which the server is reached; links start with it. Why the model failed is told
    in the `language`.
    """
    return build_cards(workspace, [flag], person, root, language)[0]


def build_cards(
    workspace: Workspace, flags: Sequence[Flag], person: Person, root: str, language: str
) -> list[dict[str, Any]]:
    """Return what `build_card` does for each flag; their histories are found at once."""
    histories = workspace.find_histories([each.flag_id for each in flags])
    veiled = [veil(each, histories.get(each.flag_id, []), person) for each in flags]
    return [_build_card(workspace, *each, root, language) for each in veiled]


def _build_card(
    workspace: Workspace, flag: Flag, history: Sequence[HistoryEntry], root: str, language: str
) -> dict[str, Any]:
    offered = workspace.list_labels(flag.model) if flag.model in workspace.spec.models else ()
    spec = workspace.spec.models.get(flag.model)
    flag = replace(flag, scores=spec.vocabulary.follow_scores(flag.scores)) if spec and flag.scores else flag
    ranked = [*_rank_offered(spec, flag), *offered]
    outputs = _link_outputs(spec, flag, root) if spec else {"output": flag.output}
    return {
        **build_payload(flag),
        "thumbnail": _link_thumbnail(flag.state.thumbnail, root),
        "inputs": {name: _link_media(value, root) for name, value in flag.inputs.items()},
        "outputs": {name: each for name, each in outputs.items() if each is not None},
        "error": retell_first(workspace.find_error(flag) or "", language) or None,
        "labels": list(dict.fromkeys(ranked)),
        "looks": _build_looks(spec),
        "unit": spec.unit if spec else "",
        "history": [_build_entry(each) for each in history],
    }


def _build_looks(spec: ModelSpec | None) -> dict[str, dict[str, str]]:
    """Return label → its own colour and key, of the labels that have one."""
    words = spec.vocabulary if spec else Vocabulary()
    names = sorted({*words.colors, *words.keys})
    return {each: {"color": words.colors.get(each, ""), "key": words.keys.get(each, "")} for each in names}


def _rank_offered(spec: ModelSpec | None, flag: Flag) -> list[str]:
    """Return the labels with a score, the likeliest first, without those that the model does not know now."""
    scores = flag.scores or {}
    known = {*spec.labels, flag.predicted_label} if spec and spec.labels else scores.keys()
    return sorted((label for label in scores if label in known), key=lambda label: -scores[label])


def _link_thumbnail(name: str | None, root: str) -> str | None:
    return f"{root}/api/media/{name}" if name else None


def _link_outputs(spec: ModelSpec, flag: Flag, root: str) -> dict[str, JsonValue]:
    """Return the further outputs; JSON that merely looks like a stored picture stays as it is."""
    drawn = {name for name, each in spec.answers.items() if each.component in ("image", "plot")}
    return {
        name: _link_media(value, root) if name in drawn else value
        for name, value in list_further_outputs(spec, flag).items()
    }


def _link_media(value: JsonValue, root: str) -> JsonValue:
    if isinstance(value, dict) and isinstance(value.get("media"), str):
        name = str(value.get("name", ""))
        query = f"?{urlencode({'as': name})}" if name else ""
        return {**value, "url": f"{root}/api/media/{quote(value['media'], safe='')}{query}"}
    return value


def _build_entry(entry: HistoryEntry) -> dict[str, Any]:
    payload = build_payload(entry.review)
    return {**payload, "is_applied": entry.is_applied, "is_undone": entry.is_undone}
