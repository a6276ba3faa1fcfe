"""Whole examples: what of each input is compared how, and whether two examples are the same complaint.

The rule: what cannot be compared must be equal, and all inputs must be the same; an example is never refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from reviewer.similar import pictures, rows, texts
from reviewer.similar.hashing import BANDS, Hashes, digest, draw, fold
from reviewer.similar.pictures import Picture

Body: TypeAlias = dict[str, Any]
"""What examples are compared by: `fixed`, which must be equal; `texts`, `pictures` and `numbers` by input."""

ReadPicture: TypeAlias = Callable[[str], bytes | None]
"""Media name → the file's bytes, None when it is gone."""

KINDS = {
    "textbox": "text",
    "number": "number",
    "slider": "number",
    "image": "picture",
    "sketch": "picture",
    "table": "table",
    "audio": "media",
    "file": "media",
}
"""Component → how its values are compared; those of any other must be equal."""

_PICTURES = (".png", ".jpg", ".webp", ".gif")
_NO_BANDS = np.zeros(BANDS, dtype=np.uint64)
_MOST_CELLS = 1000
"""A table of more cells must be equal."""


class Described(NamedTuple):
    """One example, ready to be compared."""

    signature: str
    """Hash of the body: two of the same signature are the same."""
    body: str
    """JSON of a `Body`."""
    bands: list[int]
    """`BANDS` hashes below 2³², or none when nothing but an equal example can be the same."""


@dataclass(slots=True)
class _Parts:
    """The inputs of one example by how they are compared."""

    fixed: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)


def describe(
    model: str,
    examples: Sequence[str],
    components: Mapping[str, str],
    spreads: Mapping[str, float],
    read_picture: ReadPicture,
) -> list[Described]:
    """Return what the examples of one model, each the JSON of its inputs, are compared by.

    `components` is input → component; what an unknown input is follows from its value. `spreads` comes from
    `measure_spreads`.
    """
    bodies = [_make_body(model, _split(each, components, read_picture), spreads) for each in examples]
    written = [json.dumps(each, ensure_ascii=False, sort_keys=True) for each in bodies]
    bands = _band(bodies)
    return [
        Described(digest(text), text, hashes.tolist() if _is_loose(body) else [])
        for body, text, hashes in zip(bodies, written, bands, strict=True)
    ]


def measure_spreads(examples: Iterable[str], components: Mapping[str, str]) -> dict[str, float]:
    """Return column → spread of the numbers in examples of one model; see `rows.measure_spreads`."""
    return rows.measure_spreads(_split(each, components, lambda name: None).numbers for each in examples)


def _split(example: str, components: Mapping[str, str], read_picture: ReadPicture) -> _Parts:
    try:
        inputs = json.loads(example)
    except RecursionError:  # deeper than anything that a form makes
        inputs = None
    if not isinstance(inputs, dict):
        return _Parts({"": example})
    parts = _Parts()
    for name, value in inputs.items():
        kind = KINDS.get(components[name], "") if name in components else _guess_kind(value)
        _ADD.get(kind, _add_fixed)(parts, name, value, read_picture)
    return parts


def _guess_kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, dict):
        return (
            "picture"
            if str(value.get("media")).endswith(_PICTURES)
            else "media"
            if "media" in value
            else "table"
        )
    return ""


def _add_fixed(parts: _Parts, name: str, value: Any, read_picture: ReadPicture) -> None:
    parts.fixed[name] = value


def _add_media(parts: _Parts, name: str, value: Any, read_picture: ReadPicture) -> None:
    # What a file was called says nothing about it.
    parts.fixed[name] = value["media"] if isinstance(value, dict) and "media" in value else value


def _add_text(parts: _Parts, name: str, value: Any, read_picture: ReadPicture) -> None:
    if isinstance(value, str) and (words := texts.normalise(value)):
        parts.texts[name] = words
    else:
        parts.fixed[name] = value


