"""The PKCS#11 URI of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from keys import Unlock, UnreadableKeyError
from keys.hsm_uri import TokenUri

MODULE = "module-path=/usr/lib/softhsm/libsofthsm2.so"


def test_it_names_token_labels_and_library() -> None:
    """As the configuration shows it."""
    uri = TokenUri.parse(f"pkcs11:token=gb-iwf;object=iwf?{MODULE}")
    assert (uri.token, uri.object) == ("gb-iwf", "iwf")
    assert uri.module == Path("/usr/lib/softhsm/libsofthsm2.so")


def test_escapes_are_read_once_as_utf8() -> None:
    """RFC 7512 section 2.3: a semicolon, a space or an umlaut stand as %XX."""
    uri = TokenUri.parse(f"pkcs11:token=K%C3%B6ln%20%3B%2541?{MODULE}")
    assert uri.token == "Köln ;%41"


def test_without_an_object_labels_have_a_name_all_the_same() -> None:
    """What other tools list must say whose it is."""
    assert TokenUri.parse(f"pkcs11:serial=0123?{MODULE}").object == "hotline"


@pytest.mark.parametrize(
    ("uri", "mend"),
    [
        ("", "write pkcs11:token=LABEL"),
        ("file:/etc/key", "write pkcs11:token=LABEL"),
        ("pkcs11:token=" + "t" * 3000 + f"?{MODULE}", "write pkcs11:token=LABEL"),
        ("pkcs11:token=t", "add \\?module-path="),
        ("pkcs11:token=t?module-path=lib.so", "absolute path"),
        (f"pkcs11:?{MODULE}", "name the token"),
        (f"pkcs11:model=m?{MODULE}", "name the token"),
        (f"pkcs11:token=t;slot-id=1?{MODULE}", "not used here"),
        (f"pkcs11:token=t;token=u?{MODULE}", "token stands once"),
        (f"pkcs11:token=?{MODULE}", "token stands once, with a value"),
        (f"pkcs11:token?{MODULE}", "token stands once, with a value"),
        (f"pkcs11:token=a b?{MODULE}", "escape other characters"),
        (f"pkcs11:token=%zz?{MODULE}", "escape other characters"),
        (f"pkcs11:token=%ff?{MODULE}", "not UTF-8"),
        (f"pkcs11:token=a%0ab?{MODULE}", "no label has"),
        (f"pkcs11:token=a%00?{MODULE}", "no label has"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_mend(uri: str, mend: str) -> None:
    """RFC 7512 section 2.3: never open what was meant otherwise."""
    with pytest.raises(UnreadableKeyError, match=rf"^hsm: .*{mend}"):
        TokenUri.parse(uri)


@pytest.mark.parametrize(
    "uri", [f"pkcs11:token=t?{MODULE}&pin-value=1234", f"pkcs11:token=t?pin-source=/pin&{MODULE}"]
)
def test_a_pin_in_the_uri_is_refused_and_not_repeated(uri: str) -> None:
    """It would stand in every copy of the configuration."""
    with pytest.raises(
        UnreadableKeyError, match=r"holds no PIN; write \[member\] hsm_pin"
    ) as raised:
        TokenUri.parse(uri)
    assert "1234" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "pin"), [("1234", "1234"), ("1234\n", "1234"), (" a b \r\n", " a b ")]
)
def test_a_pin_is_one_line_without_its_end(given: str, pin: str) -> None:
    """Short as it is: it is no key, and nothing is stretched from it."""
    assert Unlock.from_config("env:PIN", {"PIN": given}, "hsm_pin").pin() == pin


@pytest.mark.parametrize("given", ["", "\n", "1\n2", "p" * 256, "a\0b"])
def test_what_is_no_pin_is_refused_before_the_token_counts_it(given: str) -> None:
    """An empty file must not cost a try."""
    with pytest.raises(UnreadableKeyError, match=r"^hsm_pin: the env gives no PIN"):
        Unlock.from_config("env:PIN", {"PIN": given}, "hsm_pin").pin()
