"""Repositories that an honest umbrella would never publish, signed with all the right keys.

`forge(umbrella, targets=change)` applies a change to the signed part of a role, signs it again with
the keys that its role asks for, and puts a correct snapshot and timestamp over the result: what is
wrong with it is exactly what the test says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from keys.registry import TIMESTAMP_NAME, metadata_name, target_name
from keys.signing import Signer
from node.registry import build
from tests.builders.network import NOW_MS, Umbrella, member_keys

Change = Callable[[Any], None]


def nothing(_: Any) -> None:
    """Change nothing."""


def forge(
    umbrella: Umbrella,
    *,
    targets: Change = nothing,
    members: Mapping[str, Change] | None = None,
    member_signers: Mapping[str, Sequence[Signer]] | None = None,
    snapshot: Change = nothing,
    timestamp: Change = nothing,
    extra: Mapping[str, bytes] | None = None,
    now_ms: int = NOW_MS,
) -> dict[str, bytes]:
    """The umbrella's repository with changes to signed parts, consistently signed again.

    Args:
        umbrella: whose keys sign.
        targets: changes the top-level targets.
        members: by member, changes its role.
        member_signers: by member, who signs its role instead of its member key.
        snapshot: changes the snapshot, after it names the changed roles.
        timestamp: changes the timestamp, after it names the changed snapshot.
        extra: more files, such as documents.
        now_ms: when snapshot and timestamp are signed.
    """
    files = {**umbrella.files, **(extra or {})}
    meta = dict(umbrella.state.snapshot().meta)
    for member, change in (members or {}).items():
        version, raw = umbrella.state.role(member)
        key = member_keys(member).member
        assert key is not None
        signers = (member_signers or {}).get(member, [key])
        raw = resigned(raw, change, signers)
        files[metadata_name(member, version)] = raw
        meta[f"{member}.json"] = build.meta_of(version, raw)
    version, raw = umbrella.state.role(Targets.type)
    raw = resigned(raw, targets, umbrella.targets)
    files[metadata_name(Targets.type, version)] = raw
    meta["targets.json"] = build.meta_of(version, raw)
    return _sealed(umbrella, files, build.snapshot_metadata(meta, 1, now_ms), snapshot, timestamp)


def with_document(role: Targets, path: str, raw: bytes) -> dict[str, bytes]:
    """Let a role name a document, and give the document's file."""
    target = TargetFile.from_data(path, raw, ["sha256"])
    role.targets[path] = target
    return {target_name(path, hashlib.sha256(raw).hexdigest()): raw}


def resigned(raw: bytes, change: Change, signers: Sequence[Signer]) -> bytes:
    """A metadata file with a change to its signed part, signed again by these alone."""
    metadata: Metadata[Any] = Metadata.from_bytes(raw)
    change(metadata.signed)
    metadata.signatures.clear()
    return build.add_signatures(metadata, signers)


def next_root(umbrella: Umbrella, change: Change, signers: Sequence[Signer]) -> dict[str, bytes]:
    """A second root, changed and signed by these alone, by its path."""
    raw = umbrella.files[metadata_name(Root.type, 1)]

    def advance(root: Root) -> None:
        root.version = 2
        change(root)

    return {metadata_name(Root.type, 2): resigned(raw, advance, signers)}


def _sealed(
    umbrella: Umbrella,
    files: dict[str, bytes],
    made: Metadata[Snapshot],
    snapshot: Change,
    timestamp: Change,
) -> dict[str, bytes]:
    snapshot(made.signed)
    raw = build.add_signatures(made, [umbrella.online.snapshot])
    files[metadata_name(Snapshot.type, made.signed.version)] = raw
    issued = umbrella.registry.issued_ms
    stamp = build.timestamp_metadata(build.meta_of(made.signed.version, raw), 1, issued)
    timestamp(stamp.signed)
    assert isinstance(stamp.signed, Timestamp)
    files[TIMESTAMP_NAME] = build.add_signatures(stamp, [umbrella.online.timestamp])
    return files
