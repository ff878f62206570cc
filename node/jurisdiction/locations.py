"""The canonical form of a location: what makes two spellings one place.

Two layers, in this order:

1. WHATWG URL Standard (https://url.spec.whatwg.org/), by ada-url: case of scheme and host, IDN
   to A-labels (UTS 46), odd spellings of IPv4, dot segments, default ports, tabs and newlines.
2. Identity, version `VERSION`: fragment dropped; userinfo kept apart; the trailing dot of the host
   dropped; an empty query dropped; percent-encoding normalised (RFC 3986 section 6.2.2):
   escaped unreserved characters are unescaped, hex digits upper-case, and characters that
   RFC 3986 does not allow (a stray `%` too) are escaped.

A label that begins with `xn--` and is no A-label stays as it is, if all of the host is ASCII: the
DNS holds such names, and browsers visit them (the standard since June 2026, whatwg/url#914).

Kept, because they may tell two resources apart: scheme, port, path case, repeated slashes,
trailing slash, order and tracking parameters of the query, escaped reserved characters, `+`.

A canonical form is no longer than `MAX_CHARACTERS`, so that it can be read again; text that only
becomes longer by its escapes is refused as what is longer at once.

IPv4 inside IPv6 (`[::ffff:192.0.2.1]`) keeps a form of its own, as the standard serialises it. It
is located as the IPv4 address that it reaches, and who looks for an item at the one finds those at
the other (`node.matching.places`): no form that is stored, or that another member knows, changes.

Canonicalising twice changes nothing. Most spellings are canonical as they come: one expression
tells these, and only the others take the long way. The raw text stays beside it as evidence. A
change of any rule above is a new `VERSION`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal
from urllib.parse import quote, unquote

import ada_url
import msgspec

from node.jurisdiction import addresses, errors

VERSION = 1
MAX_CHARACTERS = 8192
MAX_NAME = 253  # RFC 1035 section 2.3.4, without the root label
MAX_LABEL = 63
MAX_HOST = 1024
"""Of a host as it was handed in; the standard's parser takes long as the square of what it maps."""
_HOSTS = 4096

Kind = Literal["name", "address", "onion", "i2p", "ipfs", "service"]

_BLANKS = "".join(map(chr, range(0x21)))  # what WHATWG strips: C0 controls and space
_REMOVED = dict.fromkeys(map(ord, "\t\n\r"))  # what WHATWG takes out, wherever it stands
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_AUTHORITY = re.compile(r"\A[A-Za-z]+:[/\\]*(?:[^/\\?#]*@)?([^/\\?#]*)")
_BARE_HOST = re.compile(r"[^/?#@\s]+\.[^/?#@\s]+:\d{1,5}(?:[/?#]|\Z)")
_HREF = re.compile(
    r"(?P<scheme>https?|ftp|ip[fn]s)://(?:(?P<userinfo>[^/?#@]*)@)?"
    r"(?P<host>\[[^\]]*\]|[^/?#:]*)(?P<port>:\d+)?(?P<path>[^?#]*)(?P<query>\?[^#]*)?"
)
_CANONICAL = re.compile(
    r"https?://((?:(?!xn--)[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+(?!xn--)[a-z](?:[a-z0-9\-]*[a-z0-9])?)"
    r"(?:/(?!\.)[A-Za-z0-9\-._~:@!$&'()*+,;=]*)+(?:\?[A-Za-z0-9\-._~:@!$&()*+,;=/?]+)?"
)
"""What both layers leave as it is: a host of plain labels (none an A-label, the last no number),
and a path without escapes, without a segment that begins with a dot, and never empty."""
_TO_NORMALISE = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_SERVICE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.\-]{0,62}[a-z0-9])?")
_SCHEMES = frozenset({"http", "https", "ftp", "ipfs", "ipns", "service"})
_DEFANGED = frozenset({"hxxp", "hxxps", "hxtp", "hxtps", "htxp", "htxps", "fxp"})
_INTERNAL = (".localhost", ".local", ".internal", ".home.arpa")
_PREFIXES = ("http://", "https://")
_ADDRESS: Kind = "address"


class Location(msgspec.Struct, frozen=True, gc=False):
    """One place, in canonical form.

    `host` is in A-labels, lower case, without trailing dot; an address without brackets; the
    content id for IPFS; the service's name for a service. `userinfo` is what stood before `@`,
    still percent-encoded, or empty: it is access data, not identity.
    """

    canonical: str
    host: str
    kind: Kind
    raw: str
    userinfo: str = ""
    version: int = VERSION

    def __repr__(self) -> str:
        """Say what it is without saying where it is: places must not reach logs."""
        return f"<Location {self.kind} v{self.version}>"


