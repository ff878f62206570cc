"""Make a network: keys of its holders, a first root to pin, an empty member list.

Root and targets belong to people: n key holders of whom m must sign. Each of them may make the key
elsewhere (`make_holder_key`) and hand over only the public half; then the first root waits in the
directory until enough of them have signed (`node.registry.admit.sign_staged`). Snapshot and
timestamp keys stay with the server that signs unattended.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from keys import keyfile
from keys.admission import check_ed25519
from keys.errors import KeysError, UnreadableKeyError
from keys.network import Limits, NetworkDocument
from keys.registry import metadata_name
from keys.signing import SigningKey
from node.registry import repository
from node.registry.errors import RefusedError, RepositoryStateError, ThresholdError, refused_by
from node.registry.signers import Holders, OnlineSigners

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from keys.unlock import Unlock
    from node.registry.directory import RepositoryDirectory

SNAPSHOT: Final = "snapshot"
TIMESTAMP: Final = "timestamp"
PEOPLE: Final = ("root", "targets")
MAX_HOLDERS: Final = 32
NOT_KEPT: Final = "--config: no network is kept there; name its network.toml"


@dataclass(frozen=True, slots=True)
class HolderPlan:
    """Who is to sign one of the roles of people.

    Attributes:
        here: how many keys to make in the directory.
        elsewhere: public keys (32 bytes) of holders who made theirs elsewhere.
        threshold: how many must sign.
    """

    here: int = 1
    elsewhere: tuple[bytes, ...] = ()
    threshold: int = 1


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A network to be made.

    Attributes:
        name: lower-case letters, digits and hyphens.
        root: who signs root.
        targets: who signs targets: admissions, suspensions, rules.
        limits: bounds of the protocol.
        policy: whole numbers by name, with the unit in the name.
    """

    name: str
    root: HolderPlan = HolderPlan()
    targets: HolderPlan = HolderPlan()
    limits: Limits = field(default_factory=Limits)
    policy: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Created:
    """A network that was made, or waits for signatures.

    Attributes:
        network_id: `<name>-<16 hex digits>`; empty while it waits.
        root_sha256: the fingerprint to tell members by hand, hex; empty while it waits.
        waiting: whether holders elsewhere have to sign first.
    """

    network_id: str
    root_sha256: str
    waiting: bool


def create_network(
    directory: RepositoryDirectory, plan: NetworkPlan, unlock: Unlock, now_ms: int
) -> Created:
    """Make keys and the first state of a network in an empty directory.

    Raises:
        RepositoryStateError: there is a network already.
        RefusedError: a threshold or name cannot work; names the field.
        KeysError: the unlocking secret or the key directory cannot be used.
    """
    check_holders(plan.root, plan.targets)
    try:
        network = NetworkDocument(plan.name, {}, limits=plan.limits, policy=plan.policy)
    except KeysError as error:
        raise refused_by(error, "network document") from error
    if metadata_name("root", 1) in directory.files or directory.keys.exists():
        what = "holds a network already, or one that was broken off in the making"
        raise RepositoryStateError(f"directory: {what}; choose an empty one")
    secret = unlock.secret()
    keyfile.make_directory(directory.path)
    keyfile.make_directory(directory.keys)
    people = {
        "root": _make_keys(directory.keys, "root", plan.root, secret),
        "targets": _make_keys(directory.keys, "targets", plan.targets, secret),
    }
    online = _make_online(directory.keys, secret)
    publics = (online.snapshot.public.ed25519, online.timestamp.public.ed25519)
    proposal = repository.propose_first(network, _holders(plan, people), publics, now_ms)
    signers = (*people["root"], *people["targets"])
    signed = repository.sign_proposal(proposal, signers, None)
    with directory.locked():
        return found(directory, signed, online, now_ms)


def found(
    directory: RepositoryDirectory,
    proposal: Mapping[str, bytes],
    online: OnlineSigners,
    now_ms: int,
) -> Created:
    """Write the first state if enough holders have signed it, else keep it staged.

    Args:
        directory: locked by the caller.
        proposal: what they signed.
        online: signers of snapshot and timestamp.
        now_ms: UTC.
    """
    try:
        change = repository.found(proposal, online, now_ms)
    except ThresholdError:
        directory.stage(proposal)
        return Created("", "", waiting=True)
    directory.commit(change)
    with suppress(OSError):  # as `admit` does: what is in force does not wait
        directory.clear_staged()
    after = change.after
    return Created(after.registry.network_id, after.first_root_sha256.hex(), waiting=False)


def make_holder_key(path: Path, role: str, unlock: Unlock) -> bytes:
    """Make a key for a holder of `root` or `targets` elsewhere; return its public half.

    Raises:
        RefusedError: another role.
        KeysError: the file or the unlocking secret cannot be used.
    """
    if role not in PEOPLE:
        raise RefusedError("role", f"needs one of {', '.join(PEOPLE)}")
    key = SigningKey.generate(hybrid=False)
    keyfile.save(path, key, unlock.secret(), _purpose(role))
    return key.public.ed25519


def load_holder_key(path: Path, unlock: Unlock) -> SigningKey:
    """Read the key of a holder; the file's name begins with its role.

    Raises:
        RefusedError: the name says no role.
        KeysError: the file or the unlocking secret cannot be used.
    """
    role = path.name.partition("-")[0]
    if role not in PEOPLE:
        raise RefusedError("key", "needs a file named root-... or targets-...")
    return keyfile.load_signing_key(path, unlock.secret(), _purpose(role))


