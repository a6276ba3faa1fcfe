"""Ids and times of records, and the id that an example has by what it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from uuid6 import uuid7

from reviewer.records.rows import JsonValue


def new_id() -> str:
    """Return a new UUIDv7 as text; later ids sort after earlier ones."""
    return str(uuid7())


def new_ids(count: int) -> list[str]:
    """Return new UUIDv7s of one moment as texts, in ascending order; many cost a fifth of one by one."""
    head, random = new_id()[:14], os.urandom(6 * count).hex()
    return [
        f"{head}7{n >> 14 & 0xFFF:03x}-{0x8000 | n & 0x3FFF:04x}-{random[12 * n : 12 * n + 12]}"
        for n in range(count)
    ]


def derive_id(moment: datetime, *parts: str) -> str:
    """Return the UUIDv7 of that moment whose random bits follow from the parts: the same ones, the same id.

    Work that is done again after an interruption gives its records the ids they had, and doubles are dropped.
    """
    return derive_ids(moment, parts[:-1], parts[-1:])[0]


def derive_ids(moment: datetime, parts: Sequence[str], lasts: Iterable[str]) -> list[str]:
    """Return the ids that `derive_id` gives to the parts with each of the last ones behind them."""
    time = f"{int(moment.timestamp() * 1000) & (2**48 - 1):012x}"
    start = f"{time[:8]}-{time[8:]}-7"
    begun = hashlib.sha256("".join(f"{each}\0" for each in parts).encode())
    return [start + _write_random(begun, each) for each in lasts]


def _write_random(begun: hashlib._Hash, last: str) -> str:
    digest = begun.copy()
    digest.update(last.encode())
    random = digest.hexdigest()
    return f"{random[1:4]}-{_VARIANT[random[4]]}{random[5:8]}-{random[8:20]}"


_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""Hex digit → the one that an id has there, whose first two bits say that it is a UUID as of RFC 9562."""


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def hash_example(inputs: Mapping[str, JsonValue]) -> str:
    """Return the example id: the first 32 hex digits of a SHA-256 over the canonical inputs.

    Canonical is JSON with sorted keys and no spaces, where `2.0` counts as `2`, since forms and CSV
    files write whole numbers differently.
    """
    return hash_examples([inputs])[0]


def hash_examples(examples: Sequence[Mapping[str, JsonValue]]) -> list[str]:
    """Return the id of each example, as `hash_example` does of one."""
    texts = encode_values(_CANONICAL_JSON, [_canonical(dict(each)) for each in examples])
    return [hashlib.sha256(each.encode()).hexdigest()[:32] for each in texts]


_CANONICAL_JSON = json.JSONEncoder(sort_keys=True, separators=("\n", ":"))


def encode_values(encoder: json.JSONEncoder, values: Sequence[JsonValue]) -> list[str]:
    """Return each value as JSON without spaces, objects by one call of the encoder, which is quicker.

    The encoder writes a line feed between items. No text in JSON holds one as it is, so it tells the objects
    apart, unless they hold lists of objects themselves.
    """
    if set(map(type, values)) == {dict}:
        texts = encoder.encode(values)[1:-1].replace("}\n{", "}\0{").replace("\n", ",").split("\0")
        if len(texts) == len(values):
            return texts
    return [encoder.encode(each).replace("\n", ",") for each in values]


def _canonical(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
