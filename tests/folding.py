"""The fold, told in plain Python from the words of the design: what the index must hold of every flag.

The rule: nothing here asks the program what it made of the logs; the two are compared.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from reviewer.index.store import MainIndex, SideIndex
from reviewer.records import ANSWERING, Event, Status, Verification
from reviewer.workspace import Workspace

csv.field_size_limit(1 << 30)

STATES = """
    select position, flag_id::varchar as flag_id, status, resolution, corrected_label, corrected_value,
        corrected_output, reviewer, reviewed_at, action_id::varchar as action_id, verification,
        verified_version, comments, seq, is_withdrawn, assignee, claimed_until, second_review, first_reviewer,
        second_reviewer, gold_by, mentions, is_split
    from flags order by position
"""


def read_states(index: MainIndex | SideIndex | Workspace) -> list[dict[str, Any]]:
    """Return what the index holds of every flag's state, in log order."""
    with index.reading() as cursor:
        found = cursor.execute(STATES)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def read_csv(folder: Path, stream: str) -> list[dict[str, str]]:
    """Return the rows of a log by Python's own reader, a torn last row left out."""
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob(f"{stream}-*.csv")):
        text = path.read_bytes().decode(errors="surrogateescape")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, [])
        kept: list[list[str]] = []
        try:
            kept.extend(reader)
            if not text.endswith("\n"):
                kept.pop()
        except csv.Error as error:
            assert "unexpected end" in str(error)  # noqa: PT017  the file ends inside quotes
        rows += [dict(zip(header, each, strict=True)) for each in kept if len(each) == len(header)]
    return rows


def is_readable(row: dict[str, str], ids: tuple[str, ...], time: str) -> bool:
    try:
        for name in ids:
            UUID(row[name])
        datetime.fromisoformat(row[time])
    except ValueError:
        return False
    return True


def fold_logs(folder: Path) -> list[dict[str, Any]]:
    """Return the state of every flag: its events in log order, each applied as the design says."""
    flags: dict[str, dict[str, Any]] = {}
    predicted: dict[str, str] = {}
    for position, row in enumerate(read_csv(folder, "flags")):
        if is_readable(row, ("flag_id",), "flagged_at"):
            flags.setdefault(row["flag_id"], {"position": position, "flag_id": row["flag_id"]})
            predicted.setdefault(row["flag_id"], row["predicted_label"])
    events: dict[str, list[dict[str, str]]] = {flag_id: [] for flag_id in flags}
    known: set[str] = set()
    for row in read_csv(folder, "reviews"):
        is_usable = is_readable(row, ("event_id", "flag_id"), "reviewed_at") and row["flag_id"] in flags
        if is_usable and row["event_id"] not in known:
            known.add(row["event_id"])
            events[row["flag_id"]].append(row)
    return [flags[flag_id] | fold_events(flag_id, events[flag_id], predicted[flag_id]) for flag_id in flags]


def list_applied(events: list[dict[str, str]]) -> list[dict[str, str]]:
    """Of two events that saw the same state the first counts; comments and verdicts always do."""
    highest = 0
    applied = []
    for each in events:
        seq = int(each["seq"] or 0)
        if seq == 0 or seq > highest:
            applied.append(each)
        highest = max(highest, seq)
    return applied


def is_undone(event: dict[str, str], later: list[dict[str, str]]) -> bool:
    return event["event"] != Event.REVERT and any(
        each["event"] == Event.REVERT and each["reverts"] == event["event_id"] for each in later
    )


DECIDING = {
    Event.RESOLVE: "resolved",
    Event.STATUS: None,
    Event.CLAIM: "in_review",
    Event.RELEASE: "open",
}
"""Event that sets a flag's status → the status, None where the event says it."""


JUDGING = (*ANSWERING, Event.STATUS, Event.ASK_SECOND, Event.VERIFY, Event.REVERT)
"""Events after which an earlier verdict of the machine counts no more; a blind second answer is none."""


def fold_events(flag_id: str, events: list[dict[str, str]], predicted: str) -> dict[str, Any]:
    applied = list_applied(events)
    standing = [each for at, each in enumerate(applied) if not is_undone(each, applied[at + 1 :])]
    judged = [each for each in standing if each["event"] in JUDGING and each["event"] != Event.SECOND_REVIEW]
    golds = [each for each in standing if each["event"] == Event.GOLD]
    is_judged = bool(judged) and judged[-1]["event"] == Event.VERIFY
    return {
        **fold_answers(standing, predicted),
        "gold_by": golds[-1]["reviewer"] if golds else None,
        "mentions": fold_mentions(standing) or None,
        "verification": judged[-1]["value"] if is_judged else Verification.NOT_RUN.value,
        "verified_version": judged[-1]["model_version"] if is_judged else None,
        "comments": sum(each["event"] == Event.COMMENT for each in standing),
        "seq": max((int(each["seq"] or 0) for each in applied), default=0),
        "is_withdrawn": any(each["event"] == Event.REVERT and each["reverts"] == flag_id for each in applied),
        "is_split": any(each["event"] == Event.SPLIT for each in standing),
    }


