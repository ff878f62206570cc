"""What a configuration value may look like: one small reader per kind of value.

A reader takes the TOML value and the directory of the file, and gives the typed value or raises
`ValueError` whose text is the mend. It never repeats the value: somebody may have pasted a secret
where a reference belongs. Which key uses which reader stands in `node.config.sections`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MAX_PORTS = 64
MAX_RANGES = 256

Read = Callable[[Any, Path], Any]

SECRET_SCHEMES = ("file:", "env:", "command:")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value: how the documentation calls it, and how it is read."""

    name: str
    read: Read


@dataclass(frozen=True, slots=True)
class DatabaseRef:
    """One country database: its short name, its file, and the SHA-256 it must have if pinned."""

    name: str
    path: Path
    sha256: str | None


@dataclass(frozen=True, slots=True)
class OriginRef:
    """One proxy that may be asked: its name in the proxy list, the address, secret headers."""

    provider: str
    url: str
    headers: tuple[tuple[str, str], ...]


def text(pattern: str, mend: str) -> Kind:
    """Give a reader for a string that matches `pattern` in full."""
    compiled = re.compile(pattern)

    def read(value: Any, _: Path) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(mend)
        return value

    return Kind("text", read)


def _read_sha256(value: Any, _: Path) -> str:
    if not isinstance(value, str) or not _is_sha256(value):
        raise ValueError("write the sha256 of the file as 64 hexadecimal digits")
    return value.lower()


def choice(*allowed: str) -> Kind:
    """Give a reader for one of a few words."""

    def read(value: Any, _: Path) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError("write one of " + ", ".join(allowed))
        return value

    return Kind(" or ".join(allowed), read)


def integer(low: int, high: int) -> Kind:
    """Give a reader for a whole number between `low` and `high`, both allowed."""

    def read(value: Any, _: Path) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return value

    return Kind("number", read)


