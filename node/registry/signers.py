"""Who signs what of a registry: holders of root and targets, and the two keys that sign unattended.

Which keys count is said by roots alone: by the present one, and by the one that a proposal brings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from keys.registry import OF_ONE_ROOT
from node.registry import build
from node.registry.errors import RepositoryStateError, ThresholdError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from keys.signing import Signer

_VERSIONED: Final = re.compile(r"metadata/([1-9][0-9]*)\.([a-z0-9-]+)\.json")


@dataclass(frozen=True, slots=True)
class OnlineSigners:
    """The two keys that sign unattended, and others that lie beside them.

    Attributes:
        snapshot: signs snapshots.
        timestamp: signs timestamps.
        others: keys that were replaced, or are to replace those; each root says which count.
    """

    snapshot: Signer
    timestamp: Signer
    others: tuple[Signer, ...] = ()

    def under(self, root: Root) -> OnlineSigners:
        """Those that a root names.

        Raises:
            RepositoryStateError: one of them is not here.
        """
        here = {build.keyid_of(one): one for one in (self.snapshot, self.timestamp, *self.others)}
        named = [
            next((here[keyid] for keyid in root.roles[role].keyids if keyid in here), None)
            for role in (Snapshot.type, Timestamp.type)
        ]
        snapshot, timestamp = named
        if snapshot is None or timestamp is None:
            mend = "were they replaced, restart network serve; are they lost: hotline network rekey"
            raise RepositoryStateError(f"keys: are not those that the root names; {mend}")
        return OnlineSigners(snapshot, timestamp)


@dataclass(frozen=True, slots=True)
class Holders:
    """Who signs root and targets: public member-held keys (32 bytes each) and thresholds."""

    root: Sequence[bytes]
    root_threshold: int
    targets: Sequence[bytes]
    targets_threshold: int


def roots_in(files: Mapping[str, bytes]) -> list[Root]:
    """The roots among files, unverified."""
    raws = [raw for name, raw in files.items() if parts(name)[1] == Root.type]
    return [build.parse(raw, Root).signed for raw in raws]


def _replaces_online(present: Root, proposal: Mapping[str, bytes]) -> bool:
    """Whether readers forget which snapshot and timestamp they trusted (TUF 1.0, 5.3.11)."""
    roles = (Snapshot.type, Timestamp.type)
    return any(
        all(not {*root.roles[one].keyids} & {*present.roles[one].keyids} for one in roles)
        for root in roots_in(proposal)
    )


def following(version: int, present: Root, proposal: Mapping[str, bytes]) -> int:
    """The version of snapshot or timestamp after a proposal; under new keys the first of its root.

    Whatever a thief made of the version, or a backup that is older than the theft, no number is
    used a second time: members would take that for a split view (docs/protocol.md §3.5).
    """
    return (
        OF_ONE_ROOT * (present.version + 1) if _replaces_online(present, proposal) else version + 1
    )


def check_threshold(present: Root | None, proposal: Mapping[str, bytes]) -> None:
    """A root needs the holders of the present root and its own; targets those of the newest."""
    proposed = roots_in(proposal)
    known = [present, *proposed] if present else proposed
    for name, raw in proposal.items():
        role = parts(name)[1]
        if role == Root.type:
            _check_signatures(known, role, raw)
        elif role == Targets.type:
            _check_signatures(known[-1:], role, raw)


def _check_signatures(delegators: Sequence[Root], role: str, raw: bytes) -> None:
    payload, signatures = build.signatures_of(raw)
    results = [root.get_verification_result(role, payload, signatures) for root in delegators]
    missing = max(result.missing for result in results)
    if missing:
        raise ThresholdError(f"{role}: {missing} more of its key holders have to sign")


def role_of(name: str) -> str:
    """The role whose metadata a file is; empty for a document and for the timestamp."""
    return parts(name)[1]


def parts(name: str) -> tuple[int, str]:
    """Version and role of a metadata file; 0 and nothing for a document."""
    match = _VERSIONED.fullmatch(name)
    return (int(match[1]), match[2]) if match else (0, "")
