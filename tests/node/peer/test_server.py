"""The listener against peers that err and strangers that try: refused, signed, nothing changed."""

from __future__ import annotations

import asyncio
import gzip
import json
from io import StringIO

import pytest

from keys.signing import SigningKey
from node.peer import wire
from node.peer.bodies import Patience
from node.peer.quotas import Quota
from node.telemetry.logs import configure
from protocol import answers
from protocol.answers import Answer, AnswerCode
from protocol.push import SUITE, PushHead
from protocol.vocabulary import Lane
from tests.builders.network import NOW_MS
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
    digest_field,
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


class TestStrangers:
    """Whoever cannot prove who he is changes nothing and costs little."""

    async def test_without_a_signature_there_is_a_bare_refusal(self, listening: Listening) -> None:
        """Not even our signature is spent."""
        made = request(listening.network)
        del made.headers["Signature"]
        arrived = await listening.send(made)
        assert arrived.status == 401
        assert is_bare(arrived)
        assert nothing_happened(listening)

    async def test_two_signatures_are_none(self, listening: Listening) -> None:
        """Which of them was meant is not for us to guess."""
        made = request(listening.network)
        made.headers.add("Signature", made.headers["Signature"])
        assert await listening.told(made) == (401, "unsigned_request")

    async def test_a_key_we_never_heard_of_may_be_new(self, listening: Listening) -> None:
        """Both sides refresh the registry; nothing else happens."""
        made = request(listening.network, key=SigningKey.generate(hybrid=False))
        assert await listening.told(made) == (421, "registry_behind")
        assert listening.behind == [True]
        assert nothing_happened(listening)

    async def test_a_member_we_never_heard_of_may_be_new(self, listening: Listening) -> None:
        """As with a new key."""
        made = request(listening.network)
        listening.network.remove(IWF)
        assert await listening.told(made) == (421, "registry_behind")
        assert nothing_happened(listening)

    async def test_a_question_of_an_unknown_member_gets_its_nonce_back(
        self, listening: Listening
    ) -> None:
        """So that the asker knows that the answer is to its question."""
        made = request(listening.network, QUESTION, method="GET")
        listening.network.remove(IWF)
        arrived = verified(listening.network, made, await listening.send(made))
        assert answers.from_bytes(arrived.body).nonce == NONCE

    async def test_one_member_cannot_speak_in_the_name_of_another(
        self, listening: Listening
    ) -> None:
        """A signature by somebody else's key under a known key id."""
        ours, theirs = request(listening.network), request(listening.network, sender=ECO)
        ours.headers["Signature"] = theirs.headers["Signature"]
        assert await listening.told(ours) == (401, "bad_signature")
        assert nothing_happened(listening)

    async def test_too_many_strangers_get_no_signatures(self, serve: Serve) -> None:
        """Signing refusals is work, so there is an allowance for it."""
        listening = await serve(quota=Quota(strangers_per_s=1))
        first = request(listening.network, created_ms=NOW_MS - 200_000)
        second = request(listening.network, created_ms=NOW_MS - 200_000)
        assert await listening.told(first) == (401, "stale_request")
        arrived = await listening.send(second)
        assert arrived.status == 401
        assert is_bare(arrived)

    async def test_a_signature_that_is_no_text_gets_a_bare_refusal(
        self, listening: Listening
    ) -> None:
        """There is nothing that an answer could be bound to."""
        host = f"127.0.0.1:{listening.calls.port}"
        arrived = await listening.calls.raw(
            f"GET {QUESTION} HTTP/1.1\r\nHost: {host}\r\n".encode()
            + b"Signature: \xff\xfe\r\nSignature-Input: \xff\r\n\r\n"
        )
        assert arrived.status == 401
        assert is_bare(arrived)

    async def test_the_software_is_not_named(self, listening: Listening) -> None:
        """Nobody learns versions to attack."""
        made = request(listening.network)
        assert "Server" not in (await listening.send(made)).headers


