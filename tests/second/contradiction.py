"""Ledgers that contradict channels: docs/protocol.md §8.14.6, from the text alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.second.basics import from64, need, root_above, roots_of_proof, sha256
from tests.second.files import form_of, judged, network_of, pack_leaf
from tests.second.notes import ORIGIN, check_checkpoint, check_head, check_receipt
from tests.second.registry import Network

FILE = {
    "type": str,
    "version": int,
    "network": str,
    "accused": str,
    "ledger": dict,
    "checkpoint": str,
    "receipt": (str, type(None)),
    "nodes": list,
    "found_ms": int,
    "made_by": str,
    "registry": dict,
    "revocations": list,
}
STATEMENT = {"origin": str, "size": int, "root": str, "index": int, "path": list, "head": str}


class Contradicted(NamedTuple):
    """Whom it accuses, of which log and sizes; as its sender, or as its receiver."""

    accused: str
    origin: str
    sizes: tuple[int, int]
    as_sender: bool


def check_contradiction(raw: bytes, pin: bytes) -> Contradicted:
    """Give what a file proves.

    Raises:
        RefusedError: it proves nothing.
    """
    return judged(_contradiction, raw, pin)


def _contradiction(file: Any, pin: bytes) -> Contradicted:
    form_of(file, FILE, "hx1-contradiction")
    said = file["ledger"]
    form_of(said, STATEMENT)
    network, accused = network_of(file, pin), file["accused"]
    network = network.without(file.get("revocations", []))
    log = ORIGIN.fullmatch(said["origin"])
    need(log is not None and log[1] == network.id and log[2] != log[3], "leaf: whose log")
    assert log is not None
    need(accused in {log[2], log[3]}, "leaf: not of the accused")
    root = _stands(said, network, accused)
    signed = check_checkpoint(file["checkpoint"], network.counting(log[2], "log", None))
    need(signed.origin == said["origin"], "checkpoint: of another log")
    as_sender = accused == log[2]
    need((file["receipt"] is None) == as_sender, "receipt: there for a receiver only")
    if not as_sender:
        keys = network.counting(accused, "receipt", None)
        check_receipt(file["receipt"], signed, accused, keys)
    nodes = [from64(one) for one in file["nodes"]]
    if signed.size == said["size"]:
        need(not nodes and signed.root != root, "contradiction: they say the same")
    else:
        before, after = roots_of_proof(said["size"], signed.size, nodes)
        need(after == signed.root, "contradiction: not the root of the checkpoint")
        need(before != root, "contradiction: the checkpoint extends the leaf")
    return Contradicted(accused, said["origin"], (said["size"], signed.size), as_sender)


def _stands(said: dict[str, Any], network: Network, accused: str) -> bytes:
    """Give the root that the ledger of the accused states; refuse a leaf that is not in it."""
    head = check_head(said["head"], network.counting(accused, "log", None), 32768)
    need(head.is_ledger and (head.network, head.sender) == (network.id, accused), "ledger: whose")
    root = from64(said["root"])
    need(said["size"] > 0 and len(root) == 32, "leaf: size, root")
    leaf = sha256(b"\0", pack_leaf(said["origin"], said["size"], root))
    path = [from64(one) for one in said["path"]]
    need(root_above(leaf, said["index"], head.size, path) == head.root, "leaf: another root")
    return root
