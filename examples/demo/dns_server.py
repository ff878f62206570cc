"""A small name server for the synthetic world, on loopback, UDP and TCP.

It answers A, AAAA and CNAME from a zone file (JSON) the way a recursive resolver would: with the
whole CNAME chain, NXDOMAIN for names that do not exist, "no data" for types that do not. The file
is read again whenever it changes, so a site moves by replacing the file::

    mv zone.after.json zone.json

The zone file maps names (A-labels, no trailing dot) to records::

    {"shop.example": [{"type": "A", "ttl": 5, "data": "192.0.2.7"}],
     "cdn.example":  [{"type": "CNAME", "ttl": 60, "data": "edge.example"}],
     "ill.example":  [{"type": "SERVFAIL"}],
     "mute.example": [{"type": "DROP"}]}

`SERVFAIL` and `DROP` (no answer at all) let a test see failures. Nothing here knows the node.

    python examples/demo/dns_server.py --zone DIR/zone.json --port 5353
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import struct
from collections import Counter
from pathlib import Path
from typing import TypedDict, cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

MAX_CHAIN = 8
RECEIVE_BYTES = 1 << 20
_SOA = "ns.example. hostmaster.example. 1 3600 600 86400 60"


class Record(TypedDict, total=False):
    """One record of the zone file."""

    type: str
    ttl: int
    data: str


Zone = dict[str, list[Record]]


class ZoneServer:
    """Serves one zone file on `host`:`port`; port 0 takes a free one, then see `port`."""

    def __init__(self, zone: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self._path = zone
        self._host = host
        self.port = port
        self.asked: Counter[tuple[str, str]] = Counter()
        self._seen: tuple[int, int, int] | None = None
        self._zone: Zone = {}
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self) -> None:
        """Bind UDP and TCP on the same port."""
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._stream, self._host, self.port)
        self.port = self._tcp.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Udp(self), local_addr=(self._host, self.port)
        )
        # Several nodes ask for hundreds of names at once; what does not fit is dropped.
        self._udp.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES
        )

    async def stop(self) -> None:
        """Close both sockets."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()

    def answer(self, wire: bytes, limit: int | None) -> bytes | None:
        """Return the answer to one question; None for no answer. `limit` is UDP's in bytes."""
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return None
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        response = dns.message.make_response(query, recursion_available=True)
        if not self._fill(response, name, kind):
            return None
        size = 65535 if limit is None else max(512, query.payload or 512)
        try:
            return response.to_wire(max_size=size)
        except dns.exception.TooBig:
            short = dns.message.make_response(query, recursion_available=True)
            short.flags |= dns.flags.TC
            return short.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> bool:
        """Follow the chain from `name` into `response`; False to stay silent."""
        zone = self._current()
        for _ in range(MAX_CHAIN):
            records = zone.get(name)
            if records is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                break
            kinds = {record["type"] for record in records}
            if "DROP" in kinds:
                return False
            if "SERVFAIL" in kinds:
                response.set_rcode(dns.rcode.SERVFAIL)
                response.answer.clear()
                return True
            wanted = "CNAME" if "CNAME" in kinds else kind
            _add(response, name, wanted, [r for r in records if r["type"] == wanted])
            if wanted == kind or "CNAME" not in kinds:
                break
            name = next(r["data"] for r in records if r["type"] == "CNAME")
        if not any(rrset.rdtype == dns.rdatatype.from_text(kind) for rrset in response.answer):
            response.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", _SOA))
        return True

    def _current(self) -> Zone:
        stat = self._path.stat()
        seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if seen != self._seen:
            self._zone = json.loads(self._path.read_text(encoding="utf-8"))
            self._seen = seen
        return self._zone

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                answer = self.answer(await reader.readexactly(length), None)
                if answer is not None:
                    writer.write(struct.pack("!H", len(answer)) + answer)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: ZoneServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, 512)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def _add(response: dns.message.Message, name: str, kind: str, records: list[Record]) -> None:
    if records:
        dot = "." if kind == "CNAME" else ""
        data = [record["data"] + dot for record in records]
        ttl = min(record["ttl"] for record in records)
        response.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", kind, *data))


async def serve(zone: Path, host: str, port: int) -> None:
    """Serve until cancelled; prints the address once it listens."""
    server = ZoneServer(zone, host, port)
    await server.start()
    print(f"dns: {host}:{server.port}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


def main() -> None:
    """Run the server from the command line."""
    parser = argparse.ArgumentParser(description="Name server for the synthetic world")
    parser.add_argument("--zone", type=Path, required=True, help="zone file, JSON")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5353, help="0 takes a free one")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.zone, options.host, options.port))


if __name__ == "__main__":
    main()
