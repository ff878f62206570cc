"""Client and listener with each other, over real TLS on loopback."""

from __future__ import annotations

from aiohttp import web

from node.peer.http.client import HttpTransport
from protocol import answers
from protocol.answers import Answer, AnswerCode
from protocol.push import MAX_PUSH_BYTES, SUITE, PushHead
from protocol.vocabulary import Lane
from tests.builders.network import NOW_MS
from tests.node.peer.kit import (
    EOKM,
    EPOCH,
    HEAD,
    IWF,
    LATER,
    NONCE,
    PUSH_PATH,
    RECEIPT,
    SEALED,
    STATE,
    Listening,
    Push,
    Serve,
)

THE_PUSH = Push(
    IWF, Lane.REPORTS, EPOCH, 0, PushHead(SUITE, "00112233aabbccdd", b"a checkpoint note\n")
)


async def test_a_push_reaches_the_inbox_and_its_receipt_comes_back(
    listening: Listening, client: HttpTransport
) -> None:
    """Head, sealed bytes, sender, lane, epoch and start arrive as they were sent."""
    reply = await client.push(EOKM, PUSH_PATH, HEAD, SEALED)
    assert reply == (200, RECEIPT)
    assert listening.inbox.taken == {THE_PUSH: SEALED}


async def test_the_largest_push_of_the_network_fits(
    listening: Listening, client: HttpTransport
) -> None:
    """Four mebibytes of frame, and what sealing adds."""
    sealed = b"\x01" * (MAX_PUSH_BYTES + 1136)
    assert (await client.push(EOKM, PUSH_PATH, HEAD, sealed)).status == 200
    assert listening.inbox.taken == {THE_PUSH: sealed}


async def test_a_stored_receipt_comes_before_the_body_was_read(
    listening: Listening, client: HttpTransport
) -> None:
    """A repeated push costs a head; its sender does not have to send the rest to learn of it."""
    listening.inbox.says = RECEIPT
    reply = await client.push(EOKM, PUSH_PATH, HEAD, b"\x01" * MAX_PUSH_BYTES)
    assert reply == (200, RECEIPT)
    assert not listening.inbox.taken


async def test_an_answer_comes_back_with_the_status_of_its_code(
    listening: Listening, client: HttpTransport
) -> None:
    """What the inbox says instead of a receipt is handed to delivery as it is."""
    listening.inbox.says = LATER
    reply = await client.push(EOKM, PUSH_PATH, HEAD, SEALED)
    assert reply == (429, answers.to_bytes(LATER))


async def test_a_question_is_answered(listening: Listening, client: HttpTransport) -> None:
    """Sender, lane and nonce reach the inbox; its answer comes back."""
    reply = await client.ask(EOKM, Lane.STATUS, NONCE)
    assert listening.inbox.asked == [(IWF, Lane.STATUS, NONCE)]
    assert reply.status == 200
    assert answers.from_bytes(reply.body) == Answer(1, AnswerCode.STATE, STATE, NONCE)


async def test_each_verified_request_is_a_contact(
    listening: Listening, client: HttpTransport
) -> None:
    """A peer that calls is there: delivery stops backing off."""
    await client.ask(EOKM, Lane.STATUS, NONCE)
    await client.push(EOKM, PUSH_PATH, HEAD, SEALED)
    assert listening.contacts == [IWF, IWF]


async def test_a_node_says_who_and_how_it_is(listening: Listening, client: HttpTransport) -> None:
    """For people who look for a fault: versions, clock, registry."""
    said = await client.hello(EOKM)
    registry = listening.network.registry
    assert (said.member, said.network) == (EOKM, registry.network_id)
    assert (said.versions, said.time_ms) == ((1,), NOW_MS)
    assert said.registry == (registry.root_version, registry.timestamp_version)


async def test_a_fault_of_the_receiver_does_not_end_the_connection(
    listening: Listening, client: HttpTransport
) -> None:
    """The next push is taken as if nothing had been."""
    listening.inbox.says = LATER
    await client.push(EOKM, PUSH_PATH, HEAD, SEALED)
    listening.inbox.says = None
    assert (await client.push(EOKM, PUSH_PATH, HEAD, SEALED)).body == RECEIPT


async def test_other_routes_are_served_beside(serve: Serve) -> None:
    """The registry's mirror needs no signature: what it serves proves itself."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"a file")

    listening = await serve(extra_routes=(web.get("/registry/v1/file", answer),))
    host = f"127.0.0.1:{listening.calls.port}"
    arrived = await listening.calls.raw(
        f"GET /registry/v1/file HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    )
    assert (arrived.status, arrived.body) == (200, b"a file")
