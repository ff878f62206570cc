"""Which public keys enter, and who may claim one: the attacks by name."""

from __future__ import annotations

import base64
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import (
    BadSignatureError,
    SealingKey,
    SigningKey,
    WeakKeyError,
    _edwards,
    check_ed25519,
    check_mldsa44,
    check_mlkem_x25519,
    check_proof,
    prove,
)

P = 2**255 - 19
SIGN = 1 << 255

# The eight points whose order divides 8, in canonical encoding.
SMALL_ORDER = {
    "identity": "0100000000000000000000000000000000000000000000000000000000000000",
    "order 2": "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "order 4, even": "0000000000000000000000000000000000000000000000000000000000000000",
    "order 4, odd": "0000000000000000000000000000000000000000000000000000000000000080",
    "order 8, a": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "order 8, -a": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "order 8, b": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "order 8, -b": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
}
# Every y from p to 2**255 - 1, with either sign bit, and zero x with its sign bit set.
NON_CANONICAL = [
    *((y | sign).to_bytes(32, "little") for y in range(P, 2**255) for sign in (0, SIGN)),
    (1 | SIGN).to_bytes(32, "little"),
    (P - 1 | SIGN).to_bytes(32, "little"),
]
# The u coordinates of X25519 whose order divides 8 (https://cr.yp.to/ecdh.html, "Validate").
X25519_SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


def encode(point: _edwards.Point) -> bytes:
    """Encode a point (RFC 8032 section 5.1.2)."""
    inverse = pow(point.z, -1, P)
    x, y = point.x * inverse % P, point.y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def with_torsion(raw: bytes, torsion: str) -> bytes:
    """Add a small-order point to an honest key."""
    honest, small = _edwards.decode(raw), _edwards.decode(bytes.fromhex(torsion))
    assert isinstance(honest, _edwards.Point)
    assert isinstance(small, _edwards.Point)
    return encode(_edwards.add(honest, small))


class TestEd25519:
    """docs: keys.admission, the Ed25519 clause."""

    def test_the_library_alone_accepts_a_key_under_which_one_signature_fits_all(self) -> None:
        """Why this module exists: the identity as key, R = identity, S = 0 verify any message."""
        identity = bytes.fromhex(SMALL_ORDER["identity"])
        key = Ed25519PublicKey.from_public_bytes(identity)
        key.verify(identity + bytes(32), b"I sent this")
        key.verify(identity + bytes(32), b"I sent that")

    @pytest.mark.parametrize("name", SMALL_ORDER)
    def test_a_small_order_key_is_refused(self, name: str) -> None:
        """None of the eight torsion points is a key."""
        with pytest.raises(WeakKeyError, match="small order"):
            check_ed25519(bytes.fromhex(SMALL_ORDER[name]))

    @pytest.mark.parametrize("raw", NON_CANONICAL, ids=bytes.hex)
    def test_a_second_spelling_of_a_key_is_refused(self, raw: bytes) -> None:
        """No key has two encodings, so no key has two ids."""
        with pytest.raises(WeakKeyError, match="non-canonical"):
            check_ed25519(raw)

    @pytest.mark.parametrize("name", [name for name in SMALL_ORDER if name != "identity"])
    def test_a_key_with_a_torsion_part_is_refused(self, name: str, single: SigningKey) -> None:
        """An honest key plus a small-order point lets verifiers disagree about signatures."""
        with pytest.raises(WeakKeyError, match="prime-order"):
            check_ed25519(with_torsion(single.public.ed25519, SMALL_ORDER[name]))

    def test_bytes_off_the_curve_are_refused(self) -> None:
        """No point of the curve has y = 2."""
        with pytest.raises(WeakKeyError, match="not a point"):
            check_ed25519((2).to_bytes(32, "little"))

    @pytest.mark.parametrize(
        ("raw", "why"),
        [
            (P.to_bytes(32, "little"), "its y coordinate is not reduced (non-canonical encoding)"),
            ((2).to_bytes(32, "little"), "it is not a point of the curve"),
            (
                (1 | 1 << 255).to_bytes(32, "little"),
                "its sign bit is set although x is zero (non-canonical encoding)",
            ),
        ],
    )
    def test_why_bytes_encode_no_point_is_told(self, raw: bytes, why: str) -> None:
        """Three reasons, each its own."""
        assert _edwards.decode(raw) == why

    @pytest.mark.parametrize("length", [0, 31, 33])
    def test_a_key_of_another_length_is_refused(self, length: int) -> None:
        """32 bytes, no more, no fewer."""
        with pytest.raises(WeakKeyError, match="32 bytes"):
            check_ed25519(b"\x01" * length)

    @settings(max_examples=50)
    @given(st.binary(min_size=32, max_size=32))
    def test_an_honest_key_is_admitted(self, seed: bytes) -> None:
        """Whatever the seed, the key it makes passes."""
        check_ed25519(SigningKey.from_seeds(seed, None).public.ed25519)

    @settings(max_examples=50)
    @given(st.binary(min_size=32, max_size=32))
    def test_a_key_is_encoded_as_it_was_decoded(self, seed: bytes) -> None:
        """Our decoding agrees with the library's encoding on every honest key."""
        raw = SigningKey.from_seeds(seed, None).public.ed25519
        point = _edwards.decode(raw)
        assert isinstance(point, _edwards.Point)
        assert encode(point) == raw


