"""The HTTP API under `/api`: parse, call one method of the workspace, answer JSON.

The rule: every route names the role it needs, and no route answers with a traceback. Described at `/docs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, cast
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from reviewer import __version__
from reviewer.access import ForbiddenError, Person, Role, check_role, find_owner
from reviewer.batch.describe import read_metrics, summarize
from reviewer.batch.state import REJECTED, RESULTS, Batch, find_batch, list_batches, stream_file
from reviewer.config import ModelSpec
from reviewer.errors import (
    BusyError,
    ConflictError,
    InputError,
    LogError,
    ModelError,
    QueryLimitError,
    QueryRefusedError,
    ReviewerError,
    UnknownNameError,
)
from reviewer.guards import BodyLimit, Gate, PublicAddress, Reach
from reviewer.index.queries import FacetCounts, Slice
from reviewer.index.sandbox import QueryLimits
from reviewer.log.media import MEDIA_TYPES, is_shown_inline
from reviewer.models.outputs import list_further_outputs
from reviewer.payloads import build_payload, stream_csv
from reviewer.records import Flag, JsonValue
from reviewer.workspace import HistoryEntry, Workspace

STATUS_CODES: dict[type[ReviewerError], int] = {
    ForbiddenError: 403,
    UnknownNameError: 404,
    InputError: 422,
    ConflictError: 409,
    QueryLimitError: 408,
    QueryRefusedError: 400,
    ModelError: 502,
    LogError: 507,
    BusyError: 503,
    ReviewerError: 500,
}
"""Error → status code; the first row whose class fits counts."""

MOST_ROWS = 500
"""The longest page of the queue."""

MAX_FILE_BYTES = 50 << 20
"""The largest file that is taken, unless the server is told otherwise."""

DOWNLOAD_LIMITS = QueryLimits(seconds=60, memory_mb=2048, rows=1_000_000, result_mb=512)
"""What the download of a result may take: a file is for all the rows, where the page shows the first."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class PredictBody(_Body):
    """One example for a model; an image is a data URL."""

    model: str
    inputs: dict[str, Any]
    version: str | None = None


class FlagBody(_Body):
    """A mark on a logged prediction."""

    prediction_id: str
    option: str
    suggested_label: str | None = None
    comment: str = Field("", max_length=100_000)
    severity: str = ""


class ReviewBody(_Body):
    """One decision on one flag, or a comment."""

    action_id: str
    flag_id: str
    seq: int
    corrected_label: str | None = None
    corrected_value: float | None = None
    corrected_output: JsonValue = None
    resolution: str | None = None
    status: str | None = None
    comment: str = Field("", max_length=100_000)
    certainty: int | None = Field(None, ge=1, le=5)
    seconds: float | None = Field(None, ge=0)


class UndoBody(_Body):
    """Takes back the action, or the flag, named in `reverts`."""

    action_id: str
    reverts: str


class QueryBody(_Body):
    """An analyst's statement."""

    sql: str = Field(max_length=1_000_000)


class ExportBody(_Body):
    """The model whose reviewed flags are wanted."""

    model: str


def identify(request: Request) -> Person:
    """Return who is asking; without sign-in that is the owner of this computer."""
    return find_owner()


def require(role: Role) -> Any:
    """Return the dependency that lets a person with this role through and hands the person on."""

    def check(person: Annotated[Person, Depends(identify)]) -> Person:
        check_role(person, role)
        return person

    check.__dict__["role"] = role
    return Depends(check)


TESTER, REVIEWER = require(Role.TESTER), require(Role.REVIEWER)


def _read_root(request: Request) -> str:
    """Return the path under which the server is reached, "" at the root of its host."""
    return str(request.scope.get("root_path", ""))


Root = Annotated[str, Depends(_read_root)]


def build_server(
    workspace: Workspace, reach: Reach, *, root_path: str = "", max_file_bytes: int = MAX_FILE_BYTES
) -> FastAPI:
    """Return the server with the API; it answers only under the names of `reach`, to pages of its own.

    `root_path` is the path, or the whole address, at which a proxy shows it. Gradio and the static files
    are mounted on it by the app.
    """
    # The docs page that FastAPI makes itself runs scripts from the network.
    server = FastAPIOffline(redoc_url=None, title="Flag reviewer", version=__version__)
    server.add_exception_handler(ReviewerError, cast(Any, answer_error))
    server.add_exception_handler(RequestValidationError, cast(Any, _answer_malformed))
    server.add_exception_handler(HTTPException, cast(Any, _answer_refused))
    server.include_router(build_router(workspace), prefix="/api")
    # An own CORS layer that allows no other origin: without it Gradio answers every origin it is asked from.
    server.add_middleware(CORSMiddleware, allow_origins=[])
    server.add_middleware(BodyLimit, most=max_file_bytes)
    server.add_middleware(PublicAddress, root_path=root_path)
    # Added last, so that it is asked first.
    server.add_middleware(Gate, reach=reach)
    return server


