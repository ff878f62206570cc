"""The client against listeners that are not what they should be: nothing they say counts."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest
from multidict import CIMultiDict

from keys.signing import SigningKey
from node.peer import wire
from node.peer.client import HttpTransport
from node.peer.errors import (
    BadAnswerError,
    CallError,
    ClocksDifferError,
    NotCallableError,
    PeerRefusedError,
    PeerTimeoutError,
    PeerUnreachableError,
    UnheardAnswerKeyError,
    UnsignedAnswerError,
    WrongTlsKeyError,
)
from node.peer.pins import server_context
from node.peer.signatures import HttpRequest
from protocol import answers
from protocol.answers import Answer, AnswerCode
from protocol.vocabulary import Lane
from tests.builders.network import NOW_MS
from tests.node.peer.kit import (
    ECO,
    EOKM,
    HEAD,
    LATER,
    NONCE,
    PUSH_PATH,
    RECEIPT,
    SEALED,
    Answering,
    Impostor,
    Network,
    Pretend,
    digest_field,
    read_request,
    response_bytes,
    signed_response,
    transport,
)

Writes = Callable[[HttpRequest], bytes]


def writes(give: Writes) -> Answering:
    """Answer each request with bytes."""

    async def answer(made: HttpRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(give(made))

    return answer


async def push(client: HttpTransport) -> tuple[int, bytes]:
    """Push to `nl-eokm`."""
    return await client.push(EOKM, PUSH_PATH, HEAD, SEALED)


class TestTls:
    """Only a key that the registry pins is spoken to."""

    async def test_another_key_never_sees_the_request(
        self, pretend: Pretend, client: HttpTransport
    ) -> None:
        """Whoever took over an address learns nothing, not even a path."""
        impostor: Impostor = await pretend(writes(lambda _: b""), ECO)
        with pytest.raises(WrongTlsKeyError):
            await push(client)
        assert impostor.seen == []

    async def test_a_key_that_is_pinned_no_more_is_not_spoken_to(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """Not even on a connection that was good before."""
        impostor: Impostor = await pretend(writes(lambda made: signed_response(network, made)))
        await push(client)
        document = replace(network.registry.member(EOKM), tls=(bytes(32),))
        members = {**network.registry.members, EOKM: document}
        network.registry = replace(network.registry, members=members)
        with pytest.raises(WrongTlsKeyError):
            await push(client)
        assert len(impostor.seen) == 1

    async def test_a_member_without_pins_is_not_spoken_to(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """No pin means nobody, not anybody."""
        impostor: Impostor = await pretend(writes(lambda _: b""))
        document = replace(network.registry.member(EOKM), tls=())
        members = {**network.registry.members, EOKM: document}
        network.registry = replace(network.registry, members=members)
        with pytest.raises(WrongTlsKeyError):
            await push(client)
        assert impostor.seen == []

    async def test_older_tls_is_not_spoken(self, network: Network, client: HttpTransport) -> None:
        """The right key in TLS 1.2 is not reached."""
        context = server_context(network.keys[EOKM].tls)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2

        async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
        network.move(EOKM, server.sockets[0].getsockname()[1])
        with pytest.raises(PeerUnreachableError):
            await push(client)
        server.close()

    async def test_plain_text_is_not_spoken(self, network: Network, client: HttpTransport) -> None:
        """A listener without TLS is not reached."""

        async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        network.move(EOKM, server.sockets[0].getsockname()[1])
        with pytest.raises(PeerUnreachableError):
            await push(client)
        server.close()


async def refused_with(pretend: Pretend, client: HttpTransport, give: Writes) -> CallError:
    """Push to somebody who answers so; give the error that comes of it."""
    await pretend(writes(give))
    with pytest.raises(CallError) as caught:
        await push(client)
    return caught.value


class TestUnsigned:
    """What is not signed is a middlebox's word, whatever its status."""

    @pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 413, 502])
    async def test_no_status_counts(
        self, pretend: Pretend, client: HttpTransport, status: int
    ) -> None:
        """Not even a receipt inside of it."""
        headers = CIMultiDict(
            {"Content-Type": wire.RECEIPT_TYPE, "Location": "https://elsewhere.example/"}
        )
        error = await refused_with(
            pretend, client, lambda _: response_bytes(status, headers, RECEIPT)
        )
        assert type(error) is UnsignedAnswerError
        assert error.retryable

    async def test_a_redirect_is_not_followed(
        self, pretend: Pretend, client: HttpTransport
    ) -> None:
        """One request, to where the registry said."""
        headers = CIMultiDict({"Location": PUSH_PATH})
        impostor: Impostor = await pretend(writes(lambda _: response_bytes(307, headers, b"")))
        with pytest.raises(UnsignedAnswerError):
            await push(client)
        assert len(impostor.seen) == 1

    async def test_an_unsigned_page_is_not_even_read(
        self, pretend: Pretend, client: HttpTransport
    ) -> None:
        """It may be as long as it likes."""

        def page(_: HttpRequest) -> bytes:
            return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 999999999\r\n\r\nSorry"

        assert type(await refused_with(pretend, client, page)) is UnsignedAnswerError