class TestMldsa44:
    """docs: keys.admission, the ML-DSA-44 clause."""

    def test_an_honest_key_is_admitted(self, hybrid: SigningKey) -> None:
        """A generated key passes."""
        assert hybrid.public.mldsa44 is not None
        check_mldsa44(hybrid.public.mldsa44)

    @pytest.mark.parametrize("t1", [b"\x00" * 1280, b"\x01" + b"\x00" * 1279, b"\xff" * 1280])
    def test_a_key_with_which_anybody_could_sign_is_refused(self, t1: bytes) -> None:
        """A zero, sparse or constant t1 hides no secret."""
        with pytest.raises(WeakKeyError, match="degenerate"):
            check_mldsa44(b"\x05" * 32 + t1)

    def test_the_bound_between_honest_and_degenerate_is_512_coefficients(self) -> None:
        """Packed here by hand, ten bits each, the lowest first (FIPS 204, SimpleBitPack)."""

        def packed(distinct: int) -> bytes:
            number = sum((at % distinct) << (10 * at) for at in range(1024))
            return b"\x05" * 32 + number.to_bytes(1280, "little")

        check_mldsa44(packed(512))
        with pytest.raises(WeakKeyError, match="degenerate"):
            check_mldsa44(packed(511))

    @pytest.mark.parametrize("length", [0, 1311, 1313])
    def test_a_key_of_another_length_is_refused(self, length: int) -> None:
        """1312 bytes, no more, no fewer."""
        with pytest.raises(WeakKeyError, match="1312 bytes"):
            check_mldsa44(bytes(length))


class TestSealing:
    """docs: keys.admission, the ML-KEM-768 + X25519 clause."""

    def test_an_honest_key_is_admitted(self, sealing: SealingKey) -> None:
        """A generated key passes."""
        check_mlkem_x25519(sealing.public.raw)

    def test_an_unreduced_coefficient_is_refused(self, sealing: SealingKey) -> None:
        """FIPS 203 section 7.2: the modulus check."""
        with pytest.raises(WeakKeyError, match="not reduced"):
            check_mlkem_x25519(b"\xff\xff\xff" + sealing.public.raw[3:])

    def test_a_degenerate_lattice_half_is_refused(self, sealing: SealingKey) -> None:
        """Zero coefficients would seal to everybody."""
        with pytest.raises(WeakKeyError, match="degenerate"):
            check_mlkem_x25519(bytes(1152) + sealing.public.raw[1152:])

    @pytest.mark.parametrize("u", X25519_SMALL_ORDER)
    def test_a_small_order_x25519_half_is_refused(self, u: str, sealing: SealingKey) -> None:
        """With these the shared secret is zero for everybody."""
        with pytest.raises(WeakKeyError, match="small order"):
            check_mlkem_x25519(sealing.public.raw[:1184] + bytes.fromhex(u))

    @pytest.mark.parametrize("u", [P, 2**255 - 1, 1 << 255])
    def test_a_second_spelling_of_the_x25519_half_is_refused(
        self, u: int, sealing: SealingKey
    ) -> None:
        """RFC 7748 masks the top bit and reduces; we demand that there is nothing to do."""
        with pytest.raises(WeakKeyError, match="X25519 half is not reduced"):
            check_mlkem_x25519(sealing.public.raw[:1184] + u.to_bytes(32, "little"))

    @pytest.mark.parametrize("length", [0, 1215, 1217])
    def test_a_key_of_another_length_is_refused(self, length: int) -> None:
        """1216 bytes, no more, no fewer."""
        with pytest.raises(WeakKeyError, match="1216 bytes"):
            check_mlkem_x25519(bytes(length))


