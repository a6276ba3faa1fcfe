"""The metadata that readers of ML Commons' Croissant 1.0 take,
https://docs.mlcommons.org/croissant/docs/croissant-spec.html."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reviewer.bundle.columns import name_target
from reviewer.bundle.formats.hub import TASK_CATEGORIES
from reviewer.bundle.rows import Rows
from reviewer.config import ModelSpec
from reviewer.records import JsonValue, Task

CROISSANT = "croissant.json"


def write_croissant(
    rows: Rows, folder: Path, described: Mapping[str, JsonValue], hashes: Mapping[str, str]
) -> None:
    """Write the metadata of the Parquet files; `hashes` is file → SHA-256.

    Readers of Croissant read a CSV file without its types, and then `NA` and `007` change.
    """
    document = _build_croissant(rows, described, hashes)
    text = json.dumps(document, ensure_ascii=False, indent=2)
    (folder / CROISSANT).write_text(text + "\n", encoding="utf-8")


_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the format prescribes."""


def _build_croissant(
    rows: Rows, described: Mapping[str, JsonValue], hashes: Mapping[str, str]
) -> dict[str, Any]:
    spec, splits = rows.spec, rows.list_splits()
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": f"{spec.name}-reviewed-flags",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "description": f"Reviewed flags of the model {spec.name}; not a random sample.",
        "version": "1.0.0",
        "datePublished": described["as_of"],
        "license": "unknown",
        "url": "https://schema.org/Dataset",
        "keywords": [TASK_CATEGORIES[spec.task]],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": f"{split}-file",
                "name": f"{split}-file",
                "contentUrl": f"{split}.parquet",
                "encodingFormat": "application/x-parquet",
                "sha256": hashes[f"{split}.parquet"],
            }
            for split in splits
        ],
        "recordSet": [_build_record_set(rows, split) for split in splits],
    }


def _build_record_set(rows: Rows, split: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{split}/{name}",
                "name": f"{split}/{name}",
                "dataType": _find_data_type(rows.spec, name),
                "source": {"fileObject": {"@id": f"{split}-file"}, "extract": {"column": name}},
                **({"repeated": True} if _is_list(rows.spec, name) else {}),
            }
            for name in rows.list_columns(is_typed=True)
        ],
    }


def _is_list(spec: ModelSpec, name: str) -> bool:
    return name in spec.inputs and spec.inputs[name].component == "checkbox_group"


def _find_data_type(spec: ModelSpec, name: str) -> str:
    component = spec.inputs[name].component if name in spec.inputs else ""
    if component in ("number", "slider") or name in ("sample_weight", "reviewer_agreement"):
        return "sc:Float"
    if name == name_target(spec) and spec.task is Task.TABULAR_REGRESSION:
        return "sc:Float"
    known = {"checkbox": "sc:Boolean", "date": "sc:Date"}
    return "sc:Integer" if name == "reviewer_votes" else known.get(component, "sc:Text")
