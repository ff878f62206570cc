"""Canonical locations made from scratch, and the many ways in which people write them.

The generator starts from the canonical form and spells it otherwise, so it knows the identity of
every line without any canonicalisation of its own: that is what makes its ledger independent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from examples.demo.sites import Site

_ENDINGS = {
    "image": (".jpg", ".png", ".webp"),
    "video": (".mp4", ".webm"),
    "archive": (".zip", ".7z"),
    "page": ("", "/", ".html"),
}
_FOLDERS = ("a", "b", "board", "files", "p", "thread", "x", "~user", "Mixed-Case")
_PORTS = {"http": ":80", "https": ":443"}


def chance(random: Random, percent: int) -> bool:
    """Say yes in `percent` of 100 cases."""
    return random.randrange(100) < percent


def make_location(random: Random, site: Site, kind: str, number: int) -> str:
    """Return a canonical location on `site` that no other item has; `number` makes it unique."""
    folders = [random.choice(_FOLDERS) for _ in range(random.randrange(3))]
    name = random.choice((f"{number}", f"item-{number}", f"{number}_{random.randrange(99)}"))
    if chance(random, 6):
        name = random.choice((f"a%20b-{number}", f"a%2Fb-{number}", quote(f"übung-{number}")))
    path = "/".join([*folders, name + random.choice(_ENDINGS[kind])])
    query = f"?id={number}&page={random.randrange(9)}" if chance(random, 20) else ""
    if chance(random, 2):
        query = f"?list=a;b;c&id={number}"
    port = ":8080" if site.scheme != "ipfs" and chance(random, 3) else ""
    return f"{site.scheme}://{site.host}{port}/{path}{query}"


def make_alias(random: Random, location: str) -> str:
    """Return the same place with another query."""
    return f"{location.partition('?')[0]}?session={random.randrange(10**8)}"


def spell(random: Random, site: Site | None, location: str) -> str:
    """Write `location` as a person might; half of the time exactly as it is."""
    if site is None or site.scheme == "ipfs" or chance(random, 50):
        return location
    ways: list[Callable[[Random, str], str]] = [_fragment, _dots, _unreserved, _shouting]
    if ":8080" not in location:
        ways.append(_port)
    if site.sort == "address":
        ways = [_fragment, _dots, _unreserved] + ([] if "[" in location else [_number])
    else:
        ways.append(_root_dot)
    spelled = random.choice(ways)(random, location)
    return spelled.replace(site.host, site.spelled) if site.host != site.spelled else spelled


def _split(location: str) -> tuple[str, str, str]:
    scheme, _, rest = location.partition("://")
    authority, slash, path = rest.partition("/")
    return scheme, authority, slash + path


def _fragment(random: Random, location: str) -> str:
    return f"{location}#{random.choice(('top', 'comments', '!/view'))}"


def _port(_: Random, location: str) -> str:
    scheme, authority, path = _split(location)
    return f"{scheme}://{authority}{_PORTS[scheme]}{path}"


def _root_dot(_: Random, location: str) -> str:
    scheme, authority, path = _split(location)
    host, colon, port = authority.partition(":")
    return f"{scheme}://{host}.{colon}{port}{path}"


def _dots(random: Random, location: str) -> str:
    scheme, authority, path = _split(location)
    return f"{scheme}://{authority}{random.choice(('/.', '/x/..', '/y/%2E%2e'))}{path}"


def _unreserved(random: Random, location: str) -> str:
    """Escape one letter that needs no escape."""
    scheme, authority, path = _split(location)
    plain = [
        n
        for n, letter in enumerate(path)
        if letter.isascii() and letter.isalnum() and "%" not in path[max(0, n - 2) : n]
    ]
    at = random.choice(plain)
    return f"{scheme}://{authority}{path[:at]}%{ord(path[at]):02x}{path[at + 1 :]}"


def _shouting(_: Random, location: str) -> str:
    scheme, authority, path = _split(location)
    return f"{scheme.upper()}://{authority.upper()}{path}"


def _number(_: Random, location: str) -> str:
    """Write an IPv4 address as one number in base 16."""
    scheme, authority, path = _split(location)
    host, colon, port = authority.partition(":")
    value = int.from_bytes(bytes(map(int, host.split("."))), "big")
    return f"{scheme}://{value:#x}{colon}{port}{path}"
