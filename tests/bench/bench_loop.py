"""The loop on the four demo models: real mistakes flagged, corrected, retrained and verified, with intervals.

The flags on real mistakes are corrected with the right answers of the data, and up to 100 right answers on
the same split become guards. Then a version is trained and run over all of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from million import print_table

from reviewer.demo import prepare_demo
from reviewer.records import Prediction, Source
from reviewer.training import VALIDATION, Row, read_base
from reviewer.training.choosing import HELD_OUT, list_split_files, read_bundle_rows
from reviewer.training.comparing import HeldOut
from reviewer.training.intervals import find_share
from reviewer.training.reports import describe_share
from reviewer.workspace import Workspace

GUARDS = 100
"""Most right answers that become guards, per model."""


def main() -> None:
    """Print, for each model, shares fixed and regressed and the held-out change."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare_demo(folder, lambda share, doing: None)
        with Workspace(folder, is_app=True) as workspace:
            for model in workspace.spec.models:
                print_table((model,), iter(run_loop(workspace, model)))


def run_loop(workspace: Workspace, model: str) -> list[tuple[str, str]]:
    """Correct, guard, retrain, verify; returns what came of it."""
    right = {row.example_id: row for row in read_base(workspace.folder, workspace.find_model(model)).rows}
    for flag in workspace.queue(model=model, view="open", limit=10_000):
        correct(workspace, flag.flag_id, right[flag.example_id])
    guard_right_answers(workspace, model, [row for row in right.values() if row.split == VALIDATION])
    version = workspace.retrain(model).version.name
    workspace.verify(model, "1")
    summary = workspace.verify(model, version)
    held_out = workspace.compare(model, "1", version).held_out
    return [
        ("corrections fixed", describe_share(summary.fixed)),
        ("of those not fitted on", describe_unseen(workspace, model, version)),
        ("guards regressed", describe_share(summary.guards_regressed)),
        ("held-out examples", describe_change(held_out)),
    ]


def correct(workspace: Workspace, flag_id: str, row: Row) -> None:
    name = "corrected_label" if isinstance(row.right, str) else "corrected_value"
    workspace.review(flag_id, reviewer="bench", **{name: row.right})  # type: ignore[arg-type]  # by its type


def guard_right_answers(workspace: Workspace, model: str, rows: Sequence[Row]) -> None:
    """Flag and confirm right answers."""
    made = workspace.predict_many(model, [row.values for row in rows], version="1", source=Source.DEMO)
    kept = [each for each, row in zip(made, rows, strict=True) if is_right(workspace, model, each, row)]
    for each in kept[:GUARDS]:
        flag = workspace.flag(each.prediction_id, option="other", flagger="bench")
        workspace.review(flag.flag_id, resolution="prediction_correct", reviewer="bench")


def is_right(workspace: Workspace, model: str, prediction: Prediction, row: Row) -> bool:
    if isinstance(row.right, str):
        return prediction.predicted_label == row.right
    tolerance = workspace.find_model(model).tolerance or 0.0
    return abs((prediction.predicted_value or 0.0) - row.right) <= tolerance


def describe_unseen(workspace: Workspace, model: str, version: str) -> str:
    """Return the share fixed of the corrections that the version was not fitted on."""
    bundle, spec = workspace.list_bundles(model)[-1], workspace.find_model(model)
    rows = [row for path in list_split_files(bundle.path) for _, row in read_bundle_rows(spec, path) if row]
    unseen = {row.example_id for row in rows if row.split in HELD_OUT}
    verdicts = {each["flag_id"]: each["verification"] for each in workspace.list_verdicts(model, version)}
    flags = workspace.find_flags(list(verdicts))
    fixed = [
        verdicts[each.flag_id] == "fixed"
        for each in flags
        if each.example_id in unseen and each.state.resolution == "label_corrected"
    ]
    return describe_share(find_share(sum(fixed), len(fixed)))


def describe_change(held_out: HeldOut | None) -> str:
    if held_out is None:
        return "none"
    name, main = next(iter(held_out.metrics.items()))
    return (
        f"{name} {main.first:.3f} → {main.second:.3f}, {main.difference:+.3f} (95 %: {main.low:+.3f} to"
        f" {main.high:+.3f}), p = {held_out.paired.p_value:.2g} ({held_out.paired.test})"
    )


if __name__ == "__main__":
    main()
