"""A workspace from a model file, from data, or from both: guessed, written, and tried before it is said done.

The rule: a folder gets a `reviewer.toml` only when the model in it has answered an example; until then
nothing is in the folder, and nothing that was there is ever changed.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.config import CONFIG_NAME, load_config
from reviewer.errors import ConfigError, InputError, ModelError
from reviewer.records import Progress

if TYPE_CHECKING:
    from reviewer.scaffold.drafting import ModelDraft
    from reviewer.scaffold.models import FoundModel
    from reviewer.workspace import Workspace


def make_workspace(
    folder: str | Path,
    *,
    model: str | Path | None = None,
    data: str | Path | None = None,
    task: str | None = None,
    name: str | None = None,
    target: str | None = None,
    trusted: bool = False,
    progress: Progress = lambda share, doing: None,
) -> list[str]:
    """Make the folder a workspace with one model under test; returns what was guessed, a sentence each.

    With data and no model a simple one is trained on them. Raises `InputError` for what is not clear or
    cannot be used, `ConfigError` when the folder is a workspace already, `ModelError` when the model fails.
    """
    from reviewer.scaffold.columns import read_table
    from reviewer.scaffold.drafting import draft_model
    from reviewer.scaffold.models import inspect_model

    folder = Path(folder).expanduser().resolve()
    if model is None and data is None:
        raise InputError("Name a model file with --model, examples with --data, or both.")
    _check_free(folder, [CONFIG_NAME])
    progress(0.0, "Looking at the model" if model else "Reading the data")
    found = None if model is None else inspect_model(Path(model), trusted=trusted)
    table = None if data is None else read_table(Path(data))
    draft = draft_model(name, task, target, found, table)
    try:
        with ExitStack() as stack:
            aside = _make_aside(folder, stack)
            is_trusted = trusted and found is not None
            notes = _fill(aside, draft, found, is_trusted=is_trusted, progress=progress)
            _move_in(aside, folder)
            stack.pop_all()
            shutil.rmtree(aside)
    except OSError as error:
        raise ConfigError(
            f"{folder} could not be written ({error.strerror or error}); free space or name a folder that can"
            " be written."
        ) from error
    return [*draft.notes, *notes]


def _make_aside(folder: Path, stack: ExitStack) -> Path:
    """Return an empty folder inside, which goes again with the stack, as does what had to be made for it."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        stack.callback(each.rmdir)
    aside = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
    stack.callback(shutil.rmtree, aside)
    return aside


def _fill(
    aside: Path, draft: ModelDraft, found: FoundModel | None, *, is_trusted: bool, progress: Progress
) -> list[str]:
    """Write a whole workspace and return what it says about its model."""
    from reviewer.scaffold.writing import write_config
    from reviewer.workspace import Workspace

    path = "" if found is None else f"{draft.name}{found.path.suffix.lower()}"
    base = f"data/{draft.name}.csv" if draft.target is not None else ""
    if found is not None:
        shutil.copyfile(found.path, aside / path)
    if base:
        _write_base(aside / base, draft)
    text = write_config(draft, path=path, base=base, trusted=is_trusted)
    (aside / CONFIG_NAME).write_text(text, encoding="utf-8")
    load_config(aside)
    with Workspace(aside) as workspace:
        notes = [_train(workspace, draft, progress)] if found is None else []
        progress(0.8, "Asking the model")
        return [*notes, _prove(workspace, draft), *_measure(workspace, draft, found)]


