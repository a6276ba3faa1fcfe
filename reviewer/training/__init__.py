"""Retraining: base data plus corrections become a version, and reviewed flags are run again with it.

The rule: what is held out stays held out. No version is fitted on an example of the base's test split or of
the verify split, and on one of the validation split only with the answer that a reviewer gave.
"""

from reviewer.datasets import Base, Row, read_base
from reviewer.records import TEST, VALIDATION
from reviewer.training.choosing import describe_base
from reviewer.training.fitting import add_version, fit_estimator
from reviewer.training.measuring import measure
from reviewer.training.results import Verdict
from reviewer.training.retraining import Retraining, retrain
from reviewer.training.summary import VerifySummary, verify

__all__ = [
    "TEST",
    "VALIDATION",
    "Base",
    "Retraining",
    "Row",
    "Verdict",
    "VerifySummary",
    "add_version",
    "describe_base",
    "fit_estimator",
    "measure",
    "read_base",
    "retrain",
    "verify",
]
