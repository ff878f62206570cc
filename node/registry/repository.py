"""A repository in memory, and each step it can take: pure functions from files to files.

Every step gives a `Change`: the files to write, in the order in which to write them. The timestamp
comes last; until it is there, all that readers follow is the old, whole state. A change is verified
by the readers' own code (`keys.registry.verify_set`) before anybody sees it, so that the umbrella
never publishes what a node would refuse.

What people sign (root, targets) is first a *proposal*: files under their final names, signed by as
many holders as have seen it. `accept` takes it when the threshold is met.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from keys.member_role import document_path, milliseconds
from keys.registry import (
    NETWORK_PATH,
    TIMESTAMP_NAME,
    Registry,
    VerifiedSet,
    metadata_name,
    target_name,
    verify_set,
)
from node.registry import build, rules
from node.registry.errors import ConflictError, RepositoryStateError
from node.registry.signers import (
    Holders,
    OnlineSigners,
    check_threshold,
    following,
    parts,
    role_of,
    roots_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tuf.api.metadata import MetaFile

    from keys.network import NetworkDocument
    from keys.signing import Signer

TIMESTAMP_EVERY_MS: Final = 3_600_000
SNAPSHOT_RENEWED_BEFORE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Repository:
    """A whole, verified repository.

    Attributes:
        first_root_sha256: the fingerprint that members pin.
        registry: the verified view.
        files: the files of the present state, by path.
    """

    first_root_sha256: bytes
    registry: Registry
    files: Mapping[str, bytes]

    def root(self) -> Root:
        """The newest root."""
        raw = self.files[metadata_name("root", self.registry.root_version)]
        return build.parse(raw, Root).signed

    def people_expire_ms(self) -> int:
        """When root or targets, which people sign, expire: the first of the two."""
        targets = build.parse(self.role(Targets.type)[1], Targets).signed
        return min(milliseconds(role.expires) for role in (self.root(), targets))

    def timestamp(self) -> Timestamp:
        """The present timestamp."""
        return build.parse(self.files[TIMESTAMP_NAME], Timestamp).signed

    def snapshot(self) -> Snapshot:
        """The present snapshot."""
        version = self.timestamp().snapshot_meta.version
        return build.parse(self.files[metadata_name("snapshot", version)], Snapshot).signed

    def role(self, name: str) -> tuple[int, bytes]:
        """Version and file of `targets` or of a member's role."""
        version = self.snapshot().meta[f"{name}.json"].version
        return version, self.files[metadata_name(name, version)]

    def document(self, member: str) -> bytes:
        """The file of a member's document."""
        path = document_path(member)
        target = build.parse(self.role(member)[1], Targets).signed.targets[path]
        return self.files[target_name(path, target.hashes["sha256"])]


@dataclass(frozen=True, slots=True)
class Change:
    """A step that was verified.

    Attributes:
        writes: files to write, in this order; the last one makes the step visible.
        after: the repository once they are written.
    """

    writes: tuple[tuple[str, bytes], ...]
    after: Repository


def open_repository(files: Mapping[str, bytes]) -> Repository:
    """The repository whose files these are, trusting its own first root.

    Raises:
        RepositoryStateError: there is no first root.
        UntrustedDocumentError: the files do not verify.
    """
    raw = files.get(metadata_name("root", 1))
    if raw is None:
        raise RepositoryStateError("directory: holds no network; make one with network create")
    pin = hashlib.sha256(raw).digest()
    return _repository(pin, verify_set(pin, files, None))


def propose_first(
    network: NetworkDocument, holders: Holders, online: tuple[bytes, bytes], now_ms: int
) -> dict[str, bytes]:
    """Root, targets and network document of a new network, to be signed by their holders.

    Args:
        network: the first network document, without members.
        holders: keys and thresholds of root and targets.
        online: public keys of snapshot and timestamp.
        now_ms: UTC.
    """
    snapshot, timestamp = online
    root = build.root_metadata(
        {
            Root.type: (holders.root, holders.root_threshold),
            Targets.type: (holders.targets, holders.targets_threshold),
            Snapshot.type: ([snapshot], 1),
            Timestamp.type: ([timestamp], 1),
        },
        1,
        now_ms,
    )
    return {
        metadata_name(Root.type, 1): root.to_bytes(),
        **_targets_files(network, {}, 1, now_ms),
    }


