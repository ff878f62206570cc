"""Canonical locations against the WHATWG's own corpus: figures, from a file that is handed in.

    python -m benchmarks.corpus urltestdata.json

The file is `url/resources/urltestdata.json` of web-platform-tests (BSD-3-Clause). It is not kept
here: its hosts are other people's names. Cases whose input is an absolute http or https URL are
taken. What is counted, each against the number of cases it applies to:

* `right`: the parser's serialisation is the one that the standard gives;
* `ours`: where `canonical` does not refuse by a rule of its own, it gives that serialisation by
  the identity rules, which `_plain` and `_escaped` write a second time;
* `refused`: what the standard refuses, `canonical` refuses;
* `kept`: canonicalising twice changes nothing;
* `apart`: two cases with one canonical form are one resource by the standard's serialisation,
  compared with plain rules written for this purpose alone (`_plain`).
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ada_url

from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import canonical

_ABSOLUTE = re.compile(r"[\x00-\x20]*" + r"[\t\n\r]*".join("http") + r"[\t\n\rs]*:", re.IGNORECASE)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})|[\"<>\\^`{|}]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def main() -> None:
    """Print one line of figures; end with 1 if one falls short."""
    cases = [case for case in json.loads(Path(sys.argv[1]).read_text("utf-8")) if _is_ours(case)]
    figures = {
        "right": [_parsed(one["input"]) == one["href"] for one in cases if "href" in one],
        "ours": [form == _escaped(_plain(href)) for form, href in _accepted(cases)],
        "refused": [_form(one["input"]) is None for one in cases if one.get("failure")],
        "kept": [_form(form) == form for form in map(_form, _texts(cases)) if form is not None],
        "apart": _apart(cases),
    }
    told = " ".join(f"{name}={sum(found)}/{len(found)}" for name, found in figures.items())
    print(f"corpus: cases={len(cases)} {told}")
    sys.exit(0 if all(map(all, figures.values())) else 1)


def _is_ours(case: Any) -> bool:
    """Whether a case is an absolute http or https URL, for which no base counts."""
    if not isinstance(case, dict) or not _ABSOLUTE.match(case["input"]):
        return False
    if case.get("failure"):
        return case["base"] is None
    # `http:path` against a base of the same scheme is relative (WHATWG URL, special scheme state).
    same = case["base"] and urlsplit(case["base"]).scheme == urlsplit(case["href"]).scheme
    return not same or "//" in case["input"].replace("\\", "/")


def _texts(cases: list[Any]) -> list[str]:
    return [case["input"] for case in cases]


def _accepted(cases: list[Any]) -> list[tuple[str, str]]:
    """Return our form and the standard's serialisation of each case that we take."""
    forms = [(_form(one["input"]), one["href"]) for one in cases if "href" in one]
    return [(form, href) for form, href in forms if form is not None]


def _escaped(plain: str) -> str:
    """Escape after the host what RFC 3986 allows nowhere, a `%` that begins no escape too."""
    scheme, _, host, rest = plain.split("/", 3)
    escaped = _STRAY.sub(lambda found: f"%{ord(found[0]):02X}", rest)
    return f"{scheme}//{host}/{escaped}"


def _parsed(text: str) -> str | None:
    try:
        return ada_url.normalize_url(text)
    except ValueError:
        return None


def _form(text: str) -> str | None:
    try:
        return canonical(text).canonical
    except UnlocatableError:
        return None


def _apart(cases: list[Any]) -> list[bool]:
    """For each canonical form that several cases share: are they one resource?"""
    meeting: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        form = _form(case["input"])
        if form is not None and "href" in case:
            meeting[form].add(case["href"])
    return [len(set(map(_plain, hrefs))) == 1 for hrefs in meeting.values() if len(hrefs) > 1]


def _plain(href: str) -> str:
    """Spell a serialisation by the identity rules, written apart from the code that is judged."""
    scheme, _, rest = href.partition("#")[0].partition("://")
    authority, slash, path = rest.partition("/")
    host, colon, port = authority.rpartition("@")[2].partition(":")
    host = host.removesuffix(".")
    return f"{scheme}://{host}{colon}{port}{slash}{_ESCAPE.sub(_unescape, path).removesuffix('?')}"


def _unescape(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()


if __name__ == "__main__":
    main()
