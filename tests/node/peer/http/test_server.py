"""The listener against peers that err and strangers that try: refused, signed, nothing changed."""

from __future__ import annotations

import asyncio
import gzip
import json
from io import StringIO

import pytest

from node.peer.http import wire
from node.peer.http.bodies import Patience
from node.peer.http.quotas import Quota
from node.telemetry.logs import configure
from protocol import answers
from protocol.answers import Answer, AnswerCode
from protocol.push import SUITE, PushHead
from protocol.vocabulary import Lane
from tests.node.peer.kit import (
    ECO,
    EOKM,
    EPOCH,
    HEAD,
    IWF,
    LATER,
    NONCE,
    PUSH_PATH,
    RECEIPT,
    SEALED,
    Arrived,
    Listening,
    Serve,
    head_bytes,
    read_response,
    request,
    verified,
)

QUESTION = f"/hx1/channels/{IWF}/reports?nonce={NONCE.hex()}"
MALFORMED = Answer(1, AnswerCode.MALFORMED, None, None)
IMPATIENT = Patience(wait_s=0.05, slowest_bytes_per_s=1e9)


def nothing_happened(listening: Listening) -> bool:
    """Whether the rest of the node was left in peace."""
    inbox = listening.inbox
    return not (inbox.taken or inbox.prechecked or inbox.asked or listening.contacts)


def is_bare(arrived: Arrived) -> bool:
    """Whether a refusal is a status and nothing else."""
    return arrived.body == b"" and "Signature" not in arrived.headers


class TestBodies:
    """The body comes last, bounded, as it was signed, or not at all."""

    @pytest.mark.parametrize("place", [0, 20, len(HEAD), -1])
    async def test_a_changed_body_is_never_taken(self, listening: Listening, place: int) -> None:
        """Neither in its head nor in what is sealed."""
        body = bytearray(HEAD + SEALED)
        body[place] ^= 1
        assert await listening.told(request(listening.network), bytes(body)) == (
            400,
            "altered_body",
        )
        assert not listening.inbox.taken

    async def test_a_changed_head_does_not_stop_a_channel(self, listening: Listening) -> None:
        """What stops a channel is said only of the sender's own bytes."""
        listening.inbox.says = MALFORMED
        body = HEAD + b"\0" * len(SEALED)
        assert await listening.told(request(listening.network), body) == (400, "altered_body")

    async def test_the_senders_own_bad_head_is_answered(self, listening: Listening) -> None:
        """The whole body is its own: the answer stands."""
        listening.inbox.says = MALFORMED
        assert await listening.told(request(listening.network)) == (400, "malformed")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"short", "malformed"),
            (PushHead(SUITE, "00" * 8, b"x" * 16384).to_bytes()[:-1], "malformed"),
            (b"\0\1" + bytes(8) + b"\xff\xff\xff\xff" + SEALED, "too_large"),
            (b"\0\2" + bytes(8) + b"\0\0\0\1" + SEALED, "malformed"),
        ],
        ids=["no head", "head cut short", "endless head", "another suite"],
    )
    async def test_a_bad_head_never_reaches_the_inbox(
        self, listening: Listening, body: bytes, code: str
    ) -> None:
        """It is answered from its first bytes, once all of it was seen to be the sender's."""
        made = request(listening.network, body=body)
        assert (await listening.told(made, body))[1] == code
        assert not listening.inbox.prechecked

    async def test_too_large_a_body_is_refused_unread(self, listening: Listening) -> None:
        """Its length is signed: not one byte of it has to come."""
        size = wire.max_push_bytes(listening.network.registry.network.limits) + 1
        made = request(listening.network, headers={"Content-Length": str(size)})
        assert await listening.told(made, b"") == (413, "too_large")
        assert not listening.inbox.prechecked

    async def test_a_body_that_does_not_come_is_given_up(self, serve: Serve) -> None:
        """A sender that stops half way holds nothing for long."""
        listening = await serve(patience=IMPATIENT)
        made = request(listening.network)
        assert await listening.told(made, HEAD + SEALED[:100]) == (408, "cut_short")
        assert not listening.inbox.taken

    async def test_a_head_that_does_not_come_is_given_up(self, serve: Serve) -> None:
        """As above, before anybody was asked."""
        listening = await serve(patience=IMPATIENT)
        assert await listening.told(request(listening.network), b"") == (408, "cut_short")
        assert not listening.inbox.prechecked

    async def test_a_body_cut_by_a_broken_connection_is_not_taken(
        self, listening: Listening
    ) -> None:
        """Nothing is half done; the same push again is taken."""
        listening.inbox.go_on.clear()
        made = request(listening.network)
        _, writer = await listening.calls.open()
        writer.write(head_bytes(made, f"127.0.0.1:{listening.calls.port}") + HEAD)
        await listening.inbox.entered.wait()
        writer.transport.abort()
        listening.inbox.go_on.set()
        assert await listening.refused.get() == "cut_short"
        again = request(listening.network, nonce=bytes(16))
        assert (await listening.send(again)).body == RECEIPT
        assert len(listening.inbox.taken) == 1

    async def test_a_compressed_body_is_refused(self, listening: Listening) -> None:
        """A small body must not become a large one here."""
        body = gzip.compress(HEAD + SEALED)
        made = request(listening.network, body=body, headers={"Content-Encoding": "gzip"})
        assert await listening.told(made, body) == (415, "encoded_body")
        assert nothing_happened(listening)

    async def test_a_body_without_a_length_is_refused(self, listening: Listening) -> None:
        """What is bounded beforehand needs a length."""
        made = request(listening.network)
        del made.headers["Content-Length"]
        made.headers["Transfer-Encoding"] = "chunked"
        assert await listening.told(made, b"3\r\nabc\r\n0\r\n\r\n") == (411, "unsized_body")

    async def test_a_question_with_a_body_is_refused(self, listening: Listening) -> None:
        """There is nothing to read in it."""
        made = request(listening.network, QUESTION, method="GET")
        made.headers["Content-Length"] = "3"
        arrived = await listening.calls.send(made, b"abc")
        assert (arrived.status, arrived.body) == (411, b"unsized_body")

    async def test_another_media_type_is_refused(self, listening: Listening) -> None:
        """A push says that it is one."""
        made = request(listening.network, headers={"Content-Type": "text/plain"})
        assert await listening.told(made) == (415, "encoded_body")

    async def test_headers_without_end_are_cut_off(self, listening: Listening) -> None:
        """The parser's bounds come before everything else."""
        made = request(listening.network, headers={"X-Filling": "x" * 5000})
        arrived = await listening.send(made)
        assert arrived.status == 400
        assert nothing_happened(listening)


