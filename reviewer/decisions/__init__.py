"""What people may decide about a prediction or flag, as records ready for the log.

Pure: nothing here reads or writes a file. The rule: a decision that contradicts itself, the model or what
somebody else did first is refused here, before anything is written.
"""

from reviewer.decisions.answers import is_sampled
from reviewer.decisions.checks import check_id, check_known, check_suggestion
from reviewer.decisions.events import (
    DECISION,
    build_events,
    build_gold_events,
    build_verdict,
    check_current,
    describe_conflict,
)
from reviewer.decisions.flags import Named, build_flag, build_rule_flag, has_same_words, tell_today
from reviewer.decisions.reverting import build_repeats, build_reverts

__all__ = [
    "DECISION",
    "Named",
    "build_events",
    "build_flag",
    "build_gold_events",
    "build_repeats",
    "build_reverts",
    "build_rule_flag",
    "build_verdict",
    "check_current",
    "check_id",
    "check_known",
    "check_suggestion",
    "describe_conflict",
    "has_same_words",
    "is_sampled",
    "tell_today",
]
