"""Text files as they come: UTF-8, or the UTF-16 that spreadsheets write.

The rule: nothing is replaced. A byte that fits no encoding is an error that names the file.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from reviewer.errors import InputError

_LOOKED_AT = 4096


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text on the disk or in an archive, which can be opened again and again."""

    name: str
    open_bytes: Callable[[], IO[bytes]]
    encoding: str

    @contextmanager
    def open(self, newline: str) -> Iterator[io.TextIOWrapper]:
        """Yield the text from its start; raises `InputError` where it is damaged."""
        try:
            with io.TextIOWrapper(self.open_bytes(), encoding=self.encoding, newline=newline) as file:
                yield file
        except UnicodeError:
            raise InputError(
                f"{self.name} is no text in UTF-8 or UTF-16; save it as UTF-8, in a spreadsheet as"
                " “CSV UTF-8”."
            ) from None
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {error.strerror or error}.") from None


def open_text(name: str, open_bytes: Callable[[], IO[bytes]]) -> TextFile:
    """Return the file with its encoding found."""
    with open_bytes() as file:
        start = file.read(_LOOKED_AT)
    return TextFile(name, open_bytes, _find_encoding(start))


def _find_encoding(start: bytes) -> str:
    """Return the encoding by the mark at the start, else by the NULs that ASCII has in UTF-16."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 > len(start) and min(even, odd) * 20 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"
