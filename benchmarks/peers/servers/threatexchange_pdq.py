"""Theirs of P5, in an environment of its own: python threatexchange_pdq.py FOLDER.

`PDQIndex` of threatexchange 1.2 on faiss: sixteen bands of sixteen bits, each within one bit.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path

import faiss
from threatexchange.signal_type.pdq.pdq_index import PDQIndex

BYTES = 32
ADDED = 3


def rss_mb() -> float:
    """Return the memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure, and print one JSON object."""
    folder = Path(sys.argv[1])
    faiss.omp_set_num_threads(1)
    hashes, raw = ((folder / name).read_bytes() for name in ("hashes", "queries"))
    queries = [raw[at : at + BYTES].hex() for at in range(0, len(raw), BYTES)]
    entries = [
        (hashes[at : at + BYTES].hex(), number)
        for number, at in enumerate(range(0, len(hashes), BYTES))
    ]
    PDQIndex.build(entries[:5_000]).query(queries[0])
    before, started = rss_mb(), time.process_time()
    index = PDQIndex.build(entries)
    build_s, memory_mb = time.process_time() - started, rss_mb() - before
    started = time.process_time()
    found = [bool(index.query(query)) for query in queries]
    rate = len(queries) / (time.process_time() - started)
    took = []
    for number in range(ADDED):
        started = time.perf_counter()
        index.add(queries[number], len(entries) + number)
        took.append((time.perf_counter() - started) * 1000)
    print(json.dumps({
        "rate": rate, "recall": sum(found[1::2]) / len(found[1::2]), "build_s": build_s,
        "add_ms": statistics.median(took), "memory_mb": memory_mb,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
