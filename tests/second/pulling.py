"""A member that cannot be called fetches what others say to it (docs/protocol.md §9.8)."""

from __future__ import annotations

from tests.second.basics import need, unpack
from tests.second.channel import PULL, Incoming
from tests.second.directory import Directory
from tests.second.member import Member
from tests.second.notes import take_apart
from tests.second.signed import pack


class Puller:
    """One channel towards a member that pulls it."""

    def __init__(self, member: Member, directory: Directory, sender: str, lane: str) -> None:
        self.member, self.peer = member, directory.peer(sender)
        self.channel = Incoming(member, directory, sender, lane)
        self._answer = self.channel.answer("state").body

    def pull(self, wait_s: int = 5) -> None:
        """Tell what is held, and take what the offer brings.

        Raises:
            RefusedError: it is no offer.
        """
        held, note = self.channel.held, self.channel.note
        receipt = note and self.channel.receipts[take_apart(note.decode())[0].text]
        epoch = (held.epoch or bytes(8)).hex()
        path = f"/hx1/channels/{self.member.id}/{self.channel.lane}/{epoch}/pull"
        body = pack([1, wait_s, receipt, unpack(self._answer)])
        got = self.peer.call(self.member, "POST", path, body, "application/hx1-pull")
        need((got.status, got.kind) == (200, "application/hx1-offer"), "pull: refused")
        nonce, offer = got.body[:16], got.body[16:]
        self._answer = self.channel.answer("state", nonce).body
        if offer:
            start = int.from_bytes(offer[8:16], "big")
            taken = self.channel.take(offer[:8], start, offer[16:], PULL)
            code = "state" if taken.status == 200 else unpack(taken.body)[1]
            self._answer = self.channel.answer(code, nonce).body
