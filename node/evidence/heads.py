"""Signed heads of the event history.

A head is a C2SP signed note of five lines: `hx1/<network>/<member>/history`, the number of events
and the value of their hash chain, the number of messages for other members and the value of theirs.
It is signed by the member's log key (Ed25519) and stays in the node's own database; the ledger will
carry it to witnesses.
"""

from __future__ import annotations

import base64

from keys.errors import BadSignatureError
from keys.signing import Signer, VerifyKey
from node.store.history import Head
from protocol import note as notes
from protocol.errors import NoteError

_LINES = 5


def sign_head(head: Head, network_id: str, member: str, signer: Signer) -> bytes:
    """Return the signed note of a head."""
    name = _name(network_id, member)
    text = "".join(
        f"{line}\n"
        for line in (name, head.size, _text(head.chain), head.messages, _text(head.digest))
    )
    public = signer.public.ed25519
    line = notes.NoteSignature(
        name,
        notes.key_hash(name, notes.ED25519, public),
        signer.sign_ed25519(text.encode()),
    )
    return notes.render(text, [line])


def verify_head(raw: bytes, network_id: str, member: str, key: VerifyKey) -> Head:
    """Return the head that `key` signed.

    Raises:
        NoteError: not such a note, or the signature does not verify.
    """
    note = notes.parse(raw)
    name = _name(network_id, member)
    signature = notes.find(note, name, notes.ED25519, key.ed25519)
    lines = note.text.splitlines()
    if signature is None or len(lines) != _LINES or lines[0] != name:
        raise NoteError("history head: not a head of this member's history")
    try:
        key.verify_ed25519(signature, note.text.encode())
        chain, digest = (base64.b64decode(lines[n], validate=True) for n in (2, 4))
        return Head(int(lines[1]), chain, int(lines[3]), digest)
    except (BadSignatureError, ValueError):
        raise NoteError("history head: the signature does not verify") from None


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _name(network_id: str, member: str) -> str:
    return f"hx1/{network_id}/{member}/history"