def _read_switch(value: Any, _: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError("write true or false, without quotes")  # noqa: TRY004 - one error for all
    return value


def _read_path(value: Any, base: Path) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("write a path as text; a relative one counts from the configuration file")
    return base / Path(value).expanduser()


def _read_secret(value: Any, base: Path) -> str:
    mend = "write where the secret is, not the secret: file:PATH, env:NAME or command:PROGRAM"
    if not isinstance(value, str) or not value.startswith(SECRET_SCHEMES):
        raise ValueError(mend)
    scheme, _, rest = value.partition(":")
    if not rest.strip() or "\0" in rest:
        raise ValueError(mend)
    return f"file:{base / Path(rest).expanduser()}" if scheme == "file" else value


def _read_host(value: Any, _: Path) -> str:
    try:
        return str(ipaddress.ip_address(value)) if isinstance(value, str) else _fail()
    except ValueError:
        raise ValueError("write an IP address to listen on, such as 127.0.0.1 or ::1") from None


def _fail() -> str:
    raise ValueError


def _https_base(value: Any) -> str:
    mend = "write https://HOST or https://HOST:PORT, without user, path or query"
    if not isinstance(value, str) or not value.isascii() or re.search(r"[\s\x00-\x1f]", value):
        raise ValueError(mend)
    try:
        parts = urlsplit(value)
        wrong = parts.scheme != "https" or not parts.hostname or parts.port == 0
    except ValueError:
        raise ValueError(mend) from None
    if wrong or parts.username is not None or parts.path not in {"", "/"}:
        raise ValueError(mend)
    if parts.query or parts.fragment:
        raise ValueError(mend)
    return value.rstrip("/")


def _read_endpoint(value: Any, _: Path) -> str:
    """Read an endpoint as the member document has it: the port is written out."""
    endpoint = _https_base(value)
    if urlsplit(endpoint).port is None:
        raise ValueError("write https://HOST:PORT, with the port even if it is 443")
    return endpoint


def _read_mirrors(value: Any, _: Path) -> tuple[str, ...]:
    """Read registry mirrors: https anywhere, plain http only to this machine (all is signed)."""
    mend = "write a list of https://HOST:PORT (http only for this machine), without path or query"
    if not isinstance(value, list):
        raise ValueError(mend)  # noqa: TRY004 - one error for all
    return tuple(_mirror(entry, mend) for entry in value)


def _mirror(entry: Any, mend: str) -> str:
    if not isinstance(entry, str):
        raise ValueError(mend)  # noqa: TRY004 - one error for all
    local = re.match(r"^http://(127\.\d+\.\d+\.\d+|\[::1\]|localhost)(:\d+)?/?$", entry)
    if local:
        return entry.rstrip("/")
    try:
        return _https_base(entry)
    except ValueError:
        raise ValueError(mend) from None


def _read_servers(value: Any, _: Path) -> tuple[str, ...]:
    mend = "write a list of https://HOST or https://HOST:PORT, without path or query"
    if not isinstance(value, list):
        raise ValueError(mend)  # noqa: TRY004 - one error for all
    try:
        return tuple(_https_base(entry) for entry in value)
    except ValueError:
        raise ValueError(mend) from None


def _read_resolvers(value: Any, _: Path) -> tuple[str, ...]:
    """Read DNS servers: `ADDRESS`, `ADDRESS:PORT` or `[IPV6]:PORT`."""
    mend = "write a list of DNS servers such as 192.0.2.53 or 127.0.0.1:5353 or [::1]:5353"
    if not isinstance(value, list):
        raise ValueError(mend)  # noqa: TRY004 - one error for all
    return tuple(_resolver(entry, mend) for entry in value)


def _resolver(entry: Any, mend: str) -> str:
    if not isinstance(entry, str):
        raise ValueError(mend)  # noqa: TRY004 - one error for all
    bracketed = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?", entry)
    plain = re.fullmatch(r"([0-9.]+)(?::(\d{1,5}))?", entry)
    found = bracketed or plain
    address, port = (found[1], found[2]) if found else (entry, None)
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(mend) from None
    if port is not None and not 1 <= int(port) <= 65535:  # noqa: PLR2004 - the range of ports
        raise ValueError(mend)
    return entry


def _read_ranges(value: Any, _: Path) -> tuple[str, ...]:
    mend = f'write a list of address ranges such as ["198.51.100.0/24"], at most {MAX_RANGES}'
    if not isinstance(value, list) or len(value) > MAX_RANGES:
        raise ValueError(mend)
    try:
        return tuple(dict.fromkeys(_range(one) for one in value))
    except ValueError:
        raise ValueError(mend) from None


def _range(entry: Any) -> str:
    """Read a range; a number is none, though `ip_network` would take it for an address."""
    if not isinstance(entry, str):
        raise ValueError("no text")  # noqa: TRY004 - one error for all
    return str(ipaddress.ip_network(entry))


def _read_ports(value: Any, _: Path) -> tuple[int, ...]:
    mend = f"write a list of ports such as [80, 443], at most {MAX_PORTS}"
    if not isinstance(value, list) or len(value) > MAX_PORTS:
        raise ValueError(mend)
    for one in value:
        if not isinstance(one, int) or isinstance(one, bool) or not 0 < one < 1 << 16:
            raise ValueError(mend)
    return tuple(sorted(set(value)))


def _read_origins(value: Any, base: Path) -> tuple[OriginRef, ...]:
    mend = "write one [[hosters.origins]] table per proxy with provider, url and headers"
    if not isinstance(value, list):
        raise ValueError(mend)  # noqa: TRY004 - one error for all
    found = tuple(_origin(entry, base, mend) for entry in value)
    if len({ref.provider for ref in found}) != len(found):
        raise ValueError("name each provider once")
    return found


def _origin(entry: Any, base: Path, mend: str) -> OriginRef:
    if not isinstance(entry, dict) or not {"provider", "url"} <= entry.keys():
        raise ValueError(mend)
    if not entry.keys() <= {"provider", "url", "headers"}:
        raise ValueError(mend + "; other keys are unknown")
    provider, url, headers = entry["provider"], entry["url"], entry.get("headers", {})
    if not isinstance(provider, str) or not re.fullmatch(r"\S{1,64}", provider):
        raise ValueError("write the provider as the proxy list has it")
    if not isinstance(url, str) or not _ORIGIN_URL.fullmatch(url) or url.count("{host}") != 1:
        raise ValueError("write url as https://HOST/PATH with {host} once, where the name belongs")
    if not isinstance(headers, dict) or not all(map(_HEADER.fullmatch, headers)):
        raise ValueError("write headers as a table of names to file:PATH, env:NAME or command:...")
    read = tuple((name, _read_secret(secret, base)) for name, secret in headers.items())
    return OriginRef(provider, url, read)


_ORIGIN_URL = re.compile(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?/[A-Za-z0-9._~/?&=%{}-]*")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


def _read_databases(value: Any, base: Path) -> tuple[DatabaseRef, ...]:
    mend = "write one [[jurisdiction.databases]] table per file with name, path and sha256"
    if not isinstance(value, list):
        raise ValueError(mend)  # noqa: TRY004 - one error for all
    found = tuple(_database(entry, base, mend) for entry in value)
    if len({ref.name for ref in found}) != len(found):
        raise ValueError("give each database a name of its own")
    return found


def _database(entry: Any, base: Path, mend: str) -> DatabaseRef:
    if not isinstance(entry, dict) or not {"name", "path"} <= entry.keys():
        raise ValueError(mend)
    if not entry.keys() <= {"name", "path", "sha256"}:
        raise ValueError(mend + "; other keys are unknown")
    name, sha256 = entry["name"], entry.get("sha256")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,39}", name):
        raise ValueError("write the database's name in lower case letters, digits, . _ -")
    if sha256 is not None and (not isinstance(sha256, str) or not _is_sha256(sha256)):
        raise ValueError("write the database's sha256 as 64 hexadecimal digits")
    return DatabaseRef(name, _read_path(entry["path"], base), sha256 and sha256.lower())


def _is_sha256(value: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{64}", value) is not None


SWITCH = Kind("true or false", _read_switch)
PATH = Kind("path", _read_path)
SHA256 = Kind("text", _read_sha256)
SECRET = Kind("secret reference", _read_secret)
HOST = Kind("IP address", _read_host)
PORT = integer(1, 65535)
ENDPOINT = Kind("https address", _read_endpoint)
MIRRORS = Kind("list of addresses", _read_mirrors)
SERVERS = Kind("list of https addresses", _read_servers)
RESOLVERS = Kind("list of DNS servers", _read_resolvers)
PORTS = Kind("list of ports", _read_ports)
RANGES = Kind("list of address ranges", _read_ranges)
ORIGINS = Kind("list of tables", _read_origins)
DATABASES = Kind("list of tables", _read_databases)
