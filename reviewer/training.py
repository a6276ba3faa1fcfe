"""Retraining: base data plus corrections become a version, and reviewed flags are run again with it.

The rule: what is held out stays held out. No version is fitted on an example of the base's test split or of
the verify split, and on one of the validation split only with the answer that a reviewer gave.
"""

from __future__ import annotations

import csv
import math
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reviewer.analysis import TRAIN, VERIFY, find_right_answer, judge
from reviewer.bundle import MANIFEST, TRAIN_CSV, Bundle, name_target
from reviewer.config import FileSpec, Kind, ModelSpec
from reviewer.errors import ConfigError, InputError, ModelError, ReviewerError
from reviewer.folders import hash_file
from reviewer.log.media import MediaStore, name_media
from reviewer.models.components import check_inputs, parse_cells, read_inputs
from reviewer.models.kinds import Answer, Predictor, build_batch, load_estimator, load_predictor
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import Flag, JsonValue, Progress, Task, Verification, hash_example

VALIDATION, TEST = "validation", "test"

_BATCH = 1000
"""Examples per call of a model: few enough that memory stays flat and progress moves."""

_SEED = 0
_TEST_SHARE = 0.2
"""Share of the base that is held out when it has no split column."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example of a CSV file with its right answer."""

    example_id: str
    values: dict[str, Any]
    """What a tester would enter: texts, numbers, paths of files."""
    example: dict[str, Any]
    """What the model gets."""
    right: str | float
    split: str


@dataclass(frozen=True, slots=True)
class Base:
    """The base training data of a model."""

    path: Path
    sha256: str
    rows: list[Row]

    def select(self, split: str) -> list[Row]:
        """Return the rows of one split, in file order."""
        return [row for row in self.rows if row.split == split]


@dataclass(frozen=True, slots=True)
class Retraining:
    """A new version beside the one it was made from, both measured on the base's test split."""

    version: Version
    before: dict[str, float]
    after: dict[str, float]
    counts: dict[str, int]
    """Rows it was fitted on: `base` and `corrections`."""
    left_out: dict[str, int]
    """Reason → rows of the base's train split and of the bundle that it was not fitted on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a version answered to a flagged example and what that means for the flag."""

    flag_id: str
    verification: Verification
    predicted_label: str | None = None
    predicted_value: float | None = None


# Retrain


def retrain(folder: Path, versions: ModelVersions, bundle: Bundle, progress: Progress) -> Retraining:
    """Fit a copy of the newest version's estimator on base and corrections; it is not served by itself.

    Raises `InputError` when there is nothing new to learn from, `ConfigError` or `InputError` for unusable
    base data, `ModelError` when the model cannot be retrained here or fitting fails. Nothing is left of a
    retraining that failed or was cancelled.
    """
    spec = versions.spec
    _check_trainable(spec)
    parent = versions.find_newest()
    progress(0.0, "Reading the base data")
    base = read_base(folder, spec)
    progress(0.2, "Reading the corrections")
    rows, counts, left_out = _select_rows(spec, base, bundle)
    trained_on = _describe_rows(spec, base, bundle, counts, left_out)
    _check_new(parent, trained_on)
    progress(0.3, f"Fitting on {len(rows):,} examples")
    fitted = fit_estimator(spec, load_estimator(spec, parent.path), rows)
    progress(0.7, f"Measuring version {parent.name}")
    before = measure(spec, versions.load(parent), base.select(TEST))
    card = {"parent": parent.name, "trained_on": trained_on, "metrics": {"before": before}}
    progress(0.8, "Measuring the new version")
    version = add_version(versions, fitted, base.select(TEST), card)
    return Retraining(version, before, version.card["metrics"]["held_out"], counts, left_out)


def fit_estimator(spec: ModelSpec, estimator: Any, rows: Sequence[Row]) -> Any:
    """Return an unfitted copy of the estimator fitted on the rows; raises `ModelError` when that fails."""
    from sklearn.base import clone

    try:
        fresh = clone(estimator)
        _fix_seeds(fresh)
        return fresh.fit(build_batch(spec, [row.example for row in rows]), [row.right for row in rows])
    except Exception as error:
        # Whatever an estimator raises is its failure, not the program's.
        raise ModelError(
            f"Fitting {spec.name} on {len(rows):,} examples failed:"
            f" {type(error).__name__}: {str(error)[:300]}"
        ) from error