class TestPaths:
    """What is not of this version of the protocol is refused, signed."""

    @pytest.mark.parametrize(
        "path",
        [
            "/hx1/nothing",
            PUSH_PATH.replace("reports", "gossip"),
            PUSH_PATH + "0" * 20,
            PUSH_PATH[:-1] + "-1",
            PUSH_PATH.replace(EPOCH.hex(), EPOCH.hex().upper().replace("0", "A")),
            f"/hx1/channels/{IWF}/reports/{EPOCH.hex()}/00",
        ],
    )
    async def test_an_unknown_path_is_refused(self, listening: Listening, path: str) -> None:
        """Only to a member; a stranger is asked for its signature first."""
        assert await listening.told(request(listening.network, path)) == (404, "unknown_path")

    async def test_an_unknown_method_is_refused(self, listening: Listening) -> None:
        """As an unknown path."""
        made = request(listening.network, QUESTION, method="DELETE")
        arrived = verified(listening.network, made, await listening.send(made))
        assert (arrived.status, arrived.body) == (404, b"unknown_path")

    @pytest.mark.parametrize(
        "query", ["", "nonce=00", f"nonce={NONCE.hex().upper()}", f"nonce={NONCE.hex()}&a=b"]
    )
    async def test_a_question_has_one_nonce(self, listening: Listening, query: str) -> None:
        """In one spelling, and nothing beside it."""
        path = f"/hx1/channels/{IWF}/reports?{query}"
        made = request(listening.network, path, method="GET")
        assert await listening.told(made) == (400, "bad_question")


