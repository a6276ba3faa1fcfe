"""What `Use via API` offers: the two things a program does with a model under test, as Gradio endpoints.

The rule: these are the only public endpoints of the app; a test compares them with the README.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradio.events import api

from reviewer.access import Role
from reviewer.ownership import check_inputs, check_prediction
from reviewer.payloads import build_payload
from reviewer.records import Source
from reviewer.ui.handlers import find_asker, needs
from reviewer.workspace import Workspace


def add_endpoints(workspace: Workspace) -> None:
    """Add the endpoints of `ENDPOINTS` to the Blocks app that is being built."""
    for name, build in ENDPOINTS.items():
        api(build(workspace), api_name=name)


def _build_predict(workspace: Workspace) -> Callable[..., Any]:
    @needs(Role.TESTER, is_shown=False)
    def predict(model: str, inputs: dict, version: str = "") -> dict:  # type: ignore[type-arg]
        """Run a model on one example and log its answer; returns the prediction, with its prediction_id.

        A picture, recording or file is a data URL (data:image/png;base64,…) or {"media": name} of a stored
        one. Without a version the served one answers. A failure of the model is in `error`.
        """
        person = find_asker()
        check_inputs(workspace, person, inputs)
        made = workspace.predict(
            model, inputs, version=version or None, username=person.name, source=Source.API
        )
        return build_payload(made)

    return predict


def _build_flag(workspace: Workspace) -> Callable[..., Any]:
    @needs(Role.TESTER, is_shown=False)
    def flag(
        prediction_id: str, option: str, suggested_label: str = "", comment: str = "", severity: str = ""
    ) -> dict:  # type: ignore[type-arg]
        """Mark a logged prediction as in need of review; returns the flag once it is on the disk."""
        person = find_asker()
        check_prediction(workspace, person, prediction_id)
        made = workspace.flag(
            prediction_id,
            option=option,
            suggested_label=suggested_label or None,
            comment=comment,
            severity=severity,
            flagger=person.name,
            source=Source.API,
        )
        return build_payload(made)

    return flag


ENDPOINTS: dict[str, Callable[[Workspace], Callable[..., Any]]] = {
    "predict": _build_predict,
    "flag": _build_flag,
}
"""Name of the endpoint → what builds it for a workspace."""
