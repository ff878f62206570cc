"""Append-only Merkle trees over leaf hashes (RFC 9162 §2.1; docs/protocol.md §8.1).

A tree of `size` leaves is the sequence of perfect subtrees given by the binary digits of `size`,
largest first. A `CompactRange` keeps only their roots, the right edge of the tree: with it a
receiver extends a tree by new leaves and knows the new root without the old leaves, in
O(new leaves) time and O(log size) space. Proof functions take leaf hashes, not entries.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Self

from protocol.errors import MalformedError, ProofError, UnsayableError

HASH_BYTES: Final = 32
SIZE_BYTES: Final = 8
MAX_SIZE: Final = (1 << 53) - 1
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

_sha256: Final = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 || entry)."""
    return _sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return _sha256(b"\1" + left + right).digest()


class CompactRange(NamedTuple):
    """The right edge of a tree: its size and the roots of its perfect subtrees, largest first.

    Immutable: extending gives a new one.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The root hash; SHA-256 of nothing for the empty tree."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root

    def append(self, leaf: bytes) -> "CompactRange":
        """Return the edge after one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> "CompactRange":
        """Return the edge after these leaf hashes, in order.

        Raises:
            UnsayableError: the tree would have more than 2^53 - 1 leaves.
        """
        nodes, size, sha256 = list(self.nodes), self.size, _sha256
        for leaf in leaves:
            node, odd = leaf, size
            while odd & 1:
                node = sha256(b"\1" + nodes.pop() + node).digest()
                odd >>= 1
            nodes.append(node)
            size += 1
        if size > MAX_SIZE:
            raise UnsayableError("size: a tree has at most 2^53 - 1 leaves; open a new epoch")
        return CompactRange(size, tuple(nodes))

    def to_bytes(self) -> bytes:
        """Return the size as 8 bytes big-endian, then the nodes: the form kept on a row."""
        return self.size.to_bytes(SIZE_BYTES, "big") + b"".join(self.nodes)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Return the edge that `to_bytes` wrote.

        Raises:
            MalformedError: a length that does not fit the size.
        """
        size = int.from_bytes(raw[:SIZE_BYTES], "big")
        expected = SIZE_BYTES + HASH_BYTES * size.bit_count()
        if len(raw) != expected or size > MAX_SIZE:
            raise MalformedError("compact_range", "the length must fit the size")
        starts = range(SIZE_BYTES, expected, HASH_BYTES)
        return cls(size, tuple(raw[at : at + HASH_BYTES] for at in starts))


EMPTY_EDGE: Final = CompactRange().to_bytes()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root of the tree of these leaf hashes."""
    return CompactRange().extend(leaves).root


def inclusion_path(leaves: Sequence[bytes], index: int, size: int) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of the first `size` leaves (§2.1.3.1).

    Raises:
        UnsayableError: an index or size outside the leaves.
    """
    if not 0 <= index < size <= len(leaves):
        raise UnsayableError("index: must lie within the tree, the tree within the leaves")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[begin:middle]))
            begin = middle
    path.reverse()
    return path


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check that `leaf` is number `index` of the tree with this `size` and `root` (§2.1.3.2).

    Raises:
        ProofError: it is not, or the proof has the wrong form.
    """
    _check_hashes((leaf, root, *path))
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError("index: must lie within the tree")
    node, at, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            raise ProofError("path: too long for the tree")
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        at >>= 1
        last >>= 1
    if last != 0 or node != root:
        raise ProofError("path: does not lead from the leaf to the root")


def consistency_path(leaves: Sequence[bytes], size1: int, size2: int) -> list[bytes]:
    """Return the proof that the tree of `size2` leaves extends that of `size1` (§2.1.4.1).

    Raises:
        UnsayableError: sizes outside 0 < size1 <= size2 <= number of leaves.
    """
    if not 0 < size1 <= size2 <= len(leaves):
        raise UnsayableError("size1: must lie within size2, size2 within the leaves")
    path: list[bytes] = []
    begin, end, whole = 0, size2, True
    while end != size1:
        middle = begin + _split(end - begin)
        if size1 <= middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[begin:middle]))
            begin, whole = middle, False
    if not whole:
        path.append(root_of(leaves[begin:end]))
    path.reverse()
    return path


def verify_consistency(
    size1: int, root1: bytes, size2: int, root2: bytes, path: Sequence[bytes]
) -> None:
    """Check that the tree (size2, root2) extends the tree (size1, root1) (§2.1.4.2).

    Raises:
        ProofError: it does not, or the proof has the wrong form; size1 = 0 proves nothing.
    """
    if size1 == size2 and not path and root1 == root2 and size1 > 0:
        return
    full = (root1, *path) if size1 > 0 and size1.bit_count() == 1 else tuple(path)
    if rebuild(size1, size2, full) != (root1, root2):
        raise ProofError("path: does not lead from the smaller root to the larger")


def rebuild(size1: int, size2: int, nodes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the roots of both trees that a consistency proof with all its nodes implies.

    `nodes` starts with the largest perfect subtree at the end of the smaller tree, which the RFC
    leaves out where it equals the smaller root. Since nodes of a tree with a given root cannot be
    chosen freely, whoever rebuilds the true larger root has the true smaller one too.

    Raises:
        ProofError: wrong sizes or number of nodes.
    """
    _check_hashes(nodes)
    if not 0 < size1 < size2 <= MAX_SIZE or not nodes:
        raise ProofError("size1: must be above 0 and below size2, with a proof")
    at, last = size1 - 1, size2 - 1
    while at & 1:
        at >>= 1
        last >>= 1
    smaller = larger = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise ProofError("path: too long for the tree")
        if at & 1 or at == last:
            smaller, larger = node_hash(node, smaller), node_hash(node, larger)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            larger = node_hash(larger, node)
        at >>= 1
        last >>= 1
    if last != 0:
        raise ProofError("path: too short for the tree")
    return smaller, larger


def _split(size: int) -> int:
    """Return the largest power of two below `size` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofError("path: every hash has 32 bytes")
