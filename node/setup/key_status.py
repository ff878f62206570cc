"""`hotline keys status`: which keys lie here, which of them others see, and until when each serves.

Only ids are shown. What is worth a person's attention has a word of its own in `standing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from keys.keyring import SEALING_GRACE_MS, MemberKeys
from keys.member import MemberDocument


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key: its purpose, its id, and where it stands.

    `standing`: `in use`, `next` (its turn comes), `over` (about to be destroyed), `not published`
    (others do not know it), `not here` (published, but its private part is not on this machine),
    `offline` (the member key, as it should be), `online`, or `revoked` (nobody believes it).
    `until_ms`: the end of its turn, UTC.
    """

    purpose: str
    key_id: str | None
    standing: str
    until_ms: int | None = None


def key_rows(
    keys: MemberKeys,
    document: MemberDocument | None,
    now_ms: int,
    revoked: AbstractSet[str] = frozenset(),
) -> list[KeyRow]:
    """Return every key that lies here or is published, by purpose; sealing keys in their turns.

    Args:
        keys: those that lie here.
        document: as the registry in force has it; None: not admitted yet.
        now_ms: UTC.
        revoked: ids of keys that a note revokes.
    """
    rows = _rows(keys, document, now_ms)
    return [replace(r, standing="revoked") if r.key_id in revoked else r for r in rows]


def _rows(keys: MemberKeys, document: MemberDocument | None, now_ms: int) -> list[KeyRow]:
    member = keys.member
    rows = [
        KeyRow("member", None, "offline")
        if member is None
        else KeyRow("member", member.public.key_id, "online")
    ]
    for purpose, key in (("log", keys.log), ("receipt", keys.receipt)):
        rows.append(_signing(purpose, key.public.key_id, document))
    rows.append(_signing("transport", keys.transport.public.key_id, document))
    if keys.witness is not None:
        rows.append(_signing("witness", keys.witness.public.key_id, document))
    seen = document is not None and keys.tls.spki_sha256 in document.tls_spkis
    tls_id = keys.tls.spki_sha256.hex()[:16]
    rows.append(KeyRow("tls", tls_id, "in use" if seen else "not published"))
    return [*rows, *_sealing(keys, document, now_ms)]


def _signing(purpose: str, key_id: str, document: MemberDocument | None) -> KeyRow:
    published = () if document is None else {
        "log": document.log_keys,
        "receipt": document.receipt_keys,
        "transport": document.transport_keys,
        "witness": document.witness_keys,
    }[purpose]  # fmt: skip
    known = any(key.key_id == key_id for key in published)
    return KeyRow(purpose, key_id, "in use" if known else "not published")


def _sealing(keys: MemberKeys, document: MemberDocument | None, now_ms: int) -> Iterator[KeyRow]:
    here = {key.public.key_id for key in keys.sealing}
    published = () if document is None else document.sealing
    now = None
    if document is not None and document.sealing:
        now = document.sealing_key_at(now_ms).key_id
    for one in sorted(published, key=lambda one: one.not_after_ms):
        key_id, until_ms = one.key.key_id, one.not_after_ms
        if key_id not in here:
            if until_ms + SEALING_GRACE_MS > now_ms:
                yield KeyRow("sealing", key_id, "not here", until_ms)
            continue
        standing = "in use" if key_id == now else "next" if until_ms > now_ms else "over"
        yield KeyRow("sealing", key_id, standing, until_ms)
    for key_id in sorted(here - {one.key.key_id for one in published}):
        yield KeyRow("sealing", key_id, "not published")
