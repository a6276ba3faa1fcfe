"""Input components: how a value is checked, what is stored of it, and what the model gets.

A component is a row of `COMPONENTS`. The stored form is JSON and exact: the same example always has the
same stored form, so `example_id` can be a hash of it.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.config import (
    CheckboxSpec,
    DropdownSpec,
    ImageSpec,
    InputSpec,
    ModelSpec,
    NumberSpec,
    SliderSpec,
    TextboxSpec,
)
from reviewer.errors import InputError, UnknownNameError
from reviewer.log.media import MediaStore
from reviewer.records import Inputs, JsonValue

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

Keep = Callable[[bytes, str], str]
"""Takes a file's bytes and ending, returns its media name: `MediaStore.save` or `name_media`."""

_MAX_EXACT = 2**53
"""Up to here every whole number is a float of its own."""

_MAX_PIXELS = 40_000_000
_TOO_MANY_PIXELS = "has too many pixels; at most 40 million are taken."


@dataclass(frozen=True, slots=True)
class Component:
    """How one kind of input is handled."""

    check: Callable[[Any, Any, Keep], JsonValue]
    """(spec, value from outside, keep) → stored form; raises `InputError`."""
    read: Callable[[Any, JsonValue, MediaStore], Any]
    """(spec, stored form, media) → what the model gets."""
    parse: Callable[[str], Any] = str
    """Cell of a CSV file → value from outside."""


def check_inputs(spec: ModelSpec, values: Mapping[str, Any], keep: Keep) -> Inputs:
    """Return the example's stored form; raises `InputError` naming the input at fault."""
    if unknown := [name for name in values if name not in spec.inputs]:
        raise InputError(
            f"{spec.name} has no input {unknown[0]!r}; its inputs: {', '.join(spec.inputs)}.", unknown[0]
        )
    return {name: _check_input(name, each, values.get(name), keep) for name, each in spec.inputs.items()}


def _check_input(name: str, spec: InputSpec, value: Any, keep: Keep) -> JsonValue:
    if value is None or (isinstance(value, str) and not value):
        hint = "; draw or upload one" if isinstance(spec, ImageSpec) else ""
        raise InputError(f"{spec.label or name} is missing{hint}.", name)
    try:
        return COMPONENTS[spec.component].check(spec, value, keep)
    except InputError as error:
        raise InputError(f"{spec.label or name} {error}", name) from None


def check_media(spec: ModelSpec, inputs: Inputs, media: MediaStore) -> None:
    """Raise `InputError` when the example names an image that is not stored."""
    for name, each in spec.inputs.items():
        if isinstance(each, ImageSpec):
            try:
                media.find(inputs[name]["media"])
            except UnknownNameError:
                stored = inputs[name]["media"][:80]
                raise InputError(
                    f"{each.label or name} is the stored image {stored!r}, which does not exist;"
                    " give a data URL (data:image/png;base64,…).",
                    name,
                ) from None


def read_inputs(spec: ModelSpec, inputs: Inputs, media: MediaStore) -> dict[str, Any]:
    """Return what the model gets for a stored example, one value per input."""
    return {
        name: COMPONENTS[each.component].read(each, inputs[name], media) for name, each in spec.inputs.items()
    }


