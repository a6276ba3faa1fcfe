"""Who may use the app: people with roles and passwords, their sessions and their tokens.

All of it stands in `people.sqlite` of the workspace, outside the logs, and only its owner can read the file.
The rule: no secret is stored, only what tells whether one that is shown is right.
"""

from __future__ import annotations

from reviewer.accounts.accounts import Accounts
from reviewer.accounts.database import PEOPLE_NAME
from reviewer.accounts.links import FIRST_PASSWORD_HOURS
from reviewer.accounts.people import Account
from reviewer.accounts.throttle import Throttle, TooManyTriesError
from reviewer.accounts.tokens import Token

__all__ = [
    "FIRST_PASSWORD_HOURS",
    "PEOPLE_NAME",
    "Account",
    "Accounts",
    "Throttle",
    "Token",
    "TooManyTriesError",
]