def load_people(directory: RepositoryDirectory, unlock: Unlock) -> list[SigningKey]:
    """Read every holder's key that lies in the directory."""
    paths = sorted(path for role in PEOPLE for path in directory.keys.glob(f"{role}-*.key"))
    return [load_holder_key(path, unlock) for path in paths]


def load_online(directory: RepositoryDirectory, unlock: Unlock) -> OnlineSigners:
    """Read the keys that sign unattended, the newest first, and those that were replaced.

    Of these a file that does not open is passed over: its secret may be what was lost.

    Raises:
        RepositoryStateError: the directory keeps no network; a member's mirrors one, as a rule.
        KeysError: a file or the unlocking secret cannot be used.
    """
    if not directory.keys.is_dir():
        raise RepositoryStateError(NOT_KEPT)
    secret = unlock.secret()
    newest, others = {}, []
    for role in (SNAPSHOT, TIMESTAMP):
        first, *older = _online_paths(directory, role) or [directory.keys / f"{role}.key"]
        newest[role] = keyfile.load_signing_key(first, secret, _purpose(role))
        for path in older:
            with suppress(UnreadableKeyError):
                others.append(keyfile.load_signing_key(path, secret, _purpose(role)))
    return OnlineSigners(newest[SNAPSHOT], newest[TIMESTAMP], tuple(others))


def make_online(directory: RepositoryDirectory, unlock: Unlock) -> OnlineSigners:
    """Make keys that are to sign unattended, beside those that lie here; a root has to name them.

    The directory is locked by the caller; what one that was killed had half made goes.

    Raises:
        KeysError: a file or the unlocking secret cannot be used.
    """
    keyfile.make_directory(directory.keys)
    keyfile.destroy_attempts(directory.keys)
    found = (number for role in (SNAPSHOT, TIMESTAMP) for number in _numbers(directory, role))
    number = max(found, default=1) + 1
    return _make_online(directory.keys, unlock.secret(), f"-{number}")


def _numbers(directory: RepositoryDirectory, role: str) -> dict[int, Path]:
    """The files of an online key by number; the first one has none in its name."""
    found = {}
    for path in directory.keys.glob(f"{role}*.key"):
        if match := re.fullmatch(rf"{role}(?:-([0-9]{{1,6}}))?\.key", path.name):
            found[int(match[1] or 1)] = path
    return found


def _online_paths(directory: RepositoryDirectory, role: str) -> list[Path]:
    return [path for _, path in sorted(_numbers(directory, role).items(), reverse=True)]


def check_holders(root: HolderPlan, targets: HolderPlan, online: Sequence[bytes] = ()) -> None:
    """Refuse holders that could never meet their threshold, or whose keys are not kept apart.

    Targets sign each decision and root once a year: who steals a key that is in daily use must not
    have one of root (docs/registry.md §1.2). `online` are public keys that sign unattended.

    Raises:
        RefusedError: names the field.
        WeakKeyError: a key that nobody should be held to.
    """
    _check_role("root", root)
    _check_role("targets", targets)
    named = (*root.elsewhere, *targets.elsewhere, *online)
    if len(set(named)) != len(named):
        mend = "name one key for two roles; make one for each (hotline network key)"
        raise RefusedError("holders", mend)


def _check_role(role: str, holders: HolderPlan) -> None:
    count = holders.here + len(holders.elsewhere)
    if holders.here < 0 or not 1 <= count <= MAX_HOLDERS:
        raise RefusedError(f"{role} holders", f"needs 1 to {MAX_HOLDERS} of them")
    if not 1 <= holders.threshold <= count:
        raise RefusedError(f"{role} threshold", f"needs a number from 1 to {count}")
    if len(set(holders.elsewhere)) != len(holders.elsewhere):
        raise RefusedError(f"{role} holders", "names one key twice; keep one")
    for public in holders.elsewhere:
        check_ed25519(public)


def _make_keys(folder: Path, role: str, plan: HolderPlan, secret: bytes) -> list[SigningKey]:
    made = [SigningKey.generate(hybrid=False) for _ in range(plan.here)]
    for number, key in enumerate(made, start=1):
        keyfile.save(folder / f"{role}-{number}.key", key, secret, _purpose(role))
    return made


def _make_online(folder: Path, secret: bytes, number: str = "") -> OnlineSigners:
    made = {role: SigningKey.generate(hybrid=False) for role in (SNAPSHOT, TIMESTAMP)}
    for role, key in made.items():
        keyfile.save(folder / f"{role}{number}.key", key, secret, _purpose(role))
    return OnlineSigners(made[SNAPSHOT], made[TIMESTAMP])


def _holders(plan: NetworkPlan, people: Mapping[str, list[SigningKey]]) -> Holders:
    publics = {role: [key.public.ed25519 for key in made] for role, made in people.items()}
    return Holders(
        [*publics["root"], *plan.root.elsewhere],
        plan.root.threshold,
        [*publics["targets"], *plan.targets.elsewhere],
        plan.targets.threshold,
    )


def _purpose(role: str) -> str:
    return f"registry-{role}"
