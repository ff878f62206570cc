"""Channels from both ends (docs/protocol.md §5, §8.1 to §8.7, §9.1): logs, pushes, receipts."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from tests.second.basics import RefusedError, need, node, sha256, unpack
from tests.second.directory import Directory
from tests.second.fields import EMPTY_ROOT
from tests.second.files import about
from tests.second.member import Member, to64
from tests.second.notes import Head, check_checkpoint, check_receipt, take_apart
from tests.second.signed import Answered, pack

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
PUSH, PULL = 1, 2
PADDED = [4096 << 2 * step for step in range(7)]
"""§8.7.2: 4 KiB to 16 MiB."""
STATUS = {
    "state": 200,
    "rekey": 421,
    "registry_behind": 421,
    "malformed": 400,
    "unsealable": 400,
    "root_mismatch": 422,
}
"""§9.2; what is not here is 409, and told with the state."""


class Position(NamedTuple):
    """How far a channel is held: epoch, size, root."""

    epoch: bytes | None = None
    size: int = 0
    root: bytes = EMPTY_ROOT


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root_of(leaves[:split]), root_of(leaves[split:]))


def make_entry(secret: bytes, kind: int, subject: str, receiver: str, body: list[Any]) -> bytes:
    """Write an entry of version 1 in its first revision (§5)."""
    said = b"hx1/id\0" + pack([kind, subject, 0, receiver])
    identity = hmac.digest(secret, said, "sha256")
    salt = hmac.digest(secret, b"hx1/salt\0" + identity, "sha256")[:16]
    return pack([1, kind, identity, salt, body])


def info_of(purpose: int, key_id: bytes, text: str, start: int, end: int) -> bytes:
    """§8.7.3: what a seal is bound to."""
    ends = start.to_bytes(8, "big") + end.to_bytes(8, "big")
    return b"hx1/seal\0" + bytes([purpose, 0, 1]) + key_id + sha256(text.encode()) + ends


def frame_of(entries: list[bytes]) -> bytes:
    """§8.7.2: what is sealed."""
    parts = [len(one).to_bytes(4, "big") + one for one in entries]
    frame = len(entries).to_bytes(4, "big") + b"".join(parts)
    return frame.ljust(next(size for size in PADDED if size >= len(frame)), b"\0")


def entries_of(frame: bytes) -> list[bytes]:
    """Take a frame apart."""
    need(len(frame) in PADDED, "frame: padding")
    entries, at = [], 4
    for _ in range(int.from_bytes(frame[:4], "big")):
        length = int.from_bytes(frame[at : at + 4], "big")
        at += 4 + length
        need(length and at <= len(frame), "frame: cut off")
        entries.append(frame[at - length : at])
    need(entries and not any(frame[at:]), "frame: entries, zeros")
    return entries


class Outgoing:
    """One epoch of a channel that a member sends (§8.3)."""

    def __init__(self, member: Member, directory: Directory, receiver: str, lane: str) -> None:
        self.member, self.directory = member, directory
        self.receiver, self.lane = receiver, lane
        self.peer = directory.peer(receiver)
        self.epoch, self.entries, self.settled = secrets.token_bytes(8), list[bytes](), 0
        names = (directory.network.id, member.id, receiver, lane, self.epoch.hex())
        self.origin = "/".join(("hx1", *names))

    def open(self) -> None:
        """Ask for the state and say the first entries (§8.3.2, §8.3.4)."""
        told = self.told()
        self.say(1, self.epoch.hex(), list(told))
        self.say(2, self.epoch.hex(), list(self.directory.seen))

    def told(self) -> Position:
        """Ask what the receiver holds (§8.5.3)."""
        nonce = secrets.token_bytes(16)
        path = f"/hx1/channels/{self.member.id}/{self.lane}?nonce={nonce.hex()}"
        answer = self.peer.call(self.member, "GET", path)
        need((answer.status, answer.kind) == (200, "application/hx1-answer"), "state: refused")
        version, code, told, echoed = unpack(answer.body)
        need((version, code, echoed) == (1, "state", nonce), "state: of another question")
        return Position(*told[0])

    def say(self, kind: int, subject: str, body: list[Any]) -> bytes:
        """Append an entry and give its leaf."""
        entry = make_entry(self.member.secret, kind, subject, self.receiver, body)
        self.entries.append(entry)
        return sha256(b"\0", entry)

    def push(self) -> int:
        """Push what waits; give the time of its receipt, in seconds (§8.7, §8.6).

        Raises:
            RefusedError: there is no receipt, or not one for this.
        """
        start, end = self.settled, len(self.entries)
        root = root_of([sha256(b"\0", one) for one in self.entries])
        head = head_of(self.origin, end, root)
        note = self.member.log.checkpoint(head).encode()
        key_id, public = self.directory.sealing(self.receiver, int(time.time() * 1000))
        info = info_of(PUSH, key_id, head.text, start, end)
        sealed = SUITE.encrypt(frame_of(self.entries[start:]), public, info)
        body = b"\0\1" + key_id + len(note).to_bytes(4, "big") + note + sealed
        path = f"/hx1/channels/{self.member.id}/{self.lane}/{self.epoch.hex()}/{start}"
        answer = self.peer.call(self.member, "PUT", path, body, "application/hx1-push")
        need((answer.status, answer.kind) == (200, "application/hx1-receipt"), "push: refused")
        keys = self.directory.network.of(self.receiver, "receipt")
        time_s = check_receipt(answer.body.decode(), head, self.receiver, keys)
        self.settled = end
        return time_s


def head_of(origin: str, size: int, root: bytes) -> Head:
    """Say what a checkpoint says (§8.2)."""
    return Head(origin, size, root, f"{origin}\n{size}\n{to64(root)}\n")


class Incoming:
    """A channel that a member receives: custody first (§8.6), then what the entries say."""

    def __init__(self, member: Member, directory: Directory, sender: str, lane: str) -> None:
        self.member, self.directory = member, directory
        self.sender, self.lane = sender, lane
        self.held = Position()
        self.note: bytes | None = None
        self.leaves: dict[bytes, list[bytes]] = {}
        self.ancestors: list[Position] = []
        self.receipts: dict[str, bytes] = {}
        self.entries: list[bytes] = []

    def answer(self, code: str, nonce: bytes | None = None) -> Answered:
        """Answer without a receipt (§9.1, §9.2)."""
        told = None
        if STATUS.get(code, 409) in {200, 409}:
            told = [list(self.held), self.note, [list(one) for one in self.ancestors[:64]]]
        body = pack([1, code, told, nonce])
        return Answered(STATUS.get(code, 409), "application/hx1-answer", body)

    def take(self, epoch: bytes, start: int, body: bytes, purpose: int = PUSH) -> Answered:
        """Take a push: a receipt, or why not (§8.7.4, §9.5)."""
        key_id, length = body[2:10], int.from_bytes(body[10:14], "big")
        note, sealed = body[14 : 14 + length], body[14 + length :]
        try:
            need(body[:2] == b"\0\1", "push: suite")
            head, _ = take_apart(note.decode())
            names = (self.directory.network.id, self.sender, self.member.id, self.lane, epoch.hex())
            need(head.origin == "/".join(("hx1", *names)) and start < head.size, "push: origin")
        except (RefusedError, ValueError):
            return self.answer("malformed")
        if head.text in self.receipts and self._is_signed(note):
            return Answered(200, "application/hx1-receipt", self.receipts[head.text])
        code = self._not_next(epoch, start, key_id, note)
        if code is not None:
            return self.answer(code)
        info = info_of(purpose, key_id, head.text, start, head.size)
        return self._open(head, start, note, sealed, info)

    def _is_signed(self, note: bytes) -> bool:
        try:
            check_checkpoint(note.decode(), self.directory.network.of(self.sender, "log"))
        except RefusedError:
            return False
        return True

    def _not_next(self, epoch: bytes, start: int, key_id: bytes, note: bytes) -> str | None:
        """Say why a push is not taken, by its head alone."""
        if not self._is_signed(note):
            return "registry_behind"
        if epoch in self.leaves and epoch != self.held.epoch:
            return "closed_epoch"
        if start != len(self.leaves.get(epoch, [])):
            return "wrong_start"
        return None if key_id.hex() == self.member.sealing.id else "rekey"

    def _open(self, head: Head, start: int, note: bytes, sealed: bytes, info: bytes) -> Answered:
        try:
            frame = SUITE.decrypt(sealed, self.member.sealing.private, info)
        except Exception:  # noqa: BLE001 - whatever the library says, it does not open
            return self.answer("unsealable")
        try:
            entries = entries_of(frame)
            need(len(entries) == head.size - start, "push: as many as it says")
        except RefusedError:
            return self.answer("malformed")
        epoch = bytes.fromhex(head.origin.rpartition("/")[2])
        leaves = self.leaves.get(epoch, []) + [sha256(b"\0", one) for one in entries]
        if root_of(leaves) != head.root:
            return self.answer("root_mismatch")
        if start == 0 and unpack(entries[0])[1::3] != [1, list(self.held)]:
            return self.answer("open_mismatch")
        if start == 0 and self.held.epoch is not None:
            self.ancestors.insert(0, self.held)
        self.leaves[epoch] = leaves
        self.held, self.note = Position(epoch, head.size, head.root), note
        name = f"hx1/{self.directory.network.id}/{self.member.id}"
        self.receipts[head.text] = self.member.receipts.receipt(head, name).encode()
        self.entries += entries
        return Answered(200, "application/hx1-receipt", self.receipts[head.text])

    def said(self, kind: int) -> list[tuple[int, bytes, list[Any]]]:
        """Give place, id and body of what came of a kind; what cannot be read is passed over."""
        found = []
        for at, entry in enumerate(self.entries):
            try:
                about(entry)
            except RefusedError:
                continue
            _, of_kind, identity, _, body = unpack(entry)
            found += [(at, identity, body)] * (of_kind == kind)
        return found
