"""The frame of these pages: their head, their policy, and the pieces that several of them draw.

The rule: every text is escaped where it is put into the page; the policy lets no script in but our own file.
"""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse

from reviewer.sentences import retell
from reviewer.sign_in import read_root
from reviewer.ui.texts import load_texts, pick_language

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    # Without the address of the page a browser would leave out where a form comes from, which is checked.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def find_language(request: Request) -> str:
    """Return the language of the browser."""
    return pick_language(request.headers.get("accept-language"))


def tell(request: Request, key: str, **values: object) -> str:
    """Return a text in the language of the browser, escaped, its values too."""
    return escape(load_texts(find_language(request))[key].format(**values))


def show_page(
    request: Request, heading: str, body: str, *, status: int = 200, is_wide: bool = False
) -> HTMLResponse:
    """Return a page with this heading and body, both of them HTML."""
    root = escape(read_root(request.scope))
    html = (
        f'<!doctype html>\n<html lang="{find_language(request)}">\n<head>\n<meta charset="utf-8" />\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1" />\n'
        f"<title>{heading}</title>\n"
        f'<link rel="stylesheet" href="{root}/ui/sign_in/sign_in.css" />\n'
        f'<script src="{root}/ui/sign_in/sign_in.js" defer></script>\n'
        f'</head>\n<body>\n<main class="{"wide" if is_wide else "narrow"}">\n<h1>{heading}</h1>\n{body}\n'
        "</main>\n</body>\n</html>\n"
    )
    return HTMLResponse(html, status, HEADERS)


def draw_problem(request: Request, sentence: str | None) -> str:
    """Return what went wrong in words, for a screen reader at once; nothing when nothing did."""
    if not sentence:
        return ""
    told = escape(retell(sentence, find_language(request)))
    return f'<p class="problem" role="alert" id="problem">{told}</p>'


def draw_field(
    request: Request,
    name: str,
    key: str,
    kind: str = "text",
    value: str = "",
    hint: str = "",
    **attributes: str,
) -> str:
    """Return a labelled field; further attributes are those of the input."""
    words = "".join(f' {each.replace("_", "-")}="{escape(text)}"' for each, text in attributes.items())
    told = f'<small id="{name}-hint">{escape(hint)}</small>' if hint else ""
    by = f' aria-describedby="{name}-hint"' if hint else ""
    return (
        f'<label for="{name}">{tell(request, key)}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}" required{by}{words} />{told}'
    )


def draw_form(request: Request, path: str, inside: str, button: str, *, kind: str = "main") -> str:
    """Return a form that posts to a path of the app."""
    action = escape(read_root(request.scope) + path)
    return (
        f'<form method="post" action="{action}">{inside}'
        f'<button class="{kind}" type="submit">{tell(request, button)}</button></form>'
    )


def draw_hidden(name: str, value: str) -> str:
    """Return a value that goes along with a form."""
    return f'<input type="hidden" name="{name}" value="{escape(value)}" />'
