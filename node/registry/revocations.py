"""Revocation notes, kept and exchanged beside the registry (docs/protocol.md §3.7).

    GET  /registry/v1/revocations.json    every note that counts here
    POST /registry/v1/revocations.json    one note

Whoever serves the registry serves them: every node and the umbrella. So a note reaches everybody
while the umbrella is away, while channels are stopped, and also members that can only fetch. Nobody
is authenticated: a note is signed by the key it is about, or by its member, and takes trust away.
"""

from __future__ import annotations

import asyncio
import threading
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from aiohttp import web

from keys.documents import parse, serialise
from keys.errors import KeysError
from node.registry.directory import sync_folders, write_file
from node.registry.errors import RepositoryStateError
from node.registry.kept import PREFIX
from protocol.errors import ProtocolError
from protocol.revocation import MAX_REVOCATION_BYTES, key_ids, read_unverified, verified, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from keys.registry import Registry
    from protocol.revocation import Revocation

FILE: Final = "revocations.json"
MAX_FILE_BYTES: Final = 1_048_576
READ_TIMEOUT_S: Final = 10.0
KEPT_UNLISTED: Final = 512
"""Notes of one member about keys that it lists no more; what comes beyond is forgotten. Nothing
counts under such a key, with or without its note, and whose word others keep stays listed."""
_FOLDER: Final = "revocations"
_TYPE: Final = "hx1-revocations"


class Revocations:
    """The notes of one node or umbrella.

    Args:
        directory: the registry's; the notes lie in its folder `revocations`.
        listed: gives the registry with all listed keys, revoked ones too.

    Raises:
        RepositoryStateError: a note that lies there is damaged.
    """

    def __init__(self, directory: Path, listed: Callable[[], Registry]) -> None:
        self._directory: Final = directory
        self._listed: Final = listed
        self._lock: Final = threading.Lock()
        self._notes: Mapping[Revocation, bytes] = {}
        self._revoked: Mapping[str, frozenset[str]] = {}
        self.reload()

    def reload(self) -> None:
        """Read what lies on disk: another process, a verb, may have added to it.

        Raises:
            RepositoryStateError: a note is damaged.
        """
        with self._lock:
            self._keep(dict(map(_read, sorted((self._directory / _FOLDER).glob("*.note")))))

    def take(self, raw: bytes) -> bool:
        """Verify a note and keep it durably, with the line alone that counts; tell if it is new.

        Raises:
            KeysError, ProtocolError: it does not count; nothing changed.
            OSError: the disk refused.
        """
        said, note = verified(raw, self._listed())
        with self._lock:
            if said in self._notes:
                return False
            name = _name(said)
            write_file(self._directory, name, note)
            sync_folders(self._directory, [_FOLDER, name])
            notes = {**self._notes, said: note}
            for surplus in self._surplus(said.member, notes):
                (self._directory / _name(surplus)).unlink(missing_ok=True)
                del notes[surplus]
            self._keep(notes)
        return True

    def take_file(self, raw: bytes) -> int:
        """Take what somebody serves; what does not count is left out. Returns how many are new.

        Raises:
            UntrustedDocumentError: not such a file.
        """
        fields = parse(raw, "revocations")
        fields.constant("_type", _TYPE)
        return sum(self._took(note.encode()) for note in fields.texts("notes"))

    def said_in(self, raw_file: bytes, raw: bytes) -> bool:
        """Whether what somebody serves has a note that counts and says what this one says.

        Raises:
            UntrustedDocumentError: not such a file.
            KeysError, ProtocolError: this note does not count here.
        """
        registry = self._listed()
        said = verify(raw, registry)
        fields = parse(raw_file, "revocations")
        fields.constant("_type", _TYPE)
        return any(_says(note.encode(), said, registry) for note in fields.texts("notes"))

    def revoked(self) -> Mapping[str, frozenset[str]]:
        """The ids of revoked keys, by member; the same object until there are more."""
        return self._revoked

    def file(self, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """The notes about keys that are still listed: about others nobody has to be told.

        As many as a file may hold that others read, of each member in turn: however many keys one
        of them lists and revokes, it crowds out no note of another.
        """
        texts = {said: raw.decode() for said, raw in self._of_listed()}
        empty = serialise({"_type": _TYPE, "notes": []})
        chosen = _in_turn(texts, max_bytes - len(empty))
        return serialise({"_type": _TYPE, "notes": [t for s, t in texts.items() if s in chosen]})

    def notes(self) -> list[bytes]:
        """The notes about keys that are still listed."""
        return [raw for _, raw in self._of_listed()]

    def _surplus(self, member: str, notes: Mapping[Revocation, bytes]) -> list[Revocation]:
        """Choose what to forget of a member that lists ever new keys and revokes them."""
        listed = key_ids(self._listed().member(member))
        of_it = sorted(said for said in notes if said.member == member)
        return [said for said in of_it if said.key_id not in listed][KEPT_UNLISTED:]

    def _of_listed(self) -> list[tuple[Revocation, bytes]]:
        members = self._listed().members
        listed = {member: key_ids(document) for member, document in members.items()}
        return [
            (said, raw)
            for said, raw in sorted(self._notes.items())
            if said.key_id in listed.get(said.member, ())
        ]

    def _keep(self, notes: Mapping[Revocation, bytes]) -> None:
        if notes == self._notes:
            return
        members = {said.member for said in notes}
        self._notes = notes
        self._revoked = {m: frozenset(s.key_id for s in notes if s.member == m) for m in members}

    def _took(self, raw: bytes) -> bool:
        try:
            return self.take(raw)
        except (KeysError, ProtocolError):
            return False


def revocation_routes(revocations: Revocations, on_new: Callable[[], None]) -> web.RouteTableDef:
    """The two routes.

    Args:
        revocations: the notes; called in a thread.
        on_new: called when a note was new.
    """
    routes = web.RouteTableDef()

    @routes.get(f"{PREFIX}/{FILE}")
    async def give(_: web.Request) -> web.Response:
        raw = await asyncio.to_thread(revocations.file)
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=raw, content_type="application/json", headers=headers)

    @routes.post(f"{PREFIX}/{FILE}")
    async def take(request: web.Request) -> web.Response:
        size = request.content_length
        if size is None or not 0 < size <= MAX_REVOCATION_BYTES:
            return _refusal(413, "body_too_large")
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                raw = await request.content.readexactly(size)
            new = await asyncio.to_thread(revocations.take, raw)
        except (TimeoutError, asyncio.IncompleteReadError):
            return _refusal(408, "too_slow")
        except (KeysError, ProtocolError):
            return _refusal(422, "registry_refused")
        if new:
            on_new()
        return web.json_response({"new": new})

    return routes


