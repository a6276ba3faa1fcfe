"""Band hashes: few numbers per example, of which two near duplicates share at least one.

The rule: every constant follows from `mix` alone, since bands on the disk meet bands that are made later.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias

import numpy as np

BANDS = 24
"""Hashes per example. Each is made to match for a fair share of near duplicates and for few others."""

Hashes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint64]]"


def mix(numbers: Hashes) -> Hashes:
    """Return numbers that look random and follow from the given ones (the finaliser of splitmix64)."""
    mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def draw(seed: int, *shape: int) -> Hashes:
    """Return an array of that shape full of numbers that look random and follow from the seed."""
    count = int(np.prod(shape))
    first = np.uint64(seed) << np.uint64(32)
    return mix((first + np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)).reshape(
        shape
    )


def fold(rows: Hashes) -> Hashes:
    """Return one hash per row, that of its numbers in their order."""
    return mix((rows * (draw(1, rows.shape[-1]) | np.uint64(1))).sum(axis=-1, dtype=np.uint64))


def digest(text: str) -> str:
    """Return 32 hex digits of a hash of the text, which may hold halves of characters."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
