"""`hotline publish`: this member's next document: another endpoint, the sealing keys of a year.

The member key signs it; bring `member.key` back for the moment. New sealing keys are written to
disk before anybody hears of them, so that nothing is ever sealed to a key that could get lost. Each
is used for a month in its turn; the node destroys those whose time is over by itself
(`node.keeping`).

An HTTP status proves nothing: what was sent is published when the signed registry of the umbrella
holds it, byte for byte. Nothing is destroyed or taken up before that. The registry of who took it
is in force here from then on, whatever the mirrors still have: the next verb goes on from it.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keys.keyring import (
    SEALING_PERIODS,
    MemberKeys,
    add_sealing_key,
    ensure_witness_key,
    sealing_calendar,
)
from keys.sealing import SealingKey
from keys.succession import carried
from keys.unlock import Unlock
from node.keeping import destroy_expired, take_up_due
from node.registry import repository
from node.registry.errors import MirrorsFailedError, NoRegistryError
from node.registry.kept import PREFIX
from node.registry.publish import make_publication, published_in, role_version
from node.registry.transport import check_mirror, unverified_context
from node.setup.errors import (
    PublicationRefusedError,
    PublicationUnprovenError,
    UmbrellaUnreachedError,
)
from node.setup.joining import check_standing, joined
from node.setup.opening import hsm_of, not_joined, open_keys
from protocol.versions import spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from keys.member import MemberDocument
    from node.config import Config
    from node.registry.updater import RegistryClient

TIMEOUT_S = 30.0
MAX_ANSWER_BYTES = 65_536
_NOT_THE_UMBRELLA = {404, 405}
_OK = 200
_SAID = ("version", "sequence")
"""What an umbrella says of a publication that it took; whoever says less is none."""
_BEHIND = {"version", "sequence"}
"""What an umbrella refuses if the registry here was not its newest."""
_OTHER = "what answered speaks of another version or document than was sent"
_LACKS = "the signed registry of what answered does not hold what was sent"


@dataclass(frozen=True, slots=True)
class Published:
    """What is in force now."""

    version: int
    sequence: int
    sealing_key_id: str
    sealing_until_ms: int
    destroyed: tuple[str, ...]


def publish(
    config: Config,
    now_ms: int,
    *,
    rotate: bool = False,
    umbrella: str | None = None,
    change: Callable[[MemberDocument], MemberDocument] = lambda document: document,
) -> Published:
    """Sign and send the next member document.

    Args:
        config: of the node; its endpoint is published.
        now_ms: UTC.
        rotate: whether to make the sealing keys of the months that no published key covers.
        umbrella: where `network serve` answers: asked before the mirrors, and alone sent to; None:
            the mirrors are tried in order.
        change: what else is different in the next document.

    Raises:
        NoRegistryError: this node has not joined.
        NotAdmittedError: the network lists other keys than are here.
        UnknownKeyError: the member key is not here.
        PublicationRefusedError, UmbrellaUnreachedError: the umbrella refuses, or is not reached.
        RefusedError: `umbrella` is no address.
        PublicationUnprovenError: something says that it took it, and its registry lacks it.
    """
    here = opened(config, now_ms, umbrella)
    missing = _missing(here.keys, here.before, here.revoked, now_ms) if rotate else 0
    for _ in range(missing):
        add_sealing_key(config.member.keys_dir, here.unlock, SealingKey.generate())
    ensure_witness_key(config.member.keys_dir, here.unlock)
    here = replace(here, keys=open_keys(config))
    document = change(here.next_document())
    version = here.send(document)
    destroyed = destroy_expired(config.member.keys_dir, here.before, now_ms)
    return Published(
        version=version,
        sequence=document.sequence,
        sealing_key_id=document.sealing_key_at(now_ms).key_id,
        sealing_until_ms=max(published.not_after_ms for published in document.sealing),
        destroyed=destroyed,
    )


@dataclass(frozen=True, slots=True)
class Publishing:
    """What a publication starts from.

    Attributes:
        config: of the node.
        client: the registry, just refreshed.
        keys: those that lie here, successors whose turn has begun taken up.
        unlock: opens them.
        before: the document in force.
        revoked: ids of this member's revoked keys.
        now_ms: UTC.
        umbrella: as `publish`.
    """

    config: Config
    client: RegistryClient
    keys: MemberKeys
    unlock: Unlock
    before: MemberDocument
    revoked: AbstractSet[str]
    now_ms: int
    umbrella: str | None = None

    @property
    def network(self) -> str:
        """The network's id."""
        return self.client.listed().network_id

    def next_document(self) -> MemberDocument:
        """Give the document after `before`: the endpoint, the keys in use, and what stays listed.

        Of the sealing keys those that last, and new ones after them, none of them revoked.
        """
        known = {published.key.key_id: published.not_after_ms for published in self.before.sealing}
        ids = (key.public.key_id for key in self.keys.sealing)
        here = [key_id for key_id in ids if key_id not in self.revoked]
        lasting = {i: known[i] for i in here if known.get(i, 0) > self.now_ms}
        fresh = (i for i in here if i not in known)
        lasting |= sealing_calendar(fresh, max(lasting.values(), default=self.now_ms))
        document = self.keys.document(
            network=self.network,
            member=self.before.member,
            sequence=self.before.sequence + 1,
            endpoint=self.config.peer.endpoint,
            reachable=self.config.peer.endpoint is not None,
            capabilities=spoken(),
            sealing_not_after_ms=lasting,
            before=self.before,
        )
        return carried(document, self.before, self.now_ms)

    def send(self, document: MemberDocument) -> int:
        """Sign a document, send it and see it in force; return the version of its role.

        The registry here is refreshed afterwards, first from who took it.

        Raises:
            UnknownKeyError: the member key is not here.
            PublicationRefusedError, UmbrellaUnreachedError, PublicationUnprovenError: as `publish`.
        """
        member = document.member
        version = role_version(repository.open_repository(self.client.files()), member) + 1
        raw = make_publication(self.keys, document, version, self.now_ms)
        doubts, answered = [], False
        for address in [self.umbrella] if self.umbrella else self.config.registry.mirrors:
            try:
                said = _taken(address, member, raw)
            except (OSError, http.client.HTTPException):
                continue
            answered = True
            if said is None:
                continue
            doubt = _OTHER
            if said == {"version": version, "sequence": document.sequence}:
                doubt = self._doubt(address, member, version, raw)
            if not doubt:
                self.client.refresh_blocking(self.now_ms, address)
                return version
            doubts.append(doubt)
        if doubts:
            raise PublicationUnprovenError(doubts[0])
        raise UmbrellaUnreachedError(answered=answered)

    def _doubt(self, address: str, member: str, version: int, raw: bytes) -> str:
        """What keeps a publication that was taken at an address from being proved; empty: nothing.

        Its own mirror is asked, since others have it later; what it gives is verified from the pin.
        """
        try:
            files = self.client.files_at(address)
        except MirrorsFailedError as error:
            return f"the signed registry of what answered is not to be had ({error.reason})"
        return "" if published_in(files, member, version, raw) else _LACKS


