"""Writes `tests/vectors/wire_v1.json`: a push as it goes over the wire, its request and its answer.

It imports nothing from `protocol`, `keys` or `node`: hashlib and `cryptography` alone, and what
`protocol_v1.json` has already. What is sealed is randomised (RFC 9180), so the file is written once
and kept: `python -m tests.protocol.wired`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

VECTORS: Final = Path(__file__).resolve().parent.parent / "vectors"
FILE: Final = VECTORS / "wire_v1.json"
V1: Final = json.loads((VECTORS / "protocol_v1.json").read_bytes())
SENDER, RECEIVER, AUTHORITY = "gb-iwf", "nl-eokm", "nl-eokm.example:8441"
CREATED_S: Final = 1_790_000_000
NONCE: Final = bytes(range(16)).hex()
SEALING, CALLING, ANSWERING = b"\x61" * 32, b"\x62" * 32, b"\x63" * 32


def key_id(public: bytes) -> str:
    """The id of a key (registry.md §5.3)."""
    return hashlib.sha256(b"hx1/key\0" + public).hexdigest()[:16]


def push() -> dict[str, Any]:
    """Seal a frame to a receiver, bound to its checkpoint and range (§8.7)."""
    expanded = hashlib.shake_256(SEALING).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).public_key()
    x25519 = X25519PrivateKey.from_private_bytes(expanded[64:]).public_key()
    public = mlkem.public_bytes_raw() + x25519.public_bytes_raw()
    text, note = V1["checkpoint"]["text"].encode(), V1["checkpoint"]["note"].encode()
    entries = [bytes.fromhex(one["entry"]) for one in V1["entries"][: V1["checkpoint"]["size"]]]
    body = struct.pack(">I", len(entries)) + b"".join(
        struct.pack(">I", len(one)) + one for one in entries
    )
    frame = body.ljust(next(size for size in (4096, 16384, 65536) if size >= len(body)), b"\0")
    start, end = 0, len(entries)
    key = bytes.fromhex(key_id(public))
    info = b"hx1/seal\0" + struct.pack(">BH", 1, 1) + key + hashlib.sha256(text).digest()
    info += struct.pack(">QQ", start, end)
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    sealed = suite.encrypt(frame, MLKEM768X25519PublicKey(mlkem, x25519), info)
    head = struct.pack(">H", 1) + key + struct.pack(">I", len(note)) + note
    return {
        "sealing_seed": SEALING.hex(),
        "sealing_key": base64.b64encode(public).decode(),
        "start": start,
        "end": end,
        "info": info.hex(),
        "entries": [one["name"] for one in V1["entries"][:end]],
        "body": base64.b64encode(head + sealed).decode(),
    }


def digest(body: bytes) -> str:
    """Content-Digest (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def signed(lines: list[tuple[str, str]], member: str, seed: bytes, rest: str) -> dict[str, Any]:
    """Sign the lines of a signature base (RFC 9421 section 2.5)."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    covered = " ".join(name for name, _ in lines)
    parameters = (
        f'({covered});created={CREATED_S};keyid="{member}/{key_id(public)}";alg="ed25519"{rest}'
    )
    base = "".join(f"{name}: {value}\n" for name, value in lines)
    base += f'"@signature-params": {parameters}'
    signature = base64.b64encode(private.sign(base.encode())).decode()
    return {
        "key_seed": seed.hex(),
        "base": base,
        "headers": {"Signature-Input": f"hx1={parameters}", "Signature": f"hx1=:{signature}:"},
    }


def exchange(body: bytes) -> dict[str, Any]:
    """Sign the request that brings a push, and an answer that is its receipt (§9.4)."""
    epoch = V1["checkpoint"]["origin"].rpartition("/")[2]
    path = f"/hx1/channels/{SENDER}/reports/{epoch}/0"
    named = {"Content-Digest": digest(body), "Content-Type": "application/hx1-push"}
    named["Content-Length"] = str(len(body))
    request = signed(
        [
            ('"@method"', "PUT"),
            ('"@authority"', AUTHORITY),
            ('"@path"', path),
            ('"@query"', "?"),
            *((f'"{name.lower()}"', value) for name, value in named.items()),
        ],
        SENDER,
        CALLING,
        f';nonce="{NONCE}";tag="hx1-req"',
    )
    receipt = V1["receipt"]["note"].encode()
    told = {"Content-Digest": digest(receipt), "Content-Type": "application/hx1-receipt"}
    answer = signed(
        [
            ('"@status"', "200"),
            *((f'"{name.lower()}"', value) for name, value in told.items()),
            ('"@method";req', "PUT"),
            ('"@path";req', path),
            ('"signature";req', request["headers"]["Signature"]),
        ],
        RECEIVER,
        ANSWERING,
        ';tag="hx1-resp"',
    )
    request["headers"] = named | request["headers"]
    answer["headers"] = told | answer["headers"]
    return {
        "request": {"member": SENDER, "method": "PUT", "url": f"https://{AUTHORITY}{path}"}
        | request,
        "answer": {"member": RECEIVER, "status": 200, "body": receipt.decode()} | answer,
    }


def main() -> None:
    """Write the file."""
    made = push()
    record = {
        "source": "tests/protocol/wired.py: hashlib and cryptography alone; checkpoint, entries and"
        " receipt are those of protocol_v1.json",
        "created_s": CREATED_S,
        "nonce": NONCE,
        "push": made,
        **exchange(base64.b64decode(made["body"])),
    }
    FILE.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
