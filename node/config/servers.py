"""The URL of a database server: where it is, over what, and never with a password in it."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from node.config.values import Kind

_WORDS = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "channel_binding": ("disable", "prefer", "require"),
}
_OPTIONS = {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding"}


def _read_server(value: Any, _: Path) -> str:
    """Read a URL of PostgreSQL as its client library has it (libpq, Connection URIs).

    What goes over a network goes to a server whose certificate is checked. A socket of this machine
    and loopback need no TLS.
    """
    mend = "write postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE"
    if not isinstance(value, str) or not value.isascii() or re.search(r"[\s\x00-\x1f]", value):
        raise ValueError(mend)
    try:
        parts = urlsplit(value)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        wrong = parts.scheme != "postgresql" or parts.port == 0 or bool(parts.fragment)
    except ValueError:
        raise ValueError(mend) from None
    if parts.password is not None or "password" in options:
        raise ValueError('write no password here but where it is, in password = "file:PATH"')
    if wrong or not parts.username or not re.fullmatch(r"/[^/]+", parts.path):
        raise ValueError(mend)
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        raise ValueError("leave out all options but " + ", ".join(sorted(_OPTIONS)))
    for option, words in _WORDS.items():
        if options.get(option, words[0]) not in words:
            raise ValueError(f"{option} is one of " + ", ".join(words))
    hosts = [host for host in (parts.hostname, options.get("host")) if host]
    if not all(_is_near(host) for host in hosts) and options.get("sslmode") != "verify-full":
        raise ValueError("write sslmode=verify-full: the server is not on this machine")
    return value


def _is_near(host: str) -> bool:
    """Whether a host is a socket of this machine, or its loopback."""
    if host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


SERVER = Kind("PostgreSQL URL", _read_server)
