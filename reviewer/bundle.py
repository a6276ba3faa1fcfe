"""Bundles: the reviewed flags of a model as a folder that can be trained on, `exports/MODEL/NUMBER/`.

The rule: a bundle gets its name only when everything is in it and is never changed afterwards; every flag
that was considered is either a row of `train.csv` or listed in the manifest with the reason why not.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from reviewer.analysis import assign_split, find_correction
from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, InputError, LogError, ReviewerError
from reviewer.folders import hash_file, list_numbers, take_next_number
from reviewer.log.columns import encode_json, format_line, format_time
from reviewer.log.media import MediaStore
from reviewer.models.components import write_cell
from reviewer.records import TRAINABLE, Flag, JsonValue, utc_now

TRAIN_CSV, MANIFEST = "train.csv", "manifest.json"

PROVENANCE = (
    "example_id", "flag_id", "model_version", "predicted", "option", "source", "reviewer", "reviewed_at",
)  # fmt: skip
"""Columns of `train.csv` behind the split: where a row came from."""

POLICY = (
    "A row is a flag that a reviewer resolved as label_corrected, with the right answer the reviewer gave."
    " Flags of one example with different right answers are all left out (conflict); of several with the"
    " same one, the newest decision is kept (double). The split follows from example_id for good: rows of"
    " split verify are never trained on."
)


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


def name_target(spec: ModelSpec) -> str:
    """Return the column of the right answer in `train.csv`."""
    return "label" if spec.task.is_classification else "target"


def write_bundle(folder: Path, spec: ModelSpec, flags: Sequence[Flag], media: MediaStore) -> Bundle:
    """Write the flags that can be trained on as the model's next bundle and return it.

    When nothing changed since the newest bundle, that one is returned and nothing is written.
    Raises `InputError` when there is none, `LogError` when the disk refuses; no bundle is left then.
    """
    _check_columns(spec)
    reasons = _find_reasons(spec, flags, media)
    kept = [flag for flag in sorted(flags, key=lambda each: each.flag_id) if flag.flag_id not in reasons]
    if not kept:
        raise InputError(_explain_nothing(spec, reasons))
    parent = folder / "exports" / spec.name
    try:
        return _write_folder(parent, spec, kept, reasons, media)
    except OSError as error:
        raise LogError(
            f"The export could not be written to {parent} ({error.strerror or error}); free space or make"
            " the folder writable and try again."
        ) from error


def read_bundles(folder: Path, model: str) -> list[Bundle]:
    """Return the model's bundles, oldest first; raises `LogError` for a damaged manifest."""
    parent = folder / "exports" / model
    paths = [parent / str(number) for number in list_numbers(parent)]
    return [
        Bundle(model, path.name, path, _read_manifest(path / MANIFEST))
        for path in paths
        if (path / MANIFEST).is_file()
    ]


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


# What is left out


def _find_reasons(spec: ModelSpec, flags: Iterable[Flag], media: MediaStore) -> dict[str, str]:
    """Return flag id → why the flag is no row, for every flag that is none."""
    reasons: dict[str, str] = {}
    by_example: dict[str, list[Flag]] = {}
    for flag in flags:
        if reason := _find_own_reason(spec, flag, media):
            reasons[flag.flag_id] = reason
        else:
            by_example.setdefault(flag.example_id, []).append(flag)
    for twins in by_example.values():
        reasons.update(_settle_twins(twins))
    return reasons


def _find_own_reason(spec: ModelSpec, flag: Flag, media: MediaStore) -> str | None:
    if flag.state.is_withdrawn:
        return "withdrawn"
    if flag.state.resolution not in TRAINABLE:
        return flag.state.resolution or "not_reviewed"
    if find_correction(flag) is None:
        return "no_correction"
    if set(spec.inputs) != set(flag.inputs):
        return "other_inputs"
    return None if _has_media(flag, media) else "missing_media"


def _has_media(flag: Flag, media: MediaStore) -> bool:
    try:
        return all(media.find(name) for name in _list_media(flag))
    except ReviewerError:
        return False


def _list_media(flag: Flag) -> list[str]:
    return [str(each["media"]) for each in flag.inputs.values() if _is_media(each)]


def _is_media(value: JsonValue) -> bool:
    return isinstance(value, Mapping) and "media" in value


def _settle_twins(twins: Sequence[Flag]) -> dict[str, str]:
    """Return why flags of one example are left out; all but one when they agree, all when they do not."""
    if len({encode_json(find_correction(each)) for each in twins}) > 1:
        return {each.flag_id: "conflict" for each in twins}
    oldest_first = sorted(twins, key=_order_decision)
    return {each.flag_id: "double" for each in oldest_first[:-1]}


def _order_decision(flag: Flag) -> tuple[datetime, str]:
    return flag.state.reviewed_at or datetime.min.replace(tzinfo=UTC), flag.flag_id


