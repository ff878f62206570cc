"""A member: its keys, document and admission request (docs/registry.md §2, §5; protocol §3.5)."""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
import time
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.x509.oid import NameOID

from tests.second.basics import HybridKey, sha256
from tests.second.notes import Head, whole_tree
from tests.second.registry import olpc

YEAR = dt.timedelta(days=365)


def to64(raw: bytes) -> str:
    """Write base64."""
    return base64.b64encode(raw).decode()


def canonical(value: Any) -> bytes:
    """Write canonical JSON (registry.md §5.1)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


class Signer:
    """A key that signs; hybrid ones have the second half."""

    def __init__(self, *, hybrid: bool = True) -> None:
        self.classic = Ed25519PrivateKey.generate()
        self.quantum = MLDSA44PrivateKey.generate() if hybrid else None
        second = self.quantum.public_key().public_bytes_raw() if self.quantum else None
        self.public = HybridKey(self.classic.public_key().public_bytes_raw(), second)

    def record(self, network: str, member: str, purpose: str) -> dict[str, Any]:
        """Give its entry in the member document, with its proof of possession (§5.3, §5.5)."""
        parts = [network.encode(), member.encode(), purpose.encode(), self.public.raw]
        message = b"hx1/pop\0" + b"".join(len(one).to_bytes(4, "big") + one for one in parts)
        proof = {"ed25519": to64(self.classic.sign(message))}
        entry = {"key_id": self.public.id, "ed25519": to64(self.public.ed25519), "proof": proof}
        if self.quantum is not None:
            proof["mldsa44"] = to64(self.quantum.sign(message, b"hx1/pop\0"))
            entry["mldsa44"] = to64(self.public.mldsa44 or b"")
        return entry

    def checkpoint(self, head: Head) -> str:
        """Sign a checkpoint of one's own log (protocol.md §8.4.1)."""
        classic = self.classic.sign(head.text.encode())
        return self._note(head, head.origin, 1, classic, 0, bytes(8))

    def receipt(self, head: Head, name: str) -> str:
        """Cosign another's checkpoint (§8.6.1)."""
        now = int(time.time())
        stamp = now.to_bytes(8, "big")
        classic = self.classic.sign(f"cosignature/v1\ntime {now}\n{head.text}".encode())
        return self._note(head, name, 4, stamp + classic, now, stamp)

    def _note(
        self, head: Head, name: str, kind: int, classic: bytes, time_s: int, stamp: bytes
    ) -> str:
        assert self.quantum is not None
        quantum = stamp + self.quantum.sign(whole_tree(name, time_s, head))
        halves = ((kind, self.public.ed25519, classic), (6, self.public.mldsa44 or b"", quantum))
        lines = [
            f"\u2014 {name} " + to64(_line_key(name, half, public) + signature) + "\n"
            for half, public, signature in halves
        ]
        return head.text + "\n" + "".join(lines)


def _line_key(name: str, kind: int, public: bytes) -> bytes:
    return sha256(name.encode(), b"\n", bytes([kind]), public)[:4]


class Sealing(NamedTuple):
    """A sealing key (§3.5): its id, its public key as it is published, and what opens."""

    id: str
    public: bytes
    private: MLKEM768X25519PrivateKey

    @classmethod
    def generate(cls) -> Sealing:
        """Make one."""
        quantum, classic = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
        public = quantum.public_key().public_bytes_raw() + classic.public_key().public_bytes_raw()
        key_id = sha256(b"hx1/key\0", public).hex()[:16]
        return cls(key_id, public, MLKEM768X25519PrivateKey(quantum, classic))


class Member:
    """A member's private keys, and the certificate of its listener."""

    def __init__(self, name: str, network: str, country: str, endpoint: str | None) -> None:
        self.id, self.network, self.country, self.endpoint = name, network, country, endpoint
        self.master = Ed25519PrivateKey.generate()
        self.log, self.receipts = Signer(), Signer()
        self.transport = Signer(hybrid=False)
        self.sealing = Sealing.generate()
        self.secret = secrets.token_bytes(32)
        self.tls_key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._certificate()

    def _certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.id)])
        now = dt.datetime.now(dt.UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
        made = made.public_key(self.tls_key.public_key()).serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - YEAR / 365).not_valid_after(now + YEAR)
        return made.sign(self.tls_key, hashes.SHA256())

    def certificate_pem(self) -> bytes:
        """Give the listener's certificate with its key."""
        pem = serialization.Encoding.PEM
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key = self.tls_key.private_bytes(pem, form, none)
        return self.certificate.public_bytes(pem) + key

    def document(self) -> bytes:
        """Write the member document (registry.md §5.3)."""
        spki = self.tls_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        until = int(time.time() + 30 * 86400) * 1000
        sealing = {"key_id": self.sealing.id, "public": to64(self.sealing.public)}
        signing = {"log": self.log, "receipt": self.receipts, "transport": self.transport}
        keys: dict[str, Any] = {
            purpose: [key.record(self.network, self.id, purpose)]
            for purpose, key in signing.items()
        }
        keys["witness"] = []
        keys["tls"] = [{"spki_sha256": to64(sha256(spki))}]
        keys["sealing"] = [{**sealing, "not_after_ms": until}]
        return canonical(
            {
                "_type": "hx1-member",
                "member": self.id,
                "sequence": 1,
                "endpoint": self.endpoint,
                "reachable": self.endpoint is not None,
                "capabilities": {"versions": [1], "kinds": [1, 2, 3, 16, 17, 32, 33, 34]},
                "keys": keys,
            }
        )

    def admission(self) -> bytes:
        """Write the admission request (registry.md §2)."""
        document = self.document()
        public = self.master.public_key().public_bytes_raw()
        target = {"length": len(document), "hashes": {"sha256": sha256(document).hex()}}
        expires = dt.datetime.now(dt.UTC).replace(microsecond=0) + YEAR
        signed = {
            "_type": "targets",
            "spec_version": "1.0.31",
            "version": 1,
            "expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "targets": {f"members/{self.id}.json": target},
            "x-hx1-member-key": public.hex(),
        }
        key = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public.hex()}}
        signature = self.master.sign(olpc(signed).encode()).hex()
        signatures = [{"keyid": sha256(olpc(key).encode()).hex(), "sig": signature}]
        request = {
            "_type": "hx1-admission",
            "network": self.network,
            "member": self.id,
            "name": "A second implementation",
            "roles": ["hotline"],
            "jurisdictions": [self.country],
            "member_key": to64(public),
            "made_ms": int(time.time() * 1000),
            "role": to64(canonical({"signed": signed, "signatures": signatures})),
            "document": to64(document),
        }
        proof = self.master.sign(b"hx1/admission\0" + canonical(request))
        return canonical({**request, "signature": to64(proof)})
