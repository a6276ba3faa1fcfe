"""Bundles on the disk: read back, and handed out as one archive in a stream."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.errors import LogError
from reviewer.folders import list_numbers
from reviewer.records import JsonValue

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """One export of a model."""

    model: str
    name: str
    path: Path
    manifest: dict[str, JsonValue]

    @property
    def counts(self) -> dict[str, JsonValue]:
        """Flags `considered`, rows `written`, and `left_out`: reason → flags; the sum adds up."""
        counts: dict[str, JsonValue] = self.manifest["counts"]
        return counts

    @property
    def mode(self) -> str:
        """The mode of the export; bundles of older versions are full ones."""
        return str(self.manifest.get("options", {}).get("mode", "full"))


def count_reviews(bundle: Bundle) -> int:
    """Return how many review events the export knew, 0 when an older version did not write it down."""
    return int(bundle.manifest.get("logs", {}).get("reviews", {}).get("rows", 0))


def read_bundles(folder: Path, model: str) -> list[Bundle]:
    """Return the model's bundles, oldest first; raises `LogError` for a damaged manifest."""
    parent = folder / "exports" / model
    paths = [parent / str(number) for number in list_numbers(parent)]
    return [
        Bundle(model, path.name, path, _read_manifest(path / MANIFEST))
        for path in paths
        if (path / MANIFEST).is_file()
    ]


def _read_manifest(path: Path) -> dict[str, JsonValue]:
    try:
        manifest: dict[str, JsonValue] = json.loads(path.read_text(encoding="utf-8"))
        return {**manifest, "counts": manifest["counts"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LogError(
            f"{path} is damaged ({type(error).__name__}: {error}); remove its folder and export again."
        ) from error


def stream_archive(bundle: Bundle) -> Iterator[bytes]:
    """Yield the bundle as a ZIP file, piece by piece; the same bundle gives the same bytes."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(each for each in bundle.path.rglob("*") if each.is_file()):
            name = f"{bundle.model}-{bundle.name}/{path.relative_to(bundle.path).as_posix()}"
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while piece := source.read(1 << 18):
                    target.write(piece)
                    yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """A file that cannot seek and hands on what was written to it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken
