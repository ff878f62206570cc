"""Being a witness: cosigning the heads of other members' ledgers (docs/protocol.md §8.12).

The order of C2SP tlog-witness: whose ledger it is, its owner's signature, the size that we hold,
the consistency proof. The new head is remembered, durably, in the transaction that makes our
cosignature; only then it is answered. A head that contradicts what we hold is kept as evidence.

Three rules are our own. Only members hand in heads, each those of its own ledger. And of one member
the newest epoch alone is cosigned: who begins an epoch has left the one before, so a head of that
is another process's, and two ledgers can't grow beside each other. And a new epoch is cosigned only
after its owner showed that it goes on from the one before (`node.peer.ledgers.lineage`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from keys.errors import KeysError
from keys.registry import Registry
from keys.signing import Signer
from node.peer.errors import (
    BadSubmissionError,
    InconsistentHeadError,
    OverQuotaError,
    UnknownLedgerError,
    UnsignedHeadError,
)
from node.peer.http.quotas import HourlyQuota
from node.peer.ledgers.forgetting import Forgotten, may_cosign
from node.peer.ledgers.lineage import shows_lineage
from protocol.errors import NoteError, ProofError, ProtocolError, UnheardKeyError
from protocol.fork import ForkEvidence, verify_fork
from protocol.ledger import LedgerHead, LedgerOrigin, VerifiedLedgerHead, take_ledger_head
from protocol.witness import (
    NEVER,
    Submission,
    Witnessed,
    check_extends,
    conflicts,
    cosign_head,
    head_of,
)

PER_HOUR: Final = 60
"""Heads of one member that are judged in an hour; an honest one hands in one."""


class HeldHead(NamedTuple):
    """What a witness holds of one epoch; `note` as its owner signed it, None: nothing yet.

    `is_newest`: whether its owner has begun no other epoch since.
    """

    state: Witnessed
    note: bytes | None
    is_newest: bool


@dataclass(frozen=True, slots=True)
class HeldSize:
    """The answer to an owner that believes us at another size."""

    size: int


class WitnessStore(Protocol):
    """What being a witness needs of the store; methods raise `StoreError`."""

    async def held(self, origin: LedgerOrigin) -> HeldHead:
        """Return what we cosigned of this epoch."""
        ...

    async def advance(
        self,
        head: LedgerHead,
        note: bytes,
        before: Witnessed,
        sign: Callable[[int], bytes],
        at_s: int,
    ) -> bytes | None:
        """Remember `head` and return what `sign` gives, in one transaction; durable on return.

        `sign` is given the time (POSIX s): `at_s`, or the latest that was ever given before, since
        times never go back. None, and nothing is changed or signed: what is held is not `before`
        any more.
        """
        ...

    async def forgotten(self) -> Forgotten | None:
        """Return what the last restore of this database left; None: there was none."""
        ...

    async def shown_epoch(self, member: str) -> bytes | None:
        """Return the epoch of a member's ledger up to which it showed how that goes on (§8.16)."""
        ...

    async def keep_fork(self, member: str, evidence: ForkEvidence, now_ms: int) -> None:
        """Keep a proof that a member split its ledger, once, and put it before a person."""
        ...


