"""A world that remembers which signatures are right believes no other one because of it."""

from __future__ import annotations

import pytest

from keys.errors import BadSignatureError, UnknownKeyError
from keys.signing import SigningKey, VerifyKey
from tests.simulation.many import STANDARD
from tests.simulation.plan import AMONG_THE_HONEST
from tests.simulation.remembering import makes_real_ones, signatures_remembered


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


@pytest.mark.parametrize("ideal", [False, True])
def test_what_a_key_signed_verifies_under_it_and_over_nothing_else(*, ideal: bool) -> None:
    """Ideal signatures are told from each other, and from any other bytes, as real ones are."""
    key, other = SigningKey.generate(), SigningKey.generate()
    with signatures_remembered(ideal=ideal):
        signature = key.sign_mldsa44(b"said")
        key.public.verify_mldsa44(signature, b"said")
        flipped = signature[:-1] + bytes((signature[-1] ^ 1,))
        for believed, bits, message, context in (
            (key, flipped, b"said", ()),
            (key, signature, b"unsaid", ()),
            (key, signature, b"said", (b"there",)),
            (other, signature, b"said", ()),
        ):
            with pytest.raises(BadSignatureError):
                believed.public.verify_mldsa44(bits, message, *context)


def test_an_ideal_signature_is_as_long_as_a_real_one_and_is_none_outside_its_world() -> None:
    """Bounds on bytes are reached as they would be, and nothing outlives the world."""
    key = SigningKey.generate()
    with signatures_remembered(ideal=True):
        signature = key.sign_mldsa44(b"said")
    assert len(signature) == len(key.sign_mldsa44(b"said"))
    with pytest.raises(BadSignatureError):
        key.public.verify_mldsa44(signature, b"said")


def test_a_document_carries_real_signatures_from_any_world_to_the_next() -> None:
    """Registries are made once in a process, in whichever world comes first."""
    key = SigningKey.generate()
    with signatures_remembered(ideal=True):
        signature = key.sign_mldsa44(b"said", b"a proof")
    key.public.verify_mldsa44(signature, b"said", b"a proof")


def test_a_key_of_one_half_signs_with_that_alone_in_any_world() -> None:
    """A transport key has no other."""
    key = SigningKey.generate(hybrid=False)
    with signatures_remembered(ideal=True):
        key.public.verify_ed25519(key.sign_ed25519(b"said"), b"said")
        with pytest.raises(UnknownKeyError):
            key.sign_mldsa44(b"said")


def test_some_worlds_make_real_signatures() -> None:
    """Among the standard ones, of every kind of story."""
    real = [seed for seed in range(STANDARD) if makes_real_ones(seed)]
    assert STANDARD // 16 < len(real) < STANDARD // 4
    assert {seed % len(AMONG_THE_HONEST) for seed in real} == set(range(len(AMONG_THE_HONEST)))


def test_it_ends_with_the_world() -> None:
    """Other tests sign and verify every time."""
    before = VerifyKey.verify_ed25519, SigningKey.sign_mldsa44
    with signatures_remembered(ideal=True):
        assert before[0] is not VerifyKey.verify_ed25519
    assert (VerifyKey.verify_ed25519, SigningKey.sign_mldsa44) == before