def canonical(raw: str, field: str = "url") -> Location:
    """Return the location that `raw` spells; `field` names it in errors.

    Raises:
        UnlocatableError: one subclass per reason, each with `code` and `field`.
    """
    text = raw.strip(_BLANKS)
    if not text.startswith(_PREFIXES):
        text = text.translate(_REMOVED)
        _check_scheme(text, field)
        if text[:8].lower() == "service:":
            return _service_text(text[8:], raw, field)
    if len(text) > MAX_CHARACTERS:
        raise errors.LocationTooLongError(field)
    if as_it_is := _CANONICAL.fullmatch(text):
        host, kind = _name(as_it_is[1], field)
        return Location(text, host, kind, raw)
    if any(len(one) > MAX_HOST for one in _AUTHORITY.findall(text)):
        raise errors.HostMalformedError(field)
    try:
        parts = _HREF.match(ada_url.normalize_url(text))
    except ValueError:
        raise _malformed(text, field) from None
    if parts is None:
        raise errors.UrlMalformedError(field)
    place = _identity(parts, raw, field)
    if len(place.canonical) > MAX_CHARACTERS:  # escapes are longer than what they stand for
        raise errors.LocationTooLongError(field)
    return place


def canonical_service(service: str, account: str, field: str = "service") -> Location:
    """Return the location of an account or channel on a service that has no public URL.

    The service's name is case-blind; the account's case may matter, so it is kept.

    Raises:
        ServiceMalformedError: the service's name or the account is missing or impossible.
    """
    name = service.strip().lower()
    holder = unicodedata.normalize("NFC", account.strip())
    if not _SERVICE_NAME.fullmatch(name) or not holder or len(holder) > MAX_CHARACTERS:
        raise errors.ServiceMalformedError(field)
    try:
        spelled = f"service:{name}/{quote(holder, safe='@:')}"
    except UnicodeEncodeError:
        raise errors.LocationNotTextError(field) from None
    if len(spelled) > MAX_CHARACTERS:
        raise errors.LocationTooLongError(field)
    return Location(spelled, name, "service", f"service:{service}/{account}")


def _check_scheme(text: str, field: str) -> None:
    """Refuse what has no scheme of ours, each mistake by its own name."""
    if not text:
        raise errors.LocationEmptyError(field)
    found = _SCHEME.match(text)
    scheme = "" if found is None else found[1].lower()
    if scheme in _SCHEMES:
        return
    if scheme in _DEFANGED:
        raise errors.SchemeDefangedError(field)
    if found is None or _BARE_HOST.match(text):
        raise errors.SchemeMissingError(field)
    raise errors.SchemeUnsupportedError(field)


def _malformed(text: str, field: str) -> errors.UnlocatableError:
    """Tell text that is not text from a URL that is not one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return errors.LocationNotTextError(field)
    return errors.UrlMalformedError(field)


def _identity(parts: re.Match[str], raw: str, field: str) -> Location:
    """Apply the second layer to the parts of a WHATWG serialisation."""
    scheme, userinfo, host, port, path, query = parts.groups()
    rest = path or "/"
    if query is not None and len(query) > 1:
        rest += query
    rest = _TO_NORMALISE.sub(_normalise, rest)
    if scheme in {"ipfs", "ipns"}:
        if not host:
            raise errors.UrlMalformedError(field)
        return Location(f"{scheme}://{host}{rest}", host, "ipfs", raw, userinfo or "")
    if host[0] == "[":
        bare, kind = _literal(host[1:-1], field), _ADDRESS
    else:
        host, kind = _name(host, field)
        bare = host
    return Location(f"{scheme}://{host}{port or ''}{rest}", bare, kind, raw, userinfo or "")


def _normalise(found: re.Match[str]) -> str:
    """Normalise one escape, or escape one character that RFC 3986 does not allow."""
    spelled = found[0]
    if len(spelled) == 1:
        return f"%{ord(spelled):02X}" if spelled < "\x80" else quote(spelled)
    character = chr(int(spelled[1:], 16))
    return character if character in _UNRESERVED else spelled.upper()


@lru_cache(_HOSTS)
def _name(host: str, field: str) -> tuple[str, Kind]:
    """Return the host without trailing dot, and what kind of host it is: many items, few hosts."""
    host = host.removesuffix(".")
    if _IPV4.fullmatch(host):
        return _literal(host, field), "address"
    labels = host.split(".")
    if len(host) > MAX_NAME or not all(0 < len(label) <= MAX_LABEL for label in labels):
        raise errors.HostMalformedError(field)
    if len(labels) == 1 or host.endswith(_INTERNAL):
        raise errors.HostNotPublicError(field)
    if labels[-1] == "onion":
        return host, "onion"
    return host, "i2p" if labels[-1] == "i2p" else "name"


def _literal(address: str, field: str) -> str:
    """Refuse an address of somebody's own network; documentation ranges are judged later."""
    if addresses.special(address) not in {None, addresses.DOCUMENTATION}:
        raise errors.HostNotPublicError(field)
    return address


def _service_text(text: str, raw: str, field: str) -> Location:
    """Read back `service:<name>/<account>`; escapes that are no UTF-8 would all read alike."""
    name, _, account = text.partition("/")
    try:
        holder = unquote(account, errors="strict")
    except UnicodeDecodeError:
        raise errors.ServiceMalformedError(field) from None
    place = canonical_service(name, holder, field)
    return msgspec.structs.replace(place, raw=raw)