class TestWronglySigned:
    """A signature counts for one peer, one request, one body."""

    async def test_an_answer_to_another_request_does_not_count(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """A receipt that was kept from before, played again."""
        kept: list[bytes] = []

        def first_again(made: HttpRequest) -> bytes:
            kept.append(signed_response(network, made))
            return kept[0]

        await pretend(writes(first_again))
        assert await push(client) == (200, RECEIPT)
        with pytest.raises(BadAnswerError):
            await push(client)

    async def test_another_members_signature_does_not_count(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """Though its key is good."""

        def by_eco(made: HttpRequest) -> bytes:
            return signed_response(network, made, signer=ECO)

        assert type(await refused_with(pretend, client, by_eco)) is BadAnswerError

    async def test_another_members_key_under_the_peers_name_does_not_count(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """A key belongs to one member."""

        def by_eco(made: HttpRequest) -> bytes:
            return signed_response(network, made, key=network.keys[ECO].transport)

        assert type(await refused_with(pretend, client, by_eco)) is UnheardAnswerKeyError

    async def test_a_key_we_never_heard_of_asks_for_a_newer_registry(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """It may be the peer's next one."""
        new = SigningKey.generate(hybrid=False)

        def by_new(made: HttpRequest) -> bytes:
            return signed_response(network, made, key=new)

        error = await refused_with(pretend, client, by_new)
        assert type(error) is UnheardAnswerKeyError
        assert error.refresh

    async def test_our_own_request_is_no_answer(
        self, pretend: Pretend, client: HttpTransport
    ) -> None:
        """What is signed for one direction does not count in the other."""

        def echo(made: HttpRequest) -> bytes:
            headers = CIMultiDict(
                {
                    "Content-Type": wire.RECEIPT_TYPE,
                    "Content-Digest": digest_field(RECEIPT),
                    "Signature": made.headers["Signature"],
                    "Signature-Input": made.headers["Signature-Input"],
                }
            )
            return response_bytes(200, headers, RECEIPT)

        assert type(await refused_with(pretend, client, echo)) is BadAnswerError

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"HTTP/1.1 200", b"HTTP/1.1 201"),
            (wire.RECEIPT_TYPE.encode(), wire.ANSWER_TYPE.encode()),
            (RECEIPT, b"A receipt\n"),
            (b"sha-256=:", b"sha-512=:"),
            (b"tag=", b"gat="),
        ],
        ids=["status", "type", "body", "digest", "parameters"],
    )
    async def test_a_changed_answer_does_not_count(
        self, pretend: Pretend, network: Network, client: HttpTransport, old: bytes, new: bytes
    ) -> None:
        """Status, type and body are signed."""

        def changed(made: HttpRequest) -> bytes:
            return signed_response(network, made).replace(old, new)

        assert type(await refused_with(pretend, client, changed)) is BadAnswerError


class TestWrongInKind:
    """Signed, but not what was asked for."""

    async def test_200_without_a_receipt_does_not_count(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """A status means nothing."""

        def answer(made: HttpRequest) -> bytes:
            return signed_response(
                network, made, 200, answers.to_bytes(LATER), media_type=wire.ANSWER_TYPE
            )

        assert type(await refused_with(pretend, client, answer)) is BadAnswerError

    async def test_a_receipt_with_another_status_does_not_count(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """Delivery reads the one by the other."""

        def answer(made: HttpRequest) -> bytes:
            return signed_response(network, made, 409)

        assert type(await refused_with(pretend, client, answer)) is BadAnswerError

    async def test_a_question_is_not_answered_by_a_receipt(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """Only by an answer."""
        await pretend(writes(lambda made: signed_response(network, made)))
        with pytest.raises(BadAnswerError):
            await client.ask(EOKM, Lane.REPORTS, NONCE)

    async def test_an_answer_of_any_status_answers_a_question(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """What it says stands in it."""
        said = answers.to_bytes(Answer(1, AnswerCode.STOPPED, None, NONCE))

        def answer(made: HttpRequest) -> bytes:
            return signed_response(network, made, 423, said, media_type=wire.ANSWER_TYPE)

        await pretend(writes(answer))
        assert await client.ask(EOKM, Lane.REPORTS, NONCE) == (423, said)

    async def test_a_hello_that_is_none_does_not_count(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """Garbage of the right peer is garbage."""

        def answer(made: HttpRequest) -> bytes:
            return signed_response(network, made, 200, b"{", media_type=wire.HELLO_TYPE)

        await pretend(writes(answer))
        with pytest.raises(BadAnswerError):
            await client.hello(EOKM)

    async def test_a_compressed_answer_does_not_count(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """Nothing is decompressed here."""

        def answer(made: HttpRequest) -> bytes:
            made_up = signed_response(network, made)
            return made_up.replace(b"Content-Type", b"Content-Encoding: gzip\r\nContent-Type")

        assert type(await refused_with(pretend, client, answer)) is BadAnswerError


class TestRefusals:
    """What the peer refuses before judging a push."""

    async def test_its_code_is_told(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """And the push may be tried again."""

        def refuse(made: HttpRequest) -> bytes:
            return signed_response(
                network, made, 400, b"altered_body", media_type=wire.REFUSAL_TYPE
            )

        error = await refused_with(pretend, client, refuse)
        assert isinstance(error, PeerRefusedError)
        assert (error.reason, error.retryable) == ("altered_body", True)

    async def test_wrong_clocks_are_told_with_their_difference(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """The peer's time stands in its signature."""

        def refuse(made: HttpRequest) -> bytes:
            return signed_response(
                network,
                made,
                401,
                b"stale_request",
                media_type=wire.REFUSAL_TYPE,
                created_ms=NOW_MS - 3_600_000,
            )

        error = await refused_with(pretend, client, refuse)
        assert isinstance(error, ClocksDifferError)
        assert error.ahead_ms == 3_600_000

    @pytest.mark.parametrize("body", [b"", b"https://a.example/", b"Stale", b"a" * 49, b"a__b"])
    async def test_other_words_are_not_repeated(
        self, pretend: Pretend, network: Network, client: HttpTransport, body: bytes
    ) -> None:
        """Nothing that a peer makes up reaches a log."""

        def refuse(made: HttpRequest) -> bytes:
            return signed_response(network, made, 400, body, media_type=wire.REFUSAL_TYPE)

        assert type(await refused_with(pretend, client, refuse)) is BadAnswerError


class TestWithoutEnd:
    """Answers are bounded in length and time."""

    async def test_a_long_answer_is_cut_off(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """Longer than anything the protocol has."""
        long = b"x" * (wire.MAX_REPLY_BYTES + 1)

        def answer(made: HttpRequest) -> bytes:
            return signed_response(network, made, body=long)

        assert type(await refused_with(pretend, client, answer)) is BadAnswerError

    async def test_an_endless_answer_is_cut_off(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """Without a length, chunk after chunk."""

        async def endless(made: HttpRequest, writer: asyncio.StreamWriter) -> None:
            head, _, _ = signed_response(network, made).partition(b"\r\n\r\n")
            chunked = head.replace(b"Content-Length: 10", b"Transfer-Encoding: chunked")
            writer.write(chunked + b"\r\n\r\n")
            while True:
                writer.write(b"1000\r\n" + bytes(4096) + b"\r\n")
                await writer.drain()

        await pretend(endless)
        with pytest.raises(BadAnswerError):
            await push(client)

    async def test_endless_headers_are_cut_off(
        self, pretend: Pretend, client: HttpTransport
    ) -> None:
        """One field larger than any of ours."""

        def answer(_: HttpRequest) -> bytes:
            return b"HTTP/1.1 200 OK\r\nX-Filling: " + b"x" * 100_000

        assert type(await refused_with(pretend, client, answer)) is BadAnswerError

    @pytest.mark.parametrize("sent", [0, 30, 400])
    async def test_silence_is_given_up(self, pretend: Pretend, network: Network, sent: int) -> None:
        """Before the answer, within its headers, within its body."""
        over = asyncio.Event()

        async def stall(made: HttpRequest, writer: asyncio.StreamWriter) -> None:
            whole = signed_response(network, made, body=b"x" * 1000)
            writer.write(whole[:sent])
            await over.wait()

        await pretend(stall)
        client = transport(network, silence_s=0.05)
        with pytest.raises(PeerTimeoutError):
            await push(client)
        over.set()
        await client.close()

    async def test_a_steady_drip_is_given_up(self, pretend: Pretend, network: Network) -> None:
        """Never silent, never done: the whole has a bound too."""

        async def drip(made: HttpRequest, writer: asyncio.StreamWriter) -> None:
            head, _, _ = signed_response(network, made).partition(b"\r\n\r\n")
            writer.write(head.replace(b"Content-Length: 10", b"Content-Length: 99999999999"))
            writer.write(b"\r\n\r\n")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0)

        await pretend(drip)
        client = transport(network, total_s=0.2, reply_bytes=1 << 40)
        with pytest.raises(PeerTimeoutError):
            await push(client)
        await client.close()

    async def test_a_handshake_that_does_not_end_is_given_up(self, network: Network) -> None:
        """A listener that accepts and says nothing."""
        over = asyncio.Event()

        async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await over.wait()
            writer.close()

        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        network.move(EOKM, server.sockets[0].getsockname()[1])
        client = transport(network, connect_s=0.05)
        with pytest.raises(PeerTimeoutError):
            await push(client)
        over.set()
        server.close()
        await client.close()


class TestBroken:
    """Nothing, half of something, or noise."""

    @pytest.mark.parametrize(
        "sent", [b"\0\1\2garbage\r\n\r\n", b"SSH-2.0-server\r\n", b"HTTP/9.9 200\r\n\r\n"]
    )
    async def test_noise_is_no_answer(
        self, pretend: Pretend, client: HttpTransport, sent: bytes
    ) -> None:
        """It has changed nothing; the push is tried again."""
        error = await refused_with(pretend, client, lambda _: sent)
        assert type(error) in (BadAnswerError, UnsignedAnswerError)

    async def test_hanging_up_is_no_answer(self, pretend: Pretend, client: HttpTransport) -> None:
        """Before a byte came."""
        assert type(await refused_with(pretend, client, lambda _: b"")) is PeerUnreachableError

    async def test_half_an_answer_is_none(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """The connection broke within the body."""

        def half(made: HttpRequest) -> bytes:
            return signed_response(network, made, body=b"x" * 1000)[:-1]

        assert type(await refused_with(pretend, client, half)) is PeerUnreachableError

    async def test_nobody_there_is_unreachable(
        self, pretend: Pretend, client: HttpTransport
    ) -> None:
        """Its node is down."""
        impostor: Impostor = await pretend(writes(lambda _: b""))
        await impostor.stop()
        with pytest.raises(PeerUnreachableError):
            await push(client)


class TestNotCalled:
    """Whom the registry does not let us call is not called."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda network: network.suspend(EOKM),
            lambda network: network.remove(EOKM),
            lambda network: network.move(EOKM, 1, reachable=False),
        ],
        ids=["suspended", "removed", "not reachable"],
    )
    async def test_it_is_not_called(
        self,
        pretend: Pretend,
        network: Network,
        client: HttpTransport,
        change: Callable[[Network], None],
    ) -> None:
        """Nothing is sent to it."""
        impostor: Impostor = await pretend(writes(lambda made: signed_response(network, made)))
        change(network)
        with pytest.raises(NotCallableError):
            await push(client)
        assert impostor.seen == []


class TestWhatIsSent:
    """A request holds what the protocol needs, and nothing of who runs the node."""

    async def test_headers_are_few(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """No name of software, no cookie, although one was set."""
        cookie = b"HTTP/1.1 200 X\r\nSet-Cookie: a=b"

        def answer(made: HttpRequest) -> bytes:
            return signed_response(network, made).replace(b"HTTP/1.1 200 X", cookie)

        impostor: Impostor = await pretend(writes(answer))
        await push(client)
        await push(client)
        assert {name.title() for name in impostor.seen[1].headers} == {
            "Host",
            "Content-Digest",
            "Content-Type",
            "Content-Length",
            "Signature-Input",
            "Signature",
        }

    async def test_each_request_has_its_own_nonce(
        self, pretend: Pretend, network: Network, client: HttpTransport
    ) -> None:
        """The same push twice is two requests."""
        impostor: Impostor = await pretend(writes(lambda made: signed_response(network, made)))
        await push(client)
        await push(client)
        first, second = impostor.seen
        assert first.headers["Signature-Input"] != second.headers["Signature-Input"]
        assert first.headers["Content-Digest"] == second.headers["Content-Digest"]

    async def test_connections_are_used_again(
        self, network: Network, client: HttpTransport
    ) -> None:
        """One handshake for many pushes."""
        opened: list[bool] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            opened.append(True)
            try:
                while True:
                    writer.write(signed_response(network, await read_request(reader)))
            except asyncio.IncompleteReadError:
                writer.close()

        context = server_context(network.keys[EOKM].tls)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        network.move(EOKM, server.sockets[0].getsockname()[1])
        for _ in range(3):
            await push(client)
        assert len(opened) == 1
        server.close()
