"""The tables of the docs that come from the program: `python tests/readme_tables.py` writes them anew."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import typer
from pydantic import BaseModel

README = Path(__file__).parent.parent / "README.md"
CONFIG = README.parent / "docs" / "config.md"
DESK = README.parent / "docs" / "desk.md"
EXPORT = README.parent / "docs" / "export.md"


def build_verbs() -> str:
    """Return the verbs of the command line."""
    from reviewer.cli import app

    command = cast(Any, typer.main.get_command(app))
    rows = ((f"`{name}`", each.get_short_help_str(120)) for name, each in command.commands.items())
    return _build_table(("Verb", "What it does"), rows)


def build_endpoints() -> str:
    """Return the Gradio endpoints for programs."""
    from reviewer.ui.endpoints import ENDPOINTS

    functions = {name: build(cast(Any, None)) for name, build in ENDPOINTS.items()}
    rows = (
        (
            f"`/{name}`",
            ", ".join(f"`{word}`" for word in inspect.signature(function).parameters),
            f"{(inspect.getdoc(function) or '').splitlines()[0].partition(';')[0].rstrip('.')}.",
        )
        for name, function in functions.items()
    )
    return _build_table(("Endpoint", "Takes", "What it does"), rows)


def build_file_keys() -> str:
    """Return the keys of the whole file."""
    from reviewer.config import WorkspaceSpec

    return _build_keys(WorkspaceSpec)


def build_privacy_keys() -> str:
    """Return the keys of what is stored about people."""
    from reviewer.config import PrivacySpec

    return _build_keys(PrivacySpec)


def build_retention_keys() -> str:
    """Return the keys of how long the logs keep what."""
    from reviewer.config import RetentionSpec

    return _build_keys(RetentionSpec)


def build_sign_in_keys() -> str:
    """Return the keys of how people sign in."""
    from reviewer.config import SignInSpec

    return _build_keys(SignInSpec)


def build_oidc_keys() -> str:
    """Return the keys of a provider at which people sign in."""
    from reviewer.config import OidcSpec

    return _build_keys(OidcSpec)


def build_webhook_keys() -> str:
    """Return the keys of a table of a webhook."""
    from reviewer.config import WebhookSpec

    return _build_keys(WebhookSpec)


def build_model_keys() -> str:
    """Return the keys of a model's table."""
    from reviewer.config import ModelSpec

    return _build_keys(ModelSpec)


def build_http_keys() -> str:
    """Return the keys of an endpoint's table."""
    from reviewer.config import HttpSpec

    return _build_keys(HttpSpec)


def build_team_keys() -> str:
    """Return the keys of how people share the queue."""
    from reviewer.config import TeamSpec

    return _build_keys(TeamSpec)


def build_training_keys() -> str:
    """Return the keys of how a model is retrained."""
    from reviewer.config import TrainingSpec

    return _build_keys(TrainingSpec)


def build_inputs() -> str:
    """Return the input components."""
    from reviewer.config import INPUT_SPECS

    return _build_union("Component", "Input", INPUT_SPECS, "component")


def build_outputs() -> str:
    """Return the output components."""
    from reviewer.config import OUTPUT_SPECS

    return _build_union("Component", "Output", OUTPUT_SPECS, "component")


def build_rules() -> str:
    """Return the rules that flag by themselves."""
    from reviewer.config import RULE_SPECS

    return _build_union("Rule", "Flags a prediction when", RULE_SPECS, "rule")


def build_desk_keys() -> str:
    """Return the keys of the review desk as shipped."""
    from reviewer.config import DESK_KEYS
    from reviewer.ui.texts import load_texts

    texts = load_texts("en")
    rows = (
        (", ".join(f"`{key}`" for key in keys), texts[f"desk.key.{action}"], f"`{action}`")
        for action, keys in DESK_KEYS.items()
    )
    return _build_table(("Key", "What it does", "Action"), rows)


def build_formats() -> str:
    """Return the formats of an export."""
    from reviewer.bundle import FORMATS

    rows = ((f"`{name}`", each.what, each.needs) for name, each in FORMATS.items())
    return _build_table(("`--as`", "What it is", "For"), rows)


PAGES: dict[Path, dict[str, Callable[[], str]]] = {
    README: {"verbs": build_verbs, "endpoints": build_endpoints},
    CONFIG: {
        "file": build_file_keys,
        "model": build_model_keys,
        "http": build_http_keys,
        "training": build_training_keys,
        "team": build_team_keys,
        "inputs": build_inputs,
        "outputs": build_outputs,
        "rules": build_rules,
        "webhooks": build_webhook_keys,
        "privacy": build_privacy_keys,
        "retention": build_retention_keys,
        "sign_in": build_sign_in_keys,
        "oidc": build_oidc_keys,
    },
    DESK: {"keys": build_desk_keys},
    EXPORT: {"formats": build_formats},
}
"""Page → marker → the Markdown between `<!-- marker -->` and `<!-- /marker -->`."""


def _build_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def _build_keys(spec: type[BaseModel]) -> str:
    words = _read_field_words(spec)
    rows = (
        (f"`{key}`", _show_default(field), words.get(key, ""))
        for key, field in spec.model_fields.items()
        if key not in ("name", "vocabulary")
    )
    return _build_table(("Key", "Default", "Meaning"), rows)


def _show_default(field: Any) -> str:
    if field.is_required():
        return "needed"
    default = field.default
    if default in ("", None, (), {}) or isinstance(default, BaseModel):
        return ""
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return f'`"{text}"`' if isinstance(default, str) else f"`{text}`"


def _build_union(first: str, second: str, specs: Mapping[str, type[BaseModel]], tag: str) -> str:
    names: dict[type[BaseModel], list[str]] = {}
    for name, spec in specs.items():
        names.setdefault(spec, []).append(f"`{name}`")
    rows = (
        (
            ", ".join(each),
            _read_sentence(spec),
            ", ".join(f"`{key}`" for key in spec.model_fields if key != tag),
        )
        for spec, each in names.items()
    )
    return _build_table((first, second, "Keys"), rows)


def _list_keys(spec: type[BaseModel], tag: str) -> list[str]:
    return [f"`{key}`" for key in spec.model_fields if key != tag]


def _read_sentence(spec: type) -> str:
    return " ".join((spec.__doc__ or "").split())


def _read_field_words(spec: type[BaseModel]) -> dict[str, str]:
    """Return field → the string below it in the source of its class."""
    body = cast(ast.ClassDef, ast.parse(inspect.getsource(spec)).body[0]).body
    words = {}
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            words[ast.unparse(field.target)] = " ".join(ast.literal_eval(below.value).split())
    return words


def fill_tables(page: Path) -> str:
    """Return the page with each table as the program has it now."""
    text = page.read_text(encoding="utf-8")
    for marker, build in PAGES[page].items():
        start, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
        before, _, rest = text.partition(start)
        text = f"{before}{start}{build()}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(fill_tables(each), encoding="utf-8")
