"""`hotline keys rotate PURPOSE`: another key of daily work, without a ceremony.

The successor is written to disk, then published with the time from which it is used; the running
node takes it up by itself when that time has come and its registry has it (`node.keeping`). What it
replaces stays listed as retired. The member key signs the document: bring it for the moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keys.errors import HsmKeyError
from keys.hsm import in_hsm
from keys.signing import SigningKey
from keys.succession import (
    discard_successor,
    id_of,
    in_use,
    listed_ids,
    load_successor,
    make_successor,
    succeeded,
    upcoming,
)
from keys.turns import TURN_GRACE_MS
from node.keeping import take_up_due
from node.peer.ledgers.forgetting import lacks_memory
from node.setup.errors import RotationRunningError, WitnessForgotError
from node.setup.opening import hsm_of, store_place
from node.setup.publishing import opened
from node.store.beside import reading
from node.store.ledgers.witness import forgotten

if TYPE_CHECKING:
    from pathlib import Path

    from keys.hsm import Hsm
    from keys.member import MemberDocument
    from keys.succession import Rotated, RotatedKey
    from node.config import Config
    from node.peer.ledgers.forgetting import Forgotten
    from node.setup.publishing import Publishing


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was published.

    Attributes:
        purpose: of the keys.
        key_id: of the successor.
        from_ms: when the node begins to use it, UTC.
        replaces: the id of the key that it replaces, None if none was in use.
        until_ms: from when on nothing new by that one counts, UTC.
        sequence: of the document.
    """

    purpose: Rotated
    key_id: str
    from_ms: int
    replaces: str | None
    until_ms: int
    sequence: int


def rotate(
    config: Config,
    purpose: Rotated,
    now_ms: int,
    after_ms: int,
    umbrella: str | None = None,
    *,
    after_restore: bool = False,
) -> Rotation:
    """Make and publish the successor of a key.

    A witness key that was in use before a restore is ended at the last time that this node
    remembers to have given with it (docs/protocol.md §8.12.9), if `after_restore` says so.

    Args:
        config: of the node.
        purpose: `log`, `receipt`, `transport`, `tls` or `witness`.
        now_ms: UTC.
        after_ms: how long others have to hear of it before it is used.
        umbrella: as `node.setup.publishing.publish`.
        after_restore: whether cosignatures that a restored witness forgot are to count for nothing.

    Raises:
        WitnessForgotError: this node was restored, and `after_restore` was not said.
        HsmKeyError: `[member] hsm` is another token than that of the key in use; nothing was made.
        HsmError: that token is away, so that nobody can tell.
        RotationRunningError: a successor is published already and its turn has not begun.
        NoRegistryError, NotAdmittedError, PublicationRefusedError, PublicationUnprovenError,
        UmbrellaUnreachedError, KeysError: as `node.setup.publishing.publish`.
    """
    here = opened(config, now_ms, umbrella)
    _check_none_comes(here, purpose)
    replaces = in_use(here.before, purpose, now_ms, here.revoked)
    keys_dir, from_ms = config.member.keys_dir, now_ms + after_ms
    left_behind = _forgotten(here, after_restore=after_restore) if purpose == "witness" else None
    if left_behind is not None:
        from_ms = max(now_ms, left_behind.restored_ms)
    hsm = hsm_of(config)
    _discard_lost(here, keys_dir, purpose, hsm)
    _check_token(here, purpose, replaces)
    new = make_successor(keys_dir, here.unlock, purpose, config.member.id, now_ms, hsm)
    document = succeeded(here.next_document(), here.network, purpose, new, from_ms)
    document = _ended(document, here.before, left_behind)
    here.send(document)
    _take_up_published(here, keys_dir, now_ms, hsm)
    until_ms = from_ms + TURN_GRACE_MS if left_behind is None else left_behind.since_ms
    return Rotation(purpose, id_of(new), from_ms, replaces, until_ms, document.sequence)


def _check_none_comes(here: Publishing, purpose: Rotated) -> None:
    """See that no successor waits for its turn.

    Raises:
        RotationRunningError: one does, and is not revoked.
    """
    coming = upcoming(here.before, purpose, here.now_ms)
    if coming is not None and coming not in here.revoked:
        raise RotationRunningError(
            f"{purpose}: a successor is published already ({coming}); wait until it is used"
            f" (hotline keys status). If a thief may have it too: hotline keys revoke {coming},"
            " then the same again"
        )


def _take_up_published(here: Publishing, keys_dir: Path, now_ms: int, hsm: Hsm | None) -> None:
    published = here.client.listed().members.get(here.before.member)
    if published is not None:
        take_up_due(keys_dir, here.unlock, published, here.revoked, now_ms, hsm=hsm)


def _check_token(here: Publishing, purpose: Rotated, replaces: str | None) -> None:
    """See that the key that is to be replaced, if it is here, signs in the token of now.

    The successor would be made in a token that is a wrong one. Whose token is lost revokes the key.

    Raises:
        HsmKeyError, HsmError: as `rotate`.
    """
    used = {"log": here.keys.log, "receipt": here.keys.receipt}.get(purpose)  # no others lie there
    if used is not None and id_of(used) == replaces:
        for half in in_hsm([used]):
            half.check()


def _discard_lost(here: Publishing, keys_dir: Path, purpose: Rotated, hsm: Hsm | None) -> None:
    """Discard a successor of before that nobody can use any more."""
    left = load_successor(keys_dir, here.unlock, purpose, hsm)
    if left is not None and (id_of(left) in here.revoked or _is_lost(left, here, purpose)):
        discard_successor(keys_dir, purpose, left)


def _is_lost(left: RotatedKey, here: Publishing, purpose: Rotated) -> bool:
    """Tell whether a successor was made in a token that is another one now, and never published.

    Nobody can sign with it or revoke it: it would stand in the way for ever.

    Raises:
        HsmKeyError: the key in use is not in this token either, and not revoked: it is a wrong one.
        HsmError: the token is away, so that nobody can tell.
    """
    if not isinstance(left, SigningKey) or id_of(left) in listed_ids(here.before, purpose):
        return False
    try:
        for half in in_hsm([left]):
            half.check()
    except HsmKeyError:
        replaced = here.keys.log if purpose == "log" else here.keys.receipt  # no others lie there
        if id_of(replaced) not in here.revoked:
            for half in in_hsm([replaced]):
                half.check()
        return True
    return False


def _forgotten(here: Publishing, *, after_restore: bool) -> Forgotten | None:
    """Return what a restore left of this witness's memory, if its keys of before still count.

    Raises:
        WitnessForgotError: it did, and nobody said that they are to be ended.
    """
    with reading(store_place(here.config), here.keys.database_key) as store:
        left = store.read(forgotten)
    if left is None or not lacks_memory(here.before, left):
        return None
    if not after_restore:
        raise WitnessForgotError(
            "witness: this node was restored; with --after-restore, what it cosigned"
            f" {_since(left.since_ms)} counts for nothing"
        )
    return left


def _since(at_ms: int) -> str:
    if not at_ms:
        return "at any time (when a snapshot was taken says hotline restored --snapshot)"
    return f"since {datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec='seconds')}"


def _ended(
    document: MemberDocument, before: MemberDocument, left: Forgotten | None
) -> MemberDocument:
    """Give a document in which the turns of keys whose use was forgotten have ended by then."""
    if left is None:
        return document
    ended = {
        key_id: replace(document.turn(key_id), until_ms=left.since_ms)
        for key_id in lacks_memory(before, left)
    }
    return replace(document, turns={**document.turns, **ended})
