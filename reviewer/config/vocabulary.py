"""What became of a model's labels and options since `reviewer.toml` was written.

The rule: it comes from the log of label changes and never from the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from reviewer.config.fields import Spec
from reviewer.labels import Names


class Vocabulary(Spec):
    """The names that were written once and what they are today."""

    labels: dict[str, str] = Field(default={})
    """Written label → its name of today, of all labels that a change is about."""
    options: dict[str, str] = Field(default={})
    """The same of flag options."""
    ended: tuple[str, ...] = ()
    """Labels of today that were split or retired."""
    further: tuple[str, ...] = ()
    """Labels that can be chosen beside, or instead of, those of the file."""
    colors: dict[str, str] = Field(default={})
    """Label → its colour."""
    keys: dict[str, str] = Field(default={})
    """Label → its key."""
    stamp: int = 0
    """How many changes there were."""

    def follow(self, label: str) -> str:
        """Return the name of today of a label that was written once."""
        return self.labels.get(label, label)

    def follow_all(self, labels: Sequence[str | None]) -> Sequence[str | None]:
        """Return the names of today of labels, None where there is none."""
        return [label and self.follow(label) for label in labels] if self.labels else labels

    def follow_scores(self, scores: dict[str, float]) -> dict[str, float]:
        """Return the scores under the names of today, those of merged labels added up."""
        told: dict[str, float] = {}
        for label, score in scores.items():
            told[self.follow(label)] = told.get(self.follow(label), 0.0) + score
        return told


def build_vocabulary(labels: Names, options: Names) -> Vocabulary:
    """Return the vocabulary that the folded changes of a model come to."""
    looks = {name: look for name, look in labels.looks.items() if name in labels.offered}
    return Vocabulary(
        labels=labels.now,
        options=options.now,
        ended=tuple(sorted(labels.ended)),
        further=tuple(dict.fromkeys((*labels.now, *labels.now.values()))),
        colors={name: look.color for name, look in looks.items() if look.color},
        keys={name: look.key for name, look in looks.items() if look.key},
        stamp=labels.seq + options.seq,
    )


def update_fields(labels: Names, options: Names, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the fields of a model's spec that the changes make others."""
    changed: dict[str, Any] = {"vocabulary": vocabulary}
    changed |= {"labels": tuple(labels.offered)} if labels.seq else {}
    return changed | ({"flag_options": tuple(options.offered)} if options.seq else {})
