"""Whose keys these are: docs/registry.md §1, §5, written from the text and TUF 1.0 alone.

Not judged here: whether a public key is weak (§1.1), and what only memory can tell (§4).
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from tests.second.basics import HybridKey, RefusedError, from64, need, sha256
from tests.second.notes import signature_lines, signed_half

Files = dict[str, bytes]
PURPOSES = ("log", "receipt", "transport", "witness")


class Network(NamedTuple):
    """A verified registry: its id, by member and purpose the signing keys, and stolen ones.

    `ends`: by key, when its turn ends (ms). `inactive`: who is suspended or expelled.
    """

    id: str
    keys: dict[str, dict[str, list[HybridKey]]]
    stolen: dict[bytes, int]
    ends: dict[bytes, int]
    owners: dict[str, bytes]
    inactive: frozenset[str]

    def without(self, notes: list[str]) -> Network:
        """Give what is left of trust after the revocation notes in a bundle (§3.7, §12)."""
        stolen, seen = dict(self.stolen), set[tuple[str, str]]()
        for note in notes:
            member, key_id = check_revocation(note, self)
            need((member, key_id) not in seen, "revocation: twice")
            seen.add((member, key_id))
            for raw in (key.raw for _, key in self.signing(member) if key.id == key_id):
                stolen.setdefault(raw, -1)  # not stated since when: nothing was seen before that
        return self._replace(stolen=stolen)

    def signing(self, member: str) -> list[tuple[str, HybridKey]]:
        """Give the keys of a member that sign what a bundle shows, with their purposes."""
        need(member in self.keys, "registry: no such member")
        return [(p, key) for p in ("log", "receipt", "witness") for key in self.keys[member][p]]

    def of(self, member: str, purpose: str) -> list[HybridKey]:
        """Give the keys of a member, who must be one."""
        need(member in self.keys, "registry: no such member")
        return self.keys[member][purpose]

    def counting(self, member: str, purpose: str, witnessed_s: int | None) -> list[HybridKey]:
        """Give the keys whose signatures count, seen by witnesses then (protocol.md §3.9).

        In the order in which one of several gives the time of a receipt (§12).
        """
        counting = [
            key
            for key in self.of(member, purpose)
            if key.raw not in self.stolen
            or (witnessed_s is not None and 1000 * witnessed_s < self.stolen[key.raw])
        ]
        return sorted(
            counting, key=lambda key: (key.raw in self.stolen, -self.stolen.get(key.raw, 0))
        )


def verify(pin: bytes, files: Files) -> Network:
    """Walk from the pinned first root to every member's keys."""
    root = _newest_root(pin, files)
    timestamp = _signed(_file(files, "metadata/timestamp.json"), root, "timestamp")
    need(type(timestamp.get("x-hx1-issued-ms")) is int, "timestamp: no time")
    snapshot = _signed(_meta(files, timestamp, "snapshot"), root, "snapshot")
    need(snapshot["version"] == timestamp["meta"]["snapshot.json"]["version"], "snapshot: version")
    targets = _signed(_meta(files, snapshot, "targets"), root, "targets")
    document = _canonical(_target(files, targets, "network.json"))
    need(document["_type"] == "hx1-network", "network.json: type")
    network = f"{document['name']}-{pin.hex()[:16]}"
    roles = {role["name"]: role for role in targets["delegations"]["roles"]}
    need(set(roles) == set(document["members"]), "targets: one role for each member")
    taken: list[bytes] = []
    keys = {}
    stolen: dict[bytes, int] = {}
    ends: dict[bytes, int] = {}
    owners = {member: _member_key(targets, role) for member, role in roles.items()}
    for member, role in roles.items():
        keys[member] = _member(files, snapshot, targets, role, network, taken, stolen, ends)
    need(len(taken) == len(set(taken)), "registry: one key in two places")
    said = document["members"].items()
    inactive = frozenset(who for who, one in said if one.get("status", "active") != "active")
    return Network(network, keys, stolen, ends, owners, inactive)


def _member_key(targets: dict[str, Any], role: dict[str, Any]) -> bytes:
    return bytes.fromhex(targets["delegations"]["keys"][role["keyids"][0]]["keyval"]["public"])


def check_revocation(note: str, network: Network) -> tuple[str, str]:
    """Give whose key a note revokes, and its id; refuse one that does not count (§3.7.2)."""
    need(len(note.encode()) <= 1024, "revocation: too large")
    text, lines = signature_lines(note)
    parts = text.split("\n")
    need(len(parts) == 5 and parts[0] == "hx1-revoke" and parts[4] == "", "revocation: form")
    _, said, member, key_id, _ = parts
    need(said == network.id and re.fullmatch("[0-9a-f]{16}", key_id), "revocation: network, id")
    own = [key for _, key in network.signing(member) if key.id == key_id]
    need(own, "revocation: of no key that is listed")
    name = f"{network.id}/{member}"
    for key in (*own, HybridKey(network.owners[member], None)):
        signature = signed_half(lines, name, 1, key.ed25519)
        try:
            key.check_classic(signature or b"", text.encode())
        except RefusedError:
            continue
        return member, key_id
    raise RefusedError("revocation: signed by neither")


def _newest_root(pin: bytes, files: Files) -> dict[str, Any]:
    raw = _file(files, "metadata/1.root.json")
    need(sha256(raw) == pin, "root: not the pinned one")
    root = _signed(raw, _parse(raw)["signed"], "root")
    while (name := f"metadata/{root['version'] + 1}.root.json") in files:
        _signed(files[name], root, "root")
        following = _signed(files[name], _parse(files[name])["signed"], "root")
        need(following["version"] == root["version"] + 1, "root: version")
        root = following
    return root


