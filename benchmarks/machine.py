"""What a figure depends on: machine, versions, settings of durability, cost of one flush."""

from __future__ import annotations

import os
import platform
import ssl
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.figures import median
from node.store.connection import open_reader

PARTS = ("aiohttp", "cryptography", "msgspec", "sqlcipher3", "sqlite-utils", "tuf", "uvloop")
PRAGMAS = (
    "journal_mode",
    "synchronous",
    "page_size",
    "cache_size",
    "wal_autocheckpoint",
    "cipher_version",
    "cipher_provider",
    "cipher_hmac_algorithm",
)
FLUSHES = 50


def machine() -> dict[str, object]:
    """Tell processor, memory, system and versions."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _field(Path("/proc/cpuinfo"), "model name"),
        "memory": _field(Path("/proc/meminfo"), "MemTotal"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "openssl": ssl.OPENSSL_VERSION,
        "parts": {name: _version(name) for name in PARTS},
        "load": list(os.getloadavg()),
    }


def durability(database: Path, key: bytes) -> dict[str, object]:
    """Tell the settings that a member's database works under, and its versions."""
    connection = open_reader(database, key)
    try:
        found: dict[str, object] = {
            name: row[0]
            for name in PRAGMAS
            if (row := connection.execute(f"PRAGMA {name}").fetchone()) is not None
        }
        found["sqlite"] = connection.execute("SELECT sqlite_version()").fetchone()[0]
    finally:
        connection.close()
    return found | {"file_system": file_system(database), "flush_ms": flush_ms(database.parent)}


def flush_ms(folder: Path) -> float:
    """Return the median time to append 4 KiB and flush them to the disk, in milliseconds."""
    path, times = folder / "flush.probe", []
    with path.open("wb", buffering=0) as file:
        for _ in range(FLUSHES):
            started = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    path.unlink()
    return median(times)


def file_system(path: Path) -> str:
    """Return the kind of file system that holds `path`: on `tmpfs` nothing is ever flushed."""
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, mounted, found, *_ = line.split(" ")
        if path.resolve().is_relative_to(mounted) and len(mounted) >= len(best):
            best, kind = mounted, found
    return kind


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time, its own and the system's, that a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Return the megabytes (10^6 bytes) of memory that a process holds now."""
    kib = (_field(Path(f"/proc/{pid}/status"), "VmRSS")).split()[0]
    return int(kib) * 1024 / 1e6


def _field(path: Path, name: str) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((ln.partition(":")[2].strip() for ln in lines if ln.startswith(name)), "unknown")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
