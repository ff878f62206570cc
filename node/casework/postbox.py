"""What leaves: messages become entries, in the form that their addressee reads."""

from __future__ import annotations

from keys.member import Capabilities
from keys.registry import Registry
from node.casework.passing_on.permits import Permits, fitting
from node.casework.passing_on.post import Post
from protocol import entry as entries
from protocol.messages import Message, form_of, to_body
from protocol.versions import is_read_by, worded_for
from protocol.vocabulary import Kind, Lane


class Postbox:
    """Turns messages into entries; the node's secret makes their ids and salts.

    Under a registry (`under`) each message goes in the newest form that its addressee's signed
    document lists (docs/protocol.md §13), else in its first form.

    `generation` is when this database was restored from a backup, 0 if it never was. What a
    restored node answers, tells and hands on anew is not word for word what it said before: it says
    it as a revision, since another body under an id that was seen is a conflict. The item's own id
    in it stays the same, so whoever has the item knows it.
    `permits`: what the registry in force lets us say; the desk asks `under` for each batch.
    `shares`: verdicts given here are told to all (§6.6).
    """

    def __init__(
        self,
        secret: bytes,
        generation: int = 0,
        permits: Permits | None = None,
        *,
        shares: bool = True,
    ) -> None:
        self._secret = secret
        self.shares = shares
        self.generation = generation
        self.permits = permits
        self._newest: dict[tuple[str, type], bool] = {}

    def is_under(self, registry: Registry) -> bool:
        """Whether this postbox speaks as this registry permits."""
        return self.permits is not None and self.permits.registry is registry

    def under(self, permits: Permits) -> Postbox:
        """Return this postbox as one registry permits it to speak."""
        return Postbox(self._secret, self.generation, permits, shares=self.shares)

    def to_wait(self) -> Postbox:
        """Return this postbox under no registry: who sends what it says asks then (§11.1)."""
        return Postbox(self._secret, self.generation, shares=self.shares)

    def reads(self, peer: str) -> Capabilities | None:
        """What the member's signed document says that it reads; None: there is none."""
        return None if self.permits is None else self.permits.registry.reads(peer)

    def listeners(self, lane: Lane, kind: Kind) -> tuple[str, ...]:
        """Return who hears and reads what is told to all, if this node tells it, or once did."""
        told = self.shares or kind is Kind.CONTENT_VERDICT_WITHDRAWN
        return self.permits.listeners(lane, kind) if told and self.permits is not None else ()

    def heir_of(self, member: str) -> str:
        """Who hears what is for `member`: itself, or who took over from it when it was expelled."""
        return member if self.permits is None else self.permits.registry.network.heir_of(member)

    def keeps_back(self, member: str, field: str) -> bool:
        """Whether the terms keep this field from `member`."""
        return self.permits is not None and self.permits.keeps_back(member, field)

    def reaches(self, member: str) -> bool:
        """Whether what is said to `member` leaves now: it is no suspended or expelled one."""
        return self.permits is None or self.permits.registry.network.is_active(member)

    def has_id(self, entry_id: bytes, peer: str, kind: Kind, subject: str, revision: int) -> bool:
        """Whether an entry by which this is said to `peer`, in whatever form, has this id."""
        said = (self._secret, kind, subject, revision + self.generation, peer)
        return any(entry_id == entries.entry_id(*said, version) for version in entries.VERSIONS)

    def post(
        self,
        peer: str,
        kind: Kind,
        message: Message,
        *,
        subject: str | bytes,
        revision: int = 0,
        item: str | None = None,
        lane: Lane = Lane.STATUS,
        urgency: int = 1,
    ) -> Post:
        """Return `message` to `peer` as an entry: the same subject and revision, the same id.

        Raises:
            UnsayableError: the message breaks a bound of the protocol; nothing can be sent.
            NotPermittedError: the network does not permit it to this member, or not so large.
        """
        if self.permits is not None:
            message = self.permits.say(peer, lane, message)
        form = (peer, type(message))
        if form not in self._newest:
            reader = self.reads(peer)
            self._newest[form] = reader is not None and is_read_by(message, reader)
        if not self._newest[form]:
            message = worded_for(message, self.reads(peer))
        body, version = to_body(message), form_of(message).version
        said = revision + self.generation
        entry = entries.compose(self._secret, kind, subject, said, peer, body, version)
        raw = fitting(self.permits, entries.encode(entry))
        return Post(peer, lane, urgency, int(kind), item, entry.id, raw)
