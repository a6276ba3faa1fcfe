"""Random secrets that are shown once and kept as a hash: sessions, links, tokens.

The rule: they have 256 random bits, so a plain SHA-256 hides them; only passwords, which people choose, need
a slow hash.
"""

from __future__ import annotations

import hashlib
import secrets


def make_secret() -> str:
    """Return a new secret of 256 random bits that fits into an address and a header."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
