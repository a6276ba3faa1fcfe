"""A page held against the rules of WCAG 2 A and AA."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


def list_violations(page: Page, where: str | None = None) -> list[str]:
    """Return rule and place of everything that breaks a rule, on the page or in what a selector finds."""
    result = Axe().run(page, context=where, options=_RULES)
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in result.response["violations"]
        for node in rule["nodes"]
    ]
