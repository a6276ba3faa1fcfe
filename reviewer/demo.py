"""The demo workspace: its data, four trained models, and flags on the mistakes they really make.

The rule: a step is done when its result is there under its name, so preparing again costs nothing and
preparing after an interruption goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.config import CONFIG_NAME, ModelSpec, load_config
from reviewer.errors import ConfigError
from reviewer.models.versions import ModelVersions
from reviewer.records import TRAIN, FlagOption, Prediction, Progress, Source
from reviewer.training import (
    TEST,
    VALIDATION,
    add_version,
    describe_base,
    fit_estimator,
    read_base,
)

if TYPE_CHECKING:
    from reviewer.workspace import Workspace

_ORIGIN = Path(__file__).parents[1]
"""The repository, which is itself a demo workspace."""

_FILES = (
    CONFIG_NAME, "data/tickets.csv", "data/tickets.md", "data/digits.md", "data/wine.md", "data/diabetes.md",
)  # fmt: skip
"""What comes with the repository; everything else is made from it and from scikit-learn's data sets."""

_STATE = Path("flagged", ".demo")
"""Locked while somebody prepares the workspace, holds `_DONE` afterwards."""

_DONE = "done\n"

_OVERCONFIDENT, _LOW_CONFIDENCE = 0.9, 0.4
_WRONG_FACTOR = 2
"""A value is flagged when it is off by more than this many tolerances."""


def prepare_demo(folder: Path, progress: Progress) -> None:
    """Make the folder a demo workspace, or finish one that was begun; a finished one is left as it is.

    Raises `ConfigError` when the folder is another workspace or cannot be written, or when this
    installation has no demo files.
    """
    _check_origin(folder)
    if _is_prepared(folder):
        return
    try:
        with _prepare_alone(folder):
            if not _is_prepared(folder):
                _prepare(folder, progress)
    except OSError as error:
        raise ConfigError(
            f"The demo could not be written to {folder} ({error.strerror or error}); free space or name a"
            " folder that can be written."
        ) from error


def _prepare(folder: Path, progress: Progress) -> None:
    _copy_files(folder)
    _write_datasets(folder, progress)
    models = [name for name in ESTIMATORS if name in load_config(folder).models]
    _train_models(folder, models, progress)
    _flag_mistakes(folder, models, progress)
    (folder / _STATE).write_text(_DONE, encoding="utf-8")
    progress(1.0, "The demo is ready")


def _check_origin(folder: Path) -> None:
    if not (_ORIGIN / CONFIG_NAME).is_file():
        raise ConfigError(
            "This installation has no demo files; they come with the repository: clone it and run"
            " `pip install -e .` there."
        )
    config = folder / CONFIG_NAME
    if config.exists() and config.read_bytes() != (_ORIGIN / CONFIG_NAME).read_bytes():
        raise ConfigError(
            f"{folder} is another workspace: its {CONFIG_NAME} is not the demo's. Open it with"
            " `reviewer serve`, or name an empty folder for the demo."
        )


def _is_prepared(folder: Path) -> bool:
    state = folder / _STATE
    made = [folder / name for name in _FILES] + [folder / "data" / f"{name}.csv" for name in DATASETS]
    return (
        state.is_file()
        and state.read_text(encoding="utf-8") == _DONE
        and all(path.is_file() for path in made)
        and all(any((folder / "models" / name).glob("[0-9]*/card.json")) for name in ESTIMATORS)
    )


@contextlib.contextmanager
def _prepare_alone(folder: Path) -> Iterator[None]:
    """Wait until no other process prepares the folder, and keep others out."""
    state = folder / _STATE
    state.parent.mkdir(parents=True, exist_ok=True)
    with state.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _copy_files(folder: Path) -> None:
    for name in _FILES:
        if not (folder / name).exists():
            _write_aside(folder / name, partial(shutil.copyfile, _ORIGIN / name))


def _write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file that gets its name when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    write(aside)
    aside.replace(path)


# Data


def _write_datasets(folder: Path, progress: Progress) -> None:
    for number, (name, list_rows) in enumerate(DATASETS.items()):
        path = folder / "data" / f"{name}.csv"
        if not path.exists():
            progress(0.05 * number, f"Writing {path.name}")
            _write_aside(path, partial(_write_csv, list_rows(path.parent)))