class Witness:
    """Judges and cosigns heads of ledgers.

    Args:
        us: our member id.
        store: what we remember.
        registry: gives the verified registry in force.
        witness_key: gives the key that cosigns, None while we have none.
        clock: gives the time, ms UTC.
        on_registry_behind: called when a head is signed by a key that we do not know.
    """

    def __init__(
        self,
        us: str,
        store: WitnessStore,
        registry: Callable[[], Registry],
        witness_key: Callable[[], Signer | None],
        clock: Callable[[], int],
        on_registry_behind: Callable[[], None],
    ) -> None:
        self._us = us
        self._store = store
        self._registry = registry
        self._witness_key = witness_key
        self._clock = clock
        self._on_registry_behind = on_registry_behind
        self._quota = HourlyQuota(PER_HOUR)

    async def add_checkpoint(self, caller: str, raw: bytes) -> bytes | HeldSize:
        """Return our cosignature lines under the head that `caller` hands in, or what we hold.

        Raises:
            OverQuotaError, BadSubmissionError, UnknownLedgerError, UnsignedHeadError,
            InconsistentHeadError: it is refused, and nothing is remembered of it but evidence.
            StoreError: nothing was kept, nothing is answered.
        """
        self._quota.spend(caller, self._clock())
        key = await self._key_of_now()
        submission, claimed = _read(raw)
        self._check_known(caller, claimed.origin)
        if key is None:
            raise UnknownLedgerError
        head, signed = self._verified(caller, submission.note)
        submission = submission._replace(note=signed)
        for _ in range(2):
            held = await self._store.held(head.origin)
            if not held.is_newest:
                raise UnknownLedgerError
            if held.state == NEVER and not await self._is_shown(head.origin):
                raise UnknownLedgerError
            answer = await self._judge(submission, head, held, key)
            if answer is not None:
                return answer
        raise OverQuotaError  # somebody hands in one head after the other at the same moment

    async def _is_shown(self, origin: LedgerOrigin) -> bool:
        """Whether its owner showed how its ledger goes on to here; earlier versions cannot.

        Who ever showed it is of no earlier version, whatever its document says since.
        """
        shown = await self._store.shown_epoch(origin.member)
        if shown is None and not shows_lineage(self._registry(), origin.member):
            return True
        return shown == origin.epoch

    async def _judge(
        self, submission: Submission, head: VerifiedLedgerHead, held: HeldHead, key: Signer
    ) -> bytes | HeldSize | None:
        """Judge by what is held; None: that has changed meanwhile."""
        try:
            if conflicts(submission, head, held.state):
                await self._suspect(submission, head, held)
                return HeldSize(held.state.size)
            check_extends(submission, head, held.state)
        except NoteError as error:
            raise BadSubmissionError(str(error)) from None
        except ProofError:
            await self._suspect(submission, head, held)
            raise InconsistentHeadError from None
        time_s = self._clock() // 1000
        return await self._store.advance(
            head,
            submission.note,
            held.state,
            lambda at_s: cosign_head(head, self._us, key, at_s),
            time_s,
        )

    async def _key_of_now(self) -> Signer | None:
        """Return the key that cosigns; None: there is none, it is retired, or we were set back."""
        key = self._witness_key()
        if key is None:
            return None
        document = self._registry().members.get(self._us)
        forgotten = await self._store.forgotten()
        may = may_cosign(document, key.public.key_id, forgotten, self._clock())
        return key if may else None

    async def _suspect(
        self, submission: Submission, head: VerifiedLedgerHead, held: HeldHead
    ) -> None:
        """Keep proof of a fork if what came and what we hold are one; the honest never are."""
        if held.note is None:
            return
        nodes = () if head.size == held.state.size else submission.proof
        evidence = ForkEvidence(held.note, submission.note, nodes)
        member = head.origin.member
        try:
            verify_fork(evidence, self._registry().member(member).log_keys)
        except (ProtocolError, KeysError):
            return
        await self._store.keep_fork(member, evidence, self._clock())

    def _check_known(self, caller: str, origin: LedgerOrigin) -> None:
        registry = self._registry()
        ours = origin.network == registry.network_id and origin.member == caller
        if not ours or not registry.is_active(caller):
            raise UnknownLedgerError

    def _verified(self, caller: str, note: bytes) -> tuple[VerifiedLedgerHead, bytes]:
        """Return the head, and the note with its owner's lines alone, beside which ours stand."""
        try:
            keys = self._registry().member(caller).serving("log", self._clock())
            return take_ledger_head(note, keys)
        except UnheardKeyError:
            self._on_registry_behind()
            raise UnsignedHeadError from None
        except (ProtocolError, KeysError):
            raise UnsignedHeadError from None


def _read(raw: bytes) -> tuple[Submission, LedgerHead]:
    try:
        submission = Submission.parse(raw)
        return submission, head_of(submission.note)
    except ProofError:
        raise InconsistentHeadError from None
    except ProtocolError as error:
        raise BadSubmissionError(str(error)) from None
