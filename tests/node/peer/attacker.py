"""A member that lies: signed with its own good keys, and wrong as a test writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol import entry as entries
from protocol import push as pushes
from protocol.channel import NOTHING, first_message, open_epoch
from protocol.checkpoint import Channel, Checkpoint, sign_checkpoint
from protocol.merkle import root_of
from protocol.messages import to_body
from protocol.push import SUITE, Purpose, PushHead
from protocol.vocabulary import Kind, Lane
from tests.builders.network import NOW_MS, member_keys
from tests.node.peer.kit import EOKM, IWF, Network, request

if TYPE_CHECKING:
    from node.peer.http.signatures import HttpRequest


def entry(number: int, body: bytes = b"\xc0") -> bytes:
    """The entry with the `number`th id."""
    return entries.encode(entries.Entry(1, Kind.ITEM, number.to_bytes(32, "big"), bytes(16), body))


def opening(epoch: bytes) -> bytes:
    """Entry 0 of an epoch upon an unused channel."""
    body = to_body(first_message(open_epoch(epoch, NOTHING)))
    return entries.encode(entries.compose(bytes(32), Kind.EPOCH_OPEN, epoch, 0, EOKM, body))


@dataclass
class Attacker:
    """Makes pushes to `nl-eokm`, each part as it is told; every request is signed and new."""

    network: Network
    sender: str = IWF
    lane: Lane = Lane.REPORTS
    made: int = 0

    def note(self, epoch: bytes, said: Sequence[bytes], size: int | None = None) -> Checkpoint:
        """A checkpoint over entries, or over as many as it claims."""
        channel = Channel(self.network.registry.network_id, self.sender, EOKM, self.lane)
        true = root_of([entries.leaf(one) for one in said])
        return Checkpoint(channel.origin(epoch), size or len(said), true)

    def push(
        self,
        checkpoint: Checkpoint,
        start: int,
        said: Sequence[bytes] = (),
        *,
        sealed: bytes | None = None,
        lane: Lane | None = None,
        created_ms: int = NOW_MS,
    ) -> tuple[HttpRequest, bytes]:
        """A push of these entries, or of any bytes in the place of what is sealed."""
        keys, key = member_keys(self.sender), member_keys(EOKM).sealing[0].public
        head = PushHead(SUITE, key.key_id, sign_checkpoint(checkpoint, keys.log))
        if sealed is None:
            info = pushes.seal_info(
                Purpose.PUSH, SUITE, key.key_id, checkpoint, start, checkpoint.size
            )
            sealed = key.seal(info, pushes.frame(said))
        body = head.to_bytes() + sealed
        origin = checkpoint.origin
        path = f"/hx1/channels/{self.sender}/{lane or self.lane}/{origin.epoch.hex()}/{start}"
        self.made += 1
        nonce = self.made.to_bytes(16, "big")
        made = request(
            self.network, path, body=body, sender=self.sender, nonce=nonce, created_ms=created_ms
        )
        return made, body

    def open(self, epoch: bytes, *more: bytes) -> tuple[HttpRequest, bytes]:
        """An honest first push of an epoch upon an unused channel."""
        said = [opening(epoch), *more]
        return self.push(self.note(epoch, said), 0, said)