class TestTime:
    """A request is made now, and counts once."""

    @pytest.mark.parametrize("age_s", [-30, 0, 90])
    async def test_a_request_lives_for_a_minute_and_some_difference_of_clocks(
        self, listening: Listening, age_s: int
    ) -> None:
        """Ninety seconds back, thirty ahead."""
        listening.clock.now = NOW_MS + 200_000
        made = request(listening.network, created_ms=listening.clock.now - 1000 * age_s)
        assert (await listening.send(made)).status == 200

    @pytest.mark.parametrize("age_s", [-31, 91])
    async def test_a_request_of_another_time_is_refused(
        self, listening: Listening, age_s: int
    ) -> None:
        """Too old, or of the future."""
        listening.clock.now = NOW_MS + 200_000
        made = request(listening.network, created_ms=listening.clock.now - 1000 * age_s)
        assert await listening.told(made) == (401, "stale_request")
        assert nothing_happened(listening)

    async def test_a_request_from_before_our_start_is_refused(self, listening: Listening) -> None:
        """What was seen before a restart is forgotten, so nothing from before it counts."""
        made = request(listening.network, created_ms=NOW_MS - 1000)
        assert await listening.told(made) == (401, "stale_request")

    async def test_a_replayed_request_is_refused(self, listening: Listening) -> None:
        """The same bytes again, on another connection."""
        made = request(listening.network)
        assert (await listening.send(made)).status == 200
        assert await listening.told(made) == (409, "replayed_request")
        assert len(listening.inbox.prechecked) == 1

    async def test_a_nonce_belongs_to_its_sender(self, listening: Listening) -> None:
        """Another member may use the same one."""
        path = PUSH_PATH.replace(IWF, ECO)
        assert (await listening.send(request(listening.network))).status == 200
        assert (await listening.send(request(listening.network, path, sender=ECO))).status == 200


class TestCoverage:
    """Whatever is not as it was signed is refused."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Content-Digest", digest_field(b"another body")),
            ("Content-Type", "application/octet-stream"),
        ],
    )
    async def test_a_changed_header_is_seen(
        self, listening: Listening, name: str, value: str
    ) -> None:
        """Digest, type and length are signed."""
        made = request(listening.network)
        made.headers[name] = value
        assert await listening.told(made) == (401, "bad_signature")
        assert nothing_happened(listening)

    async def test_a_shorter_body_with_a_fitting_length_is_seen(self, listening: Listening) -> None:
        """The length is signed, so the body cannot be cut by who rewrites the header."""
        made = request(listening.network)
        made.headers["Content-Length"] = "100"
        body = (HEAD + SEALED)[:100]
        assert (await listening.send(made, body)).status == 401

    async def test_a_changed_path_is_seen(self, listening: Listening) -> None:
        """A push cannot be moved to another lane."""
        made = request(listening.network)
        moved = request(listening.network, PUSH_PATH.replace("reports", "status"))
        moved.headers.update(made.headers)
        arrived = await listening.send(moved)
        assert (arrived.status, arrived.body) == (401, b"bad_signature")

    async def test_a_changed_question_is_seen(self, listening: Listening) -> None:
        """The nonce of a question stands in its query, which is signed."""
        made = request(listening.network, QUESTION, method="GET")
        other = request(listening.network, QUESTION.replace("00", "01", 1), method="GET")
        other.headers.update(made.headers)
        arrived = await listening.send(other)
        assert (arrived.status, arrived.body) == (401, b"bad_signature")

    async def test_a_request_made_for_another_host_is_refused(self, listening: Listening) -> None:
        """What was sent to one member cannot be played to another."""
        made = request(listening.network)
        arrived = await listening.calls.send(made, HEAD + SEALED, host="fr-pdc.example:8441")
        assert (arrived.status, arrived.body) == (421, b"wrong_authority")
        assert nothing_happened(listening)

    async def test_a_host_that_was_not_signed_is_refused(self, listening: Listening) -> None:
        """The caller names our host, but signed for another."""
        port = listening.calls.port
        listening.network.move(EOKM, port + 1 if port < 65535 else port - 1)
        made = request(listening.network)
        listening.network.move(EOKM, port)
        assert (await listening.send(made)).status == 401

    async def test_less_than_everything_signed_is_nothing_signed(
        self, listening: Listening
    ) -> None:
        """A valid signature over less would leave the rest to whoever is in between."""
        made = request(listening.network, QUESTION, method="GET")
        pushed = request(listening.network)
        pushed.headers["Signature"] = made.headers["Signature"]
        pushed.headers["Signature-Input"] = made.headers["Signature-Input"]
        assert (await listening.send(pushed)).status == 401

    async def test_a_channel_of_somebody_else_is_refused(self, listening: Listening) -> None:
        """A member pushes on its own channels."""
        made = request(listening.network, PUSH_PATH.replace(IWF, ECO))
        assert await listening.told(made) == (403, "foreign_channel")
        assert nothing_happened(listening)


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