def _in_turn(texts: Mapping[Revocation, str], room: int) -> set[Revocation]:
    """Choose what goes into `room` bytes of JSON: the first note of each member, the second..."""
    by_member: dict[str, list[Revocation]] = {}
    for said in texts:
        by_member.setdefault(said.member, []).append(said)
    chosen: set[Revocation] = set()
    for turn in zip_longest(*by_member.values()):
        for said in filter(None, turn):
            room -= len(serialise([texts[said]])) - 1  # its comma, and no brackets
            if room < 0:
                return chosen
            chosen.add(said)
    return chosen


def _refusal(status: int, code: str) -> web.Response:
    body = {"code": code, "field": "revocation"}
    return web.json_response(body, status=status, content_type="application/problem+json")


def _name(said: Revocation) -> str:
    return f"{_FOLDER}/{said.member}.{said.key_id}.note"


def _says(raw: bytes, said: Revocation, registry: Registry) -> bool:
    """Whether a note says this, and counts; others are not verified: there may be thousands."""
    try:
        return read_unverified(raw) == said and verify(raw, registry) == said
    except (KeysError, ProtocolError):
        return False


def _read(path: Path) -> tuple[Revocation, bytes]:
    try:
        raw = path.read_bytes()
        return read_unverified(raw), raw
    except (OSError, KeysError, ProtocolError):
        raise RepositoryStateError(f"{path}: is damaged; move it away and restart") from None
