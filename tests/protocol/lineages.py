"""Writes `tests/vectors/lineage_v1.json`: how the epochs of a ledger go on from each other.

It imports nothing from `protocol`, as `witnessed` does. Half of each signature is randomised, so
the file is written once and kept: `python -m tests.protocol.lineages`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from tests.protocol import oracle
from tests.protocol.witnessed import LOG, NETWORK, OWNER, SECOND, Key, line

FILE: Final = Path(__file__).resolve().parent.parent / "vectors" / "lineage_v1.json"
EPOCHS: Final = ("0101010101010101", "0202020202020202", "0303030303030303")
HELD: Final = 3


def origin(epoch: str, owner: str = OWNER) -> str:
    """Spell one epoch of a ledger."""
    return f"hx1/{NETWORK}/{owner}/ledger/{epoch}"


def signed(name: str, leaves: list[bytes], key: Key = LOG) -> bytes:
    """Write a head as its owner signs it."""
    size, root = len(leaves), oracle.tree(leaves)
    text = oracle.checkpoint_text(name, size, root)
    parts = [b"subtree/v1\n\0", bytes([len(name)]), name.encode(), bytes(8)]
    parts += [bytes([len(name)]), name.encode(), bytes(8), size.to_bytes(8, "big"), root]
    ed, ml = key.ed25519.public_key(), key.mldsa44.public_key()
    return (
        f"{text}\n"
        + line(name, 1, ed.public_bytes_raw(), key.ed25519.sign(text.encode()))
        + line(name, 6, ml.public_bytes_raw(), bytes(8) + key.mldsa44.sign(b"".join(parts)))
    ).encode()


def leaf(name: str, size: int, root: bytes) -> bytes:
    """Hash one leaf."""
    return hashlib.sha256(b"\0" + oracle.pack([name, size, root])).digest()


def others(count: int, start: int = 0) -> list[bytes]:
    """Give leaves about channels."""
    return [hashlib.sha256(bytes([start + at])).digest() for at in range(count)]


def made() -> dict[str, Any]:
    """Make the whole file."""
    one, two, three = map(origin, EPOCHS)
    first = others(5)
    second = [leaf(one, len(first), oracle.tree(first)), *others(3, 50)]
    third = [leaf(two, len(second), oracle.tree(second)), *others(2, 90)]
    held: list[Any] = [bytes.fromhex(EPOCHS[0]), HELD]
    nodes = oracle.consistency(HELD, first)
    links: list[Any] = [
        [signed(one, first), []],
        [signed(two, second), oracle.inclusion(0, second)],
        [signed(three, third), oracle.inclusion(0, third)],
    ]
    right: list[Any] = [1, None, held, nodes, links, [links[0][0]]]
    return {
        "source": "written by tests/protocol/lineages.py with hashlib, cryptography and msgpack",
        "network": NETWORK,
        "owner": OWNER,
        "log_key_seeds": [seed.hex() for seed in LOG.seeds],
        "remembered": {
            "epoch": EPOCHS[0],
            "size": HELD,
            "root": oracle.tree(first[:HELD]).hex(),
        },
        "newest": {
            "epoch": EPOCHS[2],
            "size": len(third),
            "root": oracle.tree(third).hex(),
        },
        "lineage": oracle.pack(right).hex(),
        "said_again": _under_a_key_revoked_since(right, first).hex(),
        "set_back": oracle.pack([1, held, None, [], links[2:], []]).hex(),
        "over": {
            "another start": oracle.pack([1, None, [held[0], HELD + 1], [], links, []]).hex(),
            "the epoch remembered, from nothing": oracle.pack([1, None, None, [], links, []]).hex(),
            "a start of no size": oracle.pack([1, None, [held[0], 0], nodes, links, []]).hex(),
            "nothing": oracle.pack([1, held, None, [], [], []]).hex(),
        },
        "invalid": [
            {"name": name, "code": code, "raw": base64.b64encode(raw).decode()}
            for name, (code, raw) in _wrong(right, first, second).items()
        ],
    }


def _under_a_key_revoked_since(right: list[Any], first: list[bytes]) -> bytes:
    version, seen, held, nodes, links, others_ = right
    old = [signed(origin(EPOCHS[0]), first, SECOND), []]
    return oracle.pack([version, seen, held, nodes, [old, *links[1:]], others_])


def _wrong(right: list[Any], first: list[bytes], second: list[bytes]) -> dict[str, Any]:
    one, two, _ = map(origin, EPOCHS)
    _, _, held, nodes, links, _ = right

    def chain(*changed: list[Any], start: Any = held, path: Any = nodes) -> bytes:
        return oracle.pack([1, None, start, path, list(changed), []])

    forgets = [leaf(one, HELD, oracle.tree(first[:HELD])), *second[1:]]
    silent = others(4, 50)
    forked = [*others(2), *others(3, 70)]
    after = [leaf(one, len(forked), oracle.tree(forked)), *second[1:]]
    return {
        "an epoch that begins with an earlier head": (
            "proof_invalid",
            chain(links[0], [signed(two, forgets), oracle.inclusion(0, forgets)]),
        ),
        "an epoch that names none before it": (
            "proof_invalid",
            chain(links[0], [signed(two, silent), oracle.inclusion(0, silent)]),
        ),
        "an epoch left out": ("proof_invalid", chain(links[0], links[2])),
        "the first leaf at another place": (
            "proof_invalid",
            chain(links[0], [links[1][0], oracle.inclusion(1, second)]),
        ),
        "a first head that forks": (
            "proof_invalid",
            chain([signed(one, forked), []], [signed(two, after), oracle.inclusion(0, after)]),
        ),
        "a first head that is smaller": ("proof_invalid", chain([signed(one, first[:2]), []])),
        "another epoch first": ("proof_invalid", chain(*links[1:])),
        "the same leaves in another epoch": (
            "proof_invalid",
            chain([signed(origin(EPOCHS[2]), first), []]),
        ),
        "no nodes": ("proof_invalid", chain(*links, path=[])),
        "signed by another": ("registry_behind", chain([signed(one, first, SECOND), []])),
        "the newest signed by another": (
            "registry_behind",
            chain(links[0], [signed(two, second, SECOND), oracle.inclusion(0, second)]),
        ),
        "of another member": (
            "checkpoint_invalid",
            chain([signed(origin(EPOCHS[0], "nl-eokm"), first), []]),
        ),
        "an epoch twice": ("checkpoint_invalid", chain(links[0], links[0])),
        "a size below zero": ("malformed", chain(*links, start=[held[0], -1])),
        "an epoch too short": ("malformed", chain(*links, start=[held[0][:7], HELD])),
        "of version 2": ("malformed", oracle.pack([2, *right[1:]])),
        "a field more": ("malformed", oracle.pack([*right, None])),
        "cut off": ("malformed", oracle.pack(right)[:-1]),
        "something follows": ("malformed", oracle.pack(right) + b"\xc0"),
        "too many heads of others": ("malformed", oracle.pack([*right[:5], [b""] * 25])),
        "a number among the heads of others": ("malformed", oracle.pack([*right[:5], [7]])),
        "too many links": ("malformed", chain(*[[b"", []]] * 65)),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
