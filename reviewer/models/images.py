"""Pictures: read from what a person or a model hands in, and scaled to what a model takes.

The rule: what is stored is the bytes that came in, decoded once to make sure that they are a picture; pixels
are turned, flattened and scaled only on the way to the model.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reviewer.config import ImageSpec
from reviewer.errors import InputError
from reviewer.log.media import Keep, MediaStore
from reviewer.models.files import check_size, find_bytes
from reviewer.records import JsonValue

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

IMAGE_ENDINGS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif"}
"""Pillow's name of each format that is taken → the ending of its files."""

_MAX_PIXELS = 40_000_000
_UNREADABLE = f"is no image that can be read; use {', '.join(IMAGE_ENDINGS)}."
_TOO_MANY_PIXELS = "has too many pixels; at most 40 million are taken."
_DATA_URL = "data:image/png;base64,…"

_INK = 40
"""How much darker than the paper a point of a drawing is."""


def check_image(spec: ImageSpec, value: Any, keep: Keep) -> JsonValue:
    """Return the stored form of a picture; raises `InputError`."""
    if isinstance(value, Mapping) and isinstance(value.get("media"), str):
        return {"media": value["media"]}
    data = read_picture(value)
    check_size(data, spec.max_bytes)
    return keep_picture(data, keep)


def read_picture(value: Any) -> bytes:
    """Return the bytes of a picture given as bytes, a path, a data URL, a PIL image or an array of bytes."""
    data = find_bytes(value, "image", _DATA_URL)
    return _encode_png(value) if data is None else data


def keep_picture(data: bytes, keep: Keep) -> dict[str, str]:
    """Return the stored form of a picture's bytes, kept under the ending of what they really are."""
    with open_image(data) as image:
        _turn_upright(image)
        return {"media": keep(data, IMAGE_ENDINGS[str(image.format)])}


def open_image(data: bytes) -> Image.Image:
    """Return the decoded image; raises `InputError` for anything else or more than 40 megapixels."""
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=tuple(IMAGE_ENDINGS))
        _check_pixels(image)
        image.load()
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(_TOO_MANY_PIXELS) from None
    except Exception:
        # Pillow's decoders raise many kinds of errors on damaged files; each means the same here.
        raise InputError(_UNREADABLE) from None
    return image


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > _MAX_PIXELS:
        raise InputError(_TOO_MANY_PIXELS)


def _encode_png(value: Any) -> bytes:
    from PIL import Image

    try:
        image = value if isinstance(value, Image.Image) else Image.fromarray(value)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
    except (AttributeError, TypeError, ValueError, SystemError, OSError):
        # Pillow says what is wrong with an array in words about its own attributes.
        raise InputError(
            f"is no image that can be stored ({type(value).__name__}); give a data URL, a path, a PIL image"
            " in gray or RGB, or an array of bytes with 1, 3 or 4 channels."
        ) from None
    return buffer.getvalue()


def read_image(spec: ImageSpec, stored: JsonValue, media: MediaStore) -> np.ndarray[Any, Any]:
    """Return height × width (× 3 for RGB) values from 0 to 255; transparent parts are white paper.

    The picture is turned as its EXIF data says, as every browser shows it.
    """
    import numpy as np

    image = _open_upright(media.read(stored["media"])).convert(spec.mode)
    if spec.width and spec.height and image.size != (spec.width, spec.height):
        if spec.crop_to_ink:
            image = _crop_to_ink(image)
        image = _scale(image, spec.width, spec.height)
    return np.asarray(image, dtype=np.float64)


def find_image_oddity(spec: ImageSpec, stored: JsonValue, media: MediaStore) -> str:
    """Return what is odd about a picture that is allowed, "" when nothing is."""
    image = _open_upright(media.read(stored["media"]))
    if _is_blank(image):
        return "is blank: every point has the same color."
    if not spec.width or not spec.height:
        return ""
    size = f"{image.width} × {image.height} pixels"
    if not spec.crop_to_ink and _is_much_smaller(image, spec.width, spec.height):
        return f"has {size}, much less than the {spec.width} × {spec.height} that the model takes."
    if not spec.crop_to_ink and _is_other_shape(image, spec.width / spec.height):
        return f"has {size}, quite another shape than the {spec.width} × {spec.height} that the model takes."
    return ""


def _is_blank(image: Image.Image) -> bool:
    bands: Any = image.getextrema()  # a pair of lowest and highest for each color
    return all(low == high for low, high in bands)


def _is_much_smaller(image: Image.Image, width: int, height: int) -> bool:
    return image.width * 2 < width or image.height * 2 < height


def _is_other_shape(image: Image.Image, wanted: float) -> bool:
    shape = image.width / image.height
    return max(shape / wanted, wanted / shape) > 2


def _open_upright(data: bytes) -> Image.Image:
    """Return the picture as it is seen: turned upright, on white paper."""
    return _flatten(_turn_upright(open_image(data)))


def _turn_upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        # What cameras and editors write about a picture can be damaged in as many ways as the picture.
        raise InputError(_UNREADABLE) from None


def _flatten(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode == "I;16":
        # Pillow would cut 16-bit gray at 255 instead of scaling it.
        image = image.point(lambda value: value / 256).convert("L")
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    rgba = image.convert("RGBA")
    paper = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(paper, rgba).convert("RGB")


def _crop_to_ink(image: Image.Image) -> Image.Image:
    """Cut to the bounding box of what is darker than the paper, kept as it is when there is none."""
    from PIL import ImageOps

    ink = ImageOps.invert(image.convert("L")).point(lambda value: 255 if value > _INK else 0)
    box = ink.getbbox()
    return image.crop(box) if box else image


def _scale(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scale into the size with the proportions kept, in the middle of white paper."""
    from PIL import Image

    share = min(width / image.width, height / image.height)
    # A line of one pixel would vanish, were it not kept at one.
    size = max(round(image.width * share), 1), max(round(image.height * share), 1)
    fitted = image.resize(size, Image.Resampling.BOX)
    paper = Image.new(image.mode, (width, height), "white")
    paper.paste(fitted, ((width - fitted.width) // 2, (height - fitted.height) // 2))
    return paper
