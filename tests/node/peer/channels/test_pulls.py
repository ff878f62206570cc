"""Pulls over real TLS on loopback: `nl-eokm` cannot be called, `gb-iwf` listens; real nodes.

Each node is one of the simulated world (real desk, inbox, outbox, store, keys); between them stand
the real listener, the real client and the real long poll.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web
from msgspec import structs
from multidict import CIMultiDict

from keys.registry import Registry
from node.peer.channels.inbox import Admitted
from node.peer.channels.offering import Offering
from node.peer.channels.pulling import Pulling
from node.peer.channels.sending import Sending
from node.peer.errors import PeerRefusedError
from node.peer.http import signatures, wire
from node.peer.http.client import HttpTransport
from node.peer.http.listener import listen
from node.peer.http.longpoll import LongPoll
from node.peer.http.quotas import Quota
from node.peer.http.server import make_peer_app
from node.peer.http.signatures import HttpRequest
from node.peer.transport import PullTransport
from protocol import answers, pull
from protocol.answers import NOTHING, Answer, AnswerCode, Told
from protocol.pull import Offer, Pull
from protocol.push import Purpose
from protocol.vocabulary import Disposition, Lane
from tests.node.peer.kit import Arrived, Calls, Nonces
from tests.simulation.world import World

IWF, EOKM = "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/album/{}.jpg"


class Watched(Offering):
    """Serves pulls, and tells when one found nothing and is held back."""

    def __init__(self, sending: Sending) -> None:
        super().__init__(sending)
        self.idle = asyncio.Event()

    async def serve(self, peer: str, lane: Lane, pull: Pull, now_ms: int) -> Offer | Answer | None:
        """See `Offering.serve`."""
        answer = await super().serve(peer, lane, pull, now_ms)
        if answer is None:
            self.idle.set()
        return answer


@dataclass
class Pair:
    """The two nodes, and the way between them."""

    world: World
    polls: LongPoll
    pulling: Pulling
    calls: Calls
    idle: asyncio.Event
    receipted: asyncio.Event
    port: int = 0

    @property
    def transport(self) -> PullTransport:
        """The way of `nl-eokm` to `gb-iwf`."""
        return self.pulling.transport

    def registry(self) -> Registry:
        """The registry, with the listener where it is."""
        registry = self.world.registry
        endpoint = f"https://127.0.0.1:{self.port}"
        document = replace(registry.member(IWF), endpoint=endpoint)
        return replace(registry, members={**registry.members, IWF: document})

    async def hand_in(self, first: int, count: int, *, child_at_risk: bool = False) -> list[str]:
        """Hand in items for `nl-eokm`, and let whoever waits for them know."""
        found = []
        for number in range(first, first + count):
            url = PLACE.format(number)
            result = await self.world[IWF].submit(url, child_at_risk=child_at_risk)
            found.append(result.items[0].item_id)
        await self.world[IWF].desk.locate_due()
        self.polls.wake()
        return found

    async def pull(self) -> int:
        """Let `nl-eokm` pull on the reports lane until nothing waits; judge what came."""
        self.world.now += 60_000
        taken = await self.pulling.pull(IWF, Lane.REPORTS)
        await self.world[EOKM].desk.judge_due()
        return taken

    async def one(self) -> None:
        """Let `nl-eokm` make the first pull that brings something, and no other."""
        waited = await waiting(self)
        path = pull.pull_path(EOKM, Lane.REPORTS, waited.answer)
        reply = await self.transport.pull(IWF, path, pull.to_bytes(waited), 0)
        push = pull.read_offer(reply.body).push
        assert push is not None
        inbox = self.world[EOKM].inbox
        place = (IWF, Lane.REPORTS, push.epoch, push.start, push.head, Purpose.PULL)
        admitted = await inbox.precheck(*place)
        assert isinstance(admitted, Admitted)
        assert isinstance(await inbox.take(admitted, push.sealed), bytes)

    async def ask(self, asked: Pull, *, path: str = "", body: bytes = b"") -> Arrived:
        """Send one pull without any of our client, signed by `nl-eokm`."""
        content = body or pull.to_bytes(asked)
        digest = signatures.digest_field(hashlib.sha256(content).digest())
        fields = CIMultiDict({"Content-Digest": digest, "Content-Type": wire.PULL_TYPE})
        fields["Content-Length"] = str(len(content))
        where = path or pull.pull_path(EOKM, Lane.REPORTS, asked.answer)
        made = HttpRequest("POST", f"https://127.0.0.1:{self.port}{where}", fields)
        key, nonce = self.world[EOKM].keys.transport, self.world.chance.randbytes(16)
        signatures.sign_request(made, key, EOKM, self.world.now, nonce)
        return await self.calls.send(made, content)


async def waiting(pair: Pair) -> Pull:
    """A pull that answers the question just asked, and may be held back for a minute."""
    inbox = pair.world[EOKM].inbox
    nonce = pair.world[IWF].offering.nothing(EOKM, Lane.REPORTS).nonce
    answer = await inbox.question(IWF, Lane.REPORTS, nonce)
    return Pull(1, 60, await inbox.last_receipt(IWF, Lane.REPORTS), answer)


FIRST = Pull(1, 0, None, Answer(1, AnswerCode.STATE, Told(NOTHING, None, ()), None))


@pytest.fixture
def quota() -> Quota:
    """Give what one peer may use; a test may give less."""
    return Quota()


@pytest.fixture
async def pair(tmp_path: Path, quota: Quota) -> AsyncIterator[Pair]:
    """Give the two nodes, connected."""
    world = World(tmp_path, unreachable=EOKM)
    await world.start()
    sender, puller = world[IWF], world[EOKM]
    watched, receipted = Watched(sender.delivery), asyncio.Event()
    sender.offering = watched
    sender.delivery.on_receipt = lambda _peer, _lane, _entries: receipted.set()
    polls = LongPoll(watched, world.clock)
    made = Pair(world, polls, puller.pulling, Calls(0), watched.idle, receipted)
    app = make_peer_app(
        us=IWF,
        inbox=sender.inbox,
        registry=made.registry,
        transport_key=sender.keys.transport,
        clock=world.clock,
        on_contact=sender.delivery.contact,
        pulls=polls,
        quota=quota,
    )
    runner = await listen(app, "127.0.0.1", 0, sender.keys.tls)
    made.port = made.calls.port = runner.addresses[0][1]
    transport = puller.pulling.transport = HttpTransport(
        us=EOKM,
        registry=made.registry,
        transport_key=puller.keys.transport,
        clock=world.clock,
        nonce=Nonces(),
    )
    yield made
    polls.close()
    await transport.close()
    await runner.cleanup()
    await world.close()


async def test_what_waits_is_fetched_and_receipted(pair: Pair) -> None:
    """The item arrives; the receipt rides on the pull that asks for more."""
    (item,) = await pair.hand_in(0, 1)
    assert await pair.pull() == 3
    assert (await pair.world[EOKM].state(item)).responsible == EOKM
    (figures,) = await pair.world[IWF].store.queries.channels()
    assert (figures.waiting, figures.unreceipted) == (0, 0)


async def test_a_pull_that_is_held_back_is_answered_when_something_comes(pair: Pair) -> None:
    """No second request is needed; it comes long before the minute is over."""
    pair.pulling.wait_s = 60
    fetching = asyncio.create_task(pair.pulling.pull(IWF, Lane.REPORTS))
    await asyncio.wait_for(pair.idle.wait(), 20)
    (item,) = await pair.hand_in(0, 1, child_at_risk=True)
    await asyncio.wait_for(pair.receipted.wait(), 20)
    await pair.world[EOKM].desk.judge_due()
    assert (await pair.world[EOKM].state(item)).child_at_risk
    pair.polls.close()
    await fetching


async def test_a_newer_pull_takes_the_place_of_one_that_is_held_back(pair: Pair) -> None:
    """Its maker has gone: the older one is let go, and holds nothing up."""
    first = asyncio.create_task(pair.polls.pull(EOKM, Lane.REPORTS, await waiting(pair)))
    await asyncio.wait_for(pair.idle.wait(), 20)
    await pair.polls.pull(EOKM, Lane.REPORTS, FIRST)
    assert await first == Answer(1, AnswerCode.BUSY, None, None)


async def test_a_pull_waits_no_longer_than_it_asks(pair: Pair) -> None:
    """A zero is answered at once."""
    asked = structs.replace(await waiting(pair), wait_s=0)
    answer = await pair.polls.pull(EOKM, Lane.REPORTS, asked)
    assert isinstance(answer, Offer)
    assert answer.push is None


async def test_a_backlog_is_cut_into_bounded_pushes_and_fetched_without_pauses(
    pair: Pair,
) -> None:
    """After a long absence one call of the loop brings everything."""
    pair.world[IWF].delivery.max_entries = 8
    items = await pair.hand_in(0, 40)
    assert await pair.pull() == 42
    told, _ = await pair.world[EOKM].store.inbox.told(IWF, Lane.REPORTS)
    assert told.position.size == 42
    for item in items:
        assert (await pair.world[EOKM].state(item)).responsible == EOKM
    await pair.world[EOKM].work()
    await pair.world[IWF].desk.judge_due()


async def test_a_child_at_risk_overtakes_a_backlog_of_bulk(pair: Pair) -> None:
    """It is at most one bounded push away, whatever else waits."""
    pair.world[IWF].delivery.max_entries = 8
    await pair.hand_in(0, 40)
    (urgent,) = await pair.hand_in(100, 1, child_at_risk=True)
    await pair.one()
    await pair.world[EOKM].desk.judge_due()
    assert (await pair.world[EOKM].state(urgent)).child_at_risk


async def test_answers_of_the_puller_are_pushed(pair: Pair) -> None:
    """Only one of both directions is turned round."""
    (item,) = await pair.hand_in(0, 1)
    await pair.pull()
    await pair.world[EOKM].delivery.deliver_due(pair.world.now)
    await pair.world[IWF].desk.judge_due()
    assert (await pair.world[IWF].state(item)).answer is Disposition.NEW


async def test_an_offer_as_long_as_a_push_comes_whole(pair: Pair) -> None:
    """A hundred and fifty entries in one."""
    await pair.hand_in(0, 150)
    assert await pair.pull() == 152


@pytest.mark.parametrize("quota", [Quota(body_bytes=50_000)])
async def test_g11_long_answers_are_bounded_like_long_requests(pair: Pair) -> None:
    """What one peer has under way is within its allowance; it is told to come later."""
    await pair.hand_in(0, 150)
    assert await pair.pull() == 0
    (figures,) = await pair.world[IWF].store.queries.channels()
    assert figures.unreceipted == 152
    arrived = await pair.ask(await waiting(pair))
    assert answers.from_bytes(arrived.body).code is AnswerCode.BUSY


async def test_g11_who_asks_for_the_same_again_and_again_gets_so_much_a_day(pair: Pair) -> None:
    """It is sealed anew each time; then the caller is told to come later, and the day fills up."""
    registry = pair.world.registry
    policy = {**registry.network.policy, "peer_bytes_per_day": 3 * 65_536}
    pair.world.registry = replace(registry, network=replace(registry.network, policy=policy))
    await pair.hand_in(0, 150)
    arrived, offered = await pair.ask(await waiting(pair)), 0
    while arrived.headers["Content-Type"] == wire.OFFER_TYPE and offered <= 20 * 65_536:
        offered += len(arrived.body)
        pair.world.now += 1000
        arrived = await pair.ask(await waiting(pair))
    assert 0 < offered <= 5 * 65_536
    assert answers.from_bytes(arrived.body).code is AnswerCode.BUSY
    pair.world.now += 86_400_000
    assert await pair.pull() > 0


async def test_the_first_pull_is_answered_by_a_question(pair: Pair) -> None:
    """What nobody asked for is not believed."""
    arrived = await pair.ask(FIRST)
    assert (arrived.status, arrived.headers["Content-Type"]) == (200, wire.OFFER_TYPE)
    assert pull.read_offer(arrived.body).push is None


async def test_attack_pulling_in_the_name_of_another_member(pair: Pair) -> None:
    """The path must be the caller's own."""
    arrived = await pair.ask(FIRST, path=f"/hx1/channels/fr-pdc/reports/{'0' * 16}/pull")
    assert (arrived.status, arrived.body) == (403, b"foreign_channel")


