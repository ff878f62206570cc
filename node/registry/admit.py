"""What the keepers of a network decide: admissions, suspensions, rules, replaced member keys.

Every decision is a proposal for the targets role. If the keys at hand meet the threshold it is
published at once, else it waits, staged, for `sign_staged` by the other holders. The keepers never
sign for a member: its role metadata comes, signed, in its own request.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from keys.errors import KeysError
from keys.member_role import check_disjoint, document_path
from keys.network import MemberEntry, NetworkDocument, Role
from keys.registry import TIMESTAMP_NAME, metadata_name, target_name
from node.registry import ceremony, create, repository, rules
from node.registry.admission import read_request
from node.registry.changes import check_ranked, filled, standing
from node.registry.errors import (
    ConflictError,
    RefusedError,
    RepositoryStateError,
    ThresholdError,
    refused_by,
)
from node.registry.staging import NOTHING_WAITS, state_before, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tuf.api.metadata import Root

    from keys.registry import Registry
    from keys.signing import Signer
    from keys.unlock import Unlock
    from node.registry.admission import AdmissionRequest
    from node.registry.directory import RepositoryDirectory
    from node.registry.repository import Repository
    from node.registry.signers import Holders, OnlineSigners


@dataclass(frozen=True, slots=True)
class Keepers:
    """The keys at hand for a decision.

    Attributes:
        people: holders of root and targets keys, as many as are here.
        online: snapshot and timestamp.
    """

    people: Sequence[Signer]
    online: OnlineSigners


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a member is admitted.

    What is None is taken from its request; of a member whose key is replaced it stays as it is.

    Attributes:
        name: what to call it.
        roles: its roles.
        jurisdictions: its countries.
        choice_rules: country to the hotlines responsible for it, in order: needed where a country
            gets a second hotline.
        fallback: whether it takes orphans, after those who do already.
        replace_key: whether it is a member already and its member key is being replaced.
        without_old_keys: whether that may leave out keys under which others verify what they keep.
    """

    name: str | None = None
    roles: tuple[Role, ...] | None = None
    jurisdictions: tuple[str, ...] | None = None
    choice_rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fallback: bool = False
    replace_key: bool = False
    without_old_keys: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a decision.

    Attributes:
        member: whom it is about, or empty.
        published: whether it is in force; otherwise it waits for signatures.
        registry: the registry in force now.
    """

    member: str
    published: bool
    registry: Registry


def admit(
    directory: RepositoryDirectory, raw_request: bytes, terms: Terms, keepers: Keepers, now_ms: int
) -> Decision:
    """Check an admission request and admit the member.

    Raises:
        RefusedError: the request, or the network with this member, breaks a rule; names the field.
        ConflictError: the member is there already, or (replacing a key) is not.
    """
    request = read_request(raw_request)
    with directory.locked():
        state = directory.open()
        registry = state.registry
        _check_fits(request, state, terms, now_ms)
        network = _network_with(request, registry.network, terms)
        keys = {**registry.member_keys, request.member: request.member_key}
        files = _member_files(request)
        proposal = repository.propose_targets(state, network, keys, now_ms, files)
        return _decide(directory, state, request.member, proposal, keepers, now_ms)


def set_status(
    directory: RepositoryDirectory, member: str, *, active: bool, keepers: Keepers, now_ms: int
) -> Decision:
    """Suspend a member, or lift its suspension.

    Raises:
        RefusedError: there is no such member, it is expelled, or it is so already.
    """

    def change(network: NetworkDocument) -> NetworkDocument:
        entry = standing(network, member)
        if (entry.status == "active") == active:
            raise RefusedError("status", f"is {entry.status} already")
        changed = replace(entry, status="active" if active else "suspended")
        return replace(network, members={**network.members, member: changed})

    return govern(directory, change, keepers, now_ms, member)


def govern(
    directory: RepositoryDirectory,
    change: Callable[[NetworkDocument], NetworkDocument],
    keepers: Keepers,
    now_ms: int,
    member: str = "",
) -> Decision:
    """Change the network document: rules, limits, policy, fallback members, entries.

    Raises:
        RefusedError: the changed document breaks a rule, or changes who the members are.
    """
    with directory.locked():
        state = directory.open()
        before = state.registry.network
        try:
            network = change(before)
        except KeysError as error:
            raise refused_by(error, "network document") from error
        if (set(network.members), network.name) != (set(before.members), before.name):
            raise RefusedError("members", "are admitted by request; change only what they may do")
        proposal = repository.propose_targets(state, network, state.registry.member_keys, now_ms)
        return _decide(directory, state, member, proposal, keepers, now_ms)


def renew(
    directory: RepositoryDirectory,
    keepers: Keepers,
    now_ms: int,
    holders: Holders | None = None,
) -> Decision:
    """Sign root and targets for another year, with the same holders or with others."""
    with directory.locked():
        state = directory.open()
        registry = state.registry
        proposal = {
            **repository.propose_root(state, holders or repository.holders_of(state), now_ms),
            **repository.propose_targets(state, registry.network, registry.member_keys, now_ms),
        }
        return _decide(directory, state, "", proposal, keepers, now_ms)


def replace_online(
    directory: RepositoryDirectory, people: Sequence[Signer], unlock: Unlock, now_ms: int
) -> Decision:
    """Make other snapshot and timestamp keys, and propose the root that names them.

    From that root on readers forget which snapshot and timestamp they trusted, so that no version
    which a thief signed keeps them from the next (TUF 1.0, 5.3.11). The old keys are not needed.

    Raises:
        RepositoryStateError: another proposal waits; nothing was made.
        KeysError: a key file or the unlocking secret cannot be used.
    """
    with directory.locked():
        state = directory.open()
        _check_nothing_waits(directory)
        online = create.make_online(directory, unlock)
        publics = (online.snapshot.public.ed25519, online.timestamp.public.ed25519)
        holders = repository.holders_of(state)
        proposal = repository.propose_root(state, holders, now_ms, publics)
        return _decide(directory, state, "", proposal, Keepers(people, online), now_ms)


def sign_staged(directory: RepositoryDirectory, keepers: Keepers, now_ms: int) -> Decision | None:
    """Sign the proposal that waits, and publish it if that was enough.

    Returns:
        What became of it; None for a new network that still waits.

    Raises:
        RepositoryStateError: nothing waits.
        ConflictError: the registry has moved on since the proposal was made.
    """

    def sign(proposal: Mapping[str, bytes], root: Root | None) -> Mapping[str, bytes]:
        return repository.sign_proposal(proposal, keepers.people, root)

    return _advance(directory, sign, keepers, now_ms)


def collect_signatures(
    directory: RepositoryDirectory,
    countersignatures: Sequence[bytes],
    online: OnlineSigners,
    now_ms: int,
) -> Decision | None:
    """Add what holders elsewhere signed, all of it or nothing, and publish if that was enough.

    Returns:
        As `sign_staged`.

    Raises:
        RepositoryStateError: nothing waits.
        RefusedError: one of them does not verify, or is for another proposal; nothing was kept.
    """

    def add(proposal: Mapping[str, bytes], root: Root | None) -> Mapping[str, bytes]:
        for raw in countersignatures:
            proposal = ceremony.collect(proposal, raw, root)
        return proposal

    return _advance(directory, add, Keepers((), online), now_ms)


def _advance(
    directory: RepositoryDirectory,
    sign: Callable[[Mapping[str, bytes], Root | None], Mapping[str, bytes]],
    keepers: Keepers,
    now_ms: int,
) -> Decision | None:
    """Bring what waits further by signatures that `sign(proposal, root in force)` adds."""
    with directory.locked():
        proposal = waiting(directory)
        if not proposal and directory.staged:
            directory.clear_staged()
            return Decision("", published=True, registry=directory.open().registry)
        if not proposal:
            raise RepositoryStateError(NOTHING_WAITS)
        if TIMESTAMP_NAME not in directory.files:
            signed = sign(proposal, None)
            if create.found(directory, signed, keepers.online, now_ms).waiting:
                return None
            return Decision("", published=True, registry=directory.open().registry)
        state = state_before(directory, proposal)
        signed = sign(proposal, state.root())
        return _publish_or_stage(directory, state, "", signed, keepers, now_ms)


def _decide(
    directory: RepositoryDirectory,
    state: Repository,
    member: str,
    proposal: Mapping[str, bytes],
    keepers: Keepers,
    now_ms: int,
) -> Decision:
    """Sign a new proposal and publish it if enough holders are here, else stage it."""
    _check_nothing_waits(directory)
    signed = repository.sign_proposal(proposal, keepers.people, state.root())
    return _publish_or_stage(directory, state, member, signed, keepers, now_ms)


def _check_nothing_waits(directory: RepositoryDirectory) -> None:
    if waiting(directory):
        raise RepositoryStateError(
            "staged: another proposal waits for signatures; sign it or drop it first"
        )


def _publish_or_stage(
    directory: RepositoryDirectory,
    state: Repository,
    member: str,
    signed: Mapping[str, bytes],
    keepers: Keepers,
    now_ms: int,
) -> Decision:
    try:
        change = repository.accept(state, signed, keepers.online, now_ms)
    except ThresholdError:
        directory.stage(signed)
        return Decision(member, published=False, registry=state.registry)
    except KeysError as error:
        raise refused_by(error, "registry") from error
    directory.commit(change)
    with suppress(OSError):  # what is in force does not wait, though it lies there still
        directory.clear_staged()
    return Decision(member, published=True, registry=change.after.registry)


def _check_fits(
    request: AdmissionRequest, state: repository.Repository, terms: Terms, now_ms: int
) -> None:
    """Check a request against the registry that it wants to enter."""
    registry = state.registry
    if request.network != registry.network_id:
        raise RefusedError("network", f"is another network; this one is {registry.network_id}")
    present = registry.members.get(request.member)
    if terms.replace_key:
        _check_replacement(request, state, terms)
    elif present is not None:
        duties = "the holders change its duties (hotline network fallback, roles, countries)"
        raise ConflictError(
            "member", f"is admitted already; it publishes its keys itself, {duties}"
        )
    elif request.verified.version != 1:
        raise RefusedError("role", "needs version 1 for a new member; make the request again")
    if request.verified.expires_ms <= now_ms:
        raise RefusedError("role", "has expired; make the request again")
    document = request.verified.document
    rules.check_document(document, now_ms)
    members = {**registry.members, request.member: document}
    try:
        check_disjoint(members, {**registry.member_keys, request.member: request.member_key})
    except KeysError as error:
        raise refused_by(error, "registry") from error


def _check_replacement(
    request: AdmissionRequest, state: repository.Repository, terms: Terms
) -> None:
    registry = state.registry
    present = registry.members.get(request.member)
    if present is None:
        raise ConflictError("member", "is not admitted; there is no key to replace")
    standing(registry.network, request.member)
    if registry.member_keys[request.member] == request.member_key:
        raise RefusedError("member_key", "is the present one; the member publishes changes itself")
    sequence, version = present.sequence + 1, state.role(request.member)[0] + 1
    if (request.verified.document.sequence, request.verified.version) != (sequence, version):
        name = target_name(document_path(request.member), _sha256(state.document(request.member)))
        numbers = f"--sequence {sequence} --role-version {version} --before {name}"
        raise ConflictError("sequence", f"needs a request of hotline init {numbers}")
    if not terms.without_old_keys:
        rules.check_begun_anew(request.verified.document, present)


def _network_with(
    request: AdmissionRequest, network: NetworkDocument, terms: Terms
) -> NetworkDocument:
    """The network document with the member in it."""
    asked = MemberEntry(request.name, request.roles, request.jurisdictions)
    before = network.members.get(request.member, asked)  # whose key is replaced keeps its duties
    countries = before.jurisdictions if terms.jurisdictions is None else terms.jurisdictions
    entry = replace(
        before,
        name=terms.name or before.name,
        roles=terms.roles or before.roles,
        jurisdictions=countries,
    )
    rules.check_entry(entry.name, entry.roles, entry.jurisdictions)
    fallback = network.fallback_members
    if terms.fallback and request.member not in fallback:
        fallback = (*fallback, request.member)
    try:
        after = replace(
            network,
            members={**network.members, request.member: entry},
            fallback_members=fallback,
            choice_rules=filled({**network.choice_rules, **terms.choice_rules}),
        )
    except KeysError as error:
        raise refused_by(error, "network document") from error
    check_ranked(network, after, request.member, terms.choice_rules)
    return after


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _member_files(request: AdmissionRequest) -> dict[str, bytes]:
    sha256 = _sha256(request.raw_document)
    return {
        metadata_name(request.member, request.verified.version): request.raw_role,
        target_name(document_path(request.member), sha256): request.raw_document,
    }
