"""A proposal that travels to holders who sign it offline, and their signatures that travel back.

Nobody's key leaves its machine, and no two keys ever meet. The umbrella writes what waits into one
file; each holder looks at what it says, compares its digest with the others by voice, signs on a
machine of his own and sends back a file with nothing but signatures; the umbrella puts them
together. A holder need not trust the umbrella for that: what is in force comes along and is
verified from the fingerprint, and what he is shown is read from the very bytes that he signs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets

from keys.documents import Fields, decode_bytes, encode_bytes, parse, serialise
from keys.errors import KeysError, UntrustedDocumentError
from keys.network import NetworkDocument
from keys.registry import NETWORK_PATH, Keeping, target_name, verify_keeping
from node.registry import build
from node.registry.errors import ConflictError, NotSignedError, RefusedError, refused_by
from node.registry.repository import sign_proposal
from node.registry.signers import role_of

if TYPE_CHECKING:
    from keys.signing import Signer
    from node.registry.repository import Repository

PROPOSAL_TYPE: Final = "hx1-proposal"
SIGNATURES_TYPE: Final = "hx1-countersignature"
MAX_SIGNATURES: Final = 64
_PEOPLES: Final = frozenset({Root.type, Targets.type})
_Role = TypeVar("_Role", Root, Targets)
_PROPOSAL: Final = "proposal"
_SIGNATURES: Final = "countersignature"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What waits for signatures, and what is in force.

    Attributes:
        files: the proposal, by path.
        present: every root, and targets and network document in force; empty for a new network.
        root: the root that is proposed, if one is.
        targets: the targets that are proposed, if they are.
        network: the network document that those targets name.
    """

    files: Mapping[str, bytes]
    present: Mapping[str, bytes]
    root: Root | None = field(init=False)
    targets: Targets | None = field(init=False)
    network: NetworkDocument | None = field(init=False)

    def __post_init__(self) -> None:
        root, targets = _only(self.files, Root), _only(self.files, Targets)
        if root is None and targets is None:
            raise UntrustedDocumentError("files: hold nothing that holders sign")
        network = None if targets is None else _network(targets, self.files)
        for name, value in (("root", root), ("targets", targets), ("network", network)):
            object.__setattr__(self, name, value)

    @property
    def digest(self) -> str:
        """SHA-256 over what is signed, hex: told by voice, the same however many have signed."""
        digest = hashlib.sha256()
        for name, raw, _ in signed_parts(self.files):
            payload = hashlib.sha256(build.signatures_of(raw)[0]).digest()
            digest.update(name.encode() + b"\0" + payload)
        return digest.hexdigest()

    def verified_present(self, fingerprint: bytes | None) -> Keeping | None:
        """What is in force, verified from the fingerprint; None: the network is a new one.

        Raises:
            RefusedError: a fingerprint is needed, or there is nothing to compare it with.
            UntrustedDocumentError: what came along does not verify.
        """
        is_first = self.root is not None and self.root.version == 1
        if is_first and not self.present and fingerprint is None:
            return None
        if is_first or fingerprint is None:
            new = "is a new network's: leave the fingerprint out"
            known = "needs the network's fingerprint, as it was told to you"
            raise RefusedError(_PROPOSAL, new if is_first else known)
        return verify_keeping(fingerprint, self.present)


def signed_parts(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes, str]]:
    """What people sign in a proposal: path, file and role, in the order of paths."""
    for name, raw in sorted(files.items()):
        if (role := role_of(name)) in _PEOPLES:
            yield name, raw, role


def pack(files: Mapping[str, bytes], state: Repository | None) -> bytes:
    """The file that travels.

    Args:
        files: what waits.
        state: what is in force; None for a new network.
    """
    Proposal(files, {})
    present: dict[str, bytes] = {}
    if state is not None:
        version, raw_targets = state.role(Targets.type)
        names = [name for name in state.files if role_of(name) == Root.type]
        present = {name: state.files[name] for name in names}
        present[f"metadata/{version}.targets.json"] = raw_targets
        raw_network = state.registry.network.to_bytes()
        sha256 = hashlib.sha256(raw_network).hexdigest()
        present[target_name(NETWORK_PATH, sha256)] = raw_network
    named = {"files": files, "present": present}
    encoded = {
        key: {name: encode_bytes(raw) for name, raw in part.items()} for key, part in named.items()
    }
    return serialise({"_type": PROPOSAL_TYPE, **encoded})


def read(raw: bytes) -> Proposal:
    """Read what `pack` wrote.

    Raises:
        RefusedError: another form, or a proposal of something else than root and targets.
    """
    try:
        fields = parse(raw, _PROPOSAL)
        fields.constant("_type", PROPOSAL_TYPE)
        files, present = _files(fields, "files"), _files(fields, "present")
        fields.done()
        return Proposal(files, present)
    except KeysError as error:
        raise refused_by(error, _PROPOSAL) from error


