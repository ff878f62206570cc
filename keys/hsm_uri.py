"""Which token holds our signing keys: the PKCS#11 URI of the configuration (RFC 7512).

    pkcs11:token=gb-iwf;object=gb-iwf?module-path=/usr/lib/softhsm/libsofthsm2.so

`token`, `serial`, `manufacturer` and `model` name the token; at least one of the first two is
there. `object` is what the labels of keys made there begin with. `module-path` names the maker's
library. What is not understood is refused (RFC 7512 section 2.3), and a PIN has no place here: it
would stand in every copy of the configuration.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote_to_bytes

from keys.errors import UnreadableKeyError

DEFAULT_OBJECT: Final = "hotline"
MAX_URI_BYTES: Final = 2048
_SCHEME: Final = "pkcs11:"
_TOKEN: Final = ("token", "serial", "manufacturer", "model")
_PATH: Final = frozenset({*_TOKEN, "object"})
_QUERY: Final = frozenset({"module-path"})
_PINS: Final = frozenset({"pin-value", "pin-source"})
# RFC 7512 section 2.3: unreserved characters, those reserved ones that may stand, and escapes.
_VALUE: Final = re.compile(r"(?:[A-Za-z0-9._~:\[\]@!$'()*+,=/|&?-]|%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class TokenUri:
    """One token, the library that reaches it, and how keys made there are labelled.

    Attributes:
        module: the library, absolute.
        token: label of the token.
        serial: its serial number.
        manufacturer: who made it.
        model: its model.
        object: what labels of keys begin with.
    """

    module: Path
    token: str | None = None
    serial: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    object: str = DEFAULT_OBJECT

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read the URI of a configuration.

        Raises:
            UnreadableKeyError: not such a URI, or one that names too little or too much.
        """
        if not uri.startswith(_SCHEME) or len(uri) > MAX_URI_BYTES:
            raise _wrong("write pkcs11:token=LABEL?module-path=/PATH/OF/LIBRARY.so")
        path, _, query = uri.removeprefix(_SCHEME).partition("?")
        named = _attributes(path, ";", _PATH)
        module = _attributes(query, "&", _QUERY).get("module-path")
        if module is None or not Path(module).is_absolute():
            raise _wrong("add ?module-path= with the absolute path of the token's library")
        if "token" not in named and "serial" not in named:
            raise _wrong("name the token: token=LABEL, or serial=NUMBER")
        return cls(Path(module), **named)

    @property
    def shown(self) -> str:
        """The token as messages call it."""
        return self.token or self.serial or ""


def _attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, str]:
    """Read `name=value` pairs; each name once."""
    found: dict[str, str] = {}
    for part in text.split(separator) if text else ():
        name, equals, raw = part.partition("=")
        if name in _PINS:
            raise _wrong("holds no PIN; write [member] hsm_pin, which says where the PIN is")
        if name not in known:
            raise _wrong(f"names an attribute that is not used here; known: {', '.join(known)}")
        if name in found or not equals or not _VALUE.fullmatch(raw):
            raise _wrong(f"{name} stands once, with a value; escape other characters as %XX")
        try:
            found[name] = unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            raise _wrong(f"{name} is not UTF-8 once its %XX are read") from None
        if not found[name].isprintable():
            raise _wrong(f"{name} holds characters that no label has")
    return found


def _wrong(mend: str) -> UnreadableKeyError:
    return UnreadableKeyError(f"hsm: {mend}")
