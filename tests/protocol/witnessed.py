"""Writes `tests/vectors/witness_v1.json`: ledgers, submissions, cosignatures, showings.

It imports nothing from `protocol`: hashlib, `cryptography` and the independent encoder alone. Half
of each signature is randomised (FIPS 204), so the file is written once and kept:
`python -m tests.protocol.witnessed`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from tests.protocol import oracle

FILE: Final = Path(__file__).resolve().parent.parent / "vectors" / "witness_v1.json"
NETWORK: Final = "demo-0123456789abcdef"
OWNER, WITNESS, OTHER = "gb-iwf", "nl-eokm", "fr-pdc"
EPOCH: Final = "0102030405060708"
ORIGIN: Final = f"hx1/{NETWORK}/{OWNER}/ledger/{EPOCH}"
TIME_S: Final = 1_790_000_000
OLD, NEW, PLACE = 3, 7, 4


class Key(NamedTuple):
    """A hybrid key from two seeds of 32 equal bytes."""

    ed25519: Ed25519PrivateKey
    mldsa44: MLDSA44PrivateKey
    seeds: tuple[bytes, bytes]

    @classmethod
    def of(cls, number: int) -> Key:
        """Make one."""
        seeds = bytes([number]) * 32, bytes([number + 1]) * 32
        first = Ed25519PrivateKey.from_private_bytes(seeds[0])
        return cls(first, MLDSA44PrivateKey.from_seed_bytes(seeds[1]), seeds)


LOG, COSIGNER, SECOND = Key.of(0x11), Key.of(0x33), Key.of(0x55)


def line(name: str, kind: int, public: bytes, signature: bytes) -> str:
    """Write a signature line."""
    encoded = base64.b64encode(oracle.key_hash(name, kind, public) + signature).decode()
    return f"\u2014 {name} {encoded}\n"


def message(name: str, time_s: int, size: int, root: bytes) -> bytes:
    """C2SP tlog-cosignature's `cosigned_message` for a whole tree."""
    parts = [b"subtree/v1\n\0", bytes([len(name)]), name.encode(), time_s.to_bytes(8, "big")]
    parts += [bytes([len(ORIGIN)]), ORIGIN.encode(), bytes(8), size.to_bytes(8, "big"), root]
    return b"".join(parts)


def signed(size: int, root: bytes, key: Key) -> str:
    """Write a head as its owner signs it."""
    text = oracle.checkpoint_text(ORIGIN, size, root)
    first = key.ed25519.sign(text.encode())
    second = bytes(8) + key.mldsa44.sign(message(ORIGIN, 0, size, root))
    return (
        f"{text}\n"
        + line(ORIGIN, 1, key.ed25519.public_key().public_bytes_raw(), first)
        + line(ORIGIN, 6, key.mldsa44.public_key().public_bytes_raw(), second)
    )


def cosigned(member: str, key: Key, size: int, root: bytes, time_s: int = TIME_S) -> list[str]:
    """Write the two lines of a witness."""
    name, stamp = f"hx1/{NETWORK}/{member}/witness", time_s.to_bytes(8, "big")
    text = oracle.checkpoint_text(ORIGIN, size, root)
    first = key.ed25519.sign(f"cosignature/v1\ntime {time_s}\n{text}".encode())
    second = key.mldsa44.sign(message(name, time_s, size, root))
    return [
        line(name, 4, key.ed25519.public_key().public_bytes_raw(), stamp + first),
        line(name, 6, key.mldsa44.public_key().public_bytes_raw(), stamp + second),
    ]