def _member(
    files: Files,
    snapshot: dict[str, Any],
    targets: dict[str, Any],
    role: dict[str, Any],
    network: str,
    taken: list[bytes],
    stolen: dict[bytes, int],
    ends: dict[bytes, int],
) -> dict[str, list[HybridKey]]:
    member, path = role["name"], f"members/{role['name']}.json"
    need(role["paths"] == [path] and role["threshold"] == 1, "targets: delegation")
    need(len(role["keyids"]) == 1, "targets: one member key")
    raw = _meta(files, snapshot, member)
    signed = _by(raw, role, targets["delegations"]["keys"], "targets")
    owner = _member_key(targets, role)
    need(signed.get("x-hx1-member-key") == owner.hex(), "member role: names another key")
    need("delegations" not in signed, "member role: delegates")
    document = _canonical(_target(files, signed, path))
    need((document["_type"], document["member"]) == ("hx1-member", member), "document: whose")
    taken.append(owner)
    keys = {
        purpose: [_key(one, network, member, purpose, taken) for one in document["keys"][purpose]]
        for purpose in PURPOSES
    }
    for key in (one for listed in keys.values() for one in listed):
        turn = document.get("turns", {}).get(key.id, {})
        if "compromised_ms" in turn:
            stolen[key.raw] = turn["compromised_ms"]
        if "until_ms" in turn:
            ends[key.raw] = turn["until_ms"]
    return keys


def _key(
    record: dict[str, Any], network: str, member: str, purpose: str, taken: list[bytes]
) -> HybridKey:
    """Read one key of a document, with its proof of possession (§5.3)."""
    quantum = from64(record["mldsa44"]) if "mldsa44" in record else None
    key = HybridKey(from64(record["ed25519"]), quantum)
    need(record["key_id"] == sha256(b"hx1/key\0", key.raw).hex()[:16], "key: id")
    parts = [network.encode(), member.encode(), purpose.encode(), key.raw]
    message = b"hx1/pop\0" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    key.check_classic(from64(record["proof"]["ed25519"]), message)
    taken.append(key.ed25519)
    if quantum is not None:
        key.check_quantum(from64(record["proof"]["mldsa44"]), message, b"hx1/pop\0")
        taken.append(quantum)
    return key


def _signed(raw: bytes, root: dict[str, Any], role: str) -> dict[str, Any]:
    return _by(raw, root["roles"][role], root["keys"], role)


def _by(raw: bytes, role: dict[str, Any], keys: dict[str, Any], kind: str) -> dict[str, Any]:
    """Give what a threshold of a role's keys signed (TUF 1.0 §4.2, §5.3)."""
    metadata = _parse(raw)
    signed: dict[str, Any] = metadata["signed"]
    message = olpc(signed).encode()
    good = set()
    named = [signature["keyid"] for signature in metadata["signatures"]]
    need(len(set(named)) == len(named), f"{kind}: a key signs twice")
    for signature in metadata["signatures"]:
        if signature["keyid"] in role["keyids"]:
            public = bytes.fromhex(keys[signature["keyid"]]["keyval"]["public"])
            try:
                HybridKey(public, None).check_classic(bytes.fromhex(signature["sig"]), message)
            except RefusedError:
                continue
            good.add(public)
    need(role["threshold"] > 0 and len(good) >= role["threshold"], f"{kind}: not enough signed")
    need(signed["_type"] == kind, f"{kind}: another type")
    return signed


def olpc(value: object) -> str:
    """Write OLPC canonical JSON, over which TUF's signatures go."""
    if isinstance(value, dict):
        fields = (f"{olpc(name)}:{olpc(value[name])}" for name in sorted(value))
        return "{" + ",".join(fields) + "}"
    if isinstance(value, list):
        return "[" + ",".join(olpc(one) for one in value) + "]"
    if isinstance(value, str):
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    return json.dumps(value)


def _meta(files: Files, named_in: dict[str, Any], role: str) -> bytes:
    named = named_in["meta"][f"{role}.json"]
    raw = _file(files, f"metadata/{named['version']}.{role}.json")
    need(len(raw) == named["length"], f"{role}: length")
    need(sha256(raw).hex() == named["hashes"]["sha256"], f"{role}: hash")
    need(_parse(raw)["signed"]["version"] == named["version"], f"{role}: version")
    return raw


def _target(files: Files, named_in: dict[str, Any], path: str) -> bytes:
    need(list(named_in["targets"]) == [path], "targets: one document and no other")
    named = named_in["targets"][path]
    folder, slash, name = path.rpartition("/")
    raw = _file(files, f"targets/{folder}{slash}{named['hashes']['sha256']}.{name}")
    need(len(raw) == named["length"], f"{path}: length")
    need(sha256(raw).hex() == named["hashes"]["sha256"], f"{path}: hash")
    return raw


def _file(files: Files, name: str) -> bytes:
    need(name in files, f"{name}: missing")
    return files[name]


def _parse(raw: bytes) -> dict[str, Any]:
    value = json.loads(raw)
    need(isinstance(value, dict), "json: an object")
    assert isinstance(value, dict)
    return value


def _canonical(raw: bytes) -> dict[str, Any]:
    """Read a document in its one form (§5.1)."""
    value = _parse(raw)
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    need(written.encode() == raw, "document: not canonical")
    return value
