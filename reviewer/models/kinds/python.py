"""Models written in Python, of the form `module:name` and only when the config says `trusted = true`.

The name is a function, which gets the inputs of one example by name and returns its answer, or a class. A
class is instantiated once, with the version's folder when its constructor has one parameter without
default, and has `predict_batch(examples)`, which gets a list of dicts and returns a list of answers, or
`predict_proba(**inputs)` for label → probability, or `predict(**inputs)`. Modules beside `reviewer.toml`
are found, after installed ones, while the model is imported and not later, so a model imports what it needs
at the top of its module.

The rule: a version runs the source that it was made of. That of a module in the workspace is kept in the
version's folder and run from there; an installed module whose source is another by now is refused. Other
modules that a model imports, and files that it opens, are not kept.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.machinery import FrozenImporter, ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, ModelError, ReviewerError, UntrustedModelError
from reviewer.folders import hash_file
from reviewer.log.media import Keep
from reviewer.models.kinds.predictor import Examples, Predictor, Source, describe_error
from reviewer.models.outputs import Answer, read_answer

_KEPT = "source.py"
"""Name of the source in a version's folder."""

_IMPORTING = threading.RLock()
"""`sys.path` and `sys.modules` belong to the whole process."""


def find_source(spec: ModelSpec, workspace: Path) -> Source:
    """Return the source file of the module that the config names; raises `ConfigError`."""
    module, _, _ = spec.path.partition(":")
    with _reaching(workspace):
        found = _find_module(module)
    if found is None or not found.origin or not Path(found.origin).is_file():
        raise ConfigError(
            f"models.{spec.name}.path is {spec.path!r}, but there is no module {module!r} in {workspace} or"
            " among the installed ones; write module:function or module:Class."
        )
    origin = Path(found.origin)
    return Source(spec.path, _KEPT if origin.suffix == ".py" else f"source{origin.suffix}", origin)


def load(spec: ModelSpec, path: Path, workspace: Path) -> Predictor:
    """Return the function or class in the source at `path` as a predictor.

    Raises `UntrustedModelError` without trust, `ConfigError` when it cannot be imported or used.
    """
    if not spec.trusted:
        raise UntrustedModelError(
            f"models.{spec.name} runs the Python code {spec.path!r}; if you trust it,"
            " set trusted = true in reviewer.toml."
        )
    try:
        with _reaching(workspace):
            return _build_predictor(spec, _import_name(spec, path, workspace), path.parent)
    except ReviewerError:
        raise
    except BaseException as error:
        # Code of somebody else can raise anything while it is imported, even SystemExit.
        raise ConfigError(
            f"models.{spec.name}.path is {spec.path!r}, which cannot be imported ({describe_error(error)});"
            " write module:function or module:Class."
        ) from error


@contextlib.contextmanager
def _reaching(workspace: Path) -> Iterator[None]:
    """Let modules in the workspace be imported; those that are installed come first."""
    with _IMPORTING:
        importlib.invalidate_caches()
        folder = str(workspace.resolve())
        is_new = folder not in sys.path
        if is_new:
            sys.path.append(folder)
        try:
            yield
        finally:
            if is_new:
                sys.path.remove(folder)


