"""What is wrong in a `reviewer.toml`, a line per mistake: where it is, what it is and what would work."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from reviewer.config.inputs import INPUT_SPECS
from reviewer.config.models import HttpSpec, ModelSpec, WorkspaceSpec
from reviewer.config.outputs import OUTPUT_SPECS
from reviewer.config.privacy import PrivacySpec
from reviewer.config.retention import RetentionSpec
from reviewer.config.rules import RULE_SPECS
from reviewer.config.sign_in import OidcSpec, SignInSpec
from reviewer.config.team import TeamSpec
from reviewer.config.training import TrainingSpec
from reviewer.config.webhooks import WebhookSpec
from reviewer.errors import UnknownNameError

FILLED_IN = ("name", "vocabulary")
"""Fields of a model's spec that are no keys of its table."""

_UNIONS: dict[str, Mapping[str, type[BaseModel]]] = {
    "inputs": INPUT_SPECS,
    "outputs": OUTPUT_SPECS,
    "rules": RULE_SPECS,
}
"""Key of a model's table → name of a component or rule → its spec."""

_TABLES: dict[tuple[int | str, ...], type[BaseModel]] = {
    ("sign_in",): SignInSpec,
    ("sign_in", "oidc"): OidcSpec,
    ("team",): TeamSpec,
    ("privacy",): PrivacySpec,
    ("retention",): RetentionSpec,
}
"""Keys that lead to a table beside those of the models → its spec."""

_MODEL_TABLES: dict[str, type[BaseModel]] = {"http": HttpSpec, "training": TrainingSpec}
"""Key of a model's table → the spec of the table that stands there."""


def describe_mistakes(path: Path, text: str, error: ValidationError) -> str:
    """Return one line per mistake that pydantic found in the values of the text, in the file's order."""
    found = [
        (_find_line(text, _written_keys(each["loc"])), _describe_mistake(each))
        for each in error.errors(include_url=False)
    ]
    return "\n".join(f"{path}, line {line}: {mistake}" for line, mistake in sorted(found))


_TABLE_NEEDED = "a table is needed"
_SENTENCES = {
    "dict_type": _TABLE_NEEDED,
    "model_type": _TABLE_NEEDED,
    "model_attributes_type": "the name of a component, or a table with the key component, is needed",
    "tuple_type": "a list is needed",
    "too_short": "at least one entry is needed",
    "string_pattern_mismatch": "small letters, digits and _ only are needed, a letter first",
}
"""Pydantic's type of mistake → what it means in the file, where its own message is in Python's words."""


def _describe_mistake(mistake: Any) -> str:
    keys = _written_keys(mistake["loc"])
    key = ".".join(map(str, keys)) or "The file"
    match mistake["type"]:
        case "missing":
            hint = "; add a table [models.NAME] with task and inputs" if key == "models" else ""
            return f"{key} is missing{hint}."
        case "extra_forbidden":
            return f"{key}: {UnknownNameError('key', keys[-1], _list_keys(mistake['loc']))}"
        case "union_tag_invalid":
            what, known = _find_union(mistake["loc"])
            return f"{key}: {UnknownNameError(what, mistake['ctx']['tag'][:80], known)}"
        case "union_tag_not_found":
            what, known = _find_union(mistake["loc"])
            return f"{key}: the key {what} is missing; use one of {', '.join(known)}."
    given = mistake["input"]
    shown = "" if isinstance(given, (dict, BaseModel)) else f" is {repr(given)[:80]}"
    wanted = _SENTENCES.get(mistake["type"]) or mistake["msg"].removeprefix("Value error, ")
    return f"{key}{shown}: {wanted.replace('Input should', 'it should')}."


def _find_union(loc: tuple[int | str, ...]) -> tuple[str, Mapping[str, type[BaseModel]]]:
    """Return the key that tells one spec from another at this place, and what it may say."""
    return ("rule" if loc[2] == "rules" else "component"), _UNIONS[str(loc[2])]


def _written_keys(loc: tuple[int | str, ...]) -> list[int | str]:
    """Return the keys as they stand in the file, without the parts that pydantic adds."""
    return [part for i, part in enumerate(loc) if part != "[key]" and not _is_added(loc, i)]


def _is_added(loc: tuple[int | str, ...], at: int) -> bool:
    """Whether this part is the name of a union's member, which stands behind the entry's own key."""
    return at == 4 and loc[2] in _UNIONS and loc[4] in _UNIONS[str(loc[2])]


def _list_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that may stand where the unknown one stands."""
    return [name for name in _find_spec(loc).model_fields if name not in FILLED_IN]


def _find_spec(loc: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the spec of the table in which the key stands."""
    if len(loc) == 1:
        return WorkspaceSpec
    if loc[0] == "webhooks":
        return WebhookSpec
    if loc[0] != "models":
        return _TABLES[loc[:-1]]
    if len(loc) == 3:
        return ModelSpec
    return _MODEL_TABLES.get(str(loc[2])) or _UNIONS[str(loc[2])][str(loc[4])]


def _find_line(text: str, keys: list[int | str]) -> int:
    """Return the 1-based line of the first statement that holds the most of the keys."""
    best, found = 0, 1
    for line, values in _list_statements(text):
        depth = _count_held(values, keys)
        if depth > best:
            best, found = depth, line
    return found


def _list_statements(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the first line of each header or assignment and its values, in the table they belong to."""
    header, statement, first = "", "", 1
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        try:
            values = tomllib.loads(header + statement)
        except tomllib.TOMLDecodeError:
            continue  # the statement goes on in the next line
        if statement.lstrip().startswith("["):
            header, values = statement, tomllib.loads(statement)
        yield first, values
        statement, first = "", number + 1


def _count_held(values: Any, keys: list[int | str]) -> int:
    """Return how many of the keys, from the first on, lead into the values."""
    for depth, key in enumerate(keys):
        if not isinstance(values, dict) or key not in values:
            return depth
        values = values[key]
    return len(keys)