def answer_error(request: Request, error: ReviewerError) -> JSONResponse:
    """Return the one sentence of the error with its status code."""
    code = next(code for kind, code in STATUS_CODES.items() if isinstance(error, kind))
    body = {"error": str(error), "field": getattr(error, "field", ""), "kind": type(error).__name__}
    return JSONResponse(body, code)


def _answer_malformed(request: Request, error: RequestValidationError) -> JSONResponse:
    """Return what is wrong with the first field that cannot be read."""
    first = error.errors()[0]
    is_body = first["loc"] == ("body",) or first["type"] == "json_invalid"
    field = "" if is_body else ".".join(str(part) for part in first["loc"][1:])
    message = f"{field}: {first['msg']}."
    if is_body:
        message = "The body is no JSON object; send one with the header Content-Type: application/json."
    return JSONResponse({"error": message, "field": field, "kind": "InputError"}, 422)


def _answer_refused(request: Request, error: HTTPException) -> JSONResponse:
    """Return what the server itself refused, such as an address that does not exist."""
    message = f"{str(error.detail).removesuffix('.')}."
    if error.status_code in (404, 405):
        message = f"{error.detail}: {request.method} {request.url.path[:200]}; /docs lists what there is."
    body = {"error": message, "field": "", "kind": "InputError"}
    return JSONResponse(body, error.status_code, error.headers)


def _read_slice(
    view: str = "all",
    model: Annotated[list[str], Query()] = [],  # noqa: B006  FastAPI copies defaults
    version: Annotated[list[str], Query()] = [],  # noqa: B006
    option: Annotated[list[str], Query()] = [],  # noqa: B006
    predicted: Annotated[list[str], Query()] = [],  # noqa: B006
    resolution: Annotated[list[str], Query()] = [],  # noqa: B006
    verification: Annotated[list[str], Query()] = [],  # noqa: B006
    source: Annotated[list[str], Query()] = [],  # noqa: B006
    flagger: Annotated[list[str], Query()] = [],  # noqa: B006
    confidence_min: float | None = None,
    confidence_max: float | None = None,
    text: str = "",
) -> Slice:
    return Slice(
        view=view,
        model=tuple(model),
        version=tuple(version),
        option=tuple(option),
        predicted=tuple(predicted),
        resolution=tuple(resolution),
        verification=tuple(verification),
        source=tuple(source),
        flagger=tuple(flagger),
        confidence_min=confidence_min,
        confidence_max=confidence_max,
        text=text,
    )


ChosenSlice = Annotated[Slice, Depends(_read_slice)]


def build_router(workspace: Workspace) -> APIRouter:
    """Return the routes of the API."""
    router = APIRouter()
    _add_test_routes(router, workspace)
    _add_queue_routes(router, workspace)
    _add_review_routes(router, workspace)
    _add_query_routes(router, workspace)
    _add_export_routes(router, workspace)
    _add_batch_routes(router, workspace)
    return router


def _add_test_routes(router: APIRouter, workspace: Workspace) -> None:
    @router.get("/models")
    def list_models(person: Person = TESTER) -> dict[str, Any]:
        """Return the models with their labels, inputs, options and versions."""
        models = [_build_model(workspace, name) for name in workspace.spec.models]
        return {"title": workspace.spec.title, "models": models}

    @router.post("/predict")
    def predict(body: PredictBody, person: Person = TESTER) -> dict[str, Any]:
        """Run a model on one example and log its answer."""
        made = workspace.predict(
            body.model, body.inputs, version=body.version, username=person.name, source="api"
        )
        return build_payload(made)

    @router.post("/flags")
    def flag(body: FlagBody, person: Person = TESTER) -> dict[str, Any]:
        """Mark a logged prediction as in need of review."""
        made = workspace.flag(**body.model_dump(), flagger=person.name, source="api")
        return build_payload(made)

    @router.get("/media/{name}")
    def read_media(
        name: str, saved_as: Annotated[str, Query(alias="as", max_length=1000)] = "", person: Person = TESTER
    ) -> Response:
        """Return a stored picture or recording; any other file is a download, named as the query asks."""
        path = workspace.media.find(name)
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


