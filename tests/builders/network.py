"""Networks in memory, with real keys and real signatures, for the tests of every room.

`make_network(["gb-iwf", "nl-eokm"])` gives a verified registry, the members' private keys and the
repository's files. An `Umbrella` is the same with the power to change it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from keys.keyring import MemberKeys, sealing_calendar
from keys.member import Capabilities
from keys.member_role import document_path
from keys.network import MemberEntry, NetworkDocument
from keys.registry import metadata_name, target_name
from keys.signing import SigningKey
from node.registry import build, repository
from node.registry.repository import Repository
from node.registry.signers import Holders, OnlineSigners
from protocol.versions import spoken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from keys.member import MemberDocument
    from keys.registry import Registry

DAY_MS: Final = 86_400_000
NOW_MS: Final = 1_790_000_000_000
"""The time at which test networks are made: September 2026, UTC."""

NAME: Final = "demo"


@dataclass(frozen=True)
class Umbrella:
    """The keeper of a network in memory: the repository's state and all of its private keys."""

    state: Repository
    root: tuple[SigningKey, ...]
    targets: tuple[SigningKey, ...]
    online: OnlineSigners

    @property
    def registry(self) -> Registry:
        """The verified view of the present state."""
        return self.state.registry

    @property
    def files(self) -> Mapping[str, bytes]:
        """The files of the present state, by path."""
        return self.state.files

    @property
    def pin(self) -> bytes:
        """SHA-256 of the first root."""
        return self.state.first_root_sha256

    def accept(self, proposal: Mapping[str, bytes], now_ms: int = NOW_MS) -> Umbrella:
        """Sign a proposal with all keys and take it."""
        signers = (*self.root, *self.targets)
        signed = repository.sign_proposal(proposal, signers, self.state.root())
        change = repository.accept(self.state, signed, self.online, now_ms)
        return replace(self, state=change.after)

    def admit(self, documents: Mapping[str, MemberDocument], now_ms: int = NOW_MS) -> Umbrella:
        """Admit members whose keys came from `member_keys`, each for the country in its id."""
        entries = {member: _entry(member) for member in documents}
        network = self.registry.network
        network = replace(network, members={**network.members, **entries})
        publics = {member: member_keys(member).member for member in documents}
        added = {member: key.public.ed25519 for member, key in publics.items() if key is not None}
        files: dict[str, bytes] = {}
        for document in documents.values():
            files |= member_files(document, 1, now_ms)
        keys = {**self.registry.member_keys, **added}
        return self.accept(
            repository.propose_targets(self.state, network, keys, now_ms, files), now_ms
        )

    def govern(self, network: NetworkDocument, now_ms: int = NOW_MS) -> Umbrella:
        """Replace the network document."""
        keys = self.registry.member_keys
        return self.accept(repository.propose_targets(self.state, network, keys, now_ms), now_ms)


def make_umbrella(
    *, root: tuple[int, int] = (1, 1), targets: tuple[int, int] = (1, 1), now_ms: int = NOW_MS
) -> Umbrella:
    """A new network without members; `root` and `targets` are (threshold, number of holders)."""
    root_keys = tuple(SigningKey.generate(hybrid=False) for _ in range(root[1]))
    targets_keys = tuple(SigningKey.generate(hybrid=False) for _ in range(targets[1]))
    online = OnlineSigners(SigningKey.generate(hybrid=False), SigningKey.generate(hybrid=False))
    holders = Holders(_publics(root_keys), root[0], _publics(targets_keys), targets[0])
    publics = (online.snapshot.public.ed25519, online.timestamp.public.ed25519)
    first = repository.propose_first(NetworkDocument(NAME, {}), holders, publics, now_ms)
    signed = repository.sign_proposal(first, (*root_keys, *targets_keys), None)
    change = repository.found(signed, online, now_ms)
    return Umbrella(change.after, root_keys, targets_keys, online)


def make_network(
    members: Sequence[str],
    *,
    endpoints: Mapping[str, str | None] | None = None,
    fallback: Sequence[str] = (),
    now_ms: int = NOW_MS,
) -> tuple[Registry, dict[str, MemberKeys], Mapping[str, bytes]]:
    """A network of active hotlines: verified registry, private keys by member, files by path.

    Asked for again, it is the same network. For another one of the same members: `make_umbrella`.

    Args:
        members: ids; the first two letters give the jurisdiction, so each country once.
        endpoints: where each is reached; None for one that cannot be; a default otherwise.
        fallback: who takes orphans; the first member unless told otherwise.
        now_ms: when everything is signed.
    """
    where = {member: default_endpoint(member) for member in members} | dict(endpoints or {})
    named = tuple((member, where[member]) for member in members)
    umbrella = _umbrella_of(named, tuple(fallback or members[:1]), now_ms)
    keys = {member: member_keys(member) for member in members}
    return umbrella.registry, keys, dict(umbrella.files)


@cache
def _umbrella_of(
    members: tuple[tuple[str, str | None], ...], fallback: tuple[str, ...], now_ms: int
) -> Umbrella:
    """The umbrella of these members with their endpoints, made once: nothing in it changes."""
    umbrella = make_umbrella(now_ms=now_ms)
    network_id = umbrella.registry.network_id
    documents = {
        member: make_document(network_id, member, endpoint=endpoint, now_ms=now_ms)
        for member, endpoint in members
    }
    umbrella = umbrella.admit(documents, now_ms)
    network = replace(umbrella.registry.network, fallback_members=fallback)
    return umbrella.govern(network, now_ms)


@cache
def member_keys(member: str) -> MemberKeys:
    """The private keys of a test member, made once in a test run."""
    return MemberKeys.generate(member, NOW_MS)


def make_document(
    network_id: str,
    member: str,
    *,
    keys: MemberKeys | None = None,
    sequence: int = 1,
    endpoint: str | None = "",
    now_ms: int = NOW_MS,
    capabilities: Capabilities | None = None,
) -> MemberDocument:
    """A member's document over its test keys; its sealing keys have their turns from `now_ms`."""
    private = keys or member_keys(member)
    address = default_endpoint(member) if endpoint == "" else endpoint
    return private.document(
        network=network_id,
        member=member,
        sequence=sequence,
        endpoint=address,
        reachable=address is not None,
        capabilities=capabilities or spoken(),
        sealing_not_after_ms=sealing_calendar((k.public.key_id for k in private.sealing), now_ms),
    )


def member_files(
    document: MemberDocument, version: int, now_ms: int = NOW_MS, key: SigningKey | None = None
) -> dict[str, bytes]:
    """The role metadata and document of a member, signed by its member key, by path."""
    signer = key or member_keys(document.member).member
    assert signer is not None
    raw = document.to_bytes()
    role = build.member_metadata(document.member, raw, signer.public.ed25519, version, now_ms)
    target = role.signed.targets[document_path(document.member)]
    return {
        metadata_name(document.member, version): build.add_signatures(role, [signer]),
        target_name(target.path, target.hashes["sha256"]): raw,
    }


def default_endpoint(member: str) -> str:
    """Where a test member says it is: a name that no resolver knows."""
    return f"https://{member}.example:8441"


def _entry(member: str) -> MemberEntry:
    return MemberEntry(member, ("hotline",), (member[:2].upper(),))


def _publics(keys: Sequence[SigningKey]) -> list[bytes]:
    return [key.public.ed25519 for key in keys]
