"""Bundles: the reviewed flags of a model as a folder that is safe to train on.

`options` says what can be chosen, `selecting` works out the rows in DuckDB, `checks` looks at them, `formats`
write them, `manifest`, `card`, `changes`, `loader` and `croissant` describe them, and `writing` puts it all
into place.
"""

from __future__ import annotations

from reviewer.bundle.archive import MANIFEST, Bundle, read_bundles, stream_archive
from reviewer.bundle.checks import Finding
from reviewer.bundle.columns import name_target
from reviewer.bundle.formats import FORMATS, list_formats
from reviewer.bundle.options import ExportOptions, read_options
from reviewer.bundle.writing import Plan, plan_bundle, write_bundle

__all__ = [
    "FORMATS",
    "MANIFEST",
    "Bundle",
    "ExportOptions",
    "Finding",
    "Plan",
    "list_formats",
    "name_target",
    "plan_bundle",
    "read_bundles",
    "read_options",
    "stream_archive",
    "write_bundle",
]