def _add_queue_routes(router: APIRouter, workspace: Workspace) -> None:
    @router.get("/queue")
    def read_queue(
        chosen: ChosenSlice,
        root: Root,
        sort: str = "newest",
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
        person: Person = REVIEWER,
    ) -> dict[str, Any]:
        """Return one page of the queue and how many flags there are in all."""
        page, total = workspace.read_page(chosen, sort, after, limit)
        return {"flags": [_build_row(row, root) for row in page.rows], "next": page.next, "total": total}

    @router.get("/facets")
    def count_facets(chosen: ChosenSlice, person: Person = REVIEWER) -> dict[str, Any]:
        """Return how many flags of the slice have each value of each facet."""
        return _build_facets(workspace.count_facets(chosen))

    @router.get("/flags/{flag_id}")
    def read_flag(flag_id: str, root: Root, person: Person = REVIEWER) -> dict[str, Any]:
        """Return everything a card shows of one flag."""
        return build_card(workspace, workspace.find_flag(flag_id), root)


def _add_review_routes(router: APIRouter, workspace: Workspace) -> None:
    @router.post("/reviews")
    def review(body: ReviewBody, root: Root, person: Person = REVIEWER) -> Any:
        """Decide about a flag; the same action again changes nothing."""
        try:
            flag = workspace.review(**body.model_dump(), reviewer=person.name)
        except ConflictError as error:
            return _answer_conflict(workspace, body.flag_id, root, error)
        return build_card(workspace, flag, root)

    @router.post("/undo")
    def undo(body: UndoBody, root: Root, person: Person = REVIEWER) -> dict[str, Any]:
        """Take back one action."""
        flags = workspace.undo(body.reverts, reviewer=person.name, own_action_id=body.action_id)
        return {"flags": [build_card(workspace, each, root) for each in flags]}


def _add_query_routes(router: APIRouter, workspace: Workspace) -> None:
    @router.post("/query")
    def query(body: QueryBody, person: Person = REVIEWER) -> dict[str, Any]:
        """Run one reading statement in the sandbox."""
        result = workspace.run_query(body.sql)
        return {
            "columns": list(result.columns),
            "types": list(result.types),
            "rows": result.list_rows(),
            "is_truncated": result.is_truncated,
            "index_age_seconds": result.index_age_seconds,
        }

    @router.get("/query.csv")
    def download_query(sql: str, person: Person = REVIEWER) -> Response:
        """Return the result of one reading statement as CSV."""
        result = workspace.run_query(sql, DOWNLOAD_LIMITS)
        if result.is_truncated:
            raise QueryLimitError(
                f"The result has more than {DOWNLOAD_LIMITS.rows:,} rows; narrow it with WHERE or LIMIT."
            )
        pieces = stream_csv(result.columns, result.stream_rows())
        return _download(pieces, "query.csv", "text/csv; charset=utf-8")


def _add_export_routes(router: APIRouter, workspace: Workspace) -> None:
    @router.post("/exports")
    def export(body: ExportBody, person: Person = REVIEWER) -> dict[str, Any]:
        """Write the reviewed flags of a model as a new bundle."""
        return workspace.export(body.model).manifest

    @router.get("/exports")
    def list_exports(model: str, person: Person = REVIEWER) -> list[dict[str, Any]]:
        """Return the manifests of the model's bundles, oldest first."""
        return [each.manifest for each in workspace.list_bundles(model)]

    @router.get("/exports/{model}/{name}.zip")
    def download_export(model: str, name: str, person: Person = REVIEWER) -> Response:
        """Return one bundle as an archive, in a stream."""
        from reviewer.bundle import stream_archive

        bundles = {each.name: each for each in workspace.list_bundles(model)}
        if name not in bundles:
            raise UnknownNameError(f"export of {model}", name, bundles)
        return _download(stream_archive(bundles[name]), f"{model}-{name}.zip", "application/zip")

    @router.get("/quarantine.csv")
    def download_quarantine(person: Person = REVIEWER) -> Response:
        """Return the rows that imports set aside, each with its file and the reason."""
        from reviewer.foreign import QUARANTINE_COLUMNS

        pieces = stream_csv(QUARANTINE_COLUMNS, workspace.read_quarantine())
        return _download(pieces, "quarantine.csv", "text/csv; charset=utf-8")


