"""The pages around signing in, and the place of one's own account: plain forms that need no script."""

from __future__ import annotations

from reviewer.ui.sign_in.pages import add_sign_in_pages

__all__ = ["add_sign_in_pages"]