async def test_a_path_that_names_another_epoch_is_malformed(pair: Pair) -> None:
    """Path and body say the same."""
    arrived = await pair.ask(FIRST, path=f"/hx1/channels/{EOKM}/reports/{'1' * 16}/pull")
    assert answers.from_bytes(arrived.body).code is AnswerCode.MALFORMED


async def test_attack_a_pull_of_garbage(pair: Pair) -> None:
    """It is malformed, and nothing is opened for it."""
    await pair.hand_in(0, 1)
    arrived = await pair.ask(FIRST, body=b"\x93garbage")
    assert answers.from_bytes(arrived.body).code is AnswerCode.MALFORMED
    assert not await pair.world[IWF].store.outbox.rows()


async def test_attack_a_pull_as_long_as_a_push(pair: Pair) -> None:
    """It is refused by its length, before it is read."""
    arrived = await pair.ask(FIRST, body=b"\0" * (pull.MAX_PULL_BYTES + 1))
    assert answers.from_bytes(arrived.body).code is AnswerCode.TOO_LARGE


async def test_attack_a_replayed_pull(pair: Pair) -> None:
    """The same signed request again is refused; the told state would be stale."""
    content = pull.to_bytes(FIRST)
    digest = signatures.digest_field(hashlib.sha256(content).digest())
    fields = CIMultiDict({"Content-Digest": digest, "Content-Type": wire.PULL_TYPE})
    fields["Content-Length"] = str(len(content))
    where = pull.pull_path(EOKM, Lane.REPORTS, FIRST.answer)
    made = HttpRequest("POST", f"https://127.0.0.1:{pair.port}{where}", fields)
    key = pair.world[EOKM].keys.transport
    signatures.sign_request(made, key, EOKM, pair.world.now, bytes(16))
    assert (await pair.calls.send(made, content)).status == 200
    assert (await pair.calls.send(made, content)).body == b"replayed_request"


async def test_a_listener_that_serves_no_pulls_says_so(pair: Pair) -> None:
    """The path is unknown there."""
    app = make_peer_app(
        us=IWF,
        inbox=pair.world[IWF].inbox,
        registry=pair.registry,
        transport_key=pair.world[IWF].keys.transport,
        clock=pair.world.clock,
        on_contact=lambda _: None,
    )
    runner: web.AppRunner = await listen(app, "127.0.0.1", 0, pair.world[IWF].keys.tls)
    pair.port = runner.addresses[0][1]
    path = pull.pull_path(EOKM, Lane.REPORTS, FIRST.answer)
    with pytest.raises(PeerRefusedError) as caught:
        await pair.transport.pull(IWF, path, pull.to_bytes(FIRST), 0)
    assert caught.value.reason == "unknown_path"
    await runner.cleanup()
