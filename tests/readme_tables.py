"""The tables of the README that come from the program: `python tests/readme_tables.py` writes them anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import typer

README = Path(__file__).parent.parent / "README.md"


def build_tables() -> dict[str, str]:
    """Return marker → the Markdown between `<!-- marker -->` and `<!-- /marker -->`."""
    return {"verbs": _build_verbs(), "components": _build_components()}


def _build_verbs() -> str:
    from reviewer.cli import app

    command = cast(Any, typer.main.get_command(app))
    rows = [f"| `{name}` | {each.get_short_help_str(120)} |" for name, each in command.commands.items()]
    return "\n".join(["| Verb | What it does |", "|---|---|", *rows])


def _build_components() -> str:
    from typing import get_args

    from reviewer.config import InputSpec

    specs = get_args(get_args(InputSpec)[0])
    rows = []
    for spec in specs:
        names = get_args(spec.model_fields["component"].annotation)
        keys = [f"`{key}`" for key in spec.model_fields if key != "component"]
        rows.append(
            f"| {', '.join(f'`{name}`' for name in names)} | {_read_sentence(spec)} | {', '.join(keys)} |"
        )
    return "\n".join(["| Component | Input | Keys |", "|---|---|---|", *rows])


def _read_sentence(spec: type) -> str:
    return " ".join((spec.__doc__ or "").split())


def fill_tables(text: str) -> str:
    """Return the README with each table as the program has it now."""
    for marker, table in build_tables().items():
        start, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
        before, _, rest = text.partition(start)
        text = f"{before}{start}{table}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    README.write_text(fill_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
