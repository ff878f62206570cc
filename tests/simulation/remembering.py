"""A world verifies each signature once: what verified stays verified.

Everybody in a world looks at the same notes, over and over: the receiver of a push, its sender, who
compares ledgers, who walks both databases at the end. Whether a signature verifies is a function of
the key's, the message's and the signature's bytes alone, so the real verification runs the first
time, and its success is remembered; what fails is verified anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from keys.signing import VerifyKey

Verify = Callable[..., None]
HALVES = ("verify_ed25519", "verify_mldsa44")


@contextmanager
def signatures_remembered() -> Iterator[None]:
    """Remember, within, which signatures verified."""
    real: dict[str, Verify] = {name: getattr(VerifyKey, name) for name in HALVES}
    for name, verify in real.items():
        setattr(VerifyKey, name, _once(verify))
    try:
        yield
    finally:
        for name, verify in real.items():
            setattr(VerifyKey, name, verify)


def _once(verify: Verify) -> Verify:
    verified: set[tuple[bytes, ...]] = set()

    def remembering(key: VerifyKey, signature: bytes, message: bytes, *context: bytes) -> None:
        what = (key.public_bytes, signature, message, *context)
        if what not in verified:
            verify(key, signature, message, *context)
            verified.add(what)

    return remembering
