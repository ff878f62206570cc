"""The registry as a member follows it (docs/registry.md §3, §5.6), and whom it lists."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey

from tests.second.basics import HybridKey, from64, sha256
from tests.second.registry import Files, Network, verify
from tests.second.signed import TIMEOUT_S, Peer

MLKEM_BYTES = 1184


class Directory(NamedTuple):
    """A verified registry, and the member documents in it."""

    network: Network
    documents: dict[str, dict[str, Any]]
    seen: tuple[int, int, bytes]
    """What `RegistrySeen` says of it (protocol.md §6.4)."""

    @classmethod
    def fetch(cls, mirror: str, pin: bytes) -> Directory:
        """Fetch and verify.

        Raises:
            RefusedError: it does not hold.
        """
        files: Files = {}

        def take(name: str) -> dict[str, Any]:
            files[name] = _get(f"{mirror}/registry/v1/{name}")
            signed: dict[str, Any] = json.loads(files[name]).get("signed", {})
            return signed

        root = 1
        take("metadata/1.root.json")
        while True:
            try:
                take(f"metadata/{root + 1}.root.json")
            except urllib.error.HTTPError:
                break
            root += 1
        timestamp = take("metadata/timestamp.json")
        version = timestamp["meta"]["snapshot.json"]["version"]
        snapshot = take(f"metadata/{version}.snapshot.json")
        for name, named in snapshot["meta"].items():
            role = take(f"metadata/{named['version']}.{name}")
            for path, target in role["targets"].items():
                folder, slash, last = path.rpartition("/")
                take(f"targets/{folder}{slash}{target['hashes']['sha256']}.{last}")
        network = verify(pin, files)
        found = [json.loads(raw) for name, raw in files.items() if name.startswith("targets/mem")]
        documents = {one["member"]: one for one in found}
        snapshot_sha256 = sha256(files[f"metadata/{version}.snapshot.json"])
        return cls(network, documents, (root, timestamp["version"], snapshot_sha256))

    def peer(self, member: str) -> Peer:
        """How a member is called."""
        document = self.documents[member]
        keys = document["keys"]
        pins = {from64(one["spki_sha256"]) for one in keys["tls"]}
        return Peer(member, document["endpoint"], pins, self.transport(member))

    def transport(self, member: str) -> list[HybridKey]:
        """With which keys a member signs requests and answers."""
        return self.network.of(member, "transport")

    def sealing(self, member: str, now_ms: int) -> tuple[bytes, MLKEM768X25519PublicKey]:
        """To which key what is for a member is sealed, with its id (protocol.md §3.5)."""
        keys = sorted(self.documents[member]["keys"]["sealing"], key=lambda k: k["not_after_ms"])
        key = next((one for one in keys if one["not_after_ms"] > now_ms), keys[-1])
        raw = from64(key["public"])
        quantum = MLKEM768PublicKey.from_public_bytes(raw[:MLKEM_BYTES])
        classic = X25519PublicKey.from_public_bytes(raw[MLKEM_BYTES:])
        return bytes.fromhex(key["key_id"]), MLKEM768X25519PublicKey(quantum, classic)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - a test's mirror
        raw: bytes = answer.read()
        return raw
