"""`FlagLogger`: flags of somebody's own Gradio app, logged into a workspace.

The rule: a flag is on the disk before it is acknowledged. What the server saw is logged, not what the browser
says; where only the browser knows, the flag's `origin` says so.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from gradio.context import LocalContext

from reviewer.config import ModelSpec, load_config
from reviewer.decisions import build_flag, check_suggestion
from reviewer.errors import ConfigError, InputError, ModelError, ReviewerError
from reviewer.foreign.rows import find_option
from reviewer.log import encode_row, open_logs
from reviewer.log.columns import encode_json
from reviewer.log.media import MediaStore
from reviewer.models.asking import describe_failure
from reviewer.pseudonyms import Pseudonyms
from reviewer.records import Flag, FlagOption, Prediction, Source, derive_id, hash_example, new_id, utc_now
from reviewer.sentences import retell
from reviewer.ui.apps.model import AppModel, prepare_model
from reviewer.ui.apps.seen import Seen, see_page
from reviewer.ui.apps.wire import list_inputs, list_outputs
from reviewer.ui.apps.witness import Witness, tell_failure
from reviewer.ui.handlers import show_error
from reviewer.ui.texts import find_language

if TYPE_CHECKING:
    from reviewer.workspace import Workspace

_LOG = logging.getLogger(__name__)

_MOST_LOGGED = 10_000
"""How many of the last records are remembered, so that a button pressed twice writes once."""

_NO_WORDS: dict[str, Any] = {"comment": "", "suggested_label": None}

_UNEXPECTED = "The flag was not kept: something went wrong in the app; its log says what. Try again."


class FlagLogger(gr.FlaggingCallback):
    """Logs what is flagged in a Gradio app into a workspace.

    `gr.Interface(fn, inputs, outputs, flagging_callback=FlagLogger("my-workspace"))` is all an app needs. The
    workspace is a folder, made with a `reviewer.toml` when it is missing, or an open `Workspace`. `model` is
    the name of the app's model there, added to the file when it is missing. Without one it is made from the
    app's title or function, so two apps that share that and their components share a model; name it then.
    `version` says which version of the model answers.

    Outside a `gr.Interface`, `inputs` says how many of the components are inputs; `reviewer.flagging` adds
    the buttons as well. A `gr.State` is not logged: nobody enters or sees it.
    """

    def __init__(
        self,
        workspace: str | Path | Workspace,
        model: str | None = None,
        *,
        version: str = "app",
        inputs: int | None = None,
    ) -> None:
        folder: str | Path = workspace if isinstance(workspace, (str, Path)) else workspace.folder
        self._folder = Path(folder).expanduser().resolve()
        self._model = model
        self._version = version
        self._input_count = inputs
        self._blocks: list[int] = []
        self._app: AppModel | None = None
        self._source = Source.MANUAL
        self._count = 0
        self._logged: OrderedDict[str, None] = OrderedDict()
        self._counting = threading.Lock()

    # Gradio's side

    def setup(self, components: Sequence[Component], flagging_dir: str = "") -> None:
        """Find the app's model in the workspace, or add it; Gradio calls this when the app is made.

        Raises `ConfigError` when the workspace cannot be used, so that the app does not start without it.
        """
        interface = self._find_interface()
        if interface is not None:
            self._source = Source.AUTO if interface.flagging_mode == "auto" else Source.MANUAL
            self.prepare(
                interface.input_components or [],
                interface.output_components or [],
                title=_find_title(interface),
                components=components,
            )
        elif self._input_count is not None:
            self.prepare(components[: self._input_count], components[self._input_count :])
        else:
            raise ConfigError(
                "FlagLogger.setup was called outside a gr.Interface, so it cannot tell inputs from outputs;"
                " say how many are inputs, as in FlagLogger(…, inputs=2), or call"
                " reviewer.flagging(inputs, outputs, …)."
            )

    def prepare(
        self,
        inputs: Sequence[Component],
        outputs: Sequence[Component],
        *,
        title: str = "",
        components: Sequence[Component] = (),
    ) -> ModelSpec:
        """Find or add the model with these inputs and outputs; returns it.

        `components` is the order in which `flag` gets the values, inputs before outputs when left out.
        """
        if self._app is not None:
            raise ConfigError("This FlagLogger already logs the flags of another app; make one for each app.")
        fields = list_inputs(inputs), list_outputs(outputs)
        if not fields[1]:
            raise ConfigError("The app has no output component, so there is no answer to flag.")
        self._app = prepare_model(self._folder, self._model, title or self._folder.name, *fields)
        self._blocks = [each._id for each in components or [*inputs, *outputs]]
        self._witness = Witness((each.block for each in fields[0]), (each.block for each in fields[1]))
        self._logs = open_logs(self._folder / "flagged")
        self._media = MediaStore(self._folder / "flagged" / "media")
        self._pseudonyms = Pseudonyms(self._folder, load_config(self._folder).privacy.flagger)
        return self._app.spec

    def _find_interface(self) -> gr.Interface | None:
        """Return the interface that is being made: it calls `setup` without a word about itself."""
        frame = sys._getframe(1)
        while frame := frame.f_back:  # type: ignore[assignment]  # None ends the loop
            caller = frame.f_locals.get("self")
            if isinstance(caller, gr.Interface) and getattr(caller, "flagging_callback", None) is self:
                return caller
        return None

    def flag(self, flag_data: list[Any], flag_option: str | None = None, username: str | None = None) -> int:
        """Log a flag durably; returns how many this logger has logged.

        `flag_data` is what the browser sent of the components of `setup`. A failure is logged and shown on
        the page: on the flag button, or as a `gr.Error` where no such button is.
        """
        try:
            self.log_flag(flag_data, flag_option or "", flagger=username or "")
        except Exception as error:
            raise report_failure(error) from None
        return self._count

    # Logging

    def log_flag(
        self,
        values: Sequence[Any],
        word: str = "",
        *,
        flagger: str = "",
        comment: str = "",
        suggested_label: str | None = None,
    ) -> Flag:
        """Log a flag of the values on the page durably and return it; the same one twice is logged once.

        `word` is a flag option or the app's own word for one, which is then kept among the tags. Raises
        `InputError` for what cannot be flagged, `LogError` when it could not be written.
        """
        app, flagger = self._find_app(), self._pseudonyms.hide(flagger)
        if len(values) != len(self._blocks):
            raise InputError(f"{len(values)} values were flagged; the app has {len(self._blocks)}.")
        session_id = _find_session()
        calls = self._witness.list_calls(session_id)
        seen = see_page(app, calls, dict(zip(self._blocks, values, strict=True)), self._media.save)
        prediction = self._build_prediction(app.spec, seen, session_id=session_id, username=flagger)
        given = {
            **_name_option(app.spec, word),
            "flagger": flagger,
            "comment": comment,
            "suggested_label": check_suggestion(app.spec, suggested_label),
            "source": self._source,
            "origin": seen.origin or None,
        }
        flag_id = _identify(prediction, given) if seen.call else new_id()
        flag = build_flag(prediction, **given, flag_id=flag_id)
        if seen.call:  # else only the browser says that there was a prediction
            self._append("predictions", prediction, prediction.prediction_id)
        # Who said something and presses again without a word has said it already.
        self._append("flags", flag, flag_id, _identify(prediction, {**given, **_NO_WORDS}))
        return flag

    def _find_app(self) -> AppModel:
        if self._app is None:
            raise ConfigError("FlagLogger.flag was called before setup.")
        return self._app

    def _append(self, stream: str, record: Prediction | Flag, record_id: str, *others: str) -> None:
        """Log the record durably, unless this logger did so before; the other ids count as logged with it."""
        if record_id in self._logged:
            return
        self._logs[stream].append([encode_row(stream, record)])
        with self._counting:
            self._count += stream == "flags"
            self._logged |= dict.fromkeys((record_id, *others))
            while len(self._logged) > _MOST_LOGGED:
                self._logged.popitem(last=False)

    def _build_prediction(self, spec: ModelSpec, seen: Seen, **person: str) -> Prediction:
        call, answer = seen.call, seen.answer
        return Prediction(
            prediction_id=call.prediction_id if call else new_id(),
            predicted_at=call.made_at if call else utc_now(),
            model=spec.name,
            model_version=self._version,
            task=spec.task,
            example_id=hash_example(seen.inputs),
            inputs=seen.inputs,
            predicted_label=answer.label,
            confidence=answer.confidence,
            scores=answer.scores,
            predicted_value=answer.value,
            output=answer.output,
            latency_ms=round(call.latency_ms, 3) if call else None,
            error=describe_failure(ModelError(call.error, call.details)) if call and call.error else None,
            source=self._source,
            **person,
        )


def report_failure(error: Exception, language: str | None = None) -> gr.Error:
    """Return the error as a message for the page, by default in the browser's language, having logged it."""
    if isinstance(error, ReviewerError):
        _LOG.warning("%s", error)
        sentence = str(error)
    else:
        _LOG.exception("a flag was not kept")
        sentence = _UNEXPECTED
    told = retell(sentence, language or find_language(LocalContext.request.get(None)))
    tell_failure(told)
    return show_error(told)


def _find_title(interface: gr.Interface) -> str:
    """Return the interface's title or the name of its function, "" for one without a name."""
    name = getattr(interface.fn, "__name__", "")
    title = interface.title if isinstance(interface.title, str) else ""
    return title or ("" if name == "<lambda>" else name)


def _find_session() -> str:
    """Return Gradio's name of the browser session, "" outside a call of the app."""
    request = LocalContext.request.get(None)
    return str(getattr(request, "session_hash", "") or "")


def _name_option(spec: ModelSpec, word: str) -> dict[str, Any]:
    """Return the flag option, and the app's own word for it among the tags."""
    is_own = bool(word) and word not in list(FlagOption)
    return {"option": find_option(word, spec.task), "tags": (word,) if is_own else ()}


def _identify(prediction: Prediction, given: dict[str, Any]) -> str:
    """Return the flag's id: a button pressed twice makes one flag."""
    return derive_id(prediction.predicted_at, prediction.prediction_id, encode_json(given))
