"""Collecting the facts: keys, registry, database, peers, disk, data. Changes nothing anywhere.

Each part that fails becomes a finding of its own and stops no other: the doctor is called when
things are broken.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from keys.errors import KeysError
from keys.keyring import MemberKeys
from keys.succession import ROTATED, id_of
from node.doctor import checks
from node.doctor.checks import ChannelFacts, RegistryFacts
from node.doctor.contacts import check_contacts, check_origins
from node.doctor.contacts import figures as figures_of
from node.doctor.database import check_database
from node.doctor.entries import check_contradictions, check_entries
from node.doctor.findings import Finding, Severity, fine
from node.doctor.keys import check_keys_here, check_own_keys
from node.doctor.ledger import check_ledger, check_memory
from node.doctor.lists import check_lists
from node.jurisdiction.build import open_jurisdiction
from node.jurisdiction.errors import JurisdictionError
from node.jurisdiction.hosters import Hosters
from node.peer.errors import CallError, ClocksDifferError
from node.peer.http.client import HttpTransport, Limits
from node.peer.ledgers.forgetting import lacks_memory
from node.peer.ledgers.witnessing import candidates, counting, standing
from node.registry import repository
from node.registry.errors import RegistryError
from node.setup.joining import joined, keys_match
from node.setup.key_status import rows_of
from node.setup.opening import open_keys, store_place
from node.store.audits.audit import Audit
from node.store.beside import reading
from node.store.contents.lists import of_one_file
from node.store.errors import StoreError
from node.store.history import SET_BACK, fact
from node.store.recovery.recovered import phase

if TYPE_CHECKING:
    from keys.registry import Registry
    from node.config import Config
    from node.registry.updater import RegistryClient
    from node.store.beside import Beside
    from node.store.ledgers.witnessing import LedgerFigures

CALL_LIMITS = Limits(connect_s=3.0, silence_s=5.0, total_s=8.0)


@dataclass(slots=True)
class Examination:
    """One visit: what is looked at, and what was found so far.

    Attributes:
        config: of the node.
        clock: gives the time, milliseconds UTC.
        nonce: gives 16 fresh random bytes, for signed questions to peers.
    """

    config: Config
    clock: Callable[[], int]
    nonce: Callable[[], bytes]
    findings: list[Finding] = field(default_factory=list)
    _offsets: dict[str, int] = field(default_factory=dict)
    _figures: LedgerFigures | None = None

    async def run(self) -> list[Finding]:
        """Look at everything."""
        keys = self._keys()
        client = self._registry(keys)
        last_event_ms = await self._store(keys)
        self._ledger(client)
        offsets = await self._peers(keys, client)
        self.findings.append(checks.check_clock(offsets, last_event_ms, self.clock()))
        await self._data()
        self._disk()
        return self.findings

    def _keys(self) -> MemberKeys | None:
        try:
            keys = open_keys(self.config)
        except KeysError as error:
            self._broken("keys", error)
            return None
        found = check_places(self.config, member_key_here=keys.member is not None)
        self.findings += found or [fine("keys", "present, private, and they open")]
        self._hsm(keys)
        return keys

    def _hsm(self, keys: MemberKeys) -> None:
        """See that each key in an HSM signs there."""
        halves = keys.in_hsm()
        try:
            for half in halves:
                half.check()
        except KeysError as error:
            self._broken("hsm", error)
            return
        if halves:
            self.findings.append(fine("hsm", f"{len(halves)} keys sign in the token"))

    def _registry(self, keys: MemberKeys | None) -> RegistryClient | None:
        try:
            client = joined(self.config)
            facts = None
            if client is not None:
                facts = registry_facts(client, self.config, keys, self.clock())
        except RegistryError as error:
            self._broken("registry", error)
            return None
        self.findings += checks.check_registry(facts, self.clock())
        if client is not None and keys is not None:
            self.findings += check_own_keys(revoked_in_use(client, self.config, keys))
            rows = rows_of(self.config, keys, client, self.clock())
            self.findings += check_keys_here(rows)
        listed = None if client is None else client.current().reads(self.config.member.id)
        if listed is not None:
            self.findings.append(checks.check_spoken(listed))
        return client

    async def _store(self, keys: MemberKeys | None) -> int | None:
        """Look at the database; give when its newest event was learnt."""
        if keys is None:
            return None
        try:
            with reading(store_place(self.config), keys.database_key) as store:
                return await self._database(store)
        except StoreError as error:
            self._broken("database", error)
            return None

    async def _database(self, store: Beside) -> int | None:
        queries, now_ms = store.queries, self.clock()
        damaged = store.read(Audit).damaged()
        if damaged is not None:
            what, mend = "SQLite finds the file damaged", "stop the node; hotline restore FILE"
            self._add(Severity.CRITICAL, "database", "store_damaged", what, mend)
        if store.read(fact, SET_BACK) is not None:
            what = "the server lost what it had confirmed: no node begins on this database"
            mend = "stop every process of the node; hotline restored, then start it again"
            self._add(Severity.CRITICAL, "database", "store_set_back", what, mend)
        self.findings += check_database(self.config, store, now_ms)
        restored = store.read(fact, "restored_ms")
        if restored is not None:
            what = "restored from a backup: what it sent after that is known to peers only"
            mend = "hotline verify; compare with the peers that hotline peers lists"
            self._add(Severity.NOTE, "database", "restored", what, mend)
        here = store.read(phase) is not None
        said = self._recovering()
        self.findings += checks.check_recovering(self.config.member.id, said, here=here)
        figures = await queries.figures()
        if damaged is None:
            self.findings.append(fine("database", f"whole, {figures['items']} items"))
        channels = [
            ChannelFacts(
                c.peer,
                c.lane,
                c.waiting,
                c.oldest_waiting_ms,
                c.problem,
                c.stopped,
                c.unreceipted,
                c.attempts,
            )
            for c in await queries.channels()
        ]
        self.findings += checks.check_outbox(channels, now_ms)
        self.findings.append(checks.check_parked(*await queries.oldest_parked(), now_ms))
        self.findings.append(checks.check_unknown(figures["entries_unknown"]))
        self.findings += checks.check_tasks(await queries.tasks(), now_ms)
        self.findings += check_lists(store.read(of_one_file))
        standing = figures_of(await queries.hosters(), now_ms)
        self.findings += check_contacts(standing, now_ms)
        self.findings += check_origins(await queries.origins(), now_ms)
        self._figures = await queries.ledger()
        last = await queries.last_event()
        newest = await queries.events(last - 1, 1) if last else []
        return newest[0][1].learnt_ms if newest else None

    def _ledger(self, client: RegistryClient | None) -> None:
        """Judge how our ledger is witnessed, if database and registry could be read."""
        figures = self._figures
        if client is None or figures is None:
            return
        us, registry = self.config.member.id, client.current()
        able, given = candidates(registry, us), counting(registry, figures.given)
        stands = standing(us, figures.partners, given, able)
        problems = {one: ask.problem for one, ask in figures.asks.items() if ask.problem}
        self.findings += check_ledger(figures.signed_ms, stands, problems, self.clock())
        if us in registry.members:
            self.findings += check_memory(lacks_memory(registry.member(us), figures.forgotten))

    def _recovering(self) -> list[str]:
        """The members that say that they lost their node, as far as a registry is here."""
        try:
            client = joined(self.config)
        except RegistryError:
            return []
        members = {} if client is None else client.current().members
        return [member for member, document in members.items() if document.recovering is not None]

    async def _peers(
        self, keys: MemberKeys | None, client: RegistryClient | None
    ) -> dict[str, int]:
        """Greet every member that can be called; give how far each clock is ahead of ours."""
        if keys is None or client is None:
            return {}
        registry = client.current()
        transport = HttpTransport(
            us=self.config.member.id,
            registry=client.current,
            transport_key=keys.transport,
            clock=self.clock,
            nonce=self.nonce,
            limits=CALL_LIMITS,
        )
        callable_ = [peer for peer in sorted(registry.members) if self._may_call(registry, peer)]
        try:
            greeted = await asyncio.gather(*(self._greet(transport, peer) for peer in callable_))
        finally:
            await transport.close()
        failed = {peer: why for peer, why in zip(callable_, greeted, strict=True) if why}
        self.findings += checks.check_peers(failed, len(callable_))
        hidden = [m for m, document in registry.members.items() if not document.reachable]
        self.findings += checks.check_pulling(self.config.member.id, hidden)
        return dict(self._offsets)

    def _may_call(self, registry: Registry, peer: str) -> bool:
        known = peer != self.config.member.id and registry.is_active(peer)
        return known and registry.member(peer).reachable

    async def _greet(self, transport: HttpTransport, peer: str) -> str | None:
        """Greet one member; give the code of what went wrong, if anything did."""
        before = self.clock()
        try:
            hello = await transport.hello(peer)
        except ClocksDifferError as error:
            self._offsets[peer] = -error.ahead_ms
            return None
        except CallError as error:
            return error.code
        self._offsets[peer] = hello.time_ms - (before + self.clock()) // 2
        return None

    async def _data(self) -> None:
        section = self.config.jurisdiction
        try:
            opened = open_jurisdiction(section)
        except JurisdictionError as error:
            self._broken("data", error)
            return
        ages, now_ms = opened.ages(self.clock()), self.clock()
        ends = [(one.id, one.expires_ms) for one in opened.data.overrides.entries]
        contradictions = opened.data.overrides.contradictions(now_ms)
        damaged = await asyncio.to_thread(opened.databases.damaged)
        silent = await asyncio.to_thread(opened.databases.silent)
        copies, idle = opened.databases.copies, opened.data.idle
        await opened.close()
        self.findings += checks.check_data(
            ages,
            damaged,
            silent=silent,
            documentation_ranges=section.allow_documentation_ranges,
            copies=copies,
            idle=idle,
        )
        self.findings += check_entries("override", ends, now_ms)
        self.findings += check_contradictions(contradictions)
        self._hosters(now_ms)

    def _hosters(self, now_ms: int) -> None:
        """Look at the hotline's own file of hosters, if there is one."""
        file = self.config.hosters.file
        try:
            hosters = Hosters() if file is None else Hosters.open(file)
        except JurisdictionError as error:
            self._broken("hosters", error)
            return
        ends = [(one.id, one.expires_ms) for one in hosters.entries]
        self.findings += check_entries("hoster", ends, now_ms)

    def _disk(self) -> None:
        place = self.config.store.path.parent
        try:
            free = free_bytes(place)
        except OSError as error:
            what = f"the directory of the database cannot be looked at ({error.strerror})"
            self._add(Severity.CRITICAL, "disk", "disk_unreadable", what, "check [store] path")
            return
        if self.config.store.url is not None:
            self.findings.append(checks.check_disk(free, "what this node writes itself"))
            return
        floor = self.config.peer.disk_floor_mib << 20
        self.findings.append(checks.check_disk(free, "the database", floor))

    def _broken(self, check: str, error: Exception) -> None:
        """Add what an error says; our messages are `field: what is wrong; the mend`."""
        what, _, mend = str(error).partition("; ")
        code = str(getattr(error, "code", "error"))
        self._add(Severity.CRITICAL, check, code, what, mend or f"docs/errors.md, {code}")

    def _add(self, severity: Severity, check: str, code: str, what: str, mend: str) -> None:
        self.findings.append(Finding(severity, check, code, what, mend))


