"""The two seams between channels and the wire: what delivery calls, and what the listener calls.

Delivery speaks through a `Transport`; the listener hands what arrives to an `Inbox`. HTTP
(`client`, `server`) is one implementation; the simulation connects the two in memory.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar

from protocol.answers import Answer
from protocol.pull import Offer, Pull
from protocol.push import PushHead
from protocol.recovery import Page, Recover, Standing
from protocol.vocabulary import Lane


class AdmittedPush(Protocol):
    """A push whose head was found good; opaque to the listener but for its size."""

    @property
    def entries(self) -> int:
        """How many entries it brings."""
        ...


A = TypeVar("A", bound=AdmittedPush)
"""An admitted push."""


class Reply(NamedTuple):
    """What a peer answered: its signature is verified and bound to the request.

    Attributes:
        status: 200 with a receipt for a push; with any other, `body` is an `Answer`. A question
            is always answered by an `Answer`.
        body: receipt or canonical `Answer`, still to be verified or parsed.
    """

    status: int
    body: bytes


class Transport(Protocol):
    """The way to other members. Both calls raise `PeerError` when nothing that counts came back."""

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """Send one push (`protocol.push.push_path`, `PushHead.to_bytes`, sealed frame)."""
        ...

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """Ask for the state of our channel to `peer`; the answer carries `nonce`, 16 bytes."""
        ...


class PullTransport(Protocol):
    """The way to those who hold something for us; raises `PeerError` as `Transport` does."""

    async def pull(self, peer: str, path: str, body: bytes, wait_s: int) -> Reply:
        """Send one pull, which may be held back for `wait_s`; 200 comes with an offer."""
        ...


class WitnessTransport(Protocol):
    """The way to those who cosign our ledger; raises `PeerError` as `Transport` does."""

    async def add_checkpoint(self, peer: str, body: bytes) -> bytes | int:
        """Hand in a head; return cosignature lines, to be verified, or the size that is held."""
        ...


class RecoverTransport(Protocol):
    """The way to those who hold what we said; raises `PeerError` as `Transport` does."""

    async def recover(self, peer: str, path: str, body: bytes) -> Page | Standing:
        """Ask for the next page of what we said; nothing of it was checked yet."""
        ...


class Recoveries(Protocol):
    """What becomes of a verified member's question for what it had said."""

    async def serve(self, peer: str, lane: Lane, asked: Recover) -> Page | Standing:
        """Return the next page, or how the asking stands."""
        ...


class Brought(Protocol):
    """What becomes of what a verified member brings that we cannot ask."""

    async def brought(self, peer: str, lane: Lane, brought: Page | Standing) -> Recover | Standing:
        """Take a page, or how the asking stands; return what is asked for next."""
        ...


class Pulls(Protocol):
    """What becomes of a verified pull."""

    async def pull(self, peer: str, lane: Lane, pull: Pull) -> Offer | Answer:
        """Answer a pull of `peer`, at the latest when its time is over."""
        ...


class Inbox(Protocol[A]):
    """What becomes of a verified request. Methods raise `StoreError` when nothing was kept."""

    async def question(self, sender: str, lane: Lane, nonce: bytes) -> Answer:
        """Tell the state of the channel from `sender`; the answer carries `nonce`."""
        ...

    async def precheck(
        self, sender: str, lane: Lane, epoch: bytes, start: int, head: PushHead
    ) -> A | Answer | bytes:
        """Judge the head of a push before its body is read; bytes are the stored receipt."""
        ...

    async def take(self, admitted: A, sealed: bytes) -> Answer | bytes:
        """Keep an admitted push whose body is the one that was signed; bytes are its receipt."""
        ...
