"""What `make bench` takes: its figures, their units, and how much of each a profile measures."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import near

PARTS = ("P1", "P2", "P3", "P4", "P6", "P7", "P10", "P11", "P12", "hashcheck")
ON_SERVER = "P8"
"""Taken in the full profile, or if it is asked for: it needs PostgreSQL."""
LOOKALIKES = "P5"
"""Taken only if it is asked for: what it is compared with comes from the package index, once."""


@dataclass(frozen=True)
class Profile:
    """How much is measured: rounds; of each items, reports, submissions, entries, starts.

    `stored` items stand in both databases already at P7 and P11; `hashes` are known at P4 and P5.
    """

    rounds: int
    items: int
    reports: int
    posts: int
    waiting: int
    helps: int
    stored: int
    hashes: int


PROFILES = {
    "quick": Profile(
        rounds=3,
        items=20_000,
        reports=200,
        posts=4_000,
        waiting=15_000,
        helps=5,
        stored=100_000,
        hashes=1_000_000,
    ),
    "full": Profile(
        rounds=3,
        items=100_000,
        reports=1_000,
        posts=20_000,
        waiting=15_000,
        helps=15,
        stored=1_000_000,
        hashes=10_000_000,
    ),
}

WITH = {"quick": (), "full": (ON_SERVER,)}
"""What a profile takes beside `PARTS`."""
SIZES = ("rounds", "items", "waiting", "stored", "hashes")
"""What can be asked for otherwise than a profile has it: P6 with 10^6 entries, P7 with 10^7."""
UNITS = {
    "P1": ("items/s", "floor"),
    "P1.answered": ("items/s", "floor"),
    "P1.cpu.sender": ("us/item", "floor"),
    "P1.cpu.receiver": ("us/item", "floor"),
    "P2.p50": ("ms", "floor"),
    "P2.p99": ("ms", "floor"),
    "P2.answered.p50": ("ms", "floor"),
    "P2.answered.p99": ("ms", "floor"),
    "P3": ("items/s", "floor"),
    "P4": ("hashes/s", "sqlite"),
    "P4.single": ("hashes/s", "sqlite"),
    "P4.stored": ("hashes/s", "sqlite"),
    "P4.import": ("entries/s", "sqlite"),
    "P6": ("s", "floor"),
    "P6.pull": ("s", "floor"),
    "P7": ("items/s", "empty"),
    "P7.cpu.sender": ("us/item", "empty"),
    "P7.cpu.receiver": ("us/item", "empty"),
    **{
        f"{name}{of}": (unit, "threatexchange")
        for of in ("", "@1e7")
        for name, unit in near.UNITS.items()
    },
    "P10": ("URLs/s", "libraries"),
    "P10.fresh": ("URLs/s", "libraries"),
    "P11.idle": ("MB", "floor"),
    "P11.stored": ("MB", "floor"),
    "P8": ("items/s", "sqlite"),
    "P8.answered": ("items/s", "sqlite"),
    "P8.cpu.sender": ("us/item", "sqlite"),
    "P8.cpu.receiver": ("us/item", "sqlite"),
    "P12.help": ("s", "python"),
    "P12.start": ("s", "floor"),
    "hashcheck": ("checks/s", "set"),
    "hashcheck.hits": ("checks/s", "set"),
    "hashcheck.near": ("checks/s", "set"),
}
"""Unit and reference of each figure; those in `/s` are better when higher."""