class TestQuotas:
    """One member cannot take the node from the others."""

    async def test_one_push_of_a_channel_is_in_flight(self, listening: Listening) -> None:
        """A second waits; another lane does not."""
        listening.inbox.go_on.clear()
        first = asyncio.create_task(listening.send(request(listening.network)))
        await listening.inbox.entered.wait()
        second = request(listening.network, nonce=bytes(16))
        assert await listening.told(second) == (429, "busy")
        other = request(listening.network, PUSH_PATH.replace("reports", "bulk"), nonce=b"\1" * 16)
        third = asyncio.create_task(listening.send(other))
        listening.inbox.go_on.set()
        assert ((await first).status, (await third).status) == (200, 200)

    async def test_a_channel_is_free_again_after_a_fault(self, listening: Listening) -> None:
        """Whatever happens to a push, the next one is let in."""
        listening.inbox.says = RuntimeError("of ours")
        assert (await listening.send(request(listening.network))).status == 500
        listening.inbox.says = None
        again = request(listening.network, nonce=bytes(16))
        assert (await listening.send(again)).body == RECEIPT

    async def test_too_many_requests_are_put_off(self, serve: Serve) -> None:
        """A question that is put off gets its nonce back."""
        listening = await serve(quota=Quota(requests_per_s=1, burst=1))
        assert (await listening.send(request(listening.network))).status == 200
        made = request(listening.network, QUESTION, method="GET", nonce=bytes(16))
        arrived = verified(listening.network, made, await listening.send(made))
        assert answers.from_bytes(arrived.body) == Answer(1, AnswerCode.BUSY, None, NONCE)

    async def test_another_member_is_not_put_off(self, serve: Serve) -> None:
        """Each has its own allowance."""
        listening = await serve(quota=Quota(requests_per_s=1, burst=1))
        path = PUSH_PATH.replace(IWF, ECO)
        assert (await listening.send(request(listening.network))).status == 200
        assert (await listening.send(request(listening.network, path, sender=ECO))).status == 200

    async def test_too_many_bytes_at_once_are_put_off(self, serve: Serve) -> None:
        """Bodies are held in memory while they come."""
        listening = await serve(quota=Quota(body_bytes=100))
        assert await listening.told(request(listening.network)) == (429, "busy")
        assert not listening.inbox.prechecked

    async def test_g11_bytes_count_whatever_they_are_sent_for(self, serve: Serve) -> None:
        """A page that is brought to who recovers may be four times as long as a push."""
        listening = await serve(quota=Quota(body_bytes=100))
        page = request(listening.network, f"/hx1/recovered/{IWF}/reports", method="POST")
        assert await listening.told(page) == (429, "over_quota")


class TestFaults:
    """Our own faults are ours to see."""

    async def test_a_fault_of_ours_is_signed_and_says_nothing(self, listening: Listening) -> None:
        """The log names class and place; neither it nor the peer gets the text of the error."""
        log = StringIO()
        configure("warning", "json", EOKM, log)
        listening.inbox.says = RuntimeError("https://secret.example/")
        assert await listening.told(request(listening.network)) == (500, "internal_fault")
        assert '"error_type": "RuntimeError"' in log.getvalue()
        assert "secret" not in log.getvalue()

    async def test_a_fault_before_the_caller_is_known_is_told_as_little(
        self, listening: Listening
    ) -> None:
        """No registry can be read, for example."""
        made = request(listening.network)
        listening.network.fault = RuntimeError("of ours")
        assert await listening.told(made) == (500, "internal_fault")
        assert nothing_happened(listening)

    async def test_a_refusal_leaves_codes_and_ids_in_the_log(self, listening: Listening) -> None:
        """No path, address or nonce of a caller is ever written."""
        log = StringIO()
        configure("info", "json", EOKM, log)
        await listening.told(request(listening.network, "/hx1/canary-path"))
        written = json.loads(log.getvalue())
        assert (written["event"], written["peer"]) == ("peer_request_refused", IWF)
        assert written["code"] == "unknown_path"
        assert set(written) == {"event", "peer", "code", "level", "time", "member"}


class TestMembers:
    """Who is let in is the registry's word; what comes of it is the inbox's."""

    async def test_a_suspended_member_is_heard(self, listening: Listening) -> None:
        """Its pushes go into quarantine, which is the inbox's to decide."""
        listening.network.suspend(IWF)
        assert (await listening.send(request(listening.network))).body == RECEIPT

    async def test_a_put_off_push_can_be_sent_again(self, listening: Listening) -> None:
        """`busy` is an answer, signed and bound to the request."""
        listening.inbox.says = LATER
        assert await listening.told(request(listening.network)) == (429, "busy")
        listening.inbox.says = None
        again = request(listening.network, nonce=bytes(16))
        assert (await listening.send(again)).body == RECEIPT


async def test_requests_on_one_connection_are_verified_each(listening: Listening) -> None:
    """A connection proves nothing: the second request is a replay."""
    made = request(listening.network, QUESTION, method="GET")
    sent = head_bytes(made, f"127.0.0.1:{listening.calls.port}")
    reader, writer = await listening.calls.open()
    writer.write(sent + sent)
    first, second = await read_response(reader), await read_response(reader)
    writer.close()
    assert (first.status, second.status) == (200, 409)
    assert listening.inbox.asked == [(IWF, Lane.REPORTS, NONCE)]
