"""§8.1: trees and proofs as RFC 9162 defines them."""

from __future__ import annotations

import base64
import hashlib
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedError, ProofError, UnsayableError
from protocol.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    CompactRange,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    rebuild,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.protocol import oracle
from tests.protocol.conftest import vectors

LEAVES = [leaf_hash(b"%d" % number) for number in range(70)]
INCLUSION = vectors("merkle_inclusion.json")["vectors"]
CONSISTENCY = vectors("merkle_consistency.json")["vectors"]


def _hash(text: str) -> bytes:
    return base64.b64decode(text)


def _path(vector: dict[str, Any]) -> list[bytes]:
    return [_hash(one) for one in vector["proof"] or []]


@pytest.mark.parametrize("vector", INCLUSION, ids=lambda one: one["name"])
def test_8_1_inclusion_is_judged_as_others_judge_it(vector: dict[str, Any]) -> None:
    """Positive and negative vectors of an independent implementation."""

    def check() -> None:
        verify_inclusion(
            _hash(vector["leafHash"]),
            vector["leafIdx"],
            vector["treeSize"],
            _path(vector),
            _hash(vector["root"]),
        )

    if vector["wantErr"]:
        with pytest.raises(ProofError):
            check()
    else:
        check()


@pytest.mark.parametrize("vector", CONSISTENCY, ids=lambda one: one["name"])
def test_8_1_consistency_is_judged_as_others_judge_it(vector: dict[str, Any]) -> None:
    """Positive and negative vectors of an independent implementation."""

    def check() -> None:
        verify_consistency(
            vector["size1"],
            _hash(vector["root1"]),
            vector["size2"],
            _hash(vector["root2"]),
            _path(vector),
        )

    if vector["wantErr"]:
        with pytest.raises(ProofError):
            check()
    else:
        check()


def test_8_1_leaves_and_nodes_are_hashed_apart() -> None:
    """Without the prefixes a node could be passed off as an entry."""
    assert leaf_hash(b"ab") == hashlib.sha256(b"\0ab").digest()
    assert node_hash(b"a", b"b") == hashlib.sha256(b"\1ab").digest()
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT


@pytest.mark.parametrize("size", range(70))
def test_8_1_the_compact_range_has_the_root_of_the_tree(size: int) -> None:
    """Against the recursive definition, for every small size."""
    assert root_of(LEAVES[:size]) == oracle.tree(LEAVES[:size])


@given(st.integers(0, 70), st.integers(0, 70))
def test_8_1_extending_in_pieces_is_extending_at_once(first: int, second: int) -> None:
    """A receiver that took many pushes has the same edge as one that took a single one."""
    cut = min(first, second)
    whole = LEAVES[: max(first, second)]
    assert CompactRange().extend(whole[:cut]).extend(whole[cut:]) == CompactRange().extend(whole)


def test_8_1_appending_is_extending_by_one() -> None:
    """`append` is a convenience."""
    edge = CompactRange().append(LEAVES[0]).append(LEAVES[1])
    assert (edge.size, edge.root) == (2, node_hash(LEAVES[0], LEAVES[1]))


@given(st.integers(0, 70))
def test_8_1_the_edge_survives_the_row_it_is_kept_on(size: int) -> None:
    """`to_bytes` loses nothing and keeps O(log n) hashes."""
    edge = CompactRange().extend(LEAVES[:size])
    assert CompactRange.from_bytes(edge.to_bytes()) == edge
    assert len(edge.to_bytes()) == 8 + 32 * size.bit_count()


@pytest.mark.parametrize(
    "raw",
    [b"", bytes(7), bytes(9), (1).to_bytes(8, "big"), (1).to_bytes(8, "big") + bytes(31),
     (3).to_bytes(8, "big") + bytes(32), b"\xff" * 8 + bytes(32 * 64)],
)  # fmt: skip
def test_8_1_a_damaged_edge_is_not_read(raw: bytes) -> None:
    """A column that was cut or altered in length is no edge."""
    with pytest.raises(MalformedError):
        CompactRange.from_bytes(raw)