def _add_picture(parts: _Parts, name: str, value: Any, read_picture: ReadPicture) -> None:
    media = value.get("media") if isinstance(value, dict) else None
    data = read_picture(media) if isinstance(media, str) else None
    if data and (picture := pictures.read(data)):
        parts.pictures[name] = picture
    else:
        _add_media(parts, name, value, read_picture)


def _add_number(parts: _Parts, name: str, value: Any, read_picture: ReadPicture) -> None:
    _add_cell(parts, f"{name}#0", value)


def _add_table(parts: _Parts, name: str, value: Any, read_picture: ReadPicture) -> None:
    if not _is_small_table(value):
        parts.fixed[name] = value
        return
    columns, cells = value["columns"], value["rows"]
    parts.fixed[name] = [columns, len(cells)]
    for number, row in enumerate(cells):
        for column, cell in zip(columns, row, strict=True):
            _add_cell(parts, f"{name}.{column}#{number}", cell)


def _is_small_table(value: Any) -> bool:
    columns, cells = (value.get("columns"), value.get("rows")) if isinstance(value, dict) else (None, None)
    if not isinstance(columns, list) or not isinstance(cells, list):
        return False
    is_whole = all(isinstance(row, list) and len(row) == len(columns) for row in cells)
    return (
        is_whole and len(columns) == len(set(map(str, columns))) and len(columns) * len(cells) <= _MOST_CELLS
    )


def _add_cell(parts: _Parts, name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 < value < 1e300:
        parts.fixed[name] = value
    else:
        parts.numbers[name] = float(value)


_ADD: dict[str, Callable[[_Parts, str, Any, ReadPicture], None]] = {
    "text": _add_text,
    "picture": _add_picture,
    "number": _add_number,
    "table": _add_table,
    "media": _add_media,
}


def _make_body(model: str, parts: _Parts, spreads: Mapping[str, float]) -> Body:
    scaled = rows.scale(parts.numbers, spreads)
    exact = {name: f"{value:.9g}" for name, value in parts.numbers.items() if name not in scaled}
    loose = [sorted(parts.texts), sorted(parts.pictures), sorted(scaled)]
    fixed = json.dumps([model, loose, parts.fixed, exact], sort_keys=True)
    return {
        "fixed": digest(fixed),
        "texts": dict(sorted(parts.texts.items())),
        "pictures": dict(sorted(parts.pictures.items())),
        "numbers": scaled,
    }


def _is_loose(body: Body) -> bool:
    return bool(body["texts"] or body["pictures"] or body["numbers"])


def _band(bodies: Sequence[Body]) -> Hashes:
    """Return bodies × `BANDS` hashes below 2³²: each is of a band of every part, so all parts must agree."""
    if not bodies:
        return np.empty((0, BANDS), dtype=np.uint64)
    fixed = np.array([int(body["fixed"][:16], 16) for body in bodies], dtype=np.uint64)
    parts = [
        fixed[:, None] ^ draw(6, BANDS),
        texts.band(["\n".join(body["texts"].values()) for body in bodies]),
        np.array([_band_pictures(body["pictures"].values()) for body in bodies]),
        np.array([_band_numbers(body["numbers"]) for body in bodies]),
    ]
    return fold(np.stack(parts, axis=-1)) >> np.uint64(32)


def _band_pictures(found: Iterable[Picture]) -> Hashes:
    return fold(np.stack([_NO_BANDS, *map(pictures.band, found)], axis=-1))


def _band_numbers(numbers: Mapping[str, float]) -> Hashes:
    return rows.band(numbers) if numbers else _NO_BANDS


def is_same(one: Body, other: Body) -> bool:
    """Return whether two examples are near duplicates in every input."""
    return (
        one["fixed"] == other["fixed"]
        and rows.is_same(one["numbers"], other["numbers"])
        and all(texts.is_same(text, other["texts"][name]) for name, text in one["texts"].items())
        and all(pictures.is_same(each, other["pictures"][name]) for name, each in one["pictures"].items())
    )
