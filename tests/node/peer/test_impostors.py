"""The client against middleboxes, impostors, silence and noise: nothing they say counts."""

from __future__ import annotations

import asyncio

import pytest
from multidict import CIMultiDict

from keys.signing import SigningKey
from node.peer.errors import (
    BadAnswerError,
    PeerTimeoutError,
    PeerUnreachableError,
    UnheardAnswerKeyError,
    UnsignedAnswerError,
)
from node.peer.http import wire
from node.peer.http.client import HttpTransport
from node.peer.http.signatures import HttpRequest
from tests.node.peer.kit import (
    ECO,
    EOKM,
    PUSH_PATH,
    RECEIPT,
    Impostor,
    Network,
    Pretend,
    digest_field,
    push,
    refused_with,
    response_bytes,
    signed_response,
    transport,
    writes,
)


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
        async with asyncio.timeout(5):
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
