"""What registers answer about an address: bootstrap files, networks, abuse contacts. Pure.

Sources: RFC 9224 (which server knows an address: IANA's bootstrap files), RFC 9083 (the answer),
RFC 7095 (jCard). Rules upheld:

* Only https servers count. Whoever is asked stands in a bootstrap file of the operator's.
* An answer counts if it is about a network that holds the address asked about, is narrower as a
  whole than `TOO_WIDE` (what IANA hands to registers is a register's, and "all of it is mine" names
  no hoster), is no register's word for what it does not know (`_PLACEHOLDER`), and has a handle.
* The hoster is the registrant: an organisation before others, never a maintainer. Maintainers, whom
  RIPE and its like name as registrants too, only keep the entry; a register's keeps those of many.
* Contacts are those of entities in the role `abuse`, however deep they stand in others, the
  nearest to the network first. An entity that is named without its contact data (the `abuse-c` of
  a register that shortens its answers) is returned as `referred`, to be asked for.
* The network's `country` is what its holder wrote there: it is not read at all.

Everything in an answer is hostile: it is walked with bounds, and what is not of the form expected
is passed over.
"""

from __future__ import annotations

import re
from ipaddress import (
    IPv4Address,
    IPv6Address,
    ip_address,
    summarize_address_range,
)
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from node.jurisdiction.addresses import effective
from node.jurisdiction.contacts import MAX_CONTACTS, read_contact
from node.jurisdiction.datafiles import DataFile, read_text
from node.jurisdiction.errors import DataFileError, RdapAnswerError
from node.jurisdiction.hosters import HANDLE
from node.jurisdiction.prefixes import Prefixes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TOO_WIDE = {4: 1 << 24, 6: 1 << 112}
"""How many addresses, by version of IP, are a register's, no hoster's: a /8, an IPv6 /16."""
_PLACEHOLDER = re.compile(
    r"(?i:IANA-BLK|IANA-RSVD.*|IANA-NETBLOCK-.*|ERX-NETBLOCK|NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK"
    r"|IETF-RESERVED-ADDRESS-BLOCK|ORG-IANA1-[A-Z]+)"
)
"""Names of blocks, and the holder, that registers show for what another register knows."""
_MAINTAINER = re.compile(r"(?i:.*-MNT|(?:MNT|MAINT)-.*)")
"""Handles of maintainers, as they are mostly made; some are only named (RIPE NCC, APNIC)."""
MAX_ENTITIES = 200
MAX_DEPTH = 6
MAX_REFERRED = 2
_MAX_NAME = 200
_MAX_SERVERS = 4
_MAX_PORT = 65535
_BASE = re.compile(
    r"(?i:https)://(?P<place>(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?)"
    r"(?P<path>/[A-Za-z0-9._~/-]*)?"
)


class Network(NamedTuple):
    """A network as its register tells it.

    `prefix` is the part of it that holds the address asked about. `hoster` and `name` are of its
    registrant, or of the network itself if it names none. `referred` are handles of abuse entities
    without contact data.
    """

    prefix: str
    handle: str
    parent: str | None
    hoster: str
    name: str
    contacts: tuple[str, ...]
    referred: tuple[str, ...]


class Bootstrap:
    """Which servers know an address: the operator's copies of IANA's files."""

    def __init__(self, servers: Prefixes[tuple[str, ...]], files: tuple[DataFile, ...]) -> None:
        self._servers = servers
        self.files = files

    @classmethod
    def open(cls, paths: Sequence[Path]) -> Bootstrap:
        """Read bootstrap files.

        Raises:
            DataFileError: one is missing or no bootstrap file (RFC 9224 section 3).
        """
        servers: Prefixes[tuple[str, ...]] = Prefixes()
        files = []
        for path in paths:
            text, before = read_text(path, path.stem, f"bootstrap file {path.stem!r}")
            _read_services(text, path.stem, servers)
            built_ms = before.stat.st_mtime_ns // 1_000_000
            files.append(DataFile(path.stem, str(path), before.sha256, built_ms))
        return cls(servers, tuple(files))

    def servers(self, address: str) -> tuple[str, ...]:
        """Return the https bases of the servers that know `address`, each ending in a slash.

        Raises:
            ValueError: not an address.
        """
        found = self._servers.get(address)
        return () if found is None else found[1]

    def everybody(self) -> frozenset[str]:
        """Return the origins (`https://host:port`) of all servers: where redirects may lead."""
        return frozenset(origin(base) for those in self._servers.values() for base in those)


