"""What hosting companies send to HashCheck."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import msgspec

from node.api import bodies
from node.api.access import bearer, digest_of
from node.api.problems import ApiError
from node.hashcheck.app import content_of
from node.hashcheck.operations import CheckDraft, ComplaintDraft
from tests.fuzzing.target import Target

REFERENCE: Final = "gb-iwf.01M8504K47NN0SQRGQYM9AZB5T"
_checks: Final = msgspec.json.Decoder(CheckDraft)


def targets() -> Iterator[Target]:
    """Yield a target for each body, and one for the header that names a key."""
    refused = (ApiError,)
    yield Target("hashcheck.check", read_check, refused, [_json(one) for one in _checks_sent()])
    yield Target("hashcheck.key", read_authorization, refused, [f"Bearer hx_{'a' * 43}".encode()])
    for kind, sent in _drafts().items():
        decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)
        read = partial(bodies.decode, decoder)
        yield Target(f"hashcheck.{kind.__name__}", read, refused, [_json(sent)])


def read_check(raw: bytes) -> None:
    """Read a bulk of checks: each entry that is taken can be looked up by something."""
    draft = bodies.decode(_checks, raw)
    for at, entry in enumerate(draft.entries):
        found = content_of(entry, at)
        assert any((found.sha256, found.sha1, found.md5, found.pdq))
        assert (found.pdq is None) == (found.pdq_quality is None)


def read_authorization(raw: bytes) -> None:
    """Read the header that names a key, as aiohttp hands it on."""
    digest_of(bearer(raw.decode("utf-8", errors="surrogateescape"), "send a key"))


def _checks_sent() -> list[object]:
    return [
        {
            "entries": [
                {"sha256": "c0" * 32, "md5": "C0" * 16, "length": 48213},
                {"sha1": "ab" * 20},
            ]
        },
        {"entries": [{"pdq": "5a" * 32, "pdq_quality": 90}]},
    ]


def _drafts() -> dict[type, object]:
    return {
        ComplaintDraft: {"reference": REFERENCE, "why": "not_illegal", "text": "a stock picture"},
    }


def _json(sent: object) -> bytes:
    return json.dumps(sent).encode()
