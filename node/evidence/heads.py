"""Signed heads of the event history.

A head is a C2SP signed note of three lines: `hx1/<network>/<member>/history`, the number of events,
the value of the hash chain there. It is signed by the member's log key (Ed25519) and stays in the
node's own database; the ledger will carry it to witnesses.
"""

from __future__ import annotations

import base64

from keys.errors import BadSignatureError
from keys.signing import Signer, VerifyKey
from node.store.history import Head
from protocol import note as notes
from protocol.errors import NoteError

_LINES = 3


def sign_head(head: Head, network_id: str, member: str, signer: Signer) -> bytes:
    """Return the signed note of a head."""
    name = _name(network_id, member)
    text = f"{name}\n{head.size}\n{base64.b64encode(head.chain).decode()}\n"
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
    if signature is None or len(lines) != _LINES or lines[0] != name or not lines[1].isdigit():
        raise NoteError("history head: not a head of this member's history")
    try:
        key.verify_ed25519(signature, note.text.encode())
        return Head(int(lines[1]), base64.b64decode(lines[2], validate=True))
    except (BadSignatureError, ValueError):
        raise NoteError("history head: the signature does not verify") from None


def _name(network_id: str, member: str) -> str:
    return f"hx1/{network_id}/{member}/history"