def add_version(
    versions: ModelVersions, fitted: Any, held_out: Sequence[Row], card: Mapping[str, JsonValue]
) -> Version:
    """Save a fitted estimator as the next version, measured on `held_out` as loaded from its file.

    Raises `ModelError` when it cannot be saved, loaded or measured; no version is added then.
    """
    spec = versions.spec
    with tempfile.TemporaryDirectory() as aside:
        artifact = _save_estimator(spec, fitted, Path(aside) / "model.skops")
        metrics = {"held_out": measure(spec, load_predictor(spec, artifact), held_out)}
        return versions.add(
            lambda folder: Path(shutil.copy(artifact, folder / artifact.name)),
            {**card, "seed": _SEED, "metrics": {**card.get("metrics", {}), **metrics}},
        )


def _save_estimator(spec: ModelSpec, fitted: Any, path: Path) -> Path:
    import skops.io

    try:
        skops.io.dump(fitted, path)
    except Exception as error:
        # skops raises many kinds of errors on objects that it cannot write.
        raise ModelError(
            f"The retrained {spec.name} cannot be saved with skops: {type(error).__name__}: {error}"
        ) from error
    return path


def _check_trainable(spec: ModelSpec) -> None:
    if spec.kind is not Kind.SKLEARN:
        raise ModelError(
            f"{spec.name} is a {spec.kind} model, and only sklearn models are retrained here;"
            " retrain it where it was made, from its export."
        )
    if files := [name for name, each in spec.inputs.items() if isinstance(each, FileSpec)]:
        raise ModelError(
            f"{spec.name} reads the file {files[0]}, which only its own code understands; retrain it where it"
            " was made, from its export."
        )
    if not (spec.task.is_classification or spec.task is Task.TABULAR_REGRESSION):
        raise ModelError(
            f"{spec.name} is a {spec.task} model; only classification and regression are retrained here."
        )


def _check_new(parent: Version, trained_on: Mapping[str, JsonValue]) -> None:
    before = parent.card.get("trained_on") or {}
    sources = [(each.get("base"), each.get("train_csv_sha256")) for each in (before, trained_on)]
    if sources[0] == sources[1]:
        raise InputError(
            f"{parent.model} version {parent.name} was trained on exactly this data;"
            " review more flags, then retrain."
        )


def _fix_seeds(estimator: Any) -> None:
    """Give every unset `random_state` the same seed, so that the same rows make the same model."""
    unset = {
        name: _SEED
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None
    }
    estimator.set_params(**unset)


# Rows


def read_base(folder: Path, spec: ModelSpec) -> Base:
    """Return the base data that the config names, checked like what a tester enters.

    Without a `split` column, a fifth of each label is held out, chosen by example id. Raises `ConfigError`
    when the config names no file or a missing one, `InputError` with the line for what cannot be used.
    """
    if not spec.base:
        raise ConfigError(
            f"models.{spec.name}.base is not set; name the CSV file with its training data in reviewer.toml."
        )
    path = folder / spec.base
    if not path.is_file():
        raise ConfigError(f"models.{spec.name}.base is {spec.base!r}, but there is no such file in {folder}.")
    rows = list(_read_rows(spec, path, spec.target))
    if rows and not rows[0].split:
        rows = _deal_splits(rows)
    return Base(path, hash_file(path), rows)


def _read_rows(spec: ModelSpec, path: Path, target: str) -> Iterator[Row]:
    for line, cells in _read_cells(path, [*_list_needed(spec), target]):
        try:
            yield _parse_row(spec, path.parent, cells, target)
        except InputError as error:
            raise InputError(f"{path}, line {line}: {error}", error.field) from None


def _list_needed(spec: ModelSpec) -> list[str]:
    """Return the inputs that a file must have a column for; one that may stay empty may be left out."""
    return [name for name, each in spec.inputs.items() if each.required]


