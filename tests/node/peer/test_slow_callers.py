"""Callers that take their time, or come in crowds (G11): cut off, others are served meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from node.peer.http.bodies import Patience
from node.peer.http.door import PLACES_REMEMBERED, Connections, Door, place_of
from tests.node.peer.kit import RECEIPT, Listening, Serve, request

NOW_MS = 1_000_000
LARGE = bytes(16 << 20)
"""More than kernels hold for a caller that does not read."""


async def ends(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end of a connection."""
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except OSError:
            return b""


async def served(listening: Listening, number: int) -> bool:
    """Whether an honest caller gets its receipt."""
    made = request(listening.network, nonce=number.to_bytes(16, "big"))
    try:
        return (await listening.send(made)).body == RECEIPT
    except (OSError, asyncio.IncompleteReadError):
        return False


class TestSlowness:
    """Nobody holds a connection by doing little."""

    async def test_g11_slow_headers_are_cut_off(self, serve: Serve) -> None:
        """A request line without an end; others are served meanwhile."""
        listening = await serve(patience=Patience(headers_s=0.05))
        reader, writer = await listening.calls.open()
        writer.write(b"PUT /hx1/channels/")
        assert await served(listening, 1)
        assert await ends(reader) == b""
        writer.close()

    async def test_g11_silent_connection_is_cut_off(self, serve: Serve) -> None:
        """Not a byte after the handshake."""
        listening = await serve(patience=Patience(headers_s=0.05))
        reader, writer = await listening.calls.open()
        assert await ends(reader) == b""
        writer.close()

    async def test_g11_caller_that_asks_and_does_not_read_is_cut_off(self, serve: Serve) -> None:
        """Its answers are not held in memory without end, and its place is free again."""

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=LARGE)

        listening = await serve(
            connections=Connections(per_place=1, new_at_once=10_000, answer_s=0.05),
            extra_routes=(web.get("/registry/v1/large", answer),),
        )
        reader, writer = await listening.calls.open()
        writer.write(b"GET /registry/v1/large HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        number = 1
        async with asyncio.timeout(30):
            while not await served(listening, number):
                number += 1
        assert len(await ends(reader)) < 3 * len(LARGE)
        writer.close()


class TestCrowds:
    """Connections are counted before a byte of TLS."""

    async def test_g11_unfinished_handshakes_are_counted(self, serve: Serve) -> None:
        """Whoever does not begin TLS takes a place too, its own: the next is hung up on."""
        listening = await serve(connections=Connections(per_place=1))
        first, holding = await asyncio.open_connection("127.0.0.1", listening.calls.port)
        second, turned_away = await asyncio.open_connection("127.0.0.1", listening.calls.port)
        assert await ends(second) == b""
        assert not first.at_eof()
        for writer in (holding, turned_away):
            writer.close()

    async def test_g11_connection_flood_is_hung_up_on(self, serve: Serve) -> None:
        """A place may open so many at once; the third has to wait."""
        listening = await serve(connections=Connections(new_at_once=2, new_per_s=0.001))
        assert [await served(listening, number) for number in range(3)] == [True, True, False]

    async def test_a_broken_handshake_gives_its_place_back(self, serve: Serve) -> None:
        """Garbage in the place of TLS."""
        listening = await serve(connections=Connections(per_place=1))
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.calls.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 100)
        await ends(reader)
        writer.close()
        number = 1
        async with asyncio.timeout(10):
            while not await served(listening, number):
                number += 1


class TestDoor:
    """Who counts as one caller, and for how long."""

    def test_one_place_cannot_fill_the_house(self) -> None:
        """Another is let in."""
        door = Door(Connections(most=3, per_place=2))
        assert door.enter("192.0.2.1", NOW_MS)
        assert door.enter("192.0.2.1", NOW_MS)
        assert door.enter("192.0.2.1", NOW_MS) is None
        assert door.enter("192.0.2.2", NOW_MS)

    def test_who_keeps_more_may_open_more(self) -> None:
        """A forwarder of many peers opens its share at once, and all of it anew in six seconds."""
        door = Door(Connections.sized(128))
        leave = [door.enter("192.0.2.1", NOW_MS) for _ in range(129)]
        assert leave.count(None) == 1
        for each in filter(None, leave):
            each()
        assert door.enter("192.0.2.1", NOW_MS) is None
        assert sum(door.enter("192.0.2.1", NOW_MS + 1000) is not None for _ in range(30)) == 20

    def test_the_house_is_full_for_everybody(self) -> None:
        """The bound of all holds too."""
        door = Door(Connections(most=1))
        assert door.enter("192.0.2.1", NOW_MS)
        assert door.enter("192.0.2.2", NOW_MS) is None

    def test_a_place_is_given_back_once(self) -> None:
        """However often its end is told."""
        door = Door(Connections(per_place=2))
        leave = door.enter("192.0.2.1", NOW_MS)
        door.enter("192.0.2.1", NOW_MS)
        assert leave is not None
        leave()
        leave()
        assert door.enter("192.0.2.1", NOW_MS)
        assert door.enter("192.0.2.1", NOW_MS) is None

    def test_places_are_not_remembered_without_end(self) -> None:
        """Whoever owns many networks costs no memory."""
        door = Door(Connections(most=1))
        for number in range(2 * PLACES_REMEMBERED):
            door.enter(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1", NOW_MS)
        assert len(door._opened) <= PLACES_REMEMBERED

    @pytest.mark.parametrize(
        ("address", "place"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8::ffff:1", "2001:db8::/64"),
            ("fe80::1%eth0", "fe80::/64"),
        ],
    )
    def test_a_network_of_ipv6_is_one_place(self, address: str, place: str) -> None:
        """Its owner has 2^64 addresses."""
        assert place_of(address) == place