def opened(config: Config, now_ms: int, umbrella: str | None = None) -> Publishing:
    """Look at the registry, first that of the umbrella if one is named, and at the keys here.

    Raises:
        NoRegistryError, NotAdmittedError, KeysError: as `publish`.
    """
    client = joined(config)
    if client is None:
        raise NoRegistryError(not_joined(config))
    client.refresh_blocking(now_ms, umbrella)
    registry, member = client.current(), config.member.id
    unlock = Unlock.from_config(config.member.unlock)
    revoked = client.revocations.revoked().get(member, frozenset())
    if member in registry.members:
        document = registry.member(member)
        hsm = hsm_of(config)
        take_up_due(config.member.keys_dir, unlock, document, revoked, now_ms, hsm=hsm)
    keys = open_keys(config)
    check_standing(registry, member, keys)
    before = registry.member(member)
    return Publishing(config, client, keys, unlock, before, revoked, now_ms, umbrella)


def _missing(
    keys: MemberKeys, before: MemberDocument, revoked: AbstractSet[str], now_ms: int
) -> int:
    """How many sealing keys a year still needs; those of an interrupted attempt are used first."""
    known = {published.key.key_id: published.not_after_ms for published in before.sealing}
    at_hand = [k.public.key_id for k in keys.sealing if k.public.key_id not in revoked]
    usable = [i for i in at_hand if known.get(i, now_ms + 1) > now_ms]
    return max(0, SEALING_PERIODS - len(usable))


def _taken(address: str, member: str, raw: bytes) -> Mapping[str, int] | None:
    """Post a publication; give what is said of it, or None where no umbrella answers.

    Raises:
        PublicationRefusedError: it did not take it.
        OSError, HTTPException: nothing answers.
    """
    status, body = post(check_mirror(address), f"{PREFIX}/members/{member}", raw)
    return read_told(status, body)


def read_told(status: int, body: bytes) -> Mapping[str, int] | None:
    """Return what an umbrella says of a publication that it took; None: what answered is none.

    Raises:
        PublicationRefusedError: it did not take it.
    """
    if status in _NOT_THE_UMBRELLA:
        return None
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if status != _OK:
        raise _refusal(answer)
    if not isinstance(answer, dict):
        return None
    numbers = (answer.get(name) for name in _SAID)
    said = {name: value for name, value in zip(_SAID, numbers, strict=True) if type(value) is int}
    return said if len(said) == len(_SAID) else None


def _refusal(answer: object) -> PublicationRefusedError:
    problem = answer if isinstance(answer, dict) else {}
    parts = [str(problem[name]) for name in ("field", "detail") if problem.get(name)]
    if problem.get("field") in _BEHIND:
        parts.append("this node's registry is behind: the same again, with --umbrella ADDRESS")
    return PublicationRefusedError(": ".join(parts) or "publication: the umbrella refused it")


def post(base: str, path: str, raw: bytes) -> tuple[int, bytes]:
    """Post over HTTP; what counts is signed, so no certificate has to vouch for anybody."""
    parts = urlsplit(base)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=unverified_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    )
    try:
        connection.request("POST", path, raw, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_ANSWER_BYTES)
    finally:
        connection.close()