def origin(url: str) -> str:
    """Return scheme, host and port of an https URL.

    Raises:
        ValueError: it has no such port.
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or 443}"


def read_network(raw: bytes, address: str) -> Network:
    """Read the answer of a register about `address`.

    Raises:
        RdapAnswerError: it is no answer about a network that holds it.
        ValueError: `address` is none.
    """
    found = _decode(raw)
    asked = effective(address)
    handle = _handle(found.get("handle"))
    if found.get("objectClassName") != "ip network" or handle is None:
        raise RdapAnswerError("no network with a handle")
    prefix = _prefix(found, asked)
    parent = _handle(found.get("parentHandle"))
    holder = _holder(found)
    key = None if holder is None else _handle(holder.get("handle"))
    if any(_PLACEHOLDER.fullmatch(one) for one in (handle, key, _text(found.get("name"))) if one):
        raise RdapAnswerError("a block that another register knows")
    name = _text(found.get("name")) if holder is None else _name(holder)
    hoster = key or handle
    contacts, referred = _abuse(found)
    return Network(prefix, handle, parent, hoster, name or hoster, contacts, referred)


def read_entity(raw: bytes) -> tuple[str, ...]:
    """Read the answer of a register about an abuse entity: its contacts.

    Raises:
        RdapAnswerError: it is no entity.
    """
    found = _decode(raw)
    if found.get("objectClassName") != "entity":
        raise RdapAnswerError("no entity")
    own = _contacts(found)
    return tuple(dict.fromkeys((*own, *_abuse(found)[0])))[:MAX_CONTACTS]


def _decode(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise RdapAnswerError("no JSON") from None
    if not isinstance(found, dict):
        raise RdapAnswerError("no object")
    return found


def _prefix(found: dict[str, Any], asked: IPv4Address | IPv6Address) -> str:
    """Return the part of the answer's range that holds the address, as a prefix."""
    try:
        first, last = _address(found["startAddress"]), _address(found["endAddress"])
        inside = type(first) is type(asked) and int(first) <= int(asked) <= int(last)
        wide = int(last) - int(first) + 1 >= TOO_WIDE[asked.version]
        parts = summarize_address_range(first, last) if inside and not wide else iter(())
        part = next((one for one in parts if asked in one), None)
    except (KeyError, TypeError, ValueError):
        raise RdapAnswerError("no range") from None
    if wide and inside:
        raise RdapAnswerError("a range that is no hoster's")
    if part is None:
        raise RdapAnswerError("a range without the address")
    return str(part)


def _address(raw: object) -> IPv4Address | IPv6Address:
    """Read an address; a number is none, though `ip_address` would take it for one."""
    if not isinstance(raw, str):
        raise TypeError
    return ip_address(raw)


def _holder(found: dict[str, Any]) -> dict[str, Any] | None:
    """Return whose network it is: the first organisation, else the first that is no maintainer."""
    those = [one for one in _list(found.get("entities")) if "registrant" in _roles(one)]
    known = [one for one in those if _handle(one.get("handle")) is not None]
    holders = [one for one in known if _is_organisation(one) or not _is_maintainer(one)]
    return min(holders, key=lambda one: not _is_organisation(one), default=None)


def _is_organisation(entity: dict[str, Any]) -> bool:
    return ("kind", "org") in ((name, value.lower()) for name, value in _properties(entity))


def _is_maintainer(entity: dict[str, Any]) -> bool:
    """Whether an entity is a `mntner` (RFC 2622 section 3.1): it has no name but its handle."""
    handle = str(entity.get("handle"))
    return _MAINTAINER.fullmatch(handle) is not None or _name(entity) == handle


def _abuse(found: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return contacts of the abuse role, and handles of those that say none; nearest first."""
    contacts: dict[str, None] = {}
    referred: dict[str, None] = {}
    for entity in _entities(found):
        if "abuse" not in _roles(entity):
            continue
        told = _contacts(entity)
        contacts.update(dict.fromkeys(told))
        handle = _handle(entity.get("handle"))
        if not told and handle is not None:
            referred[handle] = None
    return tuple(contacts)[:MAX_CONTACTS], tuple(referred)[:MAX_REFERRED]


def _entities(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk the entities of an answer by depth, within bounds."""
    level, left = [found], MAX_ENTITIES
    for _ in range(MAX_DEPTH):
        level = [one for above in level for one in _list(above.get("entities"))][:left]
        left -= len(level)
        yield from level


def _list(raw: object) -> list[dict[str, Any]]:
    return [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []


def _roles(entity: dict[str, Any]) -> list[Any]:
    roles = entity.get("roles")
    return roles if isinstance(roles, list) else []


def _properties(entity: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the plain texts of a jCard: name of the property, value."""
    card = entity.get("vcardArray")
    lines = card[1] if isinstance(card, list) and len(card) > 1 else None
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, list) and len(line) > 3 and isinstance(line[3], str):  # noqa: PLR2004 - RFC 7095 section 3.3
            yield str(line[0]).lower(), line[3]


def _contacts(entity: dict[str, Any]) -> tuple[str, ...]:
    """Return the e-mail addresses of a jCard, then its contact forms (RFC 8605 section 2.1)."""
    said = list(_properties(entity))
    told = [text for wanted in ("email", "contact-uri") for name, text in said if name == wanted]
    read = (read_contact(one) for one in told)
    return tuple(dict.fromkeys(one[0] for one in read if one is not None))


def _name(entity: dict[str, Any]) -> str | None:
    return next((_text(value) for name, value in _properties(entity) if name == "fn"), None)


def _text(raw: object) -> str | None:
    """Return a name in one line, without what a terminal would obey."""
    if not isinstance(raw, str):
        return None
    plain = "".join(one if one.isprintable() else " " for one in raw[:_MAX_NAME])
    return " ".join(plain.split()) or None


def _handle(raw: object) -> str | None:
    return raw if isinstance(raw, str) and HANDLE.fullmatch(raw) else None


def _read_services(text: str, name: str, servers: Prefixes[tuple[str, ...]]) -> None:
    try:
        found = msgspec.json.decode(text)
        for prefixes, urls in found["services"]:
            bases = tuple(base for base in map(_base, urls) if base is not None)[:_MAX_SERVERS]
            for prefix in prefixes:
                servers.add(prefix, bases)
    except (
        msgspec.DecodeError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ):
        raise DataFileError(
            f"bootstrap file {name!r}: is not what IANA publishes (RFC 9224); get it again"
        ) from None


def _base(raw: str) -> str | None:
    """Return an https base with its slash, in lower case; None for any other."""
    found = _BASE.fullmatch(raw)
    if found is None or not 0 < int(found["port"] or 443) <= _MAX_PORT:
        return None
    return f"https://{found['place'].lower()}{(found['path'] or '').rstrip('/')}/"