def _find_module(name: str) -> ModuleSpec | None:
    """Return where a module would be imported from; unlike `importlib.util.find_spec`, runs no package."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    found, places = None, None
    for end in range(1, len(parts) + 1):
        found = _ask_finders(".".join(parts[:end]), places)
        if found is None:
            return None
        places = found.submodule_search_locations or []
    return found


def _ask_finders(name: str, places: list[str] | None) -> ModuleSpec | None:
    """Return what the first finder knows of a module; modules frozen into Python are files as well."""
    finders = (each for each in sys.meta_path if each is not FrozenImporter)
    return next((found for each in finders if (found := each.find_spec(name, places))), None)


def _import_name(spec: ModelSpec, path: Path, workspace: Path) -> Any:
    module, _, name = spec.path.partition(":")
    found = getattr(_import_module(module, path, workspace), name)
    if not callable(found) and not _find_method(found):
        raise ConfigError(f"models.{spec.name}.path is {spec.path!r}, which is no function or class.")
    return found


def _import_module(name: str, path: Path, workspace: Path) -> ModuleType:
    """Return the module of that name with the source at `path`."""
    package, _, _ = name.rpartition(".")
    if package:
        importlib.import_module(package)
    found = _find_module(name) or spec_from_file_location(name, path)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    if path.suffix == ".py" and _is_inside(Path(found.origin), name, workspace):
        return _run_source(found, path)
    if hash_file(Path(found.origin)) != hash_file(path):
        raise ModelError(
            f"{path} was copied from {found.origin}, which has changed since; serve the version that was made"
            " of it, or install the former one again."
        )
    return importlib.import_module(name)


def _is_inside(origin: Path, name: str, workspace: Path) -> bool:
    """Return whether the module stands beside `reviewer.toml`, or was kept when it stood there."""
    top = workspace.resolve() / name.partition(".")[0]
    return origin == top.with_suffix(".py") or origin.is_relative_to(top) or origin.name == _KEPT


def _run_source(found: ModuleSpec, path: Path) -> ModuleType:
    """Return the source at `path` imported as if it stood where the module was found."""
    name = found.name
    module, before = module_from_spec(found), sys.modules.get(name)
    sys.modules[name] = module
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102  it is trusted
    except BaseException:
        _restore_module(name, before)
        raise
    return module


def _restore_module(name: str, before: ModuleType | None) -> None:
    sys.modules.pop(name, None)
    if before is not None:
        sys.modules[name] = before


def _build_predictor(spec: ModelSpec, found: Any, folder: Path) -> Predictor:
    model = _instantiate(spec, found, folder) if inspect.isclass(found) else found
    method = _find_method(model)
    answer = getattr(model, method) if method else found
    if inspect.isclass(answer):
        raise ConfigError(
            f"models.{spec.name}.path is {spec.path!r}, a class without predict, predict_proba or"
            " predict_batch; it needs one of them."
        )
    if method == "predict_batch":
        return Predictor(lambda examples, keep: _answer_batch(spec, answer, examples, keep))
    _check_signature(spec, answer)
    return Predictor(lambda examples, keep: _answer_each(spec, answer, examples, keep), call_size=1)


def _find_method(model: Any) -> str | None:
    names = ("predict_batch", "predict_proba", "predict")
    return next((name for name in names if callable(getattr(model, name, None))), None)


def _instantiate(spec: ModelSpec, found: type[Any], folder: Path) -> Any:
    needed = [
        each.name
        for each in inspect.signature(found).parameters.values()
        if each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) > 1:
        raise ConfigError(
            f"models.{spec.name}.path is {spec.path!r}, a class whose constructor needs {', '.join(needed)};"
            " it may need nothing, or one parameter: the folder of the version."
        )
    return found(folder) if needed else found()


def _check_signature(spec: ModelSpec, answer: Callable[..., Any]) -> None:
    """Raise when the function cannot be called with the inputs, so that this is known before an example."""
    if inspect.iscoroutinefunction(answer):
        raise ConfigError(
            f"models.{spec.name}.path is {spec.path!r}, which is async; write a plain function."
        )
    with contextlib.suppress(ValueError):  # some functions written in C do not tell their parameters
        signature = inspect.signature(answer)
        try:
            signature.bind(**dict.fromkeys(spec.inputs))
        except TypeError as error:
            raise ConfigError(
                f"models.{spec.name}.path is {spec.path!r}, which takes {signature}, but is called with the"
                f" inputs by name ({', '.join(spec.inputs)}): {error}."
            ) from error


def _answer_each(spec: ModelSpec, answer: Callable[..., Any], examples: Examples, keep: Keep) -> list[Answer]:
    return [read_answer(spec, answer(**example), keep) for example in examples]


def _answer_batch(
    spec: ModelSpec, answer: Callable[..., Any], examples: Examples, keep: Keep
) -> list[Answer]:
    found = answer([dict(each) for each in examples])
    if not isinstance(found, (list, tuple)) and not hasattr(found, "tolist"):
        raise ModelError(
            f"{spec.name} answered {type(found).__name__} to {len(examples)} examples; a list is needed."
        )
    return [read_answer(spec, each, keep) for each in found]
