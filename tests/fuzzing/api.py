"""What case systems send to the local API: bodies, queries, and what is made of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final

import msgspec
from yarl import URL

from node.api import bodies
from node.api.hashcheck_bodies import ComplaintsParameters
from node.api.operations import OPERATIONS
from node.api.parameters import ChangesParameters, ItemsParameters
from node.api.problems import ApiError
from node.casework.errors import DraftRejectedError
from node.casework.reports.draft import ReportDraft
from node.casework.reports.prepare import prepare_report
from tests.builders.cases import FINGERPRINTS
from tests.builders.network import NOW_MS
from tests.fuzzing.formats import draft_json
from tests.fuzzing.target import Target

_reports: Final = msgspec.json.Decoder(ReportDraft)
LINE: Final = "0" * 64
_TYPES: Final = (
    b"application/json; charset=\"utf-8\"; x*0*=utf-8''a%20b",
    b"text/html;charset=US-ASCII (a comment)",
)


def targets() -> Iterator[Target]:
    """Yield a target for each body that an operation takes, each query, and whole reports."""
    for kind in dict.fromkeys(_taken()):
        decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)
        read = partial(bodies.decode, decoder)
        yield Target(f"api.{kind.__name__}", read, (ApiError,), _sent(read))
    for kind, seeds in _queries().items():
        yield Target(f"api.{kind.__name__}", partial(read_query, kind), (ApiError,), seeds)
    yield Target("content_type", read_type, (), list(_TYPES))
    yield Target("report", read_report, (ApiError, DraftRejectedError), _reports_sent())


def _taken() -> Iterator[type]:
    """Every type of body; so a new operation has its target at once."""
    for operation in OPERATIONS:
        yield from (operation.takes or {}).values()


def _sent(read: Callable[[bytes], object]) -> list[bytes]:
    """Bodies of this kind, more often than others, which are there to be spliced in."""
    every = [draft_json(), *_drafts()]
    own = []
    for raw in every:
        with suppress(ApiError):
            read(raw)
            own.append(raw)
    return [*(own * len(every)), *every]


def read_query(kind: type, raw: bytes) -> None:
    """Read a query as aiohttp hands it on: whatever stands behind the question mark."""
    target = URL.build(path="/api/v1/x", query_string=raw.decode("latin-1"), encoded=True)
    bodies.parameters(target.query, kind)


def read_type(raw: bytes) -> None:
    """Read of which type a body is, as aiohttp hands the field on."""
    bodies.read_content_type(raw.decode("utf-8", errors="surrogateescape"))


def _queries() -> dict[type, list[bytes]]:
    return {
        ItemsParameters: [
            b"after=&limit=500&custody=here&country=NL&responsible=nl-eokm&review=true",
            b"changed_after=7&after=gb-iwf.01M8504K47NN0SQRGQYM9AZB5T",
        ],
        ChangesParameters: [b"after=12&limit=1000&wait=30", b"after=9007199254740991"],
        ComplaintsParameters: [b"open=true"],
    }


def read_report(raw: bytes) -> None:
    """Read a report as far as facts: each item has a place or a file, and times that are some."""
    report = prepare_report(bodies.decode(_reports, raw), FINGERPRINTS, NOW_MS, LINE)
    for item in report.items:
        assert item.location.canonical is not None or item.content
        assert 0 < item.found_ms < 2 * NOW_MS


def _reports_sent() -> list[bytes]:
    service = {"service": "telegram", "account": "channel7", "found": "2026-01-01T00:00:00Z"}
    file = {"hashes": {"pdq": "cd" * 32, "pdq_quality": 90, "sha1": "ab" * 20}}
    judged = {"url": "http://u:p@[2001:db8::7]/x.mp4", "assessments": [{"verdict": "baseline"}]}
    drafts = [
        {"source": "public", "items": [service, file]},
        {"source": "public", "received": "2026-01-01T00:00:00+01:00", "items": [judged]},
    ]  # type: list[dict[str, object]]
    return [draft_json(), *map(_json, drafts)]


def _drafts() -> list[bytes]:
    """Return one body of each other kind."""
    drafts: list[dict[str, object]] = [
        {"verdict": "baseline", "labels": ["a.b"], "at": "2026-01-01T00:00:00Z"},
        {"action": "moved", "country": "FR"},
        {"action": "nl-eokm.01M8504K47NN0SQRGQYM9AZB5T"},
        {"at": "2026-11-23T18:00:00Z"},
        {"sha256": "ab" * 32, "length": 7, "pdq": "cd" * 32, "pdq_quality": 90},
        {"place": 1},
        {"to": "nl-eokm", "text": "a question", "preview": False},
        {"cause": "error"},
        {"reason": "a court asked", "until": "2027-01-01T00:00:00Z"},
        {"name": "desk", "scopes": ["reports:write", "items:read"], "expires_days": 30},
        {"hoster": "fast.example", "ends": "2027-01-01T00:00:00+01:00", "sources": ["own"]},
        {"decision": "uphold", "reason": "an artwork", "analyst": "a-7"},
    ]
    return list(map(_json, drafts))


_json: Final[Callable[[object], bytes]] = msgspec.json.encode