def _read_cells(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and column → cell of every row; every cell is a text, exactly as in the file."""
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            _check_header(path, header, columns)
            for row in reader:
                if len(row) != len(header):
                    raise InputError(
                        f"{path}, line {reader.line_num}: {len(row)} cells, but the header has {len(header)}."
                    )
                yield reader.line_num, dict(zip(header, row, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a UTF-8 CSV file: {error}.") from error


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    if missing := [name for name in columns if name not in header]:
        raise InputError(f"{path} has no column {missing[0]!r}; its columns: {', '.join(header)}.")


def _parse_row(spec: ModelSpec, folder: Path, cells: Mapping[str, str], target: str) -> Row:
    media = _LooseMedia()
    values = parse_cells(spec, cells, folder)
    inputs = check_inputs(spec, values, media.save)
    return Row(
        hash_example(inputs), values, read_inputs(spec, inputs, media),
        _parse_answer(spec, target, cells[target]), _parse_split(cells),
    )  # fmt: skip


class _LooseMedia(MediaStore):
    """The files of one row, in memory: reading a CSV stores nothing."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def save(self, data: bytes, ending: str) -> str:
        name = name_media(data, ending)
        self._files[name] = data
        return name

    def read(self, name: str) -> bytes:
        return self._files[name]


def _parse_answer(spec: ModelSpec, target: str, cell: str) -> str | float:
    if spec.task.is_classification:
        if cell not in spec.labels:
            raise InputError(f"{target} is {cell[:80]!r}; use one of {', '.join(spec.labels[:20])}.")
        return cell
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{target} is {cell[:80]!r}; a finite number is needed.")
    return number


def _parse_split(cells: Mapping[str, str]) -> str:
    split = cells.get("split")
    if split is None:
        return ""
    if split not in (TRAIN, VALIDATION, TEST, VERIFY):
        raise InputError(f"split is {split[:80]!r}; use train, validation or test.")
    return split


def _deal_splits(rows: Sequence[Row]) -> list[Row]:
    """Hold out the same share of each label; the ids are hashes, so their order is as good as random."""
    strata: dict[object, set[str]] = {}
    for row in rows:
        stratum = row.right if isinstance(row.right, str) else None
        strata.setdefault(stratum, set()).add(row.example_id)
    held: set[str] = set()
    for ids in strata.values():
        held.update(sorted(ids)[: round(len(ids) * _TEST_SHARE)])
    return [replace(row, split=TEST if row.example_id in held else TRAIN) for row in rows]


def _select_rows(
    spec: ModelSpec, base: Base, bundle: Bundle
) -> tuple[list[Row], dict[str, int], dict[str, int]]:
    """Return the rows to fit on, how many come from where, and why the others do not count."""
    corrections, left_out = _read_corrections(spec, bundle)
    tested = {row.example_id for row in base.select(TEST)}
    verified = {row.example_id for row in corrections if row.split == VERIFY}
    reasons = dict.fromkeys(tested, "in_test_split") | dict.fromkeys(verified, "in_verify_split")
    chosen = _drop_rows(corrections, reasons, left_out)
    if not chosen:
        raise InputError(_explain_nothing(bundle, left_out))
    reasons |= dict.fromkeys((row.example_id for row in chosen), "corrected")
    kept = _drop_rows(base.select(TRAIN), reasons, left_out)
    return kept + chosen, {"base": len(kept), "corrections": len(chosen)}, dict(sorted(left_out.items()))


def _read_corrections(spec: ModelSpec, bundle: Bundle) -> tuple[list[Row], Counter[str]]:
    """Return the bundle's rows and count those that the config of today does not take."""
    rows, target, path = [], name_target(spec), bundle.path / TRAIN_CSV
    left_out: Counter[str] = Counter()
    for _, cells in _read_cells(path, [*_list_needed(spec), target, "split"]):
        try:
            rows.append(_parse_row(spec, path.parent, cells, target))
        except InputError:
            left_out["not_accepted"] += 1
    return rows, left_out


def _drop_rows(rows: Sequence[Row], reasons: Mapping[str, str], left_out: Counter[str]) -> list[Row]:
    left_out.update(reasons[row.example_id] for row in rows if row.example_id in reasons)
    return [row for row in rows if row.example_id not in reasons]


def _explain_nothing(bundle: Bundle, left_out: Mapping[str, int]) -> str:
    counted = ", ".join(f"{reason} {count}" for reason, count in sorted(left_out.items()))
    return (
        f"None of the {sum(left_out.values())} corrections of {bundle.model} may be trained on ({counted});"
        " review more flags, then retrain."
    )


def _describe_rows(
    spec: ModelSpec, base: Base, bundle: Bundle, counts: Mapping[str, int], left_out: Mapping[str, int]
) -> dict[str, JsonValue]:
    return {
        **describe_base(spec, base),
        "bundle": bundle.name,
        "manifest_sha256": hash_file(bundle.path / MANIFEST),
        "train_csv_sha256": hash_file(bundle.path / TRAIN_CSV),
        "rows": dict(counts),
        "left_out": dict(left_out),
    }


def describe_base(spec: ModelSpec, base: Base) -> dict[str, JsonValue]:
    """Return what the card of a version says about the base data."""
    return {"base": {"path": spec.base, "sha256": base.sha256, "rows": len(base.rows)}}


# Measure


def measure(spec: ModelSpec, predictor: Predictor, rows: Sequence[Row]) -> dict[str, float]:
    """Return the metrics of a model on held-out rows, always with `rows`, their number.

    Classification: `accuracy`, `macro_f1`. Regression: `mae`, `rmse` in the target's unit and `r2`.
    """
    if not rows:
        return {"rows": 0}
    answers = [each for batch in _cut(rows) for each in _answer_rows(spec, predictor, batch)]
    right = [row.right for row in rows]
    score = _score_labels if spec.task.is_classification else _score_values
    return {"rows": len(rows), **score(right, answers)}


def _answer_rows(spec: ModelSpec, predictor: Predictor, rows: Sequence[Row]) -> list[Answer]:
    try:
        return predictor([row.example for row in rows])
    except ModelError:
        raise
    except Exception as error:
        # Whatever a model raises is its failure, not the program's.
        raise ModelError(
            f"{spec.name} failed on its held-out data: {type(error).__name__}: {str(error)[:300]}"
        ) from error


def _score_labels(right: Sequence[Any], answers: Sequence[Answer]) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score

    labels = [str(each.label) for each in answers]
    return {
        "accuracy": float(accuracy_score(right, labels)),
        "macro_f1": float(f1_score(right, labels, average="macro", zero_division=0)),
    }


def _score_values(right: Sequence[Any], answers: Sequence[Answer]) -> dict[str, float]:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    values = [each.value for each in answers if each.value is not None]
    if len(values) != len(answers):
        raise ModelError(f"The model gave no number for {len(answers) - len(values)} held-out examples.")
    scores = {
        "mae": float(mean_absolute_error(right, values)),
        "rmse": float(root_mean_squared_error(right, values)),
    }
    return {**scores, "r2": float(r2_score(right, values))} if len(values) > 1 else scores


def _cut(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))