def test_8_1_a_tree_ends_before_integers_become_inexact() -> None:
    """Beyond 2^53 - 1 some languages would read another size."""
    full = CompactRange(MAX_SIZE, tuple([bytes(32)] * MAX_SIZE.bit_count()))
    assert CompactRange.from_bytes(full.to_bytes()) == full
    with pytest.raises(UnsayableError):
        full.append(LEAVES[0])
    with pytest.raises(MalformedError):
        CompactRange.from_bytes((MAX_SIZE + 1).to_bytes(8, "big") + bytes(32))


def test_8_1_the_largest_tree_has_proofs_and_a_larger_one_has_none() -> None:
    """Both trees have the same paths from their first leaf: only the size tells them apart."""
    path = [leaf_hash(b"sibling %d" % level) for level in range(53)]
    root = reduce(node_hash, path, LEAVES[0])
    verify_inclusion(LEAVES[0], 0, MAX_SIZE, path, root)
    verify_consistency(1, LEAVES[0], MAX_SIZE, root, path)
    with pytest.raises(ProofError):
        verify_inclusion(LEAVES[0], 0, MAX_SIZE + 1, path, root)
    with pytest.raises(ProofError):
        verify_consistency(1, LEAVES[0], MAX_SIZE + 1, root, path)


@given(st.data())
def test_8_1_every_leaf_can_be_proved(data: st.DataObject) -> None:
    """Our path is the one of the definition, and verifies."""
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(LEAVES, index, size)
    assert path == oracle.inclusion(index, LEAVES[:size])
    verify_inclusion(LEAVES[index], index, size, path, root_of(LEAVES[:size]))


@given(st.data())
def test_8_1_every_extension_can_be_proved(data: st.DataObject) -> None:
    """Our path is the one of the definition, and verifies."""
    size2 = data.draw(st.integers(1, 70))
    size1 = data.draw(st.integers(1, size2))
    path = consistency_path(LEAVES, size1, size2)
    assert path == oracle.consistency(size1, LEAVES[:size2])
    verify_consistency(size1, root_of(LEAVES[:size1]), size2, root_of(LEAVES[:size2]), path)


@given(st.data())
def test_8_1_a_proof_with_a_changed_bit_proves_nothing(data: st.DataObject) -> None:
    """Leaf, path and root: each bit counts."""
    size = data.draw(st.integers(2, 70))
    index = data.draw(st.integers(0, size - 1))
    hashes = [LEAVES[index], root_of(LEAVES[:size]), *inclusion_path(LEAVES, index, size)]
    which = data.draw(st.integers(0, len(hashes) - 1))
    changed = bytearray(hashes[which])
    changed[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    hashes[which] = bytes(changed)
    with pytest.raises(ProofError):
        verify_inclusion(hashes[0], index, size, hashes[2:], hashes[1])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, 71)])
def test_8_1_no_path_outside_of_the_tree(index: int, size: int) -> None:
    """Asking for one is a bug of ours."""
    with pytest.raises(UnsayableError):
        inclusion_path(LEAVES, index, size)


@pytest.mark.parametrize(("size1", "size2"), [(0, 3), (4, 3), (1, 71)])
def test_8_1_no_extension_of_nothing(size1: int, size2: int) -> None:
    """Everything extends the empty tree, so that would prove nothing."""
    with pytest.raises(UnsayableError):
        consistency_path(LEAVES, size1, size2)


@given(st.data())
def test_8_9_who_rebuilds_the_larger_root_has_the_smaller(data: st.DataObject) -> None:
    """The soundness that fork evidence rests on: both roots come from the same nodes."""
    size2 = data.draw(st.integers(2, 70))
    size1 = data.draw(st.integers(1, size2 - 1))
    path = consistency_path(LEAVES, size1, size2)
    first = [root_of(LEAVES[:size1])] if size1.bit_count() == 1 else []
    assert rebuild(size1, size2, [*first, *path]) == (
        root_of(LEAVES[:size1]),
        root_of(LEAVES[:size2]),
    )


def test_8_1_a_tree_does_not_extend_itself_by_nodes() -> None:
    """Equal sizes need no proof, and a proof for them is none."""
    root = root_of(LEAVES[:3])
    verify_consistency(3, root, 3, root, [])
    for path in ([root], [LEAVES[0]]):
        with pytest.raises(ProofError):
            verify_consistency(3, root, 3, root, path)
        with pytest.raises(ProofError):
            rebuild(3, 3, path)
    with pytest.raises(ProofError):
        rebuild(4, 4, [root_of(LEAVES[:4])])
