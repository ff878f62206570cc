"""A world that verifies each signature once believes no other one because of it."""

from __future__ import annotations

import pytest

from keys.errors import BadSignatureError
from keys.signing import SigningKey, VerifyKey
from tests.simulation.remembering import signatures_remembered


def test_what_verified_is_not_verified_again_and_nothing_else_is_believed_for_it() -> None:
    """Another message, another context or another key is as wrong as it was."""
    key, other = SigningKey.generate(), SigningKey.generate()
    signature = key.sign_mldsa44(b"said", b"here")
    with signatures_remembered():
        key.public.verify_mldsa44(signature, b"said", b"here")
        key.public.verify_mldsa44(signature, b"said", b"here")
        for believed, message, context in (
            (key, b"unsaid", b"here"),
            (key, b"said", b"there"),
            (other, b"said", b"here"),
        ):
            with pytest.raises(BadSignatureError):
                believed.public.verify_mldsa44(signature, message, context)


def test_what_is_wrong_stays_wrong() -> None:
    """A failure is not remembered as a success."""
    key = SigningKey.generate(hybrid=False)
    with signatures_remembered():
        for _ in range(2):
            with pytest.raises(BadSignatureError):
                key.public.verify_ed25519(bytes(64), b"unsaid")


def test_the_two_halves_of_a_key_are_remembered_apart() -> None:
    """Else one half would stand for both."""
    key = SigningKey.generate()
    signature = key.sign_ed25519(b"said")
    with signatures_remembered():
        key.public.verify_ed25519(signature, b"said")
        with pytest.raises(BadSignatureError):
            key.public.verify_mldsa44(signature, b"said")


def test_it_ends_with_the_world() -> None:
    """Other tests verify every time."""
    before = VerifyKey.verify_ed25519
    with signatures_remembered():
        assert VerifyKey.verify_ed25519 is not before
    assert VerifyKey.verify_ed25519 is before