def _add_batch_routes(router: APIRouter, workspace: Workspace) -> None:
    @router.get("/batches")
    def list_all(person: Person = TESTER) -> list[dict[str, Any]]:
        """Return the batches, newest first, with their counts and metrics."""
        return [build_payload(summarize(each)) for each in list_batches(workspace.folder)]

    @router.get("/batches/{batch_id}")
    def read_batch(batch_id: str, person: Person = TESTER) -> dict[str, Any]:
        """Return one batch as it stands, with all of its metrics."""
        batch = find_batch(workspace.folder, batch_id)
        return build_payload({**summarize(batch), "metrics": read_metrics(batch)})

    @router.get("/batches/{batch_id}/results.csv")
    def download_results(batch_id: str, person: Person = TESTER) -> Response:
        """Return the answered rows of a batch as CSV, in a stream."""
        return _download_part(find_batch(workspace.folder, batch_id), RESULTS)

    @router.get("/batches/{batch_id}/rejected.csv")
    def download_rejected(batch_id: str, person: Person = TESTER) -> Response:
        """Return the rows of a batch that could not be used or failed, with the reason, as CSV."""
        return _download_part(find_batch(workspace.folder, batch_id), REJECTED)


def _download_part(batch: Batch, name: str) -> StreamingResponse:
    return _download(stream_file(batch, name), f"batch-{batch.batch_id}-{name}", "text/csv; charset=utf-8")


def _download(body: Iterator[bytes], name: str, media_type: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(body, media_type=media_type, headers=headers)


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


def _build_row(row: dict[str, Any], root: str) -> dict[str, Any]:
    """Return one line of the queue: its columns, and the address of its picture."""
    payload = build_payload(row)
    del payload["position"]
    return {**payload, "thumbnail": _link_thumbnail(row["thumbnail"], root)}


def _link_thumbnail(name: str | None, root: str) -> str | None:
    return f"{root}/api/media/{name}" if name else None


def _build_facets(counts: FacetCounts) -> dict[str, Any]:
    facets = {
        name: [{"value": value, "flags": flags} for value, flags in pairs]
        for name, pairs in counts.facets.items()
    }
    return {"views": counts.views, **facets, "confidence": counts.confidence}


def build_card(workspace: Workspace, flag: Flag, root: str) -> dict[str, Any]:
    """Return everything a card shows: the flag, its state, the model's labels and its history.

    `root` is the path under which the server is reached; links start with it.
    """
    spec = workspace.spec.models.get(flag.model)
    ranked = [*(flag.scores or {}), *(workspace.list_labels(flag.model) if spec else ())]
    outputs = _link_outputs(spec, flag, root) if spec else {"output": flag.output}
    return {
        **build_payload(flag),
        "thumbnail": _link_thumbnail(flag.state.thumbnail, root),
        "inputs": {name: _link_media(value, root) for name, value in flag.inputs.items()},
        "outputs": {name: each for name, each in outputs.items() if each is not None},
        "error": workspace.find_error(flag),
        "labels": list(dict.fromkeys(ranked)),
        "unit": spec.unit if spec else "",
        "history": [_build_entry(each) for each in workspace.find_history(flag.flag_id)],
    }


def _link_outputs(spec: ModelSpec, flag: Flag, root: str) -> dict[str, JsonValue]:
    """Return the further outputs; JSON that merely looks like a stored picture stays as it is."""
    drawn = {name for name, each in spec.answers.items() if each.component in ("image", "plot")}
    return {
        name: _link_media(value, root) if name in drawn else value
        for name, value in list_further_outputs(spec, flag).items()
    }


def _link_media(value: JsonValue, root: str) -> JsonValue:
    if isinstance(value, dict) and isinstance(value.get("media"), str):
        name = str(value.get("name", ""))
        query = f"?{urlencode({'as': name})}" if name else ""
        return {**value, "url": f"{root}/api/media/{quote(value['media'], safe='')}{query}"}
    return value


def _build_entry(entry: HistoryEntry) -> dict[str, Any]:
    payload = build_payload(entry.review)
    return {**payload, "is_applied": entry.is_applied, "is_undone": entry.is_undone}


def _answer_conflict(workspace: Workspace, flag_id: str, root: str, error: ConflictError) -> JSONResponse:
    card = build_card(workspace, workspace.find_flag(flag_id), root)
    body = {"error": str(error), "field": "", "kind": "ConflictError", "flag": card}
    return JSONResponse(body, STATUS_CODES[ConflictError])
