"""Evidence bundles and proofs of forks: docs/protocol.md §8.9 and §12, from the text alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from tests.second.basics import (
    RefusedError,
    from64,
    need,
    root_above,
    roots_of_proof,
    sha256,
    unpack,
)
from tests.second.fields import item_of
from tests.second.notes import (
    LANES,
    Head,
    check_checkpoint,
    check_head,
    check_receipt,
    check_witnesses,
)
from tests.second.registry import Network, verify

Proved = TypeVar("Proved")

DISPOSITIONS = 36
"""The kind of answers to several entries (§7.1)."""

BUNDLE = {
    "type": str,
    "version": int,
    "network": str,
    "item": str,
    "made_by": str,
    "made_ms": int,
    "proofs": list,
    "registry": dict,
    "revocations": list,
}
PROOF = {
    "sender": str,
    "receiver": str,
    "lane": str,
    "epoch": str,
    "index": int,
    "size": int,
    "entry": str,
    "path": list,
    "checkpoint": str,
    "receipt": (str, type(None)),
    "ledger": (dict, type(None)),
}
LEDGER = {
    "owner": str,
    "epoch": str,
    "index": int,
    "size": int,
    "path": list,
    "head": str,
}
FORK = {
    "type": str,
    "version": int,
    "network": str,
    "accused": str,
    "smaller_note": str,
    "larger_note": str,
    "nodes": list,
    "found_ms": int,
    "made_by": str,
    "registry": dict,
    "revocations": list,
}


class Shown(NamedTuple):
    """One entry of a bundle."""

    sender: str
    receiver: str
    lane: str
    item: str | None
    time_s: int | None
    witnesses: tuple[str, ...]
    witnessed_s: int | None
    binds: tuple[str, ...]


def check_bundle(raw: bytes, pin: bytes) -> list[Shown]:
    """Give what a bundle proves: of each entry, without what is void (§3.9).

    Raises:
        RefusedError: something in it does not hold, or nothing about its item is proved.
    """
    return judged(_bundle, raw, pin)


def check_fork(raw: bytes, pin: bytes) -> tuple[str, int, int]:
    """Give whom a proof accuses, and of which two sizes.

    Raises:
        RefusedError: it proves nothing.
    """
    return judged(_fork, raw, pin)


def judged(judge: Callable[[Any, bytes], Proved], raw: bytes, pin: bytes) -> Proved:
    """Take whatever a broken file makes of plain reading for a refusal."""
    try:
        file = json.loads(raw.decode(), object_pairs_hook=fields_once)
        json.dumps(file, ensure_ascii=False).encode()  # half a character is none
        return judge(file, pin)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise RefusedError("form") from None


def fields_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that has a field twice (§12)."""
    need(len(dict(pairs)) == len(pairs), "object: a field twice")
    return dict(pairs)


def _bundle(file: Any, pin: bytes) -> list[Shown]:
    form_of(file, BUNDLE, "hx1-evidence")
    network = network_of(file, pin).without(file.get("revocations", []))
    need(file["proofs"], "proofs: none")
    shown = [_proof(proof, network) for proof in file["proofs"]]
    need(file["item"] in {one.item for one in shown if one.binds}, "item: not what it is about")
    for proof in file["proofs"]:
        _answers_one(proof, file["proofs"])
    return shown


def _answers_one(proof: dict[str, Any], proofs: list[dict[str, Any]]) -> None:
    """§12: an answer to several entries cites one of the bundle's, at its place."""
    _, kind, _, _, body = unpack(from64(proof["entry"]))
    if kind != DISPOSITIONS:
        return
    lane, epoch, cited = body[0], body[1].hex(), body[5]
    origin = (proof["receiver"], proof["sender"], lane, epoch)
    held = [
        [other["index"], sha256(b"\0", from64(other["entry"]))]
        for other in proofs
        if (other["sender"], other["receiver"], other["lane"], other["epoch"]) == origin
    ]
    need(any(one in cited for one in held), "dispositions: answers no entry of the bundle")


def _fork(file: Any, pin: bytes) -> tuple[str, int, int]:
    form_of(file, FORK, "hx1-fork")
    network = network_of(file, pin).without(file.get("revocations", []))
    keys = network.counting(file["accused"], "log", None)
    smaller = check_head(file["smaller_note"], keys)
    larger = check_head(file["larger_note"], keys)
    need(smaller.origin == larger.origin, "fork: two logs")
    need((smaller.network, smaller.sender) == (network.id, file["accused"]), "fork: whose log")
    nodes = [from64(one) for one in file["nodes"]]
    if smaller.size == larger.size:
        need(smaller.root != larger.root, "fork: they say the same")
    else:
        before, after = roots_of_proof(smaller.size, larger.size, nodes)
        need(after == larger.root, "fork: not the larger root")
        need(before != smaller.root, "fork: the larger tree extends the smaller")
    return file["accused"], smaller.size, larger.size


def form_of(file: Any, fields: dict[str, Any], kind: str | None = None) -> None:
    """Refuse what has other fields, or values of other types; two of them may be left out."""
    need(isinstance(file, dict), "object")
    optional = {"ledger", "revocations"} & set(fields)
    need(set(file) | optional == set(fields), "fields")
    for name, value in file.items():
        need(isinstance(value, fields[name]) and not isinstance(value, bool), f"{name}: type")
    if kind is not None:
        need((file["type"], file["version"]) == (kind, 1), "type, version")


