"""Lines that must be refused, each with another mistake; they never stop the good ones."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

_SHA256 = "0123456789abcdef" * 4


class Broken(NamedTuple):
    """One line that is wrong: `text` as it stands in the file, `mistake` in our own words."""

    member: str
    half: int
    form: str
    mistake: str
    text: str


def _csv(url: str, source: str = "public", kind: str = "image") -> str:
    return f"{url};;analyst1@hotline.example;;{source};{kind}"


def _json(**item: Any) -> str:
    return json.dumps({"source": "public", "items": [item]})


HOST = "broken.example"
_URL = f"http://{HOST}/1.jpg"

BROKEN = (
    Broken("gb-iwf", 1, "csv", "no scheme", _csv("broken.example/1.jpg")),
    Broken("gb-iwf", 1, "csv", "defanged scheme", _csv("hxxp://broken.example/1.jpg")),
    Broken("gb-iwf", 1, "csv", "scheme that names no place", _csv("mailto:someone@broken.example")),
    Broken("gb-iwf", 1, "csv", "address missing", _csv("")),
    Broken("gb-iwf", 1, "csv", "too few columns", f"{_URL};;;"),
    Broken("nl-eokm", 1, "csv", "internal address", _csv("http://192.168.1.1/1.jpg")),
    Broken("nl-eokm", 1, "csv", "impossible host", _csv(f"http://{'x' * 64}.example/")),
    Broken("nl-eokm", 1, "csv", "unknown source", _csv(_URL, source="hearsay")),
    Broken("nl-eokm", 2, "csv", "unknown type", _csv(_URL, kind="hologram")),
    Broken("de-eco", 1, "csv", "address too long", _csv(f"http://broken.example/{'x' * 8200}")),
    Broken("gb-iwf", 1, "ndjson", "not JSON", '{"source": "public", "items": ['),
    Broken("gb-iwf", 2, "ndjson", "hash too short", _json(url=_URL, hashes={"sha256": "abc123"})),
    Broken("de-eco", 1, "ndjson", "unknown field", _json(url=_URL, colour="blue")),
    Broken("de-eco", 2, "ndjson", "no such country", _json(url=_URL, access={"vantage": "uk"})),
    Broken("fr-pdc", 2, "ndjson", "no such time", _json(url=_URL, found="2026-13-41T25:00:00Z")),
    Broken("fr-pdc", 2, "ndjson", "neither place nor hashes", _json(kind="image")),
    Broken(
        "nl-eokm",
        1,
        "ndjson",
        "PDQ without its quality",
        _json(url=_URL, hashes={"sha256": _SHA256, "pdq": _SHA256}),
    ),
)
