"""Whether a signature by a key that was stolen still counts (docs/protocol.md §3.9).

A thief can sign whatever he likes under any time he likes, so no time of a signer has a say: only
when witnesses saw it in the signer's ledger. What they saw before the theft was the owner's. All
else is void until its owner says the same again under a good key. A pure table; who asks finds out
about revocations, witnesses and later signatures.
"""

from typing import NamedTuple


class Signature(NamedTuple):
    """What is known of one signature that verifies.

    `revoked`: a note revokes its key, or the key's owner states in its member document that it was
    stolen. `reconfirmed`: the owner covered the same by a later signature under another key.
    """

    revoked: bool
    reconfirmed: bool = False


def counts(signature: Signature, compromised_ms: int | None, witnessed_ms: int | None) -> bool:
    """Whether a signature counts.

    Args:
        signature: what is known of it.
        compromised_ms: from when on the key may have been another's, by the word of its owner's
            member key, UTC; None: not stated, so it may have been another's from its first day.
        witnessed_ms: when the signer's witnessed ledger held what was signed, by its witnesses,
            UTC; None: not witnessed.
    """
    if not signature.revoked or signature.reconfirmed:
        return True
    if compromised_ms is None or witnessed_ms is None:
        return False
    return witnessed_ms < compromised_ms