def network_of(file: dict[str, Any], pin: bytes) -> Network:
    """Give the registry in a file, verified from the pinned root."""
    files = {name: from64(text) for name, text in file["registry"].items()}
    network = verify(pin, files)
    need(network.id == file["network"], "network: another one")
    return network


def _proof(proof: dict[str, Any], network: Network) -> Shown:
    form_of(proof, PROOF)
    sender, receiver, lane = proof["sender"], proof["receiver"], proof["lane"]
    need(lane in LANES and re.fullmatch("[0-9a-f]{16}", proof["epoch"]), "lane, epoch")
    head = check_checkpoint(proof["checkpoint"], network.of(sender, "log"))
    origin = f"hx1/{network.id}/{sender}/{receiver}/{lane}/{proof['epoch']}"
    need((head.origin, head.size) == (origin, proof["size"]), "checkpoint: of another log or size")
    entry = from64(proof["entry"])
    path = [from64(one) for one in proof["path"]]
    leaf = sha256(b"\0", entry)
    need(root_above(leaf, proof["index"], head.size, path) == head.root, "path: another root")
    if proof["receipt"] is not None:
        check_receipt(proof["receipt"], head, receiver, network.of(receiver, "receipt"))
    times = _witnesses(proof, head, network)
    outside = sorted((at, who) for who, at in times.items() if who not in {sender, receiver})
    since = outside[1][0] if len(outside) > 1 else None
    by = tuple(who for at, who in outside if since is not None and at <= since)
    part, item = proof.get("ledger"), about(entry)
    seen = {} if part is None else {part["owner"]: since}
    signers = network.counting(sender, "log", seen.get(sender))
    if _unless_void(check_checkpoint, proof["checkpoint"], signers) is None:
        return Shown(sender, receiver, lane, item, None, (), None, ())
    cosigners = network.counting(receiver, "receipt", seen.get(receiver))
    time_s = None
    if proof["receipt"] is not None:
        time_s = _unless_void(check_receipt, proof["receipt"], head, receiver, cosigners)
    binds = (sender,) if time_s is None else (sender, receiver)
    return Shown(sender, receiver, lane, item, time_s, by, since, binds)


def _unless_void(judge: Callable[..., Proved], *given: Any) -> Proved | None:
    """Give what a signature says; None: it holds under the keys that are listed, none counts."""
    try:
        return judge(*given)
    except RefusedError:
        return None


def _witnesses(proof: dict[str, Any], checkpoint: Head, network: Network) -> dict[str, int]:
    """Give who cosigned the ledger in which a checkpoint stands, and when (§12)."""
    part = proof.get("ledger")
    if part is None:
        return {}
    form_of(part, LEDGER)
    owner = part["owner"]
    need(owner in {proof["sender"], proof["receiver"]}, "ledger: of a third member")
    head = check_head(part["head"], network.of(owner, "log"), 32768)
    origin = f"hx1/{network.id}/{owner}/ledger/{part['epoch']}"
    need((head.origin, head.size) == (origin, part["size"]), "ledger: another one, or size")
    leaf = sha256(b"\0", pack_leaf(checkpoint.origin, checkpoint.size, checkpoint.root))
    path = [from64(one) for one in part["path"]]
    need(root_above(leaf, part["index"], head.size, path) == head.root, "ledger: another root")
    active = network.keys.keys() - network.inactive
    witnesses = {one: network.counting(one, "witness", None) for one in active}
    return check_witnesses(part["head"], witnesses, network.ends)


def pack_leaf(origin: str, size: int, root: bytes) -> bytes:
    """Write the leaf of a ledger (§8.11.1) in its one form (§4.2)."""
    name = origin.encode()
    need(32 <= len(name) < 256, "ledger: an origin of another length")
    form = next(f for f in _NUMBERS if size < f[0])
    number = form[1] + size.to_bytes(form[2], "big")
    return b"\x93\xd9" + bytes([len(name)]) + name + number + b"\xc4\x20" + root


_NUMBERS = (
    (1 << 7, b"", 1),
    (1 << 8, b"\xcc", 1),
    (1 << 16, b"\xcd", 2),
    (1 << 32, b"\xce", 4),
    (1 << 64, b"\xcf", 8),
)
"""Of a number: below what, its first byte, and how many follow."""


def about(entry: bytes) -> str | None:
    """Give the item that an entry speaks of (§5.1); unknown kinds speak of none.

    Raises:
        RefusedError: it is not an entry, or its body is not its message.
    """
    need(len(entry) <= 65536, "entry: too large")
    value = unpack(entry)
    need(isinstance(value, list) and len(value) == 5, "entry: five parts")
    version, kind, identity, salt, body = value
    need(type(version) is int and version >= 0, "entry: version")
    need(type(kind) is int and kind >= 0, "entry: kind")
    need(isinstance(identity, bytes) and len(identity) == 32, "entry: id")
    need(isinstance(salt, bytes) and len(salt) == 16, "entry: salt")
    return item_of(version, kind, body)
