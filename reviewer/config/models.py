"""A model's table of `reviewer.toml`, and the whole file, as typed specs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)

from reviewer.config.fields import Name, Spec, Texts, check_address, check_different
from reviewer.config.inputs import ImageSpec, InputSpec
from reviewer.config.keys import Keys, merge_keys
from reviewer.config.outputs import TASK_OUTPUTS, OutputSpec
from reviewer.config.privacy import PrivacySpec
from reviewer.config.retention import RetentionSpec
from reviewer.config.rules import DisagreementSpec, RuleSpec
from reviewer.config.sign_in import SignInSpec
from reviewer.config.team import TeamSpec
from reviewer.config.training import TrainingSpec
from reviewer.config.vocabulary import Vocabulary
from reviewer.config.webhooks import WebhookSpec
from reviewer.errors import UnknownNameError
from reviewer.records import FLAG_OPTIONS, FlagOption, Task

RESERVED_NAMES = frozenset(
    {
        "flags", "reviews", "predictions", "raw_flags", "raw_reviews", "read_positions", "rejected_rows",
        "index_version", "labels", "current_names",
    }
)  # fmt: skip
"""Tables of the index, which a model's view must not hide."""


def _check_free(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError(f"the name {name!r} is taken by a table; choose another")
    return name


def _check_ledger(ledger: str | float) -> str | float:
    if ledger in ("all", "none") or (isinstance(ledger, float) and 0 < ledger < 1):
        return ledger
    raise ValueError('"all", "none" or a share between 0 and 1 is needed')


class Kind(StrEnum):
    """Where a model's answers come from."""

    SKLEARN = "sklearn"
    ONNX = "onnx"
    PYTHON = "python"
    HTTP = "http"
    EXTERNAL = "external"
    """Another program runs the model; its flags are logged by that program or imported."""

    @property
    def has_file(self) -> bool:
        """Whether a version's artifact is a model file."""
        return self in (Kind.SKLEARN, Kind.ONNX)


class HttpSpec(Spec):
    """How an endpoint is asked."""

    url: Annotated[str, AfterValidator(check_address)]
    """Where it listens, from http:// or https:// on."""
    headers: dict[str, str] = Field({})
    """Header → value; `${NAME}` stands for an environment variable, so that no secret is in the file."""
    batch: StrictBool = False
    """The endpoint takes `{"instances": [inputs, …]}` and answers `{"predictions": [answer, …]}`; else it
    takes the inputs of one example as an object and answers with one answer."""
    answer: str = ""
    """Where the answer stands in what comes back, keys joined by dots; "" for all of it."""
    retries: int = Field(2, ge=0, le=10)
    """How often it is asked again after a broken connection or an answer 429, 502, 503 or 504."""


class ModelSpec(Spec):
    """One model under test."""

    name: str
    """The key of its table, filled in on reading."""
    task: Task
    """What kind of answer the model gives."""
    kind: Kind = Kind.SKLEARN
    """Where the answers come from."""
    title: str = ""
    """The name that people see."""
    path: str = ""
    """The model file, or `module:name` of a Python function or class; "" when `models/NAME/` holds some."""
    http: HttpSpec | None = None
    """How the endpoint is asked, for kind `http`."""
    trusted: StrictBool = False
    """Loading may run code: needed for joblib files and Python models."""
    timeout: float = Field(30, gt=0, le=3600)
    """Seconds that one call of the model may take."""
    concurrency: int = Field(4, ge=1, le=256)
    """Calls of the model that run at the same time; more wait their turn."""
    labels: Texts = ()
    """All labels a classifier can answer."""
    inputs: dict[Name, InputSpec] = Field(min_length=1)
    """What the model takes, by name."""
    outputs: dict[Name, OutputSpec] = Field({})
    """What the model answers, by name; left out, the task says it."""
    flagging: Literal["manual", "auto", "never"] = "manual"
    """Who flags: people and rules, every prediction by itself, or nobody."""
    flag_options: Annotated[tuple[FlagOption, ...], AfterValidator(check_different)] = ()
    """What a flagger can choose from; left out, the task says it."""
    rules: tuple[RuleSpec, ...] = ()
    """When a prediction is flagged by itself."""
    ledger: Annotated[str | float, AfterValidator(_check_ledger)] = "all"
    """Which predictions are logged: all, a share of them, or only flagged ones."""
    base: str = ""
    """CSV of base training data: the inputs' columns, `target` and `split`."""
    target: str = "label"
    """Column of the right answer in `base`."""
    unit: str = ""
    """Unit of the predicted value, for people."""
    tolerance: float | None = Field(None, ge=0)
    """Regression: how far from the corrected value an answer still counts as right."""
    examples: tuple[dict[str, Any], ...] = ()
    """Rows of inputs to click; a picture or recording by its path in the workspace."""
    training: TrainingSpec = TrainingSpec.model_validate({})
    """How the model is retrained."""
    vocabulary: Vocabulary = Vocabulary()
    """What became of labels and options since, filled in from the log of their changes."""

    @field_validator("examples")
    @classmethod
    def _check_examples(
        cls, examples: tuple[dict[str, Any], ...], info: ValidationInfo
    ) -> tuple[dict[str, Any], ...]:
        inputs = info.data.get("inputs")
        if inputs and (unknown := [name for row in examples for name in row if name not in inputs]):
            raise ValueError(str(UnknownNameError("input", unknown[0], inputs)).removesuffix("."))
        return examples

    @model_validator(mode="after")
    def _check_labels(self) -> ModelSpec:
        # Another program's model may know labels that nobody has listed.
        if self.task.is_classification and self.kind is not Kind.EXTERNAL and len(self.labels) < 2:
            raise ValueError("a classification model needs at least two labels; list them in labels")
        return self

    @model_validator(mode="after")
    def _check_outputs(self) -> ModelSpec:
        kinds = [each.component for each in self.answers.values()]
        if self.task.is_classification and "label" not in kinds:
            raise ValueError('a classification model needs an output with the component "label"')
        if self.task is Task.TABULAR_REGRESSION and "number" not in kinds:
            raise ValueError('a regression model needs an output with the component "number"')
        return self

    @model_validator(mode="after")
    def _check_kind(self) -> ModelSpec:
        if (self.kind is Kind.HTTP) != (self.http is not None):
            raise ValueError('kind = "http" and a table http with the url go together')
        sizes = [each.width for each in self.inputs.values() if isinstance(each, ImageSpec)]
        if self.kind is Kind.SKLEARN and None in sizes:
            raise ValueError("scikit-learn takes pictures of one size; give the image width and height")
        if self.training.grid and self.kind is not Kind.SKLEARN:
            raise ValueError("training.grid is for scikit-learn models; give training.train or command")
        return self

    @property
    def answers(self) -> dict[str, OutputSpec]:
        """The outputs by name, the task's own when none are named."""
        return self.outputs or TASK_OUTPUTS[self.task]

    @property
    def options(self) -> tuple[str, ...]:
        """The flag options offered, the task's own when none are named."""
        return self.flag_options or FLAG_OPTIONS[self.task]

    @property
    def known_labels(self) -> tuple[str, ...]:
        """All labels that a version may answer or a file may hold: those of today, and of before."""
        return tuple(dict.fromkeys((*self.labels, *self.vocabulary.further)))

    @property
    def shown_name(self) -> str:
        """The title, or the name when there is none."""
        return self.title or self.name


def _list_keys(keys: str | list[str]) -> list[str]:
    return [keys] if isinstance(keys, str) else keys


class WorkspaceSpec(Spec):
    """A whole `reviewer.toml`."""

    title: str = "Flag reviewer"
    """The name of the page."""
    max_queue: int = Field(200, ge=1)
    """Predictions that may wait for a model in the app; one more is asked to come back later."""
    keys: dict[str, Annotated[tuple[str, ...], BeforeValidator(_list_keys)]] = Field({})
    """Action of the review desk → its key, or a list of keys, where they differ from the shipped ones."""
    sign_in: SignInSpec = SignInSpec.model_validate({})
    """The table `[sign_in]`."""
    webhooks: tuple[WebhookSpec, ...] = ()
    """Tables `[[webhooks]]`: whom the app tells what happened."""
    team: TeamSpec = TeamSpec.model_validate({})
    """How people share the queue: claims, second reviews, gold flags."""
    privacy: PrivacySpec = PrivacySpec.model_validate({})
    """What is stored about those who flag."""
    retention: RetentionSpec = RetentionSpec.model_validate({})
    """How long the logs keep what."""
    models: dict[Annotated[Name, AfterValidator(_check_free)], ModelSpec] = Field(min_length=1)
    """A table per model."""

    @field_validator("keys")
    @classmethod
    def _check_keys(cls, keys: Keys) -> Keys:
        merge_keys(keys)
        return keys

    @field_validator("models")
    @classmethod
    def _check_names(cls, models: dict[str, ModelSpec]) -> dict[str, ModelSpec]:
        if other := [key for key, spec in models.items() if spec.name != key]:
            raise ValueError(f"models.{other[0]} is named by its table; leave its key name out")
        return models

    @field_validator("models")
    @classmethod
    def _check_comparisons(cls, models: dict[str, ModelSpec]) -> dict[str, ModelSpec]:
        for spec in models.values():
            for rule in spec.rules:
                if isinstance(rule, DisagreementSpec) and rule.model is not None:
                    _check_comparable(spec, rule.model, models)
        return models

    def find_model(self, name: str) -> ModelSpec:
        """Return the model's spec; raises `UnknownNameError` with the known names."""
        if name not in self.models:
            raise UnknownNameError("model", name, self.models)
        return self.models[name]


def _check_comparable(spec: ModelSpec, other: str, models: dict[str, ModelSpec]) -> None:
    if other not in models or other == spec.name:
        others = [each for each in models if each != spec.name]
        raise ValueError(f"models.{spec.name}.rules: {UnknownNameError('other model', other, others)}"[:-1])
    if models[other].kind is Kind.EXTERNAL:
        raise ValueError(f"models.{spec.name}.rules compares with {other}, which another program runs")
    if missing := [name for name in models[other].inputs if name not in spec.inputs]:
        raise ValueError(
            f"models.{spec.name}.rules compares with {other}, whose input {missing[0]!r} {spec.name} lacks"
        )
