"""Two spellings of one place meet; two places never do; nothing else is a place."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import MAX_CHARACTERS, MAX_HOST, canonical, canonical_service

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "locations_v1.json").read_bytes())
SAME_PLACE: dict[str, list[str]] = VECTORS["same"]
DIFFERENT_PLACES: list[str] = VECTORS["different"]

NEARLY_CANONICAL = [
    "http://site.example/a/b.jpg?c=d/e?f&g",
    "http://site.example/./a",
    "http://site.example/a/..",
    "http://site.example/a/../b",
    "http://site.example/.a",
    "http://site.example//a//",
    "http://site.example/a?",
    "http://site.example/it's?it's",
    "http://site.example/a?%41",
    "http://site.example/%41",
    "http://site.example/a\\b",
    "http://site.example",
    "http://site.example./",
    "http://site.example:80/",
    "http://a@site.example/",
    "http://Site.example/",
    "http://-a.b--c.example/",
    "http://a_b.example/",
    "http://192.0.2.1/",
    "http://192.0.513/",
    "http://site.1/",
    "http://xn--bcher-kva.example/",
    "http://xn--a.example/",
    "http://site/",
    "http://site.local/",
    f"http://{'a' * 64}.example/",
    f"http://{'a.' * 127}example/",
    "http://abcdefghij.onion/x",
]

REFUSED = {
    "": "location_empty",
    " \t\n": "location_empty",
    "site.example/a": "scheme_missing",
    "//site.example/a": "scheme_missing",
    "site.example:8080/a": "scheme_missing",
    "192.0.2.1:80": "scheme_missing",
    "http.example:80/": "scheme_missing",
    "hxxp:site.example:80/": "scheme_defanged",
    "hxxp://site.example/": "scheme_defanged",
    "HXXPS://site.example/": "scheme_defanged",
    "mailto:someone@site.example": "scheme_unsupported",
    "javascript:alert(1)": "scheme_unsupported",
    "file:///etc/passwd": "scheme_unsupported",
    "data:text/plain,x": "scheme_unsupported",
    "magnet:?xt=urn:x": "scheme_unsupported",
    "http://": "url_malformed",
    "http:///": "url_malformed",
    "http://site example/": "url_malformed",
    "http://site.example:99999/": "url_malformed",
    "http://site.example:http/": "url_malformed",
    "http://[2001:db8::1/": "url_malformed",
    "http://[fe80::1%25eth0]/": "url_malformed",
    "http://256.256.256.256/": "url_malformed",
    "http://1.2.3.4.5/": "url_malformed",
    "http://si<te.example/": "url_malformed",
    "http://b\u00fccher.xn--pokxncvks.example/": "url_malformed",
    "http://xn--\u00e9.example/": "url_malformed",
    "http://a\u3002xn--pokxncvks.example/": "url_malformed",
    "http://xn--pokxncvks%2f.example/": "url_malformed",
    "http://site%00.example/": "url_malformed",
    "ipfs:///x": "url_malformed",
    "http://site..example/": "host_malformed",
    "http://site.example../": "host_malformed",
    f"http://{'a' * 64}.example/": "host_malformed",
    f"http://{'a.' * 125}example/": "host_malformed",
    "http://sit" + "\u00ad" * MAX_HOST + "e.example/": "host_malformed",
    "https:\\\\me@" + "\u0627" * (MAX_HOST + 1) + "/a": "host_malformed",
    "http://intranet/": "host_not_public",
    "http://localhost/": "host_not_public",
    "http://printer.local/": "host_not_public",
    "http://a.b.localhost./": "host_not_public",
    "http://127.0.0.1/": "host_not_public",
    "http://2130706433/": "host_not_public",
    "http://0x7f.1/": "host_not_public",
    "http://10.1.2.3/": "host_not_public",
    "http://[::1]/": "host_not_public",
    "http://[::ffff:10.0.0.1]/": "host_not_public",
    "http://[64:ff9b::10.0.0.1]/": "host_not_public",
    "http://[2002:0a00:1::]/": "host_not_public",
    "http://[fe80::1]/": "host_not_public",
    "http://\udc80.example/": "location_not_text",
    "service:/someone": "service_malformed",
    "service:chatter/": "service_malformed",
    "service:chatter": "service_malformed",
    "service:chatter/%ff": "service_malformed",
    "service:chatter/a%C3": "service_malformed",
    f"http://site.example/{'a' * MAX_CHARACTERS}": "location_too_long",
    "http://site.example/" + "\u00e9" * 2000: "location_too_long",
    f"http://site.example/?{'|' * 4000}": "location_too_long",
    f"ipfs://QmAbCdEf/{'%' * 4000}": "location_too_long",
    "service:chatter/" + "\u00e9" * 2000: "location_too_long",
}


class TestSpellings:
    """Identity, version 1."""

    @pytest.mark.parametrize(
        ("spelled", "place"),
        [(spelled, place) for place, all_of in SAME_PLACE.items() for spelled in all_of],
    )
    def test_every_spelling_of_a_place_meets(self, spelled: str, place: str) -> None:
        """Odd ways to write one URL have one canonical form."""
        assert canonical(spelled).canonical == place

    @pytest.mark.parametrize("place", SAME_PLACE)
    def test_a_canonical_form_is_its_own_canonical_form(self, place: str) -> None:
        """Canonicalising twice changes nothing."""
        assert canonical(place).canonical == place

    def test_the_longest_canonical_form_can_be_read_again(self) -> None:
        """What is accepted once must be located, kept and sent, by others too."""
        start = "http://site.example/"
        escaped, rest = divmod(MAX_CHARACTERS - len(start), len("%C3%A9"))
        once = canonical(start + "a" * rest + "\u00e9" * escaped).canonical
        assert len(once) == MAX_CHARACTERS
        assert canonical(once).canonical == once
        with pytest.raises(UnlocatableError, match="escapes counted"):
            canonical(start + "a" * (rest + 1) + "\u00e9" * escaped)

    def test_different_places_never_meet(self) -> None:
        """Whatever a server may tell apart stays apart."""
        for one, other in combinations(DIFFERENT_PLACES, 2):
            assert canonical(one).canonical != canonical(other).canonical, (one, other)

    @given(st.text(max_size=40), st.text(max_size=20))
    def test_canonicalising_twice_changes_nothing(self, path: str, query: str) -> None:
        """Holds for any text in path and query."""
        with suppress(UnlocatableError):
            once = canonical(f"http://site.example/{path}?{query}").canonical
            assert canonical(once).canonical == once

    @given(st.text(alphabet="%0123456789abcdefABCDEF./~|", max_size=30))
    def test_hostile_escapes_do_not_move_on_the_second_pass(self, path: str) -> None:
        """Unescaping never makes a new escape or a new dot segment."""
        once = canonical(f"http://site.example/{path}").canonical
        assert canonical(once).canonical == once

    @given(st.text(max_size=60))
    def test_any_text_is_a_place_or_refused(self, text: str) -> None:
        """No other exception escapes."""
        with suppress(UnlocatableError):
            assert canonical(text).version == 1

    @pytest.mark.parametrize("text", NEARLY_CANONICAL)
    def test_what_is_taken_as_it_comes_is_what_the_long_way_makes_of_it(self, text: str) -> None:
        """A fragment is dropped, and is in nothing that is taken as it comes: it forces the way."""
        assert _place_or_code(text) == _place_or_code(f"{text}#")

    @given(st.text("ab0x1n-.", max_size=12), st.text("aA0/.?%~'|[]^:@;\\", max_size=16))
    def test_so_is_any_other_text(self, host: str, path: str) -> None:
        """Holds for whatever else looks canonical."""
        text = f"https://{host}.site.example/{path}"
        assert _place_or_code(text) == _place_or_code(f"{text}#")


def _place_or_code(text: str) -> tuple[str, ...]:
    try:
        place = canonical(text)
    except UnlocatableError as error:
        return (error.code,)
    return (place.canonical, place.host, place.kind, place.userinfo)


class TestRefusals:
    """What is no place says which mistake it is."""

    @pytest.mark.parametrize(("text", "code"), REFUSED.items())
    def test_a_mistake_has_its_code(self, text: str, code: str) -> None:
        """The code names the kind of mistake."""
        with pytest.raises(UnlocatableError) as caught:
            canonical(text, field="items[0].url")
        assert (caught.value.code, caught.value.field) == (code, "items[0].url")

    @pytest.mark.parametrize("text", ["hxxp://secret.example/", "http://secret..example/"])
    def test_the_message_never_repeats_the_location(self, text: str) -> None:
        """Field and mend, no value."""
        with pytest.raises(UnlocatableError, match=r"^url: ") as caught:
            canonical(text)
        assert "secret" not in str(caught.value)


class TestParts:
    """What stands beside the canonical form."""

    def test_raw_text_is_kept_as_it_came(self) -> None:
        """Evidence is what was handed in, blanks and all."""
        assert canonical(" HTTP://Site.example/#x ").raw == " HTTP://Site.example/#x "

    def test_userinfo_is_kept_apart(self) -> None:
        """User name and password are access data, not identity."""
        place = canonical("http://user:p%40ss@site.example/a")
        assert (place.canonical, place.userinfo) == ("http://site.example/a", "user:p%40ss")

    @pytest.mark.parametrize(
        ("text", "kind", "host"),
        [
            ("http://site.example/", "name", "site.example"),
            ("http://192.0.2.1:8080/", "address", "192.0.2.1"),
            ("http://[2001:db8::1]:8080/", "address", "2001:db8::1"),
            ("http://x.abcdefghij.onion/", "onion", "x.abcdefghij.onion"),
            ("http://abcdefghij.i2p/", "i2p", "abcdefghij.i2p"),
            ("ipns://QmAbCdEf/a", "ipfs", "QmAbCdEf"),
            ("http://gateway.example/ipfs/QmAbCdEf", "name", "gateway.example"),
        ],
    )
    def test_the_kind_of_host_is_told(self, text: str, kind: str, host: str) -> None:
        """Overlay networks are told from names and addresses."""
        place = canonical(text)
        assert (place.kind, place.host) == (kind, host)

    def test_a_service_account_keeps_its_case(self) -> None:
        """Services differ in whether case matters, so it is kept."""
        place = canonical_service("Chatter", " @Some One ")
        assert (place.canonical, place.host) == ("service:chatter/@Some%20One", "chatter")

    def test_repr_does_not_say_where(self) -> None:
        """A location in a log line or traceback must not leak the place."""
        assert repr(canonical("http://secret.example/")) == "<Location name v1>"
