"""What the process that trains a model does: read, fit, save, load again and measure.

The rule: everything it makes lies in the folder of its order; it never touches a version or a bundle.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.config import ModelSpec
from reviewer.datasets import Base, Row, read_base
from reviewer.errors import InputError
from reviewer.models.kinds import load_estimator, load_predictor
from reviewer.records import JsonValue, Progress
from reviewer.training.choosing import Chosen, Export, choose_rows, describe_rows
from reviewer.training.fitting import SEED, describe_weights, fit_estimator, save_estimator
from reviewer.training.measuring import Measured, measure_answers
from reviewer.training.search import search_grid
from reviewer.training.trainers import find_artifact, hand_over, run_trainer

_ANSWERED = 100
"""Training examples that a new model must answer when nothing is held out."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained."""

    workspace: Path
    spec: ModelSpec
    before: Path
    """The artifact of the version that the new one is made from."""
    bundle: Export
    folder: Path
    """Where everything is made: `out` will hold the new artifact."""
    is_searched: bool = True

    @property
    def out(self) -> Path:
        """The folder of the new artifact."""
        return self.folder / "out"

    def write(self) -> Path:
        """Write the order into its folder and return the file."""
        path = self.folder / "order.json"
        told = {
            "workspace": str(self.workspace.resolve()),
            "spec": self.spec.model_dump(mode="json"),
            "before": str(self.before.resolve()),
            "bundle": [self.bundle.model, self.bundle.name, str(self.bundle.path.resolve())],
            "is_searched": self.is_searched,
        }
        path.write_text(json.dumps(told), encoding="utf-8")
        return path


def read_order(path: Path) -> Order:
    """Return the order in a file that `Order.write` wrote."""
    told = json.loads(path.read_text(encoding="utf-8"))
    model, name, folder = told["bundle"]
    return Order(
        Path(told["workspace"]), ModelSpec.model_validate(told["spec"]), Path(told["before"]),
        Export(model, name, Path(folder)), path.parent, told["is_searched"],
    )  # fmt: skip


def train(order: Order, progress: Progress) -> dict[str, JsonValue]:
    """Make the new artifact and return what its card says of it, and `artifact`, its name in `out`.

    Raises what `retrain` does.
    """
    spec = order.spec
    progress(0.0, "Reading the base data")
    base = read_base(order.workspace, spec) if spec.base or not spec.training.has_trainer else None
    progress(0.15, "Reading the corrections")
    chosen = choose_rows(spec, base, order.bundle)
    order.out.mkdir()
    artifact, how = _make_artifact(order, base, chosen, progress)
    progress(0.75, "Measuring the version before")
    before = _measure(order, order.before, chosen.held_out)
    progress(0.85, "Measuring the new version")
    after = _measure(order, artifact, chosen.held_out)
    if not after:
        _measure(order, artifact, chosen.rows[:_ANSWERED])  # raises when it does not answer these
    return {
        "artifact": artifact.name,
        "trained_on": {**describe_rows(spec, base, order.bundle, chosen), **how},
        "seed": SEED,
        "metrics": {
            "before": before.metrics if before else {"rows": 0},
            "held_out": after.metrics if after else {"rows": 0},
            "intervals": after.intervals if after else {},
        },
    }


def _measure(order: Order, artifact: Path, rows: list[Row]) -> Measured | None:
    """Return how the artifact answers held-out rows, None when there are none."""
    predictor = load_predictor(order.spec, artifact, order.workspace)
    return measure_answers(order.spec, predictor, rows) if rows else None


def _make_artifact(
    order: Order, base: Base | None, chosen: Chosen, progress: Progress
) -> tuple[Path, dict[str, Any]]:
    """Return the new artifact and what the card says about how it was made."""
    spec = order.spec
    if not spec.training.has_trainer:
        return _fit(order, chosen, progress)
    progress(0.2, "Handing over the data")
    bundle = order.folder / "bundle"
    hand_over(spec, base, order.bundle, chosen, bundle)
    progress(0.3, f"Training on {len(chosen.rows):,} examples")
    places = {"bundle": bundle, "out": order.out, "model": order.before}
    run_trainer(spec, order.workspace, places)
    return find_artifact(spec, order.out, order.before), {}


def _fit(order: Order, chosen: Chosen, progress: Progress) -> tuple[Path, dict[str, Any]]:
    spec, rows = order.spec, chosen.rows
    _check_labels(spec, rows)
    estimator = load_estimator(spec, order.before)
    how: dict[str, Any] = {"weights": describe_weights(estimator, rows)}
    if order.is_searched and spec.training.grid:
        estimator, how["search"] = search_grid(
            spec, estimator, rows, lambda share, doing: progress(0.2 + 0.3 * share, doing)
        )
    progress(0.5, f"Fitting on {len(rows):,} examples")
    return save_estimator(spec, fit_estimator(spec, estimator, rows), order.out / "model.skops"), how


def _check_labels(spec: ModelSpec, rows: list[Row]) -> None:
    labels = {row.right for row in rows}
    if spec.task.is_classification and len(labels) == 1:
        raise InputError(
            f"All {len(rows):,} examples to fit {spec.name} on have the label {labels.pop()!r}; correct some"
            f" flags to another one, or add rows of the others to {spec.base}."
        )
