"""Near duplicates of pictures: the same one saved, scaled or brightened anew, or a tiny one with a speck.

The rule: a picture is decoded once and small; of one that cannot be decoded nothing is said.
"""

from __future__ import annotations

import io
import math
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from reviewer.similar.hashing import BANDS, Hashes, draw, fold

if TYPE_CHECKING:
    from PIL import Image

Picture: TypeAlias = dict[str, Any]
"""`size` of a tiny picture or `shape` of another (width by height), and its cells, `luma` and `chroma`."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_MOST_PIXELS = 40_000_000
_SIDE = 16
"""A picture of at most so many pixels a side is tiny and compared pixel by pixel; others are scaled to it."""
_TINY_LEVELS, _LEVELS = 24, 8
"""Levels of 255 by which a cell may differ: saving anew moves one by 3, a word on a screenshot by 15."""
_TINY_SHARE = 1 / 32
"""Share of a tiny picture's pixels that may differ by more. Of the 1,797 handwritten digits of scikit-learn,
two of the same class differ in 3 % of their 64 pixels at the least, two of different classes in 22 %."""
_MOST_BRIGHTER = 20
_MOST_STRETCHED = 0.04
_EDGE = 8
"""Levels between two neighbours that make an edge."""
_EDGES_A_BAND = 40
"""Of a 64-pixel digit with one pixel changed, a band keeps its hash in 23 % of cases, so one of 24 does."""


def read(data: bytes) -> Picture | None:
    """Return what pictures are compared by, None when the bytes are no picture that can be decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what the size check below refuses
            return _read_cells(data)
    except Exception:
        # Pillow's decoders raise many kinds of errors on damaged files; each means the same here.
        return None


def _read_cells(data: bytes) -> Picture | None:
    from PIL import Image, ImageOps

    image: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
    if image.width * image.height > _MOST_PIXELS:
        return None
    image.draft("RGB", (4 * _SIDE, 4 * _SIDE))  # a JPEG is decoded at an eighth in a tenth of the time
    image = ImageOps.exif_transpose(image)
    is_tiny = max(image.size) <= _SIDE
    known = {"size": list(image.size)} if is_tiny else {"shape": math.log(image.width / image.height)}
    size = image.size if is_tiny else (_SIDE, _SIDE)
    luma, *chroma = _put_on_paper(image).convert("YCbCr").split()
    halves = (math.ceil(size[0] / 2), math.ceil(size[1] / 2))
    return known | {"luma": _pack(luma, size), "chroma": _pack(chroma[0], halves) + _pack(chroma[1], halves)}


def _put_on_paper(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode == "I;16":
        # Pillow would cut 16-bit gray at 255 instead of scaling it.
        image = image.point(lambda value: value / 256).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _pack(cells: Image.Image, size: tuple[int, int]) -> str:
    from PIL import Image

    return cells.resize(size, Image.Resampling.HAMMING).tobytes().hex()


def _unpack(cells: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.frombuffer(bytes.fromhex(cells), dtype=np.uint8).astype(np.int64)


def is_same(one: Picture, other: Picture) -> bool:
    """Return whether two pictures show the same, up to what saving anew and scaling change."""
    if "size" in one or "size" in other:
        return one.get("size") == other.get("size") and _is_same_tiny(one, other)
    if abs(one["shape"] - other["shape"]) > _MOST_STRETCHED:
        return False
    luma = _unpack(one["luma"]) - _unpack(other["luma"])
    brighter = round(luma.mean())
    chroma = _unpack(one["chroma"]) - _unpack(other["chroma"])
    is_close = abs(luma - brighter).max() <= _LEVELS and abs(chroma).max() <= _LEVELS
    return bool(is_close and abs(brighter) <= _MOST_BRIGHTER)


def _is_same_tiny(one: Picture, other: Picture) -> bool:
    # A pixel has one cell of brightness, and a quarter as many cells have each half of its color.
    shares = {"luma": _TINY_SHARE, "chroma": 2 * _TINY_SHARE}
    is_other = {each: abs(_unpack(one[each]) - _unpack(other[each])) > _TINY_LEVELS for each in shares}
    return all(is_other[each].mean() <= share for each, share in shares.items())


def band(picture: Picture) -> Hashes:
    """Return the picture's `BANDS` hashes, each of other edges between its cells."""
    width, height = picture.get("size", (_SIDE, _SIDE))
    cells = _unpack(picture["luma"]).reshape(height, width)
    edges = np.concatenate([np.diff(cells, axis=axis).ravel() > _EDGE for axis in (0, 1)])
    if not edges.size:
        return np.zeros(BANDS, dtype=np.uint64)
    return fold(edges[_choose_edges(edges.size)].astype(np.uint64))


@cache
def _choose_edges(count: int) -> Hashes:
    return draw(3, BANDS, _EDGES_A_BAND) % np.uint64(count)
