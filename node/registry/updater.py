"""How a running node keeps its registry: fetched from any mirror, in force though all are away.

`RegistryClient` is the node's `RegistrySource`. A refresh runs in a thread (the TUF client blocks,
and would deadlock on the event loop). It asks the configured mirrors and then some members', in
turn, until one gives a fresh registry; what is newer is taken in one durable step. Whatever fails,
what was verified last stays in force, and `state` tells how old it is and why.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final

from keys.errors import KeysError
from node.registry import memory, revocations
from node.registry.errors import (
    MirrorsFailedError,
    NoRegistryError,
    RefusedError,
    RepositoryStateError,
    WrongFingerprintError,
)
from node.registry.kept import KeptFiles
from node.registry.memory import Held
from node.registry.revocations import Revocations
from node.registry.source import AHEAD_MS, DISTRUSTED_AFTER_MS, Freshness, RegistryState, judge
from node.registry.transport import HttpTransport, MirrorError, Transport, check_mirror
from node.registry.trust import settle
from node.telemetry.logs import logger
from protocol.revocation import apply

if TYPE_CHECKING:
    from pathlib import Path

    from keys.registry import Registry, VerifiedSet

MEMBERS_ASKED: Final = 3
_HEX_DIGITS: Final = 64
_BEFORE_ANY_END_MS: Final = 0


class RegistryClient:
    """The registry of one node: pin, memory on disk, mirrors.

    Args:
        root_sha256: the pin, 32 bytes.
        directory: where the memory is kept; made if needed.
        mirrors: base addresses, tried in this order.
        member: our own id, whose mirror is not asked; empty if we are none.
        transport: how files are fetched.
        anew: nothing was pinned yet, so what an earlier attempt left counts for nothing.

    Attributes:
        kept: the files to serve to others (`node.registry.mirror`).
        revocations: the revocation notes that count here.

    Raises:
        RefusedError: a mirror's address is not one.
        RepositoryStateError: the memory is damaged or another network's.
    """

    def __init__(
        self,
        root_sha256: bytes,
        directory: Path,
        mirrors: Sequence[str],
        *,
        member: str = "",
        transport: Transport | None = None,
        anew: bool = False,
    ) -> None:
        self._pin: Final = root_sha256
        self._directory: Final = directory
        self._mirrors: Final = tuple(check_mirror(mirror) for mirror in mirrors)
        self._member: Final = member
        self._transport: Final = transport or HttpTransport()
        self._refreshing: Final = threading.Lock()
        self._turn = 0
        self._problem: str | None = None
        self._stamp = memory.stamp(directory)
        self._held = None if anew else memory.load(directory, root_sha256)
        self.kept: Final = KeptFiles()
        if self._held is not None:
            self.kept.keep(self._held.verified.files)
        self.revocations: Final = Revocations(directory, self.listed)
        self._believed: tuple[Registry, object, Registry] | None = None

    def current(self) -> Registry:
        """The registry in force, without the revoked keys of others.

        Raises:
            NoRegistryError: none was ever verified.
        """
        listed, notes = self.listed(), self.revocations.revoked()
        before = self._believed
        if before is not None and before[0] is listed and before[1] is notes:
            return before[2]
        believed = apply(listed, notes, self._member)
        self._believed = (listed, notes, believed)
        return believed

    def listed(self) -> Registry:
        """The registry with all listed keys, revoked ones too: for what was signed and kept before.

        Raises:
            NoRegistryError: none was ever verified.
        """
        return self._in_force().settled.registry

    def hear_revocations(self) -> int:
        """Ask the mirrors and some members for revocation notes; return how many were new.

        Blocks, for a thread. Notes that a verb wrote beside a running node are found as well.

        Raises:
            NoRegistryError: none was ever verified.
            RepositoryStateError: a note on disk is damaged.
            OSError: the disk refused.
        """
        self.revocations.reload()
        return sum(map(self._hear, self._addresses()))

    def serves(self, address: str, raw: bytes) -> bool:
        """Whether an address serves a note that says what this one says. Blocks, for a thread."""
        try:
            with self._transport.open(address) as get:
                file = get(revocations.FILE, revocations.MAX_FILE_BYTES)
            return self.revocations.said_in(file, raw)
        except (MirrorError, RefusedError, KeysError):
            return False

    def _hear(self, address: str) -> int:
        """Ask one address; whatever is wrong with it holds up no other."""
        try:
            with self._transport.open(address) as get:
                raw = get(revocations.FILE, revocations.MAX_FILE_BYTES)
            return self.revocations.take_file(raw)
        except (NoRegistryError, RepositoryStateError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - logged
            _unforeseen(error)
            return 0

    def files(self) -> Mapping[str, bytes]:
        """The files it was verified from, by path.

        Raises:
            NoRegistryError: none was ever verified.
        """
        return self._in_force().verified.files

    def state(self, now_ms: int) -> RegistryState:
        """How fresh it is, and why it is not fresher.

        Raises:
            NoRegistryError: none was ever verified.
        """
        held = self._in_force()
        return judge(
            held.verified.registry,
            now_ms,
            checked_ms=held.checked_ms,
            problem=self._problem,
            alarms=held.settled.alarms,
        )

    async def refresh(self, now_ms: int) -> RegistryState:
        """Look for a newer registry, in a thread; failing that, the one in force stays.

        Raises:
            NoRegistryError: none was ever verified, and none could be had.
        """
        return await asyncio.to_thread(self.refresh_blocking, now_ms)

    def refresh_blocking(self, now_ms: int, first: str | None = None) -> RegistryState:
        """As `refresh`, for a thread without an event loop: commands, or `refresh` itself.

        Args:
            now_ms: UTC.
            first: an address that is asked before the mirrors.

        Raises:
            RefusedError: that address is not one.
            NoRegistryError: none was ever verified, and none could be had.
        """
        ahead = () if first is None else (check_mirror(first),)
        with self._refreshing:
            self._take_up_saved()
            problems = list(self._ask_mirrors(now_ms, ahead))
            self._problem = None if None in problems else next(iter(problems), "no_mirror")
            if self._held is None:
                raise NoRegistryError(
                    f"registry: none was ever verified here ({self._problem}); run hotline join"
                )
            return self.state(now_ms)

    def files_at(self, address: str) -> Mapping[str, bytes]:
        """The registry that one address has, verified from the pin and never older than ours.

        It is only looked at: nothing is put in force. Expiry is not asked (docs/registry.md §5.6).
        Blocks, for a thread.

        Raises:
            RefusedError: the address is not one.
            NoRegistryError: none was ever verified.
            MirrorsFailedError: it cannot be had, or does not verify; `reason` says which.
        """
        from node.registry.fetch import fetch_verified  # noqa: PLC0415 - a start need not wait for what fetches

        with self._transport.open(address) as get:
            return fetch_verified(get, self._pin, self.files(), _BEFORE_ANY_END_MS).files

    def join_blocking(self, now_ms: int, *, accept_old: bool = False) -> RegistryState:
        """The first refresh of a new node, strict where `refresh` is patient.

        Args:
            now_ms: UTC.
            accept_old: begin with a registry that nobody has signed for 72 hours: a person's
                decision, for a node that lost its disk while the umbrella is away.

        Raises:
            WrongFingerprintError: a mirror has another network than the one pinned.
            MirrorsFailedError: no mirror gave one that verifies and was signed within 72 hours.
        """
        with self._refreshing:
            for mirror in self._mirrors:
                self._problem = self._ask(mirror, now_ms, joining=True, accept_old=accept_old)
                if self._problem is None:
                    return self.state(now_ms)
        raise MirrorsFailedError(self._problem or "no_mirror")

    def _in_force(self) -> Held:
        if self._held is None:
            raise NoRegistryError("registry: none was ever verified here; run hotline join")
        return self._held

    def _take_up_saved(self) -> None:
        """Take up what a verb verified beside a running node: no mirror may have it for a while."""
        stamp = memory.stamp(self._directory)
        if self._held is None or stamp == self._stamp:
            return
        self._stamp = stamp
        with suppress(RepositoryStateError):  # what is in force goes on
            saved = memory.load(self._directory, self._pin)
            if saved is not None and _version(saved) > _version(self._held):
                self._held = saved
                self.kept.keep(saved.verified.files)

    def _ask_mirrors(self, now_ms: int, ahead: Sequence[str]) -> Iterator[str | None]:
        """Ask one mirror after the other until one was fresh; give each one's problem or None."""
        for mirror in chain(ahead, self._addresses()):
            yield self._ask(mirror, now_ms, joining=False)
            held = self._held
            if held is not None and held.checked_ms == now_ms and self._is_fresh(now_ms):
                return

    def _is_fresh(self, now_ms: int) -> bool:
        return self.state(now_ms).freshness is Freshness.FRESH

    def _addresses(self) -> Iterator[str]:
        """The configured mirrors, then a few members', each time others."""
        yield from self._mirrors
        registry = self._held.settled.registry if self._held else None
        if registry is None:
            return
        endpoints = [
            document.endpoint
            for member, document in sorted(registry.members.items())
            if document.endpoint and member != self._member and registry.is_active(member)
        ]
        for _ in range(min(MEMBERS_ASKED, len(endpoints))):
            self._turn += 1
            yield endpoints[self._turn % len(endpoints)]

    def _ask(
        self, mirror: str, now_ms: int, *, joining: bool, accept_old: bool = False
    ) -> str | None:
        """Take what one mirror has; give the code of its problem, or None."""
        try:
            verified = self._fetched(mirror, now_ms)
            if verified.registry.issued_ms - now_ms > AHEAD_MS:
                return "issued_ahead"
            old = now_ms - verified.registry.issued_ms > DISTRUSTED_AFTER_MS
            if old and self._held is None and not accept_old:
                return "too_old"
            trusted = self._held.settled.trusted if self._held else {}
            held = Held(verified, settle(trusted, verified, now_ms), now_ms)
            self._save(held)
        except WrongFingerprintError:
            if joining:
                raise
            return WrongFingerprintError.code
        except (MirrorsFailedError, KeysError) as error:
            return error.reason if isinstance(error, MirrorsFailedError) else error.code
        except OSError:
            return "not_saved"
        self._held = held
        self.kept.keep(verified.files)
        return None

    def _fetched(self, mirror: str, now_ms: int) -> VerifiedSet:
        """Fetch what one mirror has; whatever asking it raises is its own failure.

        Raises:
            WrongFingerprintError, MirrorsFailedError, KeysError: it gives nothing to use.
        """
        from node.registry.fetch import fetch_verified  # noqa: PLC0415 - a start need not wait for what fetches

        known = self._held.verified.files if self._held else {}
        try:
            with self._transport.open(mirror) as get:
                return fetch_verified(get, self._pin, known, now_ms)
        except (WrongFingerprintError, MirrorsFailedError, KeysError):
            raise
        except Exception as error:  # noqa: BLE001 - logged
            _unforeseen(error)
            raise MirrorsFailedError("unreachable") from None

    def _save(self, held: Held) -> None:
        """Remember what one mirror gave, unless another process has saved what is newer meanwhile.

        Raises:
            MirrorsFailedError: it has; that is in force.
            OSError: the disk refused.
        """
        self._take_up_saved()
        if self._held is not None and _version(held) < _version(self._held):
            raise MirrorsFailedError("rolled_back")
        if not self._same(held):
            memory.save(self._directory, self._pin, held)
            self._stamp = memory.stamp(self._directory)

    def _same(self, held: Held) -> bool:
        """Whether there is nothing new to remember."""
        before = self._held
        return (
            before is not None
            and before.verified.files == held.verified.files
            and before.settled.trusted == held.settled.trusted
        )


def read_fingerprint(text: str) -> bytes:
    """The pin as a person types it: 64 hex digits, with or without spaces and colons.

    Raises:
        RefusedError: it is something else.
    """
    digits = re.sub(r"[\s:]", "", text)
    if len(digits) != _HEX_DIGITS or not re.fullmatch(r"[0-9a-fA-F]+", digits):
        raise RefusedError("fingerprint", f"needs {_HEX_DIGITS} hex digits, as network create says")
    return bytes.fromhex(digits)


def _version(held: Held) -> tuple[int, int]:
    """What grows; a new root can begin the timestamps anew."""
    return held.verified.registry.root_version, held.verified.registry.timestamp_version


def _unforeseen(error: Exception) -> None:
    """An address that a member publishes holds up no other; what nobody foresaw is in the log."""
    if not isinstance(error, MirrorError) and not hasattr(error, "code"):
        logger().warning("mirror_failed", exc_info=error)
