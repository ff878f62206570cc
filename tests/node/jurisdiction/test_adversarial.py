"""Whole URLs from a hostile generator: every spelling meets, no two resources do, twice is once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import canonical

UNRESERVED = "abcXYZ019-._~"
RESERVED = "!$&'()*+,;=:@"
ESCAPED = ("%2F", "%3F", "%23", "%25", "%20", "%00", "%E2%82%AC", "%FF", "%7C", "%3B", "%2B")
HOSTILE = st.text(
    alphabet="%0123456789abcdefABCDEF./\\?#@:[]&=+~| \t\n\u20ac\u3002\u00ad", max_size=24
)


@dataclass(frozen=True)
class Resource:
    """What a server is asked for, taken apart; every field tells two resources apart."""

    scheme: str
    host: str
    port: int | None
    segments: tuple[str, ...]
    query: str | None

    def spell(self) -> str:
        """Return its plainest spelling, which is its canonical form."""
        port = "" if self.port is None else f":{self.port}"
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.scheme}://{self.host}{port}/{'/'.join(self.segments)}{query}"


def _pieces(extra: str) -> st.SearchStrategy[str]:
    alphabet = st.sampled_from([*UNRESERVED, *RESERVED, *extra, *ESCAPED])
    return st.lists(alphabet, min_size=1, max_size=8).map("".join)


def _is_no_dots(segment: str) -> bool:
    return segment not in {".", ".."}


RESOURCES = st.builds(
    Resource,
    scheme=st.sampled_from(["http", "https"]),
    host=st.sampled_from(
        ["site.example", "a.b-c.example", "xn--bcher-kva.example", "192.0.2.1", "[2001:db8::1]"]
    ),
    port=st.sampled_from([None, 81, 8080]),
    segments=st.lists(_pieces("").filter(_is_no_dots), max_size=4).map(tuple),
    # A browser writes ' in a query as %27 (WHATWG URL, special-query percent-encode set).
    query=st.none() | _pieces("/?").map(lambda query: query.replace("'", "%27")),
)


def _escape_some(text: str, draw: st.DrawFn) -> str:
    """Write some unreserved characters as escapes, and some escapes in lower case."""
    made, at = [], 0
    while at < len(text):
        if text[at] == "%":
            token = text[at : at + 3]
            made.append(token.lower() if draw(st.booleans()) else token)
            at += 3
            continue
        escape = text[at] in UNRESERVED and text[at] != "." and draw(st.booleans())
        made.append(f"%{ord(text[at]):02x}" if escape else text[at])
        at += 1
    return "".join(made)


def _mixed(text: str, draw: st.DrawFn) -> str:
    return "".join(c.upper() if draw(st.booleans()) else c for c in text)


@st.composite
def respelled(draw: st.DrawFn) -> tuple[Resource, str]:
    """Give a resource and an odd spelling of it, by ways that no server can tell apart."""
    one = draw(RESOURCES)
    default = {"http": "80", "https": "443"}[one.scheme]
    port = f":{one.port}" if one.port else draw(st.sampled_from(["", ":", f":{default}"]))
    dot = "." if one.host[0].isalpha() and draw(st.booleans()) else ""
    segments = [_escape_some(segment, draw) for segment in one.segments]
    for _ in range(draw(st.integers(0, 2))):
        where = draw(st.integers(0, max(0, len(segments) - 1)))
        odd = draw(st.sampled_from([["."], ["%2e"], ["x", ".."], ["y", ".%2E"]]))
        segments[where:where] = odd
    path = draw(st.sampled_from(["/", "\\"])) + "/".join(segments)
    if not one.segments and segments:
        path += "/"
    query = "" if one.query is None else f"?{_escape_some(one.query, draw)}"
    user = draw(st.sampled_from(["", "user@", "user:secret@"]))
    tail = draw(st.sampled_from(["", "#", "#top", "#a?b/c"])) + draw(
        st.sampled_from(["", " ", "\n"])
    )
    scheme = _mixed(one.scheme, draw)
    spelled = f"{scheme}://{user}{_mixed(one.host, draw)}{dot}{port}{path}{query}{tail}"
    if draw(st.booleans()):
        spelled = spelled.replace("//", "/\t/", 1)
    return one, spelled


def other_resources(one: Resource) -> list[Resource]:
    """Return resources that differ from this one in one thing that a server may see."""
    last = one.segments[-1] if one.segments else ""
    before = one.segments[:-1]
    return [
        replace(one, scheme="https" if one.scheme == "http" else "http"),
        replace(one, host="other.example"),
        replace(one, host=f"www.{one.host}" if one.host[0].isalpha() else "198.51.100.1"),
        replace(one, port=8081),
        replace(one, segments=(*before, last + "/")),
        replace(one, segments=("", *one.segments, "z")),
        replace(one, segments=(*before, last + "%2Fz")),
        replace(one, segments=(*before, last, "z")),
        replace(one, segments=(*before, last + "%25")),
        replace(one, segments=(*before, last + "%2525")),
        replace(one, segments=(*before, last + "+z")),
        replace(one, segments=(*before, last + "%2Bz")),
        replace(one, segments=(*before, last + "%20z")),
        replace(one, segments=(*before, last + "Q")),
        replace(one, segments=(*before, last + "q")),
        replace(one, query=(one.query or "") + "&utm_source=x"),
        replace(one, query=(one.query or "") + "&a=1&b=2"),
        replace(one, query=(one.query or "") + "&b=2&a=1"),
        replace(one, query=(one.query or "") + "&a=1%26b=2"),
    ]


@given(respelled())
@settings(max_examples=150, deadline=None)
def test_every_odd_spelling_meets_the_plain_one(pair: tuple[Resource, str]) -> None:
    """Case, default ports, dots, escapes, backslashes, user names, fragments, blanks."""
    resource, spelled = pair
    assert canonical(spelled).canonical == canonical(resource.spell()).canonical


@given(RESOURCES)
@settings(max_examples=60, deadline=None)
def test_no_two_resources_meet(one: Resource) -> None:
    """Whatever a server may tell apart stays apart: a false match takes down an innocent page."""
    spelled = {each.spell() for each in (one, *other_resources(one))}
    assert len({canonical(each).canonical for each in spelled}) == len(spelled)


@given(RESOURCES)
@settings(max_examples=100, deadline=None)
def test_a_plain_spelling_is_kept_as_it_is(one: Resource) -> None:
    """The canonical form asks the server for the very same bytes: nothing is improved."""
    assert canonical(one.spell()).canonical == one.spell()


@given(st.sampled_from(["http://", "https:\\\\", "HTTP:", "http:///"]), HOSTILE, HOSTILE, HOSTILE)
@settings(max_examples=200, deadline=None)
def test_canonicalising_any_hostile_url_twice_changes_nothing(
    scheme: str, authority: str, path: str, query: str
) -> None:
    """Also where the host is hostile: what comes out is in its final form, or nothing comes out."""
    with suppress(UnlocatableError):
        once = canonical(f"{scheme}{authority}site.example/{path}?{query}")
        again = canonical(once.canonical)
        assert (again.canonical, again.host, again.kind) == (once.canonical, once.host, once.kind)


@pytest.mark.parametrize(
    ("real", "decoy"),
    [
        ("http://site.example@evil.example/", "http://site.example/"),
        ("http://evil.example\\@site.example/", "http://site.example/"),
        ("http://evil.example#@site.example/", "http://site.example/"),
        ("http://evil.example?@site.example/", "http://site.example/"),
        ("http://site.example%2eevil.example/", "http://site.example/"),
        ("http://site.example\u3002evil.example/", "http://site.example/"),
        ("http://site.example:80@evil.example/", "http://site.example/"),
        ("http://site.example/..%2fa", "http://site.example/a"),
        ("http://site.example/a%00.jpg", "http://site.example/a"),
        ("http://site.example/a;x", "http://site.example/a"),
        ("http://s\u0131te.example/", "http://site.example/"),
        ("http://xn--site-9cd.example/", "http://site.example/"),
    ],
)
def test_what_looks_like_another_site_is_not_it(real: str, decoy: str) -> None:
    """Tricks by which a link shows one site and leads to another."""
    with suppress(UnlocatableError):
        assert canonical(real).canonical != canonical(decoy).canonical