def _write_base(path: Path, draft: ModelDraft) -> None:
    path.parent.mkdir()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(draft.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(draft.rows)


def _train(workspace: Workspace, draft: ModelDraft, progress: Progress) -> str:
    """Fit the first model on what is not held out, as version 1, and say how good it is."""
    from reviewer.records import TRAIN
    from reviewer.scaffold.starter import build_starter, describe_starter
    from reviewer.training import TEST, add_version, describe_base, fit_estimator, read_base

    spec = workspace.find_model(draft.name)
    base = read_base(workspace.folder, spec)
    rows = base.select(TRAIN)
    progress(0.3, f"Training a first model on {len(rows):,} rows")
    fitted = fit_estimator(spec, build_starter(spec), rows)
    trained_on = {**describe_base(spec, base), "rows": {"base": len(rows)}}
    version = add_version(
        workspace.versions_of(spec.name), fitted, base.select(TEST), {"trained_on": trained_on}
    )
    return (
        f"A first model ({describe_starter(spec)}) was trained on {len(rows):,} rows and is version"
        f" {version.name}: {_describe_metrics(version.card['metrics']['held_out'])}."
    )


def _measure(workspace: Workspace, draft: ModelDraft, found: FoundModel | None) -> list[str]:
    """Say how often a model from elsewhere is right on the data that came with it."""
    from reviewer.training import measure, read_base

    if found is None or draft.target is None:
        return []
    spec, versions = workspace.find_model(draft.name), workspace.versions_of(draft.name)
    rows = read_base(workspace.folder, spec).rows
    metrics = measure(spec, versions.load(versions.find()), rows)
    return [f"On the data: {_describe_metrics(metrics)}; that flatters a model that was fitted on them."]


def _describe_metrics(metrics: dict[str, float]) -> str:
    measured = ", ".join(f"{name} {value:.3g}" for name, value in metrics.items() if name != "rows")
    rows = f"{metrics['rows']:,.0f} rows"
    return f"{measured} on {rows}" if measured else f"measured on {rows}"


def _prove(workspace: Workspace, draft: ModelDraft) -> str:
    """Ask the model for one example and return what it said; raises `ModelError` when it fails."""
    example = draft.examples[0] if draft.examples else _invent_example(draft)
    made = workspace.predict(draft.name, example)
    if made.error:
        sentence = made.error.partition("\n\n")[0]
        raise ModelError(f"The model failed on the first example, so no workspace was made. {sentence}")
    answer = made.predicted_value if made.predicted_label is None else made.predicted_label
    sure = "" if made.confidence is None else f" ({made.confidence:.2f})"
    return f"It was asked one example and answered {answer!r}{sure}."


def _invent_example(draft: ModelDraft) -> dict[str, Any]:
    return {each.name: _INVENTED[each.component](each.keys) for each in draft.inputs}


def _invent_picture(keys: dict[str, Any]) -> Any:
    from PIL import Image

    return Image.new(keys["mode"], (keys["width"], keys["height"]), "white")


_INVENTED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "textbox": lambda keys: "a text to try",
    "number": lambda keys: 0,
    "dropdown": lambda keys: keys["choices"][0],
    "image": _invent_picture,
}
"""Component that is drafted without data → a value for it."""


# The folder


def _move_in(aside: Path, folder: Path) -> None:
    """Move the made workspace to its place, its config last; raises `ConfigError` when something is there."""
    made = [each for each in aside.iterdir() if each.name not in (CONFIG_NAME, "flagged")]
    parts = [part for each in made for part in ([each] if each.is_file() else list(each.iterdir()))]
    names = [str(part.relative_to(aside)) for part in parts]
    # The model file may lie in the folder already, under the very name that it gets.
    own = [name for name in names if _is_same(aside / name, folder / name)]
    _check_free(folder, [CONFIG_NAME, *(name for name in names if name not in own)])
    for name in names:
        if name not in own:
            (folder / name).parent.mkdir(exist_ok=True)
            (aside / name).rename(folder / name)
    # A link is refused when somebody else made the file meanwhile; a rename would replace it.
    (folder / CONFIG_NAME).hardlink_to(aside / CONFIG_NAME)


def _is_same(made: Path, there: Path) -> bool:
    return made.is_file() and there.is_file() and made.read_bytes() == there.read_bytes()


def _check_free(folder: Path, names: list[str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; name a folder.")
    if taken := [name for name in names if (folder / name).exists()]:
        what = "is a workspace already: it has" if taken[0] == CONFIG_NAME else "already has"
        raise ConfigError(
            f"{folder} {what} {taken[0]}, which is never overwritten; name another folder, or another name"
            " for the model with --name."
        )
