"""Checkpoints, receipts, ledgers, witnesses (docs/protocol.md §8.2 to 8.6, 8.11, 8.12)."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.second.basics import HybridKey, RefusedError, from64, need, sha256

LANES = ("reports", "status", "bulk")
MEMBER = r"(?:[a-z]{2}-)?[a-z0-9]{2,16}"
NETWORK = r"(?=[^/]{18,81}/)[a-z0-9]+(?:-[a-z0-9]+)*-[0-9a-f]{16}"
ORIGIN = re.compile(
    rf"hx1/({NETWORK})/({MEMBER})/({MEMBER})"
    rf"/({'|'.join(LANES)})/([0-9a-f]{{16}})"
)
LEDGER = re.compile(rf"hx1/({NETWORK})/({MEMBER})/ledger/([0-9a-f]{{16}})")
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f]")
LAST_S = 253_402_300_799
"""The end of the year 9999 (§3.4)."""


class Head(NamedTuple):
    """What a note says of a log."""

    origin: str
    size: int
    root: bytes
    text: str

    @property
    def network(self) -> str:
        """The second part of the origin."""
        return self.origin.split("/")[1]

    @property
    def sender(self) -> str:
        """The third part of the origin: who keeps this log."""
        return self.origin.split("/")[2]

    @property
    def is_ledger(self) -> bool:
        """Whether it is the head of a ledger (§8.11.3)."""
        return LEDGER.fullmatch(self.origin) is not None


Line = tuple[str, bytes, bytes]


def take_apart(note: str, most: int = 16384) -> tuple[Head, list[Line]]:
    """Read a note (C2SP signed-note, §8.4.4) of three lines (§8.2): a channel's or a ledger's."""
    need(len(note.encode()) <= most, "note: too large")
    text, lines = signature_lines(note)
    text = text[:-1]
    parts = text.split("\n")
    need(len(parts) == 3, "checkpoint: three lines")
    channel = ORIGIN.fullmatch(parts[0])
    if channel is None:
        need(LEDGER.fullmatch(parts[0]), "checkpoint: origin")
    else:
        need(channel[2] != channel[3], "checkpoint: origin")
    need(re.fullmatch(r"0|[1-9][0-9]*", parts[1]) and int(parts[1]) < 1 << 53, "checkpoint: size")
    root = from64(parts[2])
    need(len(root) == 32, "checkpoint: root")
    need(int(parts[1]) > 0 or root == sha256(), "checkpoint: an empty tree has one root only")
    return Head(parts[0], int(parts[1]), root, text + "\n"), lines


def signature_lines(note: str) -> tuple[str, list[Line]]:
    """Give the text of any signed note, its last newline too, and its signature lines."""
    need(not CONTROLS.search(note), "note: form")
    text, empty, tail = note.rpartition("\n\n")
    need(empty and tail.endswith("\n"), "note: no signature lines")
    lines = [_line(line) for line in tail[:-1].split("\n")]
    need(len(lines) <= 16, "note: too many lines")
    return text + "\n", lines


def _line(line: str) -> Line:
    need(line.startswith("\u2014 "), "note: line")
    name, space, encoded = line[2:].partition(" ")
    need(space and name and not re.search(r"[\s+]", name), "note: name")
    raw = from64(encoded)
    need(len(raw) > 4, "note: signature")
    return name, raw[:4], raw[4:]


def signed_half(lines: list[Line], name: str, kind: int, public: bytes | None) -> bytes | None:
    """Give what one half of a key signed; twice is never right (§8.4.2)."""
    if public is None:
        return None
    hashed = sha256(name.encode(), b"\n", bytes([kind]), public)[:4]
    found = [signature for who, key, signature in lines if (who, key) == (name, hashed)]
    need(len(found) < 2, "note: a key signs twice")
    return found[0] if found else None


def whole_tree(name: str, time_s: int, head: Head) -> bytes:
    """C2SP tlog-cosignature: `cosigned_message` for all leaves of a tree."""
    parts = [b"subtree/v1\n\0"]
    parts += [bytes([len(name)]), name.encode(), time_s.to_bytes(8, "big")]
    parts += [bytes([len(head.origin)]), head.origin.encode()]
    parts += [bytes(8), head.size.to_bytes(8, "big"), head.root]
    return b"".join(parts)


def check_checkpoint(note: str, keys: list[HybridKey]) -> Head:
    """Refuse the checkpoint of a channel that no log key signed, with both halves (§8.4)."""
    head = check_head(note, keys)
    need(not head.is_ledger, "checkpoint: of a ledger")
    return head


def check_head(note: str, keys: list[HybridKey], most: int = 16384) -> Head:
    """Refuse a head, of a channel or a ledger, that no log key signed with both halves."""
    head, lines = take_apart(note, most)
    need(any(_signs(head, lines, key) for key in keys), "checkpoint: by no log key")
    return head


def _signs(head: Head, lines: list[Line], key: HybridKey) -> bool:
    """Whether this key signed, with both halves; what else stands there says nothing (§8.4.2)."""
    try:
        classic = signed_half(lines, head.origin, 1, key.ed25519)
        quantum = signed_half(lines, head.origin, 6, key.mldsa44)
        if classic is None or quantum is None:
            return False
        key.check_classic(classic, head.text.encode())
        need(quantum[:8] == bytes(8), "checkpoint: a log claims no time")
        key.check_quantum(quantum[8:], whole_tree(head.origin, 0, head))
    except RefusedError:
        return False
    return True


def check_receipt(note: str, of: Head, receiver: str, keys: list[HybridKey]) -> int:
    """Give the time of a receipt; refuse one that is not the receiver's for this (§8.6.1)."""
    head, lines = take_apart(note)
    need(head.text == of.text, "receipt: of another checkpoint")
    name = f"hx1/{of.network}/{receiver}"
    for key in keys:
        time_s = _cosigned(head, lines, name, key)
        if time_s is not None:
            return time_s
    raise RefusedError("receipt: by no receipt key")


def check_witnesses(
    note: str, witnesses: dict[str, list[HybridKey]], ends: dict[bytes, int]
) -> dict[str, int]:
    """Give who cosigned a ledger's head, and when (§8.12.1); what is half or wrong says nothing.

    What a key signed at its end (ms) or later says nothing (§8.12.10).
    """
    head, lines = take_apart(note, 32768)
    times = {}
    for member, keys in witnesses.items():
        name = f"hx1/{head.network}/{member}/witness"
        given = [(key, _cosigned(head, lines, name, key)) for key in keys]
        own = [
            t for key, t in given if t is not None and t * 1000 < ends.get(key.raw, t * 1000 + 1)
        ]
        if own:
            times[member] = min(own)
    return times


def _cosigned(head: Head, lines: list[Line], name: str, key: HybridKey) -> int | None:
    """Give when a key cosigned, if it did, with both halves (§8.6.1, §8.4.2)."""
    try:
        classic = signed_half(lines, name, 4, key.ed25519)
        quantum = signed_half(lines, name, 6, key.mldsa44)
        if classic is None or quantum is None:
            return None
        need(classic[:8] == quantum[:8], "cosignature: two times")
        time_s = int.from_bytes(classic[:8], "big")
        need(0 < time_s <= LAST_S, "cosignature: time")
        signed = f"cosignature/v1\ntime {time_s}\n{head.text}".encode()
        key.check_classic(classic[8:], signed)
        key.check_quantum(quantum[8:], whole_tree(name, time_s, head))
    except RefusedError:
        return None
    return time_s
