"""A world verifies each signature once, and what its own keys signed not at all.

Everybody in a world looks at the same notes, over and over: the receiver of a push, its sender, who
compares ledgers, who walks both databases at the end. Whether a signature verifies is a function of
the key's, the message's and the signature's bytes alone, so the real verification runs the first
time, and its success is remembered; what fails is verified anew each time. What a private key has
just signed verifies under its public key: that is remembered as well.

To make ML-DSA-44 signatures takes a fifth of a world's time. So in most worlds they are ideal ones:
bytes for which it is written down which key signed what, and which verify over nothing else. That
the real ones do the same, `tests/keys` and `tests/vectors` say, and one world in eight. Signatures
in members' documents, which have a context, are always real: a registry goes from world to world.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keys.signing import MLDSA44_SIGNATURE_BYTES, SigningKey, VerifyKey

Half = Callable[..., Any]
HALVES: dict[type, tuple[str, str]] = {
    VerifyKey: ("verify_ed25519", "verify_mldsa44"),
    SigningKey: ("sign_ed25519", "sign_mldsa44"),
}
REAL = 8
"""One world in so many makes real ML-DSA-44 signatures."""


def makes_real_ones(seed: int) -> bool:
    """Whether the world of this seed does; by chance, so that it goes with no kind of world."""
    return random.Random(f"real {seed}").randrange(REAL) == 0  # noqa: S311 - a simulation


@contextmanager
def signatures_remembered(*, ideal: bool = False) -> Iterator[None]:
    """Remember, within, which signatures were made or verified; `ideal`: make ML-DSA-44 cheaply."""
    real = {(of, name): getattr(of, name) for of in HALVES for name in HALVES[of]}
    for verify, sign in zip(HALVES[VerifyKey], HALVES[SigningKey], strict=True):
        verified: set[tuple[bytes, ...]] = set()
        made = real[SigningKey, sign]
        if ideal and sign == "sign_mldsa44":
            made = _ideal(made)
        setattr(VerifyKey, verify, _once(real[VerifyKey, verify], verified))
        setattr(SigningKey, sign, _noted(made, verified))
    try:
        yield
    finally:
        for (of, name), method in real.items():
            setattr(of, name, method)


def _once(verify: Half, verified: set[tuple[bytes, ...]]) -> Half:
    def remembering(key: VerifyKey, signature: bytes, message: bytes, *context: bytes) -> None:
        what = (key.public_bytes, signature, message, *context)
        if what not in verified:
            verify(key, signature, message, *context)
            verified.add(what)

    return remembering


def _noted(sign: Half, verified: set[tuple[bytes, ...]]) -> Half:
    def noting(key: SigningKey, message: bytes, *context: bytes) -> bytes:
        signature: bytes = sign(key, message, *context)
        verified.add((key.public.public_bytes, signature, message, *context))
        return signature

    return noting


def _ideal(sign: Half) -> Half:
    def signing(key: SigningKey, message: bytes, *context: bytes) -> bytes:
        if context or key.public.mldsa44 is None:
            return bytes(sign(key, message, *context))
        said = hashlib.shake_256(key.public.mldsa44 + message)
        return said.digest(MLDSA44_SIGNATURE_BYTES)

    return signing