def propose_targets(
    repository: Repository,
    network: NetworkDocument,
    member_keys: Mapping[str, bytes],
    now_ms: int,
    files: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """The next targets, to be signed by their holders.

    Args:
        repository: the present state.
        network: the next network document.
        member_keys: the member key of every member it lists.
        now_ms: UTC.
        files: roles and documents of new members, by path.
    """
    version = repository.role(Targets.type)[0] + 1
    return {**(files or {}), **_targets_files(network, member_keys, version, now_ms)}


def propose_root(
    repository: Repository,
    holders: Holders,
    now_ms: int,
    online: tuple[bytes, bytes] | None = None,
) -> dict[str, bytes]:
    """The next root, for another year, with other holders or other online keys.

    Args:
        repository: the present state.
        holders: who signs root and targets from then on.
        now_ms: UTC.
        online: public keys of snapshot and timestamp from then on; None: as now.
    """
    root, roles = repository.root(), (Snapshot.type, Timestamp.type)
    present = [bytes.fromhex(root.keys[root.roles[name].keyids[0]].keyval["public"])
               for name in roles]  # fmt: skip
    unattended = {
        name: ([public], 1) for name, public in zip(roles, online or present, strict=True)
    }
    people = {
        Root.type: (holders.root, holders.root_threshold),
        Targets.type: (holders.targets, holders.targets_threshold),
    }
    version = repository.registry.root_version + 1
    metadata = build.root_metadata({**people, **unattended}, version, now_ms)
    return {metadata_name(Root.type, version): metadata.to_bytes()}


def holders_of(repository: Repository) -> Holders:
    """Who signs root and targets at present."""
    root = repository.root()
    keys = {
        name: [bytes.fromhex(root.keys[keyid].keyval["public"]) for keyid in role.keyids]
        for name, role in root.roles.items()
    }
    thresholds = {name: role.threshold for name, role in root.roles.items()}
    return Holders(
        keys[Root.type], thresholds[Root.type], keys[Targets.type], thresholds[Targets.type]
    )


def sign_proposal(
    proposal: Mapping[str, bytes], signers: Iterable[Signer], root: Root | None
) -> dict[str, bytes]:
    """Add the signatures of some holders to what people sign in a proposal.

    Args:
        proposal: files by path.
        signers: holders of keys; each signs the roles that its key stands for.
        root: the present root; None for the first one.
    """
    listed = list(signers)
    roots = [root] if root else []
    roots += roots_in(proposal)
    signed = dict(proposal)
    for name, raw in proposal.items():
        role = role_of(name)
        if role in {Root.type, Targets.type}:
            keyids = {keyid for known in roots for keyid in known.roles[role].keyids}
            chosen = [signer for signer in listed if build.keyid_of(signer) in keyids]
            signed[name] = build.sign_file(raw, chosen)
    return signed


def found(proposal: Mapping[str, bytes], online: OnlineSigners, now_ms: int) -> Change:
    """The first state of a new network.

    Raises:
        ThresholdError: more holders have to sign.
        UntrustedDocumentError: it does not verify.
    """
    raw_root = proposal[metadata_name(Root.type, 1)]
    check_threshold(None, proposal)
    meta = {"targets.json": build.meta_of(1, proposal[metadata_name(Targets.type, 1)])}
    return _change(hashlib.sha256(raw_root).digest(), {}, proposal, meta, (1, 1), online, now_ms)


def accept(
    repository: Repository, proposal: Mapping[str, bytes], online: OnlineSigners, now_ms: int
) -> Change:
    """The state after a proposal, or after a member's own publication.

    Args:
        repository: the present state.
        proposal: new files by path: any of root, targets, roles of members, documents.
        online: signers of snapshot and timestamp.
        now_ms: UTC.

    Raises:
        ThresholdError: more holders have to sign.
        ConflictError: the proposal was made on another state.
        RefusedError: two members could not reach each other.
        UntrustedDocumentError: the result does not verify.
    """
    check_threshold(repository.root(), proposal)
    snapshot = repository.snapshot()
    meta = dict(snapshot.meta)
    for name, raw in proposal.items():
        version, role = parts(name)
        if version and version != _next_version(repository, meta, role):
            raise ConflictError(role, "the registry has moved on since; make the proposal again")
        if version and role != Root.type:
            meta[f"{role}.json"] = build.meta_of(version, raw)
    versions = (
        following(snapshot.version, repository.root(), proposal),
        following(repository.registry.timestamp_version, repository.root(), proposal),
    )
    pin = repository.first_root_sha256
    change = _change(pin, repository.files, proposal, meta, versions, online, now_ms)
    if proposal:
        rules.check_reachable(change.after.registry)
        rules.check_limits(change.after.registry.network.limits)
    return change


def resign_due(repository: Repository, online: OnlineSigners, now_ms: int) -> Change | None:
    """What to sign again now: the timestamp each hour, the snapshot a week before it expires.

    A timestamp from the future (a clock that was wrong) is replaced as well.
    """
    since_ms = now_ms - repository.registry.issued_ms
    snapshot = repository.snapshot()
    ageing = snapshot.expires - build.moment(now_ms) < SNAPSHOT_RENEWED_BEFORE
    if abs(since_ms) < TIMESTAMP_EVERY_MS and not ageing:
        return None
    if ageing:
        return accept(repository, {}, online, now_ms)
    raw = repository.files[metadata_name(Snapshot.type, snapshot.version)]
    timestamp = build.timestamp_metadata(
        build.meta_of(snapshot.version, raw), repository.registry.timestamp_version + 1, now_ms
    )
    signer = online.under(repository.root()).timestamp
    writes = ((TIMESTAMP_NAME, build.add_signatures(timestamp, [signer])),)
    return _verified(repository.first_root_sha256, repository.files, writes)


def _targets_files(
    network: NetworkDocument, member_keys: Mapping[str, bytes], version: int, now_ms: int
) -> dict[str, bytes]:
    raw = network.to_bytes()
    targets = build.targets_metadata(raw, member_keys, version, now_ms)
    return {
        target_name(NETWORK_PATH, hashlib.sha256(raw).hexdigest()): raw,
        metadata_name(Targets.type, version): targets.to_bytes(),
    }


def _change(
    pin: bytes,
    present: Mapping[str, bytes],
    proposal: Mapping[str, bytes],
    meta: Mapping[str, MetaFile],
    versions: tuple[int, int],
    online: OnlineSigners,
    now_ms: int,
) -> Change:
    """Put snapshot and timestamp over a proposal, signed as the newest root says."""
    snapshot_version, timestamp_version = versions
    online = online.under(max(roots_in({**present, **proposal}), key=lambda root: root.version))
    snapshot = build.snapshot_metadata(meta, snapshot_version, now_ms)
    raw_snapshot = build.add_signatures(snapshot, [online.snapshot])
    timestamp = build.timestamp_metadata(
        build.meta_of(snapshot_version, raw_snapshot), timestamp_version, now_ms
    )
    new = {**proposal, metadata_name(Snapshot.type, snapshot_version): raw_snapshot}
    writes = (
        *sorted(new.items(), key=lambda item: _turn(item[0])),
        (TIMESTAMP_NAME, build.add_signatures(timestamp, [online.timestamp])),
    )
    return _verified(pin, present, writes)


def _turn(name: str) -> int:
    """Documents are written first, a root last: under its keys the timestamp may not count."""
    return 0 if name.startswith("targets/") else 2 if role_of(name) == Root.type else 1


def _verified(
    pin: bytes, present: Mapping[str, bytes], writes: tuple[tuple[str, bytes], ...]
) -> Change:
    return Change(writes, _repository(pin, verify_set(pin, {**present, **dict(writes)}, None)))


def _repository(pin: bytes, verified: VerifiedSet) -> Repository:
    return Repository(pin, verified.registry, verified.files)


def _next_version(repository: Repository, meta: Mapping[str, MetaFile], role: str) -> int:
    if role == Root.type:
        return repository.registry.root_version + 1
    present = meta.get(f"{role}.json")
    return 1 if present is None else present.version + 1
