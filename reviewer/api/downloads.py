"""Answers that are files, sent in a stream."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi.responses import StreamingResponse


def send_file(body: Iterator[bytes], name: str, media_type: str) -> StreamingResponse:
    """Return the pieces as a file that the browser saves under the name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(body, media_type=media_type, headers=headers)
