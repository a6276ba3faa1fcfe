"""The versions of a model: compare, gate, promote, roll back, describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reviewer.audit import Action
from reviewer.index import queries
from reviewer.index.queries import Slice
from reviewer.models.versions import Version
from reviewer.records import Flag
from reviewer.workspace.base import Base

if TYPE_CHECKING:
    from reviewer.training.comparing import Comparison
    from reviewer.training.promoting import Gate, Promotion, Promotions


class Versions(Base):
    """Compares versions and chooses the one that answers."""

    def serve_version(self, model: str, version: str, *, who: str = "") -> Version:
        """Let the test tab answer with this version from now on, without the gate of `promote`."""
        chosen = self.find_version(model, version)
        self._promotions_of(model).serve(chosen, who)
        self.record_audit(Action.SERVE, f"{model} {version}", person=who)
        self.write_card(model, version)
        return chosen

    def compare(self, model: str, first: str, second: str) -> Comparison:
        """Return how two versions do on held-out examples and on the flags that both were run over.

        Raises `UnknownNameError` for a version that does not exist, `ModelError` when one fails.
        """
        from reviewer.training.comparing import compare_versions

        versions = self.versions_of(model)
        return compare_versions(self.folder, versions, versions.find(first), versions.find(second))

    def check_gate(self, model: str, version: str) -> Gate:
        """Return whether a version may be promoted: no guard regressed, held-out examples not worse."""
        chosen = self.find_version(model, version)
        with self._index.reading() as cursor:
            verdicts = queries.list_verdicts(cursor, model, version)
            guards = queries.count_guards(cursor, model)
        return self._promotions_of(model).check(chosen, verdicts, guards)

    def promote(self, model: str, version: str, *, who: str = "", override: str | None = None) -> Promotion:
        """Let the app answer with this version from now on, once it passed the gate.

        `override` is the reason for serving one that does not pass; it is logged. Raises `InputError` that
        says why it does not.
        """
        gate = self.check_gate(model, version)
        made = self._promotions_of(model).promote(self.find_version(model, version), gate, who, override)
        self.write_card(model, version)
        self.record_audit(made.action, f"{model} {version}", person=who, details=made.reason)
        return made

    def roll_back(self, model: str, *, who: str = "", reason: str = "") -> Promotion:
        """Let the app answer with the version that was served before this one."""
        made = self._promotions_of(model).roll_back(who, reason)
        self.write_card(model, made.to_version)
        self.record_audit(Action.ROLL_BACK, f"{model} {made.to_version}", person=who, details=reason)
        return made

    def list_promotions(self, model: str) -> list[Promotion]:
        """Return who promoted which version of the model when and why, oldest first."""
        return self._promotions_of(model).read()

    def read_card(self, model: str, version: str) -> str:
        """Return the model card of a version as Markdown; nothing is written."""
        from reviewer.training.model_card import format_card

        found = self.find_version(model, version)
        return format_card(self.find_model(model), found, self.list_promotions(model))

    def write_card(self, model: str, version: str | None = None) -> str:
        """Write the model card of a version, None: the served one, anew and return it as Markdown."""
        from reviewer.training.model_card import save_card

        found = self.find_version(model, version)
        return save_card(self.find_model(model), found, self.list_promotions(model))

    def _promotions_of(self, model: str) -> Promotions:
        from reviewer.training.promoting import Promotions

        return Promotions(self.folder, self.versions_of(model))

    def _list_reviewed(self, model: str) -> list[Flag]:
        with self._index.reading() as cursor:
            return queries.find_slice(cursor, Slice(view="done", model=(model,)))
