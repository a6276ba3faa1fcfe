"""A workspace that an app serves elsewhere, asked over HTTP from Python.

The rule: it knows no rule of the workspace; what the app refuses is raised here as the same error.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from reviewer import access, errors
from reviewer.errors import BusyError, InputError, ReviewerError
from reviewer.records import new_id

Payload = dict[str, Any]


class Client:
    """Programs' way to an app: `with Client("https://flags.example", token) as client: …`.

    Every answer is a dict as `/docs` of the app describes it. Methods raise the errors that a workspace
    raises, `SignInNeededError` for a token that is missing or has ended, `ForbiddenError` for one whose scope
    is too small, and `BusyError` when the app cannot be reached.
    """

    def __init__(self, url: str, token: str = "", *, timeout: float = 60.0) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/api/", headers=headers, timeout=timeout)

    def read_account(self) -> Payload:
        """Return for whom the token acts, and with which role."""
        return self._ask("GET", "account")

    def list_models(self) -> list[Payload]:
        """Return the models with labels, inputs, flag options and versions."""
        models: list[Payload] = self._ask("GET", "models")["models"]
        return models

    def predict(self, model: str, inputs: Mapping[str, Any], *, version: str | None = None) -> Payload:
        """Run a model on one example and return the prediction; a file is a data URL."""
        return self._ask("POST", "predict", {"model": model, "inputs": dict(inputs), "version": version})

    def flag(self, prediction_id: str, option: str, **given: Any) -> Payload:
        """Mark a prediction as in need of review; `given` are suggested_label, comment and severity."""
        return self._ask("POST", "flags", {"prediction_id": prediction_id, "option": option, **given})

    def list_own_flags(self, *, limit: int = 50) -> list[Payload]:
        """Return the newest own flags and what became of them."""
        flags: list[Payload] = self._ask("GET", "account/flags", limit=limit)["flags"]
        return flags

    def queue(self, *, sort: str = "newest", limit: int = 50, **filters: Any) -> list[Payload]:
        """Return up to `limit` flags in the stated order; `filters` are those of the queue's address."""
        flags: list[Payload] = self._ask("GET", "queue", sort=sort, limit=limit, **filters)["flags"]
        return flags

    def review(self, flag_id: str, *, seq: int, **decision: Any) -> Payload:
        """Decide about a flag that was seen with this `seq`; `decision` is what `Workspace.review` takes."""
        body = {"action_id": new_id(), "flag_id": flag_id, "seq": seq, **decision}
        return self._ask("POST", "reviews", body)

    def undo(self, action_id: str) -> Payload:
        """Take an action back."""
        return self._ask("POST", "undo", {"action_id": new_id(), "reverts": action_id})

    def query(self, sql: str) -> Payload:
        """Run one reading statement and return columns, types and rows."""
        return self._ask("POST", "query", {"sql": sql})

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Payload:
        try:
            answer = self._http.request(method, path, json=body, params=query)
            value: Payload = answer.json()
        except httpx.HTTPError as error:
            raise BusyError(f"The app at {self._http.base_url} cannot be reached: {error}.") from error
        except ValueError:
            raise BusyError(
                f"The app at {self._http.base_url} answered {answer.status_code} without"
                " JSON; is it one of ours?"
            ) from None
        if answer.is_error:
            raise _build_error(value)
        return value


def _build_error(body: Any) -> ReviewerError:
    """Return the error that the app raised, by its name."""
    kind = body.get("kind", "") if isinstance(body, dict) else ""
    found = getattr(errors, kind, None) or getattr(access, kind, None)
    sentence = str(body.get("error", body)) if isinstance(body, dict) else str(body)[:500]
    if not (isinstance(found, type) and issubclass(found, ReviewerError)) or found is errors.UnknownNameError:
        found = InputError
    return found(sentence)
