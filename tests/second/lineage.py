"""How the epochs of a ledger go on from each other: docs/protocol.md §8.16, from the text alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.second.basics import (
    HybridKey,
    RefusedError,
    need,
    root_above,
    roots_of_proof,
    sha256,
    unpack,
)
from tests.second.files import pack_leaf
from tests.second.notes import Head, check_head, take_apart


class Kept(NamedTuple):
    """What a reader remembers of a ledger: epoch, size, root."""

    epoch: bytes
    size: int
    root: bytes


def check_lineage(
    raw: bytes, network: str, owner: str, keys: list[HybridKey], kept: Kept | None
) -> tuple[Kept | None, bool]:
    """Give what is remembered afterwards, and whether the ledger goes on from what was.

    Raises:
        RefusedError: something in it does not hold.
    """
    need(len(raw) <= 524_288, "lineage: too large")
    try:
        return _judge(unpack(raw), f"hx1/{network}/{owner}/ledger/", keys, kept)
    except (ValueError, TypeError, AttributeError, IndexError):
        raise RefusedError("form") from None


def _judge(
    value: Any, prefix: str, keys: list[HybridKey], kept: Kept | None
) -> tuple[Kept | None, bool]:
    need(isinstance(value, list) and len(value) == 6, "lineage: six parts")
    version, seen, start, nodes, links, others = value
    need(isinstance(others, list) and len(others) <= 24, "lineage: others")
    need(all(isinstance(one, bytes) and len(one) <= 16384 for one in others), "lineage: others")
    need(type(version) is int and version == 1, "lineage: version")
    for place in (seen, start):
        need(place is None or _is_place(place), "lineage: a place")
    _hashes(nodes)
    need(isinstance(links, list) and len(links) <= 64, "lineage: links")
    heads = [_head(link, prefix, keys if link is links[-1] else None) for link in links]
    for before, head, (_, path) in zip(heads, heads[1:], links[1:], strict=False):
        leaf = sha256(b"\0", pack_leaf(before.origin, before.size, before.root))
        need(root_above(leaf, 0, head.size, path) == head.root, "lineage: the first leaf")
    epochs = [bytes.fromhex(head.origin.rpartition("/")[2]) for head in heads]
    need(len(set(epochs)) == len(epochs), "lineage: an epoch twice")
    if not heads:
        return kept, True
    after = Kept(epochs[-1], heads[-1].size, heads[-1].root)
    if start is None:
        if kept is not None and kept.epoch in epochs:
            return kept, True
        return after, kept is None
    if kept is None or start != [kept.epoch, kept.size]:
        return kept, True
    need(epochs[0] == kept.epoch, "lineage: another epoch than the one remembered")
    _extends(kept, heads[0], nodes)
    return after, True


def _extends(kept: Kept, head: Head, nodes: list[bytes]) -> None:
    if kept.size == head.size:
        need(kept.root == head.root and not nodes, "lineage: another root")
        return
    full = [kept.root, *nodes] if kept.size & (kept.size - 1) == 0 else nodes
    need(roots_of_proof(kept.size, head.size, full) == (kept.root, head.root), "lineage: roots")


def _head(link: Any, prefix: str, keys: list[HybridKey] | None) -> Head:
    """Read one; None: the epoch after it says it again, whoever signed it."""
    need(isinstance(link, list) and len(link) == 2 and isinstance(link[0], bytes), "link")
    _hashes(link[1])
    note = link[0].decode()
    head = take_apart(note)[0] if keys is None else check_head(note, keys)
    need(head.is_ledger and head.origin.startswith(prefix) and head.size > 0, "link: whose")
    return head


def _is_place(place: Any) -> bool:
    return (
        isinstance(place, list)
        and len(place) == 2
        and isinstance(place[0], bytes)
        and len(place[0]) == 8
        and type(place[1]) is int
        and 0 <= place[1] < 1 << 53
    )


def _hashes(nodes: Any) -> None:
    need(isinstance(nodes, list) and len(nodes) <= 64, "hashes")
    need(all(isinstance(one, bytes) and len(one) == 32 for one in nodes), "hashes")