def made() -> dict[str, Any]:
    """Make the whole file."""
    channel = f"hx1/{NETWORK}/{OWNER}/{WITNESS}/reports/aaaaaaaaaaaaaaaa"
    logged = [(channel, 10 * (at + 1), hashlib.sha256(bytes([at])).digest()) for at in range(NEW)]
    packed = [oracle.pack(list(one)) for one in logged]
    leaves = [hashlib.sha256(b"\0" + one).digest() for one in packed]
    root, note = oracle.tree(leaves), signed(NEW, oracle.tree(leaves), LOG)
    proof = [base64.b64encode(one).decode() for one in oracle.consistency(OLD, leaves)]
    submission = "\n".join([f"old {OLD}", *proof, "", ""]) + note
    lines = cosigned(WITNESS, COSIGNER, NEW, root)
    others = cosigned(OTHER, SECOND, NEW, root, TIME_S + 60)
    path = oracle.inclusion(PLACE, leaves)
    head = note + "".join([*lines, *others])
    leaf = [*logged[PLACE], PLACE, path]
    showing = [1, [[head.encode(), [leaf]]]]
    wrong = [1, [[head.encode(), [[*logged[PLACE], PLACE + 1, path]]]]]
    return {
        "source": "written by tests/protocol/witnessed.py with hashlib, cryptography and msgpack",
        "network": NETWORK,
        "owner": OWNER,
        "log_key_seeds": [one.hex() for one in LOG.seeds],
        "witness": WITNESS,
        "witness_key_seeds": [one.hex() for one in COSIGNER.seeds],
        "other_witness": OTHER,
        "other_witness_key_seeds": [one.hex() for one in SECOND.seeds],
        "leaves": [
            {"origin": o, "size": s, "root": r.hex(), "packed": p.hex(), "leaf": h.hex()}
            for (o, s, r), p, h in zip(logged, packed, leaves, strict=True)
        ],
        "roots": [oracle.tree(leaves[: at + 1]).hex() for at in range(NEW)],
        "note": note,
        "old_size": OLD,
        "submission": submission,
        "cosignature": "".join(lines),
        "time_s": TIME_S,
        "cosigned_note": head,
        "witnessed_s": TIME_S + 60,
        "place": PLACE,
        "showing": oracle.pack(showing).hex(),
        "invalid": [
            *_refused("submission", _submissions(submission, proof, note, root, channel)),
            *_refused("cosignature", _cosignatures(lines, others, root)),
            *_refused("showing", _showings(showing, wrong)),
        ],
    }


Wrong = dict[str, tuple[str, str | bytes]]
"""By what is wrong: the code that refuses it, and the bytes."""


def _submissions(right: str, proof: list[str], note: str, root: bytes, channel: str) -> Wrong:
    first, last = proof[0], proof[-1]
    return {
        "a size with a zero before": ("note_invalid", right.replace("old ", "old 0", 1)),
        "no empty line": ("note_invalid", right.replace("\n\n", "\n")),
        "a proof line cut short": ("note_invalid", right.replace(first, first[:-4])),
        "a line that is no base64": ("note_invalid", right.replace(first, "!" * 44)),
        "of another size": ("proof_invalid", right.replace(f"old {OLD}", f"old {OLD + 1}")),
        "a proof too short": ("proof_invalid", right.replace(last + "\n", "")),
        "no proof": ("proof_invalid", f"old {OLD}\n\n{note}"),
        "a proof from nothing": ("proof_invalid", right.replace(f"old {OLD}", "old 0")),
        "signed by another": ("registry_behind", f"old 0\n\n{signed(NEW, root, SECOND)}"),
        "of a channel": ("checkpoint_invalid", f"old 0\n\n{note.replace(ORIGIN, channel)}"),
    }


def _cosignatures(lines: list[str], others: list[str], root: bytes) -> Wrong:
    late = cosigned(WITNESS, COSIGNER, NEW, root, TIME_S + 1)
    zero = cosigned(WITNESS, COSIGNER, NEW, root, 0)
    smaller = cosigned(WITNESS, COSIGNER, NEW - 1, root)
    receipt = "".join(lines).replace("/witness ", " ")
    return {
        "the first half alone": ("cosignature_invalid", lines[0]),
        "the second half alone": ("cosignature_invalid", lines[1]),
        "halves of two times": ("cosignature_invalid", lines[0] + late[1]),
        "a time of zero": ("cosignature_invalid", "".join(zero)),
        "of another size": ("cosignature_invalid", "".join(smaller)),
        "of another member": ("registry_behind", "".join(others)),
        "a line twice": ("note_invalid", lines[0] + lines[0] + lines[1]),
        "as a receipt": ("registry_behind", receipt),
    }


def _showings(right: list[Any], wrong: list[Any]) -> Wrong:
    origin = f"hx1/{NETWORK}/{OWNER}/{OTHER}/reports/aaaaaaaaaaaaaaaa"
    leaf = hashlib.sha256(b"\0" + oracle.pack([origin, 1, bytes(32)])).digest()
    note = signed(1, oracle.tree([leaf]), LOG)
    others = [1, [[note.encode(), [[origin, 1, bytes(32), 0, []]]]]]
    return {
        "a leaf at another place": ("proof_invalid", oracle.pack(wrong)),
        "cut off": ("malformed", oracle.pack(right)[:-1]),
        "something follows": ("malformed", oracle.pack(right) + b"\xc0"),
        "of version 2": ("malformed", oracle.pack([2, right[1]])),
        "a field more": ("malformed", oracle.pack([*right, None])),
        "a channel of others": ("checkpoint_invalid", oracle.pack(others)),
    }


def _refused(form: str, wrong: Wrong) -> list[dict[str, str]]:
    return [
        {"form": form, "name": name, "code": code, "raw": _base64(raw)}
        for name, (code, raw) in wrong.items()
    ]


def _base64(raw: str | bytes) -> str:
    return base64.b64encode(raw.encode() if isinstance(raw, str) else raw).decode()


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
