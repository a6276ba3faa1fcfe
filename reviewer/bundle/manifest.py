"""The manifest of a bundle: what was chosen, counted and found, and the hash of every file.

The rule: nothing here has the time of the clock or the path of a machine in it, so the same logs and choices
give the same bytes; `as_of` is the time of the last decision in the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

from reviewer.bundle.checks import Finding
from reviewer.bundle.rows import Rows
from reviewer.bundle.selecting import quote_path
from reviewer.config import ModelSpec
from reviewer.folders import hash_file
from reviewer.records import JsonValue

LEFT_OUT, CHECKSUMS = "left_out.csv", "SHA256SUMS"

WEIGHT_FORMULA = {
    "none": "1",
    "evidence": "agreement × certainty / 5 (1 when not given) / √(rows of the duplicate group)",
    "balanced": "agreement × certainty / 5 (1 when not given) / √(rows of the duplicate group),"
    " scaled so that every label of train has the same sum",
}
"""Choice of weights → how a row's weight comes about."""


def count_rows(rows: Rows) -> dict[str, JsonValue]:
    """Return flags `considered`, `left_out` and `written`, and these by `splits`, `labels` and `versions`."""
    cursor = rows.source.cursor
    reasons = dict(
        cursor.execute(
            "select reason, count(*) from chosen where reason is not null group by reason order by reason"
        ).fetchall()
    )
    (written,) = cursor.execute("select count(*) from exported").fetchall()[0]
    counts: dict[str, JsonValue] = {
        "considered": written + sum(reasons.values()),
        "written": written,
        "left_out": reasons,
        "splits": _count(rows, "split"),
        "groups": cursor.execute("select count(distinct group_key) from exported").fetchall()[0][0],
        "versions": _count(rows, "model_version"),
    }
    if rows.spec.task.is_classification and rows.options.mode != "rejects":
        counts["labels"] = _count(rows, "answer")
    return counts


def _count(rows: Rows, column: str) -> dict[str, int]:
    return dict(
        rows.source.cursor.execute(
            f"select {column}, count(*) from exported join flags using (position)"  # noqa: S608  own names
            f" group by {column} order by {column}"
        ).fetchall()
    )


def describe(
    rows: Rows, heads: JsonValue, findings: list[Finding], parent: str | None
) -> dict[str, JsonValue]:
    """Return what the manifest says, but for the name and the files."""
    spec, options = rows.spec, rows.options
    return {
        "model": spec.name,
        "task": str(spec.task),
        "as_of": _find_last_decision(rows),
        "app_version": metadata.version("flag-reviewer"),
        "parent": parent,
        "selection": "resolved flags of the model with the resolutions "
        + ", ".join(sorted(options.resolutions)),
        "options": options.model_dump(mode="json"),
        "weight": WEIGHT_FORMULA[options.weights],
        "inputs": {name: each.component for name, each in spec.inputs.items()},
        "labels": list(spec.labels),
        **_describe_names(spec),
        "logs": heads,
        "counts": count_rows(rows),
        "agreement": _measure_agreement(rows),
        "findings": [
            {"kind": each.kind, "count": each.count, "sentence": each.sentence, "flags": list(each.flag_ids)}
            for each in findings
        ],
    }


def _describe_names(spec: ModelSpec) -> dict[str, JsonValue]:
    """Return what became of labels and options that people changed; nothing when nobody did."""
    words = spec.vocabulary
    if not words.stamp:
        return {}
    renamed = {written: name for written, name in words.labels.items() if written != name}
    options = {written: name for written, name in words.options.items() if written != name}
    return {"label_names": renamed, "option_names": options, "ended_labels": list(words.ended)}


def _find_last_decision(rows: Rows) -> str | None:
    found = rows.source.cursor.execute(
        "select strftime(max(reviewed_at), '%Y-%m-%dT%H:%M:%S.%fZ') from exported join flags using (position)"
    ).fetchall()
    return found[0][0] if found else None


def _measure_agreement(rows: Rows) -> dict[str, JsonValue]:
    """Return how many rows more than one person answered, and the mean share who agreed."""
    ((several, mean),) = rows.source.cursor.execute(
        "select count(*), round(avg(agreement), 6) from exported where votes > 1"
    ).fetchall()
    return {"rows_with_several_answers": several, "mean_agreement": mean}


def write_left_out(rows: Rows, folder: Path) -> None:
    """Write every flag that is no row, with the reason."""
    rows.source.cursor.execute(
        "copy (select flag_id::varchar as flag_id, example_id, reason from chosen"  # noqa: S608  our own path
        " where reason is not null order by position)"
        f" to '{quote_path(folder / LEFT_OUT)}' (format csv, header)"
    )


def hash_files(folder: Path) -> dict[str, str]:
    """Return path inside the folder → SHA-256, sorted."""
    paths = sorted(each for each in folder.rglob("*") if each.is_file())
    with ThreadPoolExecutor() as pool:  # hashing needs no interpreter, so files take a core each
        hashes = pool.map(hash_file, paths)
        return {path.relative_to(folder).as_posix(): each for path, each in zip(paths, hashes, strict=True)}


def write_checksums(folder: Path, files: Mapping[str, str]) -> None:
    """Write what `sha256sum --check SHA256SUMS` reads."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in files.items())
    (folder / CHECKSUMS).write_text(lines, encoding="utf-8")
