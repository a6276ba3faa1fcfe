"""Routes that run models and take flags."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from pydantic import Field

from reviewer.access import Person
from reviewer.api.asking import TESTER
from reviewer.api.bodies import Body
from reviewer.log.media import MEDIA_TYPES, is_shown_inline
from reviewer.ownership import check_inputs, check_media, check_prediction
from reviewer.payloads import build_payload
from reviewer.workspace import Workspace


class PredictBody(Body):
    """One example for a model; an image is a data URL."""

    model: str
    inputs: dict[str, Any]
    version: str | None = None


class FlagBody(Body):
    """A mark on a logged prediction."""

    prediction_id: str
    option: str
    suggested_label: str | None = None
    comment: str = Field("", max_length=100_000)
    severity: str = ""


def add_test_routes(router: APIRouter, workspace: Workspace) -> None:
    """Add the routes that run models and take flags."""

    @router.get("/models")
    def list_models(person: Person = TESTER) -> dict[str, Any]:
        """Return the models with their labels, inputs, options and versions."""
        models = [_build_model(workspace, name) for name in workspace.spec.models]
        return {"title": workspace.spec.title, "models": models}

    @router.post("/predict")
    def predict(body: PredictBody, person: Person = TESTER) -> dict[str, Any]:
        """Run a model on one example and log its answer."""
        check_inputs(workspace, person, body.inputs)
        made = workspace.predict(
            body.model, body.inputs, version=body.version, username=person.name, source="api"
        )
        return build_payload(made)

    @router.post("/flags")
    def flag(body: FlagBody, person: Person = TESTER) -> dict[str, Any]:
        """Mark a logged prediction as in need of review."""
        check_prediction(workspace, person, body.prediction_id)
        made = workspace.flag(**body.model_dump(), flagger=person.name, source="api")
        return build_payload(made)

    @router.get("/media/{name}")
    def read_media(
        name: str, saved_as: Annotated[str, Query(alias="as", max_length=1000)] = "", person: Person = TESTER
    ) -> Response:
        """Return a stored picture or recording; any other file is a download, named as the query asks."""
        path = workspace.media.find(name)
        check_media(workspace, person, name)
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        shown = "inline" if is_shown_inline(name) else "attachment"
        return FileResponse(
            path,
            media_type=MEDIA_TYPES[path.suffix[1:]],
            headers=headers,
            filename=saved_as or name,
            content_disposition_type=shown,
        )


def _build_model(workspace: Workspace, name: str) -> dict[str, Any]:
    spec = workspace.find_model(name)
    versions = [each.name for each in workspace.list_versions(name)]
    return {
        "name": name,
        "title": spec.shown_name,
        "task": spec.task,
        "labels": spec.labels,
        "unit": spec.unit,
        "tolerance": spec.tolerance,
        "versions": versions,
        "served": workspace.find_version(name).name if versions else None,
        "flag_options": spec.options,
        "inputs": {key: each.model_dump() for key, each in spec.inputs.items()},
        "outputs": {key: each.model_dump() for key, each in spec.answers.items()},
    }
