"""What comes back where this program asks over HTTP: fields of answers, and bodies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import ada_url
from yarl import URL

from node.asking.errors import LedAwayError
from node.asking.https import LONGEST_PAUSE_MS, pause_ms, server_of, target_of
from node.cli.client import problem_error
from node.cli.hashcheck_send import UNREADABLE, read_answers
from node.cli.looking import read_running
from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import Location, canonical
from node.registry.errors import RegistryError
from node.registry.fetch import fetch_verified
from node.registry.transport import MirrorError
from node.setup.errors import PublicationRefusedError
from node.setup.publishing import read_told
from tests.builders.network import NOW_MS, make_network
from tests.fuzzing.target import Target

ASKED: Final = URL("https://rdap.example:8443/rdap/ip/192.0.2.1")


def targets() -> Iterator[Target]:
    """Yield the targets of this module."""
    yield Target("led_to", read_led_to, (LedAwayError,), _LOCATIONS)
    yield Target("redirect", read_redirect, (UnlocatableError, ValueError), _LOCATIONS)
    yield Target("retry_after", read_retry_after, (), _PAUSES)
    yield Target("umbrella_answer", _read_told, (PublicationRefusedError,), _TOLD)
    yield Target("hashcheck.answers", lambda raw: read_answers(raw, 2), UNREADABLE, _ANSWERS)
    yield Target("problem", lambda raw: problem_error(409, raw), (), _TOLD)
    yield Target("readiness", read_running, (), _READINESS)
    yield Target("mirror", read_mirror, (RegistryError,), _mirrored())


def read_led_to(raw: bytes) -> None:
    """Read where a register sends on: whatever is followed is https and has a name."""
    assert server_of(target_of(ASKED, _header(raw))).startswith("https://")


def read_redirect(raw: bytes) -> Location:
    """Read where a site sends on, by our own rules for addresses."""
    return canonical(ada_url.join_url("https://site7.example/a/b?x=1", _header(raw)))


def read_retry_after(raw: bytes) -> None:
    """Read for how long a server wants to be left alone: no longer than a day, and not at all."""
    found = pause_ms(503, _header(raw), NOW_MS)
    assert found is not None
    assert 0 < found <= LONGEST_PAUSE_MS


def _header(raw: bytes) -> str:
    """A field of an answer as aiohttp hands it on."""
    return raw.decode("utf-8", errors="surrogateescape")


def _read_told(raw: bytes) -> object:
    """Read what an umbrella answers; where the first byte is no text, it refused."""
    refused = raw[:1] >= b"\x80"
    return read_told(409, raw[1:]) if refused else read_told(200, raw)


@cache
def _files() -> Mapping[str, bytes]:
    return make_network(["gb-iwf"])[2]


def read_mirror(raw: bytes) -> None:
    """Fetch a registry of which a mirror changed one file; which one, its first byte says."""
    good = _files()
    names = sorted(good)
    files = {**good, names[(raw[0] if raw else 0) % len(names)]: raw[1:]}

    def get(path: str, most: int) -> bytes:
        if path not in files:
            raise MirrorError(404)
        if len(files[path]) > most:
            raise MirrorError(too_large=True)
        return files[path]

    pin = hashlib.sha256(good["metadata/1.root.json"]).digest()
    fetch_verified(get, pin, {}, NOW_MS)


def _mirrored() -> list[bytes]:
    files = _files()
    return [bytes((place,)) + files[name] for place, name in enumerate(sorted(files))]


_LOCATIONS: Final = (
    b"https://rdap.example/x", b"../ip/192.0.2.2", b"//six.example:8443/%41?a=1#x",
    b"https://xn--bcher-kva.example:8080/", b"http://[2001:db8::1]:99/", b"https://a@b.example:x/",
)  # fmt: skip
_PAUSES: Final = (
    b"120", b"Wed, 21 Oct 2026 07:28:00 GMT", b"Sun Nov  6 08:49:37 1994",
    b"Sunday, 06-Nov-94 08:49:37 +9999",
)  # fmt: skip
_TOLD: Final = (
    b'{"version": 2, "sequence": 2}',
    b'\xff{"code": "bad_field", "field": "sequence", "detail": "must be 7"}',
    b'{"code": "bad_field", "field": "sequence", "detail": "must be 7"}',
)
_ITEM: Final = b"gb-iwf.01M8504K47NN0SQRGQYM9AZB5T"
_ANSWERS: Final = (
    b'{"answers": [{"answer": "none"}, {"answer": "hit", "reference": "%b"}]}' % _ITEM,
)
_READINESS: Final = (
    b'{"ready": false, "missing": ["registry", "store"]}',
    b'{"ready": false, "missing": [], "step": {"name": "copy", "done": 7, "of": 12}}',
)
