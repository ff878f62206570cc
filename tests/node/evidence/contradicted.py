"""Contradictions between a ledger and a channel, right and tampered with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from node.evidence.contradictions import KeptContradiction, export_contradiction
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, Origin, sign_checkpoint
from protocol.contradiction import Contradiction
from protocol.fork import fork_nodes
from protocol.ledger import LedgerHead, LedgerOrigin, LoggedHead, sign_ledger_head
from protocol.merkle import inclusion_path, root_of
from protocol.receipt import cosign
from protocol.vocabulary import Lane
from tests.builders.network import NOW_MS
from tests.node.evidence.forked import EOKM, FILES, IWF, KEYS, LEAVES, REGISTRY, flipped

PDC = "fr-pdc"
ORIGIN = Channel(REGISTRY.network_id, IWF, EOKM, Lane.REPORTS).origin(bytes(8))
FALSE = b"\x07" * 32
OTHERS = [LoggedHead(f"hx1/{REGISTRY.network_id}/other", n, bytes([n]) * 32) for n in range(4)]


def checkpoint_note(size: int, root: bytes | None = None, signer: str = IWF) -> bytes:
    """Return what gb-iwf signed of its log at a size."""
    root = root_of(LEAVES[:size]) if root is None else root
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), KEYS[signer].log)


def receipt_note(size: int, signer: str = EOKM) -> bytes:
    """Return a receipt for the checkpoint at a size."""
    return cosign(Checkpoint(ORIGIN, size, root_of(LEAVES[:size])), KEYS[signer].receipt, 1000)


def ledger_head(owner: str, leaves: list[LoggedHead], signer: str | None = None) -> bytes:
    """Return the signed head of a ledger with these leaves."""
    origin = LedgerOrigin(REGISTRY.network_id, owner, b"\x05" * 8)
    head = LedgerHead(origin, len(leaves), root_of([one.leaf for one in leaves]))
    return sign_ledger_head(head, KEYS[signer or owner].log)


def kept_contradiction(
    accused: str = IWF,
    size: int = 5,
    signed: int = 9,
    *,
    honest: bool = False,
    owner: str | None = None,
    log: Origin = ORIGIN,
) -> KeptContradiction:
    """Return one as a node finds it; `honest`: the ledger says what the channel says.

    `owner`: whose ledger the accused signed, if not its own; `log`: what the leaf names.
    """
    leaf = LoggedHead(str(log), size, root_of(LEAVES[:size]) if honest else FALSE)
    leaves = [*OTHERS[:2], leaf, *OTHERS[2:]]
    larger = Checkpoint(ORIGIN, signed, root_of(LEAVES[:signed]))
    nodes = (
        () if size == signed else fork_nodes(LEAVES[:signed], larger._replace(size=size), larger)
    )
    evidence = Contradiction(
        ledger_head(owner or accused, leaves, accused),
        leaf,
        2,
        tuple(inclusion_path([one.leaf for one in leaves], 2, len(leaves))),
        checkpoint_note(signed),
        receipt_note(signed) if accused == EOKM else None,
        nodes,
    )
    return KeptContradiction(1, accused, NOW_MS, evidence)


def file_of(kept: KeptContradiction) -> bytes:
    """Return the file."""
    return export_contradiction([kept], 1, PDC, REGISTRY, FILES)


Tamper = Callable[[dict[str, Any]], object]


def said(**change: Any) -> Tamper:
    """Return a tampering of what the ledger states."""
    return lambda f: f["ledger"].update(change)


TAMPERED: dict[str, Tamper] = {
    "another accused": lambda f: f.update(accused=IWF),
    "a third member accused": lambda f: f.update(accused=PDC),
    "unknown accused": lambda f: f.update(accused="xx-nobody"),
    "another network": lambda f: f.update(network="demo-0000000000000000"),
    "another version": lambda f: f.update(version=2),
    "another type": lambda f: f.update(type="hx1-fork"),
    "unknown field": lambda f: f.update(more=1),
    "unknown field in the statement": said(more=1),
    "a field missing": lambda f: f.pop("receipt"),
    "another size stated": said(size=6),
    "no size stated": said(size=0),
    "size below zero": said(size=-1),
    "another root stated": lambda f: f["ledger"].update(root=flipped(f["ledger"]["root"])),
    "a root that is too short": said(root="Bwc="),
    "another place": said(index=1),
    "a place below zero": said(index=-1),
    "another log stated": lambda f: f["ledger"].update(
        origin=f["ledger"]["origin"].replace("/reports/", "/status/")
    ),
    "a log of others stated": lambda f: f["ledger"].update(
        origin=f["ledger"]["origin"].replace(EOKM, PDC)
    ),
    "the ledger's own origin stated": said(
        origin=f"hx1/{REGISTRY.network_id}/{EOKM}/ledger/{'05' * 8}"
    ),
    "no path": said(path=[]),
    "a path changed": lambda f: f["ledger"]["path"].__setitem__(0, flipped(f["ledger"]["path"][0])),
    "a path too long": lambda f: f["ledger"]["path"].append(f["ledger"]["path"][0]),
    "a head that its owner did not sign": lambda f: f["ledger"].update(
        head=ledger_head(EOKM, OTHERS, PDC).decode()
    ),
    "a head of another's ledger": lambda f: f["ledger"].update(
        head=ledger_head(PDC, OTHERS).decode()
    ),
    "a head that is a checkpoint": lambda f: f["ledger"].update(head=f["checkpoint"]),
    "half of the head's signature": lambda f: f["ledger"].update(
        head=f["ledger"]["head"].rstrip("\n").rpartition("\n")[0] + "\n"
    ),
    "half of the checkpoint's signature": lambda f: f.update(
        checkpoint=f["checkpoint"].rstrip("\n").rpartition("\n")[0] + "\n"
    ),
    "a checkpoint by another member": lambda f: f.update(
        checkpoint=checkpoint_note(9, signer=PDC).decode()
    ),
    "a checkpoint by the accused": lambda f: f.update(
        checkpoint=checkpoint_note(9, signer=EOKM).decode()
    ),
    "another checkpoint": lambda f: f.update(checkpoint=checkpoint_note(8).decode()),
    "a smaller checkpoint": lambda f: f.update(checkpoint=checkpoint_note(4).decode()),
    "no receipt": lambda f: f.update(receipt=None),
    "a receipt for another size": lambda f: f.update(receipt=receipt_note(8).decode()),
    "a receipt by another member": lambda f: f.update(receipt=receipt_note(9, PDC).decode()),
    "half a receipt": lambda f: f.update(
        receipt=f["receipt"].rstrip("\n").rpartition("\n")[0] + "\n"
    ),
    "no nodes": lambda f: f.update(nodes=[]),
    "a node changed": lambda f: f["nodes"].__setitem__(0, flipped(f["nodes"][0])),
    "a node too many": lambda f: f["nodes"].append(f["nodes"][0]),
    "a node that is no base64": lambda f: f["nodes"].__setitem__(0, "not base64"),
    "a node in another spelling": lambda f: f["nodes"].__setitem__(
        0, f["nodes"][0].rstrip("=")[:-1] + "/="
    ),
    "a registry file missing": lambda f: f["registry"].pop("metadata/timestamp.json"),
    "a registry file changed": lambda f: f["registry"].update(
        {"metadata/timestamp.json": flipped(f["registry"]["metadata/timestamp.json"])}
    ),
}
"""Of one that accuses nl-eokm, which receipted the channel of gb-iwf."""
