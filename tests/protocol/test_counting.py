"""The table of what a revoked key's signature is worth, row by row."""

from __future__ import annotations

import pytest

from protocol.counting import Signature, counts

GOOD, REVOKED = Signature(revoked=False), Signature(revoked=True)
AGAIN = Signature(revoked=True, reconfirmed=True)
T = 1_790_000_000_000


@pytest.mark.parametrize(
    ("signature", "compromised_ms", "witnessed_ms", "expected"),
    [
        (GOOD, None, None, True),
        (GOOD, None, T, True),
        (GOOD, T, None, True),  # a key is good until somebody says otherwise
        (REVOKED, None, None, False),
        (REVOKED, None, T, False),  # not stated when: stolen from its first day
        (REVOKED, T, None, False),  # not witnessed: its time is the signer's own word
        (REVOKED, T, T - 1, True),
        (REVOKED, T, T, False),  # in the same instant it was not before
        (REVOKED, T, T + 1, False),
        (REVOKED, 0, 0, False),
        (AGAIN, None, None, True),
        (AGAIN, T, T + 1, True),
    ],
)
def test_3_9_a_signature_by_a_revoked_key_counts_only_if_it_was_witnessed_before_the_theft(
    signature: Signature, compromised_ms: int | None, witnessed_ms: int | None, *, expected: bool
) -> None:
    """Or if its owner said the same again; nothing that the signer says has a say."""
    assert counts(signature, compromised_ms, witnessed_ms) is expected
