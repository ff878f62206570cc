"""Who we are and whom we believe.

The policy, in prose:

* **A key has one purpose.** Log, receipt, transport, tls, sealing, witness and member keys are
  different keys; a key that stands twice in a member document is refused, and a key file does not
  open for another purpose than the one it was written for.
* **Both halves count.** A hybrid key is Ed25519 *and* ML-DSA-44. Where the registry lists both,
  both must verify; one alone proves nothing.
* **No key that its owner could deny.** Every public key passes `keys.admission` before a
  `VerifyKey` or `SealingPublicKey` of it exists, and a signing key enters the registry only with a
  proof of possession for this network, member and purpose.
* **Documents are verified as bytes, then parsed.** Parsing is strict and canonical: an error names
  the field; fields of later versions are kept and handed on unchanged.
* **Private keys stay here.** They touch the disk in `keys.keyfile` alone, encrypted, for their
  owner only, never overwritten; `repr` never shows one and pickling refuses. Half of a log or
  receipt key may live in an HSM instead (`keys.hsm`) and never leaves it.
* **Randomness is drawn here** (key generation, sealing, salts), time is always an argument.

This package imports neither `protocol` nor `node`.
"""

from keys.admission import check_ed25519, check_mldsa44, check_mlkem_x25519, check_proof, prove
from keys.errors import (
    BadSignatureError,
    HsmError,
    KeyExistsError,
    KeysError,
    UnknownKeyError,
    UnknownMemberError,
    UnreadableKeyError,
    UnsafeKeyFileError,
    UnsealError,
    UntrustedDocumentError,
    WeakKeyError,
)
from keys.hsm import Hsm
from keys.keyfile import use_tls_key
from keys.keyring import MemberKeys
from keys.member import Capabilities, MemberDocument, PublishedKey, PublishedSealingKey
from keys.network import Limits, MemberEntry, NetworkDocument
from keys.sealing import SealingKey, SealingPublicKey, seal
from keys.signing import Signer, SigningKey, VerifyKey
from keys.tls import TlsKey, spki_sha256
from keys.unlock import Unlock

__all__ = [
    "BadSignatureError",
    "Capabilities",
    "Hsm",
    "HsmError",
    "KeyExistsError",
    "KeysError",
    "Limits",
    "MemberDocument",
    "MemberEntry",
    "MemberKeys",
    "NetworkDocument",
    "PublishedKey",
    "PublishedSealingKey",
    "SealingKey",
    "SealingPublicKey",
    "Signer",
    "SigningKey",
    "TlsKey",
    "UnknownKeyError",
    "UnknownMemberError",
    "Unlock",
    "UnreadableKeyError",
    "UnsafeKeyFileError",
    "UnsealError",
    "UntrustedDocumentError",
    "VerifyKey",
    "WeakKeyError",
    "check_ed25519",
    "check_mldsa44",
    "check_mlkem_x25519",
    "check_proof",
    "prove",
    "seal",
    "spki_sha256",
    "use_tls_key",
]