def fold_answers(standing: list[dict[str, str]], predicted: str) -> dict[str, Any]:
    """Return what people decided: one answer, or two and the one that settles them, and whose turn it is."""
    own = [each for each in standing if each["event"] in (Event.RESOLVE, Event.STATUS)]
    asked = {each["reverts"] for each in standing if each["event"] == Event.ASK_SECOND}
    first = own[-1] if own else None
    if first is None or first["event"] != Event.RESOLVE or first["action_id"] not in asked:
        decisions = [each for each in standing if each["event"] in DECIDING]
        names = ("second_review", "first_reviewer", "second_reviewer")
        return {
            **fold_decision(decisions[-1] if decisions else None),
            **fold_owner(standing),
        } | dict.fromkeys(names)
    later = standing[standing.index(first) + 1 :]
    seconds = [each for each in later if each["event"] == Event.SECOND_REVIEW]
    second = seconds[-1] if seconds else None
    after = later[later.index(second) + 1 :] if second else later
    settled = [each for each in after if each["event"] == Event.ADJUDICATE]
    if second is None:
        stage, decision, status = "waiting", None, Status.SECOND_REVIEW
    elif settled:
        stage, decision, status = "adjudicated", settled[-1], Status.RESOLVED
    elif is_same_answer(first, second, predicted):
        stage, decision, status = "agreed", first, Status.RESOLVED
    else:
        stage, decision, status = "disagreed", None, Status.DISAGREEMENT
    return {
        **fold_decision(decision),
        **fold_owner(after),
        "status": status.value,
        "second_review": stage,
        "first_reviewer": first["reviewer"] or None,
        "second_reviewer": (second["reviewer"] or None) if second else None,
    }


def is_same_answer(first: dict[str, str], second: dict[str, str], predicted: str) -> bool:
    """Whether two answers say the same; a label says the same whether it corrects or confirms."""
    labels = [
        {"label_corrected": each["corrected_label"], "prediction_correct": predicted}.get(each["value"], "")
        for each in (first, second)
    ]
    is_same = labels[0] == labels[1] and bool(labels[0] or first["value"] == second["value"])
    values = [float(each["corrected_value"]) if each["corrected_value"] else None for each in (first, second)]
    is_near = values[0] == values[1]
    if None not in values:
        one, other = (float(each or 0) for each in values)
        is_near = abs(one - other) <= 0.005 * max(abs(one), abs(other))
    return is_same and is_near and first["corrected_output"] == second["corrected_output"]


def fold_owner(standing: list[dict[str, str]]) -> dict[str, Any]:
    owners = [each for each in standing if each["event"] in (Event.CLAIM, Event.RELEASE, Event.ASSIGN)]
    if not owners:
        return {"assignee": None, "claimed_until": None}
    owner = owners[-1]
    until = owner["value"]
    renewals = [each for each in standing[standing.index(owner) + 1 :] if each["event"] == Event.RENEW]
    if renewals and renewals[-1]["reviewer"] == owner["reviewer"]:
        until = renewals[-1]["value"] or until
    is_claim = owner["event"] == Event.CLAIM and until
    return {
        "assignee": find_owner(owner),
        "claimed_until": datetime.fromisoformat(until).replace(tzinfo=None) if is_claim else None,
    }


def fold_mentions(standing: list[dict[str, str]]) -> list[str]:
    """Return who is named in a comment and did nothing afterwards."""
    named = set()
    for at, each in enumerate(standing):
        if each["event"] == Event.COMMENT:
            active = {later["reviewer"] for later in standing[at + 1 :] if later["event"] != Event.RENEW}
            named |= set(re.findall(r"@(\w+(?:[.-]\w+)*)", each["value"])) - active
    return sorted(named)


def find_owner(event: dict[str, str]) -> str | None:
    owner = {Event.CLAIM: event["reviewer"], Event.ASSIGN: event["value"]}.get(Event(event["event"]), "")
    return owner or None


def fold_decision(decision: dict[str, str] | None) -> dict[str, Any]:
    names = ("corrected_label", "corrected_output", "reviewer", "action_id")
    if decision is None:
        empty = (*names, "corrected_value", "reviewed_at", "resolution")
        return {"status": Status.OPEN.value, **dict.fromkeys(empty)}
    is_resolved = decision["event"] in (Event.RESOLVE, Event.ADJUDICATE)
    return {
        "status": DECIDING.get(Event(decision["event"])) or decision["value"],
        "resolution": decision["value"] or None if is_resolved else None,
        **{name: decision[name] or None for name in names},
        "corrected_value": float(decision["corrected_value"]) if decision["corrected_value"] else None,
        "reviewed_at": datetime.fromisoformat(decision["reviewed_at"]).replace(tzinfo=None),
    }
