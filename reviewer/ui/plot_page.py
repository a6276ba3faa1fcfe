"""The page in which the review card draws a Plotly figure of somebody else's model.

The rule: the page is of no origin and reaches nothing but its own two scripts, also when it is opened by
itself, so that a figure made to do harm finds nothing to harm.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse

# No file, since among the static files it would be served without its policy too.
_PAGE = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Plot</title>
    <style>html, body, #plot { width: 100%; height: 100%; margin: 0; background: #fff; }</style>
    <script src="plotly.min.js"></script>
    <script src="plot.js"></script>
  </head>
  <body><div id="plot"></div></body>
</html>
"""

# Plotly writes styles as it draws, and makes functions of texts for plots on the graphics card.
_POLICY = "; ".join(
    (
        "sandbox allow-scripts",
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def add_plot_page(server: FastAPI) -> None:
    """Serve the page, and the Plotly library that the Python package brings, beside the static files."""
    server.add_api_route("/ui/plot.html", _read_page, include_in_schema=False)
    server.add_api_route("/ui/plotly.min.js", _read_library, include_in_schema=False)


def _read_page() -> HTMLResponse:
    return HTMLResponse(_PAGE, headers={**_HEADERS, "Content-Security-Policy": _POLICY})


def _read_library() -> FileResponse:
    path = Path(str(files("plotly") / "package_data" / "plotly.min.js"))
    return FileResponse(path, media_type="text/javascript", headers=_HEADERS)
