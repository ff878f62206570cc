"""`hotline keys rotate PURPOSE`: another log, receipt, transport or TLS key, without a ceremony.

The successor is written to disk, then published with the time from which it is used; the running
node takes it up by itself when that time has come and its registry has it (`node.keeping`). What it
replaces stays listed as retired. The member key signs the document: bring it for the moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keys.succession import (
    discard_successor,
    id_of,
    in_use,
    load_successor,
    make_successor,
    succeeded,
    upcoming,
)
from keys.turns import TURN_GRACE_MS
from node.keeping import take_up_due
from node.setup.errors import RotationRunningError
from node.setup.opening import hsm_of
from node.setup.publishing import opened

if TYPE_CHECKING:
    from keys.succession import Rotated
    from node.config import Config


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
    config: Config, purpose: Rotated, now_ms: int, after_ms: int, umbrella: str | None = None
) -> Rotation:
    """Make and publish the successor of a key.

    Args:
        config: of the node.
        purpose: `log`, `receipt`, `transport` or `tls`.
        now_ms: UTC.
        after_ms: how long others have to hear of it before it is used.
        umbrella: where `network serve` answers; None: the mirrors are tried in order.

    Raises:
        RotationRunningError: a successor is published already and its turn has not begun.
        NoRegistryError, NotAdmittedError, PublicationRefusedError, MirrorsFailedError, KeysError:
            as `node.setup.publishing.publish`.
    """
    here = opened(config, now_ms)
    coming = upcoming(here.before, purpose, now_ms)
    if coming is not None and coming not in here.revoked:
        raise RotationRunningError(f"{purpose}: a successor is published already ({coming})")
    replaces = in_use(here.before, purpose, now_ms, here.revoked)
    keys_dir, from_ms = config.member.keys_dir, now_ms + after_ms
    hsm = hsm_of(config)
    left = load_successor(keys_dir, here.unlock, purpose, hsm)
    if left is not None and id_of(left) in here.revoked:
        discard_successor(keys_dir, purpose, left)
    new = make_successor(keys_dir, here.unlock, purpose, config.member.id, now_ms, hsm)
    document = succeeded(here.next_document(), here.network, purpose, new, from_ms)
    answer = here.send(document, umbrella)
    published = here.client.listed().members.get(config.member.id)
    if published is not None:
        take_up_due(keys_dir, here.unlock, published, here.revoked, now_ms, hsm=hsm)
    return Rotation(
        purpose, id_of(new), from_ms, replaces, from_ms + TURN_GRACE_MS, int(answer["sequence"])
    )
