"""P5 asks for what it says it asks for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import near
from tests.builders.pictures import apart


@pytest.fixture
def rows(tmp_path: Path) -> tuple[list[bytes], list[bytes]]:
    """Return the hashes and the queries of a small run."""
    near.make_input(200, 7, tmp_path)
    parts = []
    for name in ("hashes", "queries"):
        raw = (tmp_path / name).read_bytes()
        parts.append([raw[at : at + 32] for at in range(0, len(raw), 32)])
    return parts[0], parts[1]


def test_each_second_query_is_near_a_hash_at_every_distance_alike(
    rows: tuple[list[bytes], list[bytes]],
) -> None:
    """A recall over near ones alone would flatter whoever misses the far ones."""
    hashes, queries = rows
    distances = Counter(min(apart(one, query) for one in hashes) for query in queries[1::2])
    assert set(distances) == set(range(32))
    assert max(distances.values()) - min(distances.values()) <= 1


def test_other_queries_are_near_nothing(rows: tuple[list[bytes], list[bytes]]) -> None:
    """Most of what is handed in is."""
    hashes, queries = rows
    assert all(apart(one, query) > 31 for query in queries[::2] for one in hashes)
