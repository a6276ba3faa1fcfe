"""The HTTP API under `/api`: parse, call one method of the workspace, answer JSON."""

from __future__ import annotations

from reviewer.api.asking import identify
from reviewer.api.audit import find_origin
from reviewer.api.cards import build_card
from reviewer.api.refusals import STATUS_CODES
from reviewer.api.server import MAX_FILE_BYTES, build_server

__all__ = ["MAX_FILE_BYTES", "STATUS_CODES", "build_card", "build_server", "find_origin", "identify"]
