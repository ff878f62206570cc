"""Keeping house with keys: a sealing key whose time is over is destroyed, unattended.

What was sealed to it stays closed for ever, also to whoever steals this machine later. Nothing is
lost by it: what arrived was opened and kept long ago, and a push that is still under way under the
old key is answered `rekey` and sealed anew.
"""

from __future__ import annotations

from pathlib import Path

from keys.keyring import SEALING_GRACE_MS, destroy_sealing_key, sealing_name
from keys.member import MemberDocument


def destroy_expired(keys_dir: Path, document: MemberDocument, now_ms: int) -> tuple[str, ...]:
    """Destroy the sealing keys whose published time ended a week ago; return their ids.

    A key that `document` does not name is not touched: it may be published next.

    Raises:
        UnsafeKeyFileError: a file cannot be removed.
    """
    over = [
        published.key.key_id
        for published in document.sealing
        if published.not_after_ms + SEALING_GRACE_MS <= now_ms
        and (keys_dir / sealing_name(published.key.key_id)).exists()
    ]
    for key_id in over:
        destroy_sealing_key(keys_dir, key_id)
    return tuple(over)
