"""Retraining: base data plus corrections become a version beside the one it was made from.

What the training prints is kept in `models/NAME/training/TIME.log`. The rule: nothing else is left of a
retraining that failed or was cancelled, and no version before it is touched.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reviewer.bundle import Bundle
from reviewer.config import FileSpec, Kind, ModelSpec
from reviewer.datasets import hash_base
from reviewer.errors import InputError, LogError, ModelError
from reviewer.models.kinds.external import describe_external
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import JsonValue, Progress, Task, utc_now
from reviewer.training.choosing import Export, describe_source
from reviewer.training.process import train_apart
from reviewer.training.trainers import check_trusted
from reviewer.training.work import Order


@dataclass(frozen=True, slots=True)
class Retraining:
    """A new version beside the one it was made from, both measured on the same held-out examples."""

    version: Version
    before: dict[str, float]
    after: dict[str, float]
    counts: dict[str, int]
    """Rows it was fitted on: `base` and `corrections`."""
    left_out: dict[str, int]
    """Reason → rows of the base's train split and of the bundle that it was not fitted on."""
    log: Path
    """What the training printed."""


def retrain(
    folder: Path,
    versions: ModelVersions,
    bundle: Bundle,
    progress: Progress,
    *,
    timeout: float | None = None,
    is_searched: bool = True,
) -> Retraining:
    """Train on base and corrections from the newest version on; the new one is not served by itself.

    It runs in a process of its own: `progress` is called ten times a second and may raise to end it at once,
    and after `timeout` seconds (None: the config's) it is ended. Raises `InputError` when there is nothing
    new to learn from, `ConfigError` or `InputError` for unusable base data, `UntrustedModelError` for code
    that nobody trusted, `ModelError` when the model cannot be retrained here or training fails.
    """
    spec = versions.spec
    check_trainable(spec)
    parent = versions.find_newest()
    source = Export(bundle.model, bundle.name, bundle.path)
    _check_new(folder, spec, parent, source)
    with _making_room(versions) as (aside, log):
        order = Order(folder, spec, parent.path, source, aside, is_searched)
        made = train_apart(order, timeout or spec.training.timeout, log, progress)
        progress(1.0, "Adding the version")
        version = _add(versions, order, made, {"parent": parent.name, "log": log.name})
    metrics, trained_on = version.card["metrics"], version.card["trained_on"]
    rows, left_out = trained_on["rows"], trained_on["left_out"]
    return Retraining(version, metrics["before"], metrics["held_out"], rows, left_out, log)


def _add(
    versions: ModelVersions, order: Order, made: Mapping[str, JsonValue], card: Mapping[str, JsonValue]
) -> Version:
    told = {name: value for name, value in made.items() if name != "artifact"}
    artifact = str(made["artifact"])

    def write(folder: Path) -> Path:
        shutil.copytree(order.out, folder, dirs_exist_ok=True)
        return folder / artifact

    return versions.add(write, {**card, **told})


@contextlib.contextmanager
def _making_room(versions: ModelVersions) -> Iterator[tuple[Path, Path]]:
    """Yield an empty folder that is gone afterwards, and the path of a new log, in the model's folder."""
    logs = versions.folder / "training"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".training-", dir=versions.folder))
    except OSError as error:
        raise LogError(
            f"{versions.folder} could not be written ({error.strerror or error}); free space or make the"
            " folder writable and try again."
        ) from error
    try:
        yield aside, logs / f"{utc_now():%Y-%m-%dT%H-%M-%S-%f}.log"
    finally:
        shutil.rmtree(aside, ignore_errors=True)  # what is left of it is in nobody's way


def check_trainable(spec: ModelSpec) -> None:
    """Raise `ModelError` when the model cannot be retrained here, with what would work."""
    if spec.kind is Kind.EXTERNAL:
        raise ModelError(describe_external(spec))
    check_trusted(spec)
    if spec.training.has_trainer:
        return
    if spec.kind is not Kind.SKLEARN:
        raise ModelError(
            f"{spec.name} is a {spec.kind} model, and only sklearn models are retrained without code of"
            f" yours; name it in models.{spec.name}.training, or retrain the model where it was made."
        )
    if files := [name for name, each in spec.inputs.items() if isinstance(each, FileSpec)]:
        raise ModelError(
            f"{spec.name} reads the file {files[0]}, which only code of yours understands; name it in"
            f" models.{spec.name}.training, or retrain the model where it was made."
        )
    if not (spec.task.is_classification or spec.task is Task.TABULAR_REGRESSION):
        raise ModelError(
            f"{spec.name} is a {spec.task} model; without code of yours in models.{spec.name}.training only"
            " classification and regression are retrained."
        )


def _check_new(folder: Path, spec: ModelSpec, parent: Version, bundle: Export) -> None:
    before = parent.card.get("trained_on") or {}
    now = describe_source(spec, bundle)
    base = hash_base(folder, spec) if spec.base or not spec.training.has_trainer else None
    was = (before.get("base") or {}).get("sha256"), before.get("files"), before.get("training")
    if was == (base, now["files"], now["training"]):
        raise InputError(
            f"{parent.model} version {parent.name} was trained on exactly this data;"
            " review more flags, then retrain."
        )
