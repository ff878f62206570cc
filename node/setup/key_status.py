"""`hotline keys status`: which keys lie here, which of them others see, and until when each serves.

Only ids are shown. What is worth a person's attention has a word of its own in `standing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from keys.hsm import in_hsm
from keys.keyring import SEALING_GRACE_MS, MemberKeys
from keys.member import MemberDocument
from keys.signing import SigningKey
from keys.succession import ROTATED, Rotated, RotatedKey, id_of, in_use, listed_ids, load_successor
from keys.unlock import Unlock
from node.setup.opening import hsm_of

if TYPE_CHECKING:
    from node.config import Config
    from node.registry.updater import RegistryClient


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key: its purpose, its id, and where it stands.

    `standing`: `in use`, `next` (its turn comes), `over` (about to be destroyed), `retired` (listed
    for what it signed before), `not published` (others do not know it), `not here` (published, but
    its private part is not on this machine), `offline` (the member key, as it should be),
    `online`, or `revoked` (nobody believes it).
    `from_ms`, `until_ms`: begin and end of its turn, UTC; None: not stated.
    `place`: `file`, or `hsm` where half of it lies in one.
    """

    purpose: str
    key_id: str | None
    standing: str
    until_ms: int | None = None
    from_ms: int | None = None
    place: str = "file"


def key_rows(
    keys: MemberKeys,
    document: MemberDocument | None,
    now_ms: int,
    revoked: AbstractSet[str] = frozenset(),
    successors: Mapping[Rotated, RotatedKey] = MappingProxyType({}),
) -> list[KeyRow]:
    """Return every key that lies here or is published, by purpose; sealing keys in their turns.

    Args:
        keys: those that lie here.
        document: as the registry in force has it; None: not admitted yet.
        now_ms: UTC.
        revoked: ids of keys that a note revokes.
        successors: those that lie beside the keys in use, by purpose.
    """
    rows = _rows(keys, document, now_ms, revoked, successors)
    return [replace(r, standing="revoked") if r.key_id in revoked else r for r in rows]


def rows_of(
    config: Config, keys: MemberKeys, client: RegistryClient | None, now_ms: int
) -> list[KeyRow]:
    """Return `key_rows` of a node, by what lies in its keys directory and the registry in force.

    Raises:
        KeysError, RegistryError: it cannot be read.
    """
    keys_dir, hsm = config.member.keys_dir, hsm_of(config)
    unlock = Unlock.from_config(config.member.unlock)
    beside = {purpose: load_successor(keys_dir, unlock, purpose, hsm) for purpose in ROTATED}
    successors = {purpose: key for purpose, key in beside.items() if key is not None}
    document, revoked = None, frozenset[str]()
    if client is not None:
        document = client.current().members.get(config.member.id)
        revoked = client.revocations.revoked().get(config.member.id, revoked)
    return key_rows(keys, document, now_ms, revoked, successors)


def _rows(
    keys: MemberKeys,
    document: MemberDocument | None,
    now_ms: int,
    revoked: AbstractSet[str],
    successors: Mapping[Rotated, RotatedKey],
) -> list[KeyRow]:
    member = keys.member
    rows = [
        KeyRow("member", None, "offline")
        if member is None
        else KeyRow("member", member.public.key_id, "online")
    ]
    for purpose in ROTATED:
        both = [key for key in (getattr(keys, purpose), successors.get(purpose)) if key]
        here = [id_of(key) for key in both]
        tokens = {id_of(key) for key in both if isinstance(key, SigningKey) and in_hsm([key])}
        found = _rotated(purpose, here, document, now_ms, revoked)
        rows += [replace(r, place="hsm") if r.key_id in tokens else r for r in found]
    return [*rows, *_sealing(keys, document, now_ms)]


def _rotated(
    purpose: Rotated,
    here: Sequence[str],
    document: MemberDocument | None,
    now_ms: int,
    revoked: AbstractSet[str],
) -> Iterator[KeyRow]:
    """Every key of one purpose: those listed, in their order, then those that nobody knows."""
    listed = [] if document is None else listed_ids(document, purpose)
    now = None if document is None else in_use(document, purpose, now_ms, revoked)
    for key_id in listed:
        assert document is not None
        turn = document.turn(key_id)
        replaced = now != key_id and turn.from_ms <= now_ms
        standing = "in use" if now == key_id else "retired" if replaced else "next"
        if key_id not in here and standing != "retired":
            standing = "not here"
        yield KeyRow(purpose, key_id, standing, turn.until_ms, turn.from_ms or None)
    for key_id in here:
        if key_id not in listed:
            yield KeyRow(purpose, key_id, "not published")


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
