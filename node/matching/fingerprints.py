"""Keyed fingerprints: by what an item, a content or a handed-in line is recognised.

16 bytes of BLAKE2b keyed with the node's fingerprint secret. Equal things have equal fingerprints
at this node only: a copy of the database without the keys can't be searched for guessed addresses,
and an erased item still tells that it was there.

A fingerprint finds candidates, nothing more: what two files with a hash in common are to each other
is said by `contents`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

from node.matching.places import forms_of
from protocol.facts import Content, Location

_N = TypeVar("_N")
_K = TypeVar("_K")
BYTES = 16
_TAGS = {32: b"s", 20: b"h", 16: b"m"}
REMEMBERED = 20_000
"""Keys kept at hand: a batch asks for each of its keys when it loads, judges and records."""


class Fingerprints:
    """Makes fingerprints with one node's secret (32 bytes, part of its key backup)."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = blake2b(digest_size=BYTES, key=secret)
        self._items: dict[str, bytes] = {}
        self._places: dict[str, list[bytes]] = {}
        self._contents: dict[Content, list[bytes]] = {}

    def _of(self, tag: bytes, value: bytes) -> bytes:
        state = self._keyed.copy()
        state.update(tag + value)
        return state.digest()

    def item(self, item_id: str) -> bytes:
        """The key under which an item is found by its own id or an alias."""
        key = self._items.get(item_id)
        if key is None:
            key = _remember(self._items, item_id, self._of(b"i", item_id.encode()))
        return key

    def host(self, host: str) -> bytes:
        """The key of a host, as locations spell it."""
        return self._of(b"n", host.encode())

    def location(self, location: Location | None) -> bytes | None:
        """The key of a canonical location; None where there is none."""
        if location is None or location.canonical is None:
            return None
        return self.places(location)[0]

    def places(self, location: Location | None) -> list[bytes]:
        """The keys under which items at a location may stand, its own first; absent: none."""
        if location is None or location.canonical is None:
            return []
        keys = self._places.get(location.canonical)
        if keys is None:
            made = [self._of(b"l", form.encode()) for form in forms_of(location.canonical)]
            keys = _remember(self._places, location.canonical, made)
        return keys

    def content(self, content: Content) -> list[bytes]:
        """The keys under which files that may be this one are found, strongest first.

        One for each hash, weak ones too: `contents.compare` then says what they have in common.
        """
        keys = self._contents.get(content)
        if keys is None:
            keys = _remember(self._contents, content, self._hashes(content))
        return keys

    def _hashes(self, content: Content) -> list[bytes]:
        keys = []
        if content.sha256 is not None:
            keys.append(self._of(b"s", content.sha256))
        if content.sha1 is not None:
            keys.append(self._of(b"h", content.sha1))
        if content.md5 is not None:
            keys.append(self._of(b"m", content.md5))
        return keys

    def account(self, content: Content) -> list[bytes]:
        """The keys of a content; of one with nothing but a PDQ hash, the key of exactly that."""
        keys = self.content(content)
        return keys or [self._of(b"p", content.pdq or b"")]

    def digest(self, digest: bytes) -> bytes:
        """The key of one hash, which its length names: the same as of a content that has it.

        Raises:
            KeyError: of another length than SHA-256, SHA-1 or MD5.
        """
        return self._of(_TAGS[len(digest)], digest)

    def verdict(self, event_id: str) -> bytes:
        """The key under which items are found on which a verdict stands, or stood."""
        return self._of(b"v", event_id.encode())

    def entry(self, number: int) -> bytes:
        """The key under which items are found that look like the entry of a list."""
        return self._of(b"e", number.to_bytes(8, "big"))

    def listed(self, number: int, name: bytes) -> bytes:
        """The key under which the list of this number knows an entry by its name."""
        return self._of(b"n", number.to_bytes(8, "big") + name)

    def line(self, whose: str, number: str, where: str) -> bytes:
        """The key of a handed-in line: who handed it in, its number there, and what it names.

        Begins with the plain parts: lines that come together lie together in the store, where a
        random key would rewrite a page for each.
        """
        return f"{whose}\0{number}\0".encode() + self._of(b"h", where.encode())

    def said(self, line: bytes, words: bytes) -> bytes:
        """What a verdict that was handed in with a line is known by."""
        return self._of(b"a", line + words)


def _remember(at_hand: dict[_N, _K], name: _N, key: _K) -> _K:
    """Keep what was made of a name, and return it."""
    if len(at_hand) >= REMEMBERED:
        at_hand.clear()
    at_hand[name] = key
    return key


def content_keys(fingerprints: Fingerprints, content: Sequence[Content]) -> Sequence[bytes]:
    """Return every content key of several files' hashes; most items have one file."""
    if len(content) == 1:
        return fingerprints.content(content[0])
    return [key for one in content for key in fingerprints.content(one)]