# Verify


def judge_flags(
    versions: ModelVersions, version: Version, flags: Sequence[Flag], media: MediaStore, progress: Progress
) -> list[Verdict]:
    """Run a version on every flagged example and return one verdict per flag, in order.

    A flag without a right answer, with unreadable inputs or on which the model fails is inconclusive.
    Raises `ModelError` when the version cannot be loaded.
    """
    versions.load(version)
    verdicts: list[Verdict] = []
    for batch in _cut(flags):
        progress(len(verdicts) / len(flags), f"Verified {len(verdicts):,} of {len(flags):,} flags")
        examples = _read_examples(versions.spec, batch, media)
        answers = _answer_examples(versions, version, examples)
        verdicts += [_build_verdict(versions.spec, flag, answers.get(flag.flag_id)) for flag in batch]
    return verdicts


def _read_examples(spec: ModelSpec, flags: Sequence[Flag], media: MediaStore) -> dict[str, dict[str, Any]]:
    """Return flag id → what the model gets, for the flags that can be judged."""
    examples = {}
    for flag in flags:
        if find_right_answer(flag) is None:
            continue
        try:
            examples[flag.flag_id] = read_inputs(spec, flag.inputs, media)
        except (ReviewerError, OSError, KeyError, TypeError):
            # A missing file, or inputs of an earlier config: the flag cannot be run again.
            continue
    return examples


def _answer_examples(
    versions: ModelVersions, version: Version, examples: Mapping[str, dict[str, Any]]
) -> dict[str, Answer]:
    """Return flag id → answer; when the model fails on all at once, each is tried by itself."""
    if not examples:
        return {}
    try:
        return dict(zip(examples, versions.answer(version, list(examples.values())), strict=True))
    except ModelError:
        if len(examples) == 1:
            return {}
    answers: dict[str, Answer] = {}
    for flag_id, example in examples.items():
        answers |= _answer_examples(versions, version, {flag_id: example})
    return answers


def _build_verdict(spec: ModelSpec, flag: Flag, answer: Answer | None) -> Verdict:
    if answer is None:
        return Verdict(flag.flag_id, Verification.INCONCLUSIVE)
    said = next((each for each in (answer.label, answer.value, answer.output) if each is not None), None)
    return Verdict(flag.flag_id, judge(flag, said, spec.tolerance), answer.label, answer.value)