def _write_csv(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _list_digits(folder: Path) -> list[dict[str, object]]:
    """Write the images as ink on white paper and return their rows."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    pixels = (255 - digits.images * 255 / 16).round().astype("uint8")
    (folder / "digits").mkdir(parents=True, exist_ok=True)
    names = [f"digits/{number:04d}.png" for number in range(len(pixels))]
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(folder / name)
    splits = _deal_splits(len(names), train=200, validation=500)
    return [
        {"image": name, "label": int(label), "split": split}
        for name, label, split in zip(names, digits.target, splits, strict=True)
    ]


def _list_wines(folder: Path) -> list[dict[str, object]]:
    from sklearn.datasets import load_wine

    wines: Any = load_wine(as_frame=True)
    cultivars = ("Barolo", "Grignolino", "Barbera")
    splits = _deal_splits(len(wines.frame), train=40, validation=90)
    return [
        {
            "malic_acid": row["malic_acid"],
            "ash": row["ash"],
            "magnesium": row["magnesium"],
            "phenols": row["total_phenols"],
            "proline": "low" if row["proline"] < 550 else "medium" if row["proline"] < 850 else "high",
            "label": cultivars[int(row["target"])],
            "split": split,
        }
        for row, split in zip(wines.frame.to_dict("records"), splits, strict=True)
    ]


def _list_patients(folder: Path) -> list[dict[str, object]]:
    from sklearn.datasets import load_diabetes

    patients: Any = load_diabetes(as_frame=True, scaled=False)
    splits = _deal_splits(len(patients.frame), train=150, validation=172)
    return [
        {
            "age": row["age"],
            "sex": int(row["sex"]),
            "bmi": row["bmi"],
            "bp": row["bp"],
            "hdl": row["s3"],
            "ltg": row["s5"],
            "glucose": row["s6"],
            "progression": row["target"],
            "split": split,
        }
        for row, split in zip(patients.frame.to_dict("records"), splits, strict=True)
    ]


def _deal_splits(rows: int, *, train: int, validation: int) -> list[str]:
    splits = [TRAIN] * train + [VALIDATION] * validation + [TEST] * (rows - train - validation)
    random.Random(0).shuffle(splits)  # noqa: S311  # the same splits on every machine, not a secret
    return splits


DATASETS: dict[str, Callable[[Path], list[dict[str, object]]]] = {
    "digits": _list_digits,
    "wine": _list_wines,
    "diabetes": _list_patients,
}
"""Name of each CSV file made from scikit-learn's data → its rows, given the folder for files beside it."""


# Models


def _train_models(folder: Path, models: Sequence[str], progress: Progress) -> None:
    spec = load_config(folder)
    for number, name in enumerate(models):
        versions = ModelVersions(folder, spec.models[name])
        if not versions.read_all():
            progress(0.2 + 0.1 * number, f"Training {spec.models[name].shown_name}")
            _train_first_version(folder, versions)


def _train_first_version(folder: Path, versions: ModelVersions) -> None:
    spec = versions.spec
    base = read_base(folder, spec)
    rows = base.select(TRAIN)
    fitted = fit_estimator(spec, ESTIMATORS[spec.name](), rows)
    trained_on = {**describe_base(spec, base), "rows": {"base": len(rows)}}
    add_version(versions, fitted, base.select(TEST), {"trained_on": trained_on})


def _build_digits() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=1000))


def _build_tickets() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=30, max_iter=1000)
    )


def _build_wine() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    numbers = ["malic_acid", "ash", "magnesium", "phenols"]
    columns = _prepare_columns(numbers, "proline", ["low", "medium", "high"])
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


def _build_diabetes() -> Any:
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.pipeline import make_pipeline

    numbers = ["age", "bmi", "bp", "hdl", "ltg", "glucose"]
    columns = _prepare_columns(numbers, "sex", ["1", "2"])
    return make_pipeline(columns, KernelRidge(kernel="rbf", alpha=0.5, gamma=0.15))


def _prepare_columns(numbers: Sequence[str], category: str, choices: Sequence[str]) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    return make_column_transformer(
        (StandardScaler(), list(numbers)), (OneHotEncoder(categories=[list(choices)]), [category])
    )


ESTIMATORS: dict[str, Callable[[], Any]] = {
    "digits": _build_digits,
    "tickets": _build_tickets,
    "wine": _build_wine,
    "diabetes": _build_diabetes,
}
"""Demo model → its unfitted estimator."""


# Flags


def _flag_mistakes(folder: Path, models: Sequence[str], progress: Progress) -> None:
    from reviewer.workspace import Workspace

    with Workspace.open(folder, is_app=True) as workspace:
        for number, name in enumerate(models):
            progress(0.6 + 0.1 * number, f"Flagging mistakes of {workspace.find_model(name).shown_name}")
            _flag_model(workspace, name)


def _flag_model(workspace: Workspace, name: str) -> None:
    """Flag every mistake on the validation split that has no flag yet."""
    spec = workspace.find_model(name)
    rows = read_base(workspace.folder, spec).select(VALIDATION)
    right = {row.example_id: row.right for row in rows}
    for prediction in _list_unflagged(workspace, name, [row.values for row in rows]):
        answer = right[prediction.example_id]
        if option := _choose_option(spec, prediction, answer):
            workspace.flag(
                prediction.prediction_id, option=option, suggested_label=str(answer), flagger="demo",
                source=Source.DEMO,
            )  # fmt: skip


def _list_unflagged(workspace: Workspace, name: str, examples: Sequence[dict[str, Any]]) -> list[Prediction]:
    """Return the predictions that a preparation made before it was interrupted, else make them."""
    session_id = f"demo-{name}"
    if entries := workspace.list_session(session_id, limit=len(examples)):
        return [entry.prediction for entry in reversed(entries) if entry.flag is None]
    return workspace.predict_many(name, examples, version="1", session_id=session_id, source=Source.DEMO)


def _choose_option(spec: ModelSpec, prediction: Prediction, right: str | float) -> FlagOption | None:
    """Return what a tester would call the mistake, None when the prediction is right."""
    if isinstance(right, float):
        error = abs((prediction.predicted_value or 0.0) - right)
        return FlagOption.WRONG_VALUE if error > _WRONG_FACTOR * (spec.tolerance or 0.0) else None
    if prediction.predicted_label == right:
        return None
    confidence = prediction.confidence or 0.0
    if confidence >= _OVERCONFIDENT:
        return FlagOption.OVERCONFIDENT
    return FlagOption.LOW_CONFIDENCE if confidence < _LOW_CONFIDENCE else FlagOption.WRONG_LABEL
