"""The client against listeners that are not what they should be: nothing they say counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from node.peer.errors import (
    BadAnswerError,
    CallError,
    ClocksDifferError,
    NotCallableError,
    PeerRefusedError,
    PeerUnreachableError,
    WrongTlsKeyError,
)
from node.peer.http import wire
from node.peer.http.client import HttpTransport
from node.peer.http.pins import server_context
from node.peer.http.signatures import HttpRequest
from protocol import answers
from protocol.answers import Answer, AnswerCode
from protocol.vocabulary import Lane
from tests.builders.network import NOW_MS
from tests.node.peer.kit import (
    ECO,
    EOKM,
    LATER,
    NONCE,
    Impostor,
    Network,
    Pretend,
    push,
    read_request,
    refused_with,
    signed_response,
    writes,
)


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

    @pytest.mark.parametrize(
        "said", [b"{", b"\xff", b'{"a":' * 1500], ids=["cut off", "not UTF-8", "too deep"]
    )
    async def test_a_hello_that_is_none_does_not_count(
        self, pretend: Pretend, network: Network, client: HttpTransport, said: bytes
    ) -> None:
        """Garbage of the right peer is garbage, and ends no `doctor`."""

        def answer(made: HttpRequest) -> bytes:
            return signed_response(network, made, 200, said, media_type=wire.HELLO_TYPE)

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


@pytest.mark.parametrize(
    "host", ["a..b", "[f:::f]", "[192.0.2.1]", "xn--0.example", "a" * 64 + ".example"]
)
async def test_g11_an_endpoint_that_no_resolver_takes_is_a_call_that_failed(
    network: Network, client: HttpTransport, host: str
) -> None:
    """Not an error that nobody expects, which ended every loop that came to this member."""
    network.move(EOKM, 443, host=host)
    with pytest.raises(CallError):
        await push(client)


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
        network.move(EOKM, impostor.port, host="localhost")
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
