"""Exports: planned without a trace, or written as the model's next bundle, `exports/MODEL/NUMBER/`.

The rule: a bundle gets its name only when everything is in it and is never changed afterwards; every flag
that was considered is either a row or listed in `left_out.csv` with the reason why not.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.bundle.archive import MANIFEST, Bundle, count_reviews, read_bundles
from reviewer.bundle.base import Base, find_base, read_base_table
from reviewer.bundle.card import write_card
from reviewer.bundle.changes import CHANGES, write_changes
from reviewer.bundle.checks import Finding, find_all
from reviewer.bundle.columns import check_columns
from reviewer.bundle.croissant import CROISSANT, write_croissant
from reviewer.bundle.formats import FORMATS, check_formats
from reviewer.bundle.loader import write_loader
from reviewer.bundle.manifest import count_rows, describe, hash_files, write_checksums, write_left_out
from reviewer.bundle.merging import merge_base
from reviewer.bundle.options import ALWAYS, RESOLUTIONS, ExportOptions
from reviewer.bundle.rows import Rows
from reviewer.bundle.selecting import Source, keep_splits, selecting
from reviewer.config import ModelSpec
from reviewer.errors import InputError, LogError
from reviewer.folders import hash_file, take_next_number
from reviewer.index.queries import read_heads
from reviewer.log.media import MediaStore
from reviewer.records import JsonValue, Progress

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WAIT_SECONDS = 0.1

_SAMPLE = 10
"""Rows that a plan shows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an export would write."""

    counts: dict[str, JsonValue]
    findings: list[Finding]
    sample: list[dict[str, Any]]
    """The first rows, column → text."""


def plan_bundle(
    cursor: DuckDBPyConnection,
    folder: Path,
    spec: ModelSpec,
    media: MediaStore,
    options: ExportOptions,
    progress: Progress,
) -> Plan:
    """Return what an export would hold and what should be known before; nothing is written."""
    _check(spec, options)
    with _explaining(_find_parent(folder, spec)):
        source, base, _ = _prepare(cursor, folder, spec, media, options)
        with selecting(source, options, progress):
            rows = Rows(source, options)
            return Plan(count_rows(rows), find_all(source, options, base), rows.list_first(_SAMPLE))


def write_bundle(
    cursor: DuckDBPyConnection,
    folder: Path,
    spec: ModelSpec,
    media: MediaStore,
    options: ExportOptions,
    progress: Progress,
) -> Bundle:
    """Write the model's next bundle and return it.

    When nothing changed since the last one of its kind, that one is returned and nothing is written. Raises
    `InputError` with the first finding that stops, `LogError` when the disk refuses; no bundle is left then.
    """
    _check(spec, options)
    path = _find_parent(folder, spec)
    # The lock comes first: what another export deals meanwhile must be known to this one.
    with _explaining(path), _locked(path, progress):
        source, base, parent = _prepare(cursor, folder, spec, media, options)
        with selecting(source, options, progress):
            findings = find_all(source, options, base)
            if findings and findings[0].is_stop:
                raise InputError(findings[0].sentence)
            return _write_folder(Rows(source, options), base, findings, parent, progress)


def _check(spec: ModelSpec, options: ExportOptions) -> None:
    check_columns(spec)
    check_formats(spec, options.formats)
    if options.weights == "balanced" and not spec.task.is_classification:
        raise InputError(
            f"weights is balanced, but {spec.name} has no labels; use evidence or none.", "weights"
        )


def _find_parent(folder: Path, spec: ModelSpec) -> Path:
    return folder / "exports" / spec.name


def _prepare(
    cursor: DuckDBPyConnection,
    folder: Path,
    spec: ModelSpec,
    media: MediaStore,
    options: ExportOptions,
) -> tuple[Source, Base | None, Bundle | None]:
    path = find_base(folder, spec, options.base)
    if path is None and options.mode == "merge":
        raise InputError(f"{spec.name} has no base CSV to merge into; name one with base.", "base")
    base = read_base_table(spec, path, options.key) if path else None
    parent = _find_last(read_bundles(folder, spec.name), options)
    head = count_reviews(parent) if parent else 0
    return Source(cursor, folder, spec, media, base.splits if base else {}, head), base, parent


def _find_last(bundles: list[Bundle], options: ExportOptions) -> Bundle | None:
    """Return the last bundle with rows of the same kind: guards and rejects are no corrections."""
    kind = options.mode if options.mode in RESOLUTIONS else None
    same = (each for each in reversed(bundles) if kind == (each.mode if each.mode in RESOLUTIONS else None))
    return next(same, None)


@contextlib.contextmanager
def _explaining(parent: Path) -> Iterator[None]:
    """Turn what the disk or DuckDB refuses into a sentence."""
    import duckdb

    try:
        yield
    except (OSError, duckdb.IOException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise LogError(
            f"The export could not be written to {parent} ({reason}); free space or make"
            " the folder writable and try again."
        ) from error
    except duckdb.Error as error:
        raise LogError(
            f"The index could not work the export out ({str(error).splitlines()[0]}); make it again with"
            " `reviewer reindex`, then export again."
        ) from error


@contextlib.contextmanager
def _locked(parent: Path, progress: Progress) -> Iterator[None]:
    """Let one export of the model be written at a time: the splits are dealt once."""
    parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(parent / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not _try_lock(descriptor):
            progress(0.0, "Waiting for another export of the model")  # whoever waits can stop
            time.sleep(_WAIT_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_folder(
    rows: Rows, base: Base | None, findings: list[Finding], parent: Bundle | None, progress: Progress
) -> Bundle:
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=rows.source.parent))
    try:
        _write_formats(rows, aside, progress)
        described = describe(rows, read_heads(rows.source.cursor), findings, parent.name if parent else None)
        if rows.options.mode == "merge" and base:
            described["merged"] = {"base_sha256": base.sha256, **merge_base(rows, base, aside)}
        progress(0.9, "Writing the card and the manifest")
        _write_about(rows, aside, described, parent)
        if same := _find_equal(parent, described):
            return same
        if rows.options.mode not in RESOLUTIONS:
            keep_splits(rows.source)
        aside.chmod(0o755)
        path = take_next_number(aside, lambda name: _write_manifest(aside, name, described))
        return Bundle(rows.spec.name, path.name, path, {"name": path.name, **described})
    finally:
        shutil.rmtree(aside, ignore_errors=True)  # already renamed when it became a bundle


def _write_formats(rows: Rows, aside: Path, progress: Progress) -> None:
    names = dict.fromkeys((*ALWAYS, *rows.options.formats))
    with contextlib.ExitStack() as stack:
        adding = [stack.enter_context(FORMATS[name].writing(rows, aside)) for name in names]
        for part in rows.list_parts(lambda share, doing: progress(0.4 + 0.5 * share, doing)):
            for add in adding:
                add(part)
    media = rows.list_media()
    if media:
        (aside / "media").mkdir()
    for name in media:
        rows.copy_media(name, aside / "media" / name)


def _write_about(rows: Rows, aside: Path, described: dict[str, JsonValue], parent: Bundle | None) -> None:
    write_left_out(rows, aside)
    write_loader(rows, aside)
    write_changes(rows, aside, parent.path if parent else None)
    write_card(rows, aside, described)
    files = hash_files(aside)
    write_croissant(rows, aside, described, files)
    described["files"] = dict(sorted({**files, CROISSANT: hash_file(aside / CROISSANT)}.items()))
    write_checksums(aside, described["files"])


def _find_equal(parent: Bundle | None, described: Mapping[str, JsonValue]) -> Bundle | None:
    """Return the bundle before when it holds the same, so that exporting again adds nothing."""
    if parent is None:
        return None
    ignored = ("parent", "app_version", "logs", "files")
    same = all(parent.manifest.get(name) == described[name] for name in described if name not in ignored)
    files, before = described["files"], parent.manifest.get("files")
    return parent if same and _drop_changes(files) == _drop_changes(before or {}) else None


def _drop_changes(files: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if name != CHANGES}


def _write_manifest(aside: Path, name: str, described: dict[str, JsonValue]) -> None:
    text = json.dumps({"name": name, **described}, ensure_ascii=False, indent=2) + "\n"
    (aside / MANIFEST).write_text(text, encoding="utf-8")