def _explain_nothing(spec: ModelSpec, reasons: Mapping[str, str]) -> str:
    if not reasons:
        return f"No flag of {spec.name} has been reviewed yet; correct some in the review tab, then export."
    counted = ", ".join(f"{reason} {count}" for reason, count in sorted(Counter(reasons.values()).items()))
    return (
        f"None of the {len(reasons)} reviewed flags of {spec.name} can be trained on ({counted});"
        " give the right answer to some of them, then export."
    )


# What is written


def _check_columns(spec: ModelSpec) -> None:
    if taken := [name for name in spec.inputs if name in (name_target(spec), "split", *PROVENANCE)]:
        raise ConfigError(
            f"models.{spec.name}.inputs.{taken[0]} has the name of a column that exports need;"
            " give the input another name in reviewer.toml."
        )


def _write_folder(
    parent: Path, spec: ModelSpec, kept: Sequence[Flag], reasons: Mapping[str, str], media: MediaStore
) -> Bundle:
    parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    try:
        _write_rows(aside / TRAIN_CSV, spec, kept)
        _copy_media(aside / "media", kept, media)
        aside.chmod(0o755)
        described = _describe(aside, spec, kept, reasons)
        return _find_equal(parent, spec, described) or _take_next_name(aside, spec, described)
    finally:
        shutil.rmtree(aside, ignore_errors=True)  # already renamed when it became a bundle


def _find_equal(parent: Path, spec: ModelSpec, described: Mapping[str, JsonValue]) -> Bundle | None:
    """Return the newest bundle when it says the same, so that exporting again adds nothing."""
    newest = read_bundles(parent.parent.parent, spec.name)[-1:]
    same = [name for name in described if name not in ("created_at", "app_version")]
    return next((each for each in newest if all(each.manifest.get(n) == described[n] for n in same)), None)


def _write_rows(path: Path, spec: ModelSpec, kept: Sequence[Flag]) -> None:
    columns = (*spec.inputs, name_target(spec), "split", *PROVENANCE)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(format_line(columns))
        file.writelines(format_line(_build_row(spec, flag)) for flag in kept)


def _build_row(spec: ModelSpec, flag: Flag) -> list[str]:
    inputs = [write_cell(flag.inputs[name]) for name in spec.inputs]
    predicted = next(
        (each for each in (flag.predicted_label, flag.predicted_value, flag.output) if each is not None), None
    )
    decided_at = flag.state.reviewed_at
    return [
        *inputs, _encode_answer(find_correction(flag)), assign_split(flag.example_id), flag.example_id,
        flag.flag_id, flag.model_version, _encode_answer(predicted), flag.option, flag.source,
        flag.state.reviewer or "", format_time(decided_at) if decided_at else "",
    ]  # fmt: skip


def _encode_answer(value: JsonValue) -> str:
    """Return a text as it is, a number so that it reads back exactly, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else encode_json(value)


def _copy_media(folder: Path, kept: Sequence[Flag], media: MediaStore) -> None:
    names = sorted({name for flag in kept for name in _list_media(flag)})
    if names:
        folder.mkdir()
    for name in names:
        shutil.copyfile(media.find(name), folder / name)


def _describe(
    aside: Path, spec: ModelSpec, kept: Sequence[Flag], reasons: Mapping[str, str]
) -> dict[str, JsonValue]:
    labels = Counter(str(find_correction(each)) for each in kept) if spec.task.is_classification else {}
    return {
        "model": spec.name,
        "task": spec.task,
        "created_at": format_time(utc_now()),
        "app_version": metadata.version("flag-reviewer"),
        "policy": POLICY,
        "inputs": {name: each.component for name, each in spec.inputs.items()},
        "counts": {
            "considered": len(kept) + len(reasons),
            "written": len(kept),
            "left_out": _sort(Counter(reasons.values())),
            "splits": _sort(Counter(assign_split(each.example_id) for each in kept)),
            "labels": _sort(labels),
        },
        "left_out": [{"flag_id": name, "reason": reasons[name]} for name in sorted(reasons)],
        "files": {
            path.relative_to(aside).as_posix(): hash_file(path)
            for path in sorted(aside.rglob("*"))
            if path.is_file()
        },
    }


def _sort(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _take_next_name(aside: Path, spec: ModelSpec, described: dict[str, JsonValue]) -> Bundle:
    path = take_next_number(aside, lambda name: _write_manifest(aside, name, described))
    return Bundle(spec.name, path.name, path, {"name": path.name, **described})


def _write_manifest(aside: Path, name: str, described: dict[str, JsonValue]) -> None:
    text = json.dumps({"name": name, **described}, ensure_ascii=False, indent=2) + "\n"
    (aside / MANIFEST).write_text(text, encoding="utf-8")


def _read_manifest(path: Path) -> dict[str, JsonValue]:
    try:
        manifest: dict[str, JsonValue] = json.loads(path.read_text(encoding="utf-8"))
        return {**manifest, "counts": manifest["counts"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LogError(
            f"{path} is damaged ({type(error).__name__}: {error}); remove its folder and export again."
        ) from error
