"""Checks Python, the packages, the disk and the kernel."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from reviewer.doctor.findings import Area, Finding, Level, report_problem
from reviewer.index.walls import find_landlock_abi

DISTRIBUTION = "flag-reviewer"
LOW_SPACE = 1 << 30
NO_SPACE = 50 << 20
"""Bytes; below this a full disk is a matter of hours."""


def check_environment(folder: Path) -> Iterator[Finding]:
    """Yield what is found about Python, the packages, the disk and the kernel."""
    yield from _check_packages()
    yield from _check_disk(folder)
    if find_landlock_abi():
        yield Finding(Area.ENVIRONMENT, Level.OK, "The kernel has Landlock, a wall around analysts' SQL.")
    else:
        yield Finding(
            Area.ENVIRONMENT,
            Level.WARNING,
            "The kernel has no Landlock: analysts' SQL is held by DuckDB's own limits and rlimits alone."
            " Let only people you trust use the SQL pane, or run on Linux 5.13 or newer with Landlock on.",
        )


def _check_packages() -> Iterator[Finding]:
    try:
        about = metadata.metadata(DISTRIBUTION)
        required = [Requirement(each) for each in metadata.requires(DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:
        yield Finding(
            Area.ENVIRONMENT,
            Level.WARNING,
            f"{DISTRIBUTION} is not installed, so its requirements cannot be compared; run `pip install .`.",
        )
        return
    if platform.python_version() not in SpecifierSet(about["Requires-Python"] or "", prereleases=True):
        yield report_problem(
            Area.ENVIRONMENT,
            f"Python is {platform.python_version()}; {about['Requires-Python']} is needed.",
        )
    wrong = [sentence for each in required if (sentence := _check_package(each))]
    yield from (report_problem(Area.ENVIRONMENT, each) for each in wrong)
    if not wrong:
        yield Finding(
            Area.ENVIRONMENT,
            Level.OK,
            f"Python {platform.python_version()} on {sys.platform} with every package that is needed.",
        )


def _check_package(required: Requirement) -> str | None:
    if required.marker and not required.marker.evaluate({"extra": ""}):
        return None
    try:
        found = metadata.version(required.name)
    except metadata.PackageNotFoundError:
        return f"The package {required.name} is missing; run `pip install '{required}'`."
    if required.specifier.contains(found, prereleases=True):
        return None
    return f"The package {required.name} is {found}; run `pip install '{required}'`."


def _check_disk(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield report_problem(Area.ENVIRONMENT, f"The folder {folder} does not exist.")
        return
    for each in (folder, folder / "flagged"):
        if each.exists() and not os.access(each, os.W_OK | os.X_OK):
            yield report_problem(
                Area.ENVIRONMENT, f"{each} is not writable: no flag can be stored; make it writable."
            )
    free = shutil.disk_usage(folder).free
    level = Level.PROBLEM if free < NO_SPACE else Level.WARNING if free < LOW_SPACE else Level.OK
    advice = "" if level is Level.OK else " Make room before flags are refused."
    yield Finding(Area.ENVIRONMENT, level, f"{free / 1e9:,.1f} GB are free for {folder}.{advice}")
