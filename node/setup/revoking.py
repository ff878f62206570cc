"""`hotline keys revoke`: taking trust from a key that may be stolen.

A revocation is for ever: nobody believes that key again. The note is kept here first, then handed
to every mirror and every member that can be called; all hand it on (`node.registry.revocations`).
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from keys.errors import UnknownKeyError
from keys.keyring import MemberKeys, destroy_sealing_key
from keys.member import tls_key_id
from keys.signing import VerifyKey
from node.registry.errors import NoRegistryError, RegistryError
from node.registry.kept import PREFIX
from node.registry.revocations import FILE
from node.registry.transport import check_mirror
from node.setup.errors import PublicationRefusedError, TheftStatedError
from node.setup.joining import joined
from node.setup.opening import not_joined, open_keys
from node.setup.publishing import opened, post
from protocol.revocation import Revocation, key_ids, make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keys.keyring import MemberKeys
    from keys.member import MemberDocument
    from keys.registry import Registry
    from keys.signing import SigningKey
    from node.config import Config
    from node.registry.updater import RegistryClient


_MEMBER_KEY: Final = (
    "is the member key: the umbrella replaces it; docs/runbooks/stolen-member-key.md"
)


@dataclass(frozen=True, slots=True)
class Revoked:
    """What became of a revocation.

    Attributes:
        purpose: of the key.
        key_id: of the key.
        asked: how many were asked to take the note.
        told: how many of them serve it now.
        destroyed: whether the private part of a sealing key was destroyed here.
    """

    purpose: str
    key_id: str
    asked: int
    told: int
    destroyed: bool = False


@dataclass(frozen=True, slots=True)
class Stolen:
    """Since when a key may have been another's.

    Attributes:
        since_ms: UTC.
        later: whether it may be later than what is published: signatures in between count again.
    """

    since_ms: int
    later: bool = False

    def check(self, document: MemberDocument, key_id: str) -> None:
        """See that it takes no theft back that is published.

        Raises:
            TheftStatedError: it would, and nobody said so.
        """
        before_ms = document.turn(key_id).compromised_ms
        if before_ms is not None and before_ms < self.since_ms and not self.later:
            before = datetime.fromtimestamp(before_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M")
            raise TheftStatedError(
                f"--compromised-at: {before} is published; what was signed from then until the"
                " later time would count again. If that is meant: --later"
            )


def revoke(
    config: Config, key_id: str, stolen: Stolen | None = None, umbrella: str | None = None
) -> Revoked:
    """Sign a note about one of this member's keys, keep it, and hand it to everybody.

    The member key signs it if it lies here, also for a key that is lost or in an HSM that is; else
    the key itself, if it lies here and can sign. The private part of a sealing key is destroyed:
    who takes this machine later opens nothing with it.

    Args:
        config: of the node.
        key_id: of the key.
        stolen: what `state_theft` is to publish next: a note cannot be taken back, so that what
            would be refused is refused before there is one.
        umbrella: where `network serve` answers; it is told with the mirrors.

    Raises:
        NoRegistryError: this node has not joined.
        UnknownMemberError: the registry does not list this member.
        UnknownKeyError: no such key is listed, or nothing here can sign the note, or the time.
        PublicationRefusedError: this member is suspended or expelled, and publishes no time.
        TheftStatedError: an earlier time is published.
        KeysError: the keys here do not open, an HSM does not sign, or a file cannot be removed.
    """
    client, keys = _opened(config)
    registry, member = client.listed(), config.member.id
    if key_id == VerifyKey(registry.member_keys[member]).key_id:
        raise UnknownKeyError(f"key id: {_MEMBER_KEY}")
    purpose = key_ids(registry.member(member)).get(key_id)
    if purpose is None:
        raise UnknownKeyError("key id: this member lists no such key; see hotline keys status")
    if stolen is not None:
        _check_can_publish(config, registry, keys)
        stolen.check(registry.member(member), key_id)
    signer = keys.member or dict(_at_hand(keys)).get(key_id)
    if signer is None:
        mend = "bring member.key back: it signs for this key"
        raise UnknownKeyError(f"{config.member.keys_dir / 'member.key'}: {mend}")
    raw = make(Revocation(registry.network_id, member, key_id), signer)
    client.revocations.take(raw)
    answers = [_told(client, address, raw) for address in _addresses(config, registry, umbrella)]
    destroyed = purpose == "sealing" and any(k.public.key_id == key_id for k in keys.sealing)
    if destroyed:
        destroy_sealing_key(config.member.keys_dir, key_id)
    return Revoked(purpose, key_id, len(answers), sum(answers), destroyed)


def state_theft(
    config: Config, key_id: str, stolen: Stolen, now_ms: int, umbrella: str | None = None
) -> int:
    """Publish since when a revoked key may have been another's; return the document's sequence.

    The member key says so, in the member document: a thief of the key itself has no say in it.

    Raises:
        UnknownKeyError: the member key is not here, or no such key is listed.
        TheftStatedError: an earlier time is published.
        NoRegistryError, NotAdmittedError, PublicationRefusedError, PublicationUnprovenError,
        UmbrellaUnreachedError, KeysError: as `node.setup.publishing.publish`.
    """
    here = opened(config, now_ms, umbrella)
    if key_id not in key_ids(here.before):
        raise UnknownKeyError("key id: this member lists no such key; see hotline keys status")
    stolen.check(here.before, key_id)
    document = here.next_document()
    turn = replace(document.turn(key_id), compromised_ms=stolen.since_ms)
    here.send(replace(document, turns={**document.turns, key_id: turn}))
    return document.sequence


def _check_can_publish(config: Config, registry: Registry, keys: MemberKeys) -> None:
    """Refuse, before there is a note, what the umbrella would refuse after it."""
    instead = "revoke it now without a time, and say that later"
    if keys.member is None:
        mend = f"bring member.key back: it signs since when; or {instead}"
        raise UnknownKeyError(f"{config.member.keys_dir / 'member.key'}: {mend}")
    status = registry.network.members[config.member.id].status
    if status != "active":
        raise PublicationRefusedError(f"member: is {status}, and publishes no time; {instead}")


def _opened(config: Config) -> tuple[RegistryClient, MemberKeys]:
    client = joined(config)
    if client is None:
        raise NoRegistryError(not_joined(config))
    return client, open_keys(config)


def _at_hand(keys: MemberKeys) -> Iterator[tuple[str, SigningKey | None]]:
    """Give each key that lies here, by id, with what it signs notes with, if it can."""
    for key in (keys.log, keys.receipt, keys.transport, keys.witness):
        if key is not None:
            yield key.public.key_id, key
    yield tls_key_id(keys.tls.spki_sha256), None
    for sealing in keys.sealing:
        yield sealing.public.key_id, None


def _addresses(config: Config, registry: Registry, umbrella: str | None) -> list[str]:
    endpoints = [
        document.endpoint
        for member, document in sorted(registry.members.items())
        if document.endpoint and member != config.member.id
    ]
    named = [umbrella] if umbrella else []
    return list(dict.fromkeys([*named, *config.registry.mirrors, *endpoints]))


def _told(client: RegistryClient, address: str, raw: bytes) -> bool:
    """Hand a note to an address; tell whether it serves the note afterwards, whatever it answers.

    One that had another note about the key goes on serving that: it says the same.
    """
    try:
        post(check_mirror(address), f"{PREFIX}/{FILE}", raw)
    except (RegistryError, OSError, ValueError, http.client.HTTPException):
        return False
    return client.serves(address, raw)