def parse_cells(spec: ModelSpec, cells: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Return the inputs of one row of a CSV file; images are paths relative to its folder."""
    values: dict[str, Any] = {}
    for name, each in spec.inputs.items():
        cell = cells[name]
        values[name] = (
            folder / cell if isinstance(each, ImageSpec) else COMPONENTS[each.component].parse(cell)
        )
    return values


def _check_text(spec: TextboxSpec, value: Any, keep: Keep) -> str:
    if not isinstance(value, str):
        raise InputError(f"must be a text, not {type(value).__name__}.")
    if len(value) > spec.max_length:
        raise InputError(f"is {len(value):,} characters long; at most {spec.max_length:,} are taken.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"holds half a character at position {error.start}, which UTF-8 cannot write; remove it."
        ) from None
    return value


def _check_number(spec: NumberSpec | SliderSpec, value: Any, keep: Keep) -> float | int:
    """Return the number; a whole one without its `.0`, since forms and CSV files write it differently."""
    number = _parse_number(value)
    if not math.isfinite(number):
        raise InputError(f"is {value}; a finite number is needed.")
    low = -math.inf if spec.minimum is None else spec.minimum
    high = math.inf if spec.maximum is None else spec.maximum
    if not low <= number <= high:
        raise InputError(f"is {number:g}; it must be from {low:g} to {high:g}.")
    return int(number) if number.is_integer() and abs(number) <= _MAX_EXACT else number


def _parse_number(value: Any) -> float:
    if isinstance(value, bool):
        raise InputError(f"is {value}; a number is needed.")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"is {str(value)[:80]!r}; a number is needed.") from None


def _check_choice(spec: DropdownSpec, value: Any, keep: Keep) -> str:
    if not isinstance(value, str) or value not in spec.choices:
        raise InputError(f"is {str(value)[:80]!r}; choose one of {', '.join(spec.choices[:20])}.")
    return value


def _check_yes_no(spec: CheckboxSpec, value: Any, keep: Keep) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"is {str(value)[:80]!r}; true or false is needed.")
    return value


def _check_image(spec: ImageSpec, value: Any, keep: Keep) -> JsonValue:
    if isinstance(value, Mapping) and isinstance(value.get("media"), str):
        return {"media": value["media"]}
    data = _read_image_bytes(value)
    if len(data) > spec.max_bytes:
        raise InputError(f"is {len(data):,} bytes; at most {spec.max_bytes:,} are taken.")
    return {"media": keep(data, _find_image_type(data))}


def _read_image_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, Path):
        return _read_file(value)
    if isinstance(value, str):
        return _decode_data_url(value)
    return _encode_png(value)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read from {path}: {error.strerror}.") from None


def _decode_data_url(text: str) -> bytes:
    """Read `data:image/png;base64,…`; a bare path is refused, since texts come from strangers."""
    head, comma, body = text.partition(",")
    try:
        if not (head.startswith("data:image/") and head.endswith(";base64") and comma):
            raise ValueError
        return base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error):
        raise InputError("is no image; give a data URL (data:image/png;base64,…).") from None


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


_FORMATS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif"}


def _find_image_type(data: bytes) -> str:
    """Return the file ending by what the bytes really are, having decoded them once."""
    with open_image(data) as image:
        return _FORMATS[str(image.format)]


def open_image(data: bytes) -> Image.Image:
    """Return the decoded image; raises `InputError` for anything else or more than 40 megapixels."""
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=tuple(_FORMATS))
        _check_pixels(image)
        image.load()
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(_TOO_MANY_PIXELS) from None
    except Exception:
        # Pillow's decoders raise many kinds of errors on damaged files; each means the same here.
        raise InputError(f"is no image that can be read; use {', '.join(_FORMATS)}.") from None
    return image


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > _MAX_PIXELS:
        raise InputError(_TOO_MANY_PIXELS)


def _read_image(spec: ImageSpec, stored: JsonValue, media: MediaStore) -> np.ndarray[Any, Any]:
    """Return height × width (× 3 for RGB) values from 0 to 255; transparent parts are white paper.

    The picture is turned as its EXIF data says, as every browser shows it.
    """
    import numpy as np
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(open_image(media.read(stored["media"])))
    image = _flatten(upright).convert(spec.mode)
    if image.size != (spec.width, spec.height):
        if spec.crop_to_ink:
            image = _crop_to_ink(image)
        image = _scale(image, spec.width, spec.height)
    return np.asarray(image, dtype=np.float64)


def _flatten(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode == "I;16":
        # Pillow would cut 16-bit gray at 255 instead of scaling it.
        image = image.point(lambda value: value / 256).convert("L")
    rgba = image.convert("RGBA")
    paper = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(paper, rgba)


def _crop_to_ink(image: Image.Image) -> Image.Image:
    """Cut to the bounding box of what is darker than the paper, kept as it is when there is none."""
    from PIL import ImageOps

    ink = ImageOps.invert(image.convert("L")).point(lambda value: 255 if value > 40 else 0)
    box = ink.getbbox()
    return image.crop(box) if box else image


def _scale(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scale into the size with the proportions kept, in the middle of white paper."""
    from PIL import Image, ImageOps

    fitted = ImageOps.contain(image, (width, height), Image.Resampling.BOX)
    paper = Image.new(image.mode, (width, height), "white")
    paper.paste(fitted, ((width - fitted.width) // 2, (height - fitted.height) // 2))
    return paper


def _read_as_stored(spec: Any, stored: JsonValue, media: MediaStore) -> Any:
    return stored


def _read_number(spec: Any, stored: JsonValue, media: MediaStore) -> float:
    return float(stored)


def _parse_yes_no(cell: str) -> bool | str:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
        cell.lower(), cell
    )


COMPONENTS: dict[str, Component] = {
    "textbox": Component(_check_text, _read_as_stored),
    "number": Component(_check_number, _read_number),
    "slider": Component(_check_number, _read_number),
    "dropdown": Component(_check_choice, _read_as_stored),
    "radio": Component(_check_choice, _read_as_stored),
    "checkbox": Component(_check_yes_no, _read_as_stored, _parse_yes_no),
    "image": Component(_check_image, _read_image),
}
"""Component name in `reviewer.toml` → how it is handled."""