def countersign(proposal: Proposal, fingerprint: bytes | None, signers: Iterable[Signer]) -> bytes:
    """The file that travels back: signatures, and which proposal they are for.

    Raises:
        RefusedError: a key that nobody asks to sign this, or as `Proposal.verified_present`.
        UntrustedDocumentError: as `Proposal.verified_present`.
    """
    before = proposal.verified_present(fingerprint)
    root = None if before is None else before.root
    signatures: dict[str, dict[str, str]] = {}
    for signer in signers:
        signed = sign_proposal(proposal.files, [signer], root)
        mine = build.keyid_of(signer)
        added = {
            name: build.signatures_of(raw)[1][mine].signature
            for name, raw, _ in signed_parts(signed)
            if mine in build.signatures_of(raw)[1]
        }
        if not added:
            raise RefusedError("key", "is no holder's of what this proposal changes; take another")
        for name, signature in added.items():
            signatures.setdefault(name, {})[mine] = signature
    record = {"_type": SIGNATURES_TYPE, "proposal": proposal.digest, "signatures": signatures}
    return serialise(record)


def collect(files: Mapping[str, bytes], raw: bytes, root: Root | None) -> dict[str, bytes]:
    """Add the signatures that came back to a proposal.

    Args:
        files: what waits.
        raw: what `countersign` made.
        root: in force; None for a new network.

    Raises:
        RefusedError: another form, a signature that does not verify, or one of no holder.
        ConflictError: they are for another proposal.
    """
    try:
        fields = parse(raw, _SIGNATURES)
        fields.constant("_type", SIGNATURES_TYPE)
        digest, given = fields.text("proposal"), fields.child("signatures")
        fields.done()
        proposal = Proposal(files, {})
        if digest != proposal.digest:
            raise ConflictError(_SIGNATURES, "is for another proposal; export and sign it again")
        known = [one for one in (root, proposal.root) if one is not None]
        signed = dict(files)
        for name, part, role in signed_parts(files):
            by_key = given.child(name).rest() if given.has(name) else {}
            signed[name] = _with_signatures(part, role, known, by_key)
        given.done()
    except KeysError as error:
        raise refused_by(error, _SIGNATURES) from error
    return signed


def _with_signatures(
    raw: bytes, role: str, known: Iterable[Root], by_key: Mapping[str, object]
) -> bytes:
    """A file with further signatures, each verified under the key of a holder of its role."""
    metadata: Metadata[Any] = Metadata.from_bytes(raw)
    holders = {keyid: one.keys[keyid] for one in known for keyid in one.roles[role].keyids}
    if len(by_key) > MAX_SIGNATURES or any(keyid not in holders for keyid in by_key):
        raise RefusedError(_SIGNATURES, "names a key that is no holder's")
    for keyid, text in by_key.items():
        if not isinstance(text, str):
            raise RefusedError(_SIGNATURES, "holds something else than signatures")
        signature = Signature(keyid, text)
        try:
            holders[keyid].verify_signature(signature, metadata.signed_bytes)
        except (UnverifiedSignatureError, ValueError):
            raise NotSignedError(_SIGNATURES, "does not verify; the holder signs again") from None
        metadata.signatures[keyid] = signature
    return metadata.to_bytes()


def _only(files: Mapping[str, bytes], kind: type[_Role]) -> _Role | None:
    """The one file of a role; what it says must be what its path says.

    A holder is shown what is read here, and signs no other file of that role.
    """
    found = [(name, raw) for name, raw, role in signed_parts(files) if role == kind.type]
    if not found:
        return None
    [(name, raw), *others] = found
    try:
        signed = build.parse(raw, kind).signed
    except (RepositoryError, ValueError, KeyError, TypeError):
        raise UntrustedDocumentError(f"{kind.type}: is not metadata of that role") from None
    if others or name != f"metadata/{signed.version}.{kind.type}.json":
        raise UntrustedDocumentError(f"{kind.type}: needs one file, named after its version")
    return signed


def _network(targets: Targets, files: Mapping[str, bytes]) -> NetworkDocument:
    if set(targets.targets) != {NETWORK_PATH}:
        raise UntrustedDocumentError(f"targets: needs {NETWORK_PATH} and no other")
    sha256 = targets.targets[NETWORK_PATH].hashes.get("sha256", "")
    raw = files.get(target_name(NETWORK_PATH, sha256), b"")
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise UntrustedDocumentError("network document: is not the one that the targets name")
    return NetworkDocument.from_bytes(raw)


def _files(fields: Fields, name: str) -> dict[str, bytes]:
    return {path: decode_bytes(text, name) for path, text in fields.child(name).rest().items()}