def registry_facts(
    client: RegistryClient, config: Config, keys: MemberKeys | None, now_ms: int
) -> RegistryFacts:
    """Give what is judged of the registry in force."""
    member = config.member.id
    registry, state = client.current(), client.state(now_ms)
    entry = registry.network.members.get(member)
    document = registry.members.get(member)
    sealing = None
    if document is not None:
        ours = {key.public.key_id for key in keys.sealing} if keys is not None else None
        usable = [
            published.not_after_ms
            for published in document.sealing
            if ours is None or published.key.key_id in ours
        ]
        sealing = max(usable, default=None)
    return RegistryFacts(
        verified_ms=state.checked_ms or 0,
        issued_ms=state.issued_ms,
        expires_ms=state.expires_ms,
        status=entry.status if entry is not None and document is not None else "unknown",
        sealing_not_after_ms=sealing,
        keys_match=document is None or keys is None or keys_match(registry, member, keys),
        endpoint_matches=document is None or document.endpoint == config.peer.endpoint,
        alarms=tuple((alarm.member, alarm.code, alarm.until_ms) for alarm in state.alarms),
        signed_by_one=_signed_by_one(client),
    )


def revoked_in_use(
    client: RegistryClient, config: Config, keys: MemberKeys
) -> list[tuple[str, str]]:
    """Give purpose and id of each key of ours that a note revokes and that is still used.

    Of the sealing keys, those that the document still lists.
    """
    member = config.member.id
    revoked = client.revocations.revoked().get(member, frozenset())
    held = {purpose: getattr(keys, purpose) for purpose in ROTATED}  # a witness key may be missing
    used: list[tuple[str, str]] = [(p, id_of(key)) for p, key in held.items() if key is not None]
    document = client.listed().members.get(member)
    if document is not None:
        used += [("sealing", published.key.key_id) for published in document.sealing]
    return [one for one in used if one[1] in revoked]


def _signed_by_one(client: RegistryClient) -> tuple[str, ...]:
    holders = repository.holders_of(repository.open_repository(client.files()))
    needed = (("root", holders.root_threshold), ("targets", holders.targets_threshold))
    return tuple(role for role, threshold in needed if threshold == 1)


def check_places(config: Config, *, member_key_here: bool) -> list[Finding]:
    """Judge where secrets lie."""
    findings = []
    if member_key_here:
        what = "the member key lies with the keys of daily work: a thief of one has both"
        mend = f"move {config.member.keys_dir / 'member.key'} to a medium that is kept offline"
        findings.append(Finding(Severity.NOTE, "keys", "member_key_online", what, mend))
    scheme, _, argument = config.member.unlock.partition(":")
    if scheme == "file" and Path(argument).resolve().is_relative_to(
        config.member.data_dir.resolve()
    ):
        what = "the unlocking secret lies in the node's own directory: a copy of it has all"
        mend = "move it and change [member] unlock"
        findings.append(Finding(Severity.WARNING, "keys", "unlock_inside", what, mend))
    return findings


def free_bytes(directory: Path) -> int:
    """Give the bytes that this process may still write where a directory lies."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize
