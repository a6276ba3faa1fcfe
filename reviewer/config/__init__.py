"""`reviewer.toml` as typed specs; every mistake in it is reported with its line and what would work."""

from __future__ import annotations

from reviewer.config.fields import Name, Spec
from reviewer.config.inputs import (
    INPUT_SPECS,
    AudioSpec,
    CheckboxGroupSpec,
    CheckboxSpec,
    DateSpec,
    DropdownSpec,
    FileSpec,
    ImageSpec,
    InputSpec,
    NumberSpec,
    SliderSpec,
    TableSpec,
    TextboxSpec,
)
from reviewer.config.keys import DESK_KEYS, merge_keys
from reviewer.config.models import RESERVED_NAMES, HttpSpec, Kind, ModelSpec, WorkspaceSpec
from reviewer.config.outputs import (
    OUTPUT_SPECS,
    TASK_OUTPUTS,
    HighlightedTextOutputSpec,
    ImageOutputSpec,
    JsonOutputSpec,
    LabelOutputSpec,
    NumberOutputSpec,
    OutputSpec,
    PlotOutputSpec,
    TableOutputSpec,
    TextOutputSpec,
)
from reviewer.config.privacy import PrivacySpec
from reviewer.config.reading import CONFIG_NAME, load_config
from reviewer.config.retention import RetentionSpec
from reviewer.config.rules import (
    RULE_SPECS,
    AuditSpec,
    DisagreementSpec,
    LowConfidenceSpec,
    OutOfRangeSpec,
    RuleSpec,
    SlowSpec,
    SmallMarginSpec,
)
from reviewer.config.sign_in import OidcSpec, SignInSpec
from reviewer.config.team import TeamSpec
from reviewer.config.training import TrainingSpec
from reviewer.config.vocabulary import Vocabulary, build_vocabulary, update_fields
from reviewer.config.webhooks import WebhookSpec

__all__ = [
    "CONFIG_NAME",
    "DESK_KEYS",
    "INPUT_SPECS",
    "OUTPUT_SPECS",
    "RESERVED_NAMES",
    "RULE_SPECS",
    "TASK_OUTPUTS",
    "AudioSpec",
    "AuditSpec",
    "CheckboxGroupSpec",
    "CheckboxSpec",
    "DateSpec",
    "DisagreementSpec",
    "DropdownSpec",
    "FileSpec",
    "HighlightedTextOutputSpec",
    "HttpSpec",
    "ImageOutputSpec",
    "ImageSpec",
    "InputSpec",
    "JsonOutputSpec",
    "Kind",
    "LabelOutputSpec",
    "LowConfidenceSpec",
    "ModelSpec",
    "Name",
    "NumberOutputSpec",
    "NumberSpec",
    "OidcSpec",
    "OutOfRangeSpec",
    "OutputSpec",
    "PlotOutputSpec",
    "PrivacySpec",
    "RetentionSpec",
    "RuleSpec",
    "SignInSpec",
    "SliderSpec",
    "SlowSpec",
    "SmallMarginSpec",
    "Spec",
    "TableOutputSpec",
    "TableSpec",
    "TeamSpec",
    "TextOutputSpec",
    "TextboxSpec",
    "TrainingSpec",
    "Vocabulary",
    "WebhookSpec",
    "WorkspaceSpec",
    "build_vocabulary",
    "load_config",
    "merge_keys",
    "update_fields",
]