class TestProofOfPossession:
    """Whoever registers a key holds it, here and for this."""

    def test_a_proof_is_believed(self, hybrid: SigningKey) -> None:
        """What `prove` made, `check_proof` accepts."""
        check_proof(hybrid.public, prove(hybrid, "net", "gb-iwf", "log"), "net", "gb-iwf", "log")

    def test_a_proof_of_a_single_key_is_believed(self, single: SigningKey) -> None:
        """An Ed25519 key proves its one half."""
        proof = prove(single, "net", "gb-iwf", "transport")
        check_proof(single.public, proof, "net", "gb-iwf", "transport")

    def test_what_is_signed_has_the_form_that_is_written_down(self, single: SigningKey) -> None:
        """docs/registry.md: tag, then each part behind its length of four bytes."""
        parts = (b"net", b"gb-iwf", b"log", single.public.ed25519)
        signed = b"hx1/pop\0" + b"".join(struct.pack(">I", len(part)) + part for part in parts)
        proof = prove(single, "net", "gb-iwf", "log")
        single.public.verify_ed25519(base64.b64decode(proof["ed25519"]), signed)

    @pytest.mark.parametrize(
        ("network", "member", "purpose"),
        [
            ("other", "gb-iwf", "log"),
            ("net", "nl-eokm", "log"),
            ("net", "gb-iwf", "receipt"),
            ("netg", "b-iwf", "log"),
        ],
    )
    def test_a_proof_for_something_else_is_refused(
        self, network: str, member: str, purpose: str, hybrid: SigningKey
    ) -> None:
        """Another network, member or purpose, or the same letters cut elsewhere."""
        proof = prove(hybrid, "net", "gb-iwf", "log")
        with pytest.raises(BadSignatureError):
            check_proof(hybrid.public, proof, network, member, purpose)

    def test_a_stolen_proof_is_refused(self, hybrid: SigningKey, single: SigningKey) -> None:
        """Another key's proof proves nothing about mine."""
        with pytest.raises(BadSignatureError):
            check_proof(single.public, prove(hybrid, "n", "m", "log"), "n", "m", "log")

    @pytest.mark.parametrize("half", ["ed25519", "mldsa44"])
    def test_a_stripped_half_is_refused(self, half: str, hybrid: SigningKey) -> None:
        """Both halves of a hybrid key must be proved."""
        proof = prove(hybrid, "n", "m", "log")
        del proof[half]
        with pytest.raises(BadSignatureError, match="needs exactly"):
            check_proof(hybrid.public, proof, "n", "m", "log")

    @pytest.mark.parametrize("half", ["ed25519", "mldsa44"])
    def test_a_foreign_half_is_refused(self, half: str, hybrid: SigningKey) -> None:
        """One honest half does not carry the other."""
        other = SigningKey.from_seeds(b"\x01" * 32, b"\x02" * 32)
        proof = prove(hybrid, "n", "m", "log")
        proof[half] = prove(other, "n", "m", "log")[half]
        with pytest.raises(BadSignatureError, match=half):
            check_proof(hybrid.public, proof, "n", "m", "log")

    def test_a_proof_that_is_not_base64_is_refused_by_name(self, single: SigningKey) -> None:
        """The message names the field."""
        with pytest.raises(BadSignatureError, match=r"proof\.ed25519"):
            check_proof(single.public, {"ed25519": "*"}, "n", "m", "log")
