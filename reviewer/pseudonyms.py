"""What a flagger is called in all that is stored: by name, by a pseudonym, or not at all.

The rule: a name becomes what is stored of it before it reaches a log, and the secret that makes pseudonyms
never does. Without that secret no pseudonym can be told to be anybody's.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

from reviewer.errors import ConfigError
from reviewer.folders import sync_folder

SECRET_NAME = "pseudonyms.key"  # noqa: S105  the name of a file

MOST_REMEMBERED = 10_000
"""Records of people without a stored name that are known to be theirs until the program ends."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Without letters that are read as digits or as each other."""

_PSEUDONYM = re.compile(rf"tester-[{_ALPHABET}]{{4}}-[{_ALPHABET}]{{4}}")
_SECRET = re.compile(r"[0-9a-f]{64}\n?")


class Pseudonyms:
    """How the flaggers of one workspace are called."""

    def __init__(self, folder: Path, how: str) -> None:
        """`how` is `privacy.flagger` of the config."""
        self._path, self._how = folder / SECRET_NAME, how
        self._secret: bytes | None = None
        self._makers: OrderedDict[str, str] = OrderedDict()
        self._changing = threading.Lock()

    @property
    def keeps_names(self) -> bool:
        """Whether a name is stored as it is."""
        return self._how == "name"

    @property
    def keeps_nothing(self) -> bool:
        """Whether nothing is stored that tells whose something is."""
        return self._how == "none"

    def hide(self, name: str) -> str:
        """Return what is stored of a name, "" for nothing; raises `ConfigError` without a usable secret."""
        if self.keeps_names or not name:
            return name
        return "" if self.keeps_nothing else _derive(self._read_secret() or self._make_secret(), name)

    def list_names(self, name: str) -> tuple[str, ...]:
        """Return all that a person is called in what was stored until now, whatever the config said then."""
        secret = self._read_secret()
        if secret is None:
            return (name,)
        # Whoever can choose such a name at sign-in would else be the one whose pseudonym it is.
        own = () if _PSEUDONYM.fullmatch(name) else (name,)
        return (*own, _derive(secret, name))

    def remember(self, name: str, record_ids: Iterable[str]) -> None:
        """Know until the program ends who made these records, when nothing that is stored says it."""
        if not self.keeps_nothing or not name:
            return
        with self._changing:
            self._makers |= dict.fromkeys(record_ids, name)
            while len(self._makers) > MOST_REMEMBERED:
                self._makers.popitem(last=False)

    def is_own(self, name: str, stored: str, record_id: str, *, is_in_session: bool = False) -> bool:
        """Return whether a record, on which `stored` stands for its maker, is this person's.

        One without a name is when the person made it since the program began, or before that in the browser
        session that asks, which is then `is_in_session`.
        """
        if stored:
            return stored in self.list_names(name)
        with self._changing:
            maker = self._makers.get(record_id)
        return maker == name or (maker is None and is_in_session and self.keeps_nothing)

    def _read_secret(self) -> bytes | None:
        if self._secret is None:
            try:
                text = self._path.read_text(encoding="ascii", errors="replace")
            except FileNotFoundError:
                return None
            except OSError as error:
                raise ConfigError(
                    f"{self._path} cannot be read ({error.strerror or error}); pseudonyms need it."
                ) from error
            if not _SECRET.fullmatch(text):
                raise ConfigError(
                    f"{self._path} holds no secret of 64 hex digits; restore it from a backup, or delete it:"
                    " then everybody gets a new pseudonym."
                )
            self._secret = bytes.fromhex(text)
        return self._secret

    def _make_secret(self) -> bytes:
        """Write a new secret, readable by its owner alone; of two processes that do, the first counts."""
        try:
            descriptor, aside = tempfile.mkstemp(prefix=f".{SECRET_NAME}-", dir=self._path.parent)
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(secrets.token_hex(32) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                with contextlib.suppress(FileExistsError):
                    self._path.hardlink_to(aside)
            finally:
                Path(aside).unlink()
            sync_folder(self._path.parent)
        except OSError as error:
            raise ConfigError(
                f"{self._path} could not be written ({error.strerror or error}); pseudonyms need it: make"
                " the folder writable."
            ) from error
        secret = self._read_secret()
        if secret is None:
            raise ConfigError(f"{self._path} was deleted while it was made; try again.")
        return secret


def _derive(secret: bytes, name: str) -> str:
    """Return the pseudonym: 40 bits of an HMAC-SHA256, so that among 1,000 people two share one in 2e6 cases.

    That is often enough apart, and short enough to be read aloud.
    """
    digest = hmac.new(secret, b"flagger\0" + name.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    number = int.from_bytes(digest[:5])
    letters = "".join(_ALPHABET[number >> shift & 31] for shift in range(0, 40, 5))
    return f"tester-{letters[:4]}-{letters[4:]}"
