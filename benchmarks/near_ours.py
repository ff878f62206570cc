"""The node's side of P5, in a process of its own: python benchmarks/near_ours.py FOLDER WAY."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path

from benchmarks.machine import rss_mb
from node.matching.near.compiled import near_rows_compiled
from node.matching.near.index import NearIndex
from node.matching.near.probing import near_rows

BYTES = 32
WARM = 5_000
ADDED = 1_000


def main() -> None:
    """Measure, and print one JSON object."""
    folder, way = Path(sys.argv[1]), sys.argv[2]
    hashes, raw = ((folder / name).read_bytes() for name in ("hashes", "queries"))
    queries = [raw[at : at + BYTES] for at in range(0, len(raw), BYTES)]
    find = near_rows_compiled if way == "compiled" else near_rows
    rows = len(hashes) // BYTES
    warm = NearIndex(find=find)
    warm.extend(range(WARM), hashes[: WARM * BYTES])
    warm.search(queries[0])
    before, started = rss_mb(os.getpid()), time.process_time()
    index = NearIndex(find=find)
    index.extend(range(rows), hashes)
    build_s, memory_mb = time.process_time() - started, rss_mb(os.getpid()) - before
    started = time.process_time()
    found = [bool(index.search(query)) for query in queries]
    rate = len(queries) / (time.process_time() - started)
    took = []
    for number in range(ADDED):
        started = time.perf_counter()
        index.add(rows + number, queries[number % len(queries)])
        took.append((time.perf_counter() - started) * 1000)
    memory_mb = max(memory_mb, rss_mb(os.getpid()) - before)
    print(json.dumps({
        "rate": rate, "recall": sum(found[1::2]) / len(found[1::2]), "build_s": build_s,
        "add_ms": statistics.median(took), "memory_mb": memory_mb,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
